"""What several pages need: documents of many refs at once, and the words of the reader's language."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import CatalogQueries, EntityDocument
from callboard.kernel.auth.actor import Actor

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
