"""Hook specifications. Built-in features and third parties enter by the same doors.

Every hook returns values and changes nothing. ``portal`` is the ``Portal`` under construction (``callboard.app``):
``portal.settings``, ``clock``, ``db``, ``events``, ``jobs``, ``permissions``, ``auth``, ``actions``, ``audit``, ``http``, and
``portal.service(Interface)`` for what another feature offers. Features register in the order of their layers,
so what lies below is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Mapping, Sequence

import pluggy

if TYPE_CHECKING:
    from callboard.kernel.actions import Action
    from callboard.kernel.auth.providers import SignInProvider
    from callboard.kernel.db.migrations import Migrations
    from callboard.kernel.events import EventGuard, EventHandler
    from callboard.kernel.jobs import JobKind, Schedule
    from callboard.kernel.permissions import Permission, PermissionRule
    from callboard.kernel.web.routing import Route
    from callboard.kernel.web.shell import NavItem, PageContext

PROJECT = "callboard"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class LateService:
    """A service that is built when somebody first asks for it: what it needs is not loaded before. ``make`` is called once."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make


class CoreHooks:
    """What any plugin may offer. Features add their own specs (``features/catalog/interface``: ``CatalogHooks``)."""

    @hookspec
    def register_hookspecs(self) -> Sequence[type]:
        """Classes of hook specifications that this plugin hosts for others."""

    @hookspec
    def register_migrations(self) -> Sequence["Migrations"]:
        """Tables of this plugin: a name (its version table is ``alembic_version_<name>``) and a package with ``versions/``."""

    @hookspec
    def register_services(self, portal: Any) -> Mapping[type | str, Any]:
        """Services built here, keyed by the interface class others ask for with ``portal.service``.

        One that few portals ever need is a ``LateService``; its key may be the full name of the interface
        (``package.module.Name``), so that this is not imported either.
        """

    @hookspec
    def register_permissions(self, portal: Any) -> Sequence["Permission"]:
        """What may be granted; only permissions named here can be asked for and appear in policies."""

    @hookspec
    def register_permission_rules(self, portal: Any) -> Sequence["PermissionRule"]:
        """Rules that conditions of a policy may use on resources of this plugin."""

    @hookspec
    def register_actions(self, portal: Any) -> Sequence["Action"]:
        """Units of work for templates, agents, commands and REST. Ids read ``<plugin>:<name>`` and are unique in a portal."""

    @hookspec
    def register_sign_in_providers(self, portal: Any) -> Sequence["SignInProvider"]:
        """Ways to sign in; each is offered where ``auth.providers`` names its id."""

    @hookspec
    def register_jobs(self, portal: Any) -> Sequence["JobKind"]:
        """Kinds of work that is done later, by one replica at a time, and again when it fails."""

    @hookspec
    def register_schedules(self, portal: Any) -> Sequence["Schedule"]:
        """Jobs that are enqueued at intervals; across replicas each time once."""

    @hookspec
    def register_event_handlers(self, portal: Any) -> Sequence["EventHandler"]:
        """Coroutine functions called for events whose topic matches, after the change has committed, at least once each."""

    @hookspec
    def register_event_guards(self, portal: Any) -> Sequence["EventGuard"]:
        """What of this plugin's events may be told to whom, for those who follow them over HTTP."""

    @hookspec
    def register_routes(self, portal: Any) -> Sequence["Route"]:
        """Paths and their handlers; also ``RawRoute`` for paths that are too busy for the framework."""

    @hookspec
    def register_nav_items(self, portal: Any) -> Sequence["NavItem"]:
        """Entries of the navigation, shown by rank to those who have their permission."""

    @hookspec
    def register_settings_pages(self, portal: Any) -> Sequence["NavItem"]:
        """Pages where people set something for themselves, shown together as tabs, by rank; their paths are below ``/settings``."""

    @hookspec
    def register_page_context(self, portal: Any) -> Sequence["PageContext"]:
        """Coroutine functions awaited before each page with what its frame shows (keep them quick): names for the layout."""

    @hookspec
    def register_templates(self) -> Sequence[str]:
        """Packages with a ``templates/`` folder, found under the plugin's own prefix (``catalog/entity.html``)."""

    @hookspec
    def register_commands(self) -> Mapping[str, str]:
        """CLI: command name to ``module:attribute`` of a typer app, imported only when the command runs."""

    @hookspec
    def register_settings(self) -> Sequence[Any]:
        """``Setting(key, type, default, unit, help)`` rows for the reference and for unknown-key warnings."""

    @hookspec
    def register_metrics(self, portal: Any) -> Sequence[Any]:
        """Coroutine functions awaited before ``/metrics`` is written, which bring their part of ``portal.metrics`` up to date."""

    @hookspec
    def register_startup(self, portal: Any) -> Sequence[Any]:
        """Coroutine functions awaited after migrations, before the first request is served (keep them quick)."""

    @hookspec
    def register_shutdown(self, portal: Any) -> Sequence[Any]:
        """Coroutine functions awaited when the server stops."""
