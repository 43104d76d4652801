"""Rendered pages as bytes for the database: compressed JSON, so that what is read back can be nothing but values."""

from __future__ import annotations

import zlib
from dataclasses import asdict, fields
from typing import Any

import orjson

from callboard.features.techdocs.interface import Heading, Problem
from callboard.features.techdocs.rendering import PageLink, Passage, RenderedPage

_FIELDS = frozenset(field.name for field in fields(RenderedPage))


def dump_page(page: RenderedPage) -> bytes:
    value = asdict(page)
    value["uses"] = sorted(page.uses)
    return zlib.compress(orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS), 1)


def load_page(content: bytes) -> RenderedPage:
    value: dict[str, Any] = {
        key: item for key, item in orjson.loads(zlib.decompress(content)).items() if key in _FIELDS
    }
    value["toc"] = tuple(Heading(**item) for item in value["toc"])
    value["problems"] = tuple(Problem(**item) for item in value["problems"])
    value["links"] = tuple(PageLink(**item) for item in value["links"])
    value["passages"] = tuple(Passage(**{**item, "headings": tuple(item["headings"])}) for item in value["passages"])
    value["uses"] = frozenset(value["uses"])
    return RenderedPage(**value)
