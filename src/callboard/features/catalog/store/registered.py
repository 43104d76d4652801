"""Registered locations with what came of them. Numbers are of nodes; ``placing`` and ``removing`` write them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import AbstractSet, Any, Mapping, Sequence

from callboard.features.catalog.domain import batches
from callboard.features.catalog.interface import Location
from callboard.kernel.db.interface import Row, Transaction

_LOCATIONS = (
    "SELECT l.id, l.type, l.target, l.entity_ref, l.created_at, r.id FROM catalog_location l"
    " LEFT JOIN catalog_ref r ON r.ref = l.entity_ref"
)


@dataclass(frozen=True, slots=True)
class Registered:
    """A row. ``node`` is the number of its Location entity, None while that was never placed."""

    location: Location
    created_at: str
    node: int | None


async def list_registered(tx: Transaction) -> list[Registered]:
    """Latest first."""
    rows = await tx.fetch_all(f"{_LOCATIONS} ORDER BY l.created_at DESC, l.id")
    return [Registered(Location(*row[:4]), row[4], row[5]) for row in rows]


async def find_registered(tx: Transaction, id: str) -> Registered | None:
    row = await tx.fetch_one(f"{_LOCATIONS} WHERE l.id = $1", id)
    return None if row is None else Registered(Location(*row[:4]), row[4], row[5])


async def list_creators(tx: Transaction, nodes: Sequence[int]) -> dict[int, str]:
    """Who brought each of these nodes in first."""
    rows = await tx.fetch_all(
        "SELECT h.ref_id, h.actor FROM catalog_history h WHERE h.change = 'created' AND h.id = (SELECT min(n.id) FROM"
        f" catalog_history n WHERE n.ref_id = h.ref_id AND n.change = 'created') AND {tx.any_of('h.ref_id', 1, 'bigint')}",
        tx.list_arg(nodes),
    )
    return {row[0]: row[1] for row in rows}


async def list_below(tx: Transaction, node: int) -> set[int]:
    """Everything that a Location brings, by the Locations that it names, too; itself left out."""
    found: set[int] = set()
    level = [node]
    while level:
        rows: list[Row] = []
        for part in batches(level, 5_000):
            rows += await tx.fetch_all(
                f"SELECT DISTINCT child_id FROM catalog_edge WHERE {tx.any_of('parent_id', 1, 'bigint')}",
                tx.list_arg(part),
            )
        level = [row[0] for row in rows if row[0] not in found and row[0] != node]
        found.update(level)
    return found


async def list_edges(tx: Transaction, children: AbstractSet[int]) -> dict[int, list[tuple[int, int]]]:
    """(parent, source) of all that give each of these."""
    found: dict[int, list[tuple[int, int]]] = {}
    for part in batches(sorted(children), 5_000):
        rows = await tx.fetch_all(
            f"SELECT child_id, parent_id, source_id FROM catalog_edge WHERE {tx.any_of('child_id', 1, 'bigint')}",
            tx.list_arg(part),
        )
        for child, parent, source in rows:
            found.setdefault(child, []).append((parent, source))
    return found


async def list_entities(tx: Transaction, nodes: AbstractSet[int]) -> dict[int, str]:
    """Refs of those nodes that are entities."""
    found: dict[int, str] = {}
    for part in batches(sorted(nodes), 5_000):
        rows = await tx.fetch_all(
            f"SELECT r.id, r.ref FROM catalog_ref r JOIN catalog_entity e ON e.id = r.id WHERE {tx.any_of('r.id', 1, 'bigint')}",
            tx.list_arg(part),
        )
        found.update({row[0]: row[1] for row in rows})
    return found


async def list_files_of(tx: Transaction, parents: AbstractSet[int]) -> list[Row]:
    """(id, location, read_at, error, parent) of the files of these Locations."""
    found: list[Row] = []
    for part in batches(sorted(parents), 5_000):
        found += await tx.fetch_all(
            f"SELECT id, location, read_at, error, parent_id FROM catalog_file WHERE {tx.any_of('parent_id', 1, 'bigint')}"
            " ORDER BY location",
            tx.list_arg(part),
        )
    return found


async def count_of_files(tx: Transaction, files: Sequence[int], entities: AbstractSet[int]) -> dict[int, int]:
    """How many of ``entities`` each file gives."""
    found: dict[int, int] = {}
    for part in batches(list(files), 5_000):
        rows = await tx.fetch_all(
            f"SELECT DISTINCT file_id, child_id FROM catalog_edge WHERE {tx.any_of('file_id', 1, 'bigint')}",
            tx.list_arg(part),
        )
        for file, child in rows:
            if child in entities:
                found[file] = found.get(file, 0) + 1
    return found


async def count_problems(tx: Transaction, nodes: AbstractSet[int]) -> dict[int, int]:
    """Errors by the node that they stand on; nodes without one are left out."""
    found: dict[int, int] = {}
    for part in batches(sorted(nodes), 5_000):
        rows = await tx.fetch_all(
            "SELECT subject_id, count(*) FROM catalog_finding WHERE severity = 'error'"
            f" AND {tx.any_of('subject_id', 1, 'bigint')} GROUP BY subject_id",
            tx.list_arg(part),
        )
        found.update({row[0]: row[1] for row in rows})
    return found


async def list_standing(tx: Transaction, refs: Sequence[str]) -> Mapping[str, Row]:
    """By ref: (id, location key, location, origin, entity as bytes or None) of the nodes that hold these names."""
    found: dict[str, Any] = {}
    for part in batches(sorted(set(refs)), 2_000):
        rows = await tx.fetch_all(
            "SELECT r.ref, n.id, n.location_key, n.location, n.origin, e.json FROM catalog_node n JOIN catalog_ref r ON r.id = n.id"
            f" LEFT JOIN catalog_entity e ON e.id = n.id WHERE {tx.any_of('r.ref', 1)}",
            tx.list_arg(part),
        )
        for ref, *rest in rows:
            found[ref] = tuple(rest)
    return found
