"""What providers give: full and delta mutations, compared with what the same source gave before."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any, Mapping, Sequence

import orjson

from callboard.features.catalog.domain import batches, location_of
from callboard.features.catalog.ingest.documents import Documents
from callboard.features.catalog.interface import DeferredEntity, DeltaMutation, Finding, FullMutation
from callboard.features.catalog.service.writing import Change, Writer, findings_of_source
from callboard.features.catalog.store import files, sources
from callboard.features.catalog.store.placing import Incoming, ensure_refs
from callboard.features.catalog.store.sources import KeptOut
from callboard.kernel.errors import InputError
from callboard.kernel.logs import get_logger
from callboard.model.refs import EntityRef, LocationRef, RefError

log = get_logger(__name__)

BATCH = 1_000

Hashed = tuple[DeferredEntity, str, str]
"""What was given, its ref, and a hash over all that decides what becomes of it."""


class Mutations:
    """``ProviderConnection`` for every named source."""

    def __init__(self, writer: Writer, documents: Documents) -> None:
        self._writer = writer
        self._documents = documents

    async def apply(self, source: str, mutation: FullMutation | DeltaMutation, *, actor: str) -> None:
        """Write what a source has.

        Raises:
            InputError: one of the entities has no envelope; nothing is written then.
        """
        given = mutation.entities if isinstance(mutation, FullMutation) else mutation.added
        hashed = await asyncio.to_thread(self._hash_all, source, given)
        present = {ref for _, ref, _ in hashed}
        removed = set() if isinstance(mutation, FullMutation) else {ref.lower() for ref in mutation.removed} - present
        async with self._writer.db.write() as tx:
            source_id = await sources.ensure_source(tx, source)
            known = await sources.list_given(tx, source_id)
            kept_out = await sources.list_kept_out(tx, source_id)
            settled = [
                ref
                for ref in kept_out
                if (ref in removed or (isinstance(mutation, FullMutation) and ref not in present))
            ]
            await sources.forget_kept_out(tx, source_id, [kept_out[ref].node_id for ref in settled])
        new = [one for one in hashed if known.get(one[1]) != one[2] and not _is_still_kept_out(one, kept_out)]
        gone = [ref for ref in known if (ref not in present if isinstance(mutation, FullMutation) else ref in removed)]
        parts = list(batches(new, BATCH)) or [()]
        for number, part in enumerate(parts):
            incoming = await asyncio.to_thread(self._judge, part)
            last = number == len(parts) - 1
            if not incoming and not (last and gone):
                break
            async with self._writer.db.write() as tx:
                change = await self._writer.begin(tx, actor, bulk=len(parts) > 1 and not last)
                again = [kept_out[one.ref].node_id for one in incoming if one.ref in kept_out]
                await change.place(incoming, source_id=source_id, clear=again)
                if last and gone:
                    await self.drop(change, source_id, gone)
                await change.finish()
        async with self._writer.db.write() as tx:
            await sources.note_success(tx, source_id, self._writer.now())

    async def fail(self, source: str, error: Exception) -> None:
        """Note that a source could not be read, or (``InputError``) that it gave what cannot be taken. What it gave stays."""
        async with self._writer.db.write() as tx:
            source_id = await sources.ensure_source(tx, source)
            told = str(error)[:1_000] or type(error).__name__
            await sources.note_failure(
                tx, source_id, told, self._writer.now(), is_partial=isinstance(error, InputError)
            )

    async def remove_source(self, source: str, *, actor: str) -> None:
        """Drop a source that is not installed any more, with what only it gave."""
        async with self._writer.db.write() as tx:
            source_id = await sources.ensure_source(tx, source)
            known = await sources.list_given(tx, source_id)
            if known:
                change = await self._writer.begin(tx, actor)
                await self.drop(change, source_id, list(known))
                await change.finish()
            await sources.forget_kept_out(tx, source_id, None)
            await sources.delete_source(tx, source_id)

    async def drop(self, change: Change, source_id: int, refs: Sequence[str]) -> None:
        """Have the source let go of ``refs``; what nobody else gives is removed."""
        ids = list((await ensure_refs(change.tx, refs)).values())
        await sources.release(change.tx, source_id, ids)
        await files.clear_findings(change.tx, findings_of_source(source_id), ids)
        await change.drop(ids)
        await change.stitch(dict.fromkeys(ids))  # those that others give, too

    def judge_one(self, source: str, deferred: DeferredEntity) -> Sequence[Finding]:
        """What would keep the entity out, whatever stands under its ref. Pure; may run in a thread."""
        has_metadata = isinstance(deferred.entity.get("metadata"), Mapping)  # else what is found says so
        location = _parse((location_of(deferred.entity) if has_metadata else "") or source)
        outcome = self._documents.process_value(deferred.entity, location, location, with_rules=False)
        if outcome.entity is not None:
            return ()
        return outcome.findings or (Finding("error", "envelope", "It does not say what it is."),)

    def judge_all(self, source: str, given: Sequence[DeferredEntity]) -> list[Incoming]:
        """Documents ready to be placed. May run in a thread. Raises ``InputError`` when one has no envelope."""
        return self._judge(self._hash_all(source, given))

    def _hash_all(self, source: str, given: Sequence[DeferredEntity]) -> list[Hashed]:
        out: dict[str, Hashed] = {}
        for deferred in given:
            problem = self._documents.find_envelope_problem(deferred.entity)
            if problem is not None:
                raise InputError(
                    f"Source {source} gave an entity without an envelope (apiVersion, kind, metadata.name): {problem.message}. "
                    "Nothing of this delivery was written."
                )
            ref = str(EntityRef.of(deferred.entity))
            if ref in out:
                log.warning("source gave an entity twice, the first stands", source=source, ref=ref)
                continue
            try:
                text = orjson.dumps(deferred.entity, option=orjson.OPT_SORT_KEYS)
            except TypeError as error:
                raise InputError(
                    f"Source {source} gave {ref} with a value that JSON does not have: {error}. Nothing of this delivery was written."
                ) from error
            text += f"\n{deferred.location_key}\n{self._documents.fingerprint}".encode()
            out[ref] = (deferred, ref, hashlib.blake2b(text, digest_size=16).hexdigest())
        return list(out.values())

    def _judge(self, part: Sequence[Hashed]) -> list[Incoming]:
        incoming = []
        for deferred, ref, hash in part:
            location = location_of(deferred.entity)
            origin = location_of(deferred.entity, "managed-by-origin-location") or location
            outcome = self._documents.process_value(deferred.entity, _parse(location), _parse(origin), with_rules=False)
            incoming.append(
                Incoming(
                    ref=ref, entity=outcome.entity, location_key=deferred.location_key, location=location, origin=origin,
                    relations=outcome.relations, findings=outcome.findings, unprocessed=outcome.unprocessed,
                    owner=outcome.owner, hash=hash, json=outcome.json,
                )
            )  # fmt: skip
        return incoming


def _is_still_kept_out(one: Hashed, kept_out: Mapping[str, KeptOut]) -> bool:
    """Whether another source's entity stands in the way as it did the last time: that was told then."""
    known = kept_out.get(one[1])
    return known is not None and known.location_key not in (None, one[0].location_key)


def _parse(location: str) -> LocationRef | None:
    try:
        return LocationRef.parse(location)
    except RefError:
        return None


class Connection:
    """One provider's own door."""

    def __init__(self, mutations: Mutations, name: str, refresh: Any) -> None:
        self._mutations = mutations
        self._name = name
        self._refresh = refresh

    async def apply(self, mutation: FullMutation | DeltaMutation) -> None:
        await self._mutations.apply(self._name, mutation, actor=f"provider:{self._name}")

    async def refresh(self, keys: Sequence[str]) -> None:
        await self._refresh(keys)

    async def fail(self, error: Exception) -> None:
        await self._mutations.fail(self._name, error)
