"""What the index keeps stays what the database would say, whatever changes in between."""

from __future__ import annotations

import random
from typing import Any, AsyncIterator

import pytest

from callboard.features.catalog.interface import BY_CHANGE, BY_TITLE, DeferredEntity, FullMutation
from callboard.features.catalog.plugin import Catalog
from callboard.features.catalog.store.index import EntityIndex
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.db.interface import Transaction
from callboard.model.predicates import EVERYTHING, All, HasKey, HasPrefix, HasText, Negation, Predicate, has_value
from callboard.testing import FakeClock, PortalForTest, make_portal

pytestmark = pytest.mark.anyio

PREDICATES: tuple[Predicate, ...] = (
    EVERYTHING,
    has_value("kind", ["component"]),
    has_value("spec.type", ["service", "library"]),
    has_value("metadata.tags", ["go"]),
    has_value("metadata.tags.java", ["true"]),
    HasKey("metadata.title"),
    HasPrefix("metadata.name", "c1"),
    HasText(("metadata.name", "metadata.title"), "pay"),
    All((has_value("kind", ["component"]), Negation(HasKey("metadata.title")))),
)
ORDERS = ("", BY_TITLE, BY_CHANGE, "metadata.name", "metadata.title", "metadata.tags", "spec.type")
FACETS = ("kind", "spec.type", "metadata.tags")


@pytest.fixture
async def portal(clock: FakeClock) -> AsyncIterator[PortalForTest]:
    settings = {"catalog": {"rules": [{"allow": ["Component", "System"]}]}}
    async with make_portal(settings, clock=clock) as portal:
        yield portal


def made_up(chance: random.Random, number: int) -> dict[str, Any]:
    """An entity with or without each thing that is asked for; a number gives the same name."""
    metadata: dict[str, Any] = {"name": f"C{number}", "namespace": "default"}
    if chance.random() < 0.6:
        metadata["title"] = chance.choice(["Payments", "pay desk", "Zoo", " ", "C7"])
    if chance.random() < 0.6:
        metadata["tags"] = chance.sample(["go", "java", "tier-1"], chance.randint(1, 3))
    kind = "System" if number % 5 == 0 else "Component"
    spec: dict[str, Any] = {"owner": "group:default/x"}
    if kind == "Component":
        spec |= {"type": chance.choice(["service", "library", "Website"]), "lifecycle": "x"}
    return {"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


async def answers(index: EntityIndex, tx: Transaction) -> dict[Any, Any]:
    """Everything that reads ask of an index, as plain values."""
    await index.sync(tx)
    found: dict[Any, Any] = {}
    for predicate in PREDICATES:
        ids = await index.ids(tx, predicate)
        found["ids", predicate] = set(ids)
        for order in ORDERS:
            found["rows", predicate, order] = list(await index.sorted_rows(tx, predicate, order))
        for key in FACETS:
            found["facet", predicate, key] = sorted((await index.facet(tx, key)).counts(ids))
    everybody = sorted(found["ids", EVERYTHING])
    found["bodies"] = {id: bytes(body) for id, body in (await index.bodies(tx, everybody)).items()}
    return found


@pytest.mark.parametrize("seed", range(4))
async def test_what_is_kept_equals_what_a_new_index_reads(portal: PortalForTest, clock: FakeClock, seed: int) -> None:
    """Entities come, change and go; sets, orders, filtered lists, facets and bodies are mended to the same answers."""
    chance = random.Random(seed)
    catalog = portal.service(Catalog)
    kept = EntityIndex()
    entities = {number: made_up(chance, number) for number in range(25)}
    for _ in range(8):
        for number in chance.sample(range(30), 6):
            if number in entities and chance.random() < 0.4:
                del entities[number]
            else:
                entities[number] = made_up(chance, number)
        given = FullMutation([DeferredEntity(entity) for entity in entities.values()])
        await catalog.mutations.apply("made up", given, actor=SYSTEM.subject)
        await portal.jobs.run_due()
        clock.advance(1)
        kept.heard(catalog.index.latest)
        fresh = EntityIndex()
        fresh.heard(catalog.index.latest)
        async with portal.db.read() as tx:
            assert await answers(kept, tx) == await answers(fresh, tx)
