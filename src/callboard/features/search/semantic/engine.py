"""An engine that forgets vectors when it forgets words: with it what is deleted is found by nothing from the same commit on."""

from __future__ import annotations

from typing import Callable, Sequence

from callboard.features.search.engines.base import Ask, Engine, Found
from callboard.features.search.interface import VisibleSet
from callboard.features.search.semantic.layer import SemanticLayer
from callboard.features.search.store.records import Record
from callboard.kernel.db.interface import Transaction


class EngineWithVectors:
    """Implements ``engines.base.Engine`` around another, whose name it has: to the index nothing is different."""

    def __init__(self, inner: Engine, layer: SemanticLayer) -> None:
        self._inner = inner
        self._layer = layer
        self.name = inner.name

    async def prepare(self, tx: Transaction) -> bool:
        is_new = await self._inner.prepare(tx)
        await self._layer.prepare(tx)
        return is_new

    async def put(self, tx: Transaction, rows: Sequence[tuple[int, Record]], term_of: Callable[[str], str]) -> None:
        await self._inner.put(tx, rows, term_of)
        await self._layer.ask_for_vectors(tx)

    async def remove(self, tx: Transaction, numbers: Sequence[int]) -> None:
        await self._inner.remove(tx, numbers)
        await self._layer.forget(tx, numbers)

    async def clear(self, tx: Transaction) -> None:
        await self._inner.clear(tx)
        await self._layer.forget(tx, None)

    async def find(self, tx: Transaction, ask: Ask, visible: VisibleSet | None) -> Found:
        return await self._inner.find(tx, ask, visible)

    async def close(self) -> None:
        await self._inner.close()
        await self._layer.close()
