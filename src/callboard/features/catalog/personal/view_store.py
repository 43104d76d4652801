"""All the SQL of saved views."""

from __future__ import annotations

from typing import Any, Sequence

from callboard.features.catalog.interface.personal import SavedView
from callboard.kernel.clock import format_time, parse_time
from callboard.kernel.db.interface import Transaction

_COLUMNS = "v.id, v.name, v.kind, v.query, v.audience, v.owner, v.updated_at, v.updated_by"


async def list_views(tx: Transaction, audiences: Sequence[str], *, kind: str | None, limit: int) -> list[SavedView]:
    """By name; ``default_for`` is told for ``audiences``."""
    more, args = ("", ()) if kind is None else (" AND v.kind = $2", (kind,))
    rows = await tx.fetch_all(
        f"SELECT {_COLUMNS} FROM catalog_view v WHERE {tx.any_of('v.audience', 1)}{more} ORDER BY v.name, v.id LIMIT {limit}",
        tx.list_arg(audiences),
        *args,
    )
    if not rows:
        return []
    chosen = await tx.fetch_all(
        f"SELECT view_id, audience FROM catalog_view_default d WHERE {tx.any_of('d.audience', 1)}",
        tx.list_arg(audiences),
    )
    defaults: dict[str, set[str]] = {}
    for view_id, audience in chosen:
        defaults.setdefault(view_id, set()).add(audience)
    return [_view(row, frozenset(defaults.get(row[0], ()))) for row in rows]


async def find_view(tx: Transaction, id: str) -> SavedView | None:
    row = await tx.fetch_one(f"SELECT {_COLUMNS} FROM catalog_view v WHERE v.id = $1", id)
    if row is None:
        return None
    rows = await tx.fetch_all("SELECT audience FROM catalog_view_default WHERE view_id = $1", id)
    return _view(row, frozenset(audience for (audience,) in rows))


async def find_id(tx: Transaction, audience: str, kind: str, name: str) -> str | None:
    id: str | None = await tx.fetch_value(
        "SELECT id FROM catalog_view WHERE audience = $1 AND kind = $2 AND name = $3", audience, kind, name
    )
    return id


async def count_views(tx: Transaction, audience: str) -> int:
    return int(await tx.fetch_value("SELECT count(*) FROM catalog_view WHERE audience = $1", audience))


async def add_view(tx: Transaction, view: SavedView) -> None:
    at = format_time(view.updated_at)
    await tx.execute(
        "INSERT INTO catalog_view (id, name, kind, query, audience, owner, created_at, updated_at, updated_by)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)",
        view.id, view.name, view.kind, view.query, view.audience, view.owner, at, view.updated_by,
    )  # fmt: skip


async def put_view(tx: Transaction, view: SavedView) -> None:
    await tx.execute(
        "UPDATE catalog_view SET name = $2, kind = $3, query = $4, audience = $5, updated_at = $6, updated_by = $7 WHERE id = $1",
        view.id, view.name, view.kind, view.query, view.audience, format_time(view.updated_at), view.updated_by,
    )  # fmt: skip


async def delete_view(tx: Transaction, id: str) -> None:
    await tx.execute("DELETE FROM catalog_view_default WHERE view_id = $1", id)
    await tx.execute("DELETE FROM catalog_view WHERE id = $1", id)


async def list_defaults(tx: Transaction, audiences: Sequence[str], kind: str) -> dict[str, str]:
    """Audience to the id of the view that its lists of the kind open with."""
    rows = await tx.fetch_all(
        f"SELECT audience, view_id FROM catalog_view_default d WHERE {tx.any_of('d.audience', 1)} AND d.kind = $2",
        tx.list_arg(audiences),
        kind,
    )
    return {str(audience): str(view_id) for audience, view_id in rows}


async def set_default(tx: Transaction, audience: str, kind: str, view_id: str) -> None:
    await tx.execute(
        "INSERT INTO catalog_view_default (audience, kind, view_id) VALUES ($1, $2, $3)"
        " ON CONFLICT (audience, kind) DO UPDATE SET view_id = excluded.view_id",
        audience, kind, view_id,
    )  # fmt: skip


async def clear_default(tx: Transaction, view_id: str, audience: str | None = None) -> None:
    """Of one audience, or of all."""
    more: tuple[Any, ...] = () if audience is None else (audience,)
    await tx.execute(
        "DELETE FROM catalog_view_default WHERE view_id = $1" + (" AND audience = $2" if more else ""), view_id, *more
    )


def _view(row: Sequence[Any], default_for: frozenset[str]) -> SavedView:
    id, name, kind, query, audience, owner, updated_at, updated_by = row
    return SavedView(id, name, kind, query, audience, owner, parse_time(updated_at), updated_by, default_for)
