"""``Registrations``: registered locations with what came of them, and what one would bring before it is registered."""

from __future__ import annotations

from typing import AbstractSet, Any, Mapping, Sequence

import orjson

from callboard.features.catalog import interface as face
from callboard.features.catalog.domain import document_of
from callboard.features.catalog.ingest.documents import Documents, Outcome
from callboard.features.catalog.ingest.sources import Sources, Target
from callboard.features.catalog.interface import Finding, LocationNotFound
from callboard.features.catalog.interface.registering import (
    LocationFile,
    LocationLook,
    LocationPreview,
    LocationState,
    PreviewEntity,
    PreviewFile,
    PreviewOutcome,
)
from callboard.features.catalog.service.inspection import Inspection
from callboard.features.catalog.service.queries import Queries
from callboard.features.catalog.store import records, registered
from callboard.features.catalog.store.registered import Registered
from callboard.features.catalog.store.sets import Ids
from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import parse_time, parse_time_if
from callboard.kernel.db.interface import Database, Row, Transaction
from callboard.kernel.errors import CallboardError, InputError
from callboard.kernel.permissions import PermissionService
from callboard.model.locations import location_entity
from callboard.model.problems import Problem
from callboard.model.refs import MAX_ADDRESS_LENGTH, LocationRef
from callboard.model.urls import split_http

MAX_FILES = 100
MAX_FINDINGS = 50
_DESCRIPTORS = (".yaml", ".yml", ".json")
Visible = Ids | None


class LocationRegistrations:
    """``Registrations`` of one portal."""

    def __init__(
        self, db: Database, queries: Queries, documents: Documents, sources: Sources, inspection: Inspection,
        permissions: PermissionService, *, keeps_orphans: bool = False,
    ) -> None:  # fmt: skip
        self._db = db
        self._queries = queries
        self._documents = documents
        self._sources = sources
        self._inspection = inspection
        self._permissions = permissions
        self._keeps_orphans = keeps_orphans

    # ---- what is registered --------------------------------------------------------------------------------------------

    async def list_states(
        self, *, limit: int, offset: int = 0, words: str = "", actor: Actor
    ) -> tuple[Sequence[LocationState], int]:
        self._permissions.require(actor, face.READ_LOCATION)
        async with self._db.read() as tx:
            found = await registered.list_registered(tx)
            hidden = await self._queries.hidden_among(tx, [row.location.entity_ref for row in found], actor)
            wanted = [
                row for row in found
                if row.location.entity_ref not in hidden and words.lower() in row.location.target.lower()
            ]  # fmt: skip
            visible = await self._queries.ids_seen_by(tx, actor)
            creators = await registered.list_creators(tx, [row.node for row in wanted if row.node is not None])
            page = wanted[offset : offset + limit]
            return [await self._state(tx, row, creators, visible) for row in page], len(wanted)

    async def _state(
        self, tx: Transaction, row: Registered, creators: Mapping[int, str], visible: Visible
    ) -> LocationState:
        below = await registered.list_below(tx, row.node) if row.node is not None else set()
        own = {row.node} if row.node is not None else set()
        entities = await registered.list_entities(tx, below)
        seen = _seen(below, visible)
        problems = await registered.count_problems(tx, seen | own)
        files = await registered.list_files_of(tx, seen | own)
        read = [at for file in files if (at := parse_time_if(file[2])) is not None]
        return LocationState(
            row.location, parse_time(row.created_at), creators.get(row.node or 0, ""), max(read, default=None), len(files),
            sum(1 for id in entities if visible is None or id in visible), sum(problems.values()),
        )  # fmt: skip

    async def look(self, id: str, *, limit: int, actor: Actor) -> LocationLook:
        if self._permissions.decide(actor, face.READ_LOCATION).result != "ALLOW":
            raise LocationNotFound(f"Found no location with ID {id}")
        async with self._db.read() as tx:
            row = await registered.find_registered(tx, id)
            if row is None or await self._queries.hidden_among(tx, [row.location.entity_ref], actor):
                raise LocationNotFound(f"Found no location with ID {id}")
            visible = await self._queries.ids_seen_by(tx, actor)
            own = [row.node] if row.node is not None else []
            state = await self._state(tx, row, await registered.list_creators(tx, own), visible)
            below = await registered.list_below(tx, own[0]) if own else set()
            entities = await registered.list_entities(tx, below)
            going = going_with(own, below, await registered.list_edges(tx, below))
            files = await registered.list_files_of(tx, _seen(below, visible) | set(own))
            told = {id: ref for id, ref in entities.items() if visible is None or id in visible}
            counts = await registered.count_of_files(tx, [file[0] for file in files], told.keys())
            wrong = await registered.count_problems(tx, _seen(below, visible) | set(own))
            stored = await records.list_errors_of(tx, sorted(wrong)[:MAX_FINDINGS], MAX_FINDINGS)
            findings = records.told(stored, visible)
        gone = sorted(ref for id, ref in told.items() if id in going)
        staying = sorted(ref for id, ref in told.items() if id not in going)
        rows = [LocationFile(file[1], parse_time_if(file[2]), file[3], counts.get(file[0], 0)) for file in files]
        return LocationLook(
            state, rows[:limit], len(rows), gone[:limit], len(gone), staying[:limit], len(staying), findings,
            self._keeps_orphans,
        )  # fmt: skip

    # ---- what would come -----------------------------------------------------------------------------------------------

    async def preview(self, target: str, *, actor: Actor) -> LocationPreview:
        self._permissions.require(actor, face.CREATE_LOCATION)
        location = LocationRef("url", target.strip())
        parts = split_http(location.target)
        if parts is None or not parts.hostname or len(location.target) > MAX_ADDRESS_LENGTH or "\0" in target:
            raise InputError("Give the whole address of a file, beginning with https://", field="target")
        async with self._db.read() as tx:
            known = await records.find_location_at(tx, *location)
            if known is not None and await self._queries.hidden_among(tx, [known.entity_ref], actor):
                known = None
        exists = known.id if known is not None else None
        if not parts.path.lower().endswith(_DESCRIPTORS) and "*" not in parts.path:
            found = await self._inspection.analyze(location, None, actor=actor, queries=self._queries)
            files = list(dict.fromkeys(str(f["location"]["target"]) for f in found["existingEntityFiles"]))
            if files:
                return LocationPreview(location.target, exists, (), files, is_repository=True)
            if self._sources.urls.handles(location.target) and is_repository_page(parts.path):
                return LocationPreview(location.target, exists, (), is_repository=True)
        read, is_cut = await self._read(location)
        return LocationPreview(location.target, exists, await self._compare(read, location, actor), is_cut=is_cut)

    async def _read(self, location: LocationRef) -> tuple[list[_Read], bool]:
        """The files that ``location`` leads to, breadth first, each once."""
        start = self._documents.process_value(location_entity(location), location, location, with_rules=False)
        assert start.entity is not None
        todo: list[tuple[dict[str, Any], LocationRef, str | None]] = [(start.entity, location, None)]
        found: list[_Read] = []
        seen: set[str] = set()
        while todo:
            entity, base, named_by = todo.pop(0)
            targets, problems = self._documents.targets(entity, base)
            if problems:
                found.append(_Read(base, [], list(problems), named_by))
            for target in targets:
                for one in await self._read_target(target, location, named_by):
                    if str(one.location) in seen:
                        continue
                    if len(found) >= MAX_FILES:
                        return found, True
                    seen.add(str(one.location))
                    found.append(one)
                    for _, outcome in one.outcomes:
                        if outcome.entity is not None and outcome.entity["kind"] == "Location":
                            todo.append((outcome.entity, one.location, outcome.ref))
        return found, False

    async def _read_target(self, target: Target, origin: LocationRef, named_by: str | None) -> list[_Read]:
        try:
            hits = await self._sources.read(target, origin, None)
        except CallboardError as error:
            if target.optional and error.name == "NotFoundError":
                return []
            return [_Read(target.ref, [], [self._unread(target, error)], named_by)]
        if not hits.files and not target.optional:
            none = Finding(
                "error",
                "read",
                f"{target.ref.target} matches no file.",
                file=target.ref.target,
                fix="Check the pattern.",
            )
            return [_Read(target.ref, [], [*hits.findings, none], named_by)]
        return [
            await self._read_file(LocationRef(target.ref.type, file.url), file.content, origin, named_by)
            for file in hits.files
        ]

    def _unread(self, target: Target, error: CallboardError) -> Finding:
        fix = None
        if target.ref.type == "url" and not self._sources.urls.handles(target.ref.target):
            fix = "Name the host under integrations, or under backend.reading.allow, in the settings."
        elif error.name == "NotFoundError":
            fix = "Check the address, and that the portal may read it."
        return Finding("error", "read", error.message, name=error.name, file=target.ref.target, fix=fix)

    async def _read_file(
        self, location: LocationRef, content: bytes, origin: LocationRef, named_by: str | None
    ) -> _Read:
        chunks = self._documents.split(content)
        if isinstance(chunks, Problem):
            return _Read(location, [], [self._documents.file_finding(chunks, location)], named_by)
        contents = await self._sources.read_all(self._documents.reads(chunks, location), location, origin)
        outcomes = self._documents.process_many(
            [(chunk, n) for n, chunk in enumerate(chunks)], location, origin, contents
        )
        told = [
            (chunk.line, outcome) for chunk, outcome in zip(chunks, outcomes, strict=True) if _says_something(outcome)
        ]
        return _Read(location, told, [], named_by)

    async def _compare(self, read: Sequence[_Read], origin: LocationRef, actor: Actor) -> list[PreviewFile]:
        refs = [outcome.ref for file in read for _, outcome in file.outcomes if outcome.ref is not None]
        async with self._db.read() as tx:
            standing = await registered.list_standing(tx, refs)
            edges = await registered.list_edges(tx, {row[0] for row in standing.values()})
            visible = await self._queries.ids_seen_by(tx, actor)
        taken: dict[str, str] = {}
        files = []
        for file in read:
            entities = []
            for line, outcome in file.outcomes:
                row = standing.get(outcome.ref) if outcome.ref is not None else None
                entities.append(_preview_entity(outcome, line, file.location, origin, row, edges, visible, taken))
            files.append(PreviewFile(file.location.target, entities, file.findings, file.named_by))
        return files


class _Read:
    """A file as read: documents with the line on which each begins."""

    __slots__ = ("findings", "location", "named_by", "outcomes")

    def __init__(
        self, location: LocationRef, outcomes: list[tuple[int, Outcome]], findings: list[Finding], named_by: str | None
    ) -> None:
        self.location = location
        self.outcomes = outcomes
        self.findings = findings
        self.named_by = named_by


def _seen(nodes: AbstractSet[int], visible: Visible) -> set[int]:
    return {id for id in nodes if visible is None or id in visible}


def _says_something(outcome: Outcome) -> bool:
    return outcome.entity is not None or bool(outcome.findings)


def _preview_entity(
    outcome: Outcome, line: int, location: LocationRef, origin: LocationRef, row: Row | None,
    edges: Mapping[int, Sequence[tuple[int, int]]], visible: Visible, taken: dict[str, str],
) -> PreviewEntity:  # fmt: skip
    """What would become of one document. ``taken`` are names that documents before it have: the first stands."""
    document = outcome.entity if outcome.entity is not None else outcome.unprocessed
    known = document if isinstance(document, dict) and isinstance(document.get("metadata"), dict) else {}
    kind = str(known.get("kind") or "")
    title = str(known["metadata"].get("title") or known["metadata"].get("name") or "") if known else ""
    if outcome.entity is None or outcome.ref is None:
        return PreviewEntity(outcome.ref, kind, title, "refused", line, outcome.findings)
    result: PreviewOutcome = "create"
    held_by = ""
    if outcome.ref in taken:
        result, held_by = "conflict", taken[outcome.ref]
    elif row is not None:
        result, held_by = _against(outcome.entity, location, origin, row, bool(edges.get(row[0])))
        if visible is not None and row[0] not in visible:
            result, held_by = "conflict", ""
    taken.setdefault(outcome.ref, str(location))
    return PreviewEntity(outcome.ref, kind, title, result, line, outcome.findings, held_by)


def _against(
    entity: dict[str, Any], location: LocationRef, origin: LocationRef, row: Row, is_held: bool
) -> tuple[PreviewOutcome, str]:
    """As ``store.placing`` decides: a name that another place holds stays there, and the first way to a file stands."""
    _, key, where, first_origin, raw = row
    if is_held and (key or str(location)) != str(location):
        return "conflict", str(where or key)
    if is_held and first_origin not in ("", str(origin)):
        return "there", str(first_origin)
    if raw is None:
        return "create", ""
    before = document_of(orjson.loads(bytes(raw)))
    return ("unchanged" if _plain(before) == _plain(entity) else "change"), ""


def _plain(entity: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entity.items() if key in ("apiVersion", "kind", "metadata", "spec")}


def going_with(
    roots: Sequence[int], below: AbstractSet[int], edges: Mapping[int, Sequence[tuple[int, int]]]
) -> set[int]:
    """Of ``below``, what nothing gives any more once ``roots`` are gone; cycles among them hold nothing up."""
    kept: set[int] = set()
    level = [
        id for id in below
        if any(source or (parent not in below and parent not in roots) for parent, source in edges.get(id, ()))
    ]  # fmt: skip
    children: dict[int, list[int]] = {}
    for child, givers in edges.items():
        for parent, _ in givers:
            children.setdefault(parent, []).append(child)
    while level:
        kept.update(level)
        level = [child for id in level for child in children.get(id, ()) if child in below and child not in kept]
    return set(below) - kept


def is_repository_page(path: str) -> bool:
    """Whether an address looks like the page of a repository or a folder of it: ``/acme/shop``, ``/acme/shop/tree/main/x``."""
    parts = [part for part in path.split("/") if part]
    return len(parts) >= 2 and "." not in parts[-1].removesuffix(".git")
