"""What is a user's own: their groups and, as far as the settings reach, the groups above and below those."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Sequence

import orjson

from callboard.features.catalog.interface.reasons import OwnershipPath, Reach
from callboard.features.catalog.service.queries import Queries
from callboard.features.catalog.store.index import EntityIndex
from callboard.kernel.auth.actor import SYSTEM

MAX_DEPTH = 20
MAX_KEPT = 2_000
"""Users whose paths are remembered for one revision of the catalog."""


class CatalogOwnership:
    """``OwnershipResolver`` and ``OwnershipReasons`` over ``memberOf``, ``childOf`` and ``parentOf`` relations."""

    def __init__(self, queries: Queries, index: EntityIndex, reach: Reach = "parents") -> None:
        self._queries = queries
        self._index = index
        self.reach: Reach = reach
        self._kept: dict[str, tuple[int, Mapping[str, OwnershipPath]]] = {}

    def revision(self) -> int:
        return self._index.latest

    async def ownership_of(self, user_ref: str) -> frozenset[str]:
        return frozenset((user_ref.lower(), *(await self.paths_of(user_ref))))

    async def paths_of(self, user_ref: str) -> Mapping[str, OwnershipPath]:
        ref, revision = user_ref.lower(), self._index.latest
        kept = self._kept.get(ref)
        if kept is not None and kept[0] == revision:
            return kept[1]
        paths = await self._walk(ref)
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[ref] = (revision, paths)
        return paths

    async def _walk(self, user: str) -> dict[str, OwnershipPath]:
        (entity,) = await self._look_up([user])
        direct = _targets(entity, "memberOf")
        paths = {group: OwnershipPath("member", (group,)) for group in direct}
        if self.reach != "own":
            # what a user entity is a child of (no usual kind says so) counts as it did: the relation is the catalog's word
            paths |= {group: OwnershipPath("member", (group,)) for group in _targets(entity, "childOf")}
            await self._follow(paths, list(paths), "above", ("memberOf", "childOf"))
        if self.reach == "parents-and-children":
            await self._follow(paths, direct, "below", ("parentOf",))
        paths.pop(user, None)
        return paths

    async def _follow(
        self, paths: dict[str, OwnershipPath], level: Sequence[str], how: str, types: Sequence[str]
    ) -> None:
        """Add what ``level`` leads to; the shortest way to each group is the one that is told."""
        for _ in range(MAX_DEPTH):
            following: list[str] = []
            for ref, entity in zip(level, await self._look_up(level), strict=True):
                for target in _targets(entity, *types):
                    if target not in paths:
                        paths[target] = OwnershipPath(how, (*paths[ref].groups, target))  # type: ignore[arg-type]
                        following.append(target)
            if not following:
                return
            level = following

    async def _look_up(self, refs: Sequence[str]) -> list[Any]:
        found = await self._queries.get_many_raw(refs, actor=SYSTEM)
        return [None if raw is None else orjson.loads(raw) for raw in found]


def _targets(entity: Mapping[str, Any] | None, *types: str) -> list[str]:
    relations: Iterable[Mapping[str, str]] = (entity or {}).get("relations") or ()
    return list(dict.fromkeys(r["targetRef"] for r in relations if r["type"] in types))
