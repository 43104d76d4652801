"""What the YAML parser does not tell: keys given twice, how far aliases expand, where a field stands.

The quick looks are one-sided: they may ask for the exact scan without need, never the other way round. The exact scan
walks the event stream of libyaml, which costs four times the parse and is paid only by documents that look odd.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from callboard.model.problems import FieldPath

_ALIAS = re.compile(r"(?:^|[\s\[{,:])\*[^\s*,\]}]")
_ANCHOR = re.compile(r"(?:^|[\s\[{,:])&[^\s&]")
# A block key: what stands before it (blanks and dashes), its text up to the first ': ', and what follows.
_KEY = re.compile(r"^([ -]*+)([^\s#:][^:\n]*+(?::[^\s:][^:\n]*+|:(?=:))*+):(?:[ \t]++([^\n]*+))?$", re.MULTILINE)
_ITEM = re.compile(r"^[ -]*- ++([\"'{\[&!?][^\n]*+)$|^ *+([\"'{\[?&!*][^\n]*+)$", re.MULTILINE)
_SIMPLE_QUOTED = re.compile(r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')\s*(?:#.*)?""")


CHARACTERS_PER_VALUE = 32
"""A text counts for one more value for each so many characters: copies of one long text are a bomb as well."""


class Fault(NamedTuple):
    """``row`` counts from 0 in the text given, ``column`` from 1."""

    message: str
    row: int
    column: int
    fix: str | None = None


def position(text: str, offset: int) -> tuple[int, int]:
    """Row (from 0) and column (from 1) of an offset."""
    return text.count("\n", 0, offset), offset - text.rfind("\n", 0, offset)


def may_hold_aliases(text: str) -> bool:
    """Whether an alias and an anchor may be there. False is certain."""
    return "*" in text and "&" in text and _ALIAS.search(text) is not None and _ANCHOR.search(text) is not None


def may_hold_duplicates(text: str) -> bool:
    """Whether a mapping may have a key twice. False is certain; True is no more than a reason to look closely."""
    levels: list[tuple[int, set[str]]] = [(-1, set())]
    level, keys = levels[0]
    scalar = -1  # column of the key whose block scalar is being skipped, or -1
    for before, key, value in _KEY.findall(text):
        column = len(before)
        if scalar >= 0:
            dash = before.find("-")
            if (column if dash < 0 else dash) > scalar:
                continue
            scalar = -1
        if column and "-" in before:
            dash = before.index("-")
            if before[-1] == "-":
                return True
            while level > dash:
                levels.pop()
                level, keys = levels[-1]
        first = key[0]
        if first in _ODD:
            if first not in "\"'" or "\\" in key or len(key) < 2 or key[-1] != first or first in key[1:-1]:
                return True
            key = key[1:-1]
        elif key[-1] == " ":
            return True
        while level > column:
            levels.pop()
            level, keys = levels[-1]
        if level < column:
            level, keys = column, {key}
            levels.append((level, keys))
        elif key in keys:
            return True
        else:
            keys.add(key)
        if value and (first := value[0]) in _ODD:
            if first in "|>":
                scalar = column
            elif _is_odd(value):
                return True
    # Keys may also hide in what is no key line: items that open a flow mapping, a quote, or a pair with '?'
    if "- " in text or "?" in text or "\n{" in text or text[:1] in _ODD:
        return any(_is_odd(item or line) for item, line in _ITEM.findall(text) if _KEY.match(item or line) is None)
    return False


_ODD = frozenset("\"'{[&!?*|>")


def _is_odd(value: str) -> bool:
    """Whether a value that begins with a mark may open something that hides keys, or reaches into the next line."""
    first = value[0]
    if first in "\"'":
        return _SIMPLE_QUOTED.fullmatch(value) is None
    if first == "[":
        return "{" in value or ":" in value or "]" not in value
    if first == "{":
        return "," in value or "}" not in value
    return first in "&!?"


def scan(text: str, *, max_nodes: int, max_depth: int) -> Fault | None:
    """The first key that is there twice, or the point where nesting or values (aliases written out) pass the limits.

    Where libyaml cannot read the text (it knows YAML 1.1 only) duplicates go unnoticed, but aliases are refused.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    sizes: dict[str, int] = {}  # anchor to the number of nodes it stands for
    total = 0
    # One entry per open collection: is mapping, keys so far, is the next node a key, anchor, nodes before it
    open_: list[list[Any]] = []
    try:
        for event in yaml.parse(text, Loader=loader):
            kind = type(event)
            if kind is yaml.ScalarEvent or kind is yaml.AliasEvent:
                if kind is yaml.AliasEvent:
                    if any(frame[3] == event.anchor for frame in open_):
                        return _fault("An alias may not stand inside what it names", event, "Write the value out.")
                    size = sizes.get(event.anchor, 1)
                else:
                    size = 1 + len(event.value) // CHARACTERS_PER_VALUE
                total += size
                if total > max_nodes:
                    what = "With its aliases written out the" if sizes else "The"
                    message = f"{what} document holds more than {max_nodes:,} values (long texts count for several)"
                    return _fault(message, event, "Split it into several documents.")
                if event.anchor and kind is yaml.ScalarEvent:
                    sizes[event.anchor] = size
                if open_ and open_[-1][0]:
                    frame = open_[-1]
                    if frame[2] and kind is yaml.ScalarEvent:
                        key = (event.value, _plain_type(event))
                        if key in frame[1]:
                            return _fault(
                                "Map keys must be unique", event,
                                f"'{event.value}' is there twice; keep one, or begin a new document with ---.",
                            )  # fmt: skip
                        frame[1].add(key)
                    frame[2] = not frame[2]
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                if len(open_) >= max_depth:
                    return _fault(f"The document is nested deeper than {max_depth} levels", event, "Flatten it.")
                if open_ and open_[-1][0]:
                    open_[-1][2] = not open_[-1][2]
                open_.append([kind is yaml.MappingStartEvent, set(), True, event.anchor, total])
                total += 1
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                frame = open_.pop()
                if frame[3]:
                    sizes[frame[3]] = total - frame[4]
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if may_hold_aliases(text) and _really_aliased(text):
            mark = getattr(error, "problem_mark", None)
            row, column = (mark.line, mark.column + 1) if mark else (0, 1)
            return Fault("Anchors and aliases could not be checked", row, column, "Write the values out.")
    return None


def _really_aliased(text: str) -> bool:
    """An alias that names an anchor of this text, so that quoted text with * and & in it is not refused."""
    anchors = set(re.findall(r"(?:^|[\s\[{,:])&([^\s,\[\]{}]+)", text))
    return any(name in anchors for name in re.findall(r"(?:^|[\s\[{,:])\*([^\s,\[\]{}]+)", text))


_TYPED = re.compile(
    r"null|Null|NULL|~||true|True|TRUE|false|False|FALSE|[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"
    r"|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
)


def _plain_type(event: Any) -> bool:
    """Whether the key is a plain number, boolean or null: the key 1 is not the key "1"."""
    return event.style is None and event.implicit[0] and _TYPED.fullmatch(event.value) is not None


def _fault(message: str, event: Any, fix: str) -> Fault:
    mark = event.start_mark
    return Fault(message, mark.line, mark.column + 1, fix)


# ---- where a field stands ----------------------------------------------------------------------------------------------


def find_path(text: str, path: FieldPath) -> tuple[int, int]:
    """Row (from 0) and column (from 1) of the key or item at ``path``, or of its nearest parent that exists."""
    import yaml

    try:
        root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError, ValueError):
        return _search_path(text, path)
    if root is None:
        return 0, 1
    mark, node = root.start_mark, root
    for part in path:
        if isinstance(node, yaml.MappingNode):
            pair = next(((k, v) for k, v in node.value if getattr(k, "value", None) == str(part)), None)
            if pair is None:
                break
            mark, node = pair[0].start_mark, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            mark = node.start_mark
        else:
            break
    return mark.line, mark.column + 1


def _search_path(text: str, path: FieldPath) -> tuple[int, int]:
    """By indentation alone, for text that PyYAML cannot read; lists are passed over."""
    row, column, start = 0, 1, 0
    names = [part for part in path if isinstance(part, str)]
    lines = text.split("\n")
    for name in names:
        key = re.compile(rf"""^([ -]*)["']?{re.escape(name)}["']?\s*:(?:\s|$)""")
        for number in range(start, len(lines)):
            match = key.match(lines[number])
            if match and (start == 0 or len(match[1]) >= column):
                row, column, start = number, len(match[1]) + 1, number + 1
                break
        else:
            break
    return row, column
