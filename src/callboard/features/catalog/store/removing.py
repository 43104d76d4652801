"""Taking away what sources no longer give: nodes with everything that hangs on them, and the files that named them.

Every function runs inside the one write transaction of its use case, after ``placing.lock``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterable, Sequence

from callboard.features.catalog.domain import batches
from callboard.kernel.db.interface import Transaction


@dataclass(slots=True)
class Removed:
    """``refs`` of the nodes that went; ``due`` entities that were related to them; ``waiting`` files whose documents
    were kept out by one of them and may come in now; ``sources`` the same of providers, by name.
    """

    refs: dict[int, str] = field(default_factory=dict)
    due: set[int] = field(default_factory=set)
    waiting: set[int] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)


async def find_abandoned(tx: Transaction, candidates: Iterable[int]) -> list[int]:
    """Of ``candidates``, those that no source reaches any more, however the edges run (cycles included)."""
    reached: dict[int, bool] = {}

    async def is_reached(start: int) -> bool:
        seen, level = {start}, [start]
        while level:
            rows = await tx.fetch_all(
                f"SELECT parent_id, source_id FROM catalog_edge WHERE {tx.any_of('child_id', 1, 'bigint')}",
                tx.list_arg(level),
            )
            level = []
            for parent, source in rows:
                if source or reached.get(parent):
                    return True
                if parent not in seen:
                    seen.add(parent)
                    level.append(parent)
        return False

    abandoned: list[int] = []
    for part in batches(sorted(set(candidates)), 5_000):
        rows = await tx.fetch_all(
            f"SELECT child_id, parent_id, source_id FROM catalog_edge WHERE {tx.any_of('child_id', 1, 'bigint')}",
            tx.list_arg(part),
        )
        edges: dict[int, list[tuple[int, int]]] = {}
        for child, parent, source in rows:
            edges.setdefault(child, []).append((parent, source))
        for id in part:
            held = False
            for parent, source in edges.get(id, ()):
                if source:
                    held = True
                    break
                if parent not in reached:
                    reached[parent] = await is_reached(parent)
                if reached[parent]:
                    held = True
                    break
            if not held:
                abandoned.append(id)
    return abandoned


async def remove_nodes(tx: Transaction, ids: Sequence[int]) -> tuple[Removed, set[int]]:
    """Remove nodes with everything that hangs on them; also the children that only they held up, as candidates.

    Search terms and history are the caller's (they need the entity's bytes).
    """
    removed = Removed()
    children: set[int] = set()
    for part in batches(list(ids), 2_000):
        arg = tx.list_arg(part)
        rows = await tx.fetch_all(f"SELECT id, ref FROM catalog_ref WHERE {tx.any_of('id', 1, 'bigint')}", arg)
        removed.refs.update({row[0]: row[1] for row in rows})
        children |= {
            row[0]
            for row in await tx.fetch_all(
                f"SELECT child_id FROM catalog_edge WHERE {tx.any_of('parent_id', 1, 'bigint')}", arg
            )
        }
        await tx.execute(
            f"DELETE FROM catalog_edge WHERE {tx.any_of('parent_id', 1, 'bigint')} OR {tx.any_of('child_id', 1, 'bigint')}",
            arg,
        )
        removed.due |= {
            row[0]
            for row in await tx.fetch_all(
                f"SELECT DISTINCT source_id FROM catalog_relation WHERE {tx.any_of('origin_id', 1, 'bigint')}", arg
            )
        }
        await tx.execute(f"DELETE FROM catalog_relation WHERE {tx.any_of('origin_id', 1, 'bigint')}", arg)
        kept_out = await tx.fetch_all(
            "SELECT s.name FROM catalog_finding f JOIN catalog_source s ON s.id = -1 - f.file_id"
            f" WHERE f.stage = 'conflict' AND f.file_id < -1 AND {tx.any_of('f.subject_id', 1, 'bigint')}",
            arg,
        )
        removed.sources |= {row[0] for row in kept_out}
        await tx.execute(f"DELETE FROM catalog_finding WHERE {tx.any_of('subject_id', 1, 'bigint')}", arg)
        files = [
            row[0]
            for row in await tx.fetch_all(
                f"SELECT id FROM catalog_file WHERE {tx.any_of('parent_id', 1, 'bigint')}", arg
            )
        ]
        await forget_files(tx, files)
        removed.waiting |= await _make_due(tx, arg)
        await tx.execute(f"DELETE FROM catalog_pending WHERE {tx.any_of('id', 1, 'bigint')}", arg)
        await tx.execute(f"DELETE FROM catalog_entity WHERE {tx.any_of('id', 1, 'bigint')}", arg)
        await tx.execute(f"DELETE FROM catalog_node WHERE {tx.any_of('id', 1, 'bigint')}", arg)
    removed.due -= set(ids)
    return removed, children - set(ids)


async def leave_to_others(tx: Transaction, ids: Sequence[int]) -> tuple[set[int], set[str]]:
    """One of those who gave these nodes let go: the others are to give them anew. Their files, and names of sources."""
    if not ids:
        return set(), set()
    arg = tx.list_arg(ids)
    await tx.execute(f"UPDATE catalog_node SET origin = '' WHERE {tx.any_of('id', 1, 'bigint')}", arg)
    rows = await tx.fetch_all(
        "SELECT DISTINCT s.name FROM catalog_edge e JOIN catalog_source s ON s.id = e.source_id"
        f" WHERE {tx.any_of('e.child_id', 1, 'bigint')}",
        arg,
    )
    await tx.execute(
        f"UPDATE catalog_edge SET hash = '' WHERE source_id <> 0 AND {tx.any_of('child_id', 1, 'bigint')}", arg
    )
    return await _make_due(tx, arg, "state <> 'conflict'"), {row[0] for row in rows}


async def make_others_due(tx: Transaction, ids: Iterable[int], file_id: int) -> set[int]:
    """Have documents of these nodes in other files than this one placed again; those files."""
    return await _make_due(tx, tx.list_arg(sorted(ids)), f"state <> 'conflict' AND file_id <> {int(file_id)}")


async def make_due(tx: Transaction, ids: Sequence[int]) -> set[int]:
    """Have all documents of these refs placed again, those that were kept out, too; their files."""
    return await _make_due(tx, tx.list_arg(ids))


async def _make_due(tx: Transaction, nodes: Any, which: str = "1 = 1") -> set[int]:
    """Have the documents of these nodes placed again when their files are next looked at; those files."""
    where = f"{which} AND {tx.any_of('ref_id', 1, 'bigint')}"
    rows = await tx.fetch_all(f"SELECT DISTINCT file_id FROM catalog_document WHERE {where}", nodes)
    files = {row[0] for row in rows}
    if files:
        await tx.execute(f"UPDATE catalog_document SET state = 'due' WHERE {where}", nodes)
        await tx.execute(
            f"UPDATE catalog_file SET state = 'due' WHERE state = 'ok' AND {tx.any_of('id', 1, 'bigint')}",
            tx.list_arg(files),
        )
    return files


async def forget_files(tx: Transaction, files: Sequence[int]) -> None:
    if not files:
        return
    arg = tx.list_arg(files)
    await tx.execute(f"DELETE FROM catalog_finding WHERE {tx.any_of('file_id', 1, 'bigint')}", arg)
    await tx.execute(f"DELETE FROM catalog_document WHERE {tx.any_of('file_id', 1, 'bigint')}", arg)
    await tx.execute(f"DELETE FROM catalog_read WHERE {tx.any_of('file_id', 1, 'bigint')}", arg)
    await tx.execute(f"DELETE FROM catalog_file WHERE {tx.any_of('id', 1, 'bigint')}", arg)
