"""Bringing everything up to date where no portal runs that would: for commands on a store."""

from __future__ import annotations

from typing import Awaitable, Callable, Iterable

from callboard.features.search.indexing import Indexer, go_on
from callboard.features.search.interface import Collator, ReadsSources


async def catch_up(
    indexer: Indexer, collators: Iterable[Collator], heartbeat: Callable[[], Awaitable[None]] = go_on
) -> list[str]:
    """Read what is due of the sources of documents, and index what differs. A sentence for each source that cannot be read.

    Costs a look at each source where nothing has changed. ``heartbeat`` is called after each batch.
    """
    problems: list[str] = []
    for collator in collators:
        if isinstance(collator, ReadsSources):
            problems += await collator.read_sources()
    await indexer.sweep(heartbeat)
    return problems
