"""Where in a YAML file a key stands. Used only when something is to be said about it: composing is slow."""

from __future__ import annotations

from typing import Any, Sequence

Path = Sequence[str | int]


def find_position(text: str, path: Path) -> tuple[int, int] | None:
    """Line and column (from 1) of the key at ``path``, or of the nearest parent that stands in ``text``.

    None when the text is no YAML that can be composed.
    """
    import yaml

    try:
        node: Any = yaml.compose(text, Loader=yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader)
    except yaml.YAMLError:
        return None
    if node is None:
        return None
    mark = node.start_mark
    for part in path:
        found = _step(node, part)
        if found is None:
            break
        mark, node = found
    return mark.line + 1, mark.column + 1


def _step(node: Any, part: str | int) -> tuple[Any, Any] | None:
    import yaml

    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        child = node.value[part]
        return child.start_mark, child
    return None
