"""Pages of the house itself: overview, audit log, plugins, settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from callboard.features.admin.pages.frame import Frame
from callboard.kernel.settings import Setting, Settings, format_path, names_secret
from callboard.ui.moments import Moment
from callboard.ui.parts import Pager, Status

SHOWN_VALUE = 400
"""Characters of a value that a page shows."""


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that should be looked at, and where."""

    status: Status
    text: str
    href: str | None


@dataclass(frozen=True, slots=True)
class OverviewPage:
    """``admin/overview.html``. ``facts`` are (label, value); ``tiles`` (title, count, href)."""

    frame: Frame
    title: str
    concerns: Sequence[Concern]
    facts: Sequence[tuple[str, str]]
    tiles: Sequence[tuple[str, int, str]]


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An event of the audit log; ``meta`` are (name, value) pairs as text."""

    at: Moment
    event: str
    plugin: str
    severity: str
    status: str
    actor: str
    meta: Sequence[tuple[str, str]]
    error: str | None
    request: str
    ip: str


@dataclass(frozen=True, slots=True)
class AuditPage:
    """``admin/audit.html``. ``filters`` hold what was asked, by field name."""

    frame: Frame
    title: str
    events: Sequence[AuditRow]
    filters: Mapping[str, str]
    is_filtered: bool
    older_href: str | None
    newest_href: str | None
    error: str
    json_href: str


@dataclass(frozen=True, slots=True)
class PluginRow:
    """A plugin. ``state`` on, off or failed."""

    name: str
    version: str
    origin: str
    description: str
    state: str
    status: Status
    hooks: Sequence[str]
    problems: Sequence[str]


@dataclass(frozen=True, slots=True)
class PluginsPage:
    """``admin/plugins.html``."""

    frame: Frame
    title: str
    plugins: Sequence[PluginRow]
    problem_count: int


@dataclass(frozen=True, slots=True)
class SettingRow:
    """A value and where it was set. ``source`` is empty where nothing set it and the default holds; ``help`` says what it is."""

    key: str
    value: str
    source: str
    is_secret: bool
    is_default: bool
    help: str


@dataclass(frozen=True, slots=True)
class ConfigurationPage:
    """``admin/configuration.html``. ``files`` are those that were read, in the order in which they are laid over each other."""

    frame: Frame
    title: str
    rows: Sequence[SettingRow]
    pager: Pager
    q: str
    with_defaults: bool
    defaults_href: str
    files: Sequence[str]
    warnings: Sequence[str]


def setting_rows(settings: Settings, known: Sequence[Setting], *, with_defaults: bool) -> list[SettingRow]:
    """Every value that is set, by key, secrets hidden; ``with_defaults``: also the documented keys that nothing sets."""
    help = {row.key: row for row in known}
    rows: list[SettingRow] = []
    for path, value in _leaves(settings.redacted(), ()):
        key = format_path(path)
        row = help.get(_pattern(path))
        source = settings.source_of(path)
        # a short value is not among the secrets that are cut out of texts: its name tells
        is_secret = value == "<secret>" or names_secret(path) or (row is not None and row.type == "secret")
        shown = "" if is_secret else _shown(value)
        rows.append(SettingRow(key, shown, str(source) if source else "", is_secret, False, row.help if row else ""))
    if with_defaults:
        have = {row.key for row in rows}
        rows += [
            SettingRow(row.key, "" if row.default is None else _shown(row.default), "", False, True, row.help)
            for row in known
            if "*" not in row.key and "[]" not in row.key and not _is_set(row.key, have)
        ]
    return sorted(rows, key=lambda row: row.key)


def _is_set(key: str, have: set[str]) -> bool:
    return any(one == key or one.startswith((f"{key}.", f"{key}[")) for one in have)


def _leaves(value: Any, path: tuple[str | int, ...]) -> list[tuple[tuple[str | int, ...], Any]]:
    """Plain values with their paths; an empty object or list is a value."""
    if isinstance(value, dict) and value:
        return [leaf for key, child in value.items() for leaf in _leaves(child, (*path, str(key)))]
    if isinstance(value, list) and value:
        return [leaf for index, child in enumerate(value) for leaf in _leaves(child, (*path, index))]
    return [(path, value)] if path else []


def _pattern(path: Sequence[str | int]) -> str:
    """The path as documented keys spell it."""
    out = ""
    for part in path:
        out += "[]" if isinstance(part, int) else f".{part}" if out else part
    return out


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else "true" if value is True else "false" if value is False else str(value)
    return text if len(text) <= SHOWN_VALUE else f"{text[:SHOWN_VALUE]}…"
