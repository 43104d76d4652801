"""``callboard action``: what the portal can do, from the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Mapping, Optional

import typer

from callboard.cli.commands import Config, Data, Json, Token, Url, make_group, run_async
from callboard.cli.output import OK, print_json, print_table
from callboard.cli.serve import DEFAULT_DATA
from callboard.cli.store import Target, open_door
from callboard.kernel.errors import InputError

app = make_group("List and run actions.")


@app.command("list")
def list_(
    data: Data = DEFAULT_DATA, config: Config = None, url: Url = None, token: Token = None, as_json: Json = False
) -> None:
    """List the actions you may run."""

    async def work() -> int:
        async with open_door(Target.of(data, config, url, token)) as door:
            actions = await door.list()
        if as_json:
            print_json({"actions": actions})
            return OK
        rows = [(a["id"], a["title"], _effect(a["attributes"]), a.get("supportsDryRun", False)) for a in actions]
        print_table(("id", "title", "effect", "dry run"), rows, empty="No actions.")
        return OK

    run_async(work, as_json=as_json)


@app.command("run")
def run(
    id: Annotated[str, typer.Argument(help="Id, such as catalog:register.")],
    input: Annotated[Optional[str], typer.Option("--input", help="JSON text, @FILE, or - for standard input.")] = None,
    secrets: Annotated[Optional[str], typer.Option("--secrets", help="Secret input, in the same forms.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Give the output without the effect.")] = False,
    data: Data = DEFAULT_DATA,
    config: Config = None,
    url: Url = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Run an action and print its output, which is JSON either way."""

    async def work() -> int:
        given = _read_json(input, "--input")
        secret = {str(key): str(value) for key, value in _read_json(secrets, "--secrets").items()}
        async with open_door(Target.of(data, config, url, token)) as door:
            print_json(await door.invoke(id, given, secrets=secret, dry_run=dry_run))
        return OK

    run_async(work, as_json=as_json)


def _effect(attributes: Mapping[str, Any]) -> str:
    if attributes.get("readOnly"):
        return "reads"
    return "changes, may remove" if attributes.get("destructive") else "changes"


def _read_json(text: str | None, option: str) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        if text == "-":
            text = sys.stdin.read()
        elif text.startswith("@"):
            text = Path(text[1:]).read_text(encoding="utf-8")
        value = json.loads(text)
    except OSError as error:
        raise InputError(f"{option}: {error.filename}: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{option} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise InputError(f"{option} must be a JSON object")
    return value
