"""The template language of one portal: the filters that every template may use, and those that plugins add.

Source: Backstage scaffolder-backend 4.2.0, ``createDefaultFilters``; the words of ``GET /v2/templating-extensions`` are its own.
"""

from __future__ import annotations

from typing import Any, Callable, Iterable, Mapping, Sequence
from urllib.parse import parse_qs

from callboard.features.scaffolder.extension_words import WORDS
from callboard.features.scaffolder.interface import TemplateFilter, TemplateGlobal
from callboard.features.scaffolder.language import UNDEFINED, Language
from callboard.features.scaffolder.permissions import pick
from callboard.kernel.errors import ConflictError, InputError
from callboard.model.refs import EntityRef, RefError
from callboard.model.urls import HostKind, Hosts

_REQUIRED: Mapping[HostKind, Sequence[str]] = {
    "bitbucketServer": ("project", "repo"),
    "azure": ("project", "repo"),
    "gitea": ("repo",),
    "gerrit": ("repo",),
}
_PARTS = ("owner", "repo", "organization", "workspace", "project")


class Extensions:
    """What the language of a portal has beside the built-in filters and functions."""

    def __init__(self, filters: Sequence[TemplateFilter], globals: Sequence[TemplateGlobal]) -> None:
        self.filters = tuple(filters)
        self.globals = tuple(globals)
        self.language = Language(
            filters={one.name: one.function for one in self.filters},
            globals={one.name: one.value for one in self.globals},
        )

    @classmethod
    def of(cls, hosts: Hosts, added: Iterable[TemplateFilter | TemplateGlobal] = ()) -> Extensions:
        """The filters that Backstage has, and ``added`` ones. Raises ``ConflictError`` when two have one name."""
        filters, globals = [*default_filters(hosts)], []
        for one in added:
            if isinstance(one, TemplateFilter):
                filters.append(one)
            else:
                globals.append(one)
        for names in ([one.name for one in filters], [one.name for one in globals]):
            for name in names:
                if names.count(name) > 1:
                    raise ConflictError(f"Two template extensions are called {name}.")
        return cls(filters, globals)

    def to_json(self) -> dict[str, Any]:
        """As ``GET /v2/templating-extensions`` gives it."""
        functions = {one.name: _told(one) for one in self.globals if callable(one.value)}
        values = {one.name: {**_told(one), "value": one.value} for one in self.globals if not callable(one.value)}
        return {
            "filters": {one.name: _told(one) for one in self.filters},
            "globals": {"functions": functions, "values": values},
        }


def _told(one: TemplateFilter | TemplateGlobal) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if one.description:
        told["description"] = one.description
    if one.schema is not None:
        told["schema"] = dict(one.schema)
    if one.examples:
        told["examples"] = [dict(example) for example in one.examples]
    return told


def default_filters(hosts: Hosts) -> Sequence[TemplateFilter]:
    """``parseRepoUrl``, ``parseEntityRef``, ``pick`` and ``projectSlug`` for the hosts that the settings name."""

    def parse(url: Any) -> dict[str, str]:
        return parse_repo_url(url, hosts)

    def slug(url: Any) -> str:
        parsed = parse(url)
        return f"{parsed.get('owner', 'undefined')}/{parsed.get('repo', 'undefined')}"

    functions: Mapping[str, Callable[..., Any]] = {
        "parseRepoUrl": parse,
        "parseEntityRef": parse_entity_ref,
        "pick": _pick,
        "projectSlug": slug,
    }
    return [
        TemplateFilter(name, function, WORDS[name]["description"], WORDS[name]["schema"], WORDS[name]["examples"])
        for name, function in functions.items()
    ]


def parse_repo_url(url: Any, hosts: Hosts) -> dict[str, str]:
    """``host?owner=..&repo=..`` as a RepoUrlPicker gives it, in parts without slashes around them.

    Raises:
        InputError: no such host among the integrations, or a part that the host needs is missing.
    """
    if not isinstance(url, str) or not url:
        raise InputError(f"Invalid repo URL passed to publisher, got {_shown(url)}")
    place = url.split("://", 1)[-1] if url.startswith(("http://", "https://")) else url
    host, _, query = place.partition("?")
    host = host.strip("/").lower()
    if not host or any(mark.isspace() for mark in host):
        raise InputError(f"Invalid repo URL passed to publisher, got {url}")
    given = {name: values[0].strip("/") for name, values in parse_qs(query).items()}
    kind = hosts.get(host)
    if kind is None:
        raise InputError(
            f"No matching integration configuration for host {host}, please check your integrations config"
        )
    for name in _required_parts(kind, given):
        if not given.get(name):
            shown = ", ".join(f"{part}={given.get(part) or ''}" for part in _PARTS if given.get(part))
            raise InputError(
                f"Invalid repo URL passed to publisher: {url}, missing {name}" + (f" (it has {shown})" if shown else "")
            )
    return {"host": host, **{part: given[part] for part in _PARTS if given.get(part)}}


def _required_parts(kind: HostKind, given: Mapping[str, str]) -> Sequence[str]:
    if kind == "bitbucketCloud":
        return ("workspace", "project", "repo")
    if kind == "gitlab":
        return () if given.get("project") else ("owner", "repo")
    return _REQUIRED.get(kind, ("owner", "repo"))


def parse_entity_ref(ref: Any, options: Any = UNDEFINED) -> dict[str, str]:
    """``{kind, namespace, name}`` in the letters of ``ref``. Raises ``InputError``."""
    defaults = options if isinstance(options, Mapping) else {}
    try:
        parsed = EntityRef.parse(
            "" if ref is UNDEFINED or ref is None else ref,
            default_kind=defaults.get("defaultKind"),
            default_namespace=defaults.get("defaultNamespace") or "default",
        )
    except RefError as error:
        raise InputError(str(error)) from None
    return {"kind": parsed.kind, "namespace": parsed.namespace, "name": parsed.name}


def _pick(value: Any, path: Any = UNDEFINED) -> Any:
    if not isinstance(path, (str, int, float)) or isinstance(path, bool):
        return UNDEFINED
    path = str(path)
    return value[path] if isinstance(value, Mapping) and path in value else pick(value, path, UNDEFINED)


def _shown(value: Any) -> str:
    return "undefined" if value is UNDEFINED or value is None else str(value)
