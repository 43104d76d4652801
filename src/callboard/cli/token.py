"""``callboard token``: personal API tokens, by the actions ``auth:*-token``."""

from __future__ import annotations

from typing import Annotated, Any, Optional

import typer

from callboard.cli.commands import Config, Data, Json, Token, Url, make_group, run_async
from callboard.cli.output import OK, print_json, print_table
from callboard.cli.serve import DEFAULT_DATA
from callboard.cli.store import Target, open_door
from callboard.kernel.errors import InputError

app = make_group("Personal API tokens.")
User = Annotated[Optional[str], typer.Option("--user", help="Whose: name or user entity ref. Default: your own.")]


def _ref(user: str) -> str:
    return user if ":" in user or user == "*" else f"user:default/{user.lower()}"


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What the token is for.")],
    user: User = None,
    scopes: Annotated[
        Optional[list[str]], typer.Option("--scope", help="read, write, or a permission such as catalog.entity.*")
    ] = None,
    expires: Annotated[str, typer.Option(help="How long it lasts, such as 90d; 'never' for no end.")] = "90d",
    data: Data = DEFAULT_DATA,
    config: Config = None,
    url: Url = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Create a token. It is shown once."""
    target = Target.of(data, config, url, token)

    async def work() -> int:
        if target.url is None and user is None:
            raise InputError("on a local store say whose token it is: --user NAME")
        input: dict[str, Any] = {"name": name, "expiresIn": None if expires == "never" else expires}
        if user is not None:
            input["user"] = _ref(user)
        if scopes:
            input["scopes"] = scopes
        async with open_door(target) as door:
            output = await door.invoke("auth:create-token", input)
        if as_json:
            print_json(output)
        else:
            print(output["token"])
            typer.echo(
                f"token {output['id']} of {output['user']}, until {output['expiresAt'] or 'revoked'}; shown once",
                err=True,
            )
        return OK

    run_async(work, as_json=as_json)


@app.command("list")
def list_(
    user: User = None,
    data: Data = DEFAULT_DATA,
    config: Config = None,
    url: Url = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """List tokens; on a local store everybody's unless --user says whose."""
    target = Target.of(data, config, url, token)

    async def work() -> int:
        whose = _ref(user) if user is not None else "*" if target.url is None else None
        async with open_door(target) as door:
            output = await door.invoke("auth:list-tokens", {} if whose is None else {"user": whose})
        if as_json:
            print_json(output)
            return OK
        rows = [
            (t["id"], t["name"], t["user"], t["scopes"] or "everything", t["expiresAt"] or "never", t["lastUsedAt"] or "never",
             t["revokedAt"])
            for t in output["tokens"]
        ]  # fmt: skip
        headings = ("id", "name", "user", "scopes", "expires", "last used", "revoked")
        print_table(headings, rows, empty="No tokens yet: callboard token create NAME")
        return OK

    run_async(work, as_json=as_json)


@app.command("revoke")
def revoke(
    id: Annotated[str, typer.Argument(help="Id of the token, as `callboard token list` shows it.")],
    data: Data = DEFAULT_DATA,
    config: Config = None,
    url: Url = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Revoke a token for good."""

    async def work() -> int:
        async with open_door(Target.of(data, config, url, token)) as door:
            output = await door.invoke("auth:revoke-token", {"id": id})
        print_json(output) if as_json else print(f"revoked {id}")
        return OK

    run_async(work, as_json=as_json)
