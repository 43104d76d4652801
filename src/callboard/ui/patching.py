"""Changing fields in a YAML text so that the rest of it stays as people wrote it: comments, order, quotes, blank lines. Pure.

Each change is made where the field stands, then the text is read again. A text that does not say exactly what it should by
then (anchors, merge keys, layouts nobody thought of) is written anew: right before pretty.
"""

from __future__ import annotations

import json
import re
from textwrap import dedent
from typing import Any, Final, Mapping

from callboard.model.documents import parse_values
from callboard.model.fields import find_value, with_value
from callboard.model.problems import FieldPath
from callboard.ui.code import format_yaml

_PLAIN = re.compile(r"[A-Za-z][\w./-]*(?: [\w./-]+)*")
_WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))


class _Null:
    """See ``NULL``."""


NULL: Final = _Null()
"""As a value to set: YAML's null, where None takes the field away."""


def patch(text: str, document: Mapping[str, Any], values: Mapping[FieldPath, Any]) -> str:
    """``text``, which is one document and says ``document``, with the fields set, or taken away for None."""
    wanted = dict(document)
    for path in sorted(values, key=len):
        value, stands = values[path], find_value(wanted, path)
        if value is NULL:
            wanted = _with_null(wanted, path)
            changed = _change(text, path, None, removes=False)
        else:
            if value == stands and type(value) is type(stands):
                continue
            wanted = with_value(wanted, path, value)
            changed = _change(text, path, value, removes=value is None)
        if changed is None or not _says(changed, wanted):
            changed = _opening(text) + format_yaml(wanted)
            if not _says(changed, wanted):
                changed = format_yaml(wanted)
        text = changed
    return text


def _says(text: str, wanted: Mapping[str, Any]) -> bool:
    return _read(text) == wanted


def _with_null(document: Mapping[str, Any], path: FieldPath) -> dict[str, Any]:
    """Mappings on the way are made where they are missing."""
    head, rest = str(path[0]), path[1:]
    below = document.get(head)
    return {**document, head: _with_null(below if isinstance(below, Mapping) else {}, rest) if rest else None}


def _read(text: str) -> Any:
    """What the one document of a text says; None where it is none, or not one."""
    found = parse_values(text)
    return found[0] if isinstance(found, list) and len(found) == 1 else None


def _opening(text: str) -> str:
    """The comment that a text begins with."""
    lines = []
    for line in text.split("\n"):
        if not line.startswith("#"):
            break
        lines.append(f"{line}\n")
    return "".join(lines)


def _change(text: str, path: FieldPath, value: Any, *, removes: bool) -> str | None:
    """None where the text is not laid out as expected."""
    import yaml

    try:
        root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        return None
    return _Text(text).change(root, path, value, removes=removes)


class _Text:
    """One change of one text. Nodes are PyYAML's; their marks count characters."""

    def __init__(self, text: str) -> None:
        self._text = text

    def change(self, root: Any, path: FieldPath, value: Any, *, removes: bool) -> str | None:
        parent, key, found = root, None, None
        for depth, part in enumerate(path):
            pair = next(((k, v) for k, v in parent.value if k.value == part), None)
            if pair is None:
                return None if removes else self._add(parent, path[depth:], value)
            key, found = pair
            if depth == len(path) - 1:
                break
            if found.id != "mapping" or found.flow_style or not found.value:
                if value is None and not removes:
                    return None
                return self._rewrite(key, found, path[depth + 1 :], value)
            parent = found
        if key is None or found is None:
            return None
        if removes:
            return self._remove(root, parent, key, found, path)
        return self._replace(key, found, value)

    # ---- where things end ----------------------------------------------------------------------------------------------

    def _end(self, node: Any) -> int:
        """After the last character that belongs to the value; marks of blocks go on to whatever comes next."""
        if node.id == "scalar":
            if node.style in ("|", ">"):
                return node.start_mark.index + len(self._text[node.start_mark.index : node.end_mark.index].rstrip())
            return int(node.end_mark.index)
        if node.flow_style or not node.value:
            return int(node.end_mark.index)
        last = node.value[-1]
        return self._end(last[1] if node.id == "mapping" else last)

    def _line_end(self, at: int) -> int:
        """After the line feed of the line."""
        end = self._text.find("\n", at)
        return len(self._text) if end < 0 else end + 1

    def _line_start(self, at: int) -> int:
        return self._text.rfind("\n", 0, at) + 1

    def _cut(self, start: int, end: int, new: str) -> str:
        return self._text[:start] + new + self._text[end:]

    # ---- changes -------------------------------------------------------------------------------------------------------

    def _replace(self, key: Any, old: Any, value: Any) -> str:
        start, end = old.start_mark.index, self._end(old)
        if old.id == "scalar" and old.style not in ("|", ">") and (line := _line(value)) is not None:
            gap = " " if start == key.end_mark.index + 1 else ""
            return self._cut(start, end, gap + line)
        if old.id == "sequence" and isinstance(value, list) and value:
            if old.flow_style:
                return self._cut(start, end, _flow(value))
            return self._cut(*self._items(old, value))
        return self._put(key, end, value)

    def _put(self, key: Any, end: int, value: Any) -> str:
        """Write the value after the key, whatever stood there."""
        return self._cut(key.end_mark.index, end, _entry("", value, key.start_mark.column))

    def _items(self, old: Any, value: list[Any]) -> tuple[int, int, str]:
        """From where to where the items of a block list stand, and its new ones; items that stay keep their lines."""
        starts = [self._line_start(item.start_mark.index) for item in old.value]
        ends = [self._line_end(self._end(item)) for item in old.value]
        dash = self._text.find("-", starts[0])
        indent = " " * (dash - starts[0])
        kept: dict[str, str] = {}
        begin = starts[0]
        for end in ends:
            chunk = self._text[begin:end]
            stands = _read(dedent(chunk)) if "-" in chunk else None
            if isinstance(stands, list) and len(stands) == 1:
                kept.setdefault(_told(stands[0]), chunk)
            begin = end
        out = ""
        for one in value:
            own = kept.pop(_told(one), None)
            if own is None:
                lines = format_yaml([one]).rstrip("\n").split("\n")
                own = "".join(f"{indent}{line}\n" if line else "\n" for line in lines)
            out += own if own.endswith("\n") else f"{own}\n"
        return starts[0], ends[-1], out

    def _add(self, parent: Any, path: FieldPath, value: Any) -> str | None:
        if not parent.value:
            return None
        for part in reversed(path[1:]):
            value = {str(part): value}
        column = parent.value[0][0].start_mark.column
        at = self._line_end(self._end(parent))
        lead = "" if at == 0 or self._text[at - 1] == "\n" else "\n"
        return self._cut(at, at, f"{lead}{' ' * column}{_entry(str(path[0]), value, column)}\n")

    def _rewrite(self, key: Any, old: Any, path: FieldPath, value: Any) -> str | None:
        """A mapping on one line, or none at all, is written as a block."""
        found = _read(f"value: {self._text[old.start_mark.index : self._end(old)]}\n")
        before = found.get("value") if isinstance(found, dict) else None
        if before is not None and not isinstance(before, dict):
            return None
        after = with_value(before or {}, path, value)
        return self._put(key, self._end(old), after)

    def _remove(self, root: Any, parent: Any, key: Any, old: Any, path: FieldPath) -> str | None:
        if len(parent.value) == 1:
            if path[-2:-1] in (("labels",), ("annotations",)):
                return self.change(root, path[:-1], None, removes=True)
            return None
        start = self._line_start(key.start_mark.index)
        if self._text[start : key.start_mark.index].strip():
            return None
        return self._cut(start, self._line_end(self._end(old)), "")


def _entry(key: str, value: Any, column: int) -> str:
    """``key: value`` as block YAML, its further lines indented below a key in ``column``; ``: value`` for an empty key."""
    name = key or "k"
    lines = format_yaml({name: value}).rstrip("\n").split("\n")
    told = "\n".join([lines[0], *(" " * column + line if line else line for line in lines[1:])])
    return told if key else told.removeprefix(name)


def _told(value: Any) -> str:
    """The same for the same value, type included."""
    return json.dumps(value, sort_keys=True, default=repr)


def _line(value: Any) -> str | None:
    """A scalar on one line."""
    if isinstance(value, (dict, list)):
        return None
    told = format_yaml({"k": value}).removeprefix("k:").strip()
    return None if "\n" in told or told.startswith(("|", ">")) else told


def _flow(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_flow(item) for item in value)}]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)
