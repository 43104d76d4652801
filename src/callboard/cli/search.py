"""``callboard search``: find entities, documentation and whatever else is indexed, in a local store or on a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Mapping, Optional, Sequence

import typer

from callboard.cli.commands import Config, Data, Json, Token, Url, run_async
from callboard.cli.output import OK, print_json
from callboard.cli.store import RemoteActions, Target, open_portal, open_server
from callboard.kernel.errors import InputError

MAX_TERM = 1_000
"""Characters of a question here; over REST there are fewer."""
app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("search")
def search(
    term: Annotated[str, typer.Argument(help="Words, a name, or a question; at most 1,000 characters.")],
    type: Annotated[Optional[list[str]], typer.Option("--type", help="Only documents of this type, such as techdocs. Repeat for or.")] = None,
    filter: Annotated[Optional[list[str]], typer.Option("--filter", help="field=value, such as kind=API. Repeat: or within a field, else and.")] = None,
    facet: Annotated[Optional[list[str]], typer.Option("--facet", help="Count the values of this field among what was found.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many.")] = 10,
    offset: Annotated[int, typer.Option(min=0, max=10_000, help="Leave out so many first.")] = 0,
    data: Data = Path("callboard-data"), config: Config = None, url: Url = None, token: Token = None, json: Json = False,
) -> None:  # fmt: skip
    """Find entities, documentation and whatever else is indexed, best first. A local store is brought up to date first."""

    async def work() -> int:
        if len(term) > MAX_TERM:
            raise InputError(f"The question has {len(term)} characters; at most {MAX_TERM}.", field="TERM")
        asked = {
            "term": term, "types": list(type or ()), "filters": _filters(filter), "facets": list(facet or ()),
            "limit": limit, "offset": offset,
        }  # fmt: skip
        answer = await _ask(Target.of(data, config, url, token), asked)
        if json:
            print_json(answer)
        else:
            _print(answer)
        return OK

    run_async(work, as_json=json)


async def _ask(target: Target, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    if target.url is not None:
        async with open_server(target) as server:
            return await RemoteActions(server).invoke("search:query", asked)
    from callboard.features.search.plugin import SearchParts
    from callboard.kernel.auth.actor import SYSTEM

    async with open_portal(target) as portal:
        await portal.service(SearchParts).catch_up()
        return await portal.actions.invoke("search:query", dict(asked), actor=SYSTEM)


def _filters(given: Sequence[str] | None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in given or ():
        field, equals, value = one.partition("=")
        if not (field and equals and value):
            raise InputError(f"{one}: write field=value, such as kind=API.", field="--filter")
        found.setdefault(field, []).append(value)
    return found


def _print(answer: Mapping[str, Any]) -> None:
    if answer.get("corrected"):
        print(f"Searched for: {answer['corrected']}")
    for item in answer["items"]:
        under = " › ".join(item["headings"])
        print(f"{item['title']}{'  ' + under if under else ''}")
        print(f"    {item['file'] or item['ref'] or item['location']}")
        text = " ".join(str(item["text"]).split())
        if text:
            print(f"    {text[:160]}")
    if not answer["items"]:
        print("Nothing found.")
    for field, values in answer["facets"].items():
        print(f"{field}: " + ", ".join(f"{one['value']} {one['count']}" for one in values))
