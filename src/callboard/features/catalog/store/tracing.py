"""The rows that tell what happened to a file or a ref."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Sequence

from callboard.features.catalog.interface import Finding
from callboard.features.catalog.store import records, sources
from callboard.kernel.db.interface import Transaction

MAX_FILES = 50
MAX_DOCUMENTS = 500


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


async def trace_ref(tx: Transaction, ref: str) -> list[TracedDocument]:
    """Every document, in files and from sources, that claims a ref; nothing when nobody ever did."""
    id = await tx.fetch_value("SELECT id FROM catalog_ref WHERE ref = $1", ref)
    if id is None:
        return []
    entity = await tx.fetch_one("SELECT updated_at FROM catalog_entity WHERE id = $1", id)
    stitched_at = _time(entity[0]) if entity is not None else None
    rows = await tx.fetch_all(
        "SELECT f.location, d.line, d.state, f.read_at, f.error FROM catalog_document d JOIN catalog_file f ON f.id = d.file_id"
        " WHERE d.ref_id = $1 ORDER BY d.state DESC, f.id",
        id,
    )
    findings = await records.list_findings_of(tx, id)
    documents = [
        TracedDocument(
            ref, row[2], row[0], row[1], (), _time(row[3]), row[4], stitched_at, entity is not None,
            findings if row[2] != "conflict" else await _conflicts(tx, ref, row[0]),
        )
        for row in rows
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
        location,
    )
    return [records.finding_of(row) for row in rows]


async def trace_files(tx: Transaction, locations: Sequence[str]) -> list[TracedFile]:
    """Files at these locations, and those of Locations that name them."""
    rows = await tx.fetch_all(
        "SELECT f.id, f.location, f.target, r.ref, f.state, f.error, f.read_at, f.changed_at, f.parent_id FROM catalog_file f"
        f" LEFT JOIN catalog_ref r ON r.id = f.parent_id WHERE {tx.any_of('f.location', 1)} OR {tx.any_of('f.target', 1)}"
        f" ORDER BY f.id LIMIT {MAX_FILES}",
        tx.list_arg(locations),
    )
    found: list[TracedFile] = []
    for row in rows:
        findings = await tx.fetch_all(
            "SELECT severity, stage, message, name, file, line, col, field, fix, entity_ref, since FROM catalog_finding"
            " WHERE file_id = $1 OR (subject_id = $2 AND file_id = -1) ORDER BY line, id",
            row[0],
            row[8],
        )
        target = row[1].partition(":")[2]
        told = [records.finding_of(f) for f in findings if f[4] in (None, target) or f[1] != "read"]
        file = TracedFile(row[0], row[1], row[2], row[3], row[4], row[5], _time(row[6]), _time(row[7]), told)
        documents = await tx.fetch_all(
            "SELECT d.state, d.line, r.ref, e.updated_at, d.ref_id FROM catalog_document d"
            " LEFT JOIN catalog_ref r ON r.id = d.ref_id LEFT JOIN catalog_entity e ON e.id = d.ref_id"
            f" WHERE d.file_id = $1 ORDER BY d.position LIMIT {MAX_DOCUMENTS}",
            row[0],
        )
        for state, line, ref, stitched_at, ref_id in documents:
            if ref_id is None:
                continue
            file.documents.append(
                TracedDocument(
                    ref, state, row[1], line, (), _time(row[6]), row[5], _time(stitched_at), stitched_at is not None,
                    await records.list_findings_of(tx, ref_id) if state == "failed" else [],
                )
            )  # fmt: skip
        found.append(file)
    if not found:  # a target that could never be read has no file yet
        for location in locations:
            named = await tx.fetch_all(
                "SELECT DISTINCT r.ref, f.message, f.since FROM catalog_finding f JOIN catalog_ref r ON r.id = f.subject_id"
                " WHERE f.file_id = -1 AND f.file = $1",
                location.partition(":")[2],
            )
            for ref, message, since in named:
                if any(known.parent_ref == ref for known in found):
                    continue
                finding = Finding("error", "read", message, file=location.partition(":")[2], since=_time(since))
                found.append(TracedFile(0, location, location, ref, "new", message, _time(since), None, [finding]))
    return found


async def is_registered(tx: Transaction, location: str) -> bool:
    return await tx.fetch_value("SELECT id FROM catalog_file WHERE location = $1", location) is not None


def _time(text: Any) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text.replace("Z", "+00:00"))
