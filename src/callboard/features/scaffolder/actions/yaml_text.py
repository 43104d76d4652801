"""Values as YAML text, byte for byte as the JavaScript library ``yaml`` 2 writes them: what Backstage's actions put into files.

Block style with an indent of two, lists inside maps indented, texts plain where YAML 1.2's core schema lets them be, folded at 80
columns, and as blocks where they have line ends.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from typing import Any, Mapping

from callboard.features.scaffolder.actions.yaml_folding import FoldMode, fold
from callboard.features.scaffolder.language import to_text
from callboard.features.scaffolder.language.text import escape_lone_surrogates, from_units, to_units

MAX_DEPTH = 200
_NOT_PLAIN = re.compile(r"""^[\n\t ,\[\]{}#&*!|>'"%@`]|^[?-]$|^[?-][ \t]|[\n:][ \t]|[ \t]\n|[\n\t ]#|[\n\t :]\Z""")
_FLOW_MARKS = re.compile(r"[\[\]{},]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_DOCUMENT_MARK = re.compile(r"^(?:%|---|\.\.\.)", re.MULTILINE)
_OTHER_TYPE = re.compile(
    r"~|[Nn]ull|NULL|[Tt]rue|TRUE|[Ff]alse|FALSE|0o[0-7]+|[-+]?[0-9]+|0x[0-9a-fA-F]+"
    r"|[-+]?\.(?:inf|Inf|INF)|\.nan|\.NaN|\.NAN"
    r"|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)[eE][-+]?[0-9]+|[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)"
)
_LINE_ENDS = re.compile(r"\n+")
_MORE_INDENTED = re.compile(r"(?:^|\n)([\t ][^\n\r\u2028\u2029]*)(?:([\n\t ]*)\n(?![\n\t ]))?")
_END_OF_BLOCK = re.compile(r"(^|(?<!\n))\n+(?!\n|\Z)")
_SPECIAL_ESCAPES = {
    "0000": "\\0", "0007": "\\a", "000b": "\\v", "001b": "\\e", "0085": "\\N", "00a0": "\\_", "2028": "\\L", "2029": "\\P",
}  # fmt: skip
_JSON_LINES_FROM = 40


@dataclass(frozen=True, slots=True)
class YamlStyle:
    """What may be chosen, with the defaults of the library. ``line_width`` 0 folds nothing."""

    indent: int = 2
    indent_lists: bool = True
    line_width: int = 80
    single_quotes: bool | None = None
    blocks: bool = True
    flow: bool = False

    @classmethod
    def from_options(cls, options: Mapping[str, Any] | None) -> YamlStyle:
        """``indent``, ``indentSeq``, ``lineWidth``, ``singleQuote``, ``blockQuote``, ``collectionStyle`` of the library."""
        given = options or {}
        return cls(
            indent=max(1, min(16, int(given.get("indent", 2)))),
            indent_lists=bool(given.get("indentSeq", True)),
            line_width=max(0, int(given.get("lineWidth", 80))),
            single_quotes=given.get("singleQuote"),
            blocks=given.get("blockQuote", True) is not False,
            flow=given.get("collectionStyle") == "flow",
        )


@dataclass(frozen=True, slots=True)
class _Place:
    indent: str = ""
    at_start: int | None = None
    is_key: bool = False
    in_flow: bool = False
    depth: int = 0


def format_yaml(value: Any, style: YamlStyle = YamlStyle()) -> str:
    """JSON as one YAML document with a line end. Raises ``RecursionError`` beyond 200 levels."""
    return from_units(_Writer(style).write(value, _Place())) + "\n"


class _Writer:
    def __init__(self, style: YamlStyle) -> None:
        self._style = style

    def write(self, value: Any, place: _Place) -> str:
        if place.depth > MAX_DEPTH:
            raise RecursionError
        if isinstance(value, str):
            return self._string(value, place)
        if isinstance(value, Mapping):
            return self._map(value, place)
        if isinstance(value, (list, tuple)):
            return self._list(value, place)
        return _scalar(value)

    # ---- collections -------------------------------------------------------------------------------------------------

    def _map(self, value: Mapping[str, Any], place: _Place) -> str:
        if not value:
            return "{}"
        if place.in_flow or self._style.flow:
            inner = replace(place, in_flow=True, depth=place.depth + 1, at_start=None)
            pairs = ", ".join(f"{self._key(str(key), inner)}: {self.write(one, inner)}" for key, one in value.items())
            return f"{{ {pairs} }}"
        return f"\n{place.indent}".join(self._pair(str(key), one, place) for key, one in value.items())

    def _pair(self, key: str, value: Any, place: _Place) -> str:
        written = self._key(key, place) + ":"
        step = " " * self._style.indent
        inner = _Place(place.indent + step, None, depth=place.depth + 1)
        if isinstance(value, Mapping) and value and not self._style.flow:
            return f"{written}\n{inner.indent}{self.write(value, inner)}"
        if isinstance(value, (list, tuple)) and value and not self._style.flow:
            at = inner if self._style.indent_lists else replace(inner, indent=place.indent)
            return f"{written}\n{at.indent}{self.write(value, at)}"
        text = self.write(value, replace(inner, at_start=len(written) + 1))
        return f"{written}{'' if text.startswith(chr(10)) else ' '}{text}"

    def _list(self, value: Any, place: _Place) -> str:
        if not value:
            return "[]"
        if place.in_flow or self._style.flow:
            inner = replace(place, in_flow=True, depth=place.depth + 1, at_start=None)
            return f"[ {', '.join(self.write(one, inner) for one in value)} ]"
        inner = _Place(place.indent + "  ", None, depth=place.depth + 1)
        return f"\n{place.indent}".join(f"- {self.write(one, inner)}" for one in value)

    def _key(self, key: str, place: _Place) -> str:
        indent = place.indent + " " * self._style.indent
        return self._string(key, replace(place, is_key=True, at_start=None, indent=indent))

    # ---- texts -------------------------------------------------------------------------------------------------------

    def _string(self, value: str, place: _Place) -> str:
        is_odd = _CONTROL.search(value) is not None
        value = to_units(value)  # widths are counted in UTF-16, as JavaScript counts
        if is_odd:
            return self._double(value, place)
        if (place.is_key and "\n" in value) or (place.in_flow and _FLOW_MARKS.search(value)):
            return self._quoted(value, place)
        is_simple = place.is_key or place.in_flow or "\n" not in value
        if not value or _NOT_PLAIN.search(value):
            return self._quoted(value, place) if is_simple else self._block(value, place)
        if not is_simple:
            return self._block(value, place)
        if _DOCUMENT_MARK.search(value):
            if place.indent == "":
                return self._block(value, place)
            if place.is_key and len(place.indent) == self._style.indent:
                return self._quoted(value, place)
        if _OTHER_TYPE.fullmatch(value):
            return self._quoted(value, place)
        return value if place.is_key else self._fold(value, place, FoldMode.FLOW)

    def _quoted(self, value: str, place: _Place) -> str:
        chosen = self._style.single_quotes
        has_double, has_single = '"' in value, "'" in value
        if chosen is False:
            return self._double(value, place)
        if has_double and not has_single:
            return self._single(value, place)
        if has_single and not has_double:
            return self._double(value, place)
        return self._single(value, place) if chosen else self._double(value, place)

    def _single(self, value: str, place: _Place) -> str:
        if (place.is_key and "\n" in value) or re.search(r"[ \t]\n|\n[ \t]", value):
            return self._double(value, place)
        place = _indented(value, place)
        escaped = value.replace("'", "''")
        text = "'" + _LINE_ENDS.sub(lambda found: f"{found[0]}\n{place.indent}", escaped) + "'"
        return text if place.is_key else self._fold(text, place, FoldMode.FLOW)

    def _double(self, value: str, place: _Place) -> str:
        written = escape_lone_surrogates(json.dumps(value, ensure_ascii=False))
        place = _indented(value, place)
        text = _escape(written, place.indent, one_line=place.is_key or len(written) < _JSON_LINES_FROM)
        return text if place.is_key else self._fold(text, place, FoldMode.QUOTED)

    def _block(self, value: str, place: _Place) -> str:
        if not self._style.blocks or re.search(r"\n[\t ]+\Z", value):
            return self._quoted(value, place)
        indent = _indented(value, place).indent
        literal = not self._has_long_line(value, len(indent))
        body = value.rstrip("\n\t ")
        end = value[len(body) :]
        newline = end.find("\n")
        chomp = "-" if newline == -1 else "+" if not body or newline != len(end) - 1 else ""
        end = _END_OF_BLOCK.sub(lambda found: found[0] + indent, end.removesuffix("\n"))
        lead = re.match(r"[ \n]*", body)
        blank = lead[0] if lead else ""
        start = blank[: blank.rfind("\n") + 1]
        body = body[len(start) :]
        start = _LINE_ENDS.sub(lambda found: found[0] + indent, start)
        header = (("2" if indent else "1") if " " in blank else "") + chomp
        if not literal:
            folded = _LINE_ENDS.sub(lambda found: "\n" + found[0], body)
            folded = _MORE_INDENTED.sub(lambda found: (found[1] or "") + (found[2] or ""), folded)
            folded = _LINE_ENDS.sub(lambda found: found[0] + indent, folded)
            width = self._style.line_width
            text = fold(start + folded + end, indent, FoldMode.BLOCK, line_width=width, at_start=len(place.indent))
            if text is not None:
                return f">{header}\n{indent}{text}"
        body = _LINE_ENDS.sub(lambda found: found[0] + indent, body)
        return f"|{header}\n{indent}{start}{body}{end}"

    def _has_long_line(self, value: str, indent: int) -> bool:
        limit = self._style.line_width - indent
        return bool(self._style.line_width) and any(len(line) > limit for line in value.split("\n"))

    def _fold(self, text: str, place: _Place, mode: FoldMode) -> str:
        folded = fold(text, place.indent, mode, line_width=self._style.line_width, at_start=place.at_start)
        return text if folded is None else folded


def _indented(value: str, place: _Place) -> _Place:
    """At the top a text that could be taken for the end of the document is indented."""
    return replace(place, indent="  ") if not place.indent and _DOCUMENT_MARK.search(value) else place


def _escape(written: str, indent: str, *, one_line: bool) -> str:
    """JSON's text with YAML's shorter escapes and, unless ``one_line``, with its line ends as such."""
    parts: list[str] = []
    start = at = 0
    while at < len(written):
        char = written[at]
        if char == " " and written.startswith("\\n", at + 1):
            # A blank before a line end would be folded away.
            parts += (written[start:at], "\\ ")
            at += 1
            start, char = at, "\\"
        if char == "\\":
            after = written[at + 1]
            if after == "u":
                code = written[at + 2 : at + 6]
                short = _SPECIAL_ESCAPES.get(code) or (f"\\x{code[2:]}" if code.startswith("00") else None)
                parts += (written[start:at], short or written[at : at + 6])
                at += 5
                start = at + 1
            elif after == "n" and not (one_line or written[at + 2] == '"'):
                parts += (written[start:at], "\n\n")
                while written.startswith("\\n", at + 2) and written[at + 4] != '"':
                    parts.append("\n")
                    at += 2
                parts.append(indent)
                if written[at + 2] == " ":
                    parts.append("\\")
                at += 1
                start = at + 1
            else:
                at += 1
        at += 1
    return "".join(parts) + written[start:]


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, float) and math.isnan(value):
        return ".nan"
    if value in (float("inf"), float("-inf")) and not isinstance(value, bool):
        return ".inf" if value > 0 else "-.inf"
    return to_text(value)
