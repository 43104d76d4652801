"""``callboard catalog``: look into the catalog and change what it is read from, on a local store or a server."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Mapping, Optional, Sequence

import typer

from callboard.cli.apis import api_diff
from callboard.cli.catalog_door import open_catalog
from callboard.cli.commands import Config, Data, Json, Token, Url, make_group, run_async
from callboard.cli.output import OK, PROBLEMS, Progress, print_json, print_table
from callboard.cli.store import Target
from callboard.features.catalog.cli_validate import validate
from callboard.kernel.errors import InputError
from callboard.model.refs import LocationRef

app = make_group("The software catalog.")
app.command("validate")(validate)
app.command("api-diff")(api_diff)
if find_spec("callboard.features.importing") is not None:
    from callboard.cli.importing import import_sheet

    app.command("import")(import_sheet)
if find_spec("callboard.features.proposals") is not None:
    from callboard.cli.proposing import propose

    app.command("propose")(propose)
if find_spec("callboard.features.ownership") is not None:
    from callboard.cli.ownership import ownership

    app.command("ownership")(ownership)

Ref = Annotated[str, typer.Argument(help="Entity ref: [kind:][namespace/]name; component if no kind is given.")]
Filter = Annotated[
    Optional[list[str]],
    typer.Option("--filter", help="key=value,key=value (and); repeat for or. As the filter parameter of the REST API."),
]


@app.command("list")
def list_entities(
    filter: Filter = None,
    kind: Annotated[Optional[str], typer.Option(help="Only this kind.")] = None,
    owner: Annotated[Optional[str], typer.Option(help="Only what this group or user owns (a ref).")] = None,
    text: Annotated[Optional[str], typer.Option(help="Only names, titles and descriptions that contain this.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="At most so many.")] = 100,
    offset: Annotated[int, typer.Option(min=0, help="Leave out so many first.")] = 0,
    data: Data = Path("callboard-data"), config: Config = None, url: Url = None, token: Token = None, json: Json = False,
) -> None:  # fmt: skip
    """Entities, sorted by name."""

    async def work() -> int:
        async with open_catalog(Target.of(data, config, url, token)) as catalog:
            page = await catalog.list_entities(_filters(filter, kind, owner), text=text, limit=limit, offset=offset)
        if json:
            print_json({"items": page["items"], "totalItems": page["totalItems"], "offset": offset})
            return OK
        print_table(
            _COLUMNS,
            [_row(entity) for entity in page["items"]],
            empty=_EMPTY if page.get("isEmptyStore") else "No entity matches.",
        )
        shown = len(page["items"])
        if shown and shown + offset < page["totalItems"]:
            print(
                f"{offset + 1} to {offset + shown} of {page['totalItems']}; --offset {offset + shown} shows the next."
            )
        return OK

    run_async(work, as_json=json)


@app.command("show")
def show(
    ref: Ref,
    data: Data = Path("callboard-data"), config: Config = None, url: Url = None, token: Token = None, json: Json = False,
) -> None:  # fmt: skip
    """One entity, as YAML, or JSON with --json."""

    async def work() -> int:
        async with open_catalog(Target.of(data, config, url, token)) as catalog:
            entity = await catalog.get_entity(ref)
        print_json(entity) if json else print(_yaml(entity), end="")
        return OK

    run_async(work, as_json=json)


@app.command("why")
def why(
    asked: Annotated[str, typer.Argument(help="An entity ref, a URL, or the path of a file.")],
    data: Data = Path("callboard-data"), config: Config = None, url: Url = None, token: Token = None, json: Json = False,
) -> None:  # fmt: skip
    """What happened to a file, URL or ref: each step, and where it stopped. Exit status 1 when something stopped."""

    async def work() -> int:
        local = Path(asked)
        about = str(local.resolve()) if "://" not in asked and ":" not in asked and local.is_file() else asked
        async with open_catalog(Target.of(data, config, url, token)) as catalog:
            answer = await catalog.why(about)
        stopped = not answer["subjects"] or any(s.get("stoppedAt") for s in answer["subjects"])
        if json:
            print_json(answer)
        else:
            _print_why(answer)
        return PROBLEMS if stopped else OK

    run_async(work, as_json=json)


_COLUMNS = ("ref", "type", "lifecycle", "owner", "title")
_EMPTY = """There is nothing in this store yet. What fills it:
  callboard catalog add FILE_OR_URL             registers a location and reads it
  callboard catalog refresh --config FILE       reads everything that the settings name
  callboard serve                               does so all the time"""


@app.command("add")
def add(
    target: Annotated[str, typer.Argument(help="URL of a descriptor file; on a local store also a path.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would come in.")] = False,
    data: Data = Path("callboard-data"), config: Config = None, url: Url = None, token: Token = None, json: Json = False,
) -> None:  # fmt: skip
    """Register a location and read it. Registering it again has it read again. Exit status 1 when something in it is wrong."""

    async def work() -> int:
        location = LocationRef("url", target) if "://" in target else LocationRef("file", os.path.abspath(target))
        if location.type == "file" and url is None and "*" not in target and not os.path.isfile(target):
            raise InputError(f"There is no file {target}.", field="TARGET")
        async with open_catalog(Target.of(data, config, url, token)) as catalog:
            answer = await catalog.add_location(location, dry_run=dry_run)
        problems = answer.get("problems") or []
        if json:
            print_json(answer)
        else:
            if dry_run:
                if not problems:
                    print_table(_COLUMNS, [_row(entity) for entity in answer["entities"]], empty="Nothing.")
            else:
                print(f"Registered {location} as {answer['location']['id']}.")
                for ref in answer.get("refs", ()):
                    print(f"  {ref}")
            _print_problems(problems)
        return PROBLEMS if problems else OK

    run_async(work, as_json=json)


@app.command("refresh")
def refresh(
    ref: Annotated[
        Optional[str], typer.Argument(help="Entity ref. Without it, on a local store: everything that settings and locations name.")
    ] = None,
    data: Data = Path("callboard-data"), config: Config = None, url: Url = None, token: Token = None, json: Json = False,
) -> None:  # fmt: skip
    """Have an entity's source read again now, or, on a local store, all sources. Exit status 1 when one cannot be read."""

    async def work() -> int:
        async with open_catalog(Target.of(data, config, url, token)) as catalog:
            if ref is not None:
                await catalog.refresh(ref)
                print_json({"refreshed": ref}) if json else print(f"{ref} is being read again.")
                return OK
            with Progress("reading", quiet=json) as progress:
                answer = await catalog.refresh_all(progress.tell)
        if json:
            print_json(answer)
        else:
            print(f"{answer['entities']} entities, {len(answer['problems'])} problems.")
            _print_problems(answer["problems"])
        return PROBLEMS if answer["problems"] else OK

    run_async(work, as_json=json)


def _print_problems(problems: Sequence[Mapping[str, Any]]) -> None:
    for problem in problems:
        print(f"{_place(problem)}{problem['message']}")
        if problem.get("fix"):
            print(f"    fix: {problem['fix']}")


@app.command("locations")
def locations(
    remove: Annotated[Optional[str], typer.Option(help="Remove the location with this id, with what only it brought.")] = None,
    data: Data = Path("callboard-data"), config: Config = None, url: Url = None, token: Token = None, json: Json = False,
) -> None:  # fmt: skip
    """Registered locations. Those of the settings are not among them."""

    async def work() -> int:
        async with open_catalog(Target.of(data, config, url, token)) as catalog:
            if remove is not None:
                await catalog.remove_location(remove)
                print_json({"removed": remove}) if json else print(f"Removed {remove}.")
                return OK
            found = await catalog.list_locations()
        if json:
            print_json({"items": found})
        else:
            print_table(
                ["id", "type", "target"], [[x["id"], x["type"], x["target"]] for x in found], empty="None registered."
            )
        return OK

    run_async(work, as_json=json)


@app.command("export")
def export(
    filter: Filter = None,
    kind: Annotated[Optional[str], typer.Option(help="Only this kind.")] = None,
    owner: Annotated[Optional[str], typer.Option(help="Only what this group or user owns (a ref).")] = None,
    format: Annotated[str, typer.Option(help="yaml, json (lines), csv, xlsx, or zip (of catalog-info.yaml files).")] = "yaml",
    output: Annotated[Optional[Path], typer.Option("--output", "-o", help="File to write, instead of standard output.")] = None,
    bom: Annotated[bool, typer.Option("--bom", help="Begin CSV with the mark by which Excel knows UTF-8.")] = False,
    data: Data = Path("callboard-data"), config: Config = None, url: Url = None, token: Token = None, json: Json = False,
) -> None:  # fmt: skip
    """Every entity that matches, as descriptor files hold them: without uid, etag, relations and status."""

    async def work() -> int:
        from callboard.cli.catalog_export import FORMATS
        from callboard.cli.catalog_export import export as write

        form = "json" if json else format
        if form not in FORMATS:
            raise typer.BadParameter(
                f"{format}: choose {', '.join(FORMATS[:-1])} or {FORMATS[-1]}", param_hint="--format"
            )
        async with open_catalog(Target.of(data, config, url, token)) as catalog:
            with Progress("exported", quiet=output is None and sys.stdout.isatty()) as progress:
                entities = catalog.iter_entities(_filters(filter, kind, owner))
                done = await write(entities, form, output, bom=bom, told=progress.tell)
        if output is not None:
            print(f"{done} {'entity' if done == 1 else 'entities'} in {output}.", file=sys.stderr)
        return OK

    run_async(work, as_json=json)


def _filters(filters: list[str] | None, kind: str | None, owner: str | None) -> list[str]:
    more = ([f"kind={kind}"] if kind else []) + ([f"relations.ownedBy={_owner(owner)}"] if owner else [])
    if not more:
        return list(filters or ())
    return [",".join([given, *more]) for given in filters] if filters else [",".join(more)]


def _owner(text: str) -> str:
    from callboard.model.refs import EntityRef

    return str(EntityRef.parse(text, default_kind="group"))


def _row(entity: dict[str, Any]) -> list[Any]:
    metadata, spec = entity["metadata"], entity.get("spec") or {}
    ref = f"{entity['kind']}:{metadata.get('namespace', 'default')}/{metadata['name']}".lower()
    return [ref, spec.get("type"), spec.get("lifecycle"), spec.get("owner"), metadata.get("title")]


def _yaml(value: Any) -> str:
    import yaml

    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120)


_MARKS = {"ok": "ok     ", "failed": "FAILED ", "skipped": "-      ", "waiting": "waiting", "unknown": "?      "}


def _print_why(answer: dict[str, Any]) -> None:
    if not answer["subjects"]:
        print(f"Nothing in the catalog names {answer['asked']}.")
        for near in answer.get("suggestions") or ():
            print(f"  did you mean {near}?")
        return
    for subject in answer["subjects"]:
        print(subject["title"])
        for step in subject["steps"]:
            print(f"  {_MARKS[step['state']]} {step['name']}: {step['detail']}")
            for finding in step.get("findings") or ():
                print(f"          {_place(finding)}{finding['message']}")
                if finding.get("fix"):
                    print(f"          fix: {finding['fix']}")


def _place(finding: Mapping[str, Any]) -> str:
    """``file:line:column: ``, as far as they are known."""
    place = ":".join(str(finding[k]) for k in ("file", "line", "column") if finding.get(k) is not None)
    return f"{place}: " if place else ""
