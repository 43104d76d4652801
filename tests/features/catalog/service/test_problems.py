"""Problems by the file in which they can be mended, around an entity, and the files of a Location: on both engines."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.catalog.problems import ProblemFilter, ProblemReader
from callboard.kernel.auth.actor import SYSTEM
from callboard.model.refs import EntityRef
from callboard.testing import component, group, location, user

pytestmark = pytest.mark.anyio

A, B = "group:default/a", "group:default/b"


def problems_of(site: Any) -> ProblemReader:
    found: ProblemReader = site.portal.service(ProblemReader)
    return found


def wrong(name: str, owner: str) -> dict[str, Any]:
    """A component without a type."""
    document = component(name, owner=owner)
    del document["spec"]["type"]
    return document


async def by_file(site: Any, *, actor: Any = SYSTEM, **wanted: Any) -> dict[str, tuple[int, list[str]]]:
    """File name to (problems, owners)."""
    found = await problems_of(site).list_by_file(ProblemFilter(**wanted), limit=50, actor=actor)
    return {file.file.rsplit("/", 1)[-1]: (file.count, list(file.owners)) for file in found.files}


async def test_problems_stand_under_the_file_that_has_to_be_edited(each_world: Any) -> None:
    """A document's under its own file, an unreadable target's under the file of the Location that names it."""
    each_world.write("all.yaml", location("all", "./good.yaml", "./bad.yaml", "./lost.yaml"))
    each_world.write("good.yaml", component("good", owner=A))
    each_world.write("bad.yaml", component("fine", owner=A), wrong("one", A), wrong("two", B))
    async with each_world.site("all.yaml") as site:
        assert await by_file(site) == {"bad.yaml": (2, [A, B]), "all.yaml": (1, [])}
        found = await problems_of(site).list_by_file(ProblemFilter(), limit=50, actor=SYSTEM)
        assert (found.total, found.file_total, found.is_cut) == (3, 2, False)
        (bad,) = [file for file in found.files if file.file.endswith("bad.yaml")]
        assert [p.finding.entity_ref for p in bad.problems] == ["component:default/one", "component:default/two"]
        assert {p.subject_ref for file in found.files for p in file.problems} >= {"location:default/all"}


async def test_an_owner_finds_what_is_wrong_with_files_that_held_their_documents(each_world: Any) -> None:
    """A file that is no YAML any more, or is gone, says nothing of owners; those whose documents it held are asked."""
    each_world.write("all.yaml", location("all", "./a.yaml", "./b.yaml"))
    each_world.write("a.yaml", component("one", owner=A))
    each_world.write("b.yaml", component("two", owner=B))
    async with each_world.site("all.yaml") as site:
        assert await by_file(site) == {}
        each_world.write("a.yaml", "kind: [unclosed\n  x: y\n")
        each_world.remove("b.yaml")
        await site.sweep()
        assert await by_file(site, owners=(A,)) == {"a.yaml": (1, [A])}
        assert await by_file(site, owners=(B,)) == {"all.yaml": (1, [B])}
        broken = await problems_of(site).around(EntityRef.parse("component:default/one"), actor=SYSTEM)
        assert [p.finding.stage for p in broken.all] == ["parse"], "told once, though it stands on the file, too"
        lost = await problems_of(site).around(EntityRef.parse("component:default/two"), actor=SYSTEM)
        assert [p.finding.stage for p in lost.file] == ["read"]


async def test_a_broken_file_is_one_problem_of_all_whose_documents_it_holds(world: Any) -> None:
    """The engine tells each entity in it; there is one thing to mend, and each of the owners finds it."""
    world.write("all.yaml", component("one", owner=A), component("two", owner=B))
    async with world.site("all.yaml") as site:
        world.write("all.yaml", "kind: [unclosed\n  x: y\n")
        await site.sweep()
        assert len(await site.all_findings()) == 3
        assert await by_file(site) == {"all.yaml": (1, [A, B])}
        assert await by_file(site, owners=(B,)) == {"all.yaml": (1, [A, B])}


async def test_a_lost_file_of_many_owners_is_nobodys_in_particular(world: Any) -> None:
    """Eleven teams are not told that they own the one lost file of all of them."""
    world.write("all.yaml", location("all", "./many.yaml"))
    world.write("many.yaml", *(component(f"c{n}", owner=f"group:default/g{n}") for n in range(11)))
    async with world.site("all.yaml") as site:
        world.remove("many.yaml")
        await site.sweep()
        assert await by_file(site) == {"all.yaml": (1, [])}


async def test_filters_narrow_and_each_count_leaves_its_own_filter_out(each_world: Any) -> None:
    """Severity, cause, owner and words, any case; what is mine is counted whatever owner is asked for."""
    each_world.write("all.yaml", location("all", "./a.yaml", "./twice.yaml", "./lost.yaml"))
    each_world.write("a.yaml", wrong("one", A), wrong("two", B), component("same", owner=A))
    each_world.write("twice.yaml", component("same", owner=B))
    async with each_world.site("all.yaml") as site:
        read = problems_of(site).list_by_file
        found = await read(ProblemFilter(), limit=50, own={A}, actor=SYSTEM)
        assert found.severities == {"error": 4, "warning": 1}
        assert found.stages == {"kind": 2, "conflict": 2, "read": 1}
        assert found.owners[A] + found.owners[B] == 4
        assert found.own_total == found.owners[A]
        kind = await read(ProblemFilter(stages=("kind",)), limit=50, actor=SYSTEM)
        assert (kind.total, kind.stages, kind.owners) == (2, found.stages, {A: 1, B: 1})
        mine = await read(ProblemFilter(stages=("kind",), owners=(B,)), limit=50, own={A}, actor=SYSTEM)
        assert (mine.total, mine.own_total) == (1, 1)
        assert (await read(ProblemFilter("warning"), limit=50, actor=SYSTEM)).total == 1
        assert await by_file(site, text="TWO") == {"a.yaml": (1, [B])}
        assert await by_file(site, text="lost.yaml") == {"all.yaml": (1, [])}
        assert await by_file(site, text="no such words") == {}


async def test_files_come_page_by_page_errors_first_and_newest_first(world: Any) -> None:
    """A page holds whole files; of each it shows the first problems."""
    world.write("b.yaml", *(wrong(f"b{n}", A) for n in range(5)))
    world.write("a.yaml", wrong("a", A))
    async with world.site("b.yaml", "a.yaml") as site:
        world.clock.advance(60)
        world.write("c.yaml", wrong("c", A))
    async with world.site("b.yaml", "a.yaml", "c.yaml") as site:
        read = problems_of(site).list_by_file
        first = await read(ProblemFilter(), limit=2, shown=3, actor=SYSTEM)
        second = await read(ProblemFilter(), limit=2, offset=2, shown=3, actor=SYSTEM)
        names = [file.file.rsplit("/", 1)[-1] for file in [*first.files, *second.files]]
        assert names == ["c.yaml", "a.yaml", "b.yaml"]
        assert (second.files[0].count, len(second.files[0].problems), second.file_total) == (5, 3, 3)


async def test_a_location_tells_of_everything_in_its_files(each_world: Any) -> None:
    """What it names and cannot be read, and the documents below it with something wrong; its files with what is in them."""
    each_world.write("all.yaml", location("all", "./a.yaml", "./b.yaml", "./lost.yaml"))
    each_world.write("a.yaml", component("one", owner=A), component("two", owner=A))
    each_world.write("b.yaml", component("three", owner=A), *(wrong(f"w{n}", A) for n in range(60)))
    ref = EntityRef.parse("location:default/all")
    async with each_world.site("all.yaml") as site:
        around = await problems_of(site).around(ref, actor=SYSTEM)
        assert [p.finding.stage for p in around.own] == ["read"]
        assert (len(around.below), around.below_total, around.total) == (50, 60, 61)
        files, count = await problems_of(site).list_files(ref, actor=SYSTEM)
        assert count == 2
        told = [(f.location.rsplit("/", 1)[-1], f.is_read, f.documents, f.good) for f in files]
        assert told == [("b.yaml", True, 61, 1), ("a.yaml", True, 2, 2)], "what needs a look comes first"
        each_world.remove("a.yaml")
        await site.sweep()
        files, _ = await problems_of(site).list_files(ref, actor=SYSTEM)
        assert files[0].location.endswith("/a.yaml") and files[0].error is not None


async def test_nothing_around_what_is_not_there(world: Any) -> None:
    """An absent entity has no problems and no files."""
    async with world.site() as site:
        ref = EntityRef.parse("location:default/none")
        assert (await problems_of(site).around(ref, actor=SYSTEM)).total == 0
        assert await problems_of(site).list_files(ref, actor=SYSTEM) == ([], 0)


async def test_problems_of_hidden_entities_are_not_told(world: Any) -> None:
    """Not in the list, its counts, around a Location, or in the numbers of its files."""
    world.write(
        "all.yaml", location("all", "./a.yaml"), group("a"), component("mine", owner=A), component("theirs", owner=B)
    )
    world.write("a.yaml", component("mine", owner=A), component("theirs", owner=B), component("own", owner=A))
    condition = {"anyOf": [
        {"rule": "IS_ENTITY_OWNER", "resourceType": "catalog-entity", "params": {"claims": [A]}},
        {"rule": "IS_ENTITY_KIND", "resourceType": "catalog-entity", "params": {"kinds": ["Location"]}},
    ]}  # fmt: skip
    rules = [{"permission": "catalog.entity.read", "effect": "allow", "when": condition}]
    policy = {"defaults": False, "roles": {"some": {"members": ["$users"], "rules": rules}}}
    ada = user("ada", A)
    async with world.site("all.yaml", more={"permission": {"policy": policy}}) as site:
        everything = await problems_of(site).list_by_file(ProblemFilter(), limit=50, actor=SYSTEM)
        told = await problems_of(site).list_by_file(ProblemFilter(), limit=50, own={A}, actor=ada)
        assert (everything.total, told.total) == (4, 2)
        assert list(told.owners) == [A]
        assert "theirs" not in repr(told)
        ref = EntityRef.parse("location:default/all")
        assert "theirs" not in repr(await problems_of(site).around(ref, actor=ada))
        (file,), _ = await problems_of(site).list_files(ref, actor=ada)
        assert (file.documents, file.good) == (2, 1)
        hidden = EntityRef.parse("component:default/theirs")
        assert (await problems_of(site).around(hidden, actor=ada)).total == 0
