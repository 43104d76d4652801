"""``callboard catalog ownership`` on a local store: figures, the list, and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from callboard.testing import component, group, user_entity
from tests.cli.calls import run
from tests.features.catalog.conftest import yaml_of


def test_the_command_tells_what_is_confirmed_and_what_is_due(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """A table for people, one shape for programs; 1 when something has no owner, 2 for a word it does not know."""
    file, data = tmp_path / "a.yaml", tmp_path / "data"
    file.write_text(
        yaml_of(
            group("team"), user_entity("ada", memberOf=["team"]), component("till"), component("lost", owner="nobody")
        ),
        encoding="utf-8",
    )
    config = tmp_path / "app-config.yaml"
    config.write_text("catalog: {rules: [{allow: [Component, Group, User, Location]}]}\n", encoding="utf-8")
    where = ("--data", str(data), "--config", str(config))
    assert run(capsys, "catalog", "add", str(file), *where)[0] == 0
    code, out, _ = run(capsys, "catalog", "ownership", *where)
    assert code == 1 and "0 % of 2 confirmed" in out and "1 without owner" in out and "component:default/till" in out
    code, out, _ = run(capsys, "catalog", "ownership", "--show", "unowned", "--json", *where)
    answer = json.loads(out)
    assert code == 1 and [i["trouble"] for i in answer["items"]] == ["missing"] and answer["summary"]["all"]["due"] == 1
    code, out, _ = run(capsys, "catalog", "ownership", "--owner", "team", "--json", *where)
    assert json.loads(out)["totalItems"] == 1
    code, _, err = run(capsys, "catalog", "ownership", "--show", "lately", *where)
    assert code == 2 and "lately" in err
