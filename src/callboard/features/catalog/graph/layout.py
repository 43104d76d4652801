"""Where the entities of a graph stand and how its edges run: columns from left to right, edges at right angles.

Pure and quick: 500 entities take a few milliseconds. Lengths are in pixels at natural size; y grows downwards.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final, Mapping, Sequence

from callboard.features.catalog.graph.domain import Edge, Graph, Place

WIDTH: Final = 176
HEIGHT: Final = 44
GAP: Final = 16
PITCH: Final = HEIGHT + GAP
STEP: Final = 30
"""Between the columns into which a crowded layer is broken."""
MARGIN: Final = 28
FEW: Final = 60
"""Up to so many entities edges carry their names, and the channels between layers leave room for them."""
CHANNEL: Final = 84
WIDE_CHANNEL: Final = 140
_NAMES: Final = 84
"""How much of a wide channel is left to names."""
_PORT: Final = 7
RADIUS: Final = 7
"""Of the corners of edges."""
_LEAST_ROWS: Final = 12

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """The upper left corner of an entity."""

    x: float
    y: float

    @property
    def middle(self) -> float:
        return self.y + HEIGHT / 2


@dataclass(frozen=True, slots=True)
class Line:
    """An edge as drawn. ``label``: where its name fits, ``anchor`` is the side on which that point lies; None without room."""

    edge: Edge
    points: Sequence[Point]
    label: Point | None = None
    anchor: str = "start"


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything moved so that it begins at 0, 0."""

    width: float
    height: float
    boxes: Mapping[str, Box]
    lines: Sequence[Line]


@dataclass(slots=True)
class _Layer:
    """A column, or several where it is crowded. ``gaps``: heights at which an edge may cross it."""

    refs: list[str]
    left: float = 0
    columns: int = 1
    rows: int = 0
    gaps: list[float] = field(default_factory=list)

    @property
    def right(self) -> float:
        return self.left + self.columns * WIDTH + (self.columns - 1) * STEP


def lay_out(graph: Graph, *, names: bool = True) -> Layout:
    """Places for all of ``graph``."""
    layers = _layers(graph.places)
    _order(layers, graph.edges, next(iter(graph.places)))
    has_names = names and len(graph.places) <= FEW
    channel = WIDE_CHANNEL if has_names else CHANNEL
    crowd = max((len(layer.refs) for layer in layers.values()), default=1)
    rows = max(_LEAST_ROWS, math.ceil(math.sqrt(2.2 * crowd)))
    boxes = _place(layers, graph.edges, rows, channel)
    lines = _Router(layers, boxes, channel, has_names=has_names).route(graph.edges, graph.places)
    return _moved(boxes, lines)


def _layers(places: Mapping[str, Place]) -> dict[int, _Layer]:
    layers: dict[int, _Layer] = {}
    for ref, place in places.items():
        layers.setdefault(place.layer, _Layer([])).refs.append(ref)
    return {number: layers[number] for number in sorted(layers)}


def _neighbours(edges: Sequence[Edge]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for edge in edges:
        found.setdefault(edge.source, []).append(edge.target)
        found.setdefault(edge.target, []).append(edge.source)
    return found


def _order(layers: Mapping[int, _Layer], edges: Sequence[Edge], root: str) -> None:
    """Sort each layer by the mean place of its neighbours in the layers beside it, a few times outwards and inwards."""
    beside = _neighbours(edges)
    layer_of = {ref: number for number, layer in layers.items() for ref in layer.refs}
    at = {ref: n - (len(layer.refs) - 1) / 2 for layer in layers.values() for n, ref in enumerate(layer.refs)}
    outwards = sorted(layers, key=abs)
    # of each entity, those in the layers beside its own, and those of them in the one towards the root
    near_all = {ref: [o for o in beside.get(ref, ()) if abs(layer_of[o] - layer_of[ref]) == 1] for ref in at}
    near_inner = {
        ref: [o for o in near if abs(layer_of[o]) < abs(layer_of[ref])] or near for ref, near in near_all.items()
    }

    def sort(number: int, *, inner_only: bool) -> None:
        neighbours, weights = near_inner if inner_only else near_all, {}
        for ref in layers[number].refs:
            near = neighbours[ref]
            weights[ref] = sum([at[o] for o in near]) / len(near) if near else at[ref]
        refs = sorted(layers[number].refs, key=weights.__getitem__)
        if number == 0 and root in weights:  # the centre stays in the middle of its column
            refs.remove(root)
            refs.insert((len(refs) + 1) // 2, root)
        layers[number].refs = refs
        at.update((ref, n - (len(refs) - 1) / 2) for n, ref in enumerate(refs))

    for number in outwards[1:]:
        sort(number, inner_only=True)
    for _ in range(2):
        for number in reversed(outwards):
            sort(number, inner_only=False)
        for number in outwards[1:]:
            sort(number, inner_only=False)


def _place(layers: Mapping[int, _Layer], edges: Sequence[Edge], rows: int, channel: float) -> dict[str, Box]:
    left = 0.0
    for layer in layers.values():
        layer.columns = math.ceil(len(layer.refs) / rows)
        layer.rows = math.ceil(len(layer.refs) / layer.columns)
        layer.left = left
        left = layer.right + channel
    beside = _neighbours(edges)
    boxes: dict[str, Box] = {}
    for number in sorted(layers, key=abs):
        layer = layers[number]
        if layer.columns == 1:
            wished = []
            for n, ref in enumerate(layer.refs):
                near = [boxes[o].y for o in beside.get(ref, ()) if o in boxes]
                wished.append(sum(near) / len(near) if near else (n - (len(layer.refs) - 1) / 2) * PITCH)
            ys = spread(wished, PITCH)
            boxes.update((ref, Box(layer.left, round(y))) for ref, y in zip(layer.refs, ys, strict=True))
        else:
            top = -(layer.rows - 1) * PITCH // 2
            for n, ref in enumerate(layer.refs):
                column, row = divmod(n, layer.rows)
                boxes[ref] = Box(layer.left + column * (WIDTH + STEP), top + row * PITCH)
        tops = sorted({boxes[ref].y for ref in layer.refs})
        layer.gaps = [tops[0] - GAP / 2, *(y + HEIGHT + GAP / 2 for y in tops)]
    return boxes


def spread(wished: Sequence[float], pitch: float) -> list[float]:
    """Heights in the same order, at least ``pitch`` apart, that differ least (in squares) from what is wished.

    Isotonic regression of the wishes less their rank, by pooling neighbours that are out of order.
    """
    blocks: list[tuple[float, int]] = []
    for n, wish in enumerate(wished):
        mean, size = wish - n * pitch, 1
        while blocks and blocks[-1][0] > mean:
            other, count = blocks.pop()
            mean, size = (other * count + mean * size) / (count + size), count + size
        blocks.append((mean, size))
    levels = [mean for mean, size in blocks for _ in range(size)]
    return [level + n * pitch for n, level in enumerate(levels)]


class _Router:
    """Runs edges through the channels between layers, and between rows where they cross a layer."""

    def __init__(
        self, layers: Mapping[int, _Layer], boxes: Mapping[str, Box], channel: float, *, has_names: bool
    ) -> None:
        self._layers = layers
        self._boxes = boxes
        self._channel = channel
        self._has_names = has_names
        self._numbers = list(layers)
        self._at = {ref: number for number, layer in layers.items() for ref in layer.refs}
        self._index = {number: n for n, number in enumerate(layers)}
        self._lanes: dict[int, dict[tuple[str, str], float]] = {}
        self._ports: dict[tuple[str, bool], dict[str, float]] = {}
        self._degree: dict[str, int] = {}

    def route(self, edges: Sequence[Edge], places: Mapping[str, Place]) -> list[Line]:
        self._assign_ports(edges)
        self._assign_lanes(edges)
        named: dict[tuple[str, bool], list[str]] = {}
        lines = []
        for edge in edges:
            points = self._points(edge)
            label, anchor = self._name_place(edge, points, named) if self._has_names else (None, "start")
            lines.append(Line(edge, tuple(_straightened(points)), label, anchor))
        return lines

    def _name_place(
        self, edge: Edge, points: Sequence[Point], named: dict[tuple[str, bool], list[str]]
    ) -> tuple[Point | None, str]:
        """Beside the end that is farther from the root: above the line, or below it for a second type; no more than two."""
        source, target = self._at[edge.source], self._at[edge.target]
        if abs(source) == abs(target):
            return None, "start"
        is_leaving = abs(source) > abs(target)
        (x, y), (x2, _) = (points[0], points[1]) if is_leaving else (points[-1], points[-2])
        is_right = x2 > x
        outer = edge.source if is_leaving else edge.target
        taken = named.setdefault((outer, is_right), [])
        if edge.type in taken or len(taken) == 2 or abs(x2 - x) < _NAMES - 24:
            return None, "start"
        taken.append(edge.type)
        types = self._ports[outer, is_right]
        is_below = types[edge.type] > min(types.values())
        return (x + (6 if is_right else -14), y + (12 if is_below else -5)), "start" if is_right else "end"

    def _assign_ports(self, edges: Sequence[Edge]) -> None:
        """On each side of an entity every type of edge gets a height of its own."""
        types: dict[tuple[str, bool], dict[str, float]] = {}
        for edge in edges:
            types.setdefault((edge.source, True), {})[edge.type] = 0
            types.setdefault((edge.target, self._at[edge.source] == self._at[edge.target]), {})[edge.type] = 0
        for ports in types.values():
            step = min(_PORT, (HEIGHT - 16) / len(ports))
            for n, type in enumerate(sorted(ports)):
                ports[type] = round((n - (len(ports) - 1) / 2) * step)
        self._ports = types

    def _trunk(self, edge: Edge) -> tuple[str, str]:
        """What shares a vertical: the edges of one type at the end that has more edges."""
        degree = self._degree
        return (edge.source if degree[edge.source] > degree[edge.target] else edge.target), edge.type

    def _assign_lanes(self, edges: Sequence[Edge]) -> None:
        """In each channel every trunk gets a vertical of its own, in the order of their heights."""
        for edge in edges:
            self._degree[edge.source] = self._degree.get(edge.source, 0) + 1
            self._degree[edge.target] = self._degree.get(edge.target, 0) + 1
        trunks: dict[int, set[tuple[str, str]]] = {}
        for edge in edges:
            for channel in self._channels_of(edge):
                trunks.setdefault(channel, set()).add(self._trunk(edge))
        for channel, found in trunks.items():
            ordered = sorted(found, key=lambda trunk: (self._boxes[trunk[0]].y, trunk))
            low, high = self._span(self._numbers[channel] if channel >= 0 else None)
            step = (high - low) / (len(ordered) + 1)
            self._lanes[channel] = {trunk: round(low + step * (n + 1)) for n, trunk in enumerate(ordered)}

    def _span(self, before: int | None) -> tuple[float, float]:
        """Where verticals may stand in the channel after this layer: towards the root, names are on the other side."""
        if before is None:
            left = self._layers[self._numbers[0]].left - self._channel
        else:
            left = self._layers[before].right
        if not self._has_names:
            return left + 14, left + self._channel - 20
        is_left_of_root = before is None or before < 0
        return (
            (left + _NAMES, left + self._channel - 18)
            if is_left_of_root
            else (left + 12, left + self._channel - _NAMES)
        )

    def _channels_of(self, edge: Edge) -> list[int]:
        """Channels through which an edge passes, from source to target."""
        start, end = self._index[self._at[edge.source]], self._index[self._at[edge.target]]
        if start < end:
            return list(range(start, end))
        return list(range(start, end - 2, -1)) if end < start else [start]

    def _points(self, edge: Edge) -> list[Point]:
        source, target = self._boxes[edge.source], self._boxes[edge.target]
        here, there = self._at[edge.source], self._at[edge.target]
        trunk, channels = self._trunk(edge), self._channels_of(edge)
        points = self._leave(source, self._layers[here], self._ports[edge.source, True][edge.type])
        y = points[-1][1]
        for n, channel in enumerate(channels):
            x = self._lanes[channel][trunk]
            points.append((x, y))
            if n < len(channels) - 1:  # across the layer to the next channel, through a gap between its rows
                crossed = self._layers[self._numbers[max(channels[n + 1], channel)]]
                y = _nearest(crossed.gaps, y + (target.middle - y) / (len(channels) - n)) + _jitter(trunk[0])
                points.append((x, y))
        port = self._ports[edge.target, here == there][edge.type]
        return [*points, *self._enter(points[-1][0], target, self._layers[there], port, is_from_right=here == there)]

    def _leave(self, box: Box, layer: _Layer, port: float) -> list[Point]:
        """Out of the right side; from an inner column through the gap below."""
        right, at = box.x + WIDTH, box.middle + port
        if right >= layer.right - 1:
            return [(right, at)]
        y = box.y + HEIGHT + GAP / 2
        return [(right, at), (right + 9, at), (right + 9, y)]

    def _enter(self, x: float, box: Box, layer: _Layer, port: float, *, is_from_right: bool) -> list[Point]:
        """Into the left side, or the right one where source and target share a layer."""
        y, at = box.y - GAP / 2, box.middle + port
        if is_from_right:
            right = box.x + WIDTH
            if right >= layer.right - 1:
                return [(x, at), (right, at)]
            return [(x, y), (right + 12, y), (right + 12, at), (right, at)]
        if box.x <= layer.left + 1:
            return [(x, at), (box.x, at)]
        return [(x, y), (box.x - 12, y), (box.x - 12, at), (box.x, at)]


def _nearest(gaps: Sequence[float], y: float) -> float:
    n = bisect_left(gaps, y)
    return min(gaps[max(0, n - 1) : n + 1], key=lambda gap: abs(gap - y))


def _jitter(ref: str) -> float:
    """A small shift that differs between trunks, so that edges in one gap can be told apart."""
    return (sum(ref.encode()) % 3 - 1) * 4.0


def _straightened(points: Sequence[Point]) -> list[Point]:
    """Without points that change nothing."""
    out: list[Point] = []
    for point in points:
        if out and abs(out[-1][0] - point[0]) < 0.5 and abs(out[-1][1] - point[1]) < 0.5:
            continue
        while len(out) > 1 and (out[-2][0] == out[-1][0] == point[0] or out[-2][1] == out[-1][1] == point[1]):
            out.pop()
        out.append(point)
    return out


def path_of(points: Sequence[Point], *, radius: float = RADIUS) -> str:
    """SVG path data; ``points`` differ from their neighbours in x or in y, not in both. Radius 0: no rounded corners."""
    if not radius:
        steps = itertools.pairwise(points)
        turns = [f"H{x:g}" if y0 == y else f"V{y:g}" for (_, y0), (x, y) in steps]
        return f"M{points[0][0]:g} {points[0][1]:g}{''.join(turns)}"
    parts = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for (x0, y0), (x, y), (x2, y2) in zip(points, points[1:], points[2:], strict=False):
        reach = min(radius, (abs(x0 - x) + abs(y0 - y)) / 2, (abs(x2 - x) + abs(y2 - y)) / 2)
        if y0 == y:
            parts.append(
                f"H{x + (reach if x0 > x else -reach):g}Q{x:g} {y:g} {x:g} {y + (reach if y2 > y else -reach):g}"
            )
        else:
            parts.append(
                f"V{y + (reach if y0 > y else -reach):g}Q{x:g} {y:g} {x + (reach if x2 > x else -reach):g} {y:g}"
            )
    (x0, y0), (x, y) = points[-2], points[-1]
    parts.append(f"H{x:g}" if y0 == y else f"V{y:g}")
    return "".join(parts)


def _moved(boxes: Mapping[str, Box], lines: Sequence[Line]) -> Layout:
    left, top = min(box.x for box in boxes.values()), min(box.y for box in boxes.values())
    right, bottom = (max(box.x for box in boxes.values()) + WIDTH, max(box.y for box in boxes.values()) + HEIGHT)
    if lines:
        points = [point for line in lines for point in line.points]
        xs, ys = [x for x, _ in points], [y for _, y in points]
        left, right = min(left, *xs), max(right, *xs)
        top, bottom = min(top, *ys), max(bottom, *ys)
    dx, dy = MARGIN - round(left), MARGIN - round(top)
    moved = {ref: Box(box.x + dx, box.y + dy) for ref, box in boxes.items()}
    shifted = [
        Line(
            line.edge,
            [(x + dx, y + dy) for x, y in line.points],
            (line.label[0] + dx, line.label[1] + dy) if line.label else None,
            line.anchor,
        )
        for line in lines
    ]
    return Layout(math.ceil(right + dx + MARGIN), math.ceil(bottom + dy + MARGIN), moved, shifted)
