"""Sources that a feature writes by itself: part of the catalog's face, for features above it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping, Protocol, Sequence

from callboard.features.catalog.interface import DeferredEntity, EntityDocument, Finding, HistoryEntry
from callboard.kernel.db.interface import Transaction
from callboard.kernel.errors import ConflictError


class SourceMoved(ConflictError):
    """What a write was made for is not what stands: somebody else gives ``refs``, or gave them anew, or took them away."""

    code = "catalog.source_moved"

    def __init__(self, message: str, *, refs: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.refs = tuple(refs)


@dataclass(frozen=True, slots=True)
class Given:
    """What a held source gives under one ref.

    ``entity`` is the document, without what the catalog adds but for the annotations that say where it comes from.
    ``mark`` changes with what the source gives; ``uid`` is that of the entity.
    """

    ref: str
    entity: EntityDocument
    mark: str
    uid: str
    location_key: str | None = None


@dataclass(frozen=True, slots=True)
class SourceWrite:
    """What a held source gives from now on, all or nothing.

    ``restored`` were given before and come back as they were, with their uids and marks; ``removed`` are refs, lower-cased.
    ``expected`` maps refs to the mark that must stand there (None: nothing may).
    """

    source: str
    added: Sequence[DeferredEntity] = ()
    restored: Sequence[Given] = ()
    removed: Sequence[str] = ()
    expected: Mapping[str, str | None] = field(default_factory=dict)
    uids: Mapping[str, str] = field(default_factory=dict)
    """Uids that new ones of ``added`` have, by ref: of an entity that goes on under another name."""


class PreparedWrite(Protocol):
    """A ``SourceWrite`` whose documents were processed and found good."""

    write: SourceWrite


@dataclass(frozen=True, slots=True)
class SourceWritten:
    """``before`` is what the source gave under the refs that were written; ``marks`` are those of what it gives there now."""

    before: Mapping[str, Given]
    marks: Mapping[str, str]


class CatalogSources(Protocol):
    """Named sources of features that write to the catalog in transactions of their own.

    They are *held*: what they gave stays when nobody runs them, also while the feature is switched off. Permission is the
    caller's to check. Names read ``<feature's word>:<name>`` (``sheet:repos``), and so do the locations of their entities.
    """

    def require_writable(self) -> None:
        """Raises ``NotAllowedError`` where the settings say that nothing is written through the portal (``catalog.readonly``)."""

    def judge(self, source: str, entity: DeferredEntity) -> Sequence[str]:
        """What would keep the document out, in words; nothing when it is good. Pure and quick; may run in a thread."""

    def find_problems(self, source: str, entity: DeferredEntity) -> Sequence[Finding]:
        """The same as findings, with the field of each; they have no line. Pure and quick; may run in a thread."""

    async def list_names(self, tx: Transaction, prefix: str) -> Mapping[str, int]:
        """Held sources whose names begin so, and how many entities each gives."""

    async def list_refs(self, tx: Transaction, source: str) -> frozenset[str]:
        """Everything that the source gives."""

    async def list_givers(self, tx: Transaction, refs: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Names of the sources, and refs of the entities, that give each of ``refs``; those that nobody gives are left out."""

    async def list_given(self, tx: Transaction, source: str, refs: Sequence[str]) -> Mapping[str, Given]:
        """Of ``refs``, what this source gives."""

    async def list_deleted(
        self,
        tx: Transaction,
        source: str,
        *,
        refs: Sequence[str] | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> Sequence[HistoryEntry]:
        """The deletions of what this source gave and nobody gives now, newest first; ``diff`` holds the entity.

        At most one a ref; of ``refs`` alone, where they are given. Before the change ``before``.
        """

    async def prepare(self, write: SourceWrite) -> PreparedWrite:
        """The slow part, before the transaction.

        Raises ``InputError`` when a document would be refused, ``NotAllowedError`` as ``require_writable``.
        """

    async def write(self, tx: Transaction, prepared: PreparedWrite, *, actor: str) -> SourceWritten:
        """Write it in ``tx``, which must be rolled back when this raises. ``SourceMoved``: it is not as expected."""
