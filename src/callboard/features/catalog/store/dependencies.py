"""What systems need of each other, by way of their parts: one query over all relations."""

from __future__ import annotations

from collections import Counter
from typing import Sequence

from callboard.features.catalog.interface import HistoryEntry
from callboard.features.catalog.store import records
from callboard.features.catalog.store.sets import Ids
from callboard.kernel.db.interface import Transaction
from callboard.model.relations import Relation

_BETWEEN = (
    "SELECT x.source_id, x.target_id, a.target_id, b.target_id FROM catalog_relation x"
    " JOIN catalog_relation a ON a.source_id = x.source_id AND a.type = 'partOf'"
    " JOIN catalog_relation b ON b.source_id = x.target_id AND b.type = 'partOf'"
    " WHERE x.type IN ('dependsOn', 'consumesApi') AND a.target_id <> b.target_id"
)


async def count_dependencies(tx: Transaction, visible: Ids | None) -> dict[tuple[str, str], int]:
    """(system, system that it needs) to by how many relations. ``visible``: numbers of entities that count; None is all."""
    found: Counter[tuple[int, int]] = Counter()
    seen: set[tuple[int, int, int, int]] = set()
    for row in await tx.fetch_all(_BETWEEN):
        ids = (row[0], row[1], row[2], row[3])
        if ids not in seen and (visible is None or all(id in visible for id in ids)):
            seen.add(ids)
            found[ids[2], ids[3]] += 1
    names = sorted({id for pair in found for id in pair})
    rows = await tx.fetch_all(
        f"SELECT id, ref FROM catalog_ref WHERE {tx.any_of('id', 1, 'bigint')}", tx.list_arg(names)
    )
    refs = {row[0]: row[1] for row in rows if row[1].startswith("system:")}
    return {(refs[s], refs[t]): n for (s, t), n in found.items() if s in refs and t in refs}


async def list_dangling(tx: Transaction, ids: Sequence[int]) -> list[Relation]:
    """Relations of these entities to what no entity is, sorted; told by the entity that names the other."""
    rows = await tx.fetch_all(
        "SELECT s.ref, x.type, t.ref FROM catalog_relation x JOIN catalog_ref s ON s.id = x.source_id"
        " JOIN catalog_ref t ON t.id = x.target_id LEFT JOIN catalog_entity e ON e.id = x.target_id"
        f" WHERE e.id IS NULL AND {tx.any_of('x.source_id', 1, 'bigint')}",
        tx.list_arg(ids),
    )
    return sorted({Relation(*row) for row in rows})


async def list_by_user(
    tx: Transaction, actor: str, limit: int, before: int | None
) -> Sequence[tuple[int, HistoryEntry]]:
    """(ref id, change) of what a user changed, newest first. ``actor`` begins with ``user:``: these alone have an index."""
    rows = await tx.fetch_all(
        "SELECT h.id, h.at, h.change, h.source, h.actor, NULL, h.ref_id, r.ref FROM catalog_history h"
        " JOIN catalog_ref r ON r.id = h.ref_id WHERE h.actor = $1 AND h.actor LIKE 'user:%' AND h.id < $2"
        " ORDER BY h.id DESC LIMIT $3",
        actor,
        before if before is not None else 2**62,
        limit,
    )
    return [(row[6], records.entry_of(row, row[7])) for row in rows]
