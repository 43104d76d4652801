"""``callboard catalog import``: a spreadsheet into the catalog, on a local store or a server, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Mapping, Optional, Sequence

import typer

from callboard.cli.commands import Config, Data, Json, Token, Url, run_async
from callboard.cli.output import OK, PROBLEMS, Progress, print_json
from callboard.cli.store import Target
from callboard.kernel.errors import InputError

if TYPE_CHECKING:
    from callboard.cli.importing_door import ImportDoor

SHOWN = 20
"""Lines of one sort that are printed; --json has all."""
_DEFAULTS = ("owner", "kind", "namespace", "type", "lifecycle", "repository_host")


def import_sheet(
    file: Annotated[Optional[Path], typer.Argument(help="CSV, TSV, XLSX, ODS or XLS.")] = None,
    sheet: Annotated[Optional[str], typer.Option(help="Tab to read; the one with the most rows by default.")] = None,
    map: Annotated[
        Optional[list[str]], typer.Option("--map", help="column=role or column=role:key, where the guess is wrong. Repeat.")
    ] = None,
    owner: Annotated[Optional[str], typer.Option(help="Owner where a row names none (a ref).")] = None,
    kind: Annotated[Optional[str], typer.Option(help="Kind where a row names none; Component by default.")] = None,
    namespace: Annotated[Optional[str], typer.Option(help="Namespace where a row names none.")] = None,
    type: Annotated[Optional[str], typer.Option(help="Type where a row names none; service by default.")] = None,
    lifecycle: Annotated[Optional[str], typer.Option(help="Lifecycle where a row names none; production by default.")] = None,
    repository_host: Annotated[
        Optional[str], typer.Option(help="What turns slugs into addresses: https://github.com/acme.")
    ] = None,
    source: Annotated[
        Optional[str], typer.Option(help="Which earlier sheet this is the next version of (sheet:repos), or new.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep entities that the sheet gave before and names no more.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen, with every row.")] = False,
    undo: Annotated[Optional[str], typer.Option(help="Put back what stood before the import with this id.")] = None,
    data: Data = Path("callboard-data"), config: Config = None, url: Url = None, token: Token = None, json: Json = False,
) -> None:  # fmt: skip
    """Bring a spreadsheet in. Exit status 1 when rows were left out; which, and why, is printed."""
    target = Target.of(data, config, url, token)
    defaults = dict(zip(_DEFAULTS, (owner, kind, namespace, type, lifecycle, repository_host), strict=True))

    async def work() -> int:
        from callboard.cli.importing_door import open_imports

        if undo is not None:
            async with open_imports(target) as imports:
                record = await imports.undo(undo)
            print_json({"import": record}) if json else print(
                f"Undone: the catalog is as it was before {record['filename']}."
            )
            return OK
        if file is None:
            raise InputError("Name the file to import, or --undo with the id of an import.", field="FILE")
        try:
            content = file.read_bytes()
        except OSError as error:
            raise InputError(f"{file} cannot be read: {error.strerror or error}.", field="FILE") from None
        async with open_imports(target) as imports:
            record = await imports.upload(content, file.name)
            try:
                proposal = await imports.propose(record["id"], sheet)
                mapping = _mapping(proposal, _overrides(map), defaults)
                await imports.choose(record["id"], proposal["sheet"], mapping, source)
                return await _go_on(imports, record["id"], dry_run=dry_run, keep=keep, json=json)
            except BaseException:
                await _discard(imports, record["id"])  # a draft that failed is of no use to anybody
                raise

    run_async(work, as_json=json)


async def _go_on(imports: ImportDoor, id: str, *, dry_run: bool, keep: bool, json: bool) -> int:
    from callboard.cli.importing_door import all_planned

    with Progress("planned", quiet=json) as progress:
        record = await imports.plan(id, progress.tell)
    _require(record, "planned")
    summary = await imports.summary(id)
    left_out = [*await all_planned(imports, id, "conflict"), *await all_planned(imports, id, "rejected")]
    answer: dict[str, Any] = {"summary": summary, "leftOut": left_out}
    if dry_run:
        answer["entities"] = await all_planned(imports, id) if json else []
        await imports.discard(id)
    else:
        record = await imports.apply(id, summary["digest"], "keep" if keep else "remove")
        _require(record, "applied")
    if json:
        print_json({"import": record, "isDryRun": dry_run, **answer})
    else:
        _print(record, summary, left_out, dry_run=dry_run, keep=keep)
    return PROBLEMS if left_out else OK


async def _discard(imports: ImportDoor, id: str) -> None:
    from callboard.kernel.errors import CallboardError

    try:
        await imports.discard(id)
    except CallboardError:
        pass  # it was applied, or is gone: what went wrong is told already


def _require(record: Mapping[str, Any], stage: str) -> None:
    if record["stage"] != stage:
        raise InputError(record["error"] or f"The import is {record['stage']}.")


def _overrides(given: Sequence[str] | None) -> dict[str, str]:
    found = {}
    for text in given or ():
        column, equals, role = text.rpartition("=")
        if not equals or not column.strip() or not role.strip():
            raise InputError(f"{text!r} is not column=role or column=role:key.", field="--map")
        found[column.strip()] = role.strip()
    return found


def _mapping(
    proposal: Mapping[str, Any], overrides: Mapping[str, str], defaults: Mapping[str, str | None]
) -> dict[str, Any]:
    """What was proposed, with what the command line says otherwise, as REST takes it."""
    from dataclasses import replace

    from callboard.features.importing.codec import mapping_of, to_wire
    from callboard.features.importing.mappings import override

    columns = [guess["mapping"]["column"] for guess in proposal["guesses"]]
    mapping = override(mapping_of(proposal["mapping"]), columns, overrides)
    said: dict[str, Any] = {name: value for name, value in defaults.items() if value is not None}
    mapping = replace(mapping, **said)
    wire: dict[str, Any] = to_wire(mapping)
    return wire


_WORDS: Mapping[str, tuple[str, str]] = {
    "create": ("created", "would be created"), "change": ("changed", "would be changed"), "unchanged": ("unchanged", "unchanged"),
    "conflict": ("left out: another source gives them", "left out: another source gives them"),
    "rejected": ("rejected", "rejected"),
}  # fmt: skip


def _print(
    record: Mapping[str, Any],
    summary: Mapping[str, Any],
    left_out: Sequence[Mapping[str, Any]],
    *,
    dry_run: bool,
    keep: bool,
) -> None:
    print(f"{record['filename']}, {record['sheet']}: {summary['rows']} rows")
    for action, count in summary["counts"].items():
        if count:
            print(f"  {count:>6} {_WORDS[action][dry_run]}")
    if summary["leaving"]:
        what = (
            "named no more, kept"
            if keep
            else "named no more, would be removed"
            if dry_run
            else "named no more, removed"
        )
        print(f"  {len(summary['leaving']):>6} {what}")
    new = [owner for owner in summary["owners"] if owner["isNew"]]
    if new:
        _print_some("Owners that are made:", [f"{owner['ref']}  ({owner['said']})" for owner in new])
    _print_some("Left out:", [f"row {_rows(one)}: {one['ref'] or 'no name'}: {one['reason']}" for one in left_out])
    _print_some("Rows that are no data:", [f"row {one['number']}: {one['reason']}" for one in summary["skipped"]])
    _print_some("Assumed:", summary["notes"])
    if not dry_run:
        print(f"Imported as {record['id']}. To undo it: callboard catalog import --undo {record['id']}")


def _rows(planned: Mapping[str, Any]) -> str:
    return ", ".join(str(row) for row in planned["rows"]) or "-"


def _print_some(heading: str, lines: Sequence[str]) -> None:
    if lines:
        print(heading)
        for line in lines[:SHOWN]:
            print(f"  {line}")
        if len(lines) > SHOWN:
            print(f"  and {len(lines) - SHOWN} more")
