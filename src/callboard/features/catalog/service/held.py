"""Sources that other features write: ``CatalogSources``. What they gave cannot be read again, so it is put back exactly."""

from __future__ import annotations

import asyncio
from typing import Any, Mapping, Sequence

import orjson

from callboard.features.catalog.domain import batches, document_of
from callboard.features.catalog.interface import DeferredEntity, Finding, HistoryEntry
from callboard.features.catalog.interface.held import Given, PreparedWrite, SourceMoved, SourceWrite, SourceWritten
from callboard.features.catalog.service.mutations import Mutations
from callboard.features.catalog.service.writing import Writer
from callboard.features.catalog.store import held, records, sources
from callboard.features.catalog.store.placing import Incoming
from callboard.kernel.db.interface import Transaction
from callboard.kernel.errors import InputError, NotAllowedError

MAX_NAMED = 5
"""Refs that an error names; of the others it gives the number."""


class Prepared:
    """``PreparedWrite``."""

    def __init__(self, write: SourceWrite, incoming: Sequence[Incoming]) -> None:
        self.write = write
        self.incoming = incoming


class HeldSources:
    """``CatalogSources`` over the same ``Writer`` as everything else."""

    def __init__(
        self, writer: Writer, mutations: Mutations, provided: Mapping[str, Any], *, is_readonly: bool = False
    ) -> None:
        """``provided``: sources that providers give, by name. They are not written here."""
        self._writer = writer
        self._mutations = mutations
        self._provided = provided
        self._is_readonly = is_readonly

    def require_writable(self) -> None:
        if self._is_readonly:
            raise NotAllowedError("The catalog is read-only (catalog.readonly). Change it at its sources.")

    def judge(self, source: str, entity: DeferredEntity) -> Sequence[str]:
        return [finding.message for finding in self.find_problems(source, entity)]

    def find_problems(self, source: str, entity: DeferredEntity) -> Sequence[Finding]:
        return self._mutations.judge_one(source, entity)

    async def list_names(self, tx: Transaction, prefix: str) -> Mapping[str, int]:
        return await held.count_by_source(tx, prefix)

    async def list_refs(self, tx: Transaction, source: str) -> frozenset[str]:
        return frozenset(await held.list_refs(tx, source))

    async def list_givers(self, tx: Transaction, refs: Sequence[str]) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = {}
        for part in batches(sorted(set(refs)), 5_000):
            for ref, name in await held.list_givers(tx, part):
                found.setdefault(ref, []).append(name)
        return {ref: sorted(set(names)) for ref, names in found.items()}

    async def list_given(self, tx: Transaction, source: str, refs: Sequence[str]) -> Mapping[str, Given]:
        found: dict[str, Given] = {}
        for part in batches(sorted(set(refs)), 2_000):
            for ref, mark, uid, location_key, body in await held.list_given(tx, source, part):
                found[ref] = Given(ref, document_of(orjson.loads(body)), mark, uid, location_key)
        return found

    async def list_deleted(
        self,
        tx: Transaction,
        source: str,
        *,
        refs: Sequence[str] | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> Sequence[HistoryEntry]:
        return await records.list_deleted(tx, source, refs=refs, before=before, limit=limit)

    async def prepare(self, write: SourceWrite) -> PreparedWrite:
        self.require_writable()
        if write.source in self._provided:
            raise InputError(f"The source {write.source} belongs to a provider, which alone writes it.")
        return await asyncio.to_thread(self._prepare, write)

    def _prepare(self, write: SourceWrite) -> Prepared:
        incoming = self._mutations.judge_all(write.source, write.added)
        for one in incoming:
            one.uid = write.uids.get(one.ref)
        restored = {given.ref: given for given in write.restored}
        again = [DeferredEntity(given.entity, given.location_key) for given in write.restored]
        for one in self._mutations.judge_all(write.source, again):
            # the same mark and uid as then: whatever was remembered of this entity holds again
            one.hash, one.uid = restored[one.ref].mark, restored[one.ref].uid
            incoming.append(one)
        refused = [one for one in incoming if one.entity is None]
        if refused:
            reason = refused[0].findings[0].message if refused[0].findings else "it is not valid"
            raise InputError(
                f"{len(refused)} of {len(incoming)} entities would be refused, the first {refused[0].ref}: {reason}"
                " Nothing was written."
            )
        return Prepared(write, incoming)

    async def write(self, tx: Transaction, prepared: PreparedWrite, *, actor: str) -> SourceWritten:
        assert isinstance(prepared, Prepared)
        write = prepared.write
        change = await self._writer.begin(tx, actor)  # from here on nobody else writes entities
        source_id = await sources.ensure_source(tx, write.source)
        await held.hold(tx, source_id)
        added = {one.ref for one in prepared.incoming}
        removed = [ref for ref in dict.fromkeys(write.removed) if ref not in added]
        touched = [*added, *removed]
        givers = await self.list_givers(tx, touched)
        before = await self.list_given(tx, write.source, touched)
        self._require_unmoved(write, touched, givers, before)
        if prepared.incoming:
            placed = await change.place(prepared.incoming, source_id=source_id)
            if placed.conflicts:  # nobody gives them, but something of another place stands there
                raise _moved(sorted(document.ref for document, _ in placed.conflicts))
        gone = [ref for ref in removed if ref in before]
        if gone:
            await self._mutations.drop(change, source_id, gone)
        await change.finish()
        if await held.list_refs(tx, write.source):
            await sources.note_success(tx, source_id, self._writer.now())
        else:
            await sources.delete_source(tx, source_id)
        return SourceWritten(before, {one.ref: one.hash for one in prepared.incoming})

    def _require_unmoved(
        self,
        write: SourceWrite,
        touched: Sequence[str],
        givers: Mapping[str, Sequence[str]],
        before: Mapping[str, Given],
    ) -> None:
        moved = []
        for ref in touched:
            stands = before[ref].mark if ref in before else None
            others = [name for name in givers.get(ref, ()) if name != write.source]
            if others or (ref in write.expected and write.expected[ref] != stands):
                moved.append(ref)
        if moved:
            raise _moved(sorted(moved))


def _moved(refs: Sequence[str]) -> SourceMoved:
    more = f" and {len(refs) - MAX_NAMED} more" if len(refs) > MAX_NAMED else ""
    return SourceMoved(
        f"{', '.join(refs[:MAX_NAMED])}{more} changed in the catalog meanwhile. Nothing was written.", refs=refs
    )
