"""Documents as rows, and back."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Mapping, Sequence

import orjson

from callboard.features.search.interface import SearchDocument
from callboard.features.search.text.learning import Pair, learn
from callboard.features.search.text.tokens import forms, name_key
from callboard.features.search.text.words import WEAK
from callboard.kernel.clock import format_time, parse_time

RESOURCE_BITS = 24
"""Documents of one resource: at most so many bits of them. The rest of a number is the resource's."""
FIELDS = ("title", "name", "heading", "keyword", "text")
"""Parts of a document, in the order of the lines of ``forms`` and of an engine's columns. As in ``interface.Reason``."""
MAX_FORMS = 4_000
"""Words of one part of one passage; what follows is not looked into."""


@dataclass(frozen=True, slots=True)
class Record:
    """A document ready to be stored. ``fields`` are the forms of each of ``FIELDS``; ``marks`` are what can be filtered by."""

    type: str
    id: str
    scope: str
    parent: str
    digest: str
    prior: float
    fields: tuple[Sequence[str], ...]
    names: Sequence[str]
    marks: Sequence[str]
    resource: str | None
    payload: bytes
    pairs: Sequence[Pair] = ()
    """Words that mean the same, as the document puts it."""

    @property
    def forms(self) -> str:
        return "\n".join([" ".join(field) for field in self.fields])

    @property
    def distinct(self) -> set[str]:
        return set().union(*self.fields)


def record_of(type: str, scope: str, document: SearchDocument) -> Record:
    fields = (
        forms(document.title)[:MAX_FORMS],
        [form for name in document.names for form in forms(name)][:MAX_FORMS],
        [form for heading in document.headings for form in forms(heading)][:MAX_FORMS],
        [form for word in document.keywords for form in forms(word)][:MAX_FORMS],
        [form for form in forms(document.text) if form not in WEAK][:MAX_FORMS],
    )
    payload = encode(document)
    names = dict.fromkeys(key for key in map(name_key, (document.title, *document.names)) if key)
    return Record(
        type=type, id=document.id, scope=scope, parent=document.parent or document.id,
        digest=hashlib.blake2b(payload + repr(document.popularity).encode(), digest_size=12).hexdigest(),
        prior=prior_of(document), fields=fields, names=list(names), marks=marks_of(type, document),
        resource=document.resource, payload=payload,
        pairs=learn(document.title, document.names, _tags(document), document.text),
    )  # fmt: skip


def _tags(document: SearchDocument) -> Sequence[str]:
    tags = document.fields.get("tags", ())
    return [tags] if isinstance(tags, str) else tags


def prior_of(document: SearchDocument) -> float:
    """What speaks for a document whatever is asked: how many point to it and how new it is. Decides between equals only."""
    import math

    year = document.changed_at.year + document.changed_at.month / 12 if document.changed_at else 2000.0
    return math.log1p(max(0, document.popularity)) + max(0.0, year - 2000.0) / 100


def marks_of(type: str, document: SearchDocument) -> list[str]:
    """What the document can be filtered by."""
    marks = [mark(type, "", type)]
    for key, value in document.fields.items():
        marks += [mark(type, key, one) for one in ([value] if isinstance(value, str) else value)]
    return list(dict.fromkeys(marks))


def mark(type: str, field: str, value: str) -> str:
    """A word that no text has, for one value of a field; for a type as a whole with ``field`` empty."""
    about = f"{field}\0{value.lower()}" if field else f"\0{type}"
    return "zz" + hashlib.blake2b(about.encode(), digest_size=8).hexdigest()


def encode(document: SearchDocument) -> bytes:
    value: dict[str, Any] = {
        "id": document.id, "title": document.title, "location": document.location, "text": document.text,
        "names": list(document.names), "headings": list(document.headings), "keywords": list(document.keywords),
        "resource": document.resource, "parent": document.parent, "anchor": document.anchor,
        "fields": {k: v if isinstance(v, str) else list(v) for k, v in document.fields.items()},
        "wire": dict(document.wire), "changed_at": format_time(document.changed_at) if document.changed_at else None,
        "popularity": document.popularity,
    }  # fmt: skip
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def decode(payload: bytes) -> SearchDocument:
    value: Mapping[str, Any] = orjson.loads(payload)
    at: datetime | None = parse_time(value["changed_at"]) if value["changed_at"] else None
    return SearchDocument(**{**value, "changed_at": at})
