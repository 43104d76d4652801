"""Rows of sources that features write by themselves: what each gives, and who else gives a ref."""

from __future__ import annotations

from typing import Sequence

from callboard.kernel.db.interface import Row, Transaction


async def hold(tx: Transaction, source_id: int) -> None:
    """Have the source stay although no provider has its name."""
    await tx.execute("UPDATE catalog_source SET held = 1 WHERE id = $1 AND held = 0", source_id)


async def count_by_source(tx: Transaction, prefix: str) -> dict[str, int]:
    """Names of held sources that begin with ``prefix``, and how many entities each gives."""
    rows = await tx.fetch_all(
        "SELECT s.name, (SELECT count(*) FROM catalog_edge e WHERE e.parent_id = 0 AND e.source_id = s.id)"
        " FROM catalog_source s WHERE s.held = 1 ORDER BY s.name"
    )
    return {row[0]: row[1] for row in rows if row[0].startswith(prefix)}


async def list_refs(tx: Transaction, source: str) -> list[str]:
    rows = await tx.fetch_all(
        "SELECT r.ref FROM catalog_source s JOIN catalog_edge e ON e.parent_id = 0 AND e.source_id = s.id"
        " JOIN catalog_ref r ON r.id = e.child_id WHERE s.name = $1",
        source,
    )
    return [row[0] for row in rows]


async def list_givers(tx: Transaction, refs: Sequence[str]) -> list[tuple[str, str]]:
    """(ref, name of a source, or ref of the entity that leads to it), for every edge to one of ``refs``."""
    rows = await tx.fetch_all(
        "SELECT r.ref, COALESCE(s.name, p.ref) FROM catalog_ref r JOIN catalog_edge e ON e.child_id = r.id"
        " LEFT JOIN catalog_source s ON s.id = e.source_id LEFT JOIN catalog_ref p ON p.id = e.parent_id"
        f" WHERE {tx.any_of('r.ref', 1)}",
        tx.list_arg(refs),
    )
    return [(row[0], row[1] or "") for row in rows]


async def list_given(tx: Transaction, source: str, refs: Sequence[str]) -> list[Row]:
    """(ref, hash, uid, location key, JSON) of those of ``refs`` that the source gives and that are entities, or hidden.

    The JSON is the stitched entity's, or what lies under an overlay: never what people laid over it.
    """
    return await tx.fetch_all(
        "SELECT r.ref, e.hash, n.uid, n.location_key, COALESCE(o.source, x.json) FROM catalog_source s"
        " JOIN catalog_edge e ON e.parent_id = 0 AND e.source_id = s.id JOIN catalog_ref r ON r.id = e.child_id"
        " JOIN catalog_node n ON n.id = e.child_id LEFT JOIN catalog_entity x ON x.id = e.child_id"
        " LEFT JOIN catalog_overlay o ON o.ref = r.ref"
        f" WHERE s.name = $2 AND {tx.any_of('r.ref', 1)} AND (x.id IS NOT NULL OR (o.hidden_at IS NOT NULL AND o.source IS NOT NULL))",
        tx.list_arg(refs),
        source,
    )
