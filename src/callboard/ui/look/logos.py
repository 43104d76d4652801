"""A logo made safe to serve: PNG as it is within limits, SVG written anew from what is known to only draw.

An SVG may carry scripts, links, styles and references to other hosts. It is parsed without document types and entities, and
elements and attributes that are not in the lists here are left out; nothing of the original text is copied.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Literal
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from callboard.kernel.errors import InputError

MAX_BYTES = 200 * 1024
MAX_PIXELS = 2048
MAX_ELEMENTS = 5000
MAX_DEPTH = 40
_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_PNG = b"\x89PNG\r\n\x1a\n"
_LOCAL = re.compile(r"#[A-Za-z_][\w.-]*")
_URL = re.compile(r"url\s*\(", re.IGNORECASE)
_LOCAL_URL = re.compile(r"url\(\s*['\"]?#[A-Za-z_][\w.-]*['\"]?\s*\)(?:\s+[a-z]+)?")
_NAME = re.compile(r"[a-z][a-z-]*")
_RULE = re.compile(r"([^{}]*)\{([^{}]*)\}")
_CLASS = re.compile(r"\.([A-Za-z_][\w-]*)")
ELEMENTS = frozenset((
    "svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan", "defs", "use",
    "symbol", "title", "desc", "linearGradient", "radialGradient", "stop", "clipPath", "mask", "pattern",
))  # fmt: skip
ATTRIBUTES = frozenset((
    "id", "d", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "fx", "fy", "dx", "dy", "width",
    "height", "points", "transform", "viewBox", "preserveAspectRatio", "offset", "gradientUnits", "gradientTransform",
    "spreadMethod", "patternUnits", "patternContentUnits", "patternTransform", "clipPathUnits", "maskUnits",
    "maskContentUnits", "fill", "fill-opacity", "fill-rule", "stroke", "stroke-width", "stroke-opacity",
    "stroke-linecap", "stroke-linejoin", "stroke-miterlimit", "stroke-dasharray", "stroke-dashoffset", "opacity",
    "stop-color", "stop-opacity", "clip-path", "clip-rule", "mask", "color", "font-family", "font-size",
    "font-weight", "font-style", "text-anchor", "dominant-baseline", "letter-spacing", "display", "visibility",
))  # fmt: skip


class LogoRefused(InputError):
    """A file that cannot be a logo. ``reason`` is large, pixels, damaged, other, entities or parts."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message, field="logo")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture that may be served."""

    content: bytes
    type: Literal["image/svg+xml", "image/png"]

    @property
    def suffix(self) -> str:
        return ".svg" if self.type == "image/svg+xml" else ".png"


def read_logo(content: bytes) -> Logo:
    """What is in a file that somebody gave. Raises ``LogoRefused`` saying what is wrong and what would do."""
    if len(content) > MAX_BYTES:
        raise LogoRefused("large", f"The logo is larger than {MAX_BYTES // 1024} KiB. Make it smaller.")
    if content.startswith(_PNG):
        return _read_png(content)
    if b"<svg" in content[:4096] or b":svg" in content[:4096]:
        return Logo(_Cleaner().clean(content), "image/svg+xml")
    raise LogoRefused("other", "This is no picture that can be shown. Take an SVG or a PNG file.")


def _read_png(content: bytes) -> Logo:
    if len(content) < 33 or content[12:16] != b"IHDR":
        raise LogoRefused("damaged", "The PNG file is damaged.")
    width, height = struct.unpack(">II", content[16:24])
    if not (0 < width <= MAX_PIXELS and 0 < height <= MAX_PIXELS):
        raise LogoRefused(
            "pixels", f"The logo has {width} × {height} pixels. At most {MAX_PIXELS} × {MAX_PIXELS} are shown."
        )
    return Logo(content, "image/png")


class _Cleaner:
    """One SVG, from its bytes to its new text."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._open: list[str] = []
        self._skipped = 0
        self._elements = 0
        self._is_style = False
        self._style = ""
        self._classes: dict[str, list[tuple[str, str]]] = {}

    def clean(self, content: bytes) -> bytes:
        parser = expat.ParserCreate(namespace_separator="}")
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.buffer_text = True
        parser.EntityDeclHandler = self._refuse_entity
        parser.ExternalEntityRefHandler = lambda *_: 0
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        try:
            parser.Parse(content, True)
        except expat.ExpatError as error:
            raise LogoRefused("damaged", f"The SVG file cannot be read: line {error.lineno}, {error}.") from None
        if not self._out or not self._out[0].startswith("<svg"):
            raise LogoRefused("other", "The file is no SVG picture.")
        return "".join(self._out).encode()

    def _refuse_entity(self, *_: object) -> None:
        raise LogoRefused("entities", "The SVG file declares entities, which are not read. Save it as plain SVG.")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > MAX_ELEMENTS or len(self._open) + self._skipped > MAX_DEPTH:
            raise LogoRefused("parts", "The SVG file has too many parts for a logo. Take a simpler one, or a PNG.")
        space, _, local = name.rpartition("}")
        if self._skipped or local not in ELEMENTS or space not in ("", _SVG) or (not self._open and local != "svg"):
            self._skipped += 1
            self._is_style = self._skipped == 1 and local == "style" and bool(self._open)
            return
        told = dict(_kept(attributes))
        for given in attributes.get("class", "").split():
            told.update(self._classes.get(given, ()))
        if not self._open:
            told.pop("id", None)
            told = {"xmlns": _SVG, **told}
            if "viewBox" not in told and (size := _size(told)):
                told["viewBox"] = f"0 0 {size}"
        self._out.append(f"<{local}{''.join(f' {key}={quoteattr(value)}' for key, value in told.items())}>")
        self._open.append(local)

    def _end(self, name: str) -> None:
        if self._skipped:
            self._skipped -= 1
            if self._is_style and not self._skipped:
                self._is_style = False
                self._read_style()
        elif self._open:
            self._out.append(f"</{self._open.pop()}>")

    def _read_style(self) -> None:
        """Drawing programs put colours into rules for classes: those become attributes, any other rule is left out."""
        for selectors, declarations in _RULE.findall(self._style):
            for selector in selectors.split(","):
                if found := _CLASS.fullmatch(selector.strip()):
                    self._classes.setdefault(found[1], []).extend(_declarations(declarations))
        self._style = ""

    def _text(self, text: str) -> None:
        if self._is_style:
            self._style += text
        elif not self._skipped and self._open and self._open[-1] in ("text", "tspan", "title", "desc"):
            self._out.append(escape(text))


def _kept(attributes: dict[str, str]) -> list[tuple[str, str]]:
    kept = []
    for name, value in attributes.items():
        space, _, local = name.rpartition("}")
        if local == "href" and space in ("", _XLINK):
            if _LOCAL.fullmatch(value.strip()):
                kept.append(("href", value.strip()))
        elif local == "style" and not space:
            kept += _declarations(value)
        elif not space and local in ATTRIBUTES and _is_plain(value):
            kept.append((local, value))
    return kept


def _declarations(style: str) -> list[tuple[str, str]]:
    """A ``style`` as the attributes that say the same."""
    kept = []
    for declaration in style.split(";"):
        name, colon, value = (part.strip() for part in declaration.partition(":"))
        if colon and _NAME.fullmatch(name) and name in ATTRIBUTES and _is_plain(value):
            kept.append((name, value))
    return kept


def _is_plain(value: str) -> bool:
    """Whether it refers to nothing outside."""
    return "\\" not in value and (_URL.search(value) is None or _LOCAL_URL.fullmatch(value.strip()) is not None)


def _size(attributes: dict[str, str]) -> str:
    numbers = [re.fullmatch(r"\s*(\d+(?:\.\d+)?)(?:px)?\s*", attributes.get(name, "")) for name in ("width", "height")]
    return " ".join(found[1] for found in numbers if found) if all(numbers) else ""
