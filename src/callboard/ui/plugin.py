"""The design system's wiring: what it gives to every page, the message catalogues, and the gallery."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping, Sequence

from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.settings import Setting
from callboard.kernel.user_settings import LOCALE, START_PAGE, THEME, UserSettings
from callboard.kernel.web.routing import LateRoutes, Route
from callboard.kernel.web.shell import NavItem
from callboard.kernel.web.templates import PageTools
from callboard.ui.environment import page_context, template_globals
from callboard.ui.look.serving import Look, LookViews, read_look
from callboard.ui.messages import Messages
from callboard.ui.moments import moment
from callboard.ui.preferences import SHORTCUT_KEYS, THEMES, PreferenceHooks, Preferences

PACKAGE = "callboard.ui"
STATIC = Path(__file__).resolve().parent / "static"


@hookimpl
def register_hookspecs() -> Sequence[type]:
    return [PreferenceHooks]


@hookimpl
def register_settings() -> Sequence[Setting]:
    return [
        Setting(
            "app.branding.accent", "text", None, None,
            "Colour of links and buttons, as '#7a1fa2'. Made darker on light pages and lighter on dark ones until text in it can be read.",
        ),
        Setting(
            "app.branding.logo", "text", None, None,
            "SVG or PNG file that stands beside the title, at most 200 KiB; the path is seen from the settings file.",
        ),
    ]  # fmt: skip


@hookimpl
def register_preferences(portal: Any) -> Sequence[Any]:
    return [SHORTCUT_KEYS]


@hookimpl
def register_settings_pages(portal: Any) -> Sequence[NavItem]:
    return [NavItem("settings-preferences", "preferences.title", "/settings/preferences", "theme", 20)]


@hookimpl
def register_services(portal: Any) -> Mapping[type, Any]:
    packages = [p for p in portal.plugins.collect("register_templates") if p != PACKAGE]
    messages = Messages.load([PACKAGE, *packages])
    look = read_look(portal.settings)
    tools = PageTools(
        translator=messages.translator,
        locales=messages.locales,
        roots=(PACKAGE,),
        static_folders=(STATIC,),
        globals=template_globals(look.shown),
        moment=moment,
        context=page_context,
    )

    def values_for(actor: Any) -> Mapping[str, Sequence[str]]:
        pages = [item.path for item in start_pages(portal, actor)]
        return {THEME: THEMES, LOCALE: messages.locales, START_PAGE: pages}

    preferences = Preferences(
        portal.db,
        UserSettings(portal.db, portal.clock),
        portal.audit,
        lambda actor: actor.is_user and (portal.demo or not portal.auth.is_guest(actor)),
        lambda: portal.plugins.collect("register_preferences", portal=portal),
        values_for,
    )
    return {Look: look, Messages: messages, PageTools: tools, Preferences: preferences}


@hookimpl
def register_routes(portal: Any) -> Sequence[Any]:
    prefixes = ["/gallery", "/keyboard", "/settings/preferences", "/api/ui"]
    return [LateRoutes(prefixes, lambda: _page_routes(portal)), *LookViews(portal.service(Look)).routes()]


def _page_routes(portal: Any) -> Sequence[Route]:
    from callboard.ui.gallery import Gallery
    from callboard.ui.preference_pages import PreferenceViews

    messages = portal.service(Messages)
    gallery = Gallery(messages, portal.clock)
    views = PreferenceViews(portal.service(Preferences), messages, lambda actor: start_pages(portal, actor))
    return [
        Route("/gallery", gallery.show, auth="page", name="gallery"),
        *views.routes(),
    ]


def start_pages(portal: Any, actor: Any) -> Sequence[NavItem]:
    """Places of the navigation that ``actor`` may go to, but for home, where signing in leads anyway."""
    return [
        item
        for item in portal.nav_items
        if item.path != "/"
        and item.in_rail
        and (item.permission is None or portal.permissions.decide(actor, item.permission).result != "DENY")
    ]
