"""The YAML of a ``mkdocs.yml``, read without running anything it names.

Of Python's tags only the names that every material site carries are known, and even they become plain text: ``Name``. Whatever else a
tag asks for (objects, environment variables) is left out and told, with its line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Self

import yaml

from callboard.features.techdocs.interface import Problem

_MAX_DEPTH = 40
_MAX_NODES = 50_000
_MAX_INT = 2**63 - 1
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
"""What YAML can say by escapes and neither a database nor UTF-8 holds."""
_NAME_TAG = "tag:yaml.org,2002:python/name:"
_APPLY_TAG = "tag:yaml.org,2002:python/object/apply:"
_KNOWN_NAMES = frozenset(
    [
        "materialx.emoji.twemoji",
        "materialx.emoji.to_svg",
        "material.extensions.emoji.twemoji",
        "material.extensions.emoji.to_svg",
        "pymdownx.emoji.twemoji",
        "pymdownx.emoji.gemoji",
        "pymdownx.emoji.emojione",
        "pymdownx.emoji.to_svg",
        "pymdownx.emoji.to_png",
        "pymdownx.emoji.to_alt",
        "pymdownx.superfences.fence_code_format",
        "pymdownx.superfences.fence_div_format",
        "pymdownx.arithmatex.fence_mathjax_format",
        "pymdownx.slugs.slugify",
        "pymdownx.slugs.uslugify",
        "mermaid2.fence_mermaid",
        "mermaid2.fence_mermaid_custom",
    ]
)
_KNOWN_CALLS = frozenset({"pymdownx.slugs.slugify"})


class Name(str):
    """The dotted name of a Python object that a tag asked for. It is a word to compare with, and is never imported."""

    __slots__ = ("options",)

    def __new__(cls, name: str, options: dict[str, Any] | None = None) -> Self:
        made = super().__new__(cls, name)
        made.options = options or {}
        return made

    options: dict[str, Any]


@dataclass(slots=True)
class Parsed:
    """A file's values, the line of each top-level key and of each text in it (first place), and what was left out."""

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    text_lines: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


class _TooMuch(Exception):
    pass


def _plain(text: str) -> str:
    return _NO_TEXT.sub("\ufffd", text)


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file
        self.parsed = Parsed()
        self.nodes = 0

    def problem(self, message: str, node: yaml.Node) -> None:
        self.parsed.problems.append(Problem("refused", _plain(message), self.file, node.start_mark.line + 1))

    def value(self, node: yaml.Node, depth: int = 0) -> Any:
        # Aliases are walked each time they are used, so that what multiplies them is counted as often.
        self.nodes += 1
        if depth > _MAX_DEPTH or self.nodes > _MAX_NODES:
            raise _TooMuch
        if node.tag.startswith("tag:yaml.org,2002:python/") or not node.tag.startswith("tag:yaml.org,2002:"):
            return self._tagged(node, depth)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, depth + 1) for child in node.value]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged = self.value(value_node, depth + 1)
                for part in merged if isinstance(merged, list) else [merged]:
                    if isinstance(part, dict):
                        made = {**part, **made}
                continue
            key = _plain(key_node.value) if isinstance(key_node, yaml.ScalarNode) else None
            if key is None:
                self.problem("A key has to be a plain word; this entry was left out.", key_node)
                continue
            if depth == 0:
                self.parsed.lines.setdefault(key, key_node.start_mark.line + 1)
            self.parsed.text_lines.setdefault(key, key_node.start_mark.line + 1)
            made[key] = self.value(value_node, depth + 1)
        return made

    def _scalar(self, node: yaml.Node) -> Any:
        try:
            made = _scalars.construct_object(node)
        except (yaml.YAMLError, ValueError, TypeError):
            made = str(node.value)
        finally:
            _scalars.constructed_objects.clear()
        if isinstance(made, str):
            made = _plain(made)
            self.parsed.text_lines.setdefault(made, node.start_mark.line + 1)
            return made
        if isinstance(made, int) and abs(made) > _MAX_INT:
            return str(node.value)  # a number that JSON and databases have no room for
        return made if made is None or isinstance(made, (bool, int, float)) else str(node.value)

    def _tagged(self, node: yaml.Node, depth: int) -> Any:
        tag = node.tag
        if tag.startswith(_NAME_TAG):
            name = tag.removeprefix(_NAME_TAG)
            if name in _KNOWN_NAMES:
                return Name(name)
        elif tag.startswith(_APPLY_TAG):
            name = tag.removeprefix(_APPLY_TAG)
            if name in _KNOWN_CALLS:
                given = self._mapping(node, depth) if isinstance(node, yaml.MappingNode) else {}
                options = given.get("kwds", {})
                return Name(name, options if isinstance(options, dict) else {})
        else:
            name = tag
        shown = tag.replace("tag:yaml.org,2002:", "!!")
        self.problem(f"The tag {shown} is not allowed; its value was left out. Write the value itself.", node)
        return None


_scalars = yaml.SafeLoader("")


def parse_config(text: str, file: str) -> Parsed:
    """What the file says; what could not be read or is not allowed is among ``problems``."""
    reader = _Reader(file)
    loader = yaml.SafeLoader("")
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return reader.parsed
        values = reader.value(node)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        reader.parsed.problems.append(
            Problem("settings", f"Not valid YAML: {error.problem or error.context}. Its defaults hold.", file, line)
        )
        return reader.parsed
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reader.parsed.problems.append(
            Problem("settings", f"Not valid YAML: {str(error).splitlines()[0]}. Its defaults hold.", file, None)
        )
        return reader.parsed
    except _TooMuch:
        message = f"More than {_MAX_NODES:,} values, or nested deeper than {_MAX_DEPTH}: its defaults hold."
        reader.parsed.problems.append(Problem("refused", message, file, None))
        return reader.parsed
    finally:
        loader.dispose()
    if isinstance(values, dict):
        reader.parsed.values = values
    else:
        reader.parsed.problems.append(Problem("settings", "A list of settings is expected; defaults hold.", file, 1))
    return reader.parsed


def parse_front_matter(text: str) -> tuple[dict[str, Any], str, int]:
    """``(values, text after it, lines that it took)``. What is not a mapping in YAML between ``---`` lines is text."""
    end = front_matter_end(text)
    if end is None:
        return {}, text, 0
    head, rest = end
    raw = text[text.index("\n") + 1 : head]
    if len(raw) > 20_000:
        return {}, text, 0
    parsed = parse_config(raw, "")
    if not parsed.values and raw.strip():
        return {}, text, 0
    return parsed.values, text[rest:], text.count("\n", 0, rest)


def front_matter_end(text: str) -> tuple[int, int] | None:
    """Where the front matter's content ends, and where the text after it begins; None without front matter."""
    if not text.startswith("---") or "\n" not in text or text[: text.index("\n")].rstrip() != "---":
        return None
    position = text.index("\n") + 1
    while position < len(text):
        end = text.find("\n", position)
        line_end = len(text) if end < 0 else end
        if text[position:line_end].rstrip() in {"---", "..."}:
            return position, min(line_end + 1, len(text))
        position = line_end + 1
    return None
