"""Which files of a source belong to the site: a folder may be a whole repository, of which the documentation is a part.

Kept are the configuration, everything below the folders of pages, Markdown at the root, and what pages include by ``--8<--``.
"""

from __future__ import annotations

import posixpath
import re
from typing import AbstractSet, Callable, Iterable

from callboard.kernel.globs import compile_glob

CONFIGS = ("mkdocs.yaml", "mkdocs.yml")
"""The first that is there counts. Source: techdocs-node ``getMkdocsYml``."""
MAX_INCLUDES = 200
MARKDOWN = (".md", ".markdown", ".mdown", ".mkd")
_DOCS_DIR = re.compile(r"^docs_dir[ \t]*:(.*)$", re.MULTILINE)
_INCLUDE = re.compile(r"""["']?(?:\*include|!include)\s+([^"'\s\]}]+)""")
_SNIPPET = re.compile(r"""^[ \t>]*-{1,}8<-{1,}[ \t]+["']([^"'\n]{1,500})["']""", re.MULTILINE)
_BLOCK = re.compile(r"^[ \t>]*-{1,}8<-{1,}[ \t]*\n(.{0,5000}?)^[ \t>]*-{1,}8<-{1,}[ \t]*$", re.MULTILINE | re.DOTALL)
IGNORED_FOLDERS = frozenset(
    {".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", "venv", ".tox", ".cache", ".idea"}
)


def find_config(paths: AbstractSet[str], folder: str = "") -> str | None:
    """The path of the configuration in ``folder``, if there is one."""
    return next((path for name in CONFIGS if (path := posixpath.join(folder, name)) in paths), None)


def docs_dir_of(config: str | None) -> str | None:
    """``docs_dir`` of the text of an mkdocs.yml as written; None when it does not say."""
    found = _DOCS_DIR.search(config or "")
    value = found.group(1).strip() if found is not None else ""
    if value[:1] in ('"', "'") and (end := value.find(value[0], 1)) > 0:
        return value[1:end].strip() or None
    return value.partition("#")[0].strip() or None


def includes_of(config: str) -> list[str]:
    """Paths of other configurations that the navigation includes."""
    return list(dict.fromkeys(_INCLUDE.findall(config)))[:MAX_INCLUDES]


def snippets_of(text: str) -> list[str]:
    """Paths that a page includes, without sections and line ranges."""
    found = _SNIPPET.findall(text)
    for block in _BLOCK.findall(text):
        found += [line.strip().strip("\"'") for line in block.splitlines()]
    return [path for one in found if (path := one.partition(":")[0].lstrip(";").strip()) and "://" not in one]


def select(
    paths: AbstractSet[str], read: Callable[[str], str], *, docs_dir: str | None = None, all_below: bool = False
) -> set[str]:
    """The paths that belong to the site.

    Args:
        read: The text of one of ``paths``.
        docs_dir: The folder of pages, where the configuration does not say it.
        all_below: Everything belongs to it: a folder of nothing but Markdown.
    """
    if all_below:
        return set(paths)
    kept = _configured(paths, read, "", docs_dir, 0)
    kept |= {path for path in paths if "/" not in path and path.lower().endswith(MARKDOWN)}
    pending = [path for path in kept if path.lower().endswith(MARKDOWN)]
    while pending:
        included = _included(pending, paths, read) - kept
        kept |= included
        pending = [path for path in included if path.lower().endswith(MARKDOWN)]
    return kept


def _configured(
    paths: AbstractSet[str], read: Callable[[str], str], folder: str, docs_dir: str | None, depth: int
) -> set[str]:
    config = find_config(paths, folder)
    text = read(config) if config is not None else ""
    below = posixpath.normpath(posixpath.join(folder, docs_dir_of(text) or docs_dir or "docs"))
    kept = {config} if config is not None else set()
    kept |= {path for path in paths if below == "." or path.startswith(below + "/")}
    if depth < 5:
        for include in includes_of(text):
            for path in _matching(paths, posixpath.normpath(posixpath.join(folder, include))):
                kept |= _configured(paths, read, posixpath.dirname(path), None, depth + 1) | {path}
    return kept


def _matching(paths: AbstractSet[str], pattern: str) -> Iterable[str]:
    if "*" not in pattern:
        return [pattern] if pattern in paths else []
    try:
        expression = compile_glob(pattern)
    except ValueError:  # told when the site is put together
        return []
    return sorted(path for path in paths if path.endswith((".yml", ".yaml")) and expression.fullmatch(path))[
        :MAX_INCLUDES
    ]


def _included(pages: Iterable[str], paths: AbstractSet[str], read: Callable[[str], str]) -> set[str]:
    found: set[str] = set()
    for page in pages:
        for name in snippets_of(read(page)):
            for base in ("", posixpath.dirname(page), "docs"):
                path = posixpath.normpath(posixpath.join(base, name))
                if path in paths:
                    found.add(path)
    return found
