"""Two JSON schemas compared in one direction: what a client sends may only grow, what it gets may only shrink."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal, Mapping

from callboard.features.catalog.apis.changes import Found
from callboard.features.catalog.apis.model import listed, mapping, words
from callboard.features.catalog.apis.schemas import Resolved, Resolver, brief, types_of

Direction = Literal["request", "response"]
_MAX_PAIRS: Final = 20_000
_MAX_LEVELS: Final = 40
_LOWER: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


@dataclass(slots=True)
class SchemaComparer:
    """Compares schemas of two documents. A pair of named schemas is looked at once for each operation and direction."""

    before: Resolver
    after: Resolver
    found: Found
    subject: str = ""
    _seen: set[tuple[str, str, str, str]] = field(default_factory=set)
    _left: int = _MAX_PAIRS

    def compare(self, old: Any, new: Any, direction: Direction, place: str, levels: int = 0) -> None:
        if old is None and new is None:
            return
        one, other = self.before.resolve(old), self.after.resolve(new)
        if one.mark or other.mark:
            if (one.mark, one.name) != (other.mark, other.name):
                self._tell("type_changed", place, one.name or _type(one), other.name or _type(other))
            return
        if one.pointer or other.pointer:
            pair = (self.subject, one.pointer or place, other.pointer or place, direction)
            if pair in self._seen:
                return
            self._seen.add(pair)
        self._left -= 1
        if self._left < 0 or levels > _MAX_LEVELS:
            self.found.is_whole = False
            return
        a, b = self.before.flatten(one.schema), self.after.flatten(other.schema)
        if self._types(a, b, direction, place):
            self._values(a, b, direction, place)
            self._limits(a, b, direction, place)
            self._options(a, b, direction, place, levels)
            self._fields(a, b, direction, place, levels)
            for key, sign in (("items", "[]"), ("additionalProperties", ".*")):
                if isinstance(a.get(key), dict) and isinstance(b.get(key), dict):
                    self.compare(a[key], b[key], direction, place + sign, levels + 1)

    def _tell(self, rule: str, place: str, before: Any = "", after: Any = "") -> None:
        self.found.add(rule, self.subject, place, brief(before), brief(after))

    def _types(self, a: Mapping[str, Any], b: Mapping[str, Any], direction: Direction, place: str) -> bool:
        """Whether there is more to compare."""
        old, new = set(types_of(a)), set(types_of(b))
        if old == new:
            formats = words(a.get("format"), 60), words(b.get("format"), 60)
            if formats[0] != formats[1]:
                self._tell("format_changed", place, *formats)
            return True
        told = " | ".join(sorted(old)) or "any", " | ".join(sorted(new)) or "any"
        if _covers(new, old):
            self._tell("type_widened_response" if direction == "response" else "type_widened", place, *told)
        elif _covers(old, new):
            self._tell("type_narrowed_response" if direction == "response" else "type_narrowed", place, *told)
        else:
            self._tell("type_changed", place, *told)
        return bool(old & new)

    def _values(self, a: Mapping[str, Any], b: Mapping[str, Any], direction: Direction, place: str) -> None:
        suffix = "_response" if direction == "response" else ""
        old = [brief(v) for v in ([a["const"]] if "const" in a else listed(a.get("enum")))]
        new = [brief(v) for v in ([b["const"]] if "const" in b else listed(b.get("enum")))]
        if old and new:
            for value in old:
                if value not in new:
                    self._tell(f"enum_value_removed{suffix}", place, value)
            for value in new:
                if value not in old:
                    self._tell(f"enum_value_added{suffix}", place, "", value)
        elif old:
            self._tell(f"enum_opened{suffix}", place, ", ".join(old))
        elif new and direction == "request":
            self._tell("enum_closed", place, "", ", ".join(new))
        if direction == "request" and a.get("default") != b.get("default"):
            self._tell("default_changed", place, *("" if s.get("default") is None else s["default"] for s in (a, b)))

    def _limits(self, a: Mapping[str, Any], b: Mapping[str, Any], direction: Direction, place: str) -> None:
        suffix = "_response" if direction == "response" else ""
        for key in (*_LOWER, *_UPPER, "pattern", "multipleOf", "uniqueItems"):
            old, new = (None if s.get(key) is False else s.get(key) for s in (a, b))
            if old == new:
                continue
            is_narrower = _is_narrower(key, old, new)
            told = (f"{key} {brief(v)}" if v is not None else "" for v in (old, new))
            self._tell(f"limit_{'narrowed' if is_narrower else 'widened'}{suffix}", place, *told)

    def _fields(
        self, a: Mapping[str, Any], b: Mapping[str, Any], direction: Direction, place: str, levels: int
    ) -> None:
        skips = "readOnly" if direction == "request" else "writeOnly"
        old = {k: v for k, v in mapping(a.get("properties")).items() if mapping(v).get(skips) is not True}
        new = {k: v for k, v in mapping(b.get("properties")).items() if mapping(v).get(skips) is not True}
        needed, needs = {str(n) for n in listed(a.get("required"))}, {str(n) for n in listed(b.get("required"))}
        for name, child in old.items():
            inner = f"{place}.{name}" if place else name
            if name not in new:
                refuses = b.get("additionalProperties") is False
                self._tell(
                    "field_removed_response"
                    if direction == "response"
                    else "field_refused"
                    if refuses
                    else "field_removed_request",
                    inner,
                )
                continue
            if direction == "request" and name in needs and name not in needed:
                self._tell("field_became_required", inner)
            elif direction == "request" and name in needed and name not in needs:
                self._tell("field_became_optional", inner)
            elif direction == "response" and name in needed and name not in needs:
                self._tell("field_became_optional_response", inner)
            elif direction == "response" and name in needs and name not in needed:
                self._tell("field_became_certain", inner)
            self.compare(child, new[name], direction, inner, levels + 1)
        for name, child in new.items():
            if name not in old:
                inner = f"{place}.{name}" if place else name
                has_default = "default" in self.after.resolve(child).schema
                must = direction == "request" and name in needs and not has_default
                self._tell("field_added_required" if must else "field_added", inner)

    def _options(
        self, a: Mapping[str, Any], b: Mapping[str, Any], direction: Direction, place: str, levels: int
    ) -> None:
        suffix = "_response" if direction == "response" else ""
        for key in ("oneOf", "anyOf"):
            old = {_option_name(self.before, o, n): o for n, o in enumerate(listed(a.get(key))[:200])}
            new = {_option_name(self.after, o, n): o for n, o in enumerate(listed(b.get(key))[:200])}
            if not old and not new:
                continue
            for name, option in old.items():
                if name not in new:
                    self._tell(f"option_removed{suffix}", place, name)
                else:
                    self.compare(option, new[name], direction, f"{place}({name})", levels + 1)
            for name in new:
                if name not in old:
                    self._tell(f"option_added{suffix}", place, "", name)


def _option_name(resolver: Resolver, option: Any, n: int) -> str:
    found = resolver.resolve(option)
    return found.name or words(found.schema.get("title"), 100) or _type(found) or f"[{n}]"


def _type(found: Resolved) -> str:
    return " | ".join(types_of(found.schema))


def _covers(wide: set[str], narrow: set[str]) -> bool:
    """Whether ``wide`` allows all that ``narrow`` does; no types at all is anything, and a number may be an integer."""
    if not wide:
        return True
    return bool(narrow) and all(t in wide or (t == "integer" and "number" in wide) for t in narrow)


def _is_narrower(key: str, old: Any, new: Any) -> bool:
    """Whether a limit lets less through than before; None is no limit, and what cannot be compared is taken to be."""
    numbers = (int, float)
    if not isinstance(old, numbers) or not isinstance(new, numbers):
        return new is not None
    return new > old if key in _LOWER else new < old
