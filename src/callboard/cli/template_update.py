"""``callboard template update``: a repository that a template made, brought up to date with it, without a server."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, AsyncIterator, Mapping, Optional

import typer

from callboard.cli.commands import Config, Data, Json, run_async
from callboard.cli.output import OK, PROBLEMS, print_json
from callboard.cli.serve import DEFAULT_DATA
from callboard.cli.store import Target as Store
from callboard.cli.store import open_portal
from callboard.cli.template_run import _read_object
from callboard.kernel.errors import InputError

if TYPE_CHECKING:
    from callboard.features.scaffolder.interface import TemplateSource
    from callboard.features.scaffolder.updates.checkout import Checkout
    from callboard.features.scaffolder.updates.record_file import TemplateRecord
    from callboard.features.scaffolder.updates.rendering import TreeRenderer
    from callboard.features.scaffolder.updates.updating import Target, Update


def update(
    repo: Annotated[Path, typer.Option("--repo", help="Folder of the repository.")] = Path("."),
    template: Annotated[
        Optional[str],
        typer.Option("--template", help="Address or YAML file of the template; the recorded one otherwise."),
    ] = None,
    values: Annotated[
        Optional[Path],
        typer.Option("--values", help="JSON file of answers, over the recorded ones; - is standard input."),
    ] = None,
    before: Annotated[
        Optional[str], typer.Option("--from", help="Without a record: the template as it was, address or YAML file.")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Write the result into the folder.")] = False,
    branch: Annotated[
        Optional[str],
        typer.Option("--branch", help="Commit the result on this new branch; the files stay as they are."),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit status 1 when the repository is behind.")] = False,
    data: Data = DEFAULT_DATA,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Bring a repository up to date with the template that made it: show what would change, or do it.

    What people changed stays, what the template changed follows, clashes are marked as git marks them. The repository carries its
    record in .callboard/. Exit status 1 when something clashes.
    """

    async def work() -> int:
        from callboard.features.scaffolder.updates.checkout import Checkout

        if write and branch:
            raise InputError("--write and --branch are two ways to the same end: give one.", field="--branch")
        checkout = Checkout(repo)
        if branch and not checkout.is_git:
            raise InputError(f"{repo} is no git repository: --branch has nowhere to go.", field="--branch")
        record = _record(checkout, of_head=bool(branch))
        given = _read_object(values, "--values") if values is not None else {}
        where = template or (_from_record(record, checkout) if record is not None else None)
        if where is None:
            raise InputError(
                f"{repo} has no .callboard/template.json. Name the template, and the answers it was given (--values).",
                field="--template",
            )
        async with _opened([where, *([before] if before else [])], Store(data, tuple(config or ()))) as opened:
            target = await opened.read(where, checkout)
            if record is None:
                record = await _first_record(opened, target, given, before, checkout)
            ours = checkout.read_head() if branch else checkout.read(record.files)
            made = await opened.compute(record, target, ours, given)
        done = await asyncio.to_thread(_apply, checkout, made, ours, write=write, branch=branch)
        if as_json:
            print_json(_report(made, done))
        else:
            _print(made, done)
        return PROBLEMS if made.trees.clashes or (check and not made.trees.is_empty) else OK

    run_async(work, as_json=as_json)


class _Opened:
    """The language, the actions and the source of templates."""

    def __init__(self, renderer: TreeRenderer, source: TemplateSource, readers: Any) -> None:
        self.renderer = renderer
        self.source = source
        self._readers = readers

    async def read(self, where: str, checkout: Checkout) -> Target:
        from callboard.cli.template_local import read_template, template_ref
        from callboard.features.scaffolder.updates.checkout import Checkout as Other
        from callboard.features.scaffolder.updates.updating import Target

        if "://" in where:
            from callboard.features.scaffolder.updates.templates import template_of

            file = await self._readers.read(where)
            entity = template_of(file.content, where)
            return Target(entity, template_ref(entity), where, where)
        path = Path(where).resolve()
        entity = await asyncio.to_thread(read_template, path)
        return Target(
            entity,
            template_ref(entity),
            f"file://{path}",
            Path(os.path.relpath(path, checkout.folder)).as_posix(),
            Other(path.parent).find_commit(),
        )

    async def compute(
        self, record: TemplateRecord, target: Target, ours: Mapping[str, Any], answers: Mapping[str, Any]
    ) -> Update:
        from callboard.features.scaffolder.updates.updating import compute_update

        return await compute_update(record, target, ours, renderer=self.renderer, source=self.source, answers=answers)


@asynccontextmanager
async def _opened(names: list[str], store: Store) -> AsyncIterator[_Opened]:
    """From files alone where that is enough, else with the local store's portal, which knows how to read addresses."""
    from callboard.cli.template_local import FolderSource, read_template
    from callboard.features.scaffolder.actions import local_actions
    from callboard.features.scaffolder.languages import Extensions
    from callboard.features.scaffolder.updates.rendering import RunnerRenderer
    from callboard.features.scaffolder.updates.versions import reaches_out
    from callboard.model.urls import DEFAULT_HOSTS

    if not any("://" in name or reaches_out(read_template(Path(name))) for name in names):
        language = Extensions.of(DEFAULT_HOSTS).language
        local = FolderSource(None, "")
        yield _Opened(RunnerRenderer(local_actions(local, lambda: language), lambda: language), local, None)
        return
    from callboard.features.catalog.interface import UrlReader
    from callboard.features.scaffolder.sources import CatalogTemplateSource

    async with open_portal(store) as portal:
        found = (portal.find_service(Extensions) or Extensions.of(DEFAULT_HOSTS)).language
        readers = portal.service(UrlReader)  # type: ignore[type-abstract]
        source = CatalogTemplateSource(readers)
        yield _Opened(RunnerRenderer(local_actions(source, lambda: found), lambda: found), source, readers)


def _record(checkout: Checkout, *, of_head: bool) -> TemplateRecord | None:
    from callboard.features.scaffolder.updates.record_file import BASE_PATH, RECORD_PATH, read_record

    found = checkout.read_file(RECORD_PATH, of_head=of_head)
    return None if found is None else read_record(found, checkout.read_file(BASE_PATH, of_head=of_head))


def _from_record(record: TemplateRecord, checkout: Checkout) -> str:
    if "://" in record.source:
        return record.source
    path = checkout.folder / record.source
    if not path.is_file():
        raise InputError(f"The recorded template {record.source} is not there. Name it.", field="--template")
    return str(path)


async def _first_record(
    opened: _Opened, target: Target, answers: Mapping[str, Any], before: str | None, checkout: Checkout
) -> TemplateRecord:
    """A record for a repository that has none: of the template as it was, or, without ``--from``, as it is."""
    from callboard.features.scaffolder.updates.record_file import TemplateRecord

    old = target if before is None else await opened.read(before, checkout)
    empty = TemplateRecord(old.ref, old.source, "", {}, {})
    return (await opened.compute(empty, old, {}, answers)).record


def _apply(
    checkout: Checkout, made: Update, ours: Mapping[str, Any], *, write: bool, branch: str | None
) -> dict[str, Any]:
    from callboard.features.scaffolder.updates.trees import Node
    from callboard.features.scaffolder.updates.versions import short

    record = {path: Node.of_file(content) for path, content in made.record_files.items()}
    written = {**made.trees.written, **record}
    kept = {path: checkout.read_file(path, of_head=bool(branch)) for path in record}
    if made.trees.is_empty and all(node.content == kept[path] for path, node in record.items()):
        return {}
    if branch:
        message = f"Update from {made.record.ref} ({short(made.record.version)})\n"
        return {"branch": branch, "commit": checkout.commit(branch, written, made.trees.deleted, message)}
    if write:
        checkout.check_writable({**ours, **record}, made.trees.written, made.trees.deleted)
        checkout.write(written, made.trees.deleted)
        return {"written": True}
    return {}


def _report(made: Update, done: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "template": made.record.ref,
        "from": made.from_version,
        "to": made.record.version,
        "isBehind": made.is_behind,
        "counts": made.trees.count(),
        "unknownSteps": list(made.unknown_steps),
        "files": [
            {
                "path": change.path,
                "outcome": change.outcome,
                **{
                    name: value
                    for name, value in (
                        ("reason", change.reason), ("was", change.was), ("aside", change.aside), ("conflicts", change.conflicts),
                        ("modeChanged", change.mode_changed), ("linkChanged", change.link_changed),
                    )
                    if value
                },
            }
            for change in made.trees.changes
        ],
        **done,
    }  # fmt: skip


def _print(made: Update, done: Mapping[str, Any]) -> None:
    from callboard.features.scaffolder.updates.versions import short

    shown = [
        change for change in made.trees.changes if change.outcome not in ("unchanged", "kept_local") or change.reason
    ]
    for change in shown:
        if change.outcome == "removed_here" and not change.reason:
            continue
        more = f" ({change.reason.replace('_', ' ')})" if change.reason else ""
        moved = f" from {change.was}" if change.was else ""
        print(f"{change.outcome.replace('_', ' '):13} {change.path}{moved}{more}")
    for step in made.unknown_steps:
        print(f"note: the step {step} is not done by an update, and nothing is known of what it would give")
    if made.trees.is_empty:
        print(f"up to date with {made.record.ref} ({short(made.record.version)})")
    elif not done:
        print("nothing was written: --write writes it into the folder, --branch NAME commits it on a branch")
    if done.get("commit"):
        print(f"committed {done['commit'][:12]} on {done['branch']}")
    if made.trees.clashes:
        print(f"{len(made.trees.clashes)} files clash: look for <<<<<<< and .from-template, and resolve them")
