"""The navigation of a site: as its ``nav`` says, or from its folders."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import Any, Iterable, Mapping, Sequence
from urllib.parse import unquote, urlsplit

from callboard.features.techdocs.interface import NavItem, Problem
from callboard.features.techdocs.rendering.documents import below, is_index, page_stem
from callboard.features.techdocs.rendering.including import Folder
from callboard.features.techdocs.rendering.outline import title_of_name
from callboard.features.techdocs.rendering.values import Limits, LinkRules


@dataclass(frozen=True, slots=True)
class Entry:
    """A page as navigation needs it."""

    document: str
    address: str
    title: str
    weight: float | None


@dataclass(slots=True)
class Navigating:
    """Builds the tree. ``listed``: addresses in the order in which they stand in it."""

    entries: Mapping[str, Entry]
    hidden: set[str]
    rules: LinkRules
    limits: Limits
    file: str | None
    lines: Mapping[str, int]
    listed: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _count: int = 0

    def from_config(self, nav: Sequence[Any]) -> tuple[NavItem, ...]:
        return tuple(self._items(nav, 0))

    def _items(self, nav: Iterable[Any], depth: int) -> list[NavItem]:
        made: list[NavItem] = []
        for item in nav:
            self._count += 1
            if self._count > self.limits.nav_items or depth > self.limits.nav_depth:
                if self._count == self.limits.nav_items + 1 or depth > self.limits.nav_depth:
                    bounds = f"{self.limits.nav_items:,} entries, {self.limits.nav_depth} levels"
                    self._tell("refused", f"nav is larger than is shown ({bounds}); the rest was left out.", "nav")
                break
            if isinstance(item, Folder):
                made.extend(self.from_folder(item.alias))
            elif isinstance(item, str):
                made.extend(self._leaf(None, item))
            elif isinstance(item, dict):
                for title, value in item.items():
                    if isinstance(value, str):
                        made.extend(self._leaf(str(title), value))
                    elif isinstance(value, (list, dict)):
                        nested = value if isinstance(value, list) else [{k: v} for k, v in value.items()]
                        children = self._items(nested, depth + 1)
                        if children:
                            made.append(NavItem(str(title), children=tuple(children)))
        return made

    def _leaf(self, title: str | None, value: str) -> list[NavItem]:
        try:
            parts = urlsplit(value)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme or parts.netloc:
            if parts.scheme in {"http", "https", "mailto"}:
                return [NavItem(title or value, href=value)]
            self._tell("refused", f"nav: the address {value!r} is not allowed and was left out.", value)
            return []
        path = posixpath.normpath(unquote(parts.path).lstrip("/"))
        entry = self.entries.get(path)
        if entry is not None:
            if entry.address not in self.listed:
                self.listed[entry.address] = title or entry.title
            return [NavItem(title or entry.title, path=entry.address)]
        if parts.path.startswith("/") and self.rules.absolute_base:
            return [NavItem(title or value, href=self.rules.absolute_base.rstrip("/") + value)]
        folder = [e for e in self.entries if e.startswith(path.rstrip("/") + "/")] if value.endswith("/") else []
        if folder:
            children = self.from_folder(path)
            return [NavItem(title or title_of_name(posixpath.basename(path)), children=children)]
        self._tell("nav", f"nav names {value!r}, which is not among the documents.", value)
        return []

    def _tell(self, code: Any, message: str, text: str) -> None:
        self.problems.append(Problem(code, message, self.file or "", self.lines.get(text)))

    def from_folder(self, folder: str = "") -> tuple[NavItem, ...]:
        """All documents below ``folder``: the index first, pages by weight and file name, then folders; a folder that is led by an index is
        one entry with that page.
        """
        tree: dict[str, Any] = {}
        prefix = f"{folder}/" if folder else ""
        for document, entry in self.entries.items():
            if document.startswith(prefix) and document not in self.hidden:
                *folders, name = document[len(prefix) :].split("/")
                level = tree
                for part in folders[: self.limits.nav_depth]:
                    found = level.setdefault(part + "/", {})
                    level = found
                level[name if len(folders) <= self.limits.nav_depth else document] = entry
        return tuple(self._level(tree))

    def _level(self, tree: Mapping[str, Any], *, without_index: bool = False) -> list[NavItem]:
        rows: list[tuple[tuple[Any, ...], str, Any]] = []
        for name, value in tree.items():
            if isinstance(value, Entry):
                index = self._is_index(value)
                if index and without_index:
                    continue
                weight = float("inf") if value.weight is None else value.weight
                rows.append(((not index, weight, False, name), name, value))
            else:
                lead = self._index_of(value)
                weight = float("inf") if lead is None or lead.weight is None else lead.weight
                rows.append(((True, weight, True, name), name, value))
        made: list[NavItem] = []
        for _, name, value in sorted(rows, key=lambda row: row[0]):
            if isinstance(value, Entry):
                self.listed.setdefault(value.address, value.title)
                made.append(NavItem(value.title, path=value.address))
                continue
            lead = self._index_of(value)
            if lead is not None:
                self.listed.setdefault(lead.address, lead.title)
            children = tuple(self._level(value, without_index=True))
            title = lead.title if lead is not None else title_of_name(name[:-1])
            if lead is not None or children:
                made.append(NavItem(title, path=lead.address if lead else None, children=children))
        return made

    def _is_index(self, entry: Entry) -> bool:
        return is_index(page_stem(entry.document, self.rules.suffixes) or "")

    def _index_of(self, tree: Mapping[str, Any]) -> Entry | None:
        return next((v for v in tree.values() if isinstance(v, Entry) and self._is_index(v)), None)


__all__ = ["Entry", "Navigating", "below"]
