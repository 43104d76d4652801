"""Placeholders: ``$text``, ``$json`` and ``$yaml`` bring the content of another file of the same repository.

Two steps, so that processing stays pure: ``plan`` lists what to read, ``apply`` puts what was read in place. A mapping is
a placeholder when it has exactly one key, ``$`` and the name of a known resolver, with a text value. Mappings with more
keys of which one begins with ``$`` are left alone, with all that is in them (JSON Schema lives there).

Source: Backstage catalog-backend 4.0.0, ``PlaceholderProcessor``; same repository only: since 3.9.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Mapping, Protocol

import orjson

from callboard.model.documents import parse_values
from callboard.model.problems import FieldPath, Problem
from callboard.model.refs import LocationRef
from callboard.model.urls import Hosts, UrlError, resolve_url, same_repository

Content = bytes | Exception
"""What reading a URL gave: its bytes, or the reason why there are none."""


class PlaceholderError(ValueError):
    """The content read is not what the placeholder promises."""


class Resolver(Protocol):
    """Makes the value that stands in for a placeholder."""

    def __call__(self, content: bytes, *, key: str, value: str) -> Any: ...


def _text(content: bytes, *, key: str, value: str) -> Any:
    return content.decode("utf-8", "replace")


def _json(content: bytes, *, key: str, value: str) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise PlaceholderError(f"Placeholder ${key} failed to parse JSON data at {value}, {error}") from error


def _yaml(content: bytes, *, key: str, value: str) -> Any:
    found = parse_values(content)
    if isinstance(found, Problem):
        raise PlaceholderError(f"Placeholder ${key} found an error in the data at {value}, {found.message}")
    if len(found) != 1:
        raise PlaceholderError(
            f"Placeholder ${key} expected to find exactly one document of data at {value}, found {len(found)}"
        )
    return found[0]


_MAX_DEPTH = 200  # of values that did not come through the YAML parser, which has a limit of its own
DEFAULT_RESOLVERS: Mapping[str, Resolver] = {"text": _text, "json": _json, "yaml": _yaml}


@dataclass(frozen=True, slots=True)
class Placeholder:
    """``url`` is what to read, or None with the reason in ``error``."""

    path: FieldPath
    key: str
    value: str
    url: str | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    placeholders: tuple[Placeholder, ...] = ()

    @property
    def urls(self) -> list[str]:
        """What to read, without repeats. Empty when a placeholder cannot be read at all: the document fails anyhow."""
        if any(p.url is None for p in self.placeholders):
            return []
        return list(dict.fromkeys(p.url for p in self.placeholders if p.url is not None))


NOTHING = Plan()


def plan(
    value: Any, location: LocationRef, *, hosts: Hosts, resolvers: Mapping[str, Resolver] = DEFAULT_RESOLVERS
) -> Plan:
    """The placeholders of a document that came from ``location``, in the order in which they stand.

    Raises:
        PlaceholderError: the value is nested too deeply to look through.
    """
    found: list[Placeholder] = []
    if type(value) is dict:
        _find(value, (), resolvers, lambda path, key, text: found.append(_plan_one(path, key, text, location, hosts)))
    return Plan(tuple(found)) if found else NOTHING


def _find(
    value: Any, path: FieldPath, resolvers: Mapping[str, Resolver], add: Callable[[FieldPath, str, str], None]
) -> None:
    if len(path) > _MAX_DEPTH:
        raise PlaceholderError(f"The document is nested deeper than {_MAX_DEPTH} levels")
    if type(value) is dict:
        dollars = [key for key in value if isinstance(key, str) and key[:1] == "$"]
        if dollars:
            key = dollars[0]
            text = value[key]
            if len(value) == 1 and key[1:] in resolvers and type(text) is str:
                add(path, key[1:], text)
            return
        for name, child in value.items():
            kind = type(child)
            if kind is dict or kind is list:
                _find(child, (*path, name), resolvers, add)
    else:
        for index, child in enumerate(value):
            kind = type(child)
            if kind is dict or kind is list:
                _find(child, (*path, index), resolvers, add)


def _plan_one(path: FieldPath, key: str, value: str, location: LocationRef, hosts: Hosts) -> Placeholder:
    base = location.target
    try:
        url = resolve_url(value, base, hosts) if location.type != "file" else _file_url(value, base, hosts)
    except UrlError as error:
        reason = f"Placeholder ${key} could not form a URL out of {base} and {value}, TypeError: {error}"
        return Placeholder(path, key, value, None, reason)
    if not same_repository(url, base, hosts):
        reason = (
            f"Placeholder ${key} could not form a URL out of {base} and {value}, "
            "Error: Placeholder may only reference files from the same repository as the entity"
        )
        return Placeholder(path, key, value, None, reason)
    return Placeholder(path, key, value, url)


def _file_url(value: str, base: str, hosts: Hosts) -> str:
    """Beside the file that names it, as a plain path; absolute URLs stay URLs, for the reader to allow or not."""
    import posixpath

    from callboard.model.urls import is_absolute

    if is_absolute(value):
        return value
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), value.strip()))


def apply(
    value: dict[str, Any],
    plan_: Plan,
    contents: Mapping[str, Content],
    *,
    resolvers: Mapping[str, Resolver] = DEFAULT_RESOLVERS,
) -> dict[str, Any] | Problem:
    """The document with its placeholders filled in (a copy where anything changes), or the first thing that went wrong.

    A URL that ``contents`` does not name counts as unread.
    """
    if not plan_.placeholders:
        return value
    for placeholder in plan_.placeholders:
        if placeholder.error is not None:
            return _problem(
                placeholder, placeholder.error, "Copy the file into this repository, or link to it instead."
            )
    out: Any = value
    for placeholder in plan_.placeholders:
        assert placeholder.url is not None
        content = contents.get(placeholder.url)
        if not isinstance(content, bytes):
            reason = (
                f"{type(content).__name__}: {content}" if isinstance(content, Exception) else "NotFoundError: not read"
            )
            message = f"Placeholder ${placeholder.key} could not read location {placeholder.value}, {reason}"
            fix = "Check that the path is right, relative to this file, and that the file exists."
            return _problem(placeholder, message, fix)
        try:
            filled = resolvers[placeholder.key](content, key=placeholder.key, value=placeholder.value)
        except PlaceholderError as error:
            return _problem(placeholder, str(error), f"Correct {placeholder.url}.")
        out = _replaced(out, placeholder.path, filled)
    return (
        out if isinstance(out, dict) else _problem(plan_.placeholders[0], "The whole document is a placeholder", None)
    )


def _replaced(value: Any, path: FieldPath, filled: Any) -> Any:
    if not path:
        return filled
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _replaced(value[path[0]], path[1:], filled)  # type: ignore[index]
    return copy


def _problem(placeholder: Placeholder, message: str, fix: str | None) -> Problem:
    return Problem(
        "preprocess",
        f"Processor PlaceholderProcessor threw an error while preprocessing; caused by Error: {message}",
        (*placeholder.path, f"${placeholder.key}"), "InputError", ("Error", message), fix=fix,
    )  # fmt: skip
