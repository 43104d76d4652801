"""``callboard docs check``: a folder of documentation, or the site of an entity, looked through for what is wrong."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Mapping, Optional, Sequence

import typer

from callboard.cli.commands import Config, Data, Json, Token, Url, run_async
from callboard.cli.output import OK, PROBLEMS, print_json
from callboard.cli.serve import DEFAULT_DATA
from callboard.cli.store import Target, open_portal, open_server
from callboard.kernel.errors import InputError

if TYPE_CHECKING:
    from callboard.features.techdocs.interface import Problem


def check(
    what: Annotated[
        str,
        typer.Argument(help="Folder with mkdocs.yml or Markdown, or the ref of an entity: component:default/payments."),
    ] = ".",
    max_age: Annotated[
        Optional[int],
        typer.Option(
            "--max-age", min=1, metavar="DAYS", help="Tell of pages that nobody changed for so long, as git knows."
        ),
    ] = None,
    docs_dir: Annotated[
        Optional[str], typer.Option("--docs-dir", help="Folder of the pages, where there is no mkdocs.yml to say it.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail, too.")] = False,
    data: Data = DEFAULT_DATA,
    config: Config = None,
    url: Url = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Find broken links and anchors, missing pictures, pages that nothing leads to, and pages that are old.

    A folder needs no portal: run it where the documentation is written. Exit status: 0 nothing wrong, 1 errors found (with --strict also
    warnings), 2 it cannot be read. --json prints {checked, pages, problems: [{code, message, file, line, isError}], errors, warnings}.
    """

    async def work() -> int:
        found: Sequence[Mapping[str, Any]]
        pages: int | None
        if os.path.isdir(what):
            problems, pages = await check_folder(Path(what), max_age, docs_dir)
            found = [_wire(one) for one in problems]
        else:
            ref = _ref(what)
            target = Target.of(data, config, url, token)
            if target.url is not None:
                found, pages = await _remote(target, ref, max_age)
            else:
                found, pages = await _local(target, ref, max_age)
        return _tell(what, found, pages, strict=strict, as_json=as_json)

    run_async(work, as_json=as_json)


async def check_folder(folder: Path, max_age: int | None, docs_dir: str | None) -> tuple[Sequence[Problem], int]:
    """What is wrong with the site in ``folder``, and how many pages it has. Raises ``InputError`` where it cannot be read."""
    from callboard.features.techdocs.interface import Problem
    from callboard.features.techdocs.rendering import MemoryFiles, SiteDefaults, check_site, read_site
    from callboard.features.techdocs.settings import SourceLimits
    from callboard.features.techdocs.sources.folder import SiteFolder

    root = folder.resolve()
    files, read = SiteFolder(str(root), str(root), SourceLimits(), docs_dir=docs_dir, all_below=False).read()
    defaults = SiteDefaults(root.name) if docs_dir is None else SiteDefaults(root.name, docs_dir=docs_dir)
    kept = MemoryFiles(files)
    model = read_site(kept, defaults)
    if not model.pages and not any(one.is_error for one in model.problems):
        raise InputError(f"{folder} has no Markdown. Name the folder of mkdocs.yml, or the pages with --docs-dir.")
    problems = [*read, *check_site(model, kept)]
    if max_age is not None:
        from callboard.integrations.git.command import Git
        from callboard.integrations.git.history import CheckoutHistory

        changes = await CheckoutHistory(Git()).find_changes(str(root), [page.file for page in model.pages.values()])
        now = datetime.now(UTC)
        for page in model.pages.values():
            change = changes.get(page.file)
            if change is not None and now - change.at > timedelta(days=max_age):
                days = (now - change.at).days
                said = f"Nobody changed this page for {days} days; {change.by} was the last. Is it still right?"
                problems.append(Problem("stale", said, page.file, is_error=False))
    unique = dict.fromkeys(problems)
    return sorted(unique, key=lambda one: (one.file, one.line or 0, one.code, one.message)), len(model.pages)


async def _local(target: Target, ref: str, max_age: int | None) -> tuple[Sequence[Mapping[str, Any]], int]:
    """From the store, as the portal would. Its owner is trusted with all of it."""
    from callboard.features.techdocs.checking import check_book
    from callboard.features.techdocs.interface import TechDocs
    from callboard.features.techdocs.plugin import TechDocsParts
    from callboard.kernel.auth.actor import SYSTEM

    async with open_portal(target) as portal:
        docs = portal.service(TechDocs)  # type: ignore[type-abstract]
        try:
            site = await docs.site(ref, actor=SYSTEM)
            problems = await docs.check(ref, actor=SYSTEM)
            if max_age is not None:
                _, opened = await portal.service(TechDocsParts).service.open(ref, actor=SYSTEM)
                fresh = [one for one in problems if one.code != "stale"]
                if opened.book is not None:
                    problems = check_book(opened.book, fresh, portal.clock.now(), timedelta(days=max_age))
        finally:
            await portal.service(TechDocsParts).stop()
        return [_wire(one) for one in problems], site.pages


async def _remote(target: Target, ref: str, max_age: int | None) -> tuple[Sequence[Mapping[str, Any]], int | None]:
    """Within what the token allows."""
    from callboard.features.techdocs.domain import triplet

    if max_age is not None:
        raise InputError(
            "A server has an age of its own (techdocs.staleAfter): leave --max-age out.", field="--max-age"
        )
    async with open_server(target) as server:
        at = f"/api/techdocs/v1/sites/{'/'.join(triplet(ref))}"
        site = await server.get(at)
        found = await server.get(f"{at}/check")
    return found["problems"], site.get("pages")


def _ref(text: str) -> str:
    from callboard.model.refs import EntityRef, RefError

    if (":" not in text and "/" in text) or os.path.exists(text) or text.startswith("."):
        raise InputError(f"{text} is not a folder. Name the folder of mkdocs.yml, or the ref of an entity.")
    try:
        return str(EntityRef.parse(text, default_kind="component")).lower()
    except RefError as error:
        raise InputError(f"{text} is neither a folder nor the ref of an entity: {error}") from None


def _wire(one: Problem) -> Mapping[str, Any]:
    return {"code": one.code, "message": one.message, "file": one.file, "line": one.line, "isError": one.is_error}


def _tell(what: str, found: Sequence[Mapping[str, Any]], pages: int | None, *, strict: bool, as_json: bool) -> int:
    errors = sum(1 for one in found if one["isError"])
    warnings = len(found) - errors
    if as_json:
        print_json({"checked": what, "pages": pages, "problems": list(found), "errors": errors, "warnings": warnings})
    else:
        for one in found:
            place = one["file"] + (f":{one['line']}" if one["line"] else "") if one["file"] else what
            print(f"{place}: {'error' if one['isError'] else 'warning'}: {one['message']}")
        of = f"{pages} pages: " if pages is not None else ""
        print(f"{of}{errors} errors, {warnings} warnings." if found else f"{of}no problems.")
    return PROBLEMS if errors or (strict and warnings) else OK
