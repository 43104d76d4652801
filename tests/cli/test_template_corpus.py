"""Real templates, run from the command line, give what the real Backstage gave: files, inputs of steps, skips, outputs, failures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.calls import run

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "templates"
if not CORPUS.is_dir():  # a worktree beside the repository's own folder
    CORPUS = Path("/work/shared/corpus/templates")
JOBS = sorted(path.parent for path in CORPUS.glob("*/job.json"))
FAILING = {"06", "24", "32"}


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Contents and whether they may be run, by path."""
    files = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mode & 0o111) for path in files
    }  # fmt: skip


def shape(steps: list[dict[str, Any]]) -> list[Any]:
    return [(one["id"], one["action"], one["input"], one["real"], "error" in one) for one in steps]


@pytest.mark.skipif(not JOBS, reason="the corpus of templates is not on this machine")
def test_the_corpus_is_whole():
    """35 templates, of which three fail in the real Backstage, too."""
    said = {job.name[:2]: json.loads((job / "expected-steps.json").read_text())["status"] for job in JOBS}
    assert len(said) == 35 and {number for number, status in said.items() if status == "failed"} == FAILING


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name[:2])
def test_a_real_template_gives_what_it_gives_in_backstage(job: Path, tmp_path: Path, capsys: Any):
    about = json.loads((job / "job.json").read_text())
    expected = json.loads((job / "expected-steps.json").read_text())
    code, out, err = run(
        capsys, "template", "run", str(job / "src" / about["template_path"]), "--values", str(job / "values.json"),
        "--workspace", str(tmp_path / "made"), "--base-url", about["base_url"], "--reads-root", str(job / "src"),
        "--stub-unknown", "--json",
    )  # fmt: skip
    made = json.loads(out)
    assert made["status"] == expected["status"], err
    assert code == (0 if expected["status"] == "completed" else 1)
    assert made["skipped"] == expected["skipped"]
    assert shape(made["steps"]) == shape(expected["steps"])
    assert made.get("output") == expected.get("output")
    assert tree(tmp_path / "made") == tree(job / "expected")
