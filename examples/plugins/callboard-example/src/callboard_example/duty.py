"""Who is on call for an entity: the one use case behind the tab and the action."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Mapping

import orjson

from callboard.features.catalog.interface import CatalogQueries, EntityDocument
from callboard.kernel.auth.actor import Actor
from callboard.model.refs import EntityRef
from callboard_example.kind import COVERED_BY
from callboard_example.rota import Rota, Turn, find_turn, rota_of_entity


class Duty:
    """Reads rotas from the catalog as the one who asks may see them: a hidden rota covers nobody."""

    def __init__(self, catalog: CatalogQueries) -> None:
        self._catalog = catalog

    async def rotas_of(self, entity: Mapping[str, Any], *, actor: Actor) -> list[Rota]:
        """Rotas that cover ``entity``, or the rota that it is, by name. Two reads at most."""
        if entity["kind"].lower() == "rota":
            return [rota_of_entity(entity)]
        refs = [r["targetRef"] for r in entity.get("relations", ()) if r["type"] == COVERED_BY]
        found = await self._catalog.get_many_raw(refs, actor=actor) if refs else []
        return sorted(
            (rota_of_entity(orjson.loads(raw)) for raw in found if raw is not None), key=lambda rota: rota.name
        )

    async def list_turns(self, ref: EntityRef, at: datetime, *, actor: Actor) -> list[Turn]:
        """Everybody who is on call for ``ref`` at that moment. Raises ``EntityNotFound``."""
        entity: EntityDocument = await self._catalog.get_entity(ref, actor=actor)
        turns = (find_turn(rota, at) for rota in await self.rotas_of(entity, actor=actor))
        return [turn for turn in turns if turn is not None]


def person_ref(person: str) -> EntityRef:
    """The user that a rota names, by ref or by name alone."""
    return EntityRef.parse(person, default_kind="User")
