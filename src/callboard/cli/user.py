"""``callboard user``: local users, by the actions ``auth:*-user``."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Optional

import typer

from callboard.cli.commands import Config, Data, Json, Token, Url, make_group, run_async
from callboard.cli.output import OK, print_json, print_table
from callboard.cli.serve import DEFAULT_DATA
from callboard.cli.store import Target, open_door
from callboard.kernel.errors import InputError

app = make_group("Local users.")
Name = Annotated[str, typer.Argument(help="Name that the user signs in with, or entity ref.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


def ask_password(from_stdin: bool) -> str:
    """From standard input, or typed twice without echo. Raises ``InputError`` when neither is possible."""
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise InputError("--password-stdin: standard input is empty")
        return password
    if not sys.stdin.isatty():
        raise InputError("there is no terminal to ask for the password; use --password-stdin")
    import getpass

    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise InputError("the two passwords differ")
    return password


def _act(
    target: Target, id: str, input: dict[str, Any], as_json: bool, said: str, secrets: dict[str, str] | None = None
) -> None:
    async def work() -> int:
        async with open_door(target) as door:
            output = dict(await door.invoke(id, input, secrets=secrets))
        if as_json:
            print_json(output)
        else:
            print(said.format(**{"ref": input["name"], **output}))
        return OK

    run_async(work, as_json=as_json)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Name that the user signs in with.")],
    roles: Annotated[
        Optional[list[str]], typer.Option("--role", "--roles", help="A policy role; 'admin' may do everything.")
    ] = None,
    email: Annotated[Optional[str], typer.Option(help="E-mail address.")] = None,
    display_name: Annotated[Optional[str], typer.Option(help="Name to show.")] = None,
    ref: Annotated[
        Optional[str], typer.Option(help="User entity that the user acts as. Default: user:default/NAME.")
    ] = None,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="Without a password nobody can sign in as this user.")
    ] = False,
    password_stdin: FromStdin = False,
    data: Data = DEFAULT_DATA,
    config: Config = None,
    url: Url = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Add a user."""
    target = Target.of(data, config, url, token)
    given = {"name": name, "email": email, "displayName": display_name, "ref": ref, "roles": _split(roles)}
    input = {key: value for key, value in given.items() if value is not None}

    async def work() -> int:
        secrets = {} if no_password else {"password": ask_password(password_stdin)}
        async with open_door(target) as door:
            output = await door.invoke("auth:create-user", input, secrets=secrets)
        if as_json:
            print_json(output)
        else:
            print(f"added {output['ref']}, who signs in as {output['name']}")
        return OK

    run_async(work, as_json=as_json)


@app.command("list")
def list_(
    data: Data = DEFAULT_DATA, config: Config = None, url: Url = None, token: Token = None, as_json: Json = False
) -> None:
    """List the users."""

    async def work() -> int:
        async with open_door(Target.of(data, config, url, token)) as door:
            output = await door.invoke("auth:list-users", {})
        if as_json:
            print_json(output)
            return OK
        rows = [(u["name"], u["ref"], u["email"], u["roles"], not u["disabled"]) for u in output["users"]]
        print_table(
            ("name", "acts as", "e-mail", "roles", "active"), rows, empty="No users yet: callboard user add NAME"
        )
        return OK

    run_async(work, as_json=as_json)


@app.command("passwd")
def passwd(
    name: Name, password_stdin: FromStdin = False, data: Data = DEFAULT_DATA, config: Config = None, url: Url = None,
    token: Token = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Set a password. The user's sessions end."""

    async def work() -> int:
        secrets = {"password": ask_password(password_stdin)}
        async with open_door(Target.of(data, config, url, token)) as door:
            output = await door.invoke("auth:set-password", {"name": name}, secrets=secrets)
        print_json(output) if as_json else print(f"changed the password of {name}; their sessions have ended")
        return OK

    run_async(work, as_json=as_json)


@app.command("disable")
def disable(
    name: Name,
    data: Data = DEFAULT_DATA,
    config: Config = None,
    url: Url = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Keep a user out: sessions end, tokens stop."""
    _act(
        Target.of(data, config, url, token),
        "auth:update-user",
        {"name": name, "disabled": True},
        as_json,
        "{ref} is kept out",
    )


@app.command("enable")
def enable(
    name: Name,
    data: Data = DEFAULT_DATA,
    config: Config = None,
    url: Url = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Let a disabled user in again."""
    _act(
        Target.of(data, config, url, token),
        "auth:update-user",
        {"name": name, "disabled": False},
        as_json,
        "{ref} may sign in",
    )


@app.command("remove")
def remove(
    name: Name,
    data: Data = DEFAULT_DATA,
    config: Config = None,
    url: Url = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Remove a user for good: sessions end, tokens stop. To keep somebody out for a while, use `disable`."""
    _act(Target.of(data, config, url, token), "auth:delete-user", {"name": name}, as_json, "removed {ref}")


@app.command("roles")
def roles(
    name: Name,
    roles: Annotated[
        Optional[list[str]], typer.Argument(help="All the roles from now on; none takes them away.")
    ] = None,
    data: Data = DEFAULT_DATA,
    config: Config = None,
    url: Url = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Set a user's roles."""
    input = {"name": name, "roles": _split(roles) or []}
    _act(Target.of(data, config, url, token), "auth:update-user", input, as_json, "{ref} has the roles {roles}")


def _split(roles: list[str] | None) -> list[str] | None:
    """Roles given one by one or with commas."""
    return None if roles is None else [part.strip() for role in roles for part in role.split(",") if part.strip()]
