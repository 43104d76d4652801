"""Which kinds may come from which locations: ``catalog.rules`` and the ``rules`` of single locations.

Source: Backstage catalog-backend 4.0.0, ``DefaultCatalogRulesEnforcer``.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Iterable, Mapping, Sequence

from callboard.model.refs import LocationRef

DEFAULT_ALLOWED = ("Component", "API", "Location")


class RuleError(ValueError):
    """A rule in the settings that cannot be read; the message begins with its path."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """A kind (lower-cased), all of it or one ``spec.type`` (lower-cased)."""

    kind: str
    spec_type: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Locations of a type, all of them, one target, or those that match a glob (without regard to case)."""

    type: str
    exact: str | None = None
    pattern: str | None = None

    def matches(self, location: LocationRef) -> bool:
        if self.type != location.type or (self.exact is not None and self.exact != location.target):
            return False
        return self.pattern is None or glob_regex(self.pattern).fullmatch(location.target) is not None


@dataclass(frozen=True, slots=True)
class Rule:
    """``allow`` None allows every kind, () none; ``places`` None is everywhere."""

    allow: tuple[Allowed, ...] | None
    places: tuple[Place, ...] | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """An entity is allowed when one rule allows it."""

    rules: tuple[Rule, ...]

    @classmethod
    def everything(cls) -> Rules:
        """Every kind from everywhere: what holds when there is no settings file."""
        return cls((Rule(None),))

    @classmethod
    def of(
        cls,
        rules: Any,
        locations: Iterable[Mapping[str, Any]] = (),
        *,
        has_settings_file: bool = True,
        folder: str = "",
    ) -> Rules:
        """From ``catalog.rules`` (None when absent) and ``catalog.locations``; ``file`` targets resolve in ``folder``.

        Raises:
            RuleError: a rule is not of the documented form.
        """
        if rules is None and not has_settings_file:
            return cls.everything()
        if rules is None:
            out = [Rule(tuple(Allowed(kind.lower()) for kind in DEFAULT_ALLOWED))]
        else:
            out = [_parse_rule(rule, f"catalog.rules[{i}]") for i, rule in enumerate(_items(rules, "catalog.rules"))]
        for i, location in enumerate(locations):
            own = location.get("rules")
            if own is None:
                continue
            kind, target = str(location.get("type") or "url"), str(location.get("target"))
            if kind == "file" and folder:
                target = posixpath.normpath(posixpath.join(folder, target))
            where = f"catalog.locations[{i}].rules"
            for j, rule in enumerate(_items(own, where)):
                out.append(Rule(_parse_allow(rule, f"{where}[{j}]"), (Place(kind, exact=target),)))
        return cls(tuple(out))

    def allows(self, entity: Mapping[str, Any], origin: LocationRef) -> bool:
        """Whether an entity of this kind may come from ``origin``, the location where its chain of files began."""
        kind = str(entity.get("kind", "")).lower()
        for rule in self.rules:
            if rule.places is not None and not any(place.matches(origin) for place in rule.places):
                continue
            if rule.allow is None or any(_fits(item, kind, entity) for item in rule.allow):
                return True
        return False


def not_allowed_message(ref: str, location: LocationRef, origin: LocationRef) -> str:
    return f"Entity {ref} at {location}, originated at {origin}, is not of an allowed kind for that location"


def _fits(item: Allowed, kind: str, entity: Mapping[str, Any]) -> bool:
    if item.kind != kind:
        return False
    if item.spec_type is None:
        return True
    spec = entity.get("spec")
    spec_type = spec.get("type") if isinstance(spec, Mapping) else None
    return isinstance(spec_type, str) and spec_type.lower() == item.spec_type


def _items(value: Any, where: str) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)):
        raise RuleError(f"{where} must be a list")
    return value


def _parse_rule(rule: Any, where: str) -> Rule:
    allow = _parse_allow(rule, where)
    places = rule.get("locations")
    if places is None:
        return Rule(allow)
    parsed = [
        _parse_place(place, f"{where}.locations[{i}]") for i, place in enumerate(_items(places, f"{where}.locations"))
    ]
    return Rule(allow, tuple(parsed))


def _parse_place(place: Any, where: str) -> Place:
    if not isinstance(place, Mapping) or not isinstance(place.get("type"), str):
        raise RuleError(f"{where} must be a mapping with type, and exact or pattern if wanted")
    if place.get("exact") is not None and place.get("pattern") is not None:
        raise RuleError(f"{where} may have exact or pattern, not both")
    return Place(place["type"], place.get("exact"), place.get("pattern"))


def _parse_allow(rule: Any, where: str) -> tuple[Allowed, ...] | None:
    if not isinstance(rule, Mapping):
        raise RuleError(f"{where} must be a mapping with allow")
    allow = rule.get("allow")
    if allow is None:
        return None
    out = []
    for i, item in enumerate(_items(allow, f"{where}.allow")):
        if isinstance(item, str):
            out.append(Allowed(item.lower()))
        elif isinstance(item, Mapping) and isinstance(item.get("kind"), str):
            spec_type = item.get("spec.type")
            out.append(Allowed(item["kind"].lower(), None if spec_type is None else str(spec_type).lower()))
        else:
            raise RuleError(f"{where}.allow[{i}] must be a kind, or a mapping with kind and spec.type")
    return tuple(out)


@lru_cache(maxsize=256)
def glob_regex(pattern: str) -> re.Pattern[str]:
    """A glob as minimatch reads it with ``nocase`` and ``dot``: ``*`` and ``?`` stop at a slash, ``**`` does not."""
    return re.compile(_translate(pattern), re.IGNORECASE | re.DOTALL)


def _translate(pattern: str) -> str:
    out, i = "", 0
    depth = 0
    while i < len(pattern):
        c = pattern[i]
        at_start = i == 0 or pattern[i - 1] == "/"
        if pattern.startswith("**", i) and at_start and (i + 2 == len(pattern) or pattern[i + 2] == "/"):
            if i + 2 == len(pattern):
                out, i = out + ".*", i + 2
            else:
                out, i = out + "(?:[^/]+/)*", i + 3
            continue
        if c == "*":
            while i + 1 < len(pattern) and pattern[i + 1] == "*":
                i += 1
            out += "[^/]*"
        elif c == "?":
            out += "[^/]"
        elif c == "[" and "]" in pattern[i + 2 :]:
            end = pattern.index("]", i + 2)
            inner = pattern[i + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            out += "[^" + inner[1:] + "]" if inner[0] in "!^" else f"[{inner}]"
            i = end
        elif c == "{" and "," in pattern[i:] and "}" in pattern[i:]:
            out, depth = out + "(?:", depth + 1
        elif c == "}" and depth:
            out, depth = out + ")", depth - 1
        elif c == "," and depth:
            out += "|"
        elif c == "\\" and i + 1 < len(pattern):
            i += 1
            out += re.escape(pattern[i])
        else:
            out += re.escape(c)
        i += 1
    return out + ")" * depth
