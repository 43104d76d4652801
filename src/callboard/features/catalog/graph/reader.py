"""Asks the catalog for a graph. What the actor may not see is as if it were not there, on the way to elsewhere, too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Sequence

import orjson

from callboard.features.catalog.graph.domain import Graph, PathSearch, Question, RelationTypes, Walk
from callboard.features.catalog.interface import CatalogQueries, EntityDocument, EntityNotFound
from callboard.kernel.auth.actor import Actor
from callboard.model.kinds import KindRegistry


@dataclass(frozen=True, slots=True)
class ReadGraph:
    """A graph with the documents of its entities, by lower-cased ref. ``question`` is the one that was answered."""

    question: Question
    graph: Graph
    entities: Mapping[str, EntityDocument]


def relation_types(kinds: KindRegistry) -> RelationTypes:
    """The pairs that the kinds of this portal declare, beside the usual ones."""
    return RelationTypes(declared_pairs(kinds))


def declared_pairs(kinds: KindRegistry) -> list[tuple[str, str]]:
    fields = (f for kind in kinds.definitions for version in kind.versions for f in version.relation_fields)
    return [(field.relation, field.reverse) for field in fields]


class GraphReader:
    """One call of the catalog for each step of distance, one for the documents."""

    def __init__(self, queries: CatalogQueries, types: RelationTypes) -> None:
        self._queries = queries
        self.types = types

    async def read(self, question: Question, *, actor: Actor) -> ReadGraph:
        """Raises ``EntityNotFound`` for a root or another end that the actor does not see."""
        ends = list(dict.fromkeys([question.root, *([question.to] if question.to else [])]))
        for ref, raw in zip(ends, await self._queries.get_many_raw(ends, actor=actor), strict=True):
            if raw is None:
                raise EntityNotFound(ref)
        search = PathSearch(question, self.types) if question.to else Walk(question, self.types)
        while wanted := search.wanted:
            search.learn(await self._queries.relations_of(wanted, actor=actor))
        graph = search.graph()
        return ReadGraph(question, graph, await self._documents(list(graph.places), actor=actor))

    async def _documents(self, refs: Sequence[str], *, actor: Actor) -> dict[str, EntityDocument]:
        found = await self._queries.get_many_raw(refs, actor=actor)
        return {ref: orjson.loads(raw) for ref, raw in zip(refs, found, strict=True) if raw is not None}
