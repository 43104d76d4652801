"""Links in the documents lead somewhere."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "changes").glob("*.md")]
    + [p for p in (ROOT / "examples").rglob("README.md") if "skeleton" not in p.parts]
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def prose(text: str) -> str:
    """The text without code, in which brackets mean other things."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^\s*```.*?^\s*```", "", text, flags=re.MULTILINE | re.DOTALL))


@cache
def anchors(path: Path) -> frozenset[str]:
    """Anchors as code hosts make them from headings."""
    found = []
    for heading in re.findall(r"^#+ (.+)$", prose(path.read_text(encoding="utf-8")), re.MULTILINE):
        text = re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        found.append(text)
    return frozenset(found)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_resolve(path):
    """Every relative link names a file that is there, and an anchor that the file has."""
    broken = []
    for target in LINK.findall(prose(path.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


def test_every_document_can_be_found():
    """Starting from README.md and following links one reaches every page of docs/."""
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        path = waiting.pop()
        if path in seen or path.suffix != ".md" or not path.exists():
            continue
        seen.add(path)
        for target in LINK.findall(prose(path.read_text(encoding="utf-8"))):
            if not re.match(r"[a-z]+:", target):
                waiting.append((path.parent / target.partition("#")[0]).resolve())
    assert [str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md") if p not in seen] == []


def test_source_files_that_documents_name_are_there():
    """`features/catalog/store/index.py` in a document is a file; `…/` is a folder; `*` is at least one."""
    source = ROOT / "src" / "callboard"
    missing = []
    for path in (ROOT / "docs").rglob("*.md"):
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r"`((?:features|integrations|kernel|model|ui|testing)/[\w*/.]*)`", text):
            if not list(source.glob(name.rstrip("/"))):
                missing.append((path.name, name))
    assert missing == []
