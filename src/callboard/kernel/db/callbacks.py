"""What both engines do after a commit."""

from __future__ import annotations

import asyncio
from typing import Callable


class AfterCommit:
    """Part of a transaction: callbacks for the moment when it is through. Its engine sets both fields and calls ``run_callbacks``."""

    __slots__ = ("_callbacks", "_writes")

    _callbacks: list[Callable[[], None]]
    _writes: bool

    def after_commit(self, callback: Callable[[], None]) -> None:
        if not self._writes:
            raise RuntimeError("A reading transaction commits nothing.")
        self._callbacks.append(callback)

    def run_callbacks(self) -> None:
        for callback in self._callbacks:
            try:
                callback()
            except Exception as error:
                # What is committed stays so: a failing listener must not look like a failed write.
                asyncio.get_running_loop().call_exception_handler(
                    {"message": "A callback after a commit failed", "exception": error}
                )
