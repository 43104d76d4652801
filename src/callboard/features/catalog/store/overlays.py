"""Rows of what people decided about entities of sources, and of what the sources say under it."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Sequence

import orjson

from callboard.features.catalog.domain import batches
from callboard.features.catalog.interface.overlays import Hidden, Overlay, OverlayField
from callboard.kernel.clock import format_time, parse_time
from callboard.kernel.db.interface import Row, Transaction

_COLUMNS = (
    "o.ref, o.fields, o.mark, o.saved_by, o.saved_at, o.hidden_by, o.hidden_at, o.hidden_why, o.problem, o.source"
)


async def find_laid(tx: Transaction, refs: Sequence[str]) -> dict[str, Overlay]:
    """Those of ``refs`` about which something was decided. One look into the primary key for each."""
    found: dict[str, Overlay] = {}
    for part in batches(refs, 5_000):
        rows = await tx.fetch_all(
            f"SELECT {_COLUMNS} FROM catalog_overlay o WHERE {tx.any_of('o.ref', 1)}", tx.list_arg(part)
        )
        found.update({row[0]: overlay_of(row) for row in rows})
    return found


async def list_overlays(tx: Transaction, refs: Sequence[str]) -> dict[str, Overlay]:
    """The same, and whether a source gives each."""
    found: dict[str, Overlay] = {}
    for part in batches(sorted(set(refs)), 5_000):
        rows = await tx.fetch_all(f"{_WITH_NODE} WHERE {tx.any_of('o.ref', 1)}", tx.list_arg(part))
        found.update({row[0]: overlay_of(row) for row in rows})
    return found


_WITH_NODE = (
    f"SELECT {_COLUMNS}, n.id FROM catalog_overlay o LEFT JOIN catalog_ref r ON r.ref = o.ref"
    " LEFT JOIN catalog_node n ON n.id = r.id"
)


async def list_page(tx: Transaction, *, hidden: bool, after: str, limit: int) -> list[Overlay]:
    which = "o.hidden_at IS NOT NULL" if hidden else "o.fields <> '{}'"
    rows = await tx.fetch_all(f"{_WITH_NODE} WHERE {which} AND o.ref > $1 ORDER BY o.ref LIMIT $2", after, limit)
    return [overlay_of(row) for row in rows]


async def list_grounds(tx: Transaction, refs: Sequence[str]) -> list[Row]:
    """(ref, id, entity's JSON, JSON that waits to be stitched, location, origin, location key) of what sources give."""
    found: list[Row] = []
    for part in batches(sorted(set(refs)), 2_000):
        found += await tx.fetch_all(
            "SELECT r.ref, n.id, x.json, p.json, n.location, n.origin, n.location_key FROM catalog_ref r"
            " JOIN catalog_node n ON n.id = r.id LEFT JOIN catalog_entity x ON x.id = n.id"
            f" LEFT JOIN catalog_pending p ON p.id = n.id WHERE {tx.any_of('r.ref', 1)}",
            tx.list_arg(part),
        )
    return found


async def keep(tx: Transaction, overlay: Overlay) -> None:
    hidden = overlay.hidden
    await tx.execute(
        "INSERT INTO catalog_overlay (ref, fields, mark, saved_by, saved_at, hidden_by, hidden_at, hidden_why, problem, source)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (ref) DO UPDATE SET fields = excluded.fields,"
        " mark = excluded.mark, saved_by = excluded.saved_by, saved_at = excluded.saved_at, hidden_by = excluded.hidden_by,"
        " hidden_at = excluded.hidden_at, hidden_why = excluded.hidden_why, problem = excluded.problem, source = excluded.source",
        overlay.ref, _fields_json(overlay.fields), overlay.mark, overlay.by, format_time(overlay.at),
        hidden.by if hidden else None, format_time(hidden.at) if hidden else None, hidden.why if hidden else None,
        overlay.problem, None if overlay.source is None else orjson.dumps(overlay.source),
    )  # fmt: skip


async def forget(tx: Transaction, ref: str) -> None:
    await tx.execute("DELETE FROM catalog_overlay WHERE ref = $1", ref)


async def note_sources(tx: Transaction, rows: Iterable[tuple[str, bytes, str | None]]) -> None:
    """(ref, what its source gives now as JSON, why the fields are not laid over it)."""
    await tx.execute_many("UPDATE catalog_overlay SET source = $2, problem = $3 WHERE ref = $1", rows)


async def list_standing(tx: Transaction, ids: Iterable[int]) -> list[int]:
    """Those of ``ids`` that are entities."""
    rows = await tx.fetch_all(
        f"SELECT id FROM catalog_entity WHERE {tx.any_of('id', 1, 'bigint')}", tx.list_arg(sorted(ids))
    )
    return [row[0] for row in rows]


async def take_away(tx: Transaction, ids: Sequence[int]) -> None:
    """The bytes of entities whose nodes stay; after ``stitching.erase_entities``."""
    arg = tx.list_arg(ids)
    await tx.execute(f"DELETE FROM catalog_pending WHERE {tx.any_of('id', 1, 'bigint')}", arg)
    await tx.execute(f"DELETE FROM catalog_entity WHERE {tx.any_of('id', 1, 'bigint')}", arg)


async def set_owner(tx: Transaction, rows: Iterable[tuple[int, str | None]]) -> None:
    await tx.execute_many("UPDATE catalog_node SET owner = $2 WHERE id = $1", rows)


def overlay_of(row: Row) -> Overlay:
    """Of the columns above; with the number of the node, None for a dormant one, as the last."""
    fields = {
        path: OverlayField(path, said["value"], said["base"], said["by"], parse_time(said["at"]))
        for path, said in orjson.loads(row[1]).items()
    }
    hidden = Hidden(row[5] or "", parse_time(row[6]), row[7] or "") if row[6] is not None else None
    source = orjson.loads(row[9]) if row[9] is not None else None
    is_dormant = len(row) > 10 and row[10] is None
    return Overlay(row[0], fields, row[2], row[3], parse_time(row[4]), hidden, row[8], source, is_dormant)


def _fields_json(fields: Mapping[str, OverlayField]) -> str:
    said: dict[str, Any] = {
        field.path: {"value": field.value, "base": field.base, "by": field.by, "at": format_time(field.at)}
        for field in fields.values()
    }
    return orjson.dumps(said).decode()
