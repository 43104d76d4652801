"""A graph as SVG: part of a page, where style sheets colour it, or a file of its own that needs nothing else.

Everything is escaped here; nothing of an entity becomes markup. The file has no script, no style element and no reference to
anything outside of it, so that it may be mailed, printed, or opened in a drawing program.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Iterable, Mapping, Sequence

from markupsafe import Markup, escape

import callboard.ui
from callboard.features.catalog.graph.domain import Edge
from callboard.features.catalog.graph.labels import clean, fit, width_of
from callboard.features.catalog.graph.layout import FEW, HEIGHT, WIDTH, Box, Layout, Line, path_of

FITS: Final = 1500
"""A drawing up to this wide is still read where it is made as narrow as a page."""
_SPRITE: Final = Path(callboard.ui.__file__).parent / "static" / "vendor" / "icons.svg"
_ROOM: Final = WIDTH - 50
_FILE_ROOM: Final = _ROOM * 0.84
"""Who opens a file may not have the portal's font, and others are broader."""
_HUE_DEGREES: Final = (20, 45, 70, 105, 140, 165, 195, 225, 255, 285, 315, 350)
"""As ``.hue-0`` to ``.hue-11`` in ``tokens.css``."""
_PAPER: Final = {
    "paper": "#fbfaf7", "raised": "#ffffff", "line": "#e5e1d7", "edge": "#8d8677", "ink": "#1e1c17", "ink-2": "#514d43",
    "ink-3": "#676256", "accent": "#1d4f9e", "tint": "#e5edf8", "pin": "#d8412c",
}  # fmt: skip
"""The light tokens of ``tokens.css``, for files."""
_STYLES: Final[Mapping[str, tuple[int, str]]] = {
    "dependsOn": (8, ""), "consumesApi": (5, "7 4"), "apiProvidedBy": (3, "12 3"), "partOf": (1, "2 4"),
    "ownedBy": (10, "9 3 2 3"), "memberOf": (4, "4 3"), "childOf": (9, "14 4 3 4"),
}  # fmt: skip
_OTHER: Final = (6, "5 2")


@dataclass(frozen=True, slots=True)
class NodeView:
    """An entity as drawn. ``label`` is what a screen reader says; ``is_end``: root, or the other end of a way."""

    ref: str
    href: str
    title: str
    subtitle: str
    label: str
    icon: str
    hue: int
    distance: int
    is_root: bool = False
    is_end: bool = False
    is_person: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """A box with a title around some entities of a drawing."""

    title: str
    refs: Sequence[str]


_PADDING: Final = 18


def _framed(frame: Frame, layout: Layout) -> str:
    boxes = [layout.boxes[ref] for ref in frame.refs if ref in layout.boxes]
    if not boxes:
        return ""
    left, top = min(b.x for b in boxes) - _PADDING, min(b.y for b in boxes) - _PADDING - 4
    right, bottom = max(b.x for b in boxes) + WIDTH + _PADDING, max(b.y for b in boxes) + HEIGHT + _PADDING
    return (
        f'<rect class="graph-group" x="{left:g}" y="{top:g}" width="{right - left:g}" height="{bottom - top:g}" rx="8"/>'
        f'<text class="graph-group-title" x="{left + 8:g}" y="{top + 13:g}">{escape(fit(clean(frame.title), 11, right - left - 16))}</text>'
    )


def style_of(type: str) -> tuple[int, str]:
    """Hue and dashes of an edge: no two usual ones share their dashes, so colour is never alone."""
    return _STYLES.get(type, _OTHER)


def styles_of(edges: Iterable[Edge]) -> list[str]:
    """The types of these edges in the order of the legend."""
    present = {edge.type for edge in edges}
    return [*(type for type in _STYLES if type in present), *sorted(present - _STYLES.keys())]


def legend_line(type: str) -> Markup:
    """A sample of an edge for the legend of a page."""
    hue, dashes = style_of(type)
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return Markup(
        f'<svg class="graph-sample hue-{hue}" viewBox="0 0 30 10" width="30" height="10" aria-hidden="true" focusable="false">'
        f'<path class="edge-line" d="M0 5H22"{dashed}/><path class="edge-head" d="M22 1.5L29 5L22 8.5Z"/></svg>'
    )


def draw_page(
    layout: Layout, nodes: Sequence[NodeView], names: Mapping[str, str], label: str, frame: Frame | None = None
) -> Markup:
    """The drawing inside a page. ``names``: what each type of edge is called; ``label`` names the drawing; ``frame`` is drawn below it."""
    is_large = len(nodes) > FEW
    at = {node.ref: number for number, node in enumerate(nodes)}
    types = styles_of(line.edge for line in layout.lines)
    heads = [
        f'<marker id="graph-head-{n}" class="hue-{style_of(type)[0]}" viewBox="0 0 7 7" refX="7" refY="3.5" markerWidth="7" markerHeight="7"'
        ' orient="auto" markerUnits="userSpaceOnUse"><path class="edge-head" d="M0 0L7 3.5L0 7Z"/></marker>'
        for n, type in enumerate(types)
    ]
    drawn = _many_lines(layout.lines, types, at) if is_large else _few_lines(layout.lines, types, at, names)
    places = [_page_node(node, layout.boxes[node.ref]) for node in nodes]
    return Markup(
        f'<svg class="graph-drawing{" is-large" if is_large else ""}{" fits" if layout.width <= FITS else ""}" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {layout.width:g} {layout.height:g}"'
        f' width="{layout.width:g}" height="{layout.height:g}" role="group" aria-label="{escape(label)}">'
        f'<defs>{_symbols({n.icon for n in nodes})}{"".join(heads)}</defs><g class="graph-all">'
        f'<g aria-hidden="true">{_framed(frame, layout) if frame else ""}{drawn}</g>{"".join(places)}</g></svg>'
    )


def _line_style(type: str, number: int) -> str:
    return f'{_dashed(style_of(type)[1])} marker-end="url(#graph-head-{number})"'


def _many_lines(lines: Sequence[Line], types: Sequence[str], at: Mapping[str, int]) -> str:
    """Hundreds of edges, those of one type together: what they share is said once, and none has room for its name."""
    by_type: dict[str, list[str]] = {type: [] for type in types}
    for line in lines:
        source, type, target, _ = line.edge
        by_type[type].append(
            f'<path class="graph-edge edge-line" data-s="{at[source]}" data-t="{at[target]}" d="{path_of(line.points, radius=0)}"/>'
        )
    return "".join(
        f'<g class="hue-{style_of(type)[0]}" data-type="{escape(type)}"{_line_style(type, n)}>{"".join(by_type[type])}</g>'
        for n, type in enumerate(types)
    )


def _few_lines(lines: Sequence[Line], types: Sequence[str], at: Mapping[str, int], names: Mapping[str, str]) -> str:
    """Edges with their names, and each with a wide invisible line that says it: easier to point at."""
    drawn, words = [], []
    numbers = {type: n for n, type in enumerate(types)}
    for number, line in enumerate(lines):
        edge, hue = line.edge, style_of(line.edge.type)[0]
        path = path_of(line.points)
        drawn.append(
            f'<g class="hue-{hue}" data-type="{escape(edge.type)}"><g class="graph-edge" data-s="{at[edge.source]}" data-t="{at[edge.target]}">'
            f'<title>{escape(_told(edge, names))}</title><path class="edge-wide" d="{path}"/>'
            f'<path class="edge-line"{_line_style(edge.type, numbers[edge.type])} d="{path}"/></g></g>'
        )
        if line.label is not None:
            words.append(
                f'<text class="edge-name hue-{hue}" data-edge="{number}" x="{line.label[0]:g}" y="{line.label[1]:g}"'
                f"{_anchor(line)}>{escape(fit(_name(edge, names), 11, 76))}</text>"
            )
    return "".join([*drawn, *words])


def _page_node(node: NodeView, box: Box) -> str:
    shape = f'<rect class="kind-ground hue-{node.hue}" x="10" y="10" width="24" height="24" rx="{12 if node.is_person else 5}"/>'
    pin = f'<circle class="graph-pin" cx="{WIDTH / 2:g}" cy="0" r="5"/>' if node.is_root else ""
    current = ' id="graph-centre" aria-current="true"' if node.is_root else ""
    near = "is-end" if node.is_end else f"at-{min(node.distance, 3)}"
    return (
        f'<a class="graph-node {near}" href="{escape(node.href)}" data-ref="{escape(node.ref)}"'
        f' transform="translate({box.x:g} {box.y:g})"{current}>'
        f'<title>{escape(node.label)}</title><rect class="graph-box" width="{WIDTH}" height="{HEIGHT}" rx="6"/>{shape}'
        f'<use class="kind-icon hue-{node.hue}" href="#graph-{node.icon}" x="14.5" y="14.5" width="15" height="15"/>'
        f'<text class="graph-title" x="42" y="19">{escape(fit(node.title, 13, _ROOM))}</text>'
        f'<text class="graph-sub" x="42" y="34">{escape(fit(node.subtitle, 11, _ROOM))}</text>{pin}</a>'
    )


def draw_file(layout: Layout, nodes: Sequence[NodeView], names: Mapping[str, str], title: str, note: str) -> str:
    """The drawing as an SVG file, in light colours, with its title, a legend and a note of where it is from."""
    types = styles_of(line.edge for line in layout.lines)
    foot = 58 if types else 34
    samples, at = [], 28.0
    for type in types:
        hue, dashes = style_of(type)
        colour, name = _ink(hue), names.get(type, type)
        y = layout.height + 44 + foot - 36
        samples.append(
            f'<path d="M{at:g} {y - 4:g}h26" fill="none" stroke="{colour}" stroke-width="1.6"{_dashed(dashes)}/>'
            f'<path d="M{at + 26:g} {y - 7.5:g}l7 3.5l-7 3.5Z" fill="{colour}"/>'
            f'<text x="{at + 40:g}" y="{y:g}" font-size="12" fill="{_PAPER["ink-2"]}">{escape(fit(name, 12, 200))}</text>'
        )
        at += 58 + width_of(fit(name, 12, 200), 12)
    width = max(layout.width, at + 20, 360)
    height = layout.height + 44 + foot
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
        " role=\"img\" font-family=\"'Source Sans 3', 'Source Sans Pro', system-ui, 'Segoe UI', Helvetica, Arial, sans-serif\">"
        f'<title>{escape(clean(title)[:400])}</title><rect width="{width:g}" height="{height:g}" fill="{_PAPER["paper"]}"/>'
        f"<defs>{_symbols({n.icon for n in nodes})}</defs>"
        f'<text x="28" y="34" font-size="16" font-weight="600" fill="{_PAPER["ink"]}">{escape(fit(title, 16, width - 56))}</text>'
        f'<g transform="translate(0 44)">{"".join(_file_line(line, names) for line in layout.lines)}'
        f"{''.join(_file_node(node, layout.boxes[node.ref]) for node in nodes)}</g>{''.join(samples)}"
        f'<text x="28" y="{height - 14:g}" font-size="11" fill="{_PAPER["ink-3"]}">{escape(fit(note, 11, width - 56))}</text></svg>\n'
    )


def _file_line(line: Line, names: Mapping[str, str]) -> str:
    hue, dashes = style_of(line.edge.type)
    colour = _ink(hue)
    word = ""
    if line.label is not None:
        word = (
            f'<text x="{line.label[0]:g}" y="{line.label[1]:g}"{_anchor(line)} font-size="11" fill="{colour}"'
            f' stroke="{_PAPER["paper"]}" stroke-width="3" paint-order="stroke">{escape(fit(_name(line.edge, names), 11, 76))}</text>'
        )
    return (
        f'<g><title>{escape(_told(line.edge, names))}</title><path d="{path_of(line.points)}" fill="none" stroke="{colour}"'
        f' stroke-width="1.4"{_dashed(dashes)}/><path d="{_head(line)}" fill="{colour}"/>{word}</g>'
    )


def _file_node(node: NodeView, box: Box) -> str:
    fill, edge, width = (
        (_PAPER["tint"], _PAPER["accent"], 2)
        if node.is_end
        else (_PAPER["raised"], _PAPER["edge" if node.distance < 2 else "line"], 1)
    )
    ink = _PAPER["ink"] if node.distance < 2 else _PAPER["ink-2"] if node.distance == 2 else _PAPER["ink-3"]
    pin = f'<circle cx="{WIDTH / 2:g}" cy="0" r="5" fill="{_PAPER["pin"]}"/>' if node.is_root else ""
    return (
        f'<g transform="translate({box.x:g} {box.y:g})"><title>{escape(clean(node.label))}</title>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{fill}" stroke="{edge}" stroke-width="{width}"/>'
        f'<rect x="10" y="10" width="24" height="24" rx="{12 if node.is_person else 5}" fill="{_tint(node.hue)}"/>'
        f'<use href="#graph-{node.icon}" x="14.5" y="14.5" width="15" height="15" fill="none" stroke="{_ink(node.hue)}"'
        ' stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/>'
        f'<text x="42" y="19" font-size="13" font-weight="600" fill="{ink}">{escape(fit(node.title, 13, _FILE_ROOM))}</text>'
        f'<text x="42" y="34" font-size="11" fill="{_PAPER["ink-3"]}">{escape(fit(node.subtitle, 11, _FILE_ROOM))}</text>{pin}</g>'
    )


def _told(edge: Edge, names: Mapping[str, str]) -> str:
    return clean(f"{edge.source} → {_name(edge, names)} → {edge.target}")


def _name(edge: Edge, names: Mapping[str, str]) -> str:
    name = names.get(edge.type, edge.type)
    return f"{edge.count} × {name}" if edge.count > 1 else name


def _anchor(line: Line) -> str:
    return ' text-anchor="end"' if line.anchor == "end" else ""


def _dashed(dashes: str) -> str:
    return f' stroke-dasharray="{dashes}"' if dashes else ""


def _head(line: Line) -> str:
    (x, y), (x2, _) = line.points[-1], line.points[-2]
    back = -7 if x2 <= x else 7
    return f"M{x + back:g} {y - 3.5:g}L{x:g} {y:g}L{x + back:g} {y + 3.5:g}Z"


@cache
def _sprite() -> Mapping[str, str]:
    """Icons by name; none before the front-end files were built."""
    if not _SPRITE.exists():
        return {}
    found = re.findall(r'<symbol id="([^"]+)" viewBox="([^"]+)">(.*?)</symbol>', _SPRITE.read_text("utf-8"), re.DOTALL)
    return {name: f'<symbol id="graph-{name}" viewBox="{box}">{inner}</symbol>' for name, box, inner in found}


def _symbols(names: Iterable[str]) -> str:
    return "".join(_sprite().get(name, "") for name in sorted(names))


@cache
def _ink(hue: int) -> str:
    return _hex(0.46, 0.115, _HUE_DEGREES[hue])


@cache
def _tint(hue: int) -> str:
    return _hex(0.95, 0.026, _HUE_DEGREES[hue])


def _hex(lightness: float, chroma: float, degrees: float) -> str:
    """The sRGB of an OKLCH colour, clipped to what a screen shows. Source: CSS Color 4, the matrices of Oklab."""
    a, b = chroma * math.cos(math.radians(degrees)), chroma * math.sin(math.radians(degrees))
    l_ = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    m_ = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    s_ = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * l_ - 3.3077115913 * m_ + 0.2309699292 * s_,
        -1.2684380046 * l_ + 2.6097574011 * m_ - 0.3413193965 * s_,
        -0.0041960863 * l_ - 0.7034186147 * m_ + 1.7076147010 * s_,
    )
    clipped = (min(1.0, max(0.0, v)) for v in linear)
    coded = (12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055 for v in clipped)
    return "#" + "".join(f"{round(v * 255):02x}" for v in coded)
