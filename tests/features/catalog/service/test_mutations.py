"""What providers give: full and delta mutations, what they hold up, and sources that fail."""

from __future__ import annotations

from typing import Any, Sequence

import pytest

from callboard.features.catalog.interface import DeferredEntity, DeltaMutation, FullMutation
from callboard.kernel.errors import InputError, LimitError, UnavailableError
from callboard.testing import component, group, location

pytestmark = pytest.mark.anyio

A, B, C = "component:default/a", "component:default/b", "component:default/c"


class Given:
    """A provider whose entities a test sets. Give an exception, and its source does not answer."""

    def __init__(self, name: str = "given", *entities: Any, key: str | None = "given", every_s: float = 60.0) -> None:
        self.name = name
        self.every_s = every_s
        self.entities: Sequence[Any] = entities
        self.key = key
        self.error: BaseException | None = None
        self.runs = 0

    async def run(self, connection: Any) -> None:
        self.runs += 1
        if self.error is not None:
            raise self.error
        await connection.apply(FullMutation([DeferredEntity(entity, self.key) for entity in self.entities]))


async def _give(site: Any, provider: Given, *entities: Any) -> None:
    provider.entities = entities
    await site.run_provider(provider.name)


# ---- full and delta ---------------------------------------------------------------------------------------------------


async def test_a_full_mutation_is_all_that_the_source_has(each_world: Any) -> None:
    """New entities come, changed ones change, what is not named any more goes."""
    provider = Given("given", component("a"), component("b"), group("team"))
    async with each_world.site(extension=each_world.extend(providers=[provider])) as site:
        assert await site.refs() == {A, B, "group:default/team"}
        uid = (await site.get(A))["metadata"]["uid"]
        await _give(site, provider, component("a", metadata={"description": "new"}), component("c"), group("team"))
        assert await site.refs() == {A, C, "group:default/team"}
        assert await site.description(A) == "new"
        assert (await site.get(A))["metadata"]["uid"] == uid
        await _give(site, provider)
        assert await site.refs() == set()


async def test_the_same_full_mutation_twice_changes_nothing(each_world: Any) -> None:
    """Not even the revision, whatever is in it: refused documents, conflicts, entities named twice."""
    other = Given("other", component("taken"), key="other")
    bad = component("bad")
    del bad["spec"]["owner"]
    provider = Given(
        "given", component("a"), component("a", owner="second"), bad, component("taken", owner="late"), group("team")
    )
    async with each_world.site(extension=each_world.extend(providers=[other, provider])) as site:
        assert (await site.get("component:default/taken"))["spec"]["owner"] in ("late", "group:default/team")
        assert (await site.get(A))["spec"]["owner"] == "group:default/team"
        before, findings = await site.revision(), await site.all_findings()
        await site.run_provider("given")
        await site.run_provider("other")
        assert await site.revision() == before
        assert await site.all_findings() == findings


async def test_a_delta_touches_only_what_it_names(each_world: Any) -> None:
    """Added ones come or change, removed ones go, the rest stays."""
    provider = Given("given", component("a"), component("b"))
    async with each_world.site(extension=each_world.extend(providers=[provider])) as site:
        connection = site.connection("given")
        await connection.apply(
            DeltaMutation(
                added=[DeferredEntity(component("b", metadata={"description": "new"}), "given"), DeferredEntity(component("c"), "given")],
                removed=["Component:default/A", "component:default/never-there"],
            )
        )  # fmt: skip
        assert await site.refs() == {B, C}
        assert await site.description(B) == "new"
        before = await site.revision()
        await connection.apply(
            DeltaMutation(added=[DeferredEntity(component("c"), "given")], removed=["component:default/a"])
        )
        assert await site.revision() == before


@pytest.mark.parametrize(
    "broken",
    [
        {"kind": "Component", "metadata": {"name": "x"}},
        {"apiVersion": "backstage.io/v1alpha1", "metadata": {"name": "x"}},
        {"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {}},
        {"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": 7}},
        {"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": "x", "namespace": ""}},
        {"apiVersion": "backstage.io/v1alpha1", "kind": "Component"},
        {**component("x"), "spec": {"owner": {1, 2}}},
        "not an entity",
        None,
    ],
)
async def test_one_entity_without_an_envelope_rejects_the_whole_mutation(world: Any, broken: Any) -> None:
    """Full or delta: nothing of it is written, and what was there stays."""
    provider = Given("given", component("a"))
    async with world.site(extension=world.extend(providers=[provider])) as site:
        before = await site.revision()
        connection = site.connection("given")
        given = [DeferredEntity(component("b"), "given"), DeferredEntity(broken, "given")]
        for mutation in (FullMutation(given), DeltaMutation(added=given, removed=[A])):
            with pytest.raises(InputError, match="Nothing of this delivery was written"):
                await connection.apply(mutation)
        assert await site.refs() == {A}
        assert await site.revision() == before


async def test_an_entity_that_is_refused_keeps_its_last_good_state(each_world: Any) -> None:
    """With a good envelope only the entity itself is refused; it says so and recovers."""
    provider = Given("given", component("a", metadata={"description": "good"}), component("b"))
    async with each_world.site(extension=each_world.extend(providers=[provider])) as site:
        bad = component("a", metadata={"description": "bad"})
        del bad["spec"]["owner"]
        await _give(site, provider, bad, component("c"))
        assert await site.refs() == {A, C}
        assert await site.description(A) == "good"
        assert [error["stage"] for error in await site.errors(A)] == ["kind"]
        await _give(site, provider, component("a", metadata={"description": "better"}))
        assert await site.description(A) == "better"
        assert await site.status(A) == []
        assert await site.changes(A) == ["created", "failed", "recovered"]


async def test_odd_values_of_a_provider_are_refused_and_hold_nothing_back(world: Any) -> None:
    """Nested beyond reason, annotations that are none: a finding each, and the others come in."""
    deep: Any = "x"
    for _ in range(220):
        deep = [deep]
    nested = component("nested")
    nested["spec"]["deep"] = deep
    odd = component("odd")
    odd["metadata"]["annotations"] = ["a"]
    provider = Given("given", nested, odd, component("a"))
    async with world.site(extension=world.extend(providers=[provider])) as site:
        assert await site.refs() == {A}
        assert {f.entity_ref for f in await site.all_findings()} == {
            "component:default/nested",
            "component:default/odd",
        }


async def test_a_changed_location_key_moves_the_entity(each_world: Any) -> None:
    """A source may rename the place that an entity stands for, as long as nobody else holds the entity."""
    provider = Given("given", component("a"), key="one")
    async with each_world.site(extension=each_world.extend(providers=[provider])) as site:
        uid = (await site.get(A))["metadata"]["uid"]
        provider.key = "two"
        await _give(site, provider, component("a", metadata={"description": "moved"}))
        assert await site.description(A) == "moved"
        assert (await site.get(A))["metadata"]["uid"] == uid
        assert await site.all_findings() == []
        before = await site.revision()
        await site.run_provider("given")
        assert await site.revision() == before


async def test_of_two_sources_with_one_ref_the_first_stands_until_it_lets_go(each_world: Any) -> None:
    """The entity carries a warning; the other source's comes in as soon as the first is gone."""
    first = Given("first", component("a", metadata={"description": "first"}), key="first")
    second = Given("second", key="second")
    async with each_world.site(extension=each_world.extend(providers=[first, second])) as site:
        await _give(site, second, component("a", metadata={"description": "second"}), component("b"))
        assert await site.refs() == {A, B}
        assert await site.description(A) == "first"
        (warning,) = await site.findings(A)
        assert (warning.severity, warning.stage) == ("warning", "conflict")
        await _give(site, second, component("b"))
        assert await site.findings(A) == []
        await _give(site, second, component("a", metadata={"description": "second"}), component("b"))
        await _give(site, first)
        assert await site.description(A) == "second"
        assert await site.all_findings() == []


async def test_an_entity_that_two_sources_give_stays_until_both_let_go(each_world: Any) -> None:
    """With one location key both hold it up."""
    first, second = Given("first", component("a"), key="same"), Given("second", component("a"), key="same")
    async with each_world.site(extension=each_world.extend(providers=[first, second])) as site:
        await _give(site, first)
        assert await site.refs() == {A}
        await _give(site, second)
        assert await site.refs() == set()


async def test_what_is_left_of_two_sources_decides_what_the_entity_says(each_world: Any) -> None:
    """The source that still gives it is asked anew, so nothing of the other one stays behind."""
    one = Given("one", component("a", metadata={"description": "one"}), key="same")
    two = Given("two", component("a", metadata={"description": "two"}), key="same")
    async with each_world.site(extension=each_world.extend(providers=[one])) as site:
        pass
    async with each_world.site(extension=each_world.extend(providers=[one, two])) as site:
        assert await site.description(A) == "two"
        await _give(site, two)
        assert await site.description(A) == "one"


async def test_the_finding_of_a_source_that_lets_go_does_not_stay(world: Any) -> None:
    """What one source's bad document said ends with it, though another still gives the entity."""
    first, second = Given("first", component("a"), key="same"), Given("second", component("a"), key="same")
    async with world.site(extension=world.extend(providers=[first, second])) as site:
        bad = component("a")
        del bad["spec"]["owner"]
        await _give(site, second, bad)
        assert len(await site.status(A)) == 1
        await _give(site, second)
        assert await site.refs() == {A}
        assert await site.status(A) == []


async def test_what_a_removed_entity_gave_goes_with_it(each_world: Any) -> None:
    """A Location of a provider takes its whole tree along, but for what others give as well."""
    each_world.write("all.yaml", location("inner", "./deep.yaml"), component("a"))
    each_world.write("deep.yaml", component("b"))
    each_world.write("shared.yaml", component("c"))
    from callboard.model.locations import location_entity
    from callboard.model.refs import LocationRef

    def of(name: str) -> dict[str, Any]:
        return location_entity(LocationRef("file", str(each_world.path(name))))

    provider = Given("given", of("all.yaml"), of("shared.yaml"))
    async with each_world.site("shared.yaml", extension=each_world.extend(providers=[provider])) as site:
        assert await site.refs() == {"location:default/inner", A, B, C}
        await _give(site, provider)
        assert await site.refs() == {C}
        assert await site.rows("SELECT id FROM catalog_file WHERE location LIKE '%deep.yaml'") == []


async def test_a_large_mutation_is_written_in_parts_and_once(world: Any) -> None:
    """More entities than one transaction takes: each is there once, relations included."""
    names = [f"c{n}" for n in range(2_100)]
    provider = Given("given", group("team"), *(component(name) for name in names))
    async with world.site(extension=world.extend(providers=[provider])) as site:
        assert len(await site.refs()) == 2_101
        assert len((await site.get("group:default/team"))["relations"]) == 2_100
        await _give(site, provider, group("team"), *(component(name) for name in names[:50]))
        assert len(await site.refs()) == 51
        assert len((await site.get("group:default/team"))["relations"]) == 50


# ---- sources that fail ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "failure",
    [UnavailableError("500"), TimeoutError("too slow"), OSError("reset"), LimitError("429"), KeyError("a bug")],
    ids=type,
)
async def test_a_source_that_fails_for_an_hour_loses_nothing_and_recovers(world: Any, failure: Exception) -> None:
    """What it gave stays all the while; when it answers again, what changed meanwhile comes in."""
    provider = Given("given", component("a"), component("b"))
    async with world.site(extension=world.extend(providers=[provider])) as site:
        before = await site.snapshot()
        revision = await site.revision()
        provider.error = failure
        await site.pass_time(3_600, step=300)
        assert provider.runs > 6
        assert await site.snapshot() == before
        assert await site.revision() == revision
        (row,) = await site.rows("SELECT error, failed_since FROM catalog_source WHERE name = 'given'")
        assert row[0] and row[1] < site.portal.clock.now().isoformat()
        provider.error = None
        provider.entities = [component("a"), component("c")]
        await site.pass_time(1_200, step=60)
        assert await site.refs() == {A, C}
        assert await site.rows("SELECT error FROM catalog_source WHERE name = 'given'") == [(None,)]


async def test_a_url_that_fails_for_an_hour_loses_nothing_and_writes_its_trouble_once(each_world: Any) -> None:
    """429, 500 and timeouts by turns: entities stay, the location says so, and the history does not fill with it."""
    url = "https://files.test/org/catalog-info.yaml"
    each_world.serve(url, component("a"), location("more", "./more.yaml"))
    each_world.serve("https://files.test/org/more.yaml", component("b"))
    async with each_world.site({"type": "url", "target": url}, processingInterval="2m") as site:
        assert await site.refs() == {A, B, "location:default/more"}
        each_world.fail(url, 429, retry_after="90")
        await site.pass_time(1_200, step=120)
        each_world.fail(url, 503)
        await site.pass_time(1_200, step=120)
        import httpx2

        each_world.fail(url, error=httpx2.ReadTimeout("timed out"))
        await site.pass_time(1_200, step=120)
        assert await site.refs() == {A, B, "location:default/more"}
        assert len(await site.location_errors()) == 1
        assert len(await site.history(await site.location_ref())) <= 6
        each_world.serve(url, component("a", metadata={"description": "back"}), location("more", "./more.yaml"))
        await site.pass_time(600, step=120)
        assert await site.description(A) == "back"
        assert await site.location_errors() == []
