"""What is a user's own: the groups they are in and every group above those."""

from __future__ import annotations

import orjson

from callboard.features.catalog.service.queries import Queries
from callboard.features.catalog.store.index import EntityIndex
from callboard.kernel.auth.actor import SYSTEM

MAX_DEPTH = 20


class CatalogOwnership:
    """``OwnershipResolver`` over ``memberOf`` and ``childOf`` relations."""

    def __init__(self, queries: Queries, index: EntityIndex) -> None:
        self._queries = queries
        self._index = index

    def revision(self) -> int:
        return self._index.latest

    async def ownership_of(self, user_ref: str) -> frozenset[str]:
        owned = {user_ref.lower()}
        level = [user_ref.lower()]
        for _ in range(MAX_DEPTH):
            above: set[str] = set()
            for raw in await self._queries.get_many_raw(level, actor=SYSTEM):
                if raw is None:
                    continue
                for relation in orjson.loads(raw).get("relations") or ():
                    if relation["type"] in ("memberOf", "childOf"):
                        above.add(relation["targetRef"])
            level = sorted(above - owned)
            if not level:
                break
            owned.update(level)
        return frozenset(owned)
