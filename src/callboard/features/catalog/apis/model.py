"""What every format is read into: a list of operations, a list of types, and for each of them a detail that is made when asked for.

Details are made late because a definition may name one schema from a thousand places: written out it would be without end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Callable, Final, Literal, Mapping, Sequence

Format = Literal["openapi", "asyncapi", "graphql", "proto"]
MAX_DEPTH: Final = 6
"""Levels of a schema that are written out; below, its name is told."""
MAX_NODES: Final = 250
"""Fields written out for one operation or type."""
MAX_TEXT: Final = 4_000
"""Characters of one description or example."""


@dataclass(frozen=True, slots=True)
class ApiFault:
    """Why a definition cannot be read, or what in it is wrong. ``line`` and ``column`` count from 1, None where unknown."""

    message: str
    line: int | None = None
    column: int | None = None
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A field, parameter or value as a tree.

    ``facts`` are (message id below ``apis.fact``, text). ``mark``: ``cycle`` for a type that is written out further up, ``cut``
    where the tree is too deep or too large, ``external`` for what lies in another document, ``missing`` for what is nowhere.
    ``link`` is the id of the entry that says more.
    """

    name: str
    type: str = ""
    is_required: bool = False
    is_deprecated: bool = False
    description: str = ""
    facts: Sequence[tuple[str, str]] = ()
    mark: Literal["", "cycle", "cut", "external", "missing"] = ""
    link: str | None = None
    children: Sequence[Node] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a detail. ``sort`` is a message id below ``apis.part``, ``name`` what tells it from others of its sort.

    ``type`` is what its fields are together, where that has a name; ``link`` as in ``Node``.
    """

    sort: str
    name: str = ""
    description: str = ""
    nodes: Sequence[Node] = ()
    examples: Sequence[tuple[str, str]] = ()
    type: str = ""
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Detail:
    """What an operation or type is in full. ``call`` is a command line that calls it; ``auth``: names of ways to sign in."""

    description: str = ""
    parts: Sequence[Part] = ()
    call: str | None = None
    auth: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the list: an operation (``badge``: its method or verb) or a type. ``id`` is unique and fit for an address."""

    id: str
    name: str
    badge: str
    group: str = ""
    summary: str = ""
    is_deprecated: bool = False
    detail: Callable[[], Detail] = field(default=Detail, compare=False)


@dataclass(frozen=True, slots=True)
class Api:
    """A definition that could be read. ``raw`` is what comparing works on, another shape for each format."""

    format: Format
    dialect: str
    title: str = ""
    version: str = ""
    description: str = ""
    servers: Sequence[tuple[str, str]] = ()
    auth: Sequence[tuple[str, str]] = ()
    groups: Mapping[str, str] = field(default_factory=dict)
    operations: Sequence[Entry] = ()
    types: Sequence[Entry] = ()
    faults: Sequence[ApiFault] = ()
    raw: Any = None

    def find(self, id: str) -> Entry | None:
        """The operation or type of this id."""
        return next((entry for entry in (*self.operations, *self.types) if entry.id == id), None)


_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


def entry_id(sort: str, *names: str) -> str:
    """An id made of what an entry is called: readable, at most 80 characters, the same as long as the names are."""
    text = "-".join([sort, *names])
    id = _UNFIT.sub("-", text).strip("-.")
    if len(id) <= 80 and _UNFIT.sub("", text) == text:
        return id
    # names that differ only in what is left out must not share an id
    return f"{id[:70]}-{blake2b(text.encode(), digest_size=4).hexdigest()}"


def mapping(value: Any) -> Mapping[str, Any]:
    """``value`` where it is a mapping, else an empty one: definitions are written by people and may hold anything anywhere."""
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def words(value: Any, most: int = MAX_TEXT) -> str:
    """A text, cut where it is long; a number or truth as text; nothing else."""
    if isinstance(value, str):
        stripped = value.strip()
        return stripped if len(stripped) <= most else stripped[: most - 1] + "…"
    return (
        ("true" if value else "false")
        if isinstance(value, bool)
        else str(value)
        if isinstance(value, (int, float))
        else ""
    )
