"""Nodes whose last version did not come through, in the shape of Backstage's ``refresh_state`` rows."""

from __future__ import annotations

from typing import Any

import orjson

from callboard.features.catalog.store.records import all_findings
from callboard.features.catalog.store.sets import Ids
from callboard.kernel.db.interface import Transaction

_PENDING = (
    "n.failed_since IS NULL AND e.id IS NULL"
    " AND NOT EXISTS (SELECT 1 FROM catalog_overlay o WHERE o.ref = r.ref AND o.hidden_at IS NOT NULL)"
)


async def list_unprocessed(
    tx: Transaction, state: str, owner: str | None, visible: Ids | None = None
) -> list[dict[str, Any]]:
    """``failed``: refused, with its errors; ``pending``: placed, but not stitched yet. ``owner`` as a lower-cased ref.

    ``visible``: only what stands as one of these entities, for somebody who may not see all; None for everything.
    """
    where = "n.failed_since IS NOT NULL" if state == "failed" else _PENDING
    rows = await tx.fetch_all(
        "SELECT n.id, n.uid, r.ref, n.unprocessed, n.location_key, n.failed_since, n.created_at, n.owner, e.json"
        " FROM catalog_node n JOIN catalog_ref r ON r.id = n.id LEFT JOIN catalog_entity e ON e.id = n.id"
        f" WHERE {where} ORDER BY n.id LIMIT 10000"
    )
    errors: dict[int, list[dict[str, str]]] = {}
    for stored in await all_findings(tx, owner=None, severity="error"):
        if visible is None or stored.is_within(visible):
            told = {"name": stored.finding.name, "message": stored.finding.message}
            errors.setdefault(stored.subject_id, []).append(told)
    found = []
    for id, uid, ref, document, key, failed_since, created_at, its_owner, body in rows:
        if (owner is not None and its_owner != owner.lower()) or (visible is not None and id not in visible):
            continue
        found.append(
            {
                "entity_id": uid,
                "entity_ref": ref,
                "unprocessed_entity": orjson.loads(document) if document else {},
                "processed_entity": orjson.loads(body) if body else None,
                "errors": errors.get(id, []),
                "cache": {},
                "location_key": key,
                "next_update_at": failed_since or created_at,
                "last_discovery_at": failed_since or created_at,
                "unprocessed_hash": "",
                "result_hash": "",
            }
        )
    return found


async def find_by_uid(tx: Transaction, uid: str) -> int | None:
    return await tx.fetch_value("SELECT id FROM catalog_node WHERE uid = $1", uid)
