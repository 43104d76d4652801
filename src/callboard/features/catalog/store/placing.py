"""Writing what sources give: refs, nodes, edges, relations, findings. ``removing`` takes them away again.

Every function runs inside the one write transaction of its use case; ``lock`` comes first, so that writers on
PostgreSQL follow one another from there on and cannot deadlock.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from typing import AbstractSet, Any, Iterable, Mapping, Sequence

import orjson

from callboard.features.catalog.domain import batches, cut_findings, short
from callboard.features.catalog.interface import Finding
from callboard.features.catalog.store import aliases
from callboard.features.catalog.store.aliases import AliasRow
from callboard.kernel.db.interface import Transaction

MOSTLY_NEW = 500
"""From so many refs at once on, giving out numbers is tried before looking for them."""

CROWD = 20
"""Findings of one subject at once from which on they are counted."""
Relation = tuple[str, str, str]
"""source ref, type, target ref"""


@dataclass(slots=True)
class Incoming:
    """A document to be placed. ``entity`` None: it was refused, ``findings`` say why, ``unprocessed`` is what it was.

    ``json`` is ``entity`` as UTF-8 JSON. ``uid`` is set where an entity comes back that had it before.
    ``hidden``: it is placed, and kept out of the catalog.
    """

    ref: str
    entity: dict[str, Any] | None
    location_key: str | None
    location: str
    origin: str
    relations: Sequence[Relation] = ()
    findings: Sequence[Finding] = ()
    unprocessed: Any = None
    owner: str | None = None
    hash: str = ""
    position: int = 0
    line: int = 1
    reads: Mapping[str, str | None] = field(default_factory=dict)
    json: bytes = b""
    uid: str | None = None
    hidden: bool = False


@dataclass(slots=True)
class Node:
    id: int
    uid: str
    location_key: str | None
    location: str
    failed: bool
    origin: str = ""


@dataclass(slots=True)
class Placed:
    """What ``place`` did.

    ``accepted`` are node ids of good documents, ``due`` others whose relations changed, ``failed`` the refs of those that
    were not refused before; ``conflicts`` were kept out, ``seconds`` hold up what came by another origin and change
    nothing of it; ``relieved`` are nodes whose documents were refused by another way and are good by this one.
    ``merged`` are the refs of those ``conflicts`` that were merged into another entity; ``renamed`` are the earlier names among
    all refs that the documents mention.
    """

    accepted: dict[int, Incoming] = field(default_factory=dict)
    refused: dict[int, Incoming] = field(default_factory=dict)
    conflicts: list[tuple[Incoming, Node]] = field(default_factory=list)
    seconds: list[tuple[Incoming, Node]] = field(default_factory=list)
    relieved: set[int] = field(default_factory=set)
    nodes: dict[int, Node] = field(default_factory=dict)
    new: set[int] = field(default_factory=set)
    due: set[int] = field(default_factory=set)
    ids: dict[str, int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    merged: set[str] = field(default_factory=set)
    renamed: dict[str, AliasRow] = field(default_factory=dict)


async def lock(tx: Transaction) -> int:
    """Take the next catalog revision; it is true for all that this transaction writes."""
    return await tx.fetch_value("UPDATE catalog_revision SET revision = revision + 1 WHERE id = 1 RETURNING revision")


async def ensure_refs(tx: Transaction, refs: Iterable[str]) -> dict[str, int]:
    """Numbers of refs, new ones given out."""
    wanted = sorted(set(refs))
    found: dict[str, int] = {}
    for part in batches(wanted, 5_000):
        if len(part) < MOSTLY_NEW:  # many at once come from a load, few from a change: then they are known already
            found.update(await find_refs(tx, part))
        missing = [ref for ref in part if ref not in found]
        if missing:
            rows = await tx.fetch_all(
                f"INSERT INTO catalog_ref (ref) {tx.each_of(1)} ON CONFLICT (ref) DO NOTHING RETURNING ref, id",
                tx.list_arg(missing),
            )
            found.update({row[0]: row[1] for row in rows})
            if len(rows) < len(missing):
                found.update(await find_refs(tx, [ref for ref in missing if ref not in found]))
    return found


async def find_refs(tx: Transaction, refs: Iterable[str]) -> dict[str, int]:
    """Numbers of those refs that have one."""
    rows = await tx.fetch_all(f"SELECT ref, id FROM catalog_ref WHERE {tx.any_of('ref', 1)}", tx.list_arg(sorted(refs)))
    return {row[0]: row[1] for row in rows}


async def find_nodes(tx: Transaction, ids: Sequence[int]) -> dict[int, Node]:
    rows = await tx.fetch_all(
        f"SELECT id, uid, location_key, location, failed_since, origin FROM catalog_node WHERE {tx.any_of('id', 1, 'bigint')}",
        tx.list_arg(ids),
    )
    return {row[0]: Node(row[0], row[1], row[2], row[3], row[4] is not None, row[5]) for row in rows}


async def place(
    tx: Transaction, documents: Sequence[Incoming], *, parent_id: int, source_id: int, file_id: int, now: str,
    taken: AbstractSet[int] = frozenset(), leaving: AbstractSet[int] = frozenset(), later: bool = False,
) -> Placed:  # fmt: skip
    """Give each document its node, edge and relations, unless another location holds its ref.

    A refused document keeps whatever entity its node had: only ``failed_since`` and findings change.
    ``taken`` are nodes that earlier documents of the same file stand for; ``leaving`` files that are about to let go.
    ``later``: good documents other than Locations go to ``catalog_pending`` and their nodes are due; else the caller
    stitches them.
    """
    placed = Placed()
    # one number per ref: an entity may be related to itself, and a file may name one ref twice
    refs = {d.ref for d in documents}
    for document in documents:
        for source, _, target in document.relations:
            refs.add(source)
            refs.add(target)
    ids = placed.ids = await ensure_refs(tx, refs)
    existing = await find_nodes(tx, [ids[d.ref] for d in documents])
    documents = await _keep_merged_out(tx, documents, placed)
    held = await _find_held(tx, documents, ids, existing, (parent_id, source_id), {file_id, *leaving})
    failed_before = {id: node.failed for id, node in existing.items()}
    fresh: list[tuple[Any, ...]] = []
    moved: list[tuple[Any, ...]] = []
    failed: list[tuple[Any, ...]] = []
    edges: list[tuple[Any, ...]] = []
    for document in documents:
        id = ids[document.ref]
        node = existing.get(id)
        if node is None:
            node = existing[id] = Node(
                id, document.uid or random_uid(), document.location_key, document.location, False
            )
            placed.new.add(id)
            bad = document.entity is None
            fresh.append(
                (
                    id, node.uid, document.location_key, document.location, document.origin, document.owner,
                    _json(document.unprocessed) if bad else None, now if bad else None, int(later and can_wait(document)), now,
                )
            )  # fmt: skip
            node.failed = bad
        elif id in placed.nodes or id in taken:
            placed.conflicts.append((document, node))  # twice in one file: the first stands
            continue
        elif id in held and (node.location_key or document.location_key) != document.location_key:
            placed.conflicts.append((document, node))
            continue
        elif id in held and not node.failed and node.origin != document.origin:
            placed.nodes[id] = node
            placed.seconds.append((document, node))  # the same place, reached by another way: the first way stands
            edges.append((parent_id, source_id, id, file_id, document.hash if source_id else ""))
            continue
        elif document.entity is not None:
            if id in held:
                placed.relieved.add(id)
            due = int(later and can_wait(document))
            moved.append((id, document.location_key, document.location, document.origin, document.owner, due))
        else:
            failed.append((id, _json(document.unprocessed), now, document.owner))
            node.failed = True
        if document.entity is None and (id in placed.new or not failed_before.get(id)):
            placed.failed.append(document.ref)
        placed.nodes[id] = node
        (placed.accepted if document.entity is not None else placed.refused)[id] = document
        edges.append((parent_id, source_id, id, file_id, document.hash if source_id else ""))
    if fresh:
        await tx.insert_many(
            "catalog_node",
            ("id", "uid", "location_key", "location", "origin", "owner", "unprocessed", "failed_since", "stitch_due", "created_at"),
            fresh,
        )  # fmt: skip
    if moved:
        await tx.execute_many(
            "UPDATE catalog_node SET location_key = $2, location = $3, origin = $4, owner = $5, unprocessed = NULL,"
            " failed_since = NULL, stitch_due = CASE WHEN $6 = 1 THEN 1 ELSE stitch_due END WHERE id = $1",
            moved,
        )
    if failed:
        await tx.execute_many(
            "UPDATE catalog_node SET unprocessed = $2, failed_since = COALESCE(failed_since, $3),"
            " owner = COALESCE($4, owner) WHERE id = $1",
            failed,
        )
    if edges:
        await tx.execute_many(
            "INSERT INTO catalog_edge (parent_id, source_id, child_id, file_id, hash) VALUES ($1, $2, $3, $4, $5)"
            " ON CONFLICT (parent_id, source_id, child_id, file_id) DO UPDATE SET hash = excluded.hash",
            edges,
        )
    if later:
        await tx.execute_many(
            "INSERT INTO catalog_pending (id, json) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET json = excluded.json",
            [(id, d.json) for id, d in placed.accepted.items() if can_wait(d)],
        )
    placed.due |= await write_relations(tx, placed)
    return placed


async def _keep_merged_out(tx: Transaction, documents: Sequence[Incoming], placed: Placed) -> Sequence[Incoming]:
    """Those of ``documents`` whose ref is no name of a merged entity; a document that takes another earlier name ends the alias."""
    found = await aliases.find_rows(tx, placed.ids.values())
    if not found:
        return documents
    kept: list[Incoming] = []
    ended: set[int] = set()
    for document in documents:
        alias = found.get(placed.ids[document.ref])
        if alias is None:
            kept.append(document)
        elif alias.reason == "merged" and alias.has_node:
            survivor = (await find_nodes(tx, [alias.new_id]))[alias.new_id]
            placed.conflicts.append((document, survivor))
            placed.merged.add(document.ref)
        else:
            kept.append(document)
            ended.add(alias.old_id)
            placed.due |= {alias.new_id} | await aliases.list_touching(tx, alias.old_id)
    await aliases.delete(tx, sorted(ended))
    placed.renamed = {ref: found[id] for ref, id in placed.ids.items() if id in found and id not in ended}
    return kept


def random_uid() -> str:
    """A version 4 UUID. ``uuid.uuid4`` makes an object first and takes four times as long."""
    digits = os.urandom(16).hex()
    return (
        f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{'89ab'[int(digits[16], 16) & 3]}{digits[17:20]}-{digits[20:]}"
    )


def can_wait(document: Incoming) -> bool:
    """Locations cannot: their targets are read next, and by the entity. What is hidden has nothing to wait for."""
    return document.entity is not None and document.entity["kind"].lower() != "location" and not document.hidden


async def _find_held(
    tx: Transaction, documents: Sequence[Incoming], ids: Mapping[str, int], nodes: Mapping[int, Node],
    giver: tuple[int, int], files: AbstractSet[int],
) -> set[int]:  # fmt: skip
    """Of the nodes that came from another place than their documents now, those that somebody else than the giver holds."""
    asked = {
        id
        for document in documents
        if (node := nodes.get(id := ids[document.ref])) is not None
        and (
            (node.location_key or document.location_key) != document.location_key
            or node.origin not in ("", document.origin)
        )
    }
    if not asked:
        return asked
    edges = await tx.fetch_all(
        f"SELECT child_id, parent_id, source_id, file_id FROM catalog_edge WHERE {tx.any_of('child_id', 1, 'bigint')}",
        tx.list_arg(asked),
    )
    return {child for child, *held_by, file in edges if tuple(held_by) != giver or file not in files}


async def write_relations(tx: Transaction, placed: Placed) -> set[int]:
    """Make the relation rows of the accepted documents what they say; ids of others that are touched by it."""
    ids = placed.ids
    wanted = {
        (ids[source], type, ids[target], origin)
        for origin, document in placed.accepted.items()
        for source, type, target in document.relations
    }
    known = [id for id in placed.accepted if id not in placed.new]
    gone: set[tuple[Any, ...]] = set()
    stored: set[tuple[Any, ...]] = set()
    for part in batches(known, 5_000):
        rows = await tx.fetch_all(
            "SELECT source_id, type, target_id, origin_id FROM catalog_relation"
            f" WHERE {tx.any_of('origin_id', 1, 'bigint')}",
            tx.list_arg(part),
        )
        stored.update(tuple(row) for row in rows)
    if stored:
        gone, wanted = stored - wanted, wanted - stored
    if gone:
        await tx.execute_many(
            "DELETE FROM catalog_relation WHERE source_id = $1 AND type = $2 AND target_id = $3 AND origin_id = $4",
            sorted(gone),
        )
    if wanted:
        await tx.insert_many("catalog_relation", ("source_id", "type", "target_id", "origin_id"), sorted(wanted))
    touched = {source for rows in (gone, wanted) for source, _, _, origin in rows if source != origin}
    return touched - placed.accepted.keys()


def _json(value: Any) -> bytes | None:
    if value is None:
        return None
    try:
        return orjson.dumps(value)[:1_000_000]
    except (TypeError, ValueError):
        return None


# ---- findings ---------------------------------------------------------------------------------------------------------


async def replace_findings(
    tx: Transaction,
    *,
    file_id: int,
    subjects: Iterable[int],
    findings: Iterable[tuple[int, str | None, Finding]],
    known: Mapping[tuple[int, str, str], str],
    now: str,
) -> None:
    """Those of ``subjects`` in that file go, ``findings`` (subject, owner, finding) come; what was there keeps its ``since``.

    ``known`` are (subject, stage, message) of findings taken away before, and since when.
    """
    since: dict[tuple[Any, ...], str] = dict(known)
    subject_list = sorted(set(subjects))
    for part in batches(subject_list, 5_000):
        rows = await tx.fetch_all(
            "SELECT subject_id, stage, message, since FROM catalog_finding"
            f" WHERE file_id = $1 AND {tx.any_of('subject_id', 2, 'bigint')}",
            file_id,
            tx.list_arg(part),
        )
        if rows:
            since.update({tuple(row[:3]): row[3] for row in rows})
            await tx.execute(
                f"DELETE FROM catalog_finding WHERE file_id = $1 AND {tx.any_of('subject_id', 2, 'bigint')}",
                file_id,
                tx.list_arg(part),
            )
    rows = [
        (
            subject, file_id, f.entity_ref, owner, f.severity, f.stage, f.name, short(f.message), f.file, f.line,
            f.column, f.field, f.fix, since.get((subject, f.stage, short(f.message)), now),
        )
        for subject, owner, f in await _cut(tx, file_id, findings)
    ]  # fmt: skip
    if rows:
        await tx.insert_many(
            "catalog_finding",
            ("subject_id", "file_id", "entity_ref", "owner", "severity", "stage", "name", "message", "file", "line",
             "col", "field", "fix", "since"),
            rows,
        )  # fmt: skip


async def _cut(
    tx: Transaction, file_id: int, findings: Iterable[tuple[int, str | None, Finding]]
) -> list[tuple[int, str | None, Finding]]:
    """As many of each subject as are told, those that stand already counted in."""
    listed = list(findings)
    crowded = [subject for subject, n in Counter(subject for subject, _, _ in listed).items() if n > CROWD]
    if not crowded:
        return listed
    rows = await tx.fetch_all(
        "SELECT subject_id, count(*) FROM catalog_finding"
        f" WHERE file_id = $1 AND {tx.any_of('subject_id', 2, 'bigint')} GROUP BY subject_id",
        file_id,
        tx.list_arg(crowded),
    )
    have: dict[int, int] = {row[0]: row[1] for row in rows}
    kept = [one for one in listed if one[0] not in set(crowded)]
    for subject in crowded:
        its = [one for one in listed if one[0] == subject]
        cut = cut_findings([finding for _, _, finding in its], have.get(subject, 0))
        kept += [(subject, owner, finding) for (_, owner, _), finding in zip(its, cut, strict=False)]
    return kept
