"""Where the values of a YAML document stand in its file, also those inside of its texts."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

FieldPath = tuple[str | int, ...]


class Places:
    """Of one document. ``first_line`` is where it begins in its file, from 1."""

    def __init__(self, text: str, first_line: int = 1) -> None:
        import yaml

        self._lines = text.split("\n")
        self._first = first_line
        try:
            self._root: Any = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except (yaml.YAMLError, RecursionError, ValueError):
            self._root = None

    def of(self, path: FieldPath) -> tuple[int, int]:
        """Line and column of the key or item at ``path``, or of the nearest parent that is there."""
        mark, _ = self._find(path)
        return (self._first, 1) if mark is None else (self._first + mark.line, mark.column + 1)

    def inside(self, path: FieldPath, line: int, column: int) -> tuple[int, int]:
        """The same of a place within the text at ``path``, counted from 1."""
        _, node = self._find(path)
        mark, style = getattr(node, "start_mark", None), getattr(node, "style", None)
        if mark is None or not isinstance(getattr(node, "value", None), str):
            return self.of(path)
        if style in ("|", ">"):
            return self._first + mark.line + line, self._indent_below(mark.line) + column
        if line == 1:
            return self._first + mark.line, mark.column + (1 if style in ("'", '"') else 0) + column
        return self._first + mark.line + line - 1, column

    def _find(self, path: FieldPath) -> tuple[Any, Any]:
        """The mark of the key and the node of the value."""
        node = self._root
        mark = getattr(node, "start_mark", None)
        for part in path:
            value = getattr(node, "value", None)
            if not isinstance(value, list):
                return mark, None
            if isinstance(part, int):
                inner = value[part] if part < len(value) and not isinstance(value[part], tuple) else None
                key = inner
            else:
                key, inner = next((p for p in value if isinstance(p, tuple) and p[0].value == part), (None, None))
            if inner is None or key is None:
                return mark, None
            mark, node = getattr(key, "start_mark", None), inner
        return mark, node

    def _indent_below(self, row: int) -> int:
        for text in self._lines[row + 1 :]:
            if text.strip():
                return len(text) - len(text.lstrip())
        return 0


def texts_in(value: Any, path: FieldPath = ()) -> Iterator[tuple[FieldPath, str]]:
    """All texts of a JSON value with their paths; keys are not among them, as nothing renders them."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from texts_in(one, (*path, str(key)))
    elif isinstance(value, (list, tuple)):
        for index, one in enumerate(value):
            yield from texts_in(one, (*path, index))


def show_path(path: FieldPath) -> str:
    """``spec.steps[0].input``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
