"""``callboard policy explain``: why may X do Y?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.calls import Served, run, run_json

Capture = pytest.CaptureFixture[str]
POLICY = """
permission:
  policy:
    roles:
      keepers:
        members: [user:default/kim]
        rules: [{permission: catalog.entity.delete}]
      closed:
        members: [$everyone]
        rules: [{permission: catalog.location.create, effect: deny}]
"""


def explain(capsys: Capture, *arguments: str) -> tuple[int, dict]:
    code, out, err = run(capsys, "policy", "explain", *arguments, "--json")
    return code, json.loads(out or err)


def test_owners_may_and_others_may_not(capsys: Capture, organisation: Path):
    """A condition is told as such, and judged for one entity; the exit code follows."""
    run(capsys, "catalog", "refresh")
    code, told = explain(capsys, "ada", "catalog.entity.delete")
    assert (code, told["result"]) == (0, "CONDITIONAL")
    assert told["condition"]["rule"] == "IS_ENTITY_OWNER"
    assert [rule["effect"] for rule in told["rules"]] == ["allow"]
    code, told = explain(capsys, "ada", "catalog.entity.delete", "component:default/payments")
    assert (code, told["resource"]) == (1, {"ref": "component:default/payments", "result": "DENY"})
    code, told = explain(capsys, "group:default/team-a", "catalog.entity.delete", "component:default/payments")
    assert (code, told["resource"]["result"]) == (0, "ALLOW")
    code, told = explain(capsys, "ada", "catalog.entity.delete", "component:default/nobody")
    assert (code, told["resource"]["result"]) == (1, "ABSENT")


def test_roles_denials_and_restrictions_are_named(capsys: Capture, organisation: Path, tmp_path: Path):
    """By the policy's own words: which role, because of which member, which line of the file."""
    with (tmp_path / "app-config.yaml").open("a", encoding="utf-8") as file:
        file.write(POLICY)
    code, told = explain(capsys, "kim", "catalog.entity.delete")
    assert (code, told["result"]) == (0, "ALLOW")
    assert {"role": "keepers", "because": "user:default/kim"} in told["roles"]
    code, told = explain(capsys, "kim", "catalog.location.create")
    assert (code, told["result"]) == (1, "DENY")
    assert "closed" in told["reason"]
    assert explain(capsys, "external:everything", "catalog.entity.read")[1]["result"] == "ALLOW"
    assert explain(capsys, "anonymous", "catalog.entity.read")[1]["reason"] == "no credentials"
    code, out, _ = run(capsys, "policy", "explain", "kim", "catalog.entity.delete")
    assert (code, out.splitlines()[0].startswith("user:default/kim: may: catalog.entity.delete")) == (0, True)


def test_what_is_not_there_is_refused_with_what_is(capsys: Capture, organisation: Path):
    """Unknown permissions list the known ones; services are those of the settings."""
    code, told = explain(capsys, "ada", "catalog.nonsense")
    assert (code, "catalog.entity.read" in told["error"]["message"]) == (2, True)
    assert explain(capsys, "external:nobody", "catalog.entity.read")[0] == 1
    assert explain(capsys, "ada", "catalog.entity.create", "component:default/a")[0] == 2


@pytest.mark.slow
def test_on_a_server_everybody_may_ask_about_themselves(capsys: Capture, organisation: Path, tmp_path: Path):
    """About others only administrators; a token's scopes are told."""
    run_json(capsys, "user", "add", "root", "--role", "admin", "--no-password")
    run_json(capsys, "user", "add", "ada", "--no-password")
    mine = run_json(capsys, "token", "create", "t", "--user", "ada", "--scope", "read")["token"]
    root = run_json(capsys, "token", "create", "t", "--user", "root")["token"]
    served = Served(tmp_path)
    try:
        there = ("--url", served.url, "--token")
        code, told = explain(capsys, "me", "catalog.entity.delete", *there, mine)
        assert (code, told["result"], told["reason"]) == (1, "DENY", "outside the scopes of the token")
        assert told["limits"] == ["the token is limited to read"]
        assert explain(capsys, "root", "catalog.entity.delete", *there, mine)[0] == 1
        assert explain(capsys, "ada", "catalog.entity.delete", *there, root)[1]["result"] == "CONDITIONAL"
    finally:
        served.stop()
