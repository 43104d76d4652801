"""The reference says what the code says."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "reference"


@cache
def built() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("build_reference", ROOT / "docs" / "build_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.build_pages()


def test_there_is_a_page_for_each_part():
    """No page is missing, none is left over."""
    assert sorted(p.name for p in FOLDER.glob("*.md")) == sorted(built())


@pytest.mark.parametrize(
    "name",
    [
        "README.md", "settings.md", "cli.md", "rest.md", "permissions.md", "actions.md", "events.md", "errors.md", "hooks.md",
        "kinds.md", "search-keys.md",
    ],
)  # fmt: skip
def test_a_page_is_as_the_code_has_it(name):
    """Every setting, command, path, permission, action, event, error and hook is there as it is; `make docs` writes the page again."""
    assert (FOLDER / name).read_text(encoding="utf-8") == built()[name]


def test_nothing_is_without_a_description():
    """Rows of settings, permissions and paths say what they are for."""
    empty = {}
    for name in ("settings.md", "permissions.md", "rest.md", "errors.md"):
        text = built()[name].split("## Rules for conditions")[0]  # parameters of rules may speak for themselves
        rows = [line for line in text.splitlines() if line.startswith("| `")]
        bare = [row for row in rows if row.rstrip().endswith("|  |") and row.count(" | ") >= 3]
        if bare:
            empty[name] = bare
    assert empty == {}
