"""SQL, bitmaps and ``matches`` read a predicate alike, before and after entities change."""

from __future__ import annotations

import random
from typing import Any

import orjson
import pytest

from callboard.features.catalog.migrations import MIGRATIONS
from callboard.features.catalog.store import placing, removing, stitching
from callboard.features.catalog.store.index import EntityIndex
from callboard.features.catalog.store.placing import Incoming
from callboard.features.catalog.store.sets import SetQuery
from callboard.kernel.db.migrations import upgrade
from callboard.model.predicates import (
    All,
    Any_,
    HasKey,
    HasPrefix,
    HasText,
    HasValue,
    Negation,
    Predicate,
    matches,
)
from callboard.model.terms import terms_of

pytestmark = pytest.mark.anyio
NOW = "2026-11-23T03:12:00.000Z"
WORDS = ("Java", "go", "über", "a.b", "true", "", "Pay-ments", "x" * 250, "%", "_")


def entity(r: random.Random, n: int) -> dict[str, Any]:
    """One entity with every sort of value that terms know."""
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": r.choice(["Component", "API"]),
        "metadata": {
            "name": f"e-{n}",
            "namespace": "default",
            "title": r.choice(WORDS),
            "tags": r.sample(WORDS, r.randint(0, 3)),
            "labels": {"team.example.com/x": r.choice(WORDS), "on": r.choice([True, False, None, 1, 2.0, 1.5])},
        },
        "spec": {
            "type": r.choice(WORDS),
            "owner": "me",
            "deep": {"list": [{"Name": r.choice(WORDS)}, r.choice(WORDS), 7]},
        },
    }


def predicate(r: random.Random, depth: int = 3) -> Predicate:
    """A random predicate over the keys that ``entity`` makes, and a few that it does not."""
    keys = (
        "kind", "metadata.title", "metadata.tags", "metadata.tags.java", "metadata.tags.a.b", "metadata.labels.on",
        "metadata.labels.team.example.com/x", "spec.type", "spec.deep.list", "spec.deep.list.name", "spec.deep.list.go",
        "metadata.uid", "metadata.name", "relations.ownedby", "nothing.here", "spec.deep.list.true",
    )  # fmt: skip
    key = r.choice(keys)
    values = [w.lower() for w in WORDS if len(w) < 200] + [
        "component",
        "1",
        "2",
        "1.5",
        "7",
        "false",
        "group:default/me",
    ]
    choice = r.randint(0, 3 if depth == 0 else 6)
    if choice == 0:
        return HasKey(key)
    if choice == 1:
        return HasValue(key, tuple(sorted(set(r.choices(values, k=r.randint(1, 3))))))
    if choice == 2:
        return HasPrefix(key, r.choice(["", "a", "j", "pay", "e-1", "t"]))
    if choice == 3:
        return HasText(tuple(r.sample(keys, r.randint(1, 3))), r.choice(["a", "av", "-", "e-1", "%", "rue"]))
    parts = tuple(predicate(r, depth - 1) for _ in range(r.randint(0, 3)))
    return All(parts) if choice == 4 else Any_(parts) if choice == 5 else Negation(predicate(r, depth - 1))


async def write(db: Any, index: EntityIndex, documents: list[dict[str, Any]], gone: list[str] = []) -> None:  # noqa: B006
    """Place documents and take others away, in one transaction, as sources do."""
    async with db.write() as tx:
        revision = await placing.lock(tx)
        incoming = []
        for document in documents:
            ref = f"{document['kind']}:default/{document['metadata']['name']}".lower()
            relations = [(ref, "ownedBy", "group:default/me"), ("group:default/me", "ownerOf", ref)]
            incoming.append(Incoming(ref, document, "file:/x", "file:/x", "file:/x", relations))
        placed = await placing.place(tx, incoming, parent_id=0, source_id=1, file_id=0, now=NOW)
        await stitching.stitch_many(
            tx,
            index.keys,
            {id: d.entity for id, d in placed.accepted.items()},
            revision=revision,
            now=NOW,
            source={},
            actor="test",
        )
        ids = list((await placing.ensure_refs(tx, gone)).values())
        await stitching.erase_entities(tx, index.keys, ids, revision=revision, now=NOW, actor="test")
        await removing.remove_nodes(tx, ids)
    index.heard(revision)


async def check(db: Any, index: EntityIndex, predicates: list[Predicate]) -> None:
    """All three readings of each predicate give the same entities."""
    async with db.read() as tx:
        await index.sync(tx)
        stored = {
            row[0]: terms_of(orjson.loads(row[1])) for row in await tx.fetch_all("SELECT id, json FROM catalog_entity")
        }
        for p in predicates:
            expected = {id for id, terms in stored.items() if matches(p, terms)}
            query = SetQuery(tx, lambda key: index.keys.find(tx, key))
            sql = await query.sql(p)
            assert {row[0] for row in await tx.fetch_all(sql, *query.args)} == expected, (p, sql)
            assert set(await index.ids(tx, p)) == expected, p


async def test_sql_bitmaps_and_matches_agree_while_entities_come_change_and_go(db: Any) -> None:
    """200 random predicates over 60 entities, then after changes and removals with everything still kept."""
    r = random.Random(7)
    await upgrade(db, [MIGRATIONS])
    index = EntityIndex()
    documents = [entity(r, n) for n in range(60)]
    await write(db, index, documents)
    predicates = [predicate(r) for _ in range(200)]
    await check(db, index, predicates)
    for _ in range(4):
        kept = [d for d in documents if r.random() < 0.9]
        gone = [f"{d['kind']}:default/{d['metadata']['name']}".lower() for d in documents if d not in kept]
        changed = [{**entity(r, int(d["metadata"]["name"][2:])), "kind": d["kind"]} for d in r.sample(kept, 5)]
        names = {d["metadata"]["name"] for d in changed}
        documents = [d for d in kept if d["metadata"]["name"] not in names] + changed
        await write(db, index, changed, gone)
        await check(db, index, predicates)


async def test_lists_and_facets_mended_in_place_equal_fresh_ones(db: Any) -> None:
    """Sorted lists and facet counts after changes are those of an index that starts anew."""
    r = random.Random(3)
    await upgrade(db, [MIGRATIONS])
    index = EntityIndex()
    documents = [entity(r, n) for n in range(40)]
    await write(db, index, documents)
    predicates = [predicate(r, 1) for _ in range(15)]
    orders = ["metadata.title", "metadata.tags", "spec.type", "", "metadata.tags.java"]
    facets = ["metadata.tags", "kind", "metadata.labels.on", "metadata.tags.java", "relations.ownedby"]

    async def answers(which: EntityIndex) -> list[Any]:
        async with db.read() as tx:
            await which.sync(tx)
            lists = [list(await which.sorted_rows(tx, p, o)) for p in predicates for o in orders]
            counts = [(await which.facet(tx, f)).counts(None) for f in facets]
            some = [(await which.facet(tx, f)).counts(await which.ids(tx, predicates[0])) for f in facets]
        return [lists, counts, some]

    await answers(index)
    for n in range(6):
        changed = [{**entity(r, int(d["metadata"]["name"][2:])), "kind": d["kind"]} for d in documents[n : n + 4]]
        gone = [f"{d['kind']}:default/{d['metadata']['name']}".lower() for d in documents[-1:]]
        documents = [
            d for d in documents[:-1] if d["metadata"]["name"] not in {c["metadata"]["name"] for c in changed}
        ] + changed
        await write(db, index, changed, gone)
        fresh = EntityIndex()
        fresh.heard(index.latest)
        assert await answers(index) == await answers(fresh)
