"""Work done again and again while a portal runs."""

from __future__ import annotations

import asyncio

import pytest

from callboard.kernel.periodic import Periodic, Together

pytestmark = pytest.mark.anyio


async def test_it_goes_on_after_failures_until_it_is_stopped() -> None:
    """One failure ends nothing; after stop nothing is done any more, and it may be stopped twice."""
    done, enough, pauses = [], asyncio.Event(), []

    async def work() -> None:
        done.append(len(done))
        if len(done) == 2:
            raise RuntimeError("once")
        if len(done) == 4:
            enough.set()

    def pause(took_s: float) -> float:
        pauses.append(took_s)
        return 0.001

    periodic = Periodic(work, pause, name="counting")
    await periodic.start()
    async with asyncio.timeout(10):
        await enough.wait()
    await periodic.stop()
    count = len(done)
    await asyncio.sleep(0.02)
    assert len(done) == count and pauses[0] == 0
    await periodic.stop()


async def test_what_many_ask_for_is_done_once_a_while_later() -> None:
    """A failure waits for whoever asks next; closing does it at once, and nothing follows."""
    done: list[int] = []
    noted: list[int] = []

    async def work() -> None:
        done.append(len(noted))
        if len(done) == 1:
            raise RuntimeError("once")

    together = Together(work, 0.02, name="counting")
    for number in range(5):
        noted.append(number)
        together.ask()
    async with asyncio.timeout(10):
        while not done:
            await asyncio.sleep(0.005)
    assert done == [5]
    together.ask()
    async with asyncio.timeout(10):
        while len(done) < 2:
            await asyncio.sleep(0.005)
    together.ask()
    await together.close()
    together.ask()
    await asyncio.sleep(0.05)
    assert done == [5, 5, 5]
