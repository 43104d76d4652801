"""``callboard docs``: documentation from the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from callboard.cli.commands import Config, Data, Json, make_group, run_async
from callboard.cli.docs_check import check
from callboard.cli.docs_serve import serve
from callboard.cli.output import OK, Progress, print_json
from callboard.cli.serve import DEFAULT_DATA

app = make_group("Documentation.")
app.command("serve")(serve)
app.command("check")(check)


@app.callback()
def group() -> None:
    """Documentation."""


@app.command("build")
def build(
    path: Annotated[Path, typer.Argument(help="Folder of the site, with mkdocs.yml or docs/.")] = Path(),
    out: Annotated[Path, typer.Option("--out", help="Folder for the built site; it is replaced.")] = Path("site"),
    name: Annotated[Optional[str], typer.Option("--name", help="Name of the site where mkdocs.yml has none.")] = None,
    version: Annotated[
        Optional[str], typer.Option("--techdocs-core", help="Version of mkdocs-techdocs-core to build with.")
    ] = None,
    plugin: Annotated[
        Optional[list[str]],
        typer.Option("--plugin", help="Further package with a plugin that the settings allow; may be repeated."),
    ] = None,
    etag: Annotated[str, typer.Option("--etag", help="What the metadata says of the source: a commit.")] = "",
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds after which the build is ended.", min=1)] = 600.0,
    data: Data = DEFAULT_DATA,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Build a site with mkdocs and techdocs-core, as techdocs-cli does.

    Only for sites that need plugins, or a copy elsewhere: Callboard reads Markdown without a build. The first time an environment is made
    below the data folder, for which pip asks the package index. Plugins of the site run only when the setting
    techdocs.generator.mkdocs.dangerouslyAllowAdditionalPlugins names them. Exit status: 0 built, 2 the site cannot be built,
    3 the index does not answer, or it took too long.
    """

    async def work() -> int:
        import asyncio

        from callboard.features.techdocs.building.build import build as build_site
        from callboard.features.techdocs.building.environment import VERSION, ensure_environment
        from callboard.kernel.settings import Settings

        def tell(line: str) -> None:
            print(line, file=sys.stderr)

        settings = Settings.load(tuple(config or ()))
        base = "techdocs.generator.mkdocs.dangerouslyAllowAdditional"
        plugins = frozenset(map(str, settings.get_list(f"{base}Plugins", [])))
        keys = frozenset(map(str, settings.get_list(f"{base}Keys", [])))
        source = path.absolute()
        python = await asyncio.to_thread(
            ensure_environment, data.absolute(), version=version or VERSION, plugins=plugin or (), tell=tell
        )
        built = await asyncio.to_thread(
            build_site, source, out.absolute(), python, site_name=name or source.name, tell=tell, etag=etag, plugins=plugins, keys=keys,
            timeout_s=timeout,
        )  # fmt: skip
        for problem in built.problems:
            tell(f"{problem.file}{f':{problem.line}' if problem.line else ''}: {problem.message}")
        if as_json:
            print_json(
                {"out": str(out), "files": list(built.files), "leftOut": [one.message for one in built.problems]}
            )
        else:
            print(f"Built {len(built.files)} files into {out}.")
        return OK

    run_async(work, as_json=as_json)


@app.command("publish")
def publish(
    entity: Annotated[str, typer.Option("--entity", help="Ref of the entity that the site documents.")],
    path: Annotated[Path, typer.Argument(help="Folder of a built site.")] = Path("site"),
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Put a built site where the setting techdocs.publisher says: a folder, or a bucket of S3.

    It lies there in Backstage's layout, so that Backstage reads it as well. Files of an earlier build that are no part of this one go away.
    """

    async def work() -> int:
        import os

        from callboard.features.techdocs.building.publishing import publish as publish_site
        from callboard.features.techdocs.plugin import published_sites
        from callboard.features.techdocs.settings import TechDocsSettings
        from callboard.kernel.clock import SystemClock
        from callboard.kernel.errors import InputError
        from callboard.kernel.http_client import HttpClient
        from callboard.kernel.settings import Settings
        from callboard.model.refs import EntityRef, RefError

        settings = Settings.load(tuple(config or ()))
        own = TechDocsSettings.of(settings, Path(os.getcwd()))
        clock = SystemClock()
        http = HttpClient(settings, clock, allow=own.s3_hosts)
        published = published_sites(own, http, clock)
        if published is None:
            raise InputError(
                "The settings name no place. Set techdocs.publisher.local.publishDirectory, or techdocs.publisher.awsS3."
            )
        try:
            given = EntityRef.parse(entity, default_kind="component")
        except RefError as error:
            raise InputError(str(error), field="--entity") from None
        written = f"{given.namespace}/{given.kind}/{given.name}" if own.keeps_case else None
        try:
            with Progress("Published", quiet=as_json) as progress:
                count = await publish_site(
                    path.absolute(), str(given), published.store, tell=progress.tell, written=written
                )
        finally:
            await http.close()
        if as_json:
            print_json({"entity": str(given), "files": count})
        else:
            print(f"Published {count} files as {given}.")
        return OK

    run_async(work, as_json=as_json)
