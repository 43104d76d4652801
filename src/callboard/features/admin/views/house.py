"""Overview, audit log, plugins and settings."""

from __future__ import annotations

import platform
import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.responses import Response

from callboard import __version__
from callboard.features.admin.interface import READ_ADMIN
from callboard.features.admin.pages.frame import cut, frame, page_number
from callboard.features.admin.pages.house import (
    AuditPage,
    AuditRow,
    Concern,
    ConfigurationPage,
    OverviewPage,
    PluginRow,
    PluginsPage,
    setting_rows,
)
from callboard.features.catalog.interface.states import SourceStates
from callboard.features.search.interface import Indexing, Meaning, SynonymCount
from callboard.kernel.audit import READ_AUDIT, AuditEvent
from callboard.kernel.auth.users import ADMIN_ROLE
from callboard.kernel.clock import parse_time
from callboard.kernel.errors import CallboardError, InputError
from callboard.kernel.web.request import Request
from callboard.kernel.web.routing import Route
from callboard.ui.messages import Messages, Translator
from callboard.ui.parts import Status

EVENTS = 50
MAX_META = 300
_EXACT = ("actor", "event", "severity", "status", "plugin")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class HouseViews:
    """``/admin``, ``/admin/audit``, ``/admin/plugins`` and ``/admin/configuration``."""

    def __init__(self, portal: Any, messages: Messages) -> None:
        self._portal = portal
        self._messages = messages
        self._started = portal.clock.now()

    def routes(self) -> list[Route]:
        return [
            Route("/admin", self.overview, auth="page", name="admin"),
            Route("/admin/audit", self.audit, auth="page", name="admin-audit"),
            Route("/admin/plugins", self.plugins, auth="page", name="admin-plugins"),
            Route("/admin/configuration", self.configuration, auth="page", name="admin-configuration"),
        ]

    def _t(self, request: Request) -> Translator:
        return self._messages.translator(request.locale)

    # ---- overview ----------------------------------------------------------------------------------------------------

    async def overview(self, request: Request) -> Response:
        portal, actor, t = self._portal, request.actor, self._t(request)
        portal.permissions.require(actor, READ_ADMIN)
        counts = await portal.jobs.count_jobs()
        dead = sum(n for (_, state), n in counts.items() if state == "dead")
        waiting = sum(n for (_, state), n in counts.items() if state == "waiting")
        states = await portal.service(SourceStates).list_states(actor=actor)
        failing = [state for state in states if state.failed_since is not None]
        problems = portal.plugins.problems
        concerns = [Concern("bad", t("admin.concern.source", name=s.name), "/admin/sources") for s in failing[:5]]
        if len(failing) > 5:
            concerns.append(Concern("bad", t("admin.concern.sources", n=len(failing) - 5), "/admin/sources"))
        concerns += [Concern("bad", t("admin.concern.dead", n=dead), "/admin/jobs?state=dead")] if dead else []
        concerns += [
            Concern("bad" if p.severity == "error" else "warn", f"{p.plugin}: {p.message}", "/admin/plugins")
            for p in problems
        ]
        if portal.settings.warnings:
            concerns.append(
                Concern("warn", t("admin.concern.settings", n=len(portal.settings.warnings)), "/admin/configuration")
            )
        if portal.demo:
            concerns.append(Concern("info", t("admin.concern.demo"), None))
        engine = await self._engine()
        up = portal.clock.now() - self._started
        facts = [
            (t("admin.fact.version"), __version__),
            (t("admin.fact.up"), _words(up, t)),
            (t("admin.fact.database"), engine),
            (t("admin.fact.data"), str(portal.data_dir)),
            (t("admin.fact.python"), platform.python_version()),
            (t("admin.fact.address"), portal.settings.get_str("backend.baseUrl", "http://localhost:7007")),
        ]
        index = await portal.service(Indexing).state()
        facts += [
            (t.title(part.title), t("admin.index.part", indexed=part.indexed, known=part.known)) for part in index.parts
        ]
        if index.changed_at is not None:
            facts.append((t("admin.fact.indexed"), self._when(request, index.changed_at, t)))
        if index.is_behind:
            concerns.append(Concern("info", t("admin.concern.index", n=index.missing), "/search"))
        elif index.missing:
            concerns.append(Concern("warn", t("admin.concern.not_indexed", n=index.missing), "/admin/jobs?state=dead"))
        meaning = await portal.service(Meaning).state()
        if meaning is not None:
            counts = {"n": meaning.embedded, "all": meaning.documents}
            how = (
                t("admin.meaning.complete", **counts) if meaning.is_complete else t("admin.meaning.building", **counts)
            )
            facts.insert(3, (t("admin.fact.meaning"), how))
            if meaning.trouble:
                concerns.append(
                    Concern("warn", t("admin.concern.meaning", trouble=meaning.trouble[:MAX_META]), "/admin/jobs")
                )
        tiles = [
            (t("admin.tab.sources"), len(states), "/admin/sources"),
            (t("admin.tile.waiting"), waiting, "/admin/jobs?state=waiting"),
            (t("admin.tab.plugins"), sum(p.is_enabled for p in portal.plugins.plugins), "/admin/plugins"),
        ]
        words = await portal.service(SynonymCount).count_synonyms(actor=actor)
        if words is not None:
            tiles.append((t("search.synonyms.title"), words, "/search/synonyms"))
        if ADMIN_ROLE in actor.roles:
            users = await portal.auth.users.list_users(actor=actor)
            tiles.insert(0, (t("admin.tab.users"), len(users), "/admin/users"))
        head = frame("overview", actor, portal.permissions, t)
        return request.render("admin/overview.html", OverviewPage(head, head.title, concerns, facts, tiles))

    @staticmethod
    def _when(request: Request, at: datetime, t: Translator) -> str:
        seen = request.moment(at)
        return at.date().isoformat() if seen.unit == "date" else t(f"time.{seen.unit}", n=seen.n)

    async def _engine(self) -> str:
        async with self._portal.db.read() as tx:
            if tx.dialect == "sqlite":
                return f"SQLite {await tx.fetch_value('SELECT sqlite_version()')}"
            return f"PostgreSQL {str(await tx.fetch_value('SHOW server_version')).split()[0]}"

    # ---- audit -------------------------------------------------------------------------------------------------------

    async def audit(self, request: Request) -> Response:
        portal, t, query = self._portal, self._t(request), request.query_params
        portal.permissions.require(request.actor, READ_AUDIT)
        names = (*_EXACT, "since", "until")
        filters = {name: query.get(name, "").strip()[:200] for name in names}
        head = frame("audit", request.actor, portal.permissions, t)
        wanted: dict[str, Any] = {name: filters[name] for name in _EXACT if filters[name]}
        error, events, following = "", [], None
        try:
            page = await portal.audit.list_events(
                limit=EVENTS, cursor=query.get("cursor"), since=_day(filters["since"], t), until=_day(filters["until"], t, 1),
                **wanted,
            )  # fmt: skip
            events, following = page.items, page.next_cursor
        except InputError as wrong:
            error = wrong.message
        kept = {name: value for name, value in filters.items() if value}
        older = f"/admin/audit?{urlencode({**kept, 'cursor': following})}" if following else None
        newest = f"/admin/audit?{urlencode(kept)}".rstrip("?") if query.get("cursor") else None
        json_href = f"/api/audit/v1/events?{urlencode({**wanted, 'limit': 500})}"
        rows = [_audit_row(event, request) for event in events]
        shown = AuditPage(head, head.title, rows, filters, bool(kept), older, newest, error, json_href)
        return request.render("admin/audit.html", shown, 400 if error else 200)

    # ---- plugins and settings ----------------------------------------------------------------------------------------

    async def plugins(self, request: Request) -> Response:
        portal, t = self._portal, self._t(request)
        portal.permissions.require(request.actor, READ_ADMIN)
        problems: dict[str, list[Any]] = {}
        for problem in portal.plugins.problems:
            problems.setdefault(problem.plugin, []).append(problem)
        rows = [_plugin_row(plugin, problems.pop(plugin.name, [])) for plugin in portal.plugins.plugins]
        rows += [
            PluginRow(name, "", "", "", "failed", "bad", (), [p.message for p in found])
            for name, found in problems.items()
        ]
        rows.sort(key=lambda row: (row.state != "failed", not row.problems, row.origin == "built-in", row.name))
        head = frame("plugins", request.actor, portal.permissions, t)
        return request.render(
            "admin/plugins.html", PluginsPage(head, head.title, rows, sum(len(row.problems) for row in rows))
        )

    async def configuration(self, request: Request) -> Response:
        portal, t, query = self._portal, self._t(request), request.query_params
        portal.permissions.require(request.actor, READ_ADMIN)
        q, with_defaults = query.get("q", "").strip()[:200], query.get("defaults") == "1"
        found = setting_rows(portal.settings, portal.setting_rows, with_defaults=with_defaults)
        if q:
            word = q.lower()
            found = [row for row in found if word in f"{row.key}\n{row.value}\n{row.source}\n{row.help}".lower()]
        kept = {"q": q, "defaults": "1" if with_defaults else ""}
        rows, pager = cut(found, page_number(query), "/admin/configuration", kept, size=100)
        turned = urlencode([(k, v) for k, v in (("q", q), ("defaults", "" if with_defaults else "1")) if v])
        head = frame("configuration", request.actor, portal.permissions, t)
        page = ConfigurationPage(
            head, head.title, rows, pager, q, with_defaults, f"/admin/configuration?{turned}".rstrip("?"),
            portal.settings.files, portal.settings.warnings,
        )  # fmt: skip
        return request.render("admin/configuration.html", page)


def _audit_row(event: AuditEvent, request: Request) -> AuditRow:
    return AuditRow(
        request.moment(event.at), event.event, event.plugin, event.severity, event.status, event.actor,
        [(key, _text(value)) for key, value in event.meta.items() if value not in (None, "", [], {})], event.error,
        f"{event.method} {event.url}" if event.url else "", event.ip or "",
    )  # fmt: skip


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    return text if len(text) <= MAX_META else f"{text[:MAX_META]}…"


def _day(said: str, t: Translator, more: int = 0) -> datetime | None:
    """A day as a form gives it, as the moment when it begins (UTC), ``more`` days later."""
    if not said:
        return None
    try:
        at = parse_time(f"{said}T00:00:00Z" if _DAY.fullmatch(said) else said)
    except ValueError:
        raise InputError(t("admin.audit.no_day", said=said)) from None
    return at + timedelta(days=more) if _DAY.fullmatch(said) else at


def _plugin_row(plugin: Any, problems: list[Any]) -> PluginRow:
    version, description, hooks = "", "", ()
    if plugin.is_enabled:
        try:
            manifest = plugin.manifest
            version, description, hooks = manifest.version, manifest.description, manifest.hooks or ()
        except CallboardError as error:
            description = error.message
    failed = any(p.severity == "error" for p in problems)
    state = "failed" if failed else "on" if plugin.is_enabled else "off"
    status: Status = "bad" if failed else "warn" if problems else "ok" if plugin.is_enabled else "unknown"
    return PluginRow(
        plugin.name, "" if plugin.is_builtin else version, plugin.origin, description, state, status, hooks,
        [p.message for p in problems],
    )  # fmt: skip


def _words(span: timedelta, t: Translator) -> str:
    minutes = int(span.total_seconds() // 60)
    if minutes < 60:
        return t("admin.minutes", n=minutes)
    return t("admin.hours", n=minutes // 60) if minutes < 60 * 48 else t("admin.days", n=minutes // 1440)
