"""Files stay short enough to be read in one go."""

from __future__ import annotations

from tests.architecture.source import ROOT, SOURCE

LIMIT = 500

# Past the limit for a reason. Each has a reason that a reader of the file would accept.
LONGER: dict[str, str] = {}


def python_files():
    for folder in (SOURCE, ROOT / "examples", ROOT / "bench"):
        yield from (p for p in sorted(folder.rglob("*.py")) if "node_modules" not in p.parts)


def lines_of(path):
    return path.read_text(encoding="utf-8").count("\n")


def test_no_module_is_longer_than_a_sitting():
    """Past 500 lines a module becomes a folder of the same name with the same face."""
    over = {str(p.relative_to(ROOT)): lines_of(p) for p in python_files()}
    assert {name: n for name, n in over.items() if n > LIMIT and name not in LONGER} == {}


def test_listed_modules_are_still_long():
    """A module that has been split leaves the list."""
    assert [name for name in LONGER if lines_of(ROOT / name) <= LIMIT] == []


def test_every_module_says_what_it_is_for():
    """A module opens with its purpose; only empty package files and generated migrations may do without."""
    silent = []
    for path in python_files():
        text = path.read_text(encoding="utf-8").lstrip()
        if text and not text.startswith(('"""', 'r"""')) and not text.startswith("#!"):
            silent.append(str(path.relative_to(ROOT)))
    assert silent == []
