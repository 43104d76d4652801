"""``callboard catalog propose`` on a local store and on a server: one shape, one set of exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.calls import run, run_json
from tests.cli.conftest import door, in_empty_folder, organisation
from tests.features.proposals.conftest import write_files
from tests.features.proposals.trees import LEDGER

__all__ = ["door", "in_empty_folder", "organisation"]
Capture = pytest.CaptureFixture[str]
REF = "component:default/ledger"


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return write_files(tmp_path / "ledger", {**LEDGER, "CODEOWNERS": "* @acme/team-a\n"})


def refs(answer: Any) -> list[str]:
    return [one["ref"] for one in answer["proposals"]]


def test_a_folder_is_looked_at_and_accepted(capsys: Capture, door: tuple[str, ...], ledger: Path):
    """It is told and waits; again, nothing changed; accepted, it is in the catalog with the owner that is there."""
    answer = run_json(capsys, "catalog", "propose", str(ledger), *door)
    assert refs(answer) == [REF] and answer["scan"]["counts"]["new"] == 1 and answer["decisions"] == []
    code, out, _ = run(capsys, "catalog", "propose", str(ledger), *door)
    assert code == 0 and REF in out and "pyproject.toml:2" in out and "wait for a decision" in out
    answer = run_json(capsys, "catalog", "propose", str(ledger), "--accept", *door)
    assert [one["outcome"] for one in answer["decisions"]] == ["accepted"]
    entity = run_json(capsys, "catalog", "show", REF, *door)
    assert entity["spec"]["owner"] == "group:default/team-a"


def test_a_descriptor_is_written_after_it_was_shown(capsys: Capture, ledger: Path):
    """Never over one that is there, nor without a word; what was written describes what was proposed."""
    code, _, err = run(capsys, "catalog", "propose", str(ledger), "--write")
    assert code == 2 and "--yes" in err and not (ledger / "catalog-info.yaml").exists()
    code, out, err = run(capsys, "catalog", "propose", str(ledger), "--write", "--yes")
    assert code == 0, err
    assert "kind: Component" in out and "name: ledger" in (ledger / "catalog-info.yaml").read_text()
    assert run(capsys, "catalog", "validate", str(ledger / "catalog-info.yaml"))[0] == 0
    code, _, err = run(capsys, "catalog", "propose", str(ledger), "--write", "--yes")
    assert code != 0 and ("--force" in err or "Nothing was found" in err)


def test_what_needs_a_word_is_told(capsys: Capture, tmp_path: Path):
    """Without an owner nothing is accepted: exit status 1, and what is missing."""
    folder = write_files(tmp_path / "alone", {"go.mod": "module example.org/alone\n"})
    code, out, _ = run(capsys, "catalog", "propose", str(folder), "--accept")
    assert code == 1 and "it has no owner" in out
    for arguments in (["https://nowhere.test/a/b"], [str(tmp_path / "absent")], ["https://github.com/a/b", "--write"]):
        code, _, err = run(capsys, "catalog", "propose", *arguments)
        assert code in (1, 2) and err


def test_the_answer_is_one_json_document(capsys: Capture, ledger: Path):
    """With every field and its evidence."""
    code, out, _ = run(capsys, "catalog", "propose", str(ledger), "--json")
    (one,) = [one for one in json.loads(out)["proposals"] if one["kind"] == "Component"]
    assert code == 0 and one["fields"]["metadata.description"]["evidence"][0]["line"] == 3
