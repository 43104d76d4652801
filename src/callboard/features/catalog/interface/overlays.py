"""What people decide about entities that sources give: part of the catalog's face, for features above it.

An *overlay* is a set of field values that the portal lays over an entity, whichever source gives it: files, providers, sheets. It
also says whether the entity is kept out of the catalog (*hidden*). It belongs to the ref: it outlives re-reading, moves between
sources and the entity itself, for which it then waits (*dormant*).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any, Mapping, Protocol, Sequence

import orjson

from callboard.features.catalog.interface import EntityDocument, Finding
from callboard.kernel.db.interface import Transaction
from callboard.kernel.errors import ConflictError

OVERLAY_ANNOTATION = "callboard.dev/overlay"
"""On the wire: the paths of the fields that are laid over the entity, joined by commas."""
OVERLAY_SOURCE = "portal:overlays"
"""What history names as the source of such changes."""


class OverlayMoved(ConflictError):
    """What a write was made for is not what stands: somebody else changed the overlay, or the source what it gives."""

    code = "catalog.overlay_moved"

    def __init__(self, message: str, *, refs: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.refs = tuple(refs)


@dataclass(frozen=True, slots=True)
class OverlayField:
    """One field laid over. ``value`` None takes the field away; ``base`` is what the source said when that was decided."""

    path: str
    value: Any
    base: Any
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Hidden:
    """That an entity is kept out, by whose decision, and why."""

    by: str
    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Overlay:
    """``fields`` by path; none for an entity that is only kept out.

    ``source`` is what the source gives under it, None when it was never seen. ``problem`` says why the fields are not laid over
    now: the entity would not be valid. ``is_dormant``: no source gives the entity.
    """

    ref: str
    fields: Mapping[str, OverlayField]
    mark: str
    by: str
    at: datetime
    hidden: Hidden | None
    problem: str | None
    source: EntityDocument | None
    is_dormant: bool = False


@dataclass(frozen=True, slots=True)
class Ground:
    """An entity and what lies under it. ``source`` is the document as its source gives it.

    ``mark`` changes with the overlay, and with what the source gives: what a write may name as its base.
    """

    ref: str
    source: EntityDocument
    overlay: Overlay | None
    mark: str


@dataclass(frozen=True, slots=True)
class OverlayWrite:
    """All fields that are laid over ``ref`` from now on (none: the overlay goes away). ``None`` takes a field away.

    ``expected`` is the mark of the ``Ground`` that it was made from, None for whatever stands. Of fields in ``kept`` it is noted
    that the source's present value is known, and was not taken.
    """

    ref: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    expected: str | None = None
    kept: frozenset[str] = frozenset()


class CatalogOverlays(Protocol):
    """Permission is the caller's to check, and ``CatalogSources.require_writable``."""

    async def list_grounds(self, tx: Transaction, refs: Sequence[str]) -> Mapping[str, Ground]:
        """Of ``refs`` (lower-cased), those that a source gives and that were good once; hidden ones, too."""

    async def list_overlays(self, tx: Transaction, refs: Sequence[str]) -> Mapping[str, Overlay]:
        """Also those that wait for their entity."""

    async def list_page(self, tx: Transaction, *, hidden: bool, after: str = "", limit: int = 50) -> Sequence[Overlay]:
        """Those that lay fields over an entity, or those that keep one out, in the order of their refs, which follow ``after``."""

    def judge(self, source: EntityDocument, fields: Mapping[str, Any]) -> Sequence[Finding]:
        """What keeps these fields from being laid over the document, nothing when they can be. Pure; may run in a thread."""

    def merge(self, source: EntityDocument, fields: Mapping[str, Any]) -> EntityDocument:
        """The document with the fields, as it would be served, but for the annotation that names them. Pure."""

    def describe(self, source: EntityDocument, fields: Mapping[str, Any]) -> EntityDocument:
        """The document as it is served, or would be, with the relations that it names: to decide who may see it. Pure."""

    async def write(self, tx: Transaction, writes: Sequence[OverlayWrite], *, actor: str) -> None:
        """Lay fields over entities, or take them off again; ``tx`` must be rolled back when this raises.

        Raises ``OverlayMoved``, ``InputError`` when an entity would not be valid with its fields.
        """

    async def hide(self, tx: Transaction, refs: Sequence[str], why: str, *, actor: str) -> None:
        """Keep entities out of the catalog, whichever source gives them, until ``show``. Not for Locations (``InputError``)."""

    async def show(self, tx: Transaction, refs: Sequence[str], *, actor: str) -> None:
        """Let them in again; those that a source gives are back at once."""


def document_mark(document: EntityDocument) -> str:
    """Changes with what a document says."""
    return blake2b(orjson.dumps(document, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()
