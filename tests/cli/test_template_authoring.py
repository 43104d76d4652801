"""``callboard template lint`` and ``template test``: what authors and their CI see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cli.calls import run

TEMPLATE = """\
apiVersion: scaffolder.backstage.io/v1beta3
kind: Template
metadata:
  name: service
spec:
  type: service
  parameters:
    required: [name]
    properties:
      name: {type: string}
  steps:
    - id: fetch
      action: fetch:template
      input: {url: ./skeleton, values: {name: "${{ parameters.name }}"}}
    - id: publish
      action: publish:github
      input: {repoUrl: "github.com?owner=acme&repo=${{ parameters.name }}"}
  output:
    links: [{title: See, url: "${{ steps.publish.output.remoteUrl }}"}]
"""


def make_template(folder: Path) -> Path:
    """A template with a skeleton of two files and one case without expectations."""
    skeleton = folder / "skeleton"
    (skeleton / "bin").mkdir(parents=True)
    (folder / "template.yaml").write_text(TEMPLATE)
    (skeleton / "README.md").write_text("# ${{ values.name }}\n")
    script = skeleton / "bin" / "run"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    case = folder / "tests" / "minimal"
    case.mkdir(parents=True)
    (case / "values.json").write_text('{"name": "orders"}')
    return case


def test_cases_are_written_passed_and_failed(tmp_path: Path, capsys: Any) -> None:
    """--update writes what is made; a changed skeleton then fails with the difference, whatever it is."""
    case = make_template(tmp_path)
    code, out, _ = run(capsys, "template", "test", str(tmp_path))
    assert code == 1 and "There is no expected/; --update writes it." in out
    assert run(capsys, "template", "test", str(tmp_path), "--update")[0] == 0
    assert (case / "expected" / "README.md").read_text() == "# orders\n"
    assert (case / "expected" / "bin" / "run").stat().st_mode & 0o100
    output = json.loads((case / "expected-output.json").read_text())
    assert output["links"][0]["url"] == "https://example.com/publish-github/remoteUrl"
    code, out, _ = run(capsys, "template", "test", str(tmp_path))
    assert (code, out) == (0, "passed   minimal\n1 case, 0 failed\n")
    (tmp_path / "skeleton" / "README.md").write_text("# The ${{ values.name }}\n")
    (tmp_path / "skeleton" / "more.txt").write_text("new")
    (tmp_path / "skeleton" / "bin" / "run").chmod(0o644)
    (case / "expected" / "gone.txt").write_text("x")
    code, out, _ = run(capsys, "template", "test", str(tmp_path), "--json")
    told = json.loads(out)
    assert (code, told["failed"], told["cases"][0]["status"]) == (1, 1, "failed")
    problems = told["cases"][0]["problems"]
    assert [one.splitlines()[0] for one in problems] == [
        "README.md: differs",
        "bin/run: is not executable",
        "gone.txt: was not made",
        "more.txt: is not expected",
    ]
    assert "-# orders" in problems[0] and "+# The orders" in problems[0]


def test_a_case_gives_outputs_and_expects_errors(tmp_path: Path, capsys: Any) -> None:
    """outputs.json stands for what a step would give; expected-error.txt wants the failure."""
    case = make_template(tmp_path)
    (case / "outputs.json").write_text('{"publish": {"remoteUrl": "https://git.example.com/acme/orders"}}')
    run(capsys, "template", "test", str(tmp_path), "--update")
    output = json.loads((case / "expected-output.json").read_text())
    assert output["links"][0]["url"] == "https://git.example.com/acme/orders"
    broken = tmp_path / "tests" / "broken"
    broken.mkdir()
    (broken / "values.json").write_text('{"name": "x"}')
    (broken / "expected-error.txt").write_text("${{")
    (tmp_path / "skeleton" / "README.md").write_text("${{ values.name | nope }}")
    code, out, _ = run(capsys, "template", "test", str(tmp_path), "--case", "broken")
    assert code == 1 and "otherwise than expected-error.txt says" in out
    assert run(capsys, "template", "test", str(tmp_path), "--case", "broken", "--update")[0] == 0
    assert run(capsys, "template", "test", str(tmp_path), "--case", "broken")[0] == 0
    code, out, _ = run(capsys, "template", "test", str(tmp_path), "--case", "minimal", "--update")
    assert code == 1 and "nothing is written" in out
    assert (case / "expected" / "README.md").read_text() == "# orders\n"


def test_answers_that_do_not_fit_and_wrong_usage(tmp_path: Path, capsys: Any) -> None:
    """Answers are judged by the template's form; what cannot be run at all is status 2."""
    case = make_template(tmp_path)
    (case / "values.json").write_text('{"name": 3}')
    code, out, _ = run(capsys, "template", "test", str(tmp_path))
    assert code == 1 and "values.json: instance.name is not of a type" in out
    for arguments, said in (
        ([str(tmp_path / "nope")], "is no folder"),
        ([str(tmp_path / "skeleton")], "holds no case"),
        ([str(tmp_path), "--case", "other"], "There is no case other; there are minimal."),
    ):
        code, _, err = run(capsys, "template", "test", *arguments)
        assert code == 2 and said in err
    (case / "values.json").write_text("{")
    code, _, err = run(capsys, "template", "test", str(tmp_path))
    assert code == 2 and "is not JSON" in err


def test_lint_looks_at_files_and_folders(tmp_path: Path, capsys: Any) -> None:
    """Errors are status 1, warnings only with --strict, no file 2; actions of elsewhere may be allowed."""
    make_template(tmp_path)
    allowed = ("--allow-action", "publish:*")
    code, out, _ = run(capsys, "template", "lint", str(tmp_path), *allowed)
    assert (code, out) == (0, "1 template file, 0 errors, 0 warnings\n")
    (tmp_path / "skeleton" / "README.md").write_text("# ${{ values.title }}\n")
    assert run(capsys, "template", "lint", str(tmp_path), *allowed)[0] == 0
    assert run(capsys, "template", "lint", str(tmp_path), *allowed, "--strict")[0] == 1
    file = tmp_path / "template.yaml"
    file.write_text(TEMPLATE.replace("steps.publish.output", "steps.publsh.output"))
    code, out, _ = run(capsys, "template", "lint", str(file), "--json", *allowed)
    told = json.loads(out)
    assert (code, told["errors"], told["warnings"]) == (1, 1, 1)
    (found,) = [one for one in told["findings"] if one["severity"] == "error"]
    assert (found["rule"], found["line"], found["column"]) == ("unknown-step", 19, 36)
    assert found["message"] == "No step has the id publsh."
    code, _, err = run(capsys, "template", "lint", str(tmp_path / "nope.yaml"))
    assert code == 2 and "there is no such file" in err
