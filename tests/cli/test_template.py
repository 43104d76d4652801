"""``callboard template eval``: expressions in, results out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cli.calls import run


def lines(*cases: Any) -> str:
    return "".join(json.dumps(case) + "\n" for case in cases)


def test_each_line_is_answered(tmp_path: Path, capsys: Any) -> None:
    """Values keep their kind, files and names are text, undefined and errors are answers too."""
    file = tmp_path / "cases.jsonl"
    file.write_text(
        lines(
            {"template": "${{ a.b }}", "context": {"a": {"b": [1, "é"]}}},
            {"template": "a/${{ n }}.txt", "context": {"n": "x"}, "mode": "name"},
            {"template": "{% if true %}\n{{ c }}", "context": {"c": 1}, "mode": "file", "options": {"cookiecutterCompat": True, "trimBlocks": True}},
            {"template": "${{ a }}"},
            {"template": "{% if true %}\ny{% endif %}", "mode": "file", "options": {"trimBlocks": True}},
            {"template": "\n${{ x | nope }}"},
            {"template": "${{ x }}", "options": {"strict": True}},
        ),
        encoding="utf-8",
    )  # fmt: skip
    code, out, err = run(capsys, "template", "eval", str(file))
    assert (code, err) == (0, "")
    answers = [json.loads(line) for line in out.splitlines()]
    assert answers[0] == {"value": [1, "é"]}
    assert answers[1] == {"output": "a/x.txt"}
    assert answers[2]["code"] == "scaffolder.template_syntax"
    assert answers[3] == {"undefined": True}
    assert answers[4] == {"output": "y"}
    assert (answers[5]["code"], answers[5]["line"], answers[5]["column"]) == ("scaffolder.template_failed", 2, 9)
    assert answers[6]["code"] == "scaffolder.template_undefined"


def test_a_line_that_is_no_case_is_told(tmp_path: Path, capsys: Any) -> None:
    """The others are answered, and the exit status says so."""
    file = tmp_path / "cases.jsonl"
    file.write_text(
        'nope\n{"template": "${{ 1 }}"}\n{"template": "x", "options": {"trim": 1}}\n{"template": "x", "mode": "y"}\n[]\n'
    )
    code, out, _ = run(capsys, "template", "eval", str(file))
    answers = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert answers[1] == {"value": 1}
    assert [answer["error"].split(" ")[1] for answer in answers if "error" in answer] == ["1", "3", "4", "5"]
    code, _, err = run(capsys, "template", "eval", str(tmp_path / "absent"))
    assert code == 1 and "absent" in err
