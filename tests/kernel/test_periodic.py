"""Work done again and again while a portal runs."""

from __future__ import annotations

import asyncio

import pytest

from callboard.kernel.periodic import Periodic

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
