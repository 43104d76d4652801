"""What several pages need: documents of many refs at once, who may do what, and the words of the reader's language."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import CatalogQueries, EntityDocument
from callboard.features.catalog.interface.reasons import OwnershipPath, OwnershipReasons
from callboard.kernel.auth.actor import Actor
from callboard.kernel.permissions import Permission, PermissionService
from callboard.model.predicates import matches
from callboard.model.terms import Terms

MAX_LOOKED_UP = 500


async def look_up(queries: CatalogQueries, refs: Sequence[str], *, actor: Actor) -> dict[str, EntityDocument | None]:
    """The documents of ``refs`` (at most 500 of them) in one call; None for the absent and the hidden."""
    wanted = list(dict.fromkeys(refs))[:MAX_LOOKED_UP]
    if not wanted:
        return {}
    found = await queries.get_many_raw(wanted, actor=actor)
    return {ref: orjson.loads(raw) if raw is not None else None for ref, raw in zip(wanted, found, strict=True)}


def decode(items: Sequence[bytes]) -> list[Mapping[str, Any]]:
    return [orjson.loads(item) for item in items]


def may(permissions: PermissionService, actor: Actor, permission: Permission, terms: Terms) -> bool:
    """Whether a button for it makes sense: the service behind it decides again."""
    decision = permissions.decide(actor, permission)
    if decision.result == "CONDITIONAL" and decision.condition is not None:
        return bool(matches(permissions.compile(decision.condition), terms))
    return decision.result == "ALLOW"


def own_refs(request: Any) -> frozenset[str]:
    """The refs by which somebody owns things; none for guests, who are nobody in particular."""
    actor: Actor = request.actor
    if not actor.is_user or request.portal.auth.is_guest(actor):
        return frozenset()
    return actor.ownership


async def own_paths(reasons: OwnershipReasons | None, request: Any) -> Mapping[str, OwnershipPath] | None:
    """Why each group of ``own_refs`` is the reader's; None for those who own nothing."""
    if reasons is None or not own_refs(request):
        return None
    return await reasons.paths_of(request.actor.subject)
