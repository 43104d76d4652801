"""Who is told: users themselves, the members of groups and of the groups below them, the owners of everything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Sequence

import orjson

from callboard.features.catalog.interface import CatalogQueries
from callboard.features.notifications.domain import normal_ref
from callboard.kernel.auth.actor import SYSTEM, Actor

MAX_DEPTH = 20
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Recipients:
    """Lower-cased refs, sorted. ``groups`` are those that were named or own what was named, without the ones below them."""

    users: Sequence[str] = ()
    groups: Sequence[str] = ()


class RecipientResolver:
    """Asks the catalog. Without one a user is still a user, and groups have no members."""

    def __init__(self, queries: CatalogQueries | None) -> None:
        self._queries = queries

    async def resolve(self, refs: Iterable[str], *, actor: Actor = SYSTEM) -> Recipients:
        """The users behind ``refs``, as far as ``actor`` may see: a hidden group has no members, a hidden member is none.

        Users that are named need not be in the catalog: local users may be in none. What is no ref is passed over.
        """
        level = sorted({ref for text in refs if (ref := normal_ref(text)) is not None})
        named = {ref for ref in level if ref.startswith("user:")}
        groups: set[str] = set()
        members: set[str] = set()
        seen: set[str] = set(named)
        is_named = True
        for _ in range(MAX_DEPTH):
            level = [ref for ref in level if ref not in seen]
            if not level or self._queries is None:
                break
            seen.update(level)
            below: set[str] = set()
            owners: set[str] = set()
            for ref, raw in zip(level, await self._get(level, actor), strict=True):
                if raw is None:
                    continue
                is_group = ref.startswith("group:")
                if is_group and is_named:
                    groups.add(ref)
                for relation in orjson.loads(raw).get("relations") or ():
                    if is_group and relation["type"] == "hasMember":
                        members.add(relation["targetRef"])
                    elif is_group and relation["type"] == "parentOf":
                        below.add(relation["targetRef"])
                    elif not is_group and relation["type"] == "ownedBy":
                        owners.add(relation["targetRef"])
            named.update(ref for ref in owners if ref.startswith("user:"))
            if owners and is_named:
                # Owners count as named; groups below a named one that are met in the same round do not.
                resolved = await self.resolve(owners, actor=actor)
                members.update(resolved.users)
                groups.update(resolved.groups)
            level = sorted(below)
            is_named = False
        visible = await self._visible(sorted(members - named), actor)
        return Recipients(sorted(named | set(visible)), sorted(groups))

    async def _visible(self, users: Sequence[str], actor: Actor) -> Sequence[str]:
        """Those users of the catalog that ``actor`` may see. Relations may also name users that are not there."""
        users = [ref for ref in users if ref.startswith("user:")]
        if self._queries is None:
            return []
        return [ref for ref, raw in zip(users, await self._get(users, actor), strict=True) if raw is not None]

    async def _get(self, refs: Sequence[str], actor: Actor) -> list[bytes | None]:
        assert self._queries is not None
        found: list[bytes | None] = []
        for start in range(0, len(refs), CHUNK):
            found += await self._queries.get_many_raw(refs[start : start + CHUNK], actor=actor)
        return found
