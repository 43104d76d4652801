"""``callboard catalog import`` on a local store and on a server: one shape, one set of exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.calls import run, run_json
from tests.cli.conftest import door, in_empty_folder, organisation

__all__ = ["door", "in_empty_folder", "organisation"]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    """Two good rows, of which one has an owner that stands; one that the organisation's file gives; one without a name."""
    path = tmp_path / "services.csv"
    path.write_text(
        "Service,Team,What it does,Hosting\ninvoices,team-a,Writes invoices,eks\nmail,post office,Sends mail,lambda\n"
        "payments,team-a,Taken,eks\n,team-a,Nobody,eks\n",
        encoding="utf-8",
    )
    (tmp_path / "paper.pdf").write_bytes(b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n")
    return path


def names(capsys: Capture, door: tuple[str, ...], kind: str = "component") -> list[str]:
    page = run_json(capsys, "catalog", "list", "--kind", kind, *door)
    return [entity["metadata"]["name"] for entity in page["items"]]


def import_json(capsys: Capture, *arguments: str) -> tuple[int, Any]:
    code, out, err = run(capsys, "catalog", "import", *arguments, "--json")
    assert out, err
    return code, json.loads(out)


def test_a_dry_run_prints_the_plan_and_writes_nothing(capsys: Capture, door: tuple[str, ...], sheet: Path):
    """Every entity with its rows and cells; exit status 1 because rows would be left out; no draft stays behind."""
    code, answer = import_json(capsys, str(sheet), "--dry-run", *door)
    assert code == 1
    assert answer["isDryRun"]
    assert (answer["summary"]["rows"], answer["summary"]["rowsTaken"]) == (4, 2)
    actions = {entity["ref"]: entity["action"] for entity in answer["entities"]}
    assert actions["component:default/invoices"] == "create"
    assert actions["component:default/payments"] == "conflict"
    assert sorted(one["rows"] for one in answer["leftOut"]) == [[4], [5]]
    assert names(capsys, door) == ["payments"]
    code, out, _ = run(capsys, "catalog", "import", str(sheet), "--dry-run", *door)
    assert (code, "would be created" in out, "row 5" in out) == (1, True, True)


def test_a_sheet_comes_in_and_goes_again(capsys: Capture, door: tuple[str, ...], sheet: Path):
    """With an owner that is made; again, nothing changes; undone by the id that was printed."""
    code, answer = import_json(capsys, str(sheet), *door)
    assert (code, answer["import"]["stage"]) == (1, "applied")
    assert names(capsys, door) == ["invoices", "mail", "payments"]
    assert "post-office" in names(capsys, door, "group")
    _, again = import_json(capsys, str(sheet), *door)
    assert (again["summary"]["counts"]["create"], again["summary"]["counts"]["unchanged"]) == (0, 3)
    refused = run(capsys, "catalog", "import", "--undo", "nothing", *door)
    assert (refused[0], "no such import" in refused[2]) == (1, True)
    assert run(capsys, "catalog", "import", "--undo", again["import"]["id"], *door)[0] == 0
    undone = run_json(capsys, "catalog", "import", "--undo", answer["import"]["id"], *door)
    assert undone["import"]["stage"] == "undone"
    assert names(capsys, door) == ["payments"]


def test_columns_and_defaults_can_be_said(capsys: Capture, door: tuple[str, ...], sheet: Path):
    """``--map`` by role and key, defaults by name; what takes a role away from a guess leaves that column out."""
    code, _ = import_json(
        capsys, str(sheet), "--map", "Hosting=annotation:example.com/hosting", "--map", "what it does=title", "--kind", "Resource",
        "--type", "server", *door,
    )  # fmt: skip
    assert code == 1
    mail = run_json(capsys, "catalog", "show", "resource:mail", *door)
    assert mail["metadata"]["title"] == "Sends mail"
    assert mail["metadata"]["annotations"]["example.com/hosting"] == "lambda"
    assert mail["spec"]["type"] == "server"


@pytest.mark.parametrize(
    "arguments",
    [
        (), ("missing.csv",), ("services.csv", "--map", "Nowhere=title"), ("services.csv", "--map", "Team=boss"),
        ("services.csv", "--map", "Team"), ("services.csv", "--sheet", "Other"), ("services.csv", "--namespace", "Not Good"),
        ("paper.pdf",),
    ],
)  # fmt: skip
def test_what_cannot_be_used_ends_with_2_and_says_what(
    capsys: Capture, organisation: Path, sheet: Path, arguments: tuple[str, ...]
):
    """No file, none there, an unknown column, role, tab or namespace, and something that is no sheet; nothing is left over."""
    code, out, err = run(capsys, "catalog", "import", *arguments)
    assert (code, out) == (2, ""), err
    assert err.startswith("callboard: ") or "Error" in err


def test_a_sheet_without_faults_ends_with_0(capsys: Capture, organisation: Path, tmp_path: Path):
    """And tells how to take it back."""
    path = tmp_path / "fine.tsv"
    path.write_text("name\towner\nweb\tteam-a\n", encoding="utf-8")
    code, out, err = run(capsys, "catalog", "import", str(path), "--config", "app-config.yaml")
    assert code == 0, err
    assert "1 created" in out or "2 created" in out
    assert "--undo" in out
