"""Versions of a template: one hash of what it says and of what its steps fetch, whoever answers whatever.

Read are the addresses that the steps of the template fetch. Where one holds an expression, the folder before the expression counts, all
of it: a change there may concern the answers of somebody. One that begins with an expression is not followed.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Iterable, Mapping
from urllib.parse import urlsplit

from callboard.features.scaffolder.interface import TemplateSource
from callboard.features.scaffolder.updates.trees import digest_of, tree_of

_EXPRESSION = re.compile(r"\$\{\{|\{%|\{#")
_FETCHES = "fetch:"
_FILE_FETCHES = (":file",)
_SAID = ("type", "parameters", "steps")
SHOWN = 12


def short(version: str) -> str:
    """As people read it."""
    return version[:SHOWN]


async def read_version(template: Mapping[str, Any], base_url: str, source: TemplateSource) -> str:
    """The version that ``template``, an entity, has right now: 64 hex digits.

    Raises what ``source`` raises for something that cannot be read.
    """
    spec = template.get("spec") or {}
    total = hashlib.sha256()
    said = {name: spec[name] for name in _SAID if name in spec}
    total.update(json.dumps(said, sort_keys=True, separators=(",", ":"), default=str).encode())
    for action, address in sorted(set(_addresses(spec.get("steps")))):
        read = await _digest(action, address, base_url, source)
        total.update(f"\n{address} {read}".encode())
    return total.hexdigest()


def reaches_out(template: Mapping[str, Any]) -> bool:
    """Whether a step fetches from elsewhere than beside the template, or may do so."""
    steps = (template.get("spec") or {}).get("steps")
    for step in steps if isinstance(steps, list) else ():
        given = step.get("input") if isinstance(step, Mapping) else None
        url = given.get("url") if isinstance(given, Mapping) else None
        if isinstance(url, str) and str(step.get("action", "")).startswith(_FETCHES):
            found = _EXPRESSION.search(url)
            if "://" in url or (found is not None and found.start() == 0):
                return True
    return False


def _addresses(steps: Any) -> Iterable[tuple[str, str]]:
    for step in steps if isinstance(steps, list) else ():
        given = step.get("input") if isinstance(step, Mapping) else None
        url = given.get("url") if isinstance(given, Mapping) else None
        action = str(step.get("action", "")) if isinstance(step, Mapping) else ""
        if not action.startswith(_FETCHES) or not isinstance(url, str):
            continue
        found = _EXPRESSION.search(url)
        if found is None:
            yield ("file" if action.endswith(_FILE_FETCHES) else "tree", url)
        elif (folder := _folder_before(url[: found.start()])) is not None:
            yield ("tree", folder)


def _folder_before(start: str) -> str | None:
    """The folder that ``start`` leads into; None where that would be a whole host."""
    folder = start.rpartition("/")[0]
    if "://" in start:
        return folder if len([part for part in urlsplit(folder).path.split("/") if part]) >= 2 else None
    return (folder or ".") if start else None


async def _digest(kind: str, address: str, base_url: str, source: TemplateSource) -> str:
    if kind == "file":
        file = await source.read_file(address, base_url=base_url)
        return hashlib.sha256(file.content).hexdigest()
    return digest_of(tree_of(await source.read_tree(address, base_url=base_url)))
