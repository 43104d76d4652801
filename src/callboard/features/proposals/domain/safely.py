"""Parsers for files that anybody may have written: bounded in size, depth and number of values; what is no good reads as None.

XML with a document type is not parsed at all: entities live there. Nothing here fetches, includes or runs anything.
"""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from callboard.features.proposals.domain.values import DEFAULT_LIMITS
from callboard.model import documents
from callboard.model.problems import Problem

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_YAML = documents.Limits(
    max_bytes=DEFAULT_LIMITS.file_bytes, max_depth=DEFAULT_LIMITS.depth, max_nodes=DEFAULT_LIMITS.nodes, max_documents=200
)  # fmt: skip
_DEEP_JSON = re.compile(r"(?:[\[{]\s*){60}")
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_DOCTYPE = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_COMMENT = re.compile(r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|//[^\n]*|/\*(?:.*?\*/|.*)""", re.DOTALL)
_TRAILING = re.compile(r'("(?:[^"\\\n]|\\.)*")|,(?=\s*[}\]])')


def parse_json(text: str) -> dict[str, Any] | None:
    """An object; comments and commas at the end of lists are borne, as tools do."""
    if _DEEP_JSON.search(text):
        return None
    for form in (text, ""):
        try:
            value = json.loads(form or _TRAILING.sub(r"\1", strip_comments(text)))
        except (ValueError, RecursionError):
            continue
        if not isinstance(value, dict) or not is_shallow(value):
            return None
        return _without_halves(value) if _HALF.search(text) else value
    return None


def _without_halves(value: Any) -> Any:
    """Without halves of surrogate pairs, which JSON can write and nothing can store."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_without_halves(item) for item in value]
    if isinstance(value, dict):
        return {_without_halves(key): _without_halves(item) for key, item in value.items()}
    return value


def strip_comments(text: str) -> str:
    """Without ``//`` and ``/* */``, strings kept; a comment without end takes the rest."""
    return _COMMENT.sub(r"\1", text)


def parse_toml(text: str) -> dict[str, Any] | None:
    try:
        value = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        return None
    return value if is_shallow(value) else None


def parse_yaml(text: str) -> Any:
    """The first document, whatever it is; None for what is none, or holds too much."""
    found = documents.parse_values(text, _YAML)
    return None if isinstance(found, Problem) or not found else found[0]


def parse_xml(text: str) -> Element | None:
    """The root, tags without their namespaces. None for a document type: no build file needs one."""
    from xml.etree.ElementTree import ParseError, XMLParser

    if _DOCTYPE.search(text):
        return None
    parser = XMLParser()  # noqa: S314 - no document type, so no entities; the size is bounded by whoever read the file
    try:
        parser.feed(text)
        root: Element = parser.close()
    except (ParseError, ValueError):
        return None
    stack, seen = [(root, 1)], 0
    while stack:
        element, depth = stack.pop()
        seen += 1
        if depth > DEFAULT_LIMITS.depth or seen > DEFAULT_LIMITS.nodes:
            return None
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
        stack.extend((child, depth + 1) for child in element)
    return root


def is_shallow(value: Any) -> bool:
    """Whether a value is within the limits of depth and number."""
    stack, seen = [(value, 1)], 0
    while stack:
        item, depth = stack.pop()
        seen += 1
        if depth > DEFAULT_LIMITS.depth or seen > DEFAULT_LIMITS.nodes:
            return False
        if isinstance(item, dict):
            stack.extend((child, depth + 1) for child in item.values())
        elif isinstance(item, list):
            stack.extend((child, depth + 1) for child in item)
    return True


def mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def texts(value: Any) -> list[str]:
    """The texts of a list; of one text a list of it."""
    if isinstance(value, str):
        return [_without_halves(value)]
    return [_without_halves(item) for item in value if isinstance(item, str)] if isinstance(value, list) else []


def text(value: Any, longest: int = 1_000) -> str:
    """A text on its own, trimmed and bounded; empty for anything else, and for what a template still has to fill in."""
    if not isinstance(value, str) or is_template(value):
        return ""
    return value.encode("utf-8", "replace").decode().replace("\0", "").strip()[:longest]


def is_template(value: str) -> bool:
    """Whether somebody's template stands there instead of a value: ``${{ values.name }}``, ``<%= name %>``."""
    return "{{" in value or "{%" in value or "<%" in value or "${" in value


def public_url(value: Any) -> str:
    """An http(s) address without credentials in it; empty for anything else."""
    url = text(value, 500)
    url = re.sub(r"^git\+(?=https?:)", "", url)
    if not url.lower().startswith(("http://", "https://")) or re.search(r"\s", url):
        return ""
    try:
        parts = urlsplit(url)
        if not parts.hostname:
            return ""
    except ValueError:
        return ""
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
