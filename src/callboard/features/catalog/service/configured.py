"""Locations named in the settings, as a provider like any other."""

from __future__ import annotations

from typing import Sequence

from callboard.features.catalog.interface import DeferredEntity, FullMutation, ProviderConnection
from callboard.model.locations import location_entity
from callboard.model.refs import LocationRef

NAME = "ConfigLocationProvider"


class ConfiguredLocations:
    """``catalog.locations``. ``file`` targets are absolute already."""

    name = NAME
    every_s = 24 * 3600.0

    def __init__(self, locations: Sequence[LocationRef]) -> None:
        self._locations = tuple(dict.fromkeys(locations))

    async def run(self, connection: ProviderConnection) -> None:
        await connection.apply(
            FullMutation([DeferredEntity(location_entity(location), str(location)) for location in self._locations])
        )
