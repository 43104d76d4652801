"""Reading what Location entities name: targets to files, files to documents, documents into the catalog.

A document whose bytes are known costs a hash. A file or target that cannot be read keeps what it gave ("unknown" is
not "gone"); a file of which one document cannot be told apart loses none of its others.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field, replace
from typing import AbstractSet, Any, Mapping, Sequence

import orjson

from callboard.features.catalog.domain import cut_findings, location_of, owner_of
from callboard.features.catalog.ingest.documents import Documents
from callboard.features.catalog.ingest.documents import Outcome as DocumentOutcome
from callboard.features.catalog.ingest.sources import Sources, Target
from callboard.features.catalog.interface import Finding, NotModified, ReadFile
from callboard.features.catalog.service.asking import LOCATION_JOB
from callboard.features.catalog.service.writing import Change, Writer
from callboard.features.catalog.store import files, placing
from callboard.features.catalog.store.files import DocumentRow, FileRow
from callboard.features.catalog.store.placing import Incoming
from callboard.features.catalog.store.tracing import READING
from callboard.kernel.errors import CallboardError, LimitError
from callboard.kernel.gc_pause import paused_gc
from callboard.kernel.logs import get_logger
from callboard.model.documents import Chunk
from callboard.model.problems import Problem
from callboard.model.refs import MAX_ADDRESS_LENGTH, LocationRef

log = get_logger(__name__)

BATCH = 1_000
MAX_TOLD = 1_000
"""Entities of one unreadable file that carry its error; beyond it only the Location does."""
STITCH_PATIENCE_S = 20.0


@dataclass(slots=True)
class _Parent:
    id: int
    entity: dict[str, Any]
    location: LocationRef
    origin: LocationRef


class LocationReader:
    """Use cases ``refresh_location`` and ``refresh_file``, run by jobs."""

    def __init__(self, writer: Writer, documents: Documents, sources: Sources) -> None:
        self._writer = writer
        self._documents = documents
        self._sources = sources
        self._owes_stitching = False
        self._stitched_at = writer.clock.monotonic()

    # ---- a location -----------------------------------------------------------------------------------------------

    async def refresh_location(self, node_id: int, *, actor: str = "plugin:callboard") -> None:
        """Read every target of a Location entity, take in what changed, drop files that it no longer names."""
        async with self._writer.db.read() as tx:
            parent = await self._parent(tx, node_id)
            known = await files.list_files(tx, node_id)
        if parent is None:
            return
        # what is wrong with other targets, the document says
        targets, _ = self._documents.targets(parent.entity, parent.location)
        findings: list[Finding] = []
        by_target: dict[str, list[FileRow]] = {}
        for row in known:
            by_target.setdefault(row.target, []).append(row)
        kept: set[int] = set()
        seen: set[str] = set()
        deferred = False
        for target in targets:
            rows = by_target.get(str(target.ref), [])
            try:
                hits = await self._sources.read(target, parent.origin, _common_etag(rows))
            except NotModified:
                kept.update(row.id for row in rows)
                for row in rows:
                    deferred |= await self._refresh_if_stale(parent, row, actor)
                continue
            except CallboardError as error:
                kept.update(row.id for row in rows)
                if not (target.optional and error.name == "NotFoundError"):
                    findings.append(read_finding(error, target, known=bool(rows)))
                await self._note_failure(rows, error)
                continue
            findings += hits.findings
            if not hits.files and not target.optional and not hits.findings:
                findings.append(
                    Finding(
                        "error", "read", f"{target.ref} matches no file.", name="NotFoundError", file=target.ref.target,
                        fix="Check the pattern, or wait until a file is there.",
                    )
                )  # fmt: skip
            unread = {finding.file for finding in hits.findings}
            kept.update(row.id for row in rows if LocationRef.parse(row.location).target in unread)
            by_location = {row.location: row for row in rows}
            locations = [str(LocationRef(target.ref.type, file.url)) for file in hits.files]
            leaving = {row.id for row in rows if row.id not in kept} - {
                by_location[at].id for at in locations if at in by_location
            }
            for location, file in zip(locations, hits.files, strict=True):
                if location in seen or len(location) > MAX_ADDRESS_LENGTH:  # another target names it, too
                    continue
                seen.add(location)
                row = by_location.get(location) or await self._ensure_file(parent.id, str(target.ref), location)
                kept.add(row.id)
                deferred |= await self._take_in(
                    parent, row, file, hits.etag, actor,
                    bulk=len(targets) > 1 or len(hits.files) > 1, leaving=leaving,
                )  # fmt: skip
        dropped = [row for row in known if row.id not in kept]
        await self._finish_location(parent, dropped, cut_findings(findings), actor, deferred)

    async def _finish_location(
        self, parent: _Parent, dropped: Sequence[FileRow], findings: Sequence[Finding], actor: str, deferred: bool
    ) -> None:
        async with self._writer.db.read() as tx:
            told = await files.list_reading_findings(tx, parent.id, READING)
        if [_sameness(f) for f in told] != [_sameness(f) for f in findings] or dropped:
            async with self._writer.db.write() as tx:
                change = await self._writer.begin(tx, actor)
                if await placing.find_nodes(tx, [parent.id]):  # else it was removed while its targets were read
                    owner = owner_of(parent.entity)
                    told_of = {parent.id}
                    for row in dropped:
                        told_of.update(subject for subject, _, _ in await files.list_told(tx, row.id))
                        await change.drop(await files.release_file(tx, row))
                    await change.place(
                        (), file_id=READING, clear=(parent.id,), more=[(parent.id, owner, f) for f in findings]
                    )
                    await change.stitch(dict.fromkeys(sorted(told_of)))  # what was said of a file went with it
                deferred |= (await change.finish()).deferred
        await self._ask_for_stitching(deferred)

    async def _ask_for_stitching(self, deferred: bool) -> None:
        """Have neighbours stitched once no more locations wait: those would make the same ones due again. A long load
        shows its progress all the same, every ``STITCH_PATIENCE_S``.
        """
        self._owes_stitching |= deferred
        if not self._owes_stitching:
            return
        now = self._writer.clock.monotonic()
        counts = await self._writer.jobs.count_jobs()
        if counts.get((LOCATION_JOB, "waiting"), 0) and now - self._stitched_at < STITCH_PATIENCE_S:
            return
        self._owes_stitching, self._stitched_at = False, now
        async with self._writer.db.write() as tx:
            await self._writer.ask.stitch(tx)

    async def _parent(self, tx: Any, node_id: int) -> _Parent | None:
        row = await files.find_parent(tx, node_id)
        if row is None:
            return None
        entity = orjson.loads(row[0])
        location = location_of(entity)
        origin = location_of(entity, "managed-by-origin-location") or location
        if not location:
            return None
        return _Parent(node_id, entity, LocationRef.parse(location), LocationRef.parse(origin))

    async def _ensure_file(self, parent_id: int, target: str, location: str) -> FileRow:
        async with self._writer.db.write() as tx:
            return await files.ensure_file(tx, parent_id, target, location)

    async def _note_failure(self, rows: Sequence[FileRow], error: CallboardError) -> None:
        if any(row.error != error.message for row in rows):
            async with self._writer.db.write() as tx:
                await files.note_failure(tx, [row.id for row in rows], error.message[:1_000], self._writer.now())

    # ---- a file ---------------------------------------------------------------------------------------------------

    async def refresh_file(self, file_id: int, *, actor: str = "plugin:callboard") -> None:
        """Read one file of a Location again, without looking at its neighbours."""
        async with self._writer.db.read() as tx:
            row = await files.find_file(tx, file_id)
            parent = None if row is None else await self._parent(tx, row.parent_id)
        if row is None or parent is None:
            return
        target = Target(LocationRef.parse(row.location), False)
        try:
            # the etag of a pattern speaks of all its files, so a single one is read without
            etag = None if row.target != row.location else _common_etag([row])
            hits = await self._sources.read(target, parent.origin, etag)
        except NotModified:
            deferred = await self._refresh_if_stale(parent, row, actor)
        except CallboardError as error:
            await self._note_failure([row], error)
            await self.refresh_location(row.parent_id, actor=actor)
            return
        else:
            deferred = False
            etag = hits.etag if row.target == row.location else row.etag
            for file in hits.files:
                deferred |= await self._take_in(parent, row, file, etag, actor)
        await self._ask_for_stitching(deferred)
        if row.error is not None:
            await self.refresh_location(row.parent_id, actor=actor)  # it says of itself that the file cannot be read

    async def _refresh_if_stale(self, parent: _Parent, row: FileRow, actor: str) -> bool:
        """An unmodified file is read anyway when the rules changed, or something that it includes did."""
        if row.error is not None:
            async with self._writer.db.write() as tx:
                await files.note_unchanged(tx, row.id, row.etag, self._writer.now())
        stale = row.context != self._context(parent) or row.state != "ok"
        if not stale:
            async with self._writer.db.read() as tx:
                reads = await files.list_reads(tx, row.id)
            stale = bool(reads) and await self._sources.any_changed(reads, parent.origin)
        if not stale:
            return False
        try:
            hits = await self._sources.read(Target(LocationRef.parse(row.location), False), parent.origin, None)
        except (NotModified, CallboardError):
            return False
        deferred = False
        for file in hits.files:
            deferred |= await self._take_in(parent, row, file, row.etag, actor)
        return deferred

    def _context(self, parent: _Parent) -> str:
        """What besides its bytes decides what becomes of a document."""
        text = f"{self._documents.fingerprint}\n{parent.location}\n{parent.origin}"
        return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    async def _take_in(
        self, parent: _Parent, row: FileRow, file: ReadFile, etag: str | None, actor: str, bulk: bool = False,
        leaving: AbstractSet[int] = frozenset(),
    ) -> bool:  # fmt: skip
        """Documents of a file into the catalog; whether neighbours were left to be stitched.

        ``leaving`` are files that the Location names no more: what they gave may move here.
        """
        context = self._context(parent)
        digest = hashlib.blake2b(file.content, digest_size=16).hexdigest()
        async with self._writer.db.read() as tx:
            reads = await files.list_reads(tx, row.id)
        changed_reads = bool(reads) and await self._sources.any_changed(reads, parent.origin)
        if digest == row.hash and context == row.context and row.state == "ok" and not changed_reads:
            if etag != row.etag or row.error:
                async with self._writer.db.write() as tx:
                    await files.note_unchanged(tx, row.id, etag, self._writer.now())
            return False
        # a Location that its own file describes is judged again, too: what is wrong with others stands on it as well
        again = {parent.id, *(ref_id for _, ref_id, _ in reads if changed_reads)}
        plan = await self._plan(row, file, context != row.context, again)
        location = LocationRef.parse(row.location)
        contents = await self._sources.read_all(
            await asyncio.to_thread(self._documents.reads, plan.chunks, location), location, parent.origin
        )
        deferred = False
        batches = [plan.work[at : at + BATCH] for at in range(0, len(plan.work), BATCH)] or [[]]
        with paused_gc():
            for number, work in enumerate(batches):
                if plan.problem is not None:
                    done = [DocumentOutcome(None, findings=[self._documents.file_finding(plan.problem, location)])]
                else:
                    done = await asyncio.to_thread(
                        self._documents.process_many,
                        [(chunk, i) for i, chunk in work],
                        location,
                        parent.origin,
                        contents,
                    )
                async with self._writer.db.write() as tx:
                    change = await self._writer.begin(tx, actor, bulk=bulk or len(batches) > 1)
                    now = await files.find_wanted(tx, row.id)
                    if now is None:  # its Location was removed while the file was read
                        break
                    if now.version != (row.version if number == 0 else (*row.version[:2], "begun")):
                        # another job was quicker, and may have read something newer: look once more
                        await self._writer.ask.read_file(tx, row.id)
                        break
                    if number == 0:
                        plan.told = await files.list_told(tx, row.id)
                        if len(batches) > 1:
                            await files.note_begun(tx, row.id)
                    await self._write_batch(change, parent, row, plan, done, work, location, leaving)
                    if number == len(batches) - 1:
                        # first, because what is dropped at the end may make this very file due
                        await files.note_read(tx, row.id, etag=etag, hash=digest, context=context, at=change.now)
                        await self._write_end(change, parent, row, plan)
                    deferred |= (await change.finish()).deferred
        return deferred

    async def _plan(self, row: FileRow, file: ReadFile, fresh: bool, again: set[int]) -> _Plan:
        async with self._writer.db.read() as tx:
            old = await files.list_documents(tx, row.id)
        # the other side of a conflict may be gone now
        again = again | {r.ref_id for r in old if r.state == "conflict" and r.ref_id is not None}
        plan = await asyncio.to_thread(_compare, self._documents, file.content, old, fresh, again)
        if plan.same and plan.work:
            claimed = await asyncio.to_thread(self._documents.refs, plan.chunks)
            async with self._writer.db.read() as tx:
                repeated = set((await placing.find_refs(tx, claimed)).values()) & {r.ref_id for r in plan.same.values()}
            if repeated:  # a ref twice in a file: all of them are judged together, in their order
                plan = await asyncio.to_thread(_compare, self._documents, file.content, old, fresh, again | repeated)
        return plan

    async def _write_batch(
        self, change: Change, parent: _Parent, row: FileRow, plan: _Plan, done: Sequence[DocumentOutcome],
        work: Sequence[tuple[int, Chunk]], location: LocationRef, leaving: AbstractSet[int],
    ) -> None:  # fmt: skip
        incoming: list[Incoming] = []
        strays: list[Finding] = []
        for (position, chunk), outcome in zip(work, done, strict=True):
            if outcome.ref is None:
                if outcome.findings:
                    strays += outcome.findings
                    plan.strays.append(outcome.findings)
                else:
                    plan.result[position] = (None, "ok")  # a document that says null is none
                continue
            incoming.append(
                Incoming(
                    ref=outcome.ref, entity=outcome.entity, location_key=str(location), location=str(location),
                    origin=str(parent.origin), relations=outcome.relations, findings=outcome.findings,
                    unprocessed=outcome.unprocessed, owner=outcome.owner, position=position, line=chunk.line,
                    reads=outcome.reads, json=outcome.json,
                )
            )  # fmt: skip
        # what was found the last time goes, but for documents that are as they were
        clear = {parent.id, *(subject for subject, _, _ in plan.told)} - {held.ref_id for held in plan.same.values()}
        placed = await change.place(
            incoming, parent_id=parent.id, file_id=row.id, clear=() if plan.taken is not None else clear,
            more=[(parent.id, None, finding) for finding in strays], taken=plan.taken or frozenset(), leaving=leaving,
            since=plan.told, where=row.location,
        )  # fmt: skip
        plan.taken = (
            (plan.taken or set()) | placed.accepted.keys() | placed.refused.keys() | {n.id for _, n in placed.seconds}
        )
        conflicting = {document.position for document, _ in placed.conflicts}
        for document in incoming:
            state = (
                "conflict" if document.position in conflicting else "ok" if document.entity is not None else "failed"
            )
            plan.result[document.position] = (placed.ids[document.ref], state)
        plan.reads += [
            (url, placed.ids[document.ref], etag) for document in incoming for url, etag in document.reads.items()
        ]

    async def _write_end(self, change: Change, parent: _Parent, row: FileRow, plan: _Plan) -> None:
        tx = change.tx
        rows: list[DocumentRow] = []
        hashes = {i: chunk.hash.hex() for i, chunk in plan.work}
        for position, chunk in enumerate(plan.chunks_at):
            same = plan.same.get(position)
            if same is not None:
                rows.append(DocumentRow(position, same.hash, chunk.line, same.ref_id, same.state))
            else:
                rows.append(
                    DocumentRow(position, hashes[position], chunk.line, *plan.result.get(position, (None, "failed")))
                )
        present = {r.ref_id for r in rows if r.ref_id is not None}
        given: dict[int, DocumentRow | None] = {
            r.ref_id: r for r in plan.old if r.ref_id is not None and r.state != "conflict"
        }
        if row.state == "begun":  # an earlier run was cut off: what it placed stands in no document row
            given = {**dict.fromkeys(await files.list_given(tx, parent.id, row.id)), **given}
        gone = sorted(id for id in given if id not in present)
        if plan.strays and gone:
            # one of these documents may be the one that nobody can read now: all of them stay, and say so
            rows += [
                DocumentRow(at, "", old.line if (old := given[id]) else 1, id, "kept")
                for at, id in enumerate(gone, start=len(rows))
            ]
            await self._tell_kept(change, row, gone, plan)
        await files.write_documents(tx, row.id, plan.old, rows)
        await files.write_reads(tx, row.id, plan.reads, keep={r.ref_id for r in plan.same.values() if r.ref_id})
        if gone and not plan.strays:
            await files.clear_findings(tx, row.id, gone)
            await change.drop(await files.release_documents(tx, parent.id, row.id, gone))
        await change.stitch({parent.id: None, **dict.fromkeys(subject for subject, _, _ in plan.told)})

    async def _tell_kept(self, change: Change, row: FileRow, kept: Sequence[int], plan: _Plan) -> None:
        """Put what is wrong with the unreadable documents on the entities that may be theirs."""
        told = kept[:MAX_TOLD]
        if len(plan.strays) == len(kept):  # as many as are missing: they will be in the same order
            order = {r.ref_id: r.position for r in plan.old}
            theirs = dict(zip(sorted(kept, key=lambda node: order.get(node, 0)), plan.strays, strict=True))
        else:
            every = [finding for findings in plan.strays for finding in findings]
            theirs = {node: every[:] for node in kept}
        subjects = await files.list_named(change.tx, told)
        more = [(id, owner, replace(f, entity_ref=ref)) for id, ref, owner in subjects for f in theirs[id]]
        await change.place((), file_id=row.id, more=more, since=plan.told, where=row.location)


@dataclass(slots=True)
class _Plan:
    """A file against what it gave the last time.

    ``work`` and ``same`` go by position; ``strays`` are the findings of documents that do not say what they are; ``told``
    are those of the last time (subject, stage, message: since); ``taken`` the nodes placed so far (None: not begun).
    """

    chunks_at: list[Chunk]
    old: Sequence[DocumentRow]
    same: dict[int, DocumentRow]
    work: list[tuple[int, Chunk]]
    problem: Problem | None = None
    result: dict[int, tuple[int | None, str]] = field(default_factory=dict)
    reads: list[tuple[str, int, str | None]] = field(default_factory=list)
    strays: list[Sequence[Finding]] = field(default_factory=list)
    told: Mapping[tuple[int, str, str], str] = field(default_factory=dict)
    taken: set[int] | None = None

    @property
    def chunks(self) -> list[Chunk]:
        return [chunk for _, chunk in self.work]


def _compare(
    documents: Documents, content: bytes, old: Sequence[DocumentRow], fresh: bool, again: AbstractSet[int | None]
) -> _Plan:
    """Which documents of a file are as they were (by hash, wherever they stand now) and which need work."""
    split = documents.split(content)
    if isinstance(split, Problem):
        chunk = Chunk(b"", split.line or 1)
        return _Plan([chunk], old, {}, [(0, chunk)], split)
    known: dict[str, list[DocumentRow]] = {}
    if not fresh:
        for row in old:
            if row.state == "ok" and row.ref_id not in again:
                known.setdefault(row.hash, []).append(row)
    same: dict[int, DocumentRow] = {}
    work: list[tuple[int, Chunk]] = []
    for position, chunk in enumerate(split):
        rows = known.get(chunk.hash.hex()) if known else None
        if rows:
            same[position] = rows.pop()
        else:
            work.append((position, chunk))
    return _Plan(split, old, same, work)


def _common_etag(rows: Sequence[FileRow]) -> str | None:
    """The etag of a target: its files carry the same one. None when there is nothing to rely on."""
    if not rows or any(row.state != "ok" for row in rows):
        return None
    etags = {row.etag for row in rows}
    return etags.pop() if len(etags) == 1 else None


def _sameness(finding: Finding) -> tuple[Any, ...]:
    return (finding.severity, finding.stage, finding.message, finding.name, finding.file, finding.fix)


def read_finding(error: CallboardError, target: Target, *, known: bool) -> Finding:
    """An unreadable target as a finding of its Location. ``known``: it gave something before, which stays."""
    kept = " What it gave before is kept." if known else ""
    fixes: Mapping[str, str] = {
        "NotFoundError": "Check the address, or mark the location with presence: optional.",
        "NotAllowedError": "Ask an administrator to allow this host or directory in the settings.",
        "LimitError": "It is tried again by itself.",
        "ServiceUnavailableError": "It is tried again by itself.",
    }
    waits = isinstance(error, LimitError) and error.retry_after_s is not None
    # how long to wait differs each time; told, it would be a change of the Location on every try
    reason = "its host allows no more requests for now." if waits else error.message
    return Finding(
        "error", "read", f"{target.ref} could not be read: {reason}{kept}", name=error.name,
        file=error.file or target.ref.target, line=error.line, column=error.column, fix=fixes.get(error.name),
    )  # fmt: skip
