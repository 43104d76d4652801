"""The one way into the catalog: place documents, drop what went, stitch what is touched, tell about it.

Sources differ in how they find documents (``service.locations``, ``service.mutations``); all end in a ``Change`` here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import AbstractSet, Any, Iterable, Mapping, Sequence

from callboard.features.catalog.interface import Finding
from callboard.features.catalog.interface.overlays import OVERLAY_SOURCE
from callboard.features.catalog.service.asking import Asking
from callboard.features.catalog.service.overlays import Laid, OverlayLayer
from callboard.features.catalog.store import aliases, overlays, placing, removing, stitching
from callboard.features.catalog.store.aliases import renamed_finding
from callboard.features.catalog.store.index import EntityIndex
from callboard.features.catalog.store.placing import Incoming, Placed
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.events import Events
from callboard.kernel.gc_pause import paused_gc
from callboard.kernel.jobs import Jobs

INLINE = 300
"""Neighbours to stitch in the same transaction; more than this are left to the stitching job."""

OVERLAY_FINDINGS = 0
"""``file_id`` of findings about what people lay over entities."""

CHANNEL = "callboard_catalog"
"""Where replicas tell each other of new catalog revisions."""
TOLD = 100
"""Refs named in one event; beyond it the event says how many."""


@dataclass(slots=True)
class Outcome:
    """What one transaction changed: refs by how, and the findings it wrote."""

    revision: int = 0
    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    deferred: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.created or self.updated or self.deleted or self.failed)


class Writer:
    """Opens nothing by itself: ``begin`` takes the transaction of the use case."""

    def __init__(
        self, *, db: Database, index: EntityIndex, jobs: Jobs, events: Events, clock: Clock, keep_orphans: bool = False,
        layer: OverlayLayer | None = None,
    ) -> None:  # fmt: skip
        self.db = db
        self.layer = layer
        self.index = index
        self.jobs = jobs
        self.ask = Asking(jobs)
        self.events = events
        self.clock = clock
        self.keep_orphans = keep_orphans

    def now(self) -> str:
        return format_time(self.clock.now())

    async def begin(self, tx: Transaction, actor: str, *, bulk: bool = False) -> Change:
        """Take the next revision. ``bulk``: neighbours are left to the stitching job whatever their number."""
        return Change(self, tx, await placing.lock(tx), actor, self.now(), bulk)

    async def stitch_due(self) -> int:
        """Stitch one batch of what was left over; how many are still due (0: none)."""
        with paused_gc():
            return await self._stitch_some()

    async def _stitch_some(self) -> int:
        async with self.db.write() as tx:
            due = await stitching.list_due(tx, stitching.BATCH + 1)
            if not due:
                return 0
            change = await self.begin(tx, "plugin:callboard")
            part = due[: stitching.BATCH]
            await change.stitch(dict.fromkeys(part), with_history=False)
            await change.finish()
            return len(due) - len(part)


class Change:
    """One transaction's worth of writing. Call ``place`` and ``drop`` as needed, then ``finish`` once."""

    def __init__(self, writer: Writer, tx: Transaction, revision: int, actor: str, now: str, bulk: bool) -> None:
        self._writer = writer
        self._bulk = bulk
        self.tx = tx
        self.revision = revision
        self.actor = actor
        self.now = now
        self.outcome = Outcome(revision=revision)
        self.waiting: set[int] = set()
        self.waiting_sources: set[str] = set()
        self.children: set[int] = set()
        """What the nodes removed last gave: candidates of ``drop``."""
        self._due: set[int] = set()
        self._told: set[int] = set()
        self._refs: dict[int, str] = {}

    async def place(
        self, documents: Sequence[Incoming], *, parent_id: int = 0, source_id: int = 0, file_id: int = 0,
        clear: Iterable[int] = (), more: Iterable[tuple[int, str | None, Finding]] = (),
        taken: AbstractSet[int] = frozenset(), leaving: AbstractSet[int] = frozenset(),
        since: Mapping[tuple[int, str, str], str] = MappingProxyType({}), where: str = "",
    ) -> Placed:  # fmt: skip
        """Place and stitch documents, and make their findings what they are now.

        Args:
            documents: Good and refused ones of one source or file.
            clear: Further subjects whose findings in this file are gone unless given anew.
            more: Findings beside those of the documents: (subject id, owner, finding).
            taken, leaving: See ``placing.place``.
            since: When findings that were cleared before were first told: (subject id, stage, message).
            where: Location that history names as the source of what ``more`` does.
        """
        tx, writer = self.tx, self._writer
        later = self._bulk and len(documents) > INLINE
        laid = await writer.layer.lay(tx, documents) if writer.layer is not None else None
        if laid is not None:
            documents = laid.documents
        placed = await placing.place(
            tx, documents, parent_id=parent_id, source_id=source_id, file_id=file_id, now=self.now,
            taken=taken, leaving=leaving, later=later,
        )  # fmt: skip
        self._refs.update({id: ref for ref, id in placed.ids.items()})
        if placed.relieved:  # what the other way found is no fault of the entity any more
            self.waiting |= await removing.make_others_due(tx, placed.relieved, file_id)
        findings = list(more)
        for id, document in (*placed.accepted.items(), *placed.refused.items()):
            findings += [(id, document.owner, finding) for finding in document.findings]
        # another way to the same place may be closed to it: no fault of the entity
        findings += [
            (parent_id, d.owner, f) for d, _ in placed.seconds for f in d.findings if d.entity is None and parent_id
        ]
        findings += _conflicts(placed, parent_id or 0)
        findings += await self._old_names(placed)
        await placing.replace_findings(
            tx, file_id=file_id or findings_of_source(source_id), subjects={*placed.accepted, *placed.refused, *clear},
            findings=findings, known=since, now=self.now,
        )  # fmt: skip
        if laid is not None:
            await self._note_laid(placed, laid)
        self.outcome.failed += placed.failed
        documents_by_id: dict[int, Any] = {
            id: document.entity
            for id, document in placed.accepted.items()
            if (not later or not placing.can_wait(document)) and not document.hidden
        }
        self.outcome.deferred |= later
        # one that was refused, or whose winner must be told, may stand: its status changes, its content does not
        documents_by_id.update({id: None for id in placed.refused if id not in placed.new})
        documents_by_id.update({node.id: None for _, node in placed.conflicts if node.id not in documents_by_id})
        if more:
            documents_by_id.update({s: None for s, _, _ in more if s and s not in documents_by_id})
        source = dict.fromkeys(documents_by_id, where)
        source.update({id: d.location for id, d in (*placed.accepted.items(), *placed.refused.items())})
        # what is new has no status to look up, unless something was found with it
        await self.stitch(documents_by_id, source=source, fresh=placed.new - {s for s, _, _ in findings})
        self._due |= placed.due - documents_by_id.keys() - placed.accepted.keys()
        for id, document in placed.accepted.items():
            if document.entity is not None and document.entity["kind"].lower() == "location":
                await writer.ask.read_location(tx, id)
        return placed

    async def restate(self, documents: Mapping[int, Incoming], laid: Laid) -> None:
        """Have entities say what people decided about them, by node; who gives them stays as it is."""
        refs = {ref for d in documents.values() for s, _, t in d.relations for ref in (s, t)}
        placed = Placed(accepted=dict(documents))
        placed.ids = await placing.ensure_refs(self.tx, refs | {d.ref for d in documents.values()})
        self._refs.update({id: document.ref for id, document in documents.items()})
        placed.due = await placing.write_relations(self.tx, placed)
        await overlays.set_owner(self.tx, [(id, document.owner) for id, document in documents.items()])
        await self._note_laid(placed, laid, subjects=documents)
        shown: dict[int, Any] = {id: document.entity for id, document in documents.items() if not document.hidden}
        await self.stitch(shown, source=dict.fromkeys(shown, OVERLAY_SOURCE))
        self._due |= placed.due - documents.keys()

    async def _note_laid(self, placed: Placed, laid: Laid, subjects: Iterable[int] | None = None) -> None:
        """Keep what the sources gave under overlays, tell what is found about them, take away what is kept out."""
        await overlays.note_sources(self.tx, laid.rows(placed))
        await placing.replace_findings(
            self.tx, file_id=OVERLAY_FINDINGS, subjects=laid.subjects(placed) if subjects is None else subjects,
            findings=laid.told(placed), known={}, now=self.now,
        )  # fmt: skip
        hidden = [id for id, document in placed.accepted.items() if document.hidden]
        standing = await overlays.list_standing(self.tx, hidden) if hidden else []
        if standing:
            await stitching.erase_entities(
                self.tx, self._writer.index.keys, standing, revision=self.revision, now=self.now, actor=self.actor
            )
            self.outcome.deleted += [self._refs[id] for id in standing]
        if hidden:
            await overlays.take_away(self.tx, hidden)

    async def _old_names(self, placed: Placed) -> list[tuple[int, str | None, Finding]]:
        """What is told of documents that use a name which their target no longer has."""
        if not placed.renamed:
            return []
        refs = await _refs_of(self.tx, [alias.new_id for alias in placed.renamed.values()])
        told = []
        for id, document in placed.accepted.items():
            named = {
                target for source, _, target in document.relations if source == document.ref
            } & placed.renamed.keys()
            for old in sorted(named):
                alias, file = placed.renamed[old], document.location.partition(":")[2] or None
                told.append((id, document.owner, renamed_finding(old, refs[alias.new_id], alias.reason, file)))
        return told

    async def stitch(
        self, documents: dict[int, Any], *, source: dict[int, str] | None = None, fresh: set[int] | None = None,
        with_history: bool = True,
    ) -> None:  # fmt: skip
        if not documents:
            return
        changed = await stitching.stitch_many(
            self.tx,
            self._writer.index.keys,
            documents,
            revision=self.revision,
            now=self.now,
            source=source or {},
            actor=self.actor,
            with_history=with_history,
            fresh=fresh or set(),
            keep_orphans=self._writer.keep_orphans,
        )
        unnamed = [id for id, _ in changed if id not in self._refs]
        if unnamed:
            self._refs.update(await _refs_of(self.tx, unnamed[:TOLD]))
        for id, how in changed:
            if id not in self._told:
                self._told.add(id)
                (self.outcome.created if how == "created" else self.outcome.updated).append(self._refs.get(id, ""))

    async def drop(self, candidates: Iterable[int]) -> None:
        """Remove those of ``candidates`` that nothing gives any more, and what they alone gave."""
        tx, writer = self.tx, self._writer
        level = set(candidates)
        while level:
            abandoned = await removing.find_abandoned(tx, level)
            files, names = await removing.leave_to_others(tx, sorted(level.difference(abandoned)))
            self.waiting |= files
            self.waiting_sources |= names
            if writer.keep_orphans:
                self._due |= set(abandoned)
                return
            await self.remove(abandoned)
            level = self.children

    async def remove(self, ids: Sequence[int]) -> None:
        """Remove these nodes for good; the children that they gave become candidates of ``drop``."""
        self.children = set()
        if not ids:
            return
        await stitching.erase_entities(
            self.tx, self._writer.index.keys, ids, revision=self.revision, now=self.now, actor=self.actor
        )
        removed, self.children = await removing.remove_nodes(self.tx, ids)
        self.outcome.deleted += removed.refs.values()
        self._due = (self._due | removed.due) - set(ids)
        self.waiting |= removed.waiting
        self.waiting_sources |= removed.sources

    def touch(self, ids: Iterable[int]) -> None:
        """Have these put together again when the change is finished: something about their relations is different."""
        self._due |= set(ids)

    async def finish(self) -> Outcome:
        """Stitch or note the neighbours, send those kept waiting in again, and tell the rest of the portal."""
        tx, writer, outcome = self.tx, self._writer, self.outcome
        if self._due:
            self._due |= {alias.new_id for alias in (await aliases.find_rows(tx, self._due)).values()}
            if len(self._due) <= INLINE and not self._bulk:
                await self.stitch(dict.fromkeys(self._due))
            else:
                await stitching.mark_due(tx, self._due)
                outcome.deferred = True
                if not self._bulk:
                    await writer.ask.stitch(tx)
        for file_id in self.waiting:
            await writer.ask.read_file(tx, file_id)
        for name in self.waiting_sources:
            await writer.ask.run_provider(tx, name)
        if not outcome.is_empty:
            await writer.events.publish(
                tx,
                "catalog.entities.changed",
                {
                    "revision": outcome.revision,
                    "actor": self.actor,
                    "created": outcome.created[:TOLD],
                    "updated": outcome.updated[:TOLD],
                    "deleted": outcome.deleted[:TOLD],
                    "failed": outcome.failed[:TOLD],
                    "counts": {
                        "created": len(outcome.created),
                        "updated": len(outcome.updated),
                        "deleted": len(outcome.deleted),
                        "failed": len(outcome.failed),
                    },
                },
            )
        revision = self.revision
        tx.after_commit(lambda: writer.index.heard(revision))
        await tx.notify(CHANNEL, str(revision))
        return outcome


def findings_of_source(source_id: int) -> int:
    """``file_id`` of findings about what a source gave: below -1, which stands for the reading of targets."""
    return -1 - source_id


def _merged(document: Incoming) -> Finding:
    return Finding(
        "warning", "conflict",
        f"{document.location or 'Another source'} still gives {document.ref}, which was merged into this one; it is kept out.",
        name="MergedWarning", file=document.location.partition(":")[2] or None, line=document.line, entity_ref=document.ref,
        fix="Remove the document at its source, or take the merge back.",
    )  # fmt: skip


async def _refs_of(tx: Transaction, ids: Sequence[int]) -> dict[int, str]:
    rows = await tx.fetch_all(f"SELECT id, ref FROM catalog_ref WHERE {tx.any_of('id', 1, 'bigint')}", tx.list_arg(ids))
    return {row[0]: row[1] for row in rows}


def _conflicts(placed: Placed, parent_id: int) -> list[tuple[int, str | None, Finding]]:
    """Both sides are told: the one that stands gets a warning, the location that gave the newcomer an error."""
    told: list[tuple[int, str | None, Finding]] = []
    for document, node in placed.conflicts:
        where = node.location or "another source"
        if document.ref in placed.merged:
            told.append((node.id, document.owner, _merged(document)))
            continue
        told.append(
            (
                node.id,
                document.owner,
                Finding(
                    "warning",
                    "conflict",
                    f"{document.location or 'Another source'} also describes {document.ref}; {where} was first and stands.",
                    name="ConflictError",
                    file=document.location.partition(":")[2] or None,
                    line=document.line,
                    entity_ref=document.ref,
                    fix="Rename one of the two, or remove one of the two documents.",
                ),
            )
        )
        if parent_id:
            told.append(
                (
                    parent_id,
                    document.owner,
                    Finding(
                        "error",
                        "conflict",
                        f"{document.ref} is already described by {where}; this document is left out.",
                        name="ConflictError",
                        file=document.location.partition(":")[2] or None,
                        line=document.line,
                        entity_ref=document.ref,
                        fix="Rename one of the two, or remove one of the two documents.",
                    ),
                )
            )
    return told
