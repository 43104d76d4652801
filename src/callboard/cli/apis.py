"""``callboard catalog api-diff``: what differs between two definitions of APIs, from files or from the catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from callboard.cli.catalog_door import CatalogDoor, open_catalog
from callboard.cli.commands import Config, Data, Json, Token, Url, run_async
from callboard.cli.output import OK, PROBLEMS, print_json
from callboard.cli.store import Target
from callboard.kernel.errors import InputError

_SIGNS = {"breaking": "!", "risky": "?", "safe": " "}


def api_diff(
    old: Annotated[str, typer.Argument(help="The older definition: a file, or the ref of an API (api:default/shop).")],
    new: Annotated[str, typer.Argument(help="The newer one: a file, or the ref of an API.")],
    fail_on_breaking: Annotated[
        bool, typer.Option("--fail-on-breaking", help="Exit with 1 when a change breaks clients.")
    ] = False,
    data: Data = Path("callboard-data"), config: Config = None, url: Url = None, token: Token = None, json: Json = False,
) -> None:  # fmt: skip
    """What differs between two definitions of APIs (OpenAPI, AsyncAPI, GraphQL, proto), and what of it breaks clients."""

    async def work() -> int:
        from callboard.features.catalog.apis.comparing import compare
        from callboard.features.catalog.rest.definitions import comparison_wire, english

        if Path(old).is_file() and Path(new).is_file():
            sides = [await _read(name, None) for name in (old, new)]
        else:
            async with open_catalog(Target.of(data, config, url, token)) as catalog:
                sides = [await _read(name, catalog) for name in (old, new)]
        comparison = compare(*sides)
        wire = {"from": old, "to": new, **comparison_wire(comparison, english())}
        if json:
            print_json(wire)
        else:
            _print(wire)
        return PROBLEMS if fail_on_breaking and comparison.is_breaking else OK

    run_async(work, as_json=json)


async def _read(name: str, catalog: CatalogDoor | None) -> Any:
    """The ``Api`` of a file or of an entity. Raises ``InputError`` with the line that is wrong."""
    from callboard.features.catalog.apis.model import ApiFault
    from callboard.features.catalog.apis.reading import format_of, guess_format, read_api

    path, type = Path(name), None
    if path.is_file():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{name} is no text in UTF-8.", file=name) from error
    elif catalog is None or path.suffix in (".yaml", ".yml", ".json", ".proto", ".graphql", ".gql"):
        raise InputError(f"There is no file {name}.", file=name)
    else:
        entity = await catalog.get_entity(name if ":" in name else f"api:{name}")
        spec = entity.get("spec") or {}
        if not isinstance(spec.get("definition"), str):
            raise InputError(f"{name} has no definition.")
        text, type = spec["definition"], spec.get("type")
    format = format_of(type) or guess_format(text, path.name)
    if format is None:
        raise InputError(f"{name} is neither OpenAPI, AsyncAPI, GraphQL nor proto, as far as can be seen.", file=name)
    found = read_api(text, format)
    if isinstance(found, ApiFault):
        raise InputError(f"{found.message}.", file=name, line=found.line, column=found.column)
    return found


def _print(wire: dict[str, Any]) -> None:
    """A block for each operation or type: ! breaks clients, ? may."""
    subject = None
    for change in wire["changes"]:
        if change["subject"] != subject:
            subject = change["subject"]
            print(subject or "The whole API")
        values = f" ({change['before']} → {change['after']})" if "before" in change and "after" in change else ""
        print(f"  {_SIGNS[change['level']]} {change['message']}{values}")
    if wire["untold"]:
        print(f"… and {wire['untold']} more")
    print(
        f"{wire['breaking']} breaking, {wire['risky']} risky, {wire['safe']} safe"
        if wire["changes"]
        else "No difference."
    )
