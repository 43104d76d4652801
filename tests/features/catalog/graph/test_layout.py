"""Where things stand, and that words and drawings bear whatever entities are called."""

from __future__ import annotations

import itertools
import random
import re
import time
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.features.catalog.graph.domain import Edge, Graph, Place
from callboard.features.catalog.graph.drawing import NodeView, draw_file, draw_page
from callboard.features.catalog.graph.labels import clean, fit, width_of
from callboard.features.catalog.graph.layout import HEIGHT, WIDTH, Layout, lay_out, path_of, spread

EVIL = "</text><script>alert(1)</script>\"'><img src=x onerror=alert(2)>\x00\x1b\u202egnp.exe"


def some_graph(size: int, seed: int) -> Graph:
    """A random connected graph with layers as a walk gives them."""
    dice = random.Random(seed)
    places, edges = {"component:default/n0": Place(0, 0)}, set()
    for n in range(1, size):
        near, ref = dice.choice(list(places)), f"component:default/n{n}"
        way = dice.choice((1, -1))
        places[ref] = Place(places[near].distance + 1, places[near].layer + way)
        pair = (near, ref) if way == 1 else (ref, near)
        edges.add(Edge(pair[0], dice.choice(["dependsOn", "partOf", "custom"]), pair[1]))
    refs = list(places)
    for _ in range(size):
        one, other = dice.choice(refs), dice.choice(refs)
        if one != other:
            edges.add(Edge(one, "consumesApi", other))
    ordered = dict(sorted(places.items(), key=lambda pair: pair[1].distance))
    return Graph(ordered, sorted(edges), len(ordered))


def nodes_of(graph: Graph, title: str = "Shop") -> list[NodeView]:
    return [
        NodeView(
            ref,
            "/x",
            title,
            "Component",
            f"{title}, {ref}",
            "component",
            3,
            place.distance,
            is_root=n == 0,
            is_end=n == 0,
        )
        for n, (ref, place) in enumerate(graph.places.items())
    ]


def collisions(layout: Layout) -> list[Any]:
    """Pairs of boxes that touch, and straight runs of edges through the inside of a box."""
    boxes = list(layout.boxes.items())
    found: list[Any] = [
        (one, other)
        for n, (one, a) in enumerate(boxes)
        for other, b in boxes[n + 1 :]
        if abs(a.x - b.x) < WIDTH and abs(a.y - b.y) < HEIGHT
    ]
    for line in layout.lines:
        for (x0, y0), (x1, y1) in zip(line.points, line.points[1:], strict=False):
            low_x, high_x, low_y, high_y = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
            found += [
                (line.edge, ref)
                for ref, box in boxes
                if low_x < box.x + WIDTH - 1
                and high_x > box.x + 1
                and low_y < box.y + HEIGHT - 1
                and high_y > box.y + 1
            ]
    return found


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("size", [1, 2, 9, 60, 150])
def test_nothing_lies_on_anything(size: int, seed: int) -> None:
    """Boxes keep apart, edges run around boxes at right angles, and all of it is inside the drawing."""
    graph = some_graph(size, seed)
    layout = lay_out(graph)
    assert collisions(layout) == []
    assert layout.boxes.keys() == graph.places.keys() and [line.edge for line in layout.lines] == list(graph.edges)
    for line in layout.lines:
        assert all(x0 == x1 or y0 == y1 for (x0, y0), (x1, y1) in zip(line.points, line.points[1:], strict=False))
    xs = [x for line in layout.lines for x, _ in line.points] + [box.x for box in layout.boxes.values()]
    assert min(xs) >= 0 and max(xs) <= layout.width


def test_edges_begin_and_end_at_their_entities() -> None:
    """At the right side of the source; at the left side of the target, or the right one in the same column."""
    layout = lay_out(some_graph(80, 3))
    for line in layout.lines:
        source, target = layout.boxes[line.edge.source], layout.boxes[line.edge.target]
        assert line.points[0][0] == source.x + WIDTH and source.y < line.points[0][1] < source.y + HEIGHT
        assert line.points[-1][0] in (target.x, target.x + WIDTH) and target.y < line.points[-1][1] < target.y + HEIGHT


def test_the_root_is_in_the_middle_of_its_column() -> None:
    """Its neighbours to the left and right, others of its column above and below."""
    refs = [f"component:default/n{n}" for n in range(7)]
    places = {refs[0]: Place(0, 0), **{ref: Place(2, 0) for ref in refs[1:]}}
    layout = lay_out(Graph(places, (), 7))
    assert sorted(box.y for box in layout.boxes.values()).index(layout.boxes[refs[0]].y) == 3


def test_a_crowd_becomes_several_columns() -> None:
    """Five hundred dependants of one thing are a block, not a tower."""
    places = {"component:default/n0": Place(0, 0), **{f"component:default/m{n}": Place(1, -1) for n in range(499)}}
    edges = [Edge(ref, "dependsOn", "component:default/n0") for ref in list(places)[1:]]
    layout = lay_out(Graph(places, edges, 500))
    assert 0.5 < layout.width / layout.height < 3
    assert collisions(layout) == []


def test_layout_is_the_same_each_time() -> None:
    """An address shows the same drawing to everybody."""
    assert lay_out(some_graph(90, 5)) == lay_out(some_graph(90, 5))


@pytest.mark.slow
def test_five_hundred_are_quick() -> None:
    """Laid out and drawn within 150 ms of processor time, even on a busy machine (about 40 on an idle one)."""
    graph = some_graph(500, 1)
    nodes, best = nodes_of(graph), 9.0
    for _ in range(5):
        start = time.process_time()
        draw_page(lay_out(graph), nodes, {}, "Graph")
        best = min(best, time.process_time() - start)
    print(f"{best * 1000:.1f} ms for {len(graph.edges)} edges")
    assert best < 0.15


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=30))
def test_spread_keeps_order_and_distance(wished: list[float]) -> None:
    """Never closer than asked; what fits stays where it wants to be."""
    found = spread(wished, 50)
    assert all(b - a >= 50 - 1e-6 for a, b in itertools.pairwise(found))
    assert abs(sum(found) - sum(wished)) < 1e-3
    if all(b - a >= 50 for a, b in itertools.pairwise(wished)):
        assert found == pytest.approx(wished)


def test_path_of_rounds_corners_or_does_not() -> None:
    """Both run through the same points."""
    points = [(0, 0), (20, 0), (20, 40), (50, 40)]
    assert path_of(points, radius=0) == "M0 0H20V40H50"
    assert path_of(points) == "M0 0H13Q20 0 20 7V33Q20 40 27 40H50"


# ---- words -----------------------------------------------------------------------------------------------------------


@given(st.text(max_size=80), st.floats(20, 200))
def test_labels_fit_and_are_xml(text: str, room: float) -> None:
    """One line of what XML allows, not wider than its room (an ellipsis apart)."""
    label = fit(text, 13, room)
    assert width_of(label.removesuffix("…"), 13) <= room
    assert label == clean(label)
    ET.fromstring(f"<a>{label.replace('&', '&amp;').replace('<', '&lt;')}</a>")


def test_labels_of_any_script() -> None:
    """Short ones stay whole; broad letters are counted as broad; marks that turn the direction of writing go."""
    assert fit("Basket", 13, 130) == "Basket"
    assert len(fit("日本語のとても長いタイトルのコンポーネントです", 13, 130)) < 12
    assert fit("خدمة\u202e الدفع", 13, 200) == "خدمة الدفع"
    assert fit("a\nb\t c", 13, 100) == "a b c"
    assert fit("W" * 300, 13, 130).endswith("W…")


# ---- drawings ----------------------------------------------------------------------------------------------------------


DRAWN = {
    "svg", "title", "rect", "defs", "symbol", "text", "g", "path", "circle", "use", "ellipse", "line", "polyline", "marker", "a",
}  # fmt: skip


class _Told(HTMLParser):
    """Which elements and attributes a page has."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize("size", [4, 90])
def test_hostile_titles_stay_words(size: int) -> None:
    """In the page and in the file: no element, attribute or script comes of them, and the file is valid XML."""
    graph = some_graph(size, 2)
    graph = Graph(graph.places, [*graph.edges, Edge(*([*graph.places][:1]), EVIL, [*graph.places][1])], size)
    nodes, names = nodes_of(graph, EVIL), {EVIL: EVIL, "dependsOn": EVIL}
    drawn = [str(draw_page(lay_out(graph), nodes, names, EVIL)), draw_file(lay_out(graph), nodes, names, EVIL, EVIL)]
    for svg in drawn:
        told = _Told()
        told.feed(svg)
        assert told.tags <= DRAWN and not {name for name in told.attributes if name.startswith("on")}
        assert "&lt;script&gt;" in svg
    root = ET.fromstring(drawn[1].encode())
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= DRAWN


def test_a_file_stands_by_itself() -> None:
    """No script, no style element, no reference outside of it; every reference inside leads somewhere."""
    graph = some_graph(30, 4)
    svg = draw_file(lay_out(graph), nodes_of(graph), {"dependsOn": "Depends on"}, "Graph of Shop", "30 entities")
    root = ET.fromstring(svg.encode())
    assert not re.search(r"<style|<script|href=\"(?!#)|url\(", svg.replace('xmlns="http://www.w3.org/2000/svg"', ""))
    named = {element.get("id") for element in root.iter()} - {None}
    used = {element.get("href", "").removeprefix("#") for element in root.iter() if element.tag.endswith("}use")}
    assert used <= named and "Depends on" in svg and "30 entities" in svg
