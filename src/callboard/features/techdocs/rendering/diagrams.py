"""Fenced code that is drawn: Mermaid by the browser, others by a Kroki server if the operator names one."""

from __future__ import annotations

import base64
import html
import zlib
from typing import Any, Callable, Mapping

from markdown import Markdown

KROKI_LANGUAGES: Mapping[str, str] = {
    "plantuml": "plantuml",
    "puml": "plantuml",
    "uml": "plantuml",
    "c4plantuml": "c4plantuml",
    "dot": "graphviz",
    "graphviz": "graphviz",
    "ditaa": "ditaa",
    "d2": "d2",
    "blockdiag": "blockdiag",
    "seqdiag": "seqdiag",
    "actdiag": "actdiag",
    "nwdiag": "nwdiag",
    "packetdiag": "packetdiag",
    "rackdiag": "rackdiag",
    "erd": "erd",
    "nomnoml": "nomnoml",
    "structurizr": "structurizr",
    "svgbob": "svgbob",
    "vegalite": "vegalite",
    "wavedrom": "wavedrom",
    "bytefield": "bytefield",
    "dbml": "dbml",
    "pikchr": "pikchr",
    "tikz": "tikz",
    "bpmn": "bpmn",
    "excalidraw": "excalidraw",
}
"""Languages of fences -> the diagram type in Kroki's addresses."""

_MAX_URL = 8_000
Formatter = Callable[..., str]


def fences(kroki_url: str | None, own: Mapping[str, str]) -> list[dict[str, Any]]:
    """Custom fences for superfences. ``own``: fences that the site asks for, name -> class, shown as they are."""
    made: list[dict[str, Any]] = [_fence("mermaid", "mermaid", _mermaid)]
    if kroki_url:
        for language, kind in KROKI_LANGUAGES.items():
            made.append(_fence(language, "diagram", _kroki(kroki_url.rstrip("/"), kind)))
            if not language.startswith("kroki-"):
                made.append(_fence(f"kroki-{language}", "diagram", _kroki(kroki_url.rstrip("/"), kind)))
    taken = {fence["name"] for fence in made}
    made.extend(_fence(name, css_class, _plain) for name, css_class in own.items() if name not in taken and name != "*")
    return made


def _fence(name: str, css_class: str, formatter: Formatter) -> dict[str, Any]:
    return {"name": name, "class": css_class, "format": formatter, "validator": _any_options}


def _any_options(
    language: str, inputs: Mapping[str, str], options: dict[str, Any], attrs: dict[str, Any], md: Markdown
) -> bool:
    options.update(inputs)
    return True


def _mermaid(source: str, language: str, css_class: str, options: Any, md: Markdown, **_: Any) -> str:
    return f'<pre class="mermaid"><code>{html.escape(source, quote=False)}</code></pre>'


def _plain(source: str, language: str, css_class: str, options: Any, md: Markdown, **_: Any) -> str:
    return f'<pre class="{html.escape(css_class)}"><code>{html.escape(source, quote=False)}</code></pre>'


def kroki_address(url: str, kind: str, source: str) -> str:
    """Where a Kroki server draws ``source`` as SVG: its text is in the address, deflated and in base64."""
    packed = base64.urlsafe_b64encode(zlib.compress(source.encode(), 9)).decode()
    return f"{url}/{kind}/svg/{packed}"


def _kroki(url: str, kind: str) -> Formatter:
    def draw(source: str, language: str, css_class: str, options: Mapping[str, Any], md: Markdown, **_: Any) -> str:
        address = kroki_address(url, kind, source)
        if len(address) > _MAX_URL:
            return _plain(source, language, "diagram-source", options, md)
        alt = options.get("alt") or options.get("title") or ""
        return f'<p class="diagram"><img src="{html.escape(address)}" alt="{html.escape(str(alt))}"></p>'

    return draw
