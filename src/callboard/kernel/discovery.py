"""What the settings of discovery providers share: rows by id, schedules, patterns, names fit for entities.

A section is one provider (``catalog.providers.gitlab: {host, …}``) or several by id (``catalog.providers.gitlab.<id>: {…}``); a list is
taken as well, as Backstage's ``githubOrg``.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any, Awaitable, Callable, Mapping, Protocol, Sequence
from urllib.parse import unquote

from callboard.kernel.errors import CallboardError, InputError, UnavailableError
from callboard.kernel.settings import Settings, parse_duration
from callboard.model.urls import split_http

DEFAULT_EVERY_S = 1800.0
DEFAULT_TIMEOUT_S = 600.0
MIN_EVERY_S = 10.0
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """Settings of one provider. ``key`` is its dotted key, for messages."""

    id: str
    key: str
    values: Mapping[str, Any]

    def error(self, name: str, message: str) -> InputError:
        return InputError(f"{self.key}.{name} {message}", field=f"{self.key}.{name}")

    def find_text(self, name: str) -> str | None:
        value = dig(self.values, name)
        if value is None:
            return None
        if isinstance(value, (Mapping, list, bool)):
            raise self.error(name, "must be text.")
        return str(value).strip() or None

    def get_text(self, name: str, default: str | None = None) -> str:
        value = self.find_text(name) or default
        if value is None:
            raise self.error(name, "is required and not set.")
        return value

    def get_flag(self, name: str, default: bool) -> bool:
        value = dig(self.values, name)
        if value is None:
            return default
        if isinstance(value, str) and value.strip().lower() in ("true", "false"):
            return value.strip().lower() == "true"
        if not isinstance(value, bool):
            raise self.error(name, "must be true or false.")
        return value

    def get_texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; one text, or one with commas, counts as a list."""
        value = dig(self.values, name)
        if value is None:
            return ()
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        if not isinstance(value, list) or any(isinstance(item, (Mapping, list)) for item in value):
            raise self.error(name, "must be a list of texts.")
        return tuple(str(item) for item in value)

    def get_pattern(self, name: str, default: str = ".*") -> re.Pattern[str]:
        """A regular expression; ``/…/flags`` as Backstage writes it is understood (flag ``i``)."""
        text = self.find_text(name) or default
        flags = 0
        if written := re.fullmatch(r"/(.*)/([a-z]*)", text, re.DOTALL):
            text, flags = written[1], re.IGNORECASE if "i" in written[2] else 0
        try:
            return re.compile(text, flags)
        except re.error as error:
            raise self.error(name, f"is not a regular expression: {error}.") from error

    def get_seconds(self, name: str, default_s: float) -> float:
        value = dig(self.values, name)
        if value is None:
            return default_s
        try:
            return parse_duration(value).total_seconds()
        except ValueError as error:
            raise self.error(name, f"is no length of time: {error}.") from error

    @property
    def every_s(self) -> float:
        """``schedule.frequency``, half an hour by default, at least ten seconds."""
        schedule = dig(self.values, "schedule.frequency")
        if isinstance(schedule, Mapping) and ("cron" in schedule or "trigger" in schedule):
            raise self.error(
                "schedule.frequency", "must be a length of time such as {minutes: 30}; cron is not supported."
            )
        return max(MIN_EVERY_S, self.get_seconds("schedule.frequency", DEFAULT_EVERY_S))

    @property
    def timeout_s(self) -> float:
        """``schedule.timeout``, ten minutes by default: a run that takes longer has failed."""
        return self.get_seconds("schedule.timeout", DEFAULT_TIMEOUT_S)


def read_rows(settings: Settings, kind: str, marks: Sequence[str]) -> list[ProviderRow]:
    """Providers of ``catalog.providers.<kind>``.

    Args:
        marks: Keys that only a provider itself has; with one of them the section is one provider, with id ``default``.

    Raises:
        InputError: the section, or one of its providers, is no object.
    """
    key = f"catalog.providers.{kind}"
    value = settings.get(key)
    if value is None:
        return []
    if isinstance(value, list):
        return [_row(f"{key}[{index}]", _listed_id(row, index), row) for index, row in enumerate(value)]
    if not isinstance(value, Mapping):
        raise InputError(f"{key} must be an object: one provider, or several by id.", field=key)
    if any(mark in value for mark in marks):
        return [ProviderRow(str(value.get("id") or "default"), key, value)]
    return [_row(f"{key}.{id}", str(id), row) for id, row in value.items()]


def _listed_id(row: Any, index: int) -> str:
    return str((row.get("id") if isinstance(row, Mapping) else None) or index)


def _row(key: str, id: str, value: Any) -> ProviderRow:
    if not isinstance(value, Mapping):
        raise InputError(f"{key} must be an object with the settings of one provider.", field=key)
    return ProviderRow(id, key, value)


def dig(values: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, None when a step is absent."""
    value: Any = values
    for step in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value


def entity_name(text: str) -> str:
    """``text`` as an entity name: letters, digits and single ``-``, ``_``, ``.`` between them, at most 63 characters.

    Allowed names stay as they are. Raises ``InputError`` when nothing is left.
    """
    if len(text) <= 63 and re.fullmatch(r"[A-Za-z0-9]+(?:[-_.][A-Za-z0-9]+)*", text):
        return text
    name = _NOT_IN_NAMES.sub("-", text).strip("-")[:63].rstrip("-")
    if not name:
        raise InputError(f"{text!r} has no letter or digit to make an entity name of.")
    return name


def concerns(urls: Sequence[str], host: str, path: str) -> bool:
    """Whether one of ``urls`` lies at or below ``path`` of ``host``, whatever the case; ``path`` may be empty.

    No URLs at all may be anywhere, so they concern everybody. Of a parent (``acme`` for ``acme/platform``) counts as well.
    """
    if not urls:
        return True
    wanted = f"/{path.strip('/')}/".replace("//", "/").lower()
    for url in urls:
        parts = split_http(url)
        if parts is None:
            continue
        given = f"/{parts.path.strip('/')}/".replace("//", "/").lower()
        if parts.netloc.rpartition("@")[2].lower() == host.lower() and (
            given.startswith(wanted) or wanted.startswith(given)
        ):
            return True
    return False


class Connection(Protocol):
    """Where a run's result goes; ``features.catalog.interface.ProviderConnection`` has this form."""

    async def apply(self, mutation: Any) -> None: ...

    async def fail(self, error: Exception) -> None: ...


async def deliver(read: Callable[[], Awaitable[Any]], connection: Connection, *, timeout_s: float, name: str) -> None:
    """Read a source as a whole and hand over what it has; nothing is handed over unless all of it was read.

    Whatever goes wrong on the way is told to ``connection.fail`` and raised: what the source gave before stays, because unknown
    is not gone. That covers limits, refusals, time-outs, an absent organisation and answers of an unexpected form.

    Raises:
        CallboardError: the failure, as told.
    """
    failure: CallboardError
    try:
        async with asyncio.timeout(timeout_s):
            mutation = await read()
    except TimeoutError:
        failure = UnavailableError(f"{name} was not read to its end within {timeout_s:g} s. What it gave before stays.")
    except CallboardError as error:
        failure = error
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        failure = UnavailableError(
            f"{name} answered in a form that is not understood ({type(error).__name__}: {error}). What it gave before stays."
        )
    else:
        await connection.apply(mutation)
        return
    await connection.fail(failure)
    raise failure


# ---- organisations ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ListedRepository:
    """A repository as its host lists it. ``url`` is its page, ``name`` its full name (``acme/tools``); ``branch`` its default one."""

    url: str
    name: str
    branch: str = ""
    description: str = ""
    homepage: str = ""
    topics: tuple[str, ...] = ()
    is_archived: bool = False
    is_fork: bool = False
    is_empty: bool = False


class RepositoryListing(Protocol):
    """Lists what an organisation of one host has. ``host`` is its name, ``owners`` those that the settings of discovery name."""

    host: str
    owners: Sequence[str]

    def find_owner(self, url: str) -> str | None:
        """The organisation, group, workspace or project whose page this is; None for anything else."""

    def owner_url(self, owner: str) -> str:
        """The page of an organisation."""

    async def list_repositories(self, owner: str) -> Sequence[ListedRepository]:
        """All of them, or an error: ``NotFoundError``, ``LimitError``, ``NotAllowedError``, ``UnavailableError``."""


def page_segments(url: str, base_url: str) -> list[str] | None:
    """The decoded parts of a page's path below ``base_url``; None for another host, or with ``..`` in it."""
    parts, base = split_http(url), split_http(base_url)
    if parts is None or base is None or parts.netloc.rpartition("@")[2].lower() != base.netloc.lower() or parts.query:
        return None
    below = base.path.strip("/")
    path = parts.path.strip("/")
    if below:
        if path != below and not path.startswith(f"{below}/"):
            return None
        path = path[len(below) :].strip("/")
    segments = [unquote(part) for part in path.split("/") if part]
    return None if any(part in (".", "..") or "/" in part for part in segments) else segments


def listed_texts(value: Any) -> tuple[str, ...]:
    """The texts of a list in a host's answer; nothing for anything else."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def owners_by_host(settings: Settings, kind: str, key: str, default_host: str) -> Mapping[str, Sequence[str]]:
    """Organisations that ``catalog.providers.<kind>`` names under ``key``, by host."""
    found: dict[str, list[str]] = {}
    for row in read_rows(settings, kind, (key, "host")):
        owner = (row.find_text(key) or "").strip("/")
        if owner:
            found.setdefault(row.get_text("host", default_host).lower(), []).append(owner)
    return found
