"""Versions of the model layer that is declared in the browser; the highest number holds."""

from __future__ import annotations

from typing import Any

import orjson

from callboard.kernel.db.interface import Row, Transaction


async def latest_number(tx: Transaction) -> int:
    """0 while nobody declared anything."""
    return int(await tx.fetch_value("SELECT COALESCE(max(number), 0) FROM catalog_model"))


async def find_layer(tx: Transaction, number: int) -> list[dict[str, Any]] | None:
    row = await tx.fetch_one("SELECT layer FROM catalog_model WHERE number = $1", number)
    return None if row is None else list(orjson.loads(row[0]))


async def list_versions(tx: Transaction, limit: int) -> list[Row]:
    """(number, at, by, note), newest first."""
    return await tx.fetch_all(
        "SELECT number, saved_at, saved_by, note FROM catalog_model ORDER BY number DESC LIMIT $1", limit
    )


async def insert_version(tx: Transaction, number: int, layer: Any, *, at: str, by: str, note: str) -> bool:
    """Whether it is the next one: False when somebody else took the number."""
    rows = await tx.fetch_all(
        "INSERT INTO catalog_model (number, layer, saved_at, saved_by, note) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (number) DO NOTHING RETURNING number",
        number, orjson.dumps(layer).decode(), at, by, note,
    )  # fmt: skip
    return bool(rows)


async def list_held_of_kinds(tx: Transaction, kinds: list[str]) -> list[tuple[str, str]]:
    """(source, ref) of what held sources give of these kinds (lower-cased): nobody else could give it again."""
    rows = await tx.fetch_all(
        "SELECT s.name, r.ref FROM catalog_source s JOIN catalog_edge e ON e.parent_id = 0 AND e.source_id = s.id"
        " JOIN catalog_ref r ON r.id = e.child_id WHERE s.held = 1 ORDER BY s.name, r.ref"
    )
    wanted = set(kinds)
    return [(row[0], row[1]) for row in rows if row[1].partition(":")[0] in wanted]


async def list_providers_of_kinds(tx: Transaction, kinds: list[str]) -> set[str]:
    """Names of the other sources that give something of these kinds by themselves."""
    rows = await tx.fetch_all(
        "SELECT DISTINCT s.name, r.ref FROM catalog_source s JOIN catalog_edge e ON e.parent_id = 0 AND e.source_id = s.id"
        " JOIN catalog_ref r ON r.id = e.child_id WHERE s.held = 0"
    )
    wanted = set(kinds)
    return {row[0] for row in rows if row[1].partition(":")[0] in wanted}
