"""Predicates over search terms: what ``filter`` parameters, ``query`` bodies and permission conditions all become.

One tree, two readings that tests hold equal: ``matches`` on the terms of one entity, and SQL in
``features.catalog`` for the whole table. Predicates are hashable values, so caches may be keyed by them.

Sources: Backstage ``EntityFilter`` parameters (``parseEntityFilterParams``) and filter-predicates 0.1.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable, Mapping, Sequence

from callboard.model.terms import Terms

MAX_CONDITIONS = 1_000
"""More than this in one filter or query is refused: no person writes it, and no database likes it."""


class PredicateError(ValueError):
    """A filter or query that cannot be read; ``field`` is the path of the part at fault."""

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


@dataclass(frozen=True, slots=True)
class HasKey:
    """A row with this key exists, even one whose value is null."""

    key: str


@dataclass(frozen=True, slots=True)
class HasValue:
    """A row with this key has one of ``values`` (lower-cased, sorted, at least one)."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HasPrefix:
    """A row with this key has a value that begins with ``prefix`` (lower-cased)."""

    key: str
    prefix: str


@dataclass(frozen=True, slots=True)
class HasText:
    """A row with one of ``keys`` has a value that contains ``term`` (lower-cased)."""

    keys: tuple[str, ...]
    term: str


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; true when there are none."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Any_:
    """At least one part holds; false when there are none."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    part: Predicate


Predicate = HasKey | HasValue | HasPrefix | HasText | All | Any_ | Negation

EVERYTHING = All(())
NOTHING = Any_(())


def matches(predicate: Predicate, terms: Terms) -> bool:
    """Whether an entity with these terms satisfies ``predicate``."""
    match predicate:
        case HasValue(key, values):
            have = terms.get(key)
            return have is not None and any(v in have for v in values)
        case HasKey(key):
            return key in terms
        case HasPrefix(key, prefix):
            return any(v is not None and v.startswith(prefix) for v in terms.get(key, ()))
        case HasText(keys, term):
            return any(v is not None and term in v for key in keys for v in terms.get(key, ()))
        case All(parts):
            return all(matches(p, terms) for p in parts)
        case Any_(parts):
            return any(matches(p, terms) for p in parts)
        case Negation(part):
            return not matches(part, terms)
    raise TypeError(predicate)


def conjoin(*predicates: Predicate | None) -> Predicate:
    """All of them, flattened; None and EVERYTHING fall away."""
    parts: list[Predicate] = []
    for p in predicates:
        if p is None:
            continue
        parts.extend(p.parts if isinstance(p, All) else (p,))
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def has_value(key: str, values: Iterable[Any]) -> HasValue:
    """Equality with one of ``values``, compared without regard to case."""
    return HasValue(key.lower(), tuple(sorted({_scalar(v) for v in values})))


def _scalar(value: Any) -> str:
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).lower()


def parse_filter_params(params: Sequence[str]) -> Predicate | None:
    """``filter=`` parameters: or between them, comma-separated conditions and within one; None for none at all.

    The same key twice in one parameter is or. Keys and values are trimmed and compared in lower case.

    Raises:
        PredicateError: a condition without a key.
    """
    alternatives: list[Predicate] = []
    conditions = 0
    for param in params:
        by_key: dict[str, list[str] | None] = {}
        for statement in param.split(","):
            statement = statement.strip()
            if not statement:
                continue
            key, equals, value = statement.partition("=")
            key, value = key.strip().lower(), value.strip().lower()
            if not key:
                raise PredicateError(
                    f"Invalid filter, '{statement}' is not a valid statement (expected a string on the form a=b or a= or a)",
                    field="filter",
                )
            if equals:
                known = by_key.get(key)
                if known is None:
                    known = by_key[key] = []
                known.append(value)
            else:
                by_key.setdefault(key, None)
        conditions += max(len(by_key), 1)
        if conditions > MAX_CONDITIONS:
            raise PredicateError(f"Invalid filter, more than {MAX_CONDITIONS:,} conditions", field="filter")
        parts = [HasKey(k) if v is None else has_value(k, v) for k, v in by_key.items()]
        alternatives.append(parts[0] if len(parts) == 1 else All(tuple(parts)))
    if not alternatives:
        return None
    return alternatives[0] if len(alternatives) == 1 else Any_(tuple(alternatives))


_LOGIC = ("$all", "$any", "$not")


def parse_query(query: Any) -> Predicate:
    """A ``query`` body (filter predicate) as a tree.

    Raises:
        PredicateError: not an object, an unknown operator, or an operator with a wrong argument; ``field`` is its path.
    """
    if not isinstance(query, Mapping):
        raise PredicateError("Invalid query: expected an object", field="query")
    return _expression(query, "query")


def _expression(query: Mapping[str, Any], path: str) -> Predicate:
    for operator in _LOGIC:
        if operator not in query:
            continue
        if len(query) > 1:
            raise PredicateError(f'Invalid query: {operator} must be the only key at "{path}"', field=path)
        argument = query[operator]
        where = f"{path}.{operator}"
        if operator == "$not":
            if not isinstance(argument, Mapping):
                raise PredicateError(f'Invalid query: Expected object at "{where}"', field=where)
            return Negation(_expression(argument, where))
        if not isinstance(argument, list) or not all(isinstance(x, Mapping) for x in argument):
            raise PredicateError(f'Invalid query: Expected array of objects at "{where}"', field=where)
        parts = tuple(_expression(x, f"{where}[{i}]") for i, x in enumerate(argument))
        return All(parts) if operator == "$all" else Any_(parts)
    parts = tuple(_field(key, value, f"{path}.{key}") for key, value in query.items())
    return parts[0] if len(parts) == 1 else All(parts)


def _primitive(value: Any) -> bool:
    return isinstance(value, (str, int, float, bool))


def _field(key: str, value: Any, path: str) -> Predicate:
    if key.startswith("$"):
        raise PredicateError(f'Invalid query: unknown operator "{key}" at "{path}"', field=path)
    if _primitive(value):
        return has_value(key, [value])
    if not isinstance(value, Mapping) or len(value) != 1:
        raise PredicateError(
            f'Invalid query: Expected a string, number, boolean or one operator at "{path}"', field=path
        )
    operator, argument = next(iter(value.items()))
    where = f"{path}.{operator}"
    if operator == "$exists" and isinstance(argument, bool):
        has = HasKey(key.lower())
        return has if argument else Negation(has)
    if operator == "$in" and isinstance(argument, list) and all(_primitive(x) for x in argument):
        return has_value(key, argument) if argument else NOTHING
    if operator == "$hasPrefix" and isinstance(argument, str):
        return HasPrefix(key.lower(), argument.lower())
    if operator == "$contains":
        if _primitive(argument):
            return has_value(key, [argument])
        if isinstance(argument, Mapping):
            return _relation(key, argument, where)
    raise PredicateError(
        f'Invalid query: unknown operator or wrong argument at "{where}", expected one of $exists, $in, $contains, $hasPrefix',
        field=where,
    )


def _relation(key: str, argument: Mapping[str, Any], path: str) -> Predicate:
    if key.lower() != "relations" or not isinstance(argument.get("type"), str) or set(argument) - {"type", "targetRef"}:
        raise PredicateError(
            f'Invalid query: an object is only supported for "relations" with "type" and "targetRef" at "{path}"',
            field=path,
        )
    relation = f"relations.{argument['type']}".lower()
    target = argument.get("targetRef")
    if target is None:
        return HasKey(relation)
    if isinstance(target, str):
        return has_value(relation, [target])
    return _field(relation, target, f"{path}.targetRef")
