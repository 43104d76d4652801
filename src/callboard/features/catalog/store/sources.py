"""Named sources (providers) and what each gave the last time."""

from __future__ import annotations

from typing import Any, NamedTuple, Sequence

from callboard.kernel.db.interface import Transaction


async def ensure_source(tx: Transaction, name: str) -> int:
    id = await tx.fetch_value("SELECT id FROM catalog_source WHERE name = $1", name)
    if id is None:
        await tx.execute("INSERT INTO catalog_source (name) VALUES ($1) ON CONFLICT (name) DO NOTHING", name)
        id = await tx.fetch_value("SELECT id FROM catalog_source WHERE name = $1", name)
    return id


async def list_sources(tx: Transaction) -> list[dict[str, Any]]:
    """Every source with its state; ``failed_since`` None: the last delivery came through. ``held``: see ``store.held``."""
    rows = await tx.fetch_all(
        "SELECT id, name, failed_since, error, refreshed_at, held FROM catalog_source ORDER BY name"
    )
    return [
        {
            "id": row[0], "name": row[1], "failed_since": row[2], "error": row[3], "refreshed_at": row[4],
            "held": bool(row[5]),
        }
        for row in rows
    ]  # fmt: skip


async def list_given(tx: Transaction, source_id: int) -> dict[str, str]:
    """Ref to hash of everything that the source holds up."""
    rows = await tx.fetch_all(
        "SELECT r.ref, e.hash FROM catalog_edge e JOIN catalog_ref r ON r.id = e.child_id"
        " WHERE e.parent_id = 0 AND e.source_id = $1",
        source_id,
    )
    return {row[0]: row[1] for row in rows}


async def count_given(tx: Transaction) -> dict[str, int]:
    """How many entities each source gives, by its name."""
    rows = await tx.fetch_all(
        "SELECT s.name, count(*) FROM catalog_source s JOIN catalog_edge e ON e.parent_id = 0 AND e.source_id = s.id"
        " GROUP BY s.name"
    )
    return {row[0]: row[1] for row in rows}


async def release(tx: Transaction, source_id: int, ids: Sequence[int]) -> None:
    await tx.execute_many(
        "DELETE FROM catalog_edge WHERE parent_id = 0 AND source_id = $1 AND child_id = $2",
        [(source_id, id) for id in ids],
    )


async def note_success(tx: Transaction, source_id: int, at: str) -> None:
    await tx.execute(
        "UPDATE catalog_source SET failed_since = NULL, error = NULL, refreshed_at = $2 WHERE id = $1", source_id, at
    )
    await _clear_trouble(tx, source_id)


async def note_failure(tx: Transaction, source_id: int, error: str, at: str, *, is_partial: bool = False) -> None:
    """Remember since when a source fails, and tell it as a finding about no entity (subject 0): for those who see all.

    ``is_partial``: it was read, and some of it was left out.
    """
    said, name, fix = (
        ("is not whole", "InputError", "The rest was taken. Correct at the source what is named.")
        if is_partial
        else (
            "cannot be read",
            "UnavailableError",
            "What it gave before stays. Check its settings and its credentials, or wait: it is tried again.",
        )
    )
    await tx.execute(
        "UPDATE catalog_source SET failed_since = COALESCE(failed_since, $3), error = $2 WHERE id = $1",
        source_id,
        error,
        at,
    )
    await _clear_trouble(tx, source_id)
    await tx.execute(
        "INSERT INTO catalog_finding (subject_id, file_id, severity, stage, name, message, fix, since)"
        f" SELECT 0, $1, 'error', 'read', '{name}', 'The source ' || name || ' {said}: ' || error, $2, failed_since"
        " FROM catalog_source WHERE id = $3",
        -1 - source_id,
        fix,
        source_id,
    )


async def delete_source(tx: Transaction, source_id: int) -> None:
    await _clear_trouble(tx, source_id)
    await tx.execute("DELETE FROM catalog_source WHERE id = $1", source_id)


async def _clear_trouble(tx: Transaction, source_id: int) -> None:
    await tx.execute("DELETE FROM catalog_finding WHERE subject_id = 0 AND file_id = $1", -1 - source_id)


class KeptOut(NamedTuple):
    """The node of another source that stands in the way of an entity, and the location key that holds it."""

    node_id: int
    location_key: str | None


async def list_kept_out(tx: Transaction, source_id: int) -> dict[str, KeptOut]:
    """Entities of a source, by ref, that another one's kept out when they were last given."""
    rows = await tx.fetch_all(
        "SELECT f.entity_ref, f.subject_id, n.location_key FROM catalog_finding f JOIN catalog_node n ON n.id = f.subject_id"
        " WHERE f.file_id = $1 AND f.stage = 'conflict'",
        -1 - source_id,
    )
    return {row[0]: KeptOut(row[1], row[2]) for row in rows}


async def forget_kept_out(tx: Transaction, source_id: int, nodes: Sequence[int] | None) -> None:
    """The source gives them no more (None: nothing at all), so nobody needs to be told."""
    if nodes is None:
        await tx.execute("DELETE FROM catalog_finding WHERE file_id = $1", -1 - source_id)
    elif nodes:
        await tx.execute(
            f"DELETE FROM catalog_finding WHERE file_id = $1 AND stage = 'conflict' AND {tx.any_of('subject_id', 2, 'bigint')}",
            -1 - source_id,
            tx.list_arg(nodes),
        )


async def find_holders(tx: Transaction, id: int) -> tuple[list[str], list[int]]:
    """Names of the sources and ids of the nodes that give a node."""
    rows = await tx.fetch_all(
        "SELECT e.parent_id, s.name FROM catalog_edge e LEFT JOIN catalog_source s ON s.id = e.source_id"
        " WHERE e.child_id = $1",
        id,
    )
    return sorted({row[1] for row in rows if row[1]}), sorted({row[0] for row in rows if row[0]})
