"""Single entities against a permission's condition, for ``/api/permission/authorize`` and ``apply-conditions``."""

from __future__ import annotations

from typing import Any, Sequence

import orjson

from callboard.features.catalog.interface import ENTITY
from callboard.features.catalog.service.queries import Queries
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.model.predicates import matches
from callboard.model.terms import terms_of


class EntityResources:
    """``ResourceLoader`` of the catalog."""

    resource_types = frozenset((ENTITY,))

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def match_resources(
        self, resource_type: str, refs: Sequence[str], predicate: Any, *, actor: Actor | None = None
    ) -> Sequence[bool | None]:
        found = await self._queries.get_many_raw([ref.lower() for ref in refs], actor=actor or SYSTEM)
        return [
            None if raw is None else predicate is None or matches(predicate, terms_of(orjson.loads(raw)))
            for raw in found
        ]
