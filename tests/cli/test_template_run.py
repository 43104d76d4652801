"""``template run`` and ``template dry-run`` on a template of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.calls import run

TEMPLATE = """\
apiVersion: scaffolder.backstage.io/v1beta3
kind: Template
metadata: {name: service}
spec:
  type: service
  parameters:
    - properties: {name: {type: string}, motto: {type: string}}
  steps:
    - id: fetch
      action: fetch:template
      input:
        url: ./skeleton
        values:
          name: ${{ parameters.name }}
    - id: secret
      action: debug:log
      input:
        message: "token ${{ secrets.token }}"
    - id: publish
      action: publish:github
      input: {repoUrl: "github.com?owner=a&repo=b"}
  output:
    link: ${{ steps.publish.output.remoteUrl }}
"""
SKELETON = "Hello ${{ values.name }}\n"


@pytest.fixture
def template(tmp_path: Path) -> Path:
    (tmp_path / "skeleton").mkdir()
    (tmp_path / "skeleton" / "${{ values.name }}.md").write_text(SKELETON)
    (tmp_path / "values.json").write_text('{"name": "orders"}')
    (tmp_path / "secrets.json").write_text('{"token": "s3cr3t-token"}')
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    return tmp_path / "template.yaml"


def call(capsys: Any, template: Path, command: str, *more: str) -> tuple[int, str, str]:
    folder = template.parent
    return run(
        capsys, "template", command, str(template), "--values", str(folder / "values.json"),
        "--secrets", str(folder / "secrets.json"), "--stub-unknown", *more,
    )  # fmt: skip


def test_a_template_beside_its_skeleton_runs_from_the_disk(template: Path, tmp_path: Path, capsys: Any):
    """Relative addresses are those beside the file; what is told holds no secret; a used folder is refused."""
    place = str(tmp_path / "made")
    code, out, err = call(capsys, template, "run", "--workspace", place)
    assert code == 0 and (tmp_path / "made" / "orders.md").read_text() == "Hello orders\n"
    assert "Run completed with status: completed" in out and "https://example.com/publish-github/remoteUrl" in out
    assert "***" in out and "s3cr3t" not in out + err
    code, _, err = call(capsys, template, "run", "--workspace", place)
    assert code == 2 and "not empty" in err


def test_json_holds_no_secret(template: Path, tmp_path: Path, capsys: Any):
    code, out, _ = call(capsys, template, "run", "--workspace", str(tmp_path / "made"), "--json")
    assert code == 0 and "s3cr3t" not in out
    assert json.loads(out)["steps"][1]["input"] == {"message": "***"}


def test_a_dry_run_does_the_files_and_makes_up_the_rest(template: Path, capsys: Any):
    code, out, _ = call(capsys, template, "dry-run", "--json")
    made = json.loads(out)
    assert code == 0 and made["files"] == ["orders.md"] and made["status"] == "completed"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("${{ parameters.name }}", "${{ parameters.nmae }}", "template.yaml:14:21: The template has no parameter nmae."),
        ("${{ parameters.name }}", "${{ parameters.name | nope }}", "template.yaml:14:17: There is no filter nope"),
        ("name: ${{ parameters.name }}", "name: |\n            one\n            ${{ motto }}", "template.yaml:16:17: Nothing is called motto."),
        ('"token ${{ secrets.token }}"', '"token ${{ secrets.token"', "template.yaml:18:"),
        ("steps.publish.output.remoteUrl", "steps.publsh.output.remoteUrl", "template.yaml:23:15: No step before this one has the id publsh."),
        ("action: debug:log", "action: debug:log\n      if: ${{ each.key }}", "Nothing is called each."),
        ("url: ./skeleton", "url: ./gone", "template.yaml:12:14: ./gone cannot be read"),
        ("    - id: publish\n", "    - id: log\n      action: fs:readdir\n      input: {paths: ['${{ steps.fetch.result }}']}\n    - id: publish\n", "A step has only an output"),
    ],
)  # fmt: skip
def test_strict_tells_what_stands_for_nothing_with_its_place(
    template: Path, capsys: Any, old: str, new: str, said: str
):
    """Before anything runs, with file, line and column."""
    assert old in TEMPLATE
    template.write_text(TEMPLATE.replace(old, new, 1))
    code, out, err = call(capsys, template, "dry-run", "--strict")
    assert code == 1 and said in out and "nothing was run" in err


def test_strict_looks_into_the_files_that_are_rendered(template: Path, capsys: Any):
    (template.parent / "skeleton" / "a.md").write_text("ok\n  ${{ values.owner }} ${{ values.name | nope }}")
    code, out, _ = call(capsys, template, "dry-run", "--strict", "--json")
    problems = json.loads(out)["problems"]
    assert code == 1 and [(one["file"], one["line"], one["column"]) for one in problems] == [
        ("./skeleton/a.md", 2, 41), ("./skeleton/a.md", 2, 7),
    ]  # fmt: skip


def test_a_good_template_passes_strict_and_runs(template: Path, capsys: Any):
    code, out, _ = call(capsys, template, "dry-run", "--strict")
    assert code == 0 and "orders.md" in out


@pytest.mark.parametrize(
    ("content", "said"),
    [("kind: Component\n", "no entity of kind Template"), ("a: [\n", "line 2"), ("kind: Template\nmetadata: {name: x}\n", "apiVersion")],
)  # fmt: skip
def test_what_is_no_template_is_told(template: Path, capsys: Any, content: str, said: str):
    template.write_text(content)
    code, _, err = call(capsys, template, "dry-run")
    assert code == 2 and said in err


def test_nothing_is_fetched_from_elsewhere_offline(template: Path, capsys: Any):
    template.write_text(TEMPLATE.replace("./skeleton", "https://github.com/acme/x/tree/main/s"))
    code, out, err = call(capsys, template, "dry-run")
    assert code == 1 and "is not read here" in err + out


def test_without_stand_ins_unknown_actions_fail(template: Path, tmp_path: Path, capsys: Any):
    """A portal on the local store is asked for them then."""
    template.write_text(TEMPLATE.replace("publish:github", "test:unknown"))
    code, _, err = run(
        capsys, "template", "run", str(template), "--workspace", str(tmp_path / "w"), "--data", str(tmp_path / "data")
    )
    assert code == 1 and "test:unknown" in err
