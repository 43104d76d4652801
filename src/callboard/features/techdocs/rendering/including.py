"""``!include`` and ``*include`` of ``mkdocs-monorepo``: other sites of the same source taken into the navigation, below their own name."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field, replace
from typing import Any, Sequence

from callboard.features.techdocs.interface import Problem
from callboard.features.techdocs.rendering.config import read_config
from callboard.features.techdocs.rendering.documents import Documents, add_documents, alias_of, below
from callboard.features.techdocs.rendering.files import join_inside
from callboard.features.techdocs.rendering.values import SiteConfig, SiteDefaults, SiteFiles
from callboard.kernel.globs import compile_glob

_ONE = "!include "
_MANY = "*include "
_MAX_NESTED = 5


@dataclass(slots=True)
class Folder:
    """In place of an included site that has no navigation of its own: everything below this document folder."""

    alias: str


@dataclass(slots=True)
class Including:
    """Takes included sites in. ``inside`` is the root of the whole site, which no include may leave."""

    source: SiteFiles
    paths: Sequence[str]
    defaults: SiteDefaults
    documents: Documents
    lines: dict[str, int]
    count: int = 0
    seen: set[str] = field(default_factory=set)

    def resolve(self, nav: Sequence[Any], file: str, alias: str = "", above: tuple[str, ...] = ()) -> list[Any]:
        """``nav`` with every include replaced by the navigation of what it names, and every path below ``alias``."""
        made: list[Any] = []
        for item in nav:
            made.extend(self._item(item, file, alias, above))
        return made

    def _item(self, item: Any, file: str, alias: str, above: tuple[str, ...]) -> list[Any]:
        if isinstance(item, str):
            if item.startswith((_ONE, _MANY)):
                return [part for _, nav in self._included(item, file, above) for part in nav]
            return [_below_alias(alias, item)]
        if not isinstance(item, dict):
            return []
        made: list[Any] = []
        for title, value in item.items():
            if isinstance(value, str) and value.startswith(_ONE):
                found = self._included(value, file, above)
                made.extend({title: nav} for _, nav in found)
            elif isinstance(value, str) and value.startswith(_MANY):
                made.append({title: [{name: nav} for name, nav in self._included(value, file, above)]})
            elif isinstance(value, str):
                made.append({title: _below_alias(alias, value)})
            elif isinstance(value, list):
                made.append({title: self.resolve(value, file, alias, above)})
            elif isinstance(value, dict):
                nested = [{name: inner} for name, inner in value.items()]
                made.append({title: self.resolve(nested, file, alias, above)})
        return made

    def _included(self, statement: str, file: str, above: tuple[str, ...]) -> list[tuple[str, list[Any]]]:
        target = statement.split(" ", 1)[1].strip()
        folder = posixpath.dirname(file)
        root = self.defaults.root
        relative = posixpath.relpath(folder or ".", root or ".")
        inside = join_inside("" if relative == "." else relative, target)
        if inside is None:
            self._tell("refused", f"{statement!r} leads out of the site and was left out.", file, statement)
            return []
        wanted = below(root, inside)
        if statement.startswith(_MANY):
            try:
                pattern = compile_glob(wanted)
            except ValueError as error:
                self._tell("settings", f"{statement!r}: {error}", file, statement)
                return []
            names = sorted(p for p in self.paths if p.endswith((".yml", ".yaml")) and pattern.fullmatch(p))
        else:
            names = [wanted] if wanted in self.seen or wanted in self.paths else []
        if not names:
            self._tell("nav", f"{statement!r} names no mkdocs.yml of this site.", file, statement)
        return [found for name in names if (found := self._one(name, statement, file, above)) is not None]

    def _one(self, name: str, statement: str, file: str, above: tuple[str, ...]) -> tuple[str, list[Any]] | None:
        limit = self.defaults.options.limits.includes
        self.count += 1
        if not name.endswith((".yml", ".yaml")):
            self._tell("nav", f"{statement!r} does not name a .yml or .yaml file.", file, statement)
            return None
        if name in above or len(above) >= _MAX_NESTED or self.count > limit:
            why = (
                "it includes itself"
                if name in above
                else f"at most {limit} includes, nested {_MAX_NESTED} deep, are read"
            )
            self._tell("refused", f"{statement!r} was left out: {why}.", file, statement)
            return None
        folder = posixpath.dirname(name)
        own = replace(self.defaults, title=posixpath.basename(folder) or self.defaults.title, docs_dir="docs")
        config, parsed = read_config(self.source, name, own)
        self.documents.problems.extend(parsed.problems)
        alias = alias_of(config.site_name)
        docs = join_inside(folder, config.docs_dir)
        if docs is None:
            return None
        if name not in self.seen:
            self.seen.add(name)
            add_documents(self.documents, self.paths, config, own, folder=docs, alias=alias)
        lines, self.lines = self.lines, parsed.text_lines
        nav = [Folder(alias)] if config.nav is None else self.resolve(config.nav, name, alias, (*above, name))
        self.lines = lines
        return config.site_name, nav

    def _tell(self, code: Any, message: str, file: str, text: str) -> None:
        self.documents.problems.append(Problem(code, message, file, self.lines.get(text)))


def has_includes(config: SiteConfig) -> bool:
    """Whether the navigation takes in other sites."""

    def found(value: Any) -> bool:
        if isinstance(value, str):
            return value.startswith((_ONE, _MANY))
        if isinstance(value, dict):
            return any(found(v) for v in value.values())
        return isinstance(value, list) and any(found(v) for v in value)

    return config.nav is not None and found(config.nav)


def _below_alias(alias: str, path: str) -> str:
    return path if not alias or "://" in path or path.startswith(("/", "mailto:")) else below(alias, path)
