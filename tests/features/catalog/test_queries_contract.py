"""What every ``CatalogQueries`` keeps, run against the one in memory and the real one."""

from __future__ import annotations

from typing import Any, AsyncIterator, Callable, Sequence

import orjson
import pytest

from callboard.features.catalog.interface import (
    CatalogQueries,
    DeferredEntity,
    EntityNotFound,
    EntityQuery,
    FacetValue,
    FullMutation,
    Order,
)
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.permissions import ALLOW, Decision, RuleCondition
from callboard.model.predicates import (
    EVERYTHING,
    NOTHING,
    All,
    Any_,
    HasKey,
    HasPrefix,
    HasText,
    Negation,
    Predicate,
    has_value,
)
from callboard.model.refs import EntityRef
from callboard.testing.catalog import FakeCatalog
from callboard.testing.portal import make_portal

pytestmark = pytest.mark.anyio
Visible = Callable[[Predicate], CatalogQueries]


def _entities() -> list[dict[str, Any]]:
    """A group, a user, and components whose titles are missing on some, alike on others."""
    owner = {"type": "ownedBy", "targetRef": "group:default/payments"}
    found: list[dict[str, Any]] = []
    for number in range(9):
        tags = ["java", "tier-1"] if number % 3 == 0 else ["go"] if number % 3 == 1 else []
        title = {} if number in (2, 5) else {"title": f"Title {number // 4}"}
        found.append(
            {
                "apiVersion": "backstage.io/v1alpha1",
                "kind": "Component",
                "metadata": {
                    "name": f"Service-{number}",
                    "namespace": "default",
                    **title,
                    **({"tags": tags} if tags else {}),
                },
                "spec": {"type": "service" if number < 6 else "library", "lifecycle": "x", "owner": "payments"},
                "relations": [owner],
            }
        )
    owned = [{"type": "ownerOf", "targetRef": f"component:default/service-{number}"} for number in range(9)]
    group = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Group",
        "metadata": {"name": "payments", "namespace": "default", "description": "Über " + "x" * 300},
        "spec": {"type": "team", "children": []},
        "relations": [*owned, {"type": "hasMember", "targetRef": "user:default/ada"}],
    }
    user = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "User",
        "metadata": {"name": "ada", "namespace": "default", "title": "Ada"},
        "spec": {"memberOf": ["payments"]},
        "relations": [{"type": "memberOf", "targetRef": "group:default/payments"}],
    }
    return [group, user, *found]


class _Permissions:
    """Reading is narrowed to ``visible``, everything else is allowed."""

    permissions: Sequence[Any] = ()
    rules: Sequence[Any] = ()

    def __init__(self, visible: Predicate) -> None:
        self._visible = visible
        self._decision = (
            Decision("CONDITIONAL", RuleCondition("TEST", "catalog-entity")) if visible != EVERYTHING else ALLOW
        )

    def decide(self, actor: Any, permission: Any) -> Decision:
        return self._decision

    require = decide

    def compile(self, condition: Any) -> Predicate:
        return self._visible


@pytest.fixture(params=["memory", "real"])
async def seen_by(request: pytest.FixtureRequest) -> AsyncIterator[Visible]:
    """``seen_by(predicate)``: the same catalog as one who may read only that sees it."""
    if request.param == "memory":
        yield lambda predicate: FakeCatalog(_entities(), visible=lambda actor: predicate)
        return
    from callboard.features.catalog.plugin import Catalog
    from callboard.features.catalog.service.queries import Queries

    async with make_portal({"catalog": {"rules": [{"allow": ["Component", "Group", "User"]}]}}) as portal:
        catalog = portal.service(Catalog)
        documents = [{k: v for k, v in entity.items() if k != "relations"} for entity in _entities()]
        mutation = FullMutation([DeferredEntity(document) for document in documents])
        await catalog.mutations.apply("contract", mutation, actor=SYSTEM.subject)
        await portal.jobs.run_due()
        yield lambda predicate: Queries(portal.db, _Permissions(predicate), catalog.index)  # type: ignore[arg-type]


@pytest.fixture
def queries(seen_by: Visible) -> CatalogQueries:
    return seen_by(EVERYTHING)


def names(items: Sequence[bytes]) -> list[str]:
    return [orjson.loads(item)["metadata"]["name"] for item in items]


def services(*numbers: int) -> list[str]:
    return [f"Service-{number}" for number in numbers]


@pytest.mark.parametrize(
    ("predicate", "expected"),
    [
        (None, {"payments", "ada", *services(*range(9))}),
        (EVERYTHING, {"payments", "ada", *services(*range(9))}),
        (NOTHING, set()),
        (has_value("KIND", ["component"]), {*services(*range(9))}),
        (has_value("kind", ["User", "GROUP"]), {"payments", "ada"}),
        (has_value("metadata.tags", ["go"]), {*services(1, 4, 7)}),
        (has_value("metadata.tags.java", ["true"]), {*services(0, 3, 6)}),
        (HasKey("metadata.title"), {"ada", *services(0, 1, 3, 4, 6, 7, 8)}),
        (HasKey("metadata.description"), {"payments"}),
        (has_value("metadata.description", [""]), set()),
        (has_value("relations.ownedby", ["Group:Default/Payments"]), {*services(*range(9))}),
        (HasPrefix("metadata.name", "service-"), {*services(*range(9))}),
        (HasText(("metadata.name", "metadata.title"), "ada"), {"ada"}),
        (HasText(("metadata.uid",), "service"), set()),
        (All((has_value("kind", ["component"]), Negation(HasKey("metadata.title")))), {*services(2, 5)}),
        (Any_((has_value("kind", ["user"]), has_value("metadata.name", ["service-8"]))), {"ada", "Service-8"}),
        (has_value("no.such.key", ["x"]), set()),
    ],
)
async def test_predicate_chooses(queries: CatalogQueries, predicate: Predicate | None, expected: set[str]) -> None:
    """Pages, counts and streams agree on what a predicate holds for."""
    page = await queries.list_raw(EntityQuery(predicate), actor=SYSTEM)
    assert (set(names(page.items)), page.total) == (expected, len(expected))
    assert await queries.count(predicate, actor=SYSTEM) == len(expected)
    streamed = [item async for chunk in queries.iter_raw(EntityQuery(predicate), actor=SYSTEM) for item in chunk]
    assert sorted(streamed) == sorted(page.items)


async def test_order_demands_its_field(queries: CatalogQueries) -> None:
    """Entities without the field are in neither items nor total; ties follow the direction."""
    up = await queries.list_raw(EntityQuery(order=Order("metadata.title")), actor=SYSTEM)
    assert (names(up.items), up.total) == (["ada", *services(0, 1, 3, 4, 6, 7, 8)], 8)
    down = await queries.list_raw(EntityQuery(order=Order("metadata.title", "desc")), actor=SYSTEM)
    assert names(down.items) == list(reversed(names(up.items)))


@pytest.mark.parametrize(
    "order",
    [None, *(Order(field, way) for field in ("metadata.title", "metadata.name") for way in ("asc", "desc"))],  # type: ignore[arg-type]
)
async def test_pages_walk_forward_and_back(queries: CatalogQueries, order: Order | None) -> None:
    """After ``last`` and before ``first`` lead through the whole list, without gaps or repeats, and tell where it ends."""
    predicate = has_value("kind", ["component"])
    whole = names((await queries.list_raw(EntityQuery(predicate, order), actor=SYSTEM)).items)
    forward: list[list[str]] = []
    page = await queries.list_raw(EntityQuery(predicate, order, limit=2), actor=SYSTEM)
    assert not page.has_previous
    while True:
        forward.append(names(page.items))
        if not page.has_more:
            break
        page = await queries.list_raw(
            EntityQuery(predicate, order, limit=2, after=page.last, want_total=False), actor=SYSTEM
        )
        assert (page.total, page.has_previous) == (None, True)
    assert [name for part in forward for name in part] == whole
    backward: list[list[str]] = [names(page.items)]
    while page.has_previous:
        page = await queries.list_raw(EntityQuery(predicate, order, limit=2, before=page.first), actor=SYSTEM)
        assert (page.total, page.has_more) == (len(whole), True)
        backward.insert(0, names(page.items))
    assert [name for part in backward for name in part] == whole


async def test_limits_and_offsets(queries: CatalogQueries) -> None:
    """Nothing asked gives the count alone; an offset past the end gives nothing."""
    order = Order("metadata.name")
    none = await queries.list_raw(EntityQuery(order=order, limit=0), actor=SYSTEM)
    assert (list(none.items), none.total, none.first, none.last) == ([], 11, None, None)
    middle = await queries.list_raw(EntityQuery(order=order, limit=2, offset=3), actor=SYSTEM)
    assert (names(middle.items), middle.has_more, middle.has_previous) == (services(1, 2), True, True)
    beyond = await queries.list_raw(EntityQuery(order=order, limit=2, offset=99), actor=SYSTEM)
    assert (list(beyond.items), beyond.total, beyond.has_more) == ([], 11, False)


async def test_order_by_ref_keeps_everything(queries: CatalogQueries) -> None:
    """By ref; with orders besides, by those first, in turn, and those that lack a field come last."""
    by_ref = await queries.list_raw(EntityQuery(by_ref=True, limit=3, offset=8), actor=SYSTEM)
    assert (names(by_ref.items), by_ref.has_more) == (["Service-8", "payments", "ada"], False)
    ordered = EntityQuery(order=Order("metadata.title", "desc"), by_ref=True)
    assert names((await queries.list_raw(ordered, actor=SYSTEM)).items) == [
        *services(8), *services(4, 6, 7), *services(0, 1, 3), "ada", *services(2, 5), "payments",
    ]  # fmt: skip
    twice = EntityQuery(order=Order("spec.type"), then=(Order("metadata.name", "desc"),), by_ref=True, limit=4)
    assert names((await queries.list_raw(twice, actor=SYSTEM)).items) == [*services(8, 7, 6, 5)]


async def test_entities_are_found_by_ref_and_uid(queries: CatalogQueries) -> None:
    """Refs are compared as given; the bytes are those of the lists."""
    raw = await queries.find_raw("user:default/ada", actor=SYSTEM)
    assert raw is not None
    entity = orjson.loads(raw)
    assert await queries.find_raw_by_uid(entity["metadata"]["uid"], actor=SYSTEM) == raw
    assert await queries.get_entity(EntityRef("User", "Default", "ADA"), actor=SYSTEM) == entity
    assert await queries.find_raw("User:default/Ada", actor=SYSTEM) is None
    assert await queries.find_raw_by_uid("nope", actor=SYSTEM) is None
    with pytest.raises(EntityNotFound):
        await queries.get_entity(EntityRef("user", "default", "nope"), actor=SYSTEM)


async def test_many_refs_keep_their_places(queries: CatalogQueries) -> None:
    """None for the unknown and for those outside the predicate; repeats are repeated."""
    refs = ["component:default/service-1", "nope", "user:default/ada", "component:default/service-1"]
    found = await queries.get_many_raw(refs, actor=SYSTEM)
    assert [item and names([item])[0] for item in found] == ["Service-1", None, "ada", "Service-1"]
    narrowed = await queries.get_many_raw(refs, predicate=has_value("kind", ["user"]), actor=SYSTEM)
    assert [item and names([item])[0] for item in narrowed] == [None, None, "ada", None]
    assert await queries.get_many_raw([], actor=SYSTEM) == []


async def test_facets_count_values_as_written(queries: CatalogQueries) -> None:
    """Sorted, array items each, too long a value and null left out, an unknown key empty."""
    found = await queries.facets(["kind", "metadata.tags", "metadata.description", "nope"], actor=SYSTEM)
    assert found["kind"] == [FacetValue("Component", 9), FacetValue("Group", 1), FacetValue("User", 1)]
    assert found["metadata.tags"] == [FacetValue("go", 3), FacetValue("java", 3), FacetValue("tier-1", 3)]
    assert (found["metadata.description"], found["nope"]) == ([], [])
    libraries = await queries.facets(["metadata.tags"], has_value("spec.type", ["library"]), actor=SYSTEM)
    assert libraries["metadata.tags"] == [FacetValue("go", 1), FacetValue("java", 1), FacetValue("tier-1", 1)]


async def test_hidden_entities_are_not_there(seen_by: Visible) -> None:
    """Not in lists, totals, streams, facets, by ref, by uid or among many."""
    everyone, some = seen_by(EVERYTHING), seen_by(has_value("spec.type", ["library"]))
    page = await some.list_raw(EntityQuery(order=Order("metadata.name")), actor=SYSTEM)
    assert (names(page.items), page.total) == (services(6, 7, 8), 3)
    assert await some.count(None, actor=SYSTEM) == 3
    assert len([1 async for chunk in some.iter_raw(EntityQuery(), actor=SYSTEM) for _ in chunk]) == 3
    assert await some.facets(["kind"], actor=SYSTEM) == {"kind": [FacetValue("Component", 3)]}
    assert await some.find_raw("user:default/ada", actor=SYSTEM) is None
    ada = orjson.loads(await everyone.find_raw("user:default/ada", actor=SYSTEM) or b"")
    assert await some.find_raw_by_uid(ada["metadata"]["uid"], actor=SYSTEM) is None
    refs = ["user:default/ada", "component:default/service-8"]
    assert [item is None for item in await some.get_many_raw(refs, actor=SYSTEM)] == [True, False]
    with pytest.raises(EntityNotFound):
        await some.get_entity(EntityRef("user", "default", "ada"), actor=SYSTEM)
    with pytest.raises(EntityNotFound):
        await some.ancestry(EntityRef("user", "default", "ada"), actor=SYSTEM)
    assert "user:default/ada" not in await some.near_matches(EntityRef("user", "default", "adaa"), actor=SYSTEM)
    assert await some.history(EntityRef("user", "default", "ada"), actor=SYSTEM) == []


async def test_relations_are_told_by_both_ends(queries: CatalogQueries) -> None:
    """Those of all that is asked for, each once; what is not there has none."""
    ada, team = "user:default/ada", "group:default/payments"
    found = await queries.relations_of([ada, "user:default/nobody"], actor=SYSTEM)
    assert found == [(ada, "memberOf", team)]
    found = await queries.relations_of([team], actor=SYSTEM)
    owned = [(team, "ownerOf", f"component:default/service-{number}") for number in range(9)]
    assert sorted(found) == [(team, "hasMember", ada), *owned]
    assert await queries.relations_of([], actor=SYSTEM) == []


async def test_relations_to_the_hidden_are_not_there(seen_by: Visible) -> None:
    """Neither from a hidden end nor to one."""
    queries = seen_by(Negation(has_value("kind", ["group"])))
    assert await queries.relations_of(["user:default/ada", "group:default/payments"], actor=SYSTEM) == []


async def test_ancestry_begins_with_the_entity(queries: CatalogQueries) -> None:
    """An entity that a provider gave has no parents."""
    found = await queries.ancestry(EntityRef("user", "default", "ada"), actor=SYSTEM)
    assert [(entity["metadata"]["name"], parents) for entity, parents in found] == [("ada", [])]


async def test_slips_are_met_with_suggestions(queries: CatalogQueries) -> None:
    """Names that look alike are offered, best first."""
    suggestions = await queries.near_matches(EntityRef("component", "default", "servce-1"), actor=SYSTEM)
    assert suggestions[0] == "component:default/service-1"


async def test_history_begins_with_creation(queries: CatalogQueries) -> None:
    """One entry for what came once."""
    entries = await queries.history(EntityRef("user", "default", "ada"), actor=SYSTEM)
    assert [entry.change for entry in entries] == ["created"]
