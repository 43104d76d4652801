"""Reading what Location entities name: targets to files, files to documents, documents into the catalog.

A document whose bytes are known costs a hash. A file or target that cannot be read keeps what it gave ("unknown" is
not "gone"); a file of which one document cannot be told apart loses none of its others.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

import orjson

from callboard.features.catalog.domain import location_of, owner_of
from callboard.features.catalog.ingest.documents import Documents
from callboard.features.catalog.ingest.documents import Outcome as DocumentOutcome
from callboard.features.catalog.ingest.sources import Sources, Target
from callboard.features.catalog.interface import Finding, NotModified, ReadFile
from callboard.features.catalog.service.writing import LOCATION_JOB, STITCH_JOB, Change, Writer
from callboard.features.catalog.store import files
from callboard.features.catalog.store.files import DocumentRow, FileRow
from callboard.features.catalog.store.placing import Incoming
from callboard.kernel.errors import CallboardError
from callboard.kernel.logs import get_logger
from callboard.model.documents import Chunk
from callboard.model.problems import Problem
from callboard.model.refs import LocationRef

log = get_logger(__name__)

READING = -1
"""``file_id`` of findings about reading a Location's targets, as opposed to documents in a file."""
BATCH = 1_000
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

    async def refresh_location(self, node_id: int, *, force: bool = False, actor: str = "plugin:callboard") -> None:
        """Read every target of a Location entity, take in what changed, drop files that it no longer names."""
        async with self._writer.db.read() as tx:
            parent = await self._parent(tx, node_id)
            known = await files.list_files(tx, node_id)
        if parent is None:
            return
        targets, problems = self._documents.targets(parent.entity, parent.location)
        findings = list(problems)
        by_target: dict[str, list[FileRow]] = {}
        for row in known:
            by_target.setdefault(row.target, []).append(row)
        kept: set[int] = set()
        deferred = False
        for target in targets:
            rows = by_target.get(str(target.ref), [])
            try:
                hits = await self._sources.read(target, parent.origin, _common_etag(rows, force))
            except NotModified:
                kept.update(row.id for row in rows)
                for row in rows:
                    deferred |= await self._refresh_if_stale(parent, row, force, actor)
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
            for file in hits.files:
                location = str(LocationRef(target.ref.type, file.url))
                row = by_location.get(location) or await self._ensure_file(parent.id, str(target.ref), location)
                kept.add(row.id)
                deferred |= await self._take_in(parent, row, file, hits.etag, force, actor, bulk=len(targets) > 1 or len(hits.files) > 1)
        await self._finish_location(parent, [row for row in known if row.id not in kept], findings, actor, deferred)

    async def _finish_location(
        self, parent: _Parent, dropped: Sequence[FileRow], findings: Sequence[Finding], actor: str, deferred: bool
    ) -> None:
        async with self._writer.db.write() as tx:
            told = await files.list_reading_findings(tx, parent.id, READING)
            if [_sameness(f) for f in told] != [_sameness(f) for f in findings] or dropped:
                change = await self._writer.begin(tx, actor)
                owner = owner_of(parent.entity)
                await change.place(
                    (), file_id=READING, clear=(parent.id,), more=[(parent.id, owner, f) for f in findings]
                )
                if not findings:
                    await change.stitch({parent.id: None})
                for row in dropped:
                    await change.drop(await files.release_file(tx, row.id))
                deferred |= (await change.finish()).deferred
        await self._ask_for_stitching(deferred)

    async def _ask_for_stitching(self, deferred: bool) -> None:
        """Have neighbours stitched once no more locations wait: those would make the same ones due again. A long load
        shows its progress all the same, every ``STITCH_PATIENCE_S``."""
        self._owes_stitching |= deferred
        if not self._owes_stitching:
            return
        now = self._writer.clock.monotonic()
        counts = await self._writer.jobs.count_jobs()
        if counts.get((LOCATION_JOB, "waiting"), 0) and now - self._stitched_at < STITCH_PATIENCE_S:
            return
        self._owes_stitching, self._stitched_at = False, now
        async with self._writer.db.write() as tx:
            await self._writer.jobs.enqueue(tx, STITCH_JOB, {}, key="stitch")

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

    async def refresh_file(self, file_id: int, *, force: bool = False, actor: str = "plugin:callboard") -> None:
        """Read one file of a Location again, without looking at its neighbours."""
        async with self._writer.db.read() as tx:
            row = await files.find_file(tx, file_id)
            parent = None if row is None else await self._parent(tx, row.parent_id)
        if row is None or parent is None:
            return
        target = Target(LocationRef.parse(row.location), False)
        try:
            # the etag of a pattern speaks of all its files, so a single one is read without
            etag = None if force or row.target != row.location else row.etag
            hits = await self._sources.read(target, parent.origin, etag)
        except NotModified:
            await self._refresh_if_stale(parent, row, force, actor)
            return
        except CallboardError as error:
            await self._note_failure([row], error)
            await self.refresh_location(row.parent_id, actor=actor)
            return
        etag = hits.etag if row.target == row.location else row.etag
        for file in hits.files:
            if await self._take_in(parent, row, file, etag, force, actor):
                await self._ask_for_stitching(True)

    async def _refresh_if_stale(self, parent: _Parent, row: FileRow, force: bool, actor: str) -> bool:
        """An unmodified file is read anyway when the rules changed, or something that it includes did."""
        stale = row.context != self._context(parent) or row.state != "ok"
        if not stale:
            async with self._writer.db.read() as tx:
                reads = await files.list_reads(tx, row.id)
            stale = bool(reads) and await self._sources.any_changed(reads, parent.origin)
        if not stale and not force:
            return False
        try:
            hits = await self._sources.read(Target(LocationRef.parse(row.location), False), parent.origin, None)
        except (NotModified, CallboardError):
            return False
        deferred = False
        for file in hits.files:
            deferred |= await self._take_in(parent, row, file, row.etag, force, actor)
        return deferred

    def _context(self, parent: _Parent) -> str:
        """What besides its bytes decides what becomes of a document."""
        text = f"{self._documents.fingerprint}\n{parent.location}\n{parent.origin}"
        return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    async def _take_in(
        self, parent: _Parent, row: FileRow, file: ReadFile, etag: str | None, force: bool, actor: str, bulk: bool = False
    ) -> bool:
        """Documents of a file into the catalog; whether neighbours were left to be stitched."""
        context = self._context(parent)
        digest = hashlib.blake2b(file.content, digest_size=16).hexdigest()
        async with self._writer.db.read() as tx:
            reads = await files.list_reads(tx, row.id)
        changed_reads = bool(reads) and await self._sources.any_changed(reads, parent.origin)
        if digest == row.hash and context == row.context and row.state == "ok" and not force and not changed_reads:
            if etag != row.etag or row.error:
                async with self._writer.db.write() as tx:
                    await files.note_unchanged(tx, row.id, etag, self._writer.now())
            return False
        async with self._writer.db.read() as tx:
            old = await files.list_documents(tx, row.id)
        again = {url_ref[1] for url_ref in reads} if changed_reads else set()
        fresh = force or context != row.context
        plan = await asyncio.to_thread(_compare, self._documents, file.content, old, fresh, again)
        location = LocationRef.parse(row.location)
        contents = await self._sources.read_all(
            await asyncio.to_thread(self._documents.reads, plan.chunks, location), location, parent.origin
        )
        deferred = False
        outcomes: list[tuple[int, DocumentOutcome]] = []
        batches = [plan.work[at : at + BATCH] for at in range(0, len(plan.work), BATCH)] or [[]]
        for number, work in enumerate(batches):
            if plan.problem is not None:
                done = [DocumentOutcome(None, findings=[self._documents.file_finding(plan.problem, location)])]
            else:
                done = await asyncio.to_thread(
                    self._documents.process_many, [(chunk, i) for i, chunk in work], location, parent.origin, contents
                )
            outcomes += [(i, outcome) for (i, _), outcome in zip(work, done, strict=True)]
            last = number == len(batches) - 1
            async with self._writer.db.write() as tx:
                change = await self._writer.begin(tx, actor, bulk=bulk or len(batches) > 1)
                await self._write_batch(change, parent, row, plan, done, work, location)
                if last:
                    await self._write_end(change, parent, row, plan, outcomes, file, etag, digest, context)
                deferred |= (await change.finish()).deferred
        return deferred

    async def _write_batch(
        self, change: Change, parent: _Parent, row: FileRow, plan: _Plan, done: Sequence[DocumentOutcome],
        work: Sequence[tuple[int, Chunk]], location: LocationRef,
    ) -> None:  # fmt: skip
        incoming: list[Incoming] = []
        strays: list[tuple[int, str | None, Finding]] = []
        for (position, chunk), outcome in zip(work, done, strict=True):
            if outcome.ref is None and not outcome.findings:
                plan.result[position] = (None, "ok")  # a document that says null is none
                continue
            if outcome.ref is None:
                held = plan.at.get(position)
                subject = held.ref_id if held is not None and held.ref_id is not None else parent.id
                strays += [(subject, outcome.owner, finding) for finding in outcome.findings]
                if subject != parent.id:
                    strays += [(parent.id, outcome.owner, finding) for finding in outcome.findings]
                continue
            incoming.append(
                Incoming(
                    ref=outcome.ref, entity=outcome.entity, location_key=str(location), location=str(location),
                    origin=str(parent.origin), relations=outcome.relations, findings=outcome.findings,
                    unprocessed=outcome.unprocessed, owner=outcome.owner, position=position, line=chunk.line,
                    reads=outcome.reads,
                )
            )  # fmt: skip
        clear = [parent.id, *(held.ref_id for held in plan.at.values() if held.state != "ok" and held.ref_id is not None)]
        placed = await change.place(
            incoming, parent_id=parent.id, file_id=row.id, clear=() if plan.cleared else clear, more=strays
        )
        plan.cleared = True
        conflicting = {document.position for document, _ in placed.conflicts}
        for document in incoming:
            state = "conflict" if document.position in conflicting else "ok" if document.entity is not None else "failed"
            plan.result[document.position] = (placed.ids[document.ref], state)
        plan.reads += [
            (url, placed.ids[document.ref], etag) for document in incoming for url, etag in document.reads.items()
        ]
        if parent.id not in {s for s, _, _ in strays}:
            await change.stitch({parent.id: None})

    async def _write_end(
        self, change: Change, parent: _Parent, row: FileRow, plan: _Plan, outcomes: Sequence[tuple[int, DocumentOutcome]],
        file: ReadFile, etag: str | None, digest: str, context: str,
    ) -> None:  # fmt: skip
        tx = change.tx
        rows: list[DocumentRow] = []
        hashes = {i: chunk.hash.hex() for i, chunk in plan.work}
        for position, chunk in enumerate(plan.chunks_at):
            same = plan.same.get(position)
            if same is not None:
                rows.append(DocumentRow(position, same.hash, chunk.line, same.ref_id, same.state))
            else:
                ref_id, state = plan.result.get(position, (None, "failed"))
                if ref_id is None and state != "ok" and (held := plan.at.get(position)) is not None:
                    ref_id = held.ref_id  # the document went bad: it still stands for what it was
                rows.append(DocumentRow(position, hashes[position], chunk.line, ref_id, state))
        present = {r.ref_id for r in rows if r.ref_id is not None}
        unknown = any(outcome.ref is None and outcome.findings for _, outcome in outcomes)
        gone = {r.ref_id for r in plan.old if r.ref_id is not None and r.state != "conflict"} - present
        await files.write_documents(tx, row.id, plan.old, rows)
        await files.write_reads(tx, row.id, plan.reads, keep={r.ref_id for r in plan.same.values() if r.ref_id})
        await files.note_read(tx, row.id, etag=etag, hash=digest, context=context, at=change.now)
        if gone and not unknown:
            await change.drop(await files.release_documents(tx, parent.id, row.id, sorted(gone)))
            await files.clear_findings(tx, row.id, sorted(gone))


@dataclass(slots=True)
class _Plan:
    """A file against what it gave the last time."""

    chunks_at: list[Chunk]
    old: Sequence[DocumentRow]
    same: dict[int, DocumentRow]
    work: list[tuple[int, Chunk]]
    at: dict[int, DocumentRow]
    result: dict[int, tuple[int, str]]
    reads: list[tuple[str, int, str | None]]
    problem: Problem | None = None
    cleared: bool = False

    @property
    def chunks(self) -> list[Chunk]:
        return [chunk for _, chunk in self.work]


def _compare(
    documents: Documents, content: bytes, old: Sequence[DocumentRow], fresh: bool, again: set[int]
) -> _Plan:
    """Which documents of a file are as they were (by hash, wherever they stand now) and which need work."""
    split = documents.split(content)
    if isinstance(split, Problem):
        chunk = Chunk(b"", split.line or 1)
        return _Plan([chunk], old, {}, [(0, chunk)], {row.position: row for row in old}, {}, [], split)
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
    taken = {row.position for row in same.values()}
    at = {row.position: row for row in old if row.position not in taken}
    return _Plan(split, old, same, work, at, {}, [])


def _common_etag(rows: Sequence[FileRow], force: bool) -> str | None:
    """The etag of a target: its files carry the same one. None when there is nothing to rely on."""
    if force or not rows or any(row.state == "new" for row in rows):
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
    return Finding(
        "error", "read", f"{target.ref} could not be read: {error.message}{kept}", name=error.name,
        file=error.file or target.ref.target, line=error.line, column=error.column, fix=fixes.get(error.name),
    )  # fmt: skip
