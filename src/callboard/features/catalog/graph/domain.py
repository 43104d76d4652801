"""What belongs to a graph: a walk around one entity, the shortest ways between two, systems with their parts folded in.

Pure. ``Walk`` and ``PathSearch`` say which relations they want to know (``wanted``) and are told (``learn``), until they want
nothing more. A pair of relations (``ownedBy`` and ``ownerOf``) is one edge, in the direction of the end that relies on the other:
arrows lead from what needs to what is needed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Final, Iterable, Literal, Mapping, NamedTuple, Sequence

from callboard.model.relations import Relation

MAX_DEPTH: Final = 5
MAX_NODES: Final = 500
MAX_EDGES: Final = 1_500
"""Edges that are told; beyond, a drawing is a carpet and a page too heavy."""
MAX_FOLDING: Final = 500
"""Entities looked at where parts are folded into their systems: more go in than come out."""
MAX_VISITED: Final = 20_000
"""Entities looked at in search of a way; none is told beyond."""
MAX_WAYS: Final = 60
"""Entities on equally short ways; with more than these only one way is told."""

Direction = Literal["both", "out", "in"]
DIRECTIONS: Final[tuple[Direction, ...]] = ("both", "out", "in")
PAIRS: Final[Mapping[str, str]] = {
    "dependsOn": "dependencyOf", "consumesApi": "apiConsumedBy", "apiProvidedBy": "providesApi", "partOf": "hasPart",
    "ownedBy": "ownerOf", "memberOf": "hasMember", "childOf": "parentOf",
}  # fmt: skip
"""What an edge is called, and what the other end says of it. An API relies on who provides it."""
PEOPLE: Final = frozenset(["ownedBy", "memberOf", "childOf"])
"""About people: left out around a thing unless asked for, since owners lead to all that they own; else around people the default."""


class Edge(NamedTuple):
    """``source`` relies on ``target``. ``count``: how many relations it stands for where parts are folded.

    A tuple, since a page makes tens of thousands of them and sorts them.
    """

    source: str
    type: str
    target: str
    count: int = 1  # type: ignore[assignment]  # its own word, over that of tuples


_new_edge: Final = tuple.__new__
"""For thousands of edges: half the time of the class, which looks at names and defaults of its parameters."""


class RelationTypes:
    """How relation types pair up: for each, in any case, what its edge is called and whether it tells it from the far end."""

    def __init__(self, declared: Iterable[tuple[str, str]] = ()) -> None:
        self._known: dict[str, tuple[str, bool]] = {}
        self._mutual: set[str] = set()
        self._reverses: dict[str, str] = {}
        self.declare(declared)

    def declare(self, declared: Iterable[tuple[str, str]]) -> None:
        """These pairs, and the usual ones, are known from now on, and no others."""
        known: dict[str, tuple[str, bool]] = {}
        mutual: set[str] = set()
        pairs = [*PAIRS.items(), *declared]
        for forward, back in pairs:
            one, other = forward.lower(), back.lower()
            if one == other:
                known.setdefault(one, (forward, False))
                mutual.add(known[one][0])
            elif one in known or other in known:
                name, flipped = known[one] if one in known else known[other]
                known.setdefault(one, (name, not flipped))
                known.setdefault(other, (name, not flipped))
            else:
                known[one], known[other] = (forward, False), (forward, True)
        reverses: dict[str, str] = {}
        for one, other in ((a, b) for pair in pairs for a, b in (pair, pair[::-1])):
            if not known[one.lower()][1]:
                reverses.setdefault(known[one.lower()][0], other)
        self._known, self._mutual, self._reverses = known, mutual, reverses
        # as relations write their types, so that none is lower-cased twice
        self._written: dict[str, tuple[str, bool]] = {}

    def edge_of(self, relation: Relation) -> Edge:
        source, type, target = relation
        known = self._written.get(type)
        if known is None:
            known = self._known.get(type.lower(), (type, False))
            if len(self._written) < 1_000:
                self._written[type] = known
        name, flipped = known
        if flipped:
            source, target = target, source
        if target < source and name in self._mutual:
            source, target = target, source
        return _new_edge(Edge, (source, name, target, 1))

    def name_of(self, type: str) -> str:
        """What the edge of this relation type is called; an unknown one as it is."""
        return self._known.get(type.lower(), (type, False))[0]

    def reverse_of(self, name: str) -> str:
        """What the far end of an edge says of it; the name itself where nothing else is declared."""
        return self._reverses.get(name, name)

    def leads_against(self, edge: Edge, direction: Direction, *, is_out: bool) -> bool:
        """Whether a walk in ``direction`` may not take an edge that leads out of where it stands, or into it.

        A relation that is its own reverse has no direction and may always be taken.
        """
        return direction == ("in" if is_out else "out") and edge.type not in self._mutual

    def names(self) -> list[str]:
        """What edges may be called, the usual ones first."""
        return list(dict.fromkeys(name for name, _ in self._known.values()))

    def default_for(self, root: str) -> frozenset[str]:
        """The edges that are walked unless somebody says which."""
        about_people = root.partition(":")[0] in ("group", "user")
        return PEOPLE if about_people else frozenset(self.names()) - PEOPLE


USUAL_TYPES: Final = RelationTypes()
"""The pairs that every portal knows."""


@dataclass(frozen=True, slots=True)
class Question:
    """What to draw. Refs are lower-cased; ``relations`` are names of edges. ``to``: draw the ways from root to there instead."""

    root: str
    depth: int = 2
    relations: frozenset[str] = frozenset()
    direction: Direction = "both"
    by_system: bool = False
    to: str | None = None
    limit: int = MAX_NODES


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entity stands in a graph.

    ``distance``: steps from the root. ``layer``: column, 0 that of the root; what relies on it is to the left. ``folded``: how
    many parts it stands for besides itself.
    """

    distance: int
    layer: int
    folded: int = 0


@dataclass(frozen=True, slots=True)
class Graph:
    """Entities by ref, nearest first, and what is between them.

    ``reached`` counts the entities that were found within the depth, at least; above ``len(places)`` some are not here.
    ``way``: the edges of one shortest way, from the root on; None where none was asked for or there is none.
    ``is_exhausted`` is False where a search gave up (``MAX_VISITED``).
    """

    places: Mapping[str, Place]
    edges: Sequence[Edge]
    reached: int
    way: Sequence[Edge] | None = None
    is_exhausted: bool = True
    omitted_edges: int = 0

    @property
    def omitted(self) -> int:
        return max(0, self.reached - len(self.places))


@dataclass(slots=True)
class Walk:
    """Breadth first around the root, down to a depth and up to a number of entities."""

    question: Question
    types: RelationTypes
    _places: dict[str, Place] = field(default_factory=dict)
    _edges: set[Edge] = field(default_factory=set)
    _homes: dict[str, str] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)
    _beyond: set[str] = field(default_factory=set)
    wanted: Sequence[str] = ()

    def __post_init__(self) -> None:
        self._places[self.question.root] = Place(0, 0)
        self.wanted = (self.question.root,)

    @property
    def _limit(self) -> int:
        return MAX_FOLDING if self.question.by_system else self.question.limit

    def learn(self, relations: Iterable[Relation]) -> None:
        """Take the relations of all that was wanted."""
        level = list(self.wanted)
        self._asked.update(level)
        by_end: dict[str, list[Edge]] = {ref: [] for ref in level}
        edge_of, edges = self.types.edge_of, self._edges
        counts: dict[
            str, tuple[bool, bool]
        ] = {}  # by type as written: is it walked, and does it say what something is a part of
        for relation in relations:
            type = relation.type
            if (count := counts.get(type)) is None:
                name = self.types.name_of(type)
                count = counts[type] = name in self.question.relations, name == "partOf" and self.question.by_system
            if count == (False, False):
                continue
            edge = edge_of(relation)
            if count[1]:
                self._note_home(edge)
            if count[0] and (found := by_end.get(relation.source)) is not None:
                edges.add(edge)
                found.append(edge)
        distance = self._places[level[0]].distance + 1 if level else 0
        fresh: list[str] = []
        if distance <= self.question.depth and not self._beyond:
            for ref in level:
                fresh += self._step(ref, by_end[ref], distance)
        self.wanted = fresh

    def _step(self, ref: str, edges: Sequence[Edge], distance: int) -> list[str]:
        fresh = []
        layer = self._places[ref].layer
        for edge in sorted(edges):
            is_out = edge.source == ref
            other = edge.target if is_out else edge.source
            if other in self._places or self.types.leads_against(edge, self.question.direction, is_out=is_out):
                continue
            if len(self._places) >= self._limit:
                self._beyond.add(other)
                continue
            self._places[other] = Place(distance, layer + (1 if is_out else -1))
            fresh.append(other)
        return fresh

    def _note_home(self, edge: Edge) -> None:
        if edge.target.startswith(("system:", "component:")):
            known = self._homes.get(edge.source)
            # a system before a component, else the first by name
            if known is None or (not edge.target.startswith("system:"), edge.target) < (
                not known.startswith("system:"),
                known,
            ):
                self._homes[edge.source] = edge.target

    def graph(self) -> Graph:
        """What was found, folded if so asked."""
        edges = sorted(e for e in self._edges if e.source in self._places and e.target in self._places)
        found = Graph(self._places, edges, len(self._places) + len(self._beyond - self._places.keys()))
        return trim(fold(found, self._homes, self.question) if self.question.by_system else found)


def trim(graph: Graph, most: int = MAX_EDGES) -> Graph:
    """``graph`` with no more than ``most`` edges: those nearest to the root, of these the ones that stand for the most."""
    if len(graph.edges) <= most:
        return graph
    places = graph.places

    def rank(edge: Edge) -> tuple[int, int, Edge]:
        near, far = sorted((places[edge.source].distance, places[edge.target].distance))
        # what leads outwards joins something to the rest, what stays at one distance does not
        return (near if near < far else MAX_DEPTH + far, -edge.count, edge)

    kept = sorted(sorted(graph.edges, key=rank)[:most])
    return replace(graph, edges=kept, omitted_edges=len(graph.edges) - most)


def home_of(ref: str, homes: Mapping[str, str]) -> str | None:
    """The system that an entity is a part of, directly or as a part of a component."""
    for _ in range(MAX_DEPTH):
        found = homes.get(ref)
        if found is None or found.startswith("system:"):
            return found
        ref = found
    return None


def fold(graph: Graph, homes: Mapping[str, str], question: Question) -> Graph:
    """``graph`` with the parts of each system drawn as the system. The root stays itself."""
    into: dict[str, str] = {}
    for ref in graph.places:
        system = home_of(ref, homes) if ref != question.root else None
        into[ref] = system or ref
    places: dict[str, Place] = {}
    members = Counter(system for ref, system in into.items() if ref != system)
    for ref, place in graph.places.items():  # nearest first, so that a system stands where its nearest part does
        target = into[ref]
        if target not in places:
            own = graph.places.get(target, place) if target == question.root else place
            places[target] = Place(own.distance, own.layer, members[target])
    counts: Counter[tuple[str, str, str]] = Counter()
    for edge in graph.edges:
        source, target = into[edge.source], into[edge.target]
        if source != target:
            counts[source, edge.type, target] += edge.count
    kept = dict(list(places.items())[: question.limit])
    edges = [Edge(s, type, t, n) for (s, type, t), n in sorted(counts.items()) if s in kept and t in kept]
    reached = len(places) + graph.omitted
    return Graph(kept, edges, reached)


@dataclass(slots=True)
class PathSearch:
    """The shortest ways between two entities, looked for from both ends at once, among ``most`` entities or so."""

    question: Question
    types: RelationTypes
    most: int = MAX_VISITED
    _sides: list[dict[str, int]] = field(default_factory=list)
    _levels: list[list[str]] = field(default_factory=list)
    _before: list[dict[str, set[Edge]]] = field(default_factory=list)
    _met: list[str] = field(default_factory=list)
    _gave_up: bool = False

    def __post_init__(self) -> None:
        ends = (self.question.root, self.question.to or self.question.root)
        self._sides = [{ends[0]: 0}, {ends[1]: 0}]
        self._levels = [[ends[0]], [ends[1]]]
        self._before = [{}, {}]
        if ends[0] == ends[1]:
            self._met = [ends[0]]

    @property
    def _side(self) -> int:
        """The side to go on from: the one whose outermost level is smaller."""
        return 0 if len(self._levels[0]) <= len(self._levels[1]) else 1

    @property
    def wanted(self) -> Sequence[str]:
        """The outermost level of the side that has fewer; nothing when the ends have met or cannot."""
        if self._met or self._gave_up or not self._levels[0] or not self._levels[1]:
            return ()
        return self._levels[self._side]

    def learn(self, relations: Iterable[Relation]) -> None:
        """Take the relations of all that was wanted."""
        side = self._side
        level = set(self._levels[side])
        known, before = self._sides[side], self._before[side]
        distance = known[self._levels[side][0]] + 1
        fresh: dict[str, None] = {}
        for relation in relations:
            edge = self.types.edge_of(relation)
            here, other = relation.source, relation.target
            # with a direction, the side of ``to`` walks against it
            leads_out = (edge.source == here) == (side == 0)
            if here not in level or edge.type not in self.question.relations:
                continue
            if self.types.leads_against(edge, self.question.direction, is_out=leads_out):
                continue
            if known.setdefault(other, distance) == distance:
                before.setdefault(other, set()).add(edge)
                fresh[other] = None
        self._levels[side] = sorted(fresh)
        self._met = sorted(fresh.keys() & self._sides[1 - side].keys())
        self._gave_up = sum(map(len, self._sides)) > self.most and not self._met

    def graph(self) -> Graph:
        """All shortest ways, or one of very many; without a way the two ends alone."""
        ends = [self.question.root, self.question.to or self.question.root]
        if not self._met:
            apart = {ends[0]: Place(0, 0), ends[1]: Place(1, 1)}
            return Graph(apart, (), 2, None, is_exhausted=not self._gave_up)
        way = [*reversed(self._one(0, self._met[0])), *self._one(1, self._met[0])]
        nodes, edges = set(self._met), set(way)
        for side in (0, 1):
            found = self._all(side, self._met)
            edges |= found
            nodes |= {end for edge in found for end in (edge.source, edge.target)}
        if len(nodes) > min(MAX_WAYS, self.question.limit):
            edges = set(way)
            nodes = {end for edge in way for end in (edge.source, edge.target)}
        length = len(way)
        at = {n: self._sides[0][n] if n in self._sides[0] else length - self._sides[1][n] for n in nodes}
        places = {n: Place(d, d) for n, d in sorted(at.items(), key=lambda pair: (pair[1], pair[0]))}
        return Graph(places, sorted(edges), len(places), way)

    def _one(self, side: int, ref: str) -> list[Edge]:
        """Edges from ``ref`` back to that side's end."""
        way: list[Edge] = []
        while ref in self._before[side]:
            edge = min(self._before[side][ref])
            way.append(edge)
            ref = edge.source if edge.target == ref else edge.target
        return way

    def _all(self, side: int, refs: Sequence[str]) -> set[Edge]:
        found: set[Edge] = set()
        level = set(refs)
        while level:
            edges = {edge for ref in level for edge in self._before[side].get(ref, ())}
            found |= edges
            ends = {end for edge in edges for end in (edge.source, edge.target)}
            distance = self._sides[side]
            level = {end for end in ends if any(distance[end] == distance[ref] - 1 for ref in level)}
        return found
