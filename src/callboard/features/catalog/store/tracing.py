"""The rows that tell what happened to a file or a ref."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Sequence

from callboard.features.catalog.interface import Finding
from callboard.features.catalog.store import records, sources
from callboard.features.catalog.store.sets import Ids
from callboard.kernel.clock import parse_time_if
from callboard.kernel.db.interface import Transaction

READING = -1
"""``file_id`` of findings about reading a Location's targets, as opposed to documents in a file."""
MAX_FILES = 50
MAX_DOCUMENTS = 500
_TOLD_OF = ("failed", "kept", "conflict")


@dataclass(slots=True)
class TracedDocument:
    ref: str | None
    state: str = "ok"
    location: str | None = None
    line: int | None = None
    sources: Sequence[str] = ()
    read_at: datetime | None = None
    read_error: str | None = None
    stitched_at: datetime | None = None
    is_entity: bool = False
    findings: Sequence[Finding] = ()


@dataclass(slots=True)
class TracedFile:
    id: int
    location: str
    target: str
    parent_ref: str | None
    state: str
    error: str | None
    read_at: datetime | None
    changed_at: datetime | None
    findings: Sequence[Finding] = ()
    documents: list[TracedDocument] = field(default_factory=list)
    unreadable: int = 0


async def trace_ref(tx: Transaction, ref: str, visible: Ids | None = None) -> list[TracedDocument]:
    """Every document, in files and from sources, that claims a ref; nothing when nobody ever did.

    ``visible``: ids of the entities that may be told of, None for all. What lies outside is as if it never had been.
    """
    id = await tx.fetch_value("SELECT id FROM catalog_ref WHERE ref = $1", ref)
    if id is None or (visible is not None and id not in visible):
        return []
    entity = await tx.fetch_one("SELECT updated_at FROM catalog_entity WHERE id = $1", id)
    stitched_at = parse_time_if(entity[0]) if entity is not None else None
    rows = await tx.fetch_all(
        "SELECT f.location, d.line, d.state, f.read_at, f.error, f.parent_id FROM catalog_document d JOIN catalog_file f ON f.id = d.file_id"
        " WHERE d.ref_id = $1 ORDER BY d.state DESC, f.id",
        id,
    )
    findings = records.told(await records.list_findings_of(tx, id), visible)
    documents = [
        TracedDocument(
            ref, row[2], row[0], row[1], (), parse_time_if(row[3]), row[4], stitched_at, entity is not None,
            findings if row[2] != "conflict" else await _conflicts(tx, ref, row[0]),
        )
        for row in rows
        if visible is None or row[2] != "conflict" or row[5] in visible
    ]  # fmt: skip
    names, _ = await sources.find_holders(tx, id)
    node = await tx.fetch_one("SELECT location FROM catalog_node WHERE id = $1", id)
    if node is not None and (names or not documents):
        documents.append(
            TracedDocument(
                ref, "ok", node[0] or None, None, names, None, None, stitched_at, entity is not None, findings
            )
        )
    return documents


async def _conflicts(tx: Transaction, ref: str, location: str) -> list[Finding]:
    rows = await tx.fetch_all(
        "SELECT severity, stage, message, name, file, line, col, field, fix, entity_ref, since FROM catalog_finding"
        " WHERE entity_ref = $1 AND stage = 'conflict' AND severity = 'error' AND file = $2",
        ref,
        location.partition(":")[2],
    )
    return [records.finding_of(row) for row in rows]


async def trace_files(tx: Transaction, locations: Sequence[str], visible: Ids | None = None) -> list[TracedFile]:
    """Files at these locations, and those of Locations that name them. ``visible`` as for ``trace_ref``: a file of which
    nothing may be told is left out, and of a hidden Location nothing is said, not even that it named the file.
    """
    rows = await tx.fetch_all(
        "SELECT f.id, f.location, f.target, r.ref, f.state, f.error, f.read_at, f.changed_at, f.parent_id FROM catalog_file f"
        f" LEFT JOIN catalog_ref r ON r.id = f.parent_id WHERE {tx.any_of('f.location', 1)} OR {tx.any_of('f.target', 1)}"
        f" ORDER BY f.id LIMIT {MAX_FILES}",
        tx.list_arg(locations),
    )
    found: list[TracedFile] = []
    for row in rows:
        parent_seen = visible is None or row[8] in visible
        stored = await records.list_findings_of_file(tx, row[0], row[8], READING)
        findings = records.told(stored, visible)
        of_document: dict[tuple[int | None, bool], list[records.StoredFinding]] = {}
        for finding in stored:  # that a ref is taken stands on the Location and names the document
            is_conflict = finding.finding.stage == "conflict" and finding.finding.severity == "error"
            key = (finding.named_id, True) if is_conflict else (finding.subject_id, False)
            of_document.setdefault(key, []).append(finding)
        target = row[1].partition(":")[2]
        told = [f for f in findings if f.file in (None, target) or f.stage != "read"] if parent_seen else []
        named_as, parent_ref = (row[2], row[3]) if parent_seen else (row[1], None)
        file = TracedFile(
            row[0], row[1], named_as, parent_ref, row[4], row[5], parse_time_if(row[6]), parse_time_if(row[7]), told
        )
        documents = await tx.fetch_all(
            "SELECT d.state, d.line, r.ref, e.updated_at, d.ref_id FROM catalog_document d"
            " LEFT JOIN catalog_ref r ON r.id = d.ref_id LEFT JOIN catalog_entity e ON e.id = d.ref_id"
            f" WHERE d.file_id = $1 ORDER BY d.position LIMIT {MAX_DOCUMENTS}",
            row[0],
        )
        file.unreadable = sum(1 for row in documents if row[4] is None and row[0] == "failed") if parent_seen else 0
        for state, line, ref, stitched_at, ref_id in documents:
            if ref_id is None or not (visible is None or (ref_id in visible and (parent_seen or state != "conflict"))):
                continue
            file.documents.append(
                TracedDocument(
                    ref, state, row[1], line, (), parse_time_if(row[6]), row[5], parse_time_if(stitched_at), stitched_at is not None,
                    records.told(of_document.get((ref_id, state == "conflict"), ()), visible) if state in _TOLD_OF else [],
                )
            )  # fmt: skip
        if parent_seen or file.documents:
            found.append(file)
    if not rows:  # a target that could never be read has no file yet
        for location in locations:
            named = await tx.fetch_all(
                "SELECT DISTINCT r.ref, f.message, f.since, r.id FROM catalog_finding f JOIN catalog_ref r ON r.id = f.subject_id"
                " WHERE f.file_id = $2 AND f.file = $1",
                location.partition(":")[2],
                READING,
            )
            for ref, message, since, id in named:
                if any(known.parent_ref == ref for known in found) or not (visible is None or id in visible):
                    continue
                unread = Finding("error", "read", message, file=location.partition(":")[2], since=parse_time_if(since))
                found.append(
                    TracedFile(0, location, location, ref, "new", message, parse_time_if(since), None, [unread])
                )
    return found


async def is_registered(tx: Transaction, location: str, visible: Ids | None = None) -> bool:
    """Whether a Location names this file: one of ``visible``, if that is not None, or something from it is visible."""
    rows = await tx.fetch_all(
        "SELECT f.parent_id, d.ref_id FROM catalog_file f LEFT JOIN catalog_document d ON d.file_id = f.id"
        " WHERE f.location = $1",
        location,
    )
    return any(visible is None or parent in visible or child in visible for parent, child in rows)
