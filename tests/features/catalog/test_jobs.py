"""Work that nobody waits for: looking at files, hearing of other processes, schedules."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from callboard.features.catalog.jobs import FOLDERS_EVERY, FileWatch
from callboard.features.catalog.service.asking import FILE_JOB
from callboard.testing import api, component, location

pytestmark = pytest.mark.anyio

A, B = "component:default/a", "component:default/b"


async def _look(watch: FileWatch, site: Any) -> int:
    """As many looks as it takes to see folders, too, with the reads that they ask for; how many those were."""
    asked = 0
    for _ in range(FOLDERS_EVERY):
        asked += await watch.look()
    await site.settle()
    return asked


# ---- the file watch ---------------------------------------------------------------------------------------------------


async def test_a_changed_file_is_noticed_and_read_alone(each_world: Any) -> None:
    """One look sees it; the other files are left in peace, and a second look sees nothing new."""
    each_world.write("all.yaml", location("all", "./a.yaml", "./b.yaml"))
    each_world.write("a.yaml", component("a", metadata={"description": "old"}))
    each_world.write("b.yaml", component("b"))
    async with each_world.site("all.yaml") as site:
        watch = FileWatch(site.catalog.writer)
        assert await _look(watch, site) == 0
        each_world.write("a.yaml", component("a", metadata={"description": "new"}))
        assert await watch.look() == 1
        assert await site.settle_kinds(FILE_JOB) == 1
        await site.settle()
        assert await site.description(A) == "new"
        assert await _look(watch, site) == 0


async def test_a_file_that_goes_and_comes_is_noticed(world: Any) -> None:
    """Both ways: the location says that it is gone, and stops saying so."""
    world.write("a.yaml", component("a"))
    async with world.site("a.yaml") as site:
        watch = FileWatch(site.catalog.writer)
        await _look(watch, site)
        world.remove("a.yaml")
        await _look(watch, site)
        assert len(await site.location_errors()) == 1
        world.write("a.yaml", component("a", metadata={"description": "back"}))
        await _look(watch, site)
        assert await site.description(A) == "back"
        assert await site.location_errors() == []


async def test_a_file_that_was_missing_from_the_start_is_noticed(world: Any) -> None:
    """Nothing was ever read there, and yet it is looked at."""
    async with world.site("later.yaml") as site:
        watch = FileWatch(site.catalog.writer)
        await _look(watch, site)
        world.write("later.yaml", component("a"))
        await _look(watch, site)
        assert await site.refs() == {A}
        assert await site.location_errors() == []


async def test_a_new_file_under_a_pattern_is_noticed(world: Any) -> None:
    """In a folder where others are, in a new folder beside them, or where nothing was at all."""
    world.write("teams/pay/catalog-info.yaml", component("a"))
    async with world.site("teams/*/catalog-info.yaml", "empty/*.yaml") as site:
        watch = FileWatch(site.catalog.writer)
        await _look(watch, site)
        world.write("teams/shop/catalog-info.yaml", component("b"))
        await _look(watch, site)
        assert await site.refs() == {A, B}
        world.write("empty/c.yaml", component("c"))
        await _look(watch, site)
        assert await site.refs() == {A, B, "component:default/c"}
        world.remove("teams/pay/catalog-info.yaml")
        await _look(watch, site)
        assert await site.refs() == {B, "component:default/c"}
        assert await _look(watch, site) == 0


async def test_a_changed_included_file_is_noticed(each_world: Any) -> None:
    """What placeholders read is looked at like the descriptors; also what could not be read yet."""
    each_world.write("all.yaml", api("a", definition={"$text": "./a.txt"}), api("b", definition={"$text": "./b.txt"}))
    each_world.write("a.txt", "old")
    async with each_world.site("all.yaml") as site:
        watch = FileWatch(site.catalog.writer)
        await _look(watch, site)
        each_world.write("a.txt", "new")
        each_world.write("b.txt", "there")
        await _look(watch, site)
        assert (await site.get("api:default/a"))["spec"]["definition"] == "new"
        assert (await site.get("api:default/b"))["spec"]["definition"] == "there"
        assert await _look(watch, site) == 0


async def test_what_changed_while_the_portal_was_down_is_read_at_the_start(world: Any) -> None:
    """Nobody looked meanwhile; the start does."""
    world.write("a.yaml", component("a", metadata={"description": "old"}))
    async with world.site("*.yaml") as site:
        assert await site.description(A) == "old"
    world.write("a.yaml", component("a", metadata={"description": "new"}))
    world.write("b.yaml", component("b"))
    async with world.site("*.yaml") as site:
        assert await site.description(A) == "new"
        assert await site.refs() == {A, B}


async def test_a_running_portal_shows_a_changed_file_within_a_second(world: Any) -> None:
    """With everything switched on: from the write to the next read."""
    world.write("a.yaml", component("a", metadata={"description": "old"}))
    async with world.site("a.yaml", watchFiles=True, jobs=True) as site:
        await _until(lambda: _describes(site, "old"))
        await asyncio.sleep(0.1)
        started = time.monotonic()
        world.write("a.yaml", component("a", metadata={"description": "new"}))
        await _until(lambda: _describes(site, "new"))
        assert time.monotonic() - started < 1.0


async def _describes(site: Any, description: str) -> bool:
    found = await site.find(A)
    return found is not None and found["metadata"]["description"] == description


async def _until(condition: Any, timeout_s: float = 5.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not await condition():
            await asyncio.sleep(0.01)


# ---- other processes --------------------------------------------------------------------------------------------------


async def test_a_second_portal_on_the_same_postgresql_sees_changes_within_a_second(postgres_world: Any) -> None:
    """Entities, lists and facets that it had answered before are brought up to date."""
    postgres_world.write("a.yaml", component("a", metadata={"description": "old"}))
    async with postgres_world.site("a.yaml") as writing, postgres_world.site("a.yaml") as reading:
        assert await reading.refs() == {A}
        assert await reading.description(A) == "old"
        started = time.monotonic()
        postgres_world.write("a.yaml", component("a", metadata={"description": "new"}), component("b"))
        await writing.sweep()
        await _until(lambda: _describes(reading, "new"))
        assert await reading.refs() == {A, B}
        postgres_world.write("a.yaml", component("b"))
        await writing.sweep()

        async def is_gone() -> bool:
            return await reading.refs() == {B}

        await _until(is_gone)
        assert time.monotonic() - started < 2.0


async def test_two_portals_that_load_the_same_files_have_every_entity_once(postgres_world: Any) -> None:
    """They start together and share the work; nothing is there twice, no conflict with themselves."""
    for n in range(12):
        postgres_world.write(f"{n}.yaml", *(component(f"c{n}-{m}", system="shop") for m in range(10)))
    names = ("[0-5].yaml", "[6-9].yaml", "1*.yaml")
    async with postgres_world.site(*names, settle=False) as one, postgres_world.site(*names, settle=False) as two:
        await asyncio.gather(one.settle(), two.settle())
        await one.settle()
        assert len(await one.refs()) == 120
        assert await two.refs() == await one.refs()
        assert await one.all_findings() == []
        ((created,),) = await one.rows("SELECT count(*) FROM catalog_history WHERE change = 'created'")
        assert created == 123


@pytest.mark.slow
async def test_a_second_process_on_the_same_sqlite_file_is_seen(world: Any) -> None:
    """The command line beside the server: within its next look, a second at most."""
    world.write("a.yaml", component("a", metadata={"description": "old"}))
    async with world.site("a.yaml") as server:
        assert await _describes(server, "old")
        async with world.site("a.yaml") as command:
            world.write("a.yaml", component("a", metadata={"description": "new"}))
            await command.sweep()
        await _until(lambda: _describes(server, "new"), timeout_s=2.0)


# ---- schedules --------------------------------------------------------------------------------------------------------


async def test_every_location_is_looked_at_again_on_schedule(world: Any) -> None:
    """The safety net under webhooks and the file watch, as often as the settings say."""
    url = "https://files.test/a.yaml"
    world.serve(url, component("a"))
    async with world.site({"type": "url", "target": url}, processingInterval="10m") as site:
        world.serve(url, component("b"))
        await site.pass_time(300)
        assert await site.refs() == {A}
        await site.pass_time(400)
        assert await site.refs() == {B}


async def test_without_an_interval_nothing_is_looked_at_again(world: Any) -> None:
    """``catalog.processingInterval: false``."""
    url = "https://files.test/a.yaml"
    world.serve(url, component("a"))
    async with world.site({"type": "url", "target": url}, processingInterval=False) as site:
        asked = len(world.http.sent)
        await site.pass_time(7_200, step=600)
        assert len(world.http.sent) == asked
