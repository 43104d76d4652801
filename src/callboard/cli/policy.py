"""``callboard policy``: who may do what, and why."""

from __future__ import annotations

from typing import Annotated, Any, Mapping, Optional

import typer

from callboard.cli.commands import Config, Data, Json, Token, Url, make_group, run_async
from callboard.cli.output import OK, PROBLEMS, print_json, print_table
from callboard.cli.serve import DEFAULT_DATA
from callboard.cli.store import Target, open_door

app = make_group("Who may do what.")


@app.callback()
def group() -> None:
    """Who may do what."""


@app.command("explain")
def explain(
    who: Annotated[
        str, typer.Argument(metavar="USER", help="A user (ref or name), external:SUBJECT, anonymous, or me.")
    ],
    permission: Annotated[str, typer.Argument(help="As catalog.entity.delete.")],
    ref: Annotated[Optional[str], typer.Argument(help="One entity that it is about.")] = None,
    data: Data = DEFAULT_DATA,
    config: Config = None,
    url: Url = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Why may somebody do something, or not: roles, rules, conditions. Exit status 1 when they may not."""
    target = Target.of(data, config, url, token)

    async def work() -> int:
        input: dict[str, Any] = {"permission": permission}
        if who != "me":
            input["actor"] = who
        if ref is not None:
            input["resourceRef"] = ref
        async with open_door(target) as door:
            told = await door.invoke("permission:explain", input)
        print_json(told) if as_json else _print(told)
        final = told["resource"]["result"] if told.get("resource") else told["result"]
        return OK if final in ("ALLOW", "CONDITIONAL") else PROBLEMS

    run_async(work, as_json=as_json)


_VERDICTS = {"ALLOW": "may", "DENY": "may not", "CONDITIONAL": "may, under conditions"}


def _print(told: Mapping[str, Any]) -> None:
    reason = f" ({told['reason']})" if told.get("reason") else ""
    print(f"{told['actor']}: {_VERDICTS[told['result']]}: {told['permission']}{reason}")
    if told.get("resource"):
        one = told["resource"]
        words = {"ALLOW": "may", "DENY": "may not", "ABSENT": "no such thing to be seen"}
        print(f"{one['ref']}: {words[one['result']]}")
    if told.get("condition"):
        print(f"on condition: {_condition(told['condition'])}")
    for limit in told["limits"]:
        print(f"limit: {limit}")
    for role in told["roles"]:
        print(f"role: {role['role']} (because of {role['because']})")
    rows = [
        (rule["effect"], rule["role"], rule["rule"], _condition(rule["condition"]) if rule["condition"] else "-")
        for rule in told["rules"]
    ]
    if rows:
        print_table(("effect", "role", "rule", "condition"), rows, empty="")


def _condition(value: Mapping[str, Any]) -> str:
    """A condition in one line: ``IS_ENTITY_OWNER(claims=…)``, joined by and, or, not."""
    for key, word in (("anyOf", " or "), ("allOf", " and ")):
        if key in value:
            return f"({word.join(_condition(part) for part in value[key])})"
    if "not" in value:
        return f"not {_condition(value['not'])}"
    given = ", ".join(
        f"{name}={' '.join(map(str, item)) if isinstance(item, list) else item}"
        for name, item in (value.get("params") or {}).items()
    )
    return f"{value['rule']}({given})"
