"""How a sheet and the catalog differ: worked out by a job, kept for who asked, told with its age."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.importing.interface import ImportNotFound, NotReady
from callboard.features.importing.job_kinds import DRIFT_JOB
from callboard.testing import user
from tests.features.importing.conftest import sheet_of
from tests.features.importing.test_access import CREATE, OWN_KIND, READ, policy

pytestmark = pytest.mark.anyio

ADA, BOB = user("ada"), user("bob")
TWO = sheet_of(["a", "team", "The first", "service"], ["b", "crew", "The second", "library"])
A = "component:default/a"


async def test_what_was_found_is_kept_until_it_is_worked_out_anew(each_desk: Any):
    """The answer stands beside the one that is being made, and says of when it is."""
    async with each_desk() as d:
        record = await d.bring_in(TWO)
        assert (await d.imports.get_drift(record.id, actor=d.actor)).state == "none"
        first = await d.drift(record.id)
        assert first.checked_at == d.site.clock.now()
        await d.site.commands.delete_by_uid((await d.site.get(A))["metadata"]["uid"], actor=d.actor)
        d.site.clock.advance(60)
        asked = await d.imports.compute_drift(record.id, wait_s=0, actor=d.actor)
        assert (asked.state, asked.drift) == ("computing", first)
        await d.site.portal.jobs.run_due((DRIFT_JOB,))
        done = await d.imports.get_drift(record.id, actor=d.actor)
        assert done.drift is not None
        assert (done.state, done.drift.total) == ("computed", 1)
        assert (done.drift.checked_at - first.checked_at).total_seconds() == 60


async def test_asked_twice_it_is_worked_out_once(desk: Any):
    """A second request while a job is at it changes nothing; undoing throws the answer away."""
    async with desk() as d:
        record = await d.bring_in(TWO)
        for _ in range(2):
            await d.imports.compute_drift(record.id, wait_s=0, actor=d.actor)
        assert await d.site.portal.jobs.run_due((DRIFT_JOB,)) == 1
        assert await d.site.rows("SELECT state, no FROM importing_drift") == [("computed", 1)]
        await d.undo(record.id)
        assert await d.site.rows("SELECT state, no FROM importing_drift") == []
        with pytest.raises(NotReady):
            await d.imports.compute_drift(record.id, wait_s=0, actor=d.actor)


async def test_each_person_has_an_answer_of_their_own(desk: Any):
    """What one may not see is not in what they are told, nor counted."""
    async with desk(more=policy(ada=[READ, CREATE], bob=[OWN_KIND, CREATE])) as d:
        record = await d.bring_in(TWO)
        seen = await d.as_(ADA).drift(record.id)
        assert (seen.total, seen.unnamed) == (0, [])
        await d.site.commands.delete_by_uid((await d.site.get(A))["metadata"]["uid"], actor=d.actor)
        other = await d.as_(BOB).drift(record.id)
        assert [(one.ref, one.action) for one in other.differing] == [(A, "create")]
        assert other.total == 1
        assert (await d.imports.get_drift(record.id, actor=ADA)).drift == seen


async def test_what_fails_says_so_and_keeps_the_last_answer(desk: Any):
    """The upload may be gone by the time the job runs; asked for again it is refused at once."""
    async with desk() as d:
        record = await d.bring_in(TWO)
        first = await d.drift(record.id)
        await d.imports.compute_drift(record.id, wait_s=0, actor=d.actor)
        async with d.site.portal.db.write() as tx:
            await tx.execute("DELETE FROM importing_file")
        d.imports._parts.workbooks._kept.clear()  # as after a restart
        await d.site.portal.jobs.run_due((DRIFT_JOB,))
        failed = await d.imports.get_drift(record.id, actor=d.actor)
        assert (failed.state, failed.drift) == ("failed", first)
        assert "Upload it again" in failed.error
        with pytest.raises(ImportNotFound):
            await d.imports.compute_drift(record.id, wait_s=0, actor=d.actor)


async def test_the_page_waits_for_the_job_and_shows_what_it_found(desk: Any):
    """First a bar that is asked for again, without script by the browser itself; then the answer, and a button for a new one."""
    async with desk() as d:
        record = await d.bring_in(TWO)
        path = f"/import/{record.id}/drift"
        async with d.site.portal.client(d.actor) as client:
            waiting = (await client.get(path)).text
            assert "<progress" in waiting
            assert 'http-equiv="refresh"' in waiting
            await d.site.portal.jobs.run_due((DRIFT_JOB,))
            done = (await client.get(path)).text
            assert "The sheet and the catalog agree" in done
            assert "Compare again" in done
            assert "<progress" not in done
        assert (await d.site.rows("SELECT no FROM importing_drift")) == [(1,)]


async def test_a_running_portal_answers_at_once(desk: Any):
    """A small sheet is compared within the time that is waited."""
    async with desk(jobs=True) as d:
        record = await d.bring_in(TWO)
        assert (await d.imports.compute_drift(record.id, wait_s=20, actor=d.actor)).state == "computed"


async def test_columns_are_guessed_once(desk: Any):
    """Each step of choosing gets the same guess, until other people are known."""
    async with desk() as d:
        record = await d.upload(TWO)
        first = (await d.imports.propose(record.id, actor=d.actor)).guesses
        second = (await d.imports.propose(record.id, actor=d.actor)).guesses
        assert all(one is other for one, other in zip(first, second, strict=True))
        await d.bring_in(sheet_of(["z", "crew", "", "service"]), "other.csv")
        d.imports._parts.planner._people.clear()  # as after twenty seconds
        third = (await d.imports.propose(record.id, actor=d.actor)).guesses
        assert third[0] is not first[0]
