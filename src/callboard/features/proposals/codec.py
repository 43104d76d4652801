"""Drafts and facts as JSON in the store, and values of the interface over REST."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from hashlib import blake2b
from typing import Any, Mapping

import orjson

from callboard.features.proposals.domain.values import Draft, Evidence, Field, Owner, RepositoryFacts
from callboard.kernel.clock import format_time
from callboard.ui.wording import Wording, from_stored, to_stored


def dump(value: Any) -> str:
    """JSON of a value or dataclass, as text."""
    return orjson.dumps(
        value, default=_plain, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS
    ).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, Wording):
        return to_stored(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list):
        return list(value)
    if isinstance(value, int):
        return int(value)
    raise TypeError(type(value).__name__)


def dump_draft(draft: Draft) -> str:
    """Without the definition, which has a column of its own; of that the digest, so that a change of it is seen."""
    body = dataclasses.asdict(dataclasses.replace(draft, definition=""))
    body["definition"] = (
        blake2b(draft.definition.encode("utf-8", "replace"), digest_size=8).hexdigest() if draft.definition else ""
    )
    return dump(body)


def draft_of(text: str, definition: str = "") -> Draft:
    body = orjson.loads(text)
    return Draft(
        key=body["key"], kind=body["kind"], folder=body["folder"], confidence=body["confidence"], evidence=_evidence(body["evidence"]),
        fields={path: Field(one["value"], one["confidence"], _evidence(one["evidence"])) for path, one in body["fields"].items()},
        owners=tuple(Owner(one["said"], one["confidence"], _evidence(one["evidence"])) for one in body["owners"]),
        definition=definition or body["definition"],
    )  # fmt: skip


def _evidence(rows: Any) -> tuple[Evidence, ...]:
    return tuple(Evidence(from_stored(row["reason"]), row["path"], row["line"]) for row in rows)


def facts_of(text: str) -> RepositoryFacts:
    body = orjson.loads(text)
    return RepositoryFacts(**{**body, "topics": tuple(body["topics"])})


def to_wire(value: Any) -> Any:
    """For REST: dataclasses with names in camel case, times as text; what entities hold stays as it is."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {_camel(field.name): to_wire(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, (list, tuple)):
        return [to_wire(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): to_wire(item) for key, item in value.items()}
    return format_time(value) if isinstance(value, datetime) else value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
