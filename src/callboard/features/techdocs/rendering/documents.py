"""The tree of documents of a site: which file is which document, and at which address a page stands."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from typing import Iterable

from callboard.features.techdocs.interface import Problem
from callboard.features.techdocs.rendering.files import join_inside
from callboard.features.techdocs.rendering.ignoring import IgnorePatterns
from callboard.features.techdocs.rendering.outline import MARKDOWN_SUFFIXES
from callboard.features.techdocs.rendering.values import SiteConfig, SiteDefaults

_ALIAS = re.compile(r"[a-zA-Z0-9_.\-/]+")


@dataclass(slots=True)
class Documents:
    """``files``: document path -> file. ``order``: documents that are pages. ``roots``: document folder of each part -> its folder of files."""

    files: dict[str, str] = field(default_factory=dict)
    pages: list[str] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    roots: dict[str, str] = field(default_factory=dict)


def below(folder: str, path: str) -> str:
    """``path`` below ``folder``, which may be ``""`` or ``.``."""
    return path if folder in {"", "."} else f"{folder}/{path}"


def page_stem(document: str, suffixes: Iterable[str]) -> str | None:
    """The document path without the ending that makes it a page; None when it is no page."""
    lowered = document.lower()
    for suffix in (*sorted(suffixes, key=len, reverse=True), *MARKDOWN_SUFFIXES):
        if lowered.endswith(suffix.lower()) and posixpath.basename(document)[: -len(suffix)]:
            return document[: -len(suffix)]
    return None


def is_index(stem: str) -> bool:
    return posixpath.basename(stem) in {"index", "README"}


def address_of(stem: str, *, directory_urls: bool) -> str:
    """The address of a page as mkdocs makes it, the first page's being ``""``."""
    folder = posixpath.dirname(stem)
    if is_index(stem):
        if not folder:
            return ""
        return f"{folder}/" if directory_urls else f"{folder}/index.html"
    return f"{stem}/" if directory_urls else f"{stem}.html"


def add_documents(
    made: Documents, paths: Iterable[str], config: SiteConfig, defaults: SiteDefaults, *, folder: str, alias: str = ""
) -> None:
    """The files of one ``docs_dir`` (``folder`` of the source) as documents below ``alias``."""
    prefix = f"{folder}/" if folder else ""
    excluded = IgnorePatterns(config.exclude_docs)
    limits = defaults.options.limits
    found: dict[str, str] = {}
    for path in paths:
        if not path.startswith(prefix):
            continue
        document = path[len(prefix) :]
        if any(part.startswith(".") for part in document.split("/")) or document.startswith("templates/"):
            continue
        if excluded.matches(document):
            continue
        found[document] = path
    made.roots[alias] = folder
    unlisted = IgnorePatterns(config.not_in_nav)
    for document, path in found.items():
        stem = page_stem(document, defaults.links.suffixes)
        full = below(alias, document)
        made.files[full] = path
        if stem is None:
            continue
        name, base = posixpath.basename(stem), posixpath.dirname(document)
        if name == "README" and any(
            below(base, f"index{s}") in found for s in (*defaults.links.suffixes, *MARKDOWN_SUFFIXES)
        ):
            continue
        if len(made.pages) >= limits.pages:
            message = f"More than {limits.pages:,} pages: {document} and those after it were left out."
            made.problems.append(Problem("refused", message, path))
            break
        made.pages.append(full)
        if unlisted.matches(document):
            made.hidden.add(full)


def alias_of(site_name: str) -> str:
    """The folder that an included site gets: its name, or what can stand in an address of it."""
    if _ALIAS.fullmatch(site_name):
        inside = join_inside("", site_name.strip("/"))
        if inside:
            return inside
    return re.sub(r"[^a-z0-9]+", "-", site_name.lower()).strip("-") or "included"
