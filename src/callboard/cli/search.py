"""``callboard search``: find entities, documentation and whatever else is indexed, in a local store or on a server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Mapping, Optional, Sequence

import typer

from callboard.cli.commands import Config, Data, Json, Token, Url, run_async
from callboard.cli.output import OK, Progress, print_json
from callboard.cli.store import RemoteActions, Target, open_portal, open_server
from callboard.kernel.errors import InputError

MAX_TERM = 1_000
"""Characters of a question here; over REST there are fewer."""
TOLD = 3
"""Sites that cannot be read are named up to this number."""
app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("search")
def search(
    term: Annotated[Optional[str], typer.Argument(help="Words, a name, or a question; at most 1,000 characters.")] = None,
    type: Annotated[Optional[list[str]], typer.Option("--type", help="Only documents of this type, such as techdocs. Repeat for or.")] = None,
    filter: Annotated[Optional[list[str]], typer.Option("--filter", help="field=value, such as kind=API. Repeat: or within a field, else and.")] = None,
    facet: Annotated[Optional[list[str]], typer.Option("--facet", help="Count the values of this field among what was found.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many.")] = 10,
    offset: Annotated[int, typer.Option(min=0, max=10_000, help="Leave out so many first.")] = 0,
    learnt: Annotated[bool, typer.Option("--learnt", help="List the abbreviations that were learnt, instead of searching.")] = False,
    reindex: Annotated[bool, typer.Option("--reindex", help="Forget the whole index and make it again, instead of searching.")] = False,
    data: Data = Path("callboard-data"), config: Config = None, url: Url = None, token: Token = None, json: Json = False,
) -> None:  # fmt: skip
    """Find entities, documentation and whatever else is indexed, best first.

    A local store is brought up to date first: documentation that was never read is read, and all that differs is indexed.
    """

    async def work() -> int:
        target = Target.of(data, config, url, token)
        if reindex:
            if term is not None or learnt:
                raise InputError(
                    "--reindex makes the index again and searches nothing: leave out the rest.", field="--reindex"
                )
            again = await _reindex(target, is_quiet=json)
            print_json(again) if json else _print_reindexed(again)
            return OK
        if learnt:
            answer = await _ask(target, "search:learnt", {})
            print_json(answer) if json else _print_learnt(answer)
            return OK
        if term is None:
            raise InputError("Say what to search for.", field="TERM")
        if len(term) > MAX_TERM:
            raise InputError(f"The question has {len(term)} characters; at most {MAX_TERM}.", field="TERM")
        asked = {
            "term": term, "types": list(type or ()), "filters": _filters(filter), "facets": list(facet or ()),
            "limit": limit, "offset": offset,
        }  # fmt: skip
        answer = await _ask(target, "search:query", asked)
        if answer.get("indexing"):
            _tell(f"The index is still being made; results are not complete yet.{_counts(answer['indexing'])}")
        if json:
            print_json(answer)
        else:
            _print(answer)
        return OK

    run_async(work, as_json=json)


async def _ask(target: Target, action: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    if target.url is not None:
        async with open_server(target) as server:
            return await RemoteActions(server).invoke(action, asked)
    from callboard.features.search.plugin import SearchDoors, SearchParts
    from callboard.kernel.auth.actor import SYSTEM

    async with open_portal(target) as portal:
        parts = portal.service(SearchParts)
        _tell_problems(await parts.catch_up())
        if not await parts.indexer.count():
            _tell(
                f"There is nothing to be found in {target.data} yet. Import a sheet (callboard catalog import), read the"
                " places that the settings name (callboard catalog refresh), or ask a server (--url)."
            )
        answer = await portal.actions.invoke(action, dict(asked), actor=SYSTEM)
        await portal.service(SearchDoors).history.write()
        return answer


async def _reindex(target: Target, *, is_quiet: bool) -> Mapping[str, Any]:
    """A server makes its index again by a job, so that is only asked for; of a local store it is made before this returns."""
    if target.url is not None:
        async with open_server(target) as server:
            asked = await RemoteActions(server).invoke("search:reindex", {})
        return {"documentsBefore": asked["documents"], "documents": None, "isDone": False}
    from callboard.features.search.plugin import SearchParts
    from callboard.kernel.auth.actor import SYSTEM

    async with open_portal(target) as portal:
        parts = portal.service(SearchParts)
        before = (await portal.actions.invoke("search:reindex", {}, actor=SYSTEM))["documents"]
        with Progress("Indexing", quiet=is_quiet) as progress:

            async def tell() -> None:
                progress.tell(await parts.indexer.count())

            problems = await parts.catch_up(tell)
        _tell_problems(problems)
        return {"documentsBefore": before, "documents": await parts.indexer.count(), "isDone": True}


def _print_reindexed(again: Mapping[str, Any]) -> None:
    if again["isDone"]:
        print(f"The index is made again: {again['documents']:,} documents, before {again['documentsBefore']:,}.")
    else:
        print(
            f"The server forgot the {again['documentsBefore']:,} documents of its index and makes it again. Until then searches find less."
        )


def _tell_problems(problems: Sequence[str]) -> None:
    for problem in problems[:TOLD]:
        _tell(problem)
    if len(problems) > TOLD:
        _tell(f"So it is with {len(problems) - TOLD} more; the portal lists them at /docs/problems.")


def _tell(problem: str) -> None:
    """Beside the answer, which may be read by a program."""
    print(problem, file=sys.stderr)


def _counts(indexing: Mapping[str, Any]) -> str:
    """Indexed: 120 of 231 techdocs, …"""
    counts = [f"{one['indexed']} of {one['known']} {type}" for type, one in indexing["types"].items()]
    return f" Indexed: {', '.join(counts)}." if counts else ""


def _filters(given: Sequence[str] | None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in given or ():
        field, equals, value = one.partition("=")
        if not (field and equals and value):
            raise InputError(f"{one}: write field=value, such as kind=API.", field="--filter")
        found.setdefault(field, []).append(value)
    return found


def place_of(item: Mapping[str, Any]) -> str:
    """Where a result stands: the ref of an entity and what gave it, a page's file and whose documentation it is of."""
    if item["file"]:
        return f"{item['file']}  {item['ref'] or ''}".rstrip()
    if item["ref"]:
        return f"{item['ref']}  {item['source'] or ''}".rstrip()
    return str(item["location"])


def _print_learnt(answer: Mapping[str, Any]) -> None:
    for pair in answer["items"]:
        more = f" and {pair['documents'] - 1} more" if pair["documents"] > 1 else ""
        print(f"{pair['short']}: {pair['long']}  ({pair['by'][0]['title'] if pair['by'] else '-'}{more})")
    if not answer["items"]:
        print("Nothing was learnt.")


def _print(answer: Mapping[str, Any]) -> None:
    if answer.get("corrected"):
        print(f"Searched for: {answer['corrected']}")
    for item in answer["items"]:
        under = " › ".join(item["headings"])
        print(f"{item['title']}{'  ' + under if under else ''}")
        print(f"    {place_of(item)}")
        text = " ".join(str(item["text"]).split())
        if text:
            print(f"    {text[:160]}")
    if not answer["items"]:
        print("Nothing found.")
    for field, values in answer["facets"].items():
        print(f"{field}: " + ", ".join(f"{one['value']} {one['count']}" for one in values))
