"""A record of a run that lives as long as the run: for dry runs, the command line and tests."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from callboard.features.scaffolder.running import LogLine


class InlineRecord:
    """``RunRecord`` in memory. ``lines`` is all that was said; ``told`` hears each line as it comes."""

    def __init__(self, told: Callable[[LogLine], None] | None = None) -> None:
        self.lines: list[LogLine] = []
        self.outputs: dict[str, Mapping[str, Any]] = {}
        self._told = told
        self._checkpoints: dict[tuple[str, str], Any] = {}

    async def finished(self) -> Mapping[str, Mapping[str, Any]]:
        return {}

    async def finish_step(self, id: str, output: Mapping[str, Any], lines: Sequence[LogLine]) -> None:
        self.outputs[id] = output
        await self.tell(lines)

    async def tell(self, lines: Sequence[LogLine]) -> None:
        self.lines += lines
        if self._told is not None:
            for line in lines:
                self._told(line)

    async def find_checkpoint(self, step_id: str, key: str) -> tuple[bool, Any]:
        kept = (step_id, key)
        return kept in self._checkpoints, self._checkpoints.get(kept)

    async def keep_checkpoint(self, step_id: str, key: str, value: Any) -> None:
        self._checkpoints[(step_id, key)] = value
