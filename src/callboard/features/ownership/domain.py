"""Decisions of ownership as plain functions: what is confirmed, since when, and what somebody has to look at. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Iterable, Iterator, Mapping, Sequence, TypeVar

import orjson

from callboard.features.catalog.interface.overlays import OVERLAY_ANNOTATION
from callboard.features.ownership.interface import FieldConfirmation, State, Trouble
from callboard.kernel.clock import format_time, parse_time
from callboard.model.fields import find_value, parse_field
from callboard.model.kinds import KindRegistry

OWNER = "spec.owner"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What somebody said is right: ``value`` as JSON."""

    value: str
    at: str
    by: str


@dataclass(frozen=True, slots=True)
class Seen:
    """An entity as ownership looks at it. ``fields`` are the values to be confirmed; ``written`` that of ``spec.owner`` as written."""

    ref: str
    kind: str
    title: str
    owner: str
    fields: Mapping[str, Any]
    written: Any

    @property
    def fields_json(self) -> str:
        return dump(self.fields)

    @property
    def mark(self) -> str:
        return mark_of(self.fields_json)


def dump(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def mark_of(fields_json: str) -> str:
    """Changes with the values."""
    return blake2b(fields_json.encode(), digest_size=6).hexdigest()


def see(ref: str, entity: Mapping[str, Any], fields: Sequence[str]) -> Seen:
    """``spec.owner`` counts as the ref that it names, so that another way to write it is no other owner."""
    owner = owner_of(entity)
    values = {path: (owner or None) if path == OWNER else find_value(entity, parse_field(path)) for path in fields}
    title = entity["metadata"].get("title")
    name = title.strip() if isinstance(title, str) and title.strip() else str(entity["metadata"]["name"])
    return Seen(ref, str(entity["kind"]).lower(), name[:200], owner, values, find_value(entity, parse_field(OWNER)))


def owner_of(entity: Mapping[str, Any]) -> str:
    """The owner's ref, lower-cased; empty without one. Of several the first."""
    for relation in entity.get("relations") or ():
        if relation["type"] == "ownedBy":
            return str(relation["targetRef"]).lower()
    return ""


def ownable_kinds(kinds: KindRegistry) -> tuple[str, ...]:
    """Kinds, lower-cased, of which some version can say who owns it."""
    return tuple(
        dict.fromkeys(
            definition.kind.lower()
            for definition in kinds.definitions
            if any(field.relation == "ownedBy" for version in definition.versions for field in version.relation_fields)
        )
    )


def compare(
    fields: Mapping[str, Any], confirmed: Mapping[str, Confirmation], aliases: Mapping[str, str]
) -> list[FieldConfirmation]:
    """Each field against its last confirmation. A confirmed owner that has another name since is the same owner."""
    out = []
    for path, value in fields.items():
        last = confirmed.get(path)
        if last is None:
            out.append(FieldConfirmation(path, value, False))
            continue
        then = orjson.loads(last.value)
        same = then == value or (path == OWNER and isinstance(then, str) and aliases.get(then) == value)
        out.append(FieldConfirmation(path, value, same, parse_time(last.at), last.by, None if same else then))
    return out


@dataclass(frozen=True, slots=True)
class Age:
    """``basis`` is when all was last confirmed, or would have been for it to become due when it did."""

    unconfirmed_since: str | None
    basis: str


def age_of(
    fields: Sequence[FieldConfirmation], every: timedelta, now: datetime, unconfirmed_since: str | None = None
) -> Age:
    """``unconfirmed_since``: as known before, kept while something stays unconfirmed."""
    if all(field.is_current for field in fields):
        return Age(None, format_time(min((f.at for f in fields if f.at is not None), default=now)))
    since = unconfirmed_since or format_time(now)
    return Age(since, format_time(parse_time(since) - every))


def state_of(basis_at: str, trouble: str, now: datetime, every: timedelta) -> State:
    if trouble:
        return "unowned"
    if basis_at <= format_time(now - 2 * every):
        return "overdue"
    return "due" if basis_at <= format_time(now - every) else "confirmed"


def trouble_of(owner: str, *, exists: bool, was_there: bool, members: int | None) -> Trouble | None:
    """``members`` counts those of the group and of all groups below it; None for a person."""
    if not owner:
        return "none"
    if not exists:
        return "left" if was_there else "missing"
    return "empty" if members == 0 else None


def is_written_by_person(actor: str, source: str) -> bool:
    """Whether a change in an entity's history is what somebody wrote in the portal or confirmed there.

    What came from a file or URL was written there, whoever asked for it to be read.
    """
    return actor.startswith("user:") and not source.startswith(("url:", "file:", "provider:"))


def is_kept_here(entity: Mapping[str, Any]) -> bool:
    """Whether people write the entity in the portal, or lay something over it: the history then may name one of them."""
    location = str((entity["metadata"].get("annotations") or {}).get("backstage.io/managed-by-location") or "")
    return not location.startswith(("url:", "file:")) or bool(laid_over(entity))


def laid_over(entity: Mapping[str, Any]) -> tuple[str, ...]:
    """Paths of the fields that people laid over what a source gives."""
    said = (entity["metadata"].get("annotations") or {}).get(OVERLAY_ANNOTATION)
    return tuple(said.split(",")) if isinstance(said, str) and said else ()


def is_laid(path: str, laid: Iterable[str]) -> bool:
    return any(path == one or path.startswith(f"{one}.") or one.startswith(f"{path}.") for one in laid)


def touches(diff: Iterable[Mapping[str, Any]], path: str, written_owner: bool) -> bool:
    """Whether a diff of history changes the field. ``written_owner``: the path is that of the owner."""
    pointer = "/" + path.replace(".", "/")
    for change in diff:
        at = str(change.get("path", ""))
        if at in ("", pointer) or at.startswith(f"{pointer}/") or pointer.startswith(f"{at}/"):
            return True
        if written_owner and at == "/relations":
            ends = [change.get("from"), change.get("to")]
            if any(isinstance(end, Mapping) and end.get("type") == "ownedBy" for end in ends):
                return True
    return False


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for at in range(0, len(items), size):
        yield items[at : at + size]
