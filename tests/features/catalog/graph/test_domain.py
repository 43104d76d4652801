"""What belongs to a graph: walks, ways, folding. Pure, on small worlds that can be checked by eye and on random ones."""

from __future__ import annotations

from typing import Any, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.features.catalog.graph import domain
from callboard.features.catalog.graph.domain import Edge, Graph, PathSearch, Question, RelationTypes, Walk
from callboard.model.relations import Relation

TYPES = RelationTypes([("likes", "likes"), ("runsOn", "runs")])
ALL = frozenset(TYPES.names())
BACK = {**domain.PAIRS, **{back: forward for forward, back in domain.PAIRS.items()}, "likes": "likes", "runsOn": "runs"}


def c(name: str) -> str:
    return f"component:default/{name}"


def world(*told: tuple[str, str, str]) -> list[Relation]:
    """Relations with both of their ends, as a catalog has them."""
    out = set()
    for source, type, target in told:
        out |= {Relation(source, type, target), Relation(target, BACK[type], source)}
    return sorted(out)


def ask(relations: Iterable[Relation], question: Question, most: int = domain.MAX_VISITED) -> Graph:
    by_source: dict[str, list[Relation]] = {}
    for relation in relations:
        by_source.setdefault(relation.source, []).append(relation)
    search: Walk | PathSearch = PathSearch(question, TYPES, most) if question.to else Walk(question, TYPES)
    while wanted := search.wanted:
        search.learn([relation for ref in wanted for relation in by_source.get(ref, ())])
    return search.graph()


def around(told: Iterable[Relation], root: str, **more: Any) -> Graph:
    return ask(told, Question(root, **{"relations": ALL, **more}))


CHAIN = world((c("a"), "dependsOn", c("b")), (c("b"), "dependsOn", c("c")), (c("c"), "dependsOn", c("d")))


@pytest.mark.parametrize(("depth", "names"), [(1, "ab"), (2, "abc"), (3, "abcd"), (5, "abcd")])
def test_depth_counts_steps_from_the_root(depth: int, names: str) -> None:
    """No further than asked, and each entity with its distance and its column."""
    graph = around(CHAIN, c("a"), depth=depth)
    assert list(graph.places) == [c(name) for name in names]
    assert [place.distance for place in graph.places.values()] == list(range(len(names)))
    assert [place.layer for place in graph.places.values()] == list(range(len(names)))


def test_both_directions_of_a_pair_are_one_edge() -> None:
    """``dependsOn`` and ``dependencyOf`` say the same; so do two ends of a relation that is its own reverse."""
    graph = around(world((c("a"), "dependsOn", c("b")), (c("b"), "likes", c("a"))), c("a"))
    assert graph.edges == [Edge(c("a"), "dependsOn", c("b")), Edge(c("a"), "likes", c("b"))]


def test_arrows_lead_to_what_is_needed() -> None:
    """A consumer is left of an API, who provides it to its right, whichever of them is the centre."""
    told = world((c("shop"), "consumesApi", "api:default/pay"), (c("till"), "providesApi", "api:default/pay"))
    for root in (c("shop"), c("till"), "api:default/pay"):
        graph = around(told, root)
        layers = {ref: place.layer for ref, place in graph.places.items()}
        assert layers[c("shop")] < layers["api:default/pay"] < layers[c("till")]
        assert Edge("api:default/pay", "apiProvidedBy", c("till")) in graph.edges


def test_direction_goes_one_way_only() -> None:
    """``out`` finds what the root relies on, ``in`` what relies on it."""
    assert set(around(CHAIN, c("b"), direction="out").places) == {c("b"), c("c"), c("d")}
    assert set(around(CHAIN, c("c"), direction="in").places) == {c("a"), c("b"), c("c")}


def test_only_the_relations_asked_for_are_walked() -> None:
    """A name from either end of a pair means both."""
    told = world((c("a"), "dependsOn", c("b")), (c("a"), "partOf", "system:default/s"), (c("x"), "runsOn", c("a")))
    assert TYPES.name_of("HASPART") == "partOf"
    assert set(around(told, c("a"), relations=frozenset(["partOf"])).places) == {c("a"), "system:default/s"}
    assert set(around(told, c("a"), relations=frozenset([TYPES.name_of("runs")])).places) == {c("a"), c("x")}


def test_owners_are_left_out_unless_one_looks_at_people() -> None:
    """They lead from any thing to all that they own."""
    assert not TYPES.default_for(c("a")) & domain.PEOPLE
    assert "runsOn" in TYPES.default_for(c("a"))
    assert TYPES.default_for("group:default/g") == domain.PEOPLE


def test_edges_between_the_outermost_are_drawn() -> None:
    """The graph is what is between all that it shows, not only the tree by which it was found."""
    told = world(*((c("a"), "dependsOn", c(x)) for x in "bc"), (c("b"), "dependsOn", c("c")))
    assert Edge(c("b"), "dependsOn", c("c")) in around(told, c("a"), depth=1).edges


def test_a_limit_keeps_the_nearest_and_counts_the_rest() -> None:
    """What is left out is told; nothing beyond it is walked."""
    told = world(*((c("a"), "dependsOn", c(f"b{n:02}")) for n in range(40)), (c("b00"), "dependsOn", c("far")))
    graph = around(told, c("a"), limit=10)
    assert (len(graph.places), graph.omitted) == (10, 31)
    assert c("far") not in graph.places
    assert around(told, c("a")).omitted == 0


def test_too_many_edges_are_trimmed_from_the_outside() -> None:
    """What joins the entities to the root stays; how many are left out is told."""
    told = world(
        *((c("a"), "dependsOn", c(f"b{n}")) for n in range(30)),
        *((c(f"b{n}"), "dependsOn", c(f"b{m}")) for n in range(30) for m in range(n)),
    )
    graph = around(told, c("a"))
    assert (len(graph.edges), graph.omitted_edges) == (465, 0)
    trimmed = domain.trim(graph, 40)
    assert (len(trimmed.edges), trimmed.omitted_edges) == (40, 425)
    assert sum(edge.source == c("a") for edge in trimmed.edges) == 30


def test_parts_are_folded_into_their_system() -> None:
    """Edges between systems are counted, those inside go away, the root stays itself, parts of parts go along."""
    s, r = "system:default/s", "system:default/r"
    told = world(
        (c("a"), "partOf", s), (c("b"), "partOf", s), (c("part"), "partOf", c("b")), (c("x"), "partOf", r), (c("y"), "partOf", r),
        (c("b"), "dependsOn", c("x")), (c("b"), "dependsOn", c("y")), (c("part"), "dependsOn", c("x")), (c("a"), "dependsOn", c("b")),
    )  # fmt: skip
    graph = around(told, c("a"), depth=5, by_system=True)
    assert set(graph.places) == {c("a"), s, r}
    assert graph.places[s].folded == 2 and graph.places[r].folded == 2
    assert Edge(s, "dependsOn", r, 3) in graph.edges
    assert Edge(c("a"), "dependsOn", s) in graph.edges and Edge(c("a"), "partOf", s) in graph.edges
    at_system = around(told, s, depth=5, by_system=True)
    assert at_system.edges == [Edge(s, "dependsOn", r, 3)]


def test_folding_works_where_part_of_is_not_drawn() -> None:
    """What a thing is a part of is known even if those relations are not asked for."""
    told = world((c("a"), "dependsOn", c("b")), (c("b"), "partOf", "system:default/s"))
    graph = around(told, c("a"), relations=frozenset(["dependsOn"]), by_system=True)
    assert graph.edges == [Edge(c("a"), "dependsOn", "system:default/s")]


def test_all_shortest_ways_are_found_and_one_is_told() -> None:
    """Two ways of two steps; the longer one is not there."""
    told = world(
        (c("a"), "dependsOn", c("l")), (c("a"), "dependsOn", c("r")), (c("l"), "dependsOn", c("z")), (c("z"), "partOf", c("r")),
        (c("a"), "likes", c("m")), (c("m"), "likes", c("n")), (c("n"), "likes", c("z")),
    )  # fmt: skip
    graph = ask(told, Question(c("a"), relations=ALL, to=c("z")))
    assert set(graph.places) == {c("a"), c("l"), c("r"), c("z")}
    assert graph.way == [Edge(c("a"), "dependsOn", c("l")), Edge(c("l"), "dependsOn", c("z"))]
    assert [place.layer for place in graph.places.values()] == [0, 1, 1, 2]


def test_a_way_keeps_to_its_direction() -> None:
    """What a relies on, d is; the reverse is not so."""
    there = ask(CHAIN, Question(c("a"), relations=ALL, direction="out", to=c("d")))
    back = ask(CHAIN, Question(c("d"), relations=ALL, direction="out", to=c("a")))
    assert there.way is not None and len(there.way) == 3
    assert back.way is None and set(back.places) == {c("a"), c("d")}
    assert ask(CHAIN, Question(c("d"), relations=ALL, direction="in", to=c("a"))).way is not None


def test_very_many_ways_become_one() -> None:
    """A hundred equally short ways would say nothing."""
    told = world(
        *((c("a"), "dependsOn", c(f"m{n:03}")) for n in range(100)),
        *((c(f"m{n:03}"), "dependsOn", c("z")) for n in range(100)),
    )
    graph = ask(told, Question(c("a"), relations=ALL, to=c("z")))
    assert list(graph.places) == [c("a"), c("m000"), c("z")]


def test_a_search_that_gave_up_says_so() -> None:
    """No way found is not the same as no way."""
    told = world(*((c(f"n{n}"), "dependsOn", c(f"n{n * 2 + k}")) for n in range(1, 200) for k in (0, 1)))
    told += world(*((c("elsewhere"), "likes", c(f"e{n}")) for n in range(100)))
    question = Question(c("n1"), relations=ALL, to=c("elsewhere"))
    gave_up, went_on = ask(told, question, most=50), ask(told, question)
    assert (gave_up.way, gave_up.is_exhausted) == (None, False)
    assert (went_on.way, went_on.is_exhausted) == (None, True)


NAMES = st.sampled_from([c(name) for name in "abcdefgh"])
WORLDS = st.lists(
    st.tuples(NAMES, st.sampled_from(["dependsOn", "partOf", "providesApi", "likes"]), NAMES), max_size=20
)


@given(WORLDS, NAMES, NAMES, st.sampled_from(["both", "out", "in"]))
def test_a_way_is_as_short_as_a_plain_search_finds(told: Any, root: str, to: str, direction: Any) -> None:
    """Compared with a breadth-first search written differently; every step of the way is an edge of the world."""
    relations = world(*(t for t in told if t[0] != t[2]))
    edges = {TYPES.edge_of(relation) for relation in relations}
    distance, level = {root: 0}, [root]
    while level:
        following = []
        for edge in edges:
            there, back = (edge.source, edge.target), (edge.target, edge.source)
            open_ways = {"out": [there], "in": [back], "both": [there, back]}[
                "both" if edge.type == "likes" else direction
            ]
            following += [(a, b) for a, b in open_ways if a in level and b not in distance]
        fresh = {b: distance[a] + 1 for a, b in following}
        distance.update(fresh)
        level = list(fresh)
    if root == to:
        return
    graph = ask(relations, Question(root, relations=ALL, direction=direction, to=to))
    assert (graph.way is None) == (to not in distance)
    if graph.way is not None:
        assert len(graph.way) == distance[to]
        assert set(graph.edges) <= edges and set(graph.way) <= set(graph.edges)
        assert all(place.distance == place.layer for place in graph.places.values())


@given(WORLDS, NAMES, st.integers(1, 5), st.booleans())
def test_a_graph_holds_together(told: Any, root: str, depth: int, by_system: bool) -> None:
    """Edges join what is shown, distances are within the depth, the root comes first and stands at 0."""
    graph = around(world(*(t for t in told if t[0] != t[2])), root, depth=depth, by_system=by_system)
    assert next(iter(graph.places)) == root and graph.places[root].layer == 0
    assert all(edge.source in graph.places and edge.target in graph.places for edge in graph.edges)
    assert all(place.distance <= depth and abs(place.layer) <= place.distance for place in graph.places.values())
    assert len({(e.source, e.type, e.target) for e in graph.edges}) == len(graph.edges)
