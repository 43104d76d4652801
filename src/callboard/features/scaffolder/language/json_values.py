"""Templates inside JSON: a step's input, its condition, a template's output."""

from __future__ import annotations

from typing import Any, Mapping

from callboard.features.scaffolder.language.faults import TemplateFault
from callboard.features.scaffolder.language.language import Context, Language
from callboard.features.scaffolder.language.limits import MAX_VALUE_DEPTH, too_much
from callboard.features.scaffolder.language.options import Options
from callboard.features.scaffolder.language.values import UNDEFINED


class TemplateFaults(TemplateFault):
    """Every fault in a JSON value, in its order; each ``field`` says where (``input.values.name``, ``input.list[0]``).

    It reads as the first of them.
    """

    def __init__(self, faults: list[TemplateFault]) -> None:
        first = faults[0]
        super().__init__(first.message, line=first.line, column=first.column, excerpt=first.excerpt, field=first.field)
        self.faults = tuple(faults)


def render_json(
    language: Language,
    value: Any,
    context: Mapping[str, Any],
    options: Options = Options(),  # noqa: B008 - it is frozen
) -> Any:
    """``value`` with every string in it rendered as a value; keys stay as they are.

    A string that cannot be rendered stays as it is written. Undefined removes a key, leaves null in an array, and is
    ``UNDEFINED`` at the top.

    Raises:
        TemplateFaults: With ``options.strict``: all strings that cannot be rendered, or have no value.
    """
    rendering = _Rendering(language, context, options)
    rendered = rendering.render(value, "")
    if options.strict and rendering.faults:
        raise TemplateFaults(rendering.faults)
    return rendered


class _Rendering:
    def __init__(self, language: Language, context: Mapping[str, Any], options: Options) -> None:
        self.language = language
        self.context = context if isinstance(context, Context) else Context(context)
        self.options = options
        self.faults: list[TemplateFault] = []

    def render(self, value: Any, path: str, depth: int = 0) -> Any:
        if depth > MAX_VALUE_DEPTH:
            raise too_much("levels of arrays and objects", MAX_VALUE_DEPTH).as_fault("")
        if isinstance(value, str):
            return self.render_string(value, path)
        if isinstance(value, Mapping):
            made = {
                key: self.render(item, f"{path}.{key}" if path else str(key), depth + 1) for key, item in value.items()
            }
            return {key: item for key, item in made.items() if item is not UNDEFINED}
        if isinstance(value, (list, tuple)):
            items = [self.render(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(value)]
            return [None if item is UNDEFINED else item for item in items]
        return value

    def render_string(self, source: str, path: str) -> Any:
        if "{" not in source and "#}" not in source:
            return source
        try:
            return self.language.render_value(source, self.context, self.options)
        except TemplateFault as fault:
            fault.field = path or None
            self.faults.append(fault)
            return source
