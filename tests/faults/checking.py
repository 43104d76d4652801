"""What a store has to look like when the work is done, whatever happened on the way."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

import orjson

from callboard.features.catalog.store.sets import NULL_VALUE
from callboard.features.catalog.store.terms import TermRows
from callboard.kernel.db.interface import Database
from tests.faults.catalogue import Catalogue

QUIET_S = 0.4
GENERATED = 1
"""The Location entity of the configured location."""
_WORK = "SELECT count(*) FROM kernel_job WHERE kind LIKE 'catalog.%' AND state IN ('waiting', 'running')"


async def count_entities(db: Database) -> int:
    """0 also while the tables are not there yet."""
    try:
        async with db.read() as tx:
            return int(await tx.fetch_value("SELECT count(*) FROM catalog_entity"))
    except Exception:  # an engine's own error for a missing table
        return 0


async def count_left(db: Database) -> int:
    """Jobs of the catalog that wait or run, and entities that wait for their neighbours."""
    async with db.read() as tx:
        due = await tx.fetch_value("SELECT count(*) FROM catalog_node WHERE stitch_due = 1")
        return int(await tx.fetch_value(_WORK)) + int(due)


async def wait_for_entities(db: Database, count: int, *, timeout_s: float) -> int:
    """Until at least so many are there; how many."""
    ends = time.monotonic() + timeout_s
    while (found := await count_entities(db)) < count:
        assert time.monotonic() < ends, f"{found} of {count} entities after {timeout_s} s"
        await asyncio.sleep(0.005)
    return found


async def wait_until_done(db: Database, catalogue: Catalogue, *, timeout_s: float) -> None:
    """Until every entity is there, and no work of the catalog is waiting or running."""
    ends = time.monotonic() + timeout_s
    quiet_since: float | None = None
    while quiet_since is None or time.monotonic() - quiet_since < QUIET_S:
        left, there = await count_left(db), await count_entities(db)
        done = not left and there == len(catalogue.documents) + GENERATED
        quiet_since = (quiet_since or time.monotonic()) if done else None
        assert time.monotonic() < ends, f"after {timeout_s} s: {there} entities, {left} things left to do"
        await asyncio.sleep(0.05)


async def uids_of(db: Database) -> dict[str, str]:
    async with db.read() as tx:
        rows = await tx.fetch_all("SELECT r.ref, n.uid FROM catalog_node n JOIN catalog_ref r ON r.id = n.id")
    return {row[0]: row[1] for row in rows}


async def check_store(db: Database, catalogue: Catalogue, *, removed: int = 0) -> None:
    """Every entity is there once, with all its relations, and every stored row is what its entity gives."""
    async with db.read() as tx:
        rows = await tx.fetch_all("SELECT r.ref, e.id, e.json FROM catalog_entity e JOIN catalog_ref r ON r.id = e.id")
        stored_terms = await tx.fetch_all(
            "SELECT t.entity_id, k.key, t.value, t.original, t.item FROM catalog_term t JOIN catalog_key k ON k.id = t.key_id"
        )
        stored_relations = await tx.fetch_all(
            "SELECT s.ref, c.type, t.ref FROM catalog_relation c JOIN catalog_ref s ON s.id = c.source_id"
            " JOIN catalog_ref t ON t.id = c.target_id"
        )
        counts = {
            "to stitch": await tx.fetch_value("SELECT count(*) FROM catalog_node WHERE stitch_due = 1"),
            "failed": await tx.fetch_value("SELECT count(*) FROM catalog_node WHERE failed_since IS NOT NULL"),
            "nodes without an entity": await tx.fetch_value(
                "SELECT count(*) FROM catalog_node n LEFT JOIN catalog_entity e ON e.id = n.id WHERE e.id IS NULL"
            ),
            "dead jobs": await tx.fetch_value("SELECT count(*) FROM kernel_job WHERE state = 'dead'"),
            "removed": await tx.fetch_value("SELECT count(*) FROM catalog_gone") - removed,
            "problems": await tx.fetch_value("SELECT count(*) FROM catalog_finding"),
        }
        created = await tx.fetch_all(
            "SELECT ref_id, count(*) FROM catalog_history WHERE change = 'created' GROUP BY ref_id"
        )
    assert not {what: n for what, n in counts.items() if n}
    assert len({row[0] for row in rows}) == len(rows)
    by_ref: dict[str, dict[str, Any]] = {row[0]: orjson.loads(row[2]) for row in rows}
    made = {ref for ref in by_ref if not ref.startswith("location:default/generated-")}
    assert made == catalogue.refs, f"{len(catalogue.refs - made)} missing, {len(made - catalogue.refs)} too many"
    once = {row[0] for row in created if row[1] == 1}
    assert len(once) == len(created), "told as created more than once"
    assert len(once) == len(rows) + removed
    relations = catalogue.relations
    for ref, entity in by_ref.items():
        found = [(relation["type"], relation["targetRef"]) for relation in entity["relations"]]
        assert Counter(found) == Counter(relations.get(ref, set())), f"relations of {ref}"
        if ref in catalogue.documents:
            assert entity["spec"] == catalogue.documents[ref]["spec"], f"spec of {ref}"
    wanted = {(ref, *relation) for ref, its in relations.items() for relation in its}
    assert {tuple(row) for row in stored_relations} == wanted
    _check_terms({row[1]: orjson.loads(row[2]) for row in rows}, stored_terms)


def _check_terms(entities: dict[int, dict[str, Any]], stored: list[Any]) -> None:
    by_entity: dict[int, list[tuple[Any, ...]]] = {id: [] for id in entities}
    for id, key, value, original, item in stored:
        assert id in by_entity, f"a term of {id}, which is no entity: {key}"
        by_entity[id].append((key, value, original if value != NULL_VALUE else None, item))
    for id, entity in entities.items():
        rows = TermRows()
        rows.add(id, entity)
        wanted = [
            (key, value, original, item)
            for key in rows.used_keys()
            for value, _, original, item in rows.sorted_rows(key)
        ]
        assert Counter(by_entity[id]) == Counter(wanted), f"terms of {entity['kind']} {entity['metadata']['name']}"


def check_answers(server: Any, catalogue: Catalogue) -> None:
    """The running portal says the same as its store."""
    page = server.get("/api/catalog/entities/by-query?limit=1&filter=metadata.tags=made")
    wanted = sum(1 for document in catalogue.documents.values() if "tags" in document["metadata"])
    assert page["totalItems"] == wanted
    facets = server.get("/api/catalog/entity-facets?facet=kind")["facets"]["kind"]
    found = {facet["value"].lower(): facet["count"] for facet in facets if facet["value"] != "Location"}
    assert found == {kind: catalogue.count(kind) for kind in found}
