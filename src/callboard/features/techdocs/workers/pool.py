"""The processes that render, started when first needed and replaced when one is ended for taking too long."""

from __future__ import annotations

import asyncio
import os
import pickle
import struct
import sys
from collections import OrderedDict, deque
from typing import Any

from callboard.kernel.errors import UnavailableError
from callboard.kernel.logs import get_logger

log = get_logger(__name__)
_LENGTH = struct.Struct(">I")
MAX_ANSWER_BYTES = 256 * 1024 * 1024
MAX_WAITING = 100
"""Pages of one site that wait at a time."""
START_S = 20.0
"""A process that was just started loads its libraries first."""


class TooSlow(UnavailableError):
    """It was not done in time, or ended its process."""

    code = "techdocs.too_slow"


class Workers:
    """``run`` does one function of ``workers.functions``. With ``count`` 0 it is done in a thread, and time is not limited.

    Who waits is served in turns: one piece of work for each ``turn`` (a site), so that many slow pages of one delay another's by one.
    What takes minutes is done ``apart``, by one process more.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._all: list[_Worker] = []
        self._free: list[_Worker] = []
        self._waiting: OrderedDict[str, deque[asyncio.Future[_Worker]]] = OrderedDict()
        self._apart = _Worker()
        self._apart_is_free = asyncio.Lock()

    async def run(self, function: str, *arguments: Any, timeout_s: float, turn: str = "") -> Any:
        """Raises ``TooSlow``, ``UnavailableError`` with what went wrong."""
        if self._count <= 0:
            return await asyncio.to_thread(_run_here, function, arguments)
        question = await asyncio.to_thread(pickle.dumps, (function, arguments), pickle.HIGHEST_PROTOCOL)
        worker = await self._take(turn)
        try:
            return await worker.ask(question, timeout_s)
        finally:
            self._give_back(worker)

    async def run_apart(self, function: str, *arguments: Any, timeout_s: float) -> Any:
        """``run`` for what nobody waits for, one at a time."""
        if self._count <= 0:
            return await self.run(function, *arguments, timeout_s=timeout_s)
        async with self._apart_is_free:
            question = await asyncio.to_thread(pickle.dumps, (function, arguments), pickle.HIGHEST_PROTOCOL)
            return await self._apart.ask(question, timeout_s)

    async def _take(self, turn: str) -> _Worker:
        if self._free:
            return self._free.pop()
        if len(self._all) < self._count:
            self._all.append(_Worker())
            return self._all[-1]
        line = self._waiting.setdefault(turn, deque())
        if len(line) >= MAX_WAITING:
            raise UnavailableError("Too many pages of this documentation are being asked for. Try again in a moment.")
        place: asyncio.Future[_Worker] = asyncio.get_running_loop().create_future()
        line.append(place)
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():  # it came in the same moment
                self._give_back(place.result())
            raise

    def _give_back(self, worker: _Worker) -> None:
        while self._waiting:
            turn, line = self._waiting.popitem(last=False)
            place = line.popleft()
            if line:  # to the end of the queue
                self._waiting[turn] = line
            if not place.done():
                place.set_result(worker)
                return
        self._free.append(worker)

    async def close(self) -> None:
        await asyncio.gather(*(worker.end() for worker in (*self._all, self._apart)))


def _run_here(function: str, arguments: tuple[Any, ...]) -> Any:
    from callboard.features.techdocs.workers.functions import FUNCTIONS

    return FUNCTIONS[function](*arguments)


class _Worker:
    """One process; asked by one at a time."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None

    async def ask(self, question: bytes, timeout_s: float) -> Any:
        is_done = False
        try:
            if self._process is None or self._process.returncode is not None:
                self._process = await _start()
                timeout_s += START_S
            async with asyncio.timeout(timeout_s):
                answer = await _exchange(self._process, question)
            is_done = True
        except TimeoutError:
            log.warning("rendering was ended", reason="it took too long", timeout_s=timeout_s)
            raise TooSlow(f"It was not done within {timeout_s:g} s.") from None
        except (asyncio.IncompleteReadError, BrokenPipeError, ConnectionResetError):
            log.warning("rendering was ended", reason="its process ended")
            raise TooSlow("The process that renders ended; it may have run out of memory.") from None
        finally:
            if not is_done:  # also when whoever asked went away: its answer would be taken for the next one's
                await self.end()
        is_good, value = pickle.loads(answer)  # noqa: S301 -- from our own process
        if not is_good:
            raise UnavailableError(f"Rendering failed: {value}")
        return value

    async def end(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            try:
                process.kill()
            except ProcessLookupError:
                pass
            await process.wait()


async def _start() -> asyncio.subprocess.Process:
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
        "PYTHONHASHSEED": "0",
        "LC_ALL": "C.UTF-8",
    }
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-W", "ignore", "-m", "callboard.features.techdocs.workers", stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env=environment, limit=2**20, start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise UnavailableError(f"The process that renders cannot be started: {error.strerror or error}.") from None


async def _exchange(process: asyncio.subprocess.Process, question: bytes) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(_LENGTH.pack(len(question)) + question)
    await process.stdin.drain()
    length = _LENGTH.unpack(await process.stdout.readexactly(_LENGTH.size))[0]
    if length > MAX_ANSWER_BYTES:
        raise UnavailableError("Rendering gave more than can be kept.")
    return await process.stdout.readexactly(length)
