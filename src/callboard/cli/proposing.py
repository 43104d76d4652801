"""``callboard catalog propose``: what a folder, a repository or an organisation holds, as proposals."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Mapping, Sequence

import typer

from callboard.cli.commands import Config, Data, Json, Token, Url, run_async
from callboard.cli.output import OK, PROBLEMS, Progress, print_json
from callboard.cli.store import Target
from callboard.kernel.errors import ConflictError, InputError, UnavailableError

if TYPE_CHECKING:
    from callboard.cli.proposing_door import ProposalDoor

FILE = "catalog-info.yaml"
SHOWN = 200
"""Proposals that are printed; --json has all."""
MAX_IDS = 500


def propose(
    target: Annotated[str, typer.Argument(help="A folder, or the address of a repository or of an organisation.")],
    accept: Annotated[bool, typer.Option("--accept", help="Accept all that are complete and sure or likely.")] = False,
    guesses: Annotated[bool, typer.Option("--guesses", help="With --accept: guesses, too.")] = False,
    write: Annotated[bool, typer.Option("--write", help=f"Write {FILE} into the folder, after showing it.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before writing.")] = False,
    force: Annotated[bool, typer.Option("--force", help=f"Write over a {FILE} that is there.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Also read what did not change.")] = False,
    data: Data = Path("callboard-data"), config: Config = None, url: Url = None, token: Token = None, json: Json = False,
) -> None:  # fmt: skip
    """Read what is there and put what could be entities into the queue; with --accept into the catalog.

    Exit status 1 when something could not be read or accepted; what, and why, is printed.
    """
    where = Target.of(data, config, url, token)

    async def work() -> int:
        from callboard.cli.proposing_door import all_proposals, open_proposals

        folder = None if "://" in target else Path(os.path.abspath(target))
        if write and folder is None:
            raise InputError(
                "--write needs a folder of this machine: there is nowhere to write to at an address.", field="--write"
            )
        if folder is not None and not folder.is_dir():
            raise InputError(f"There is no folder {folder}.", field="TARGET")
        async with open_proposals(where) as door:
            scan = await _scan(door, folder, target, again, is_far=where.url is not None, json=json)
            if scan["stage"] == "failed":
                raise UnavailableError(scan["error"])
            repository = scan["repositoryId"] or None
            found = await all_proposals(door, repository, None if repository else scan["id"])
            decisions = await _accept(door, found, guesses) if accept else []
            text = await _descriptor(door, found) if write else ""
        written = _write(folder, text, yes=yes, force=force, json=json) if write and folder is not None else ""
        if json:
            print_json({"scan": scan, "proposals": found, "decisions": decisions, "written": written or None})
        else:
            _print(scan, found, decisions, written, server=where.url)
        failed = scan["counts"].get("failed", 0) or any(one["outcome"] != "accepted" for one in decisions)
        return PROBLEMS if failed else OK

    run_async(work, as_json=json)


async def _scan(
    door: ProposalDoor, folder: Path | None, target: str, again: bool, *, is_far: bool, json: bool
) -> dict[str, Any]:
    if folder is not None and is_far:  # the server cannot see this machine: it is sent what would be read
        from callboard.features.proposals.sources.folder import read_folder

        tree, facts, _ = await asyncio.to_thread(read_folder, folder)
        return await door.scan_files(facts.name, tree.texts, tree.paths, facts.url)
    with Progress("looked at", quiet=json) as progress:
        return await door.scan(str(folder) if folder is not None else target, again, progress.tell)


async def _accept(door: ProposalDoor, found: Sequence[Mapping[str, Any]], guesses: bool) -> list[dict[str, Any]]:
    wanted = [
        one["id"]
        for one in found
        if one["state"] == "open" and not one["missing"] and (guesses or one["confidence"] != "guess")
    ]
    told: list[dict[str, Any]] = []
    for at in range(0, len(wanted), MAX_IDS):
        told += await door.accept(wanted[at : at + MAX_IDS])
    left = [one for one in found if one["state"] == "open" and one["missing"]]
    return told + [
        {"id": one["id"], "ref": one["ref"], "outcome": "refused", "message": f"it has no {', '.join(_short(path) for path in one['missing'])}"}
        for one in left
    ]  # fmt: skip


async def _descriptor(door: ProposalDoor, found: Sequence[Mapping[str, Any]]) -> str:
    wanted = [one["id"] for one in found if not one["isGone"]]
    if not wanted:
        raise InputError("Nothing was found that a catalog-info.yaml could say.", field="--write")
    return await door.descriptor(wanted[:MAX_IDS])


def _write(folder: Path, text: str, *, yes: bool, force: bool, json: bool) -> str:
    """The path written to; empty where somebody said no."""
    path = folder / FILE
    if path.is_symlink() or (path.exists() and not force):
        raise ConflictError(f"{path} is there already. --force writes over it.")
    if not json:
        print(f"# {path}")
        print(text)
    if not yes:
        if json or not sys.stdin.isatty():
            raise InputError("Nobody is there to ask: --yes writes without asking.", field="--write")
        if input(f"Write {path}? [y/N] ").strip().lower() not in ("y", "yes"):
            return ""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UnavailableError(f"{path} cannot be written: {error.strerror or error}.") from None
    return str(path)


_STATES: Mapping[str, str] = {"open": "", "accepted": "accepted", "ignored": "ignored"}


def _print(
    scan: Mapping[str, Any], found: Sequence[Mapping[str, Any]], decisions: Sequence[Mapping[str, Any]], written: str, *, server: str | None
) -> None:  # fmt: skip
    for one in found[:SHOWN]:
        fields = one["fields"]
        said = [f"{_short(path)} {fields[path]['value']}" for path in ("spec.type", "spec.owner") if path in fields]
        state = _STATES[one["state"]]
        print(f"{one['ref']}  ({', '.join([one['confidence'], *([state] if state else []), *said])})")
        for evidence in one["evidence"][:2]:
            place = (
                f"  {evidence['path']}:{evidence['line']}"
                if evidence["line"]
                else f"  {evidence['path']}"
                if evidence["path"]
                else ""
            )
            print(f"    {evidence['reason']}{place}")
        for path in one["missing"]:
            print(f"    needs {_short(path)}")
    if len(found) > SHOWN:
        print(f"and {len(found) - SHOWN} more")
    for repository, text in scan["notes"]:
        print(f"{repository}: {text}")
    accepted = [one for one in decisions if one["outcome"] == "accepted"]
    for one in decisions:
        if one["outcome"] != "accepted":
            print(f"not accepted: {one['ref']}: {one['message']}")
    counts = scan["counts"]
    print(
        f"{counts.get('repositories', 0)} looked at, {counts.get('unchanged', 0)} unchanged: {len(found)} proposals, {counts.get('new', 0)} of"
        f" them new, {len(accepted)} accepted now."
    )  # fmt: skip
    if written:
        print(f"Written: {written}. Register it with callboard catalog add.")
    waiting = sum(1 for one in found if one["state"] == "open") - len(accepted)
    if waiting > 0 and not written:
        print(
            f"{waiting} wait for a decision at {server.rstrip('/') if server else ''}/proposals, or accept them with --accept."
        )


def _short(path: str) -> str:
    return path.rpartition(".")[2]
