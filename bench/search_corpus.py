"""Corpora for ``search.py``: GOV.UK's docs cut into passages, its questions, and things to be found by name."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any, AsyncIterator, Iterator, Mapping, Sequence

from callboard.features.search.interface import SearchDocument
from callboard.features.search.text.tokens import name_key
from callboard.kernel.plugins.hooks import hookimpl

HERE = Path(__file__).resolve().parent
OWN_QUESTIONS = HERE / "data" / "govuk_questions.txt"
HARD_QUESTIONS = HERE / "data" / "govuk_hard_questions.txt"
FRESH_QUESTIONS = HERE / "data" / "govuk_fresh_questions.txt"
_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*$")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")


def passages_of(text: str, file: str, resource: str | None, location: str) -> Iterator[SearchDocument]:
    """A Markdown file as passages, one for each heading."""
    front, body = _front_matter(text)
    path = re.sub(r"(\.html)?\.md$", "", file)
    lines = body.splitlines()
    title = front.get("title") or next((m[2] for line in lines if (m := _HEADING.match(line))), path)
    stack: list[tuple[int, str]] = []
    part: list[str] = []
    number, is_code = 0, False

    def passage() -> SearchDocument:
        headings = [name for _, name in stack if name != title]
        anchor = re.sub(r"[^\w]+", "-", stack[-1][1].lower()).strip("-") if stack else ""
        return SearchDocument(
            id=f"{file}#{number}", title=title, location=f"{location}/{path}.html", text="\n".join(part).strip(),
            names=[path.removesuffix("/index").rpartition("/")[2]], headings=headings, resource=resource, parent=file, anchor=anchor,
            keywords=[front.get("section", "")], fields={"path": file}, wire={"path": file},
        )  # fmt: skip

    for line in lines:
        if line.lstrip().startswith(("```", "~~~")):
            is_code = not is_code
            continue
        heading = None if is_code else _HEADING.match(line)
        if heading is None:
            part.append(_LINK.sub(r"\1", line).replace("`", ""))
            continue
        if any(line.strip() for line in part):
            yield passage()
            number += 1
        level = len(heading[1])
        stack = [one for one in stack if one[0] < level] + [(level, _LINK.sub(r"\1", heading[2]).replace("`", ""))]
        part = []
    if number == 0 or any(line.strip() for line in part):
        yield passage()


def _front_matter(text: str) -> tuple[dict[str, str], str]:
    if not text.startswith("---"):
        return {}, text
    head, _, body = text[3:].partition("\n---")
    pairs = re.findall(r"^(\w+):\s*(.*)$", head, re.MULTILINE)
    return {key: value.strip().strip("'\"") for key, value in pairs}, body


class FolderCollator:
    """Markdown files of a folder as documents of one entity."""

    title, icon, topics = "bench", "docs", ()

    def __init__(self, folder: Path, resource: str | None, type: str = "markdown") -> None:
        self.folder, self.resource, self.type = folder, resource, type

    async def scopes(self) -> AsyncIterator[Sequence[tuple[str, str]]]:
        files = sorted(self.folder.rglob("*.md"))
        yield [(str(file.relative_to(self.folder)), str(file.stat().st_mtime_ns)) for file in files]

    async def documents(self, scopes: Sequence[str]) -> Mapping[str, Sequence[SearchDocument]]:
        found = {}
        for scope in scopes:
            text = (self.folder / scope).read_text()
            found[scope] = list(passages_of(text, scope, self.resource, "/docs/default/component/govuk-developer-docs"))
        return found

    def changed(self, event: Any) -> Sequence[str] | None:
        return None


class MixedCollator(FolderCollator):
    """As many passages as wanted, of sentences of the folder's files put together anew: eight to a page."""

    def __init__(self, folder: Path, count: int, type: str = "markdown") -> None:
        super().__init__(folder, None, type)
        text = "\n".join(file.read_text() for file in sorted(folder.rglob("*.md")))
        self.sentences = [line.strip() for line in re.split(r"(?<=[.:])\s+|\n\n", text) if 30 < len(line) < 400]
        self.pages = {f"page-{number:05d}": 1 for number in range(count // 8)}

    async def scopes(self) -> AsyncIterator[Sequence[tuple[str, str]]]:
        yield [(page, str(revision)) for page, revision in self.pages.items()]

    async def documents(self, scopes: Sequence[str]) -> Mapping[str, Sequence[SearchDocument]]:
        return {page: list(self._page(page)) for page in scopes if page in self.pages}

    def _page(self, page: str) -> Iterator[SearchDocument]:
        chance = random.Random(f"{page} {self.pages[page]}")
        title = " ".join(_LINK.sub(r"\1", chance.choice(self.sentences)).split()[:5])
        mark = f" changed{self.pages[page]}{page.replace('-', '')}" if self.pages[page] > 1 else ""
        for number in range(8):
            picked = chance.sample(self.sentences, 8)
            yield SearchDocument(
                id=f"{page}#{number}", title=title, location=f"/docs/{page}", text=" ".join(picked) + mark, names=[page],
                headings=[" ".join(picked[0].split()[:4])], parent=page, anchor=str(number), wire={"path": page},
                fields={"path": page, "name": page},
            )  # fmt: skip


class Plugin:
    """Offers one collator."""

    def __init__(self, collator: Any) -> None:
        self.collator = collator

    @hookimpl(optionalhook=True)
    def register_search_collators(self, portal: Any) -> Sequence[Any]:
        return [self.collator]


def own_questions(path: Path = OWN_QUESTIONS) -> list[tuple[str, list[set[str]]]]:
    """(question, [sources any of which is enough])."""
    found = []
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            question, _, gold = line.rpartition(" | ")
            found.append((question, [{_source(one) for one in gold.split(", ")}]))
    return found


def given_questions(path: Path) -> list[tuple[str, list[set[str]]]]:
    found = []
    for line in path.read_text().splitlines():
        one = json.loads(line)
        if one["answerable"]:
            found.append((one["question"], [{*one["gold_sources"], *one["also_acceptable"]}]))
    return found


def _source(short: str) -> str:
    if short.startswith("#"):
        return f"repos.csv{short}"
    return "docs/" + short.replace("m/", "manual/", 1).replace("k/", "kubernetes/", 1) + ".html.md"


def source_of(fields: Mapping[str, Any]) -> str:
    """What a result with these fields counts as."""
    return f"docs/{fields['file']}" if "file" in fields else f"repos.csv#{fields['name']}"


def spoilt(kind: str, title: str, chance: random.Random, begun: dict[str, int]) -> str | None:
    """None where that cannot be done: too short, one word, or more than three things begin so."""
    if kind == "typo":
        places = list(re.finditer(r"[A-Za-z]{4,}", title))
        if not places:
            return None
        match = chance.choice(places)
        at = chance.randrange(match.start() + 1, match.end() - 1)
        how = chance.randrange(4)
        letter = chance.choice("abcdefghijklmnopqrstuvwxyz")
        middle = ["", title[at] + letter, letter, title[at + 1] + title[at]][how]
        return title[:at] + middle + title[at + (2 if how == 3 else 1) :]
    if kind == "begun":
        key = name_key(title)[:5]
        return title[:5].strip() if len(key) == 5 and begun[key] <= 3 and key == name_key(title[:5]) else None
    words = re.findall(r"[\w.]+", title.replace("_", " "))
    if len(words) < 2:
        return None
    at = chance.randrange(len(words) - 1)
    words[at : at + 2] = words[at + 1], words[at]
    return " ".join(words)
