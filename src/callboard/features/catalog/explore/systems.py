"""Systems and what is between them, as graphs to draw: a fixed layout, from what asks on the left to what is asked on the right. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final, Iterable, Mapping, Sequence

from callboard.features.catalog.graph.domain import PEOPLE, Edge, Graph, Place, RelationTypes, home_of
from callboard.model.relations import Relation

MAX_INSIDE: Final = 40
MAX_OUTSIDE: Final = 16
"""On each side of the box; what stands for most comes first."""
_LAYERS: Final = {"api": 0, "component": 1}
_LAST: Final = 2


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A system or domain as a graph: ``inside`` the box and what is around it, with how many were left out.

    ``askers`` are all that depends on it from outside (a ref to the relations it has), also those that are not drawn.
    """

    graph: Graph
    inside: Sequence[str]
    omitted: int
    askers: Mapping[str, int]


def edges_of(relations: Iterable[Relation], types: RelationTypes) -> list[Edge]:
    """Each pair of relations once, without those about people and about being a part."""
    found = {types.edge_of(relation) for relation in relations}
    return sorted(edge for edge in found if edge.type not in PEOPLE and edge.type != "partOf")


def homes_of(relations: Iterable[Relation]) -> dict[str, str]:
    """What each entity is a part of, as the graph has it: a system before a component."""
    homes: dict[str, str] = {}
    for relation in sorted(relations):
        if relation.type == "partOf" and relation.target.startswith(("system:", "component:")):
            known = homes.get(relation.source)
            if known is None or (known.startswith("component:") and relation.target.startswith("system:")):
                homes[relation.source] = relation.target
    return homes


def around_system(parts: Sequence[str], edges: Sequence[Edge], homes: Mapping[str, str]) -> Surroundings:
    """The parts in columns by kind, and outside what they need and what needs them, drawn as the systems these belong to."""
    within = set(parts)
    degree: Counter[str] = Counter()
    for edge in edges:
        degree[edge.source] += 1
        degree[edge.target] += 1
    inside = sorted(
        sorted(within, key=lambda ref: (-degree[ref], ref))[:MAX_INSIDE], key=lambda ref: (_layer(ref), ref)
    )
    folded: Counter[tuple[str, str, str]] = Counter()
    for edge in edges:
        ends = [end if end in within else (home_of(end, homes) or end) for end in (edge.source, edge.target)]
        if ends[0] != ends[1] and any(end in within for end in ends):
            folded[ends[0], edge.type, ends[1]] += edge.count
    return _drawn(inside, {ref: _layer(ref) for ref in inside}, folded, within, len(within))


def around_domain(systems: Sequence[str], dependencies: Mapping[tuple[str, str], int]) -> Surroundings:
    """The systems of a domain in columns, the asking ones first, with the systems outside that these have to do with."""
    within = set(systems)
    folded: Counter[tuple[str, str, str]] = Counter()
    for (source, target), count in dependencies.items():
        if source in within or target in within:
            folded[source, "dependsOn", target] += count
    weight: Counter[str] = Counter()
    for (source, _, target), count in folded.items():
        weight[source] += count
        weight[target] += count
    inside = sorted(sorted(within, key=lambda ref: (-weight[ref], ref))[:MAX_INSIDE])
    layers = _ranked(inside, [(s, t) for s, _, t in folded])
    return _drawn(sorted(inside, key=lambda ref: (layers[ref], ref)), layers, folded, within, len(within))


def _layer(ref: str) -> int:
    return _LAYERS.get(ref.partition(":")[0], _LAST)


def _ranked(refs: Sequence[str], edges: Sequence[tuple[str, str]], columns: int = 4) -> dict[str, int]:
    """A column for each: to the right of what asks it, as far as circles and the number of columns allow."""
    ranks, known = dict.fromkeys(refs, 0), set(refs)
    for _ in range(columns - 1):
        for source, target in edges:
            if source in known and target in known and source != target:
                ranks[target] = max(ranks[target], min(ranks[source] + 1, columns - 1))
    used = {rank: n for n, rank in enumerate(sorted(set(ranks.values())))}
    return {ref: used[rank] for ref, rank in ranks.items()}


def _drawn(
    inside: Sequence[str],
    layers: Mapping[str, int],
    folded: Mapping[tuple[str, str, str], int],
    within: set[str],
    total: int,
) -> Surroundings:
    askers: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for (source, _, target), count in folded.items():
        if source not in within and target in within:
            askers[source] += count
        elif source in within and target not in within:
            asked[target] += count
    left = [ref for ref, _ in askers.most_common(MAX_OUTSIDE)]
    right = [ref for ref, _ in asked.most_common() if ref not in left][:MAX_OUTSIDE]
    last = max(layers.values(), default=0)
    places = {ref: Place(1, layers[ref]) for ref in inside}
    places |= {ref: Place(2, -1) for ref in sorted(left)} | {ref: Place(2, last + 1) for ref in sorted(right)}
    edges = [Edge(s, type, t, n) for (s, type, t), n in sorted(folded.items()) if s in places and t in places]
    outside = len(set(askers) | set(asked))
    omitted = total - len(inside) + outside - len(left) - len(right)
    return Surroundings(Graph(places, edges, len(places)), inside, omitted, dict(askers.most_common()))
