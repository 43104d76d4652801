"""The design system's wiring: what it gives to every page, the message catalogues, and the gallery."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping, Sequence

from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.user_settings import UserSettings
from callboard.kernel.web.routing import Route
from callboard.kernel.web.templates import PageTools
from callboard.ui.environment import page_context, template_globals
from callboard.ui.messages import Messages
from callboard.ui.moments import moment
from callboard.ui.preferences import SHORTCUT_KEYS, PreferenceHooks, Preferences

PACKAGE = "callboard.ui"
STATIC = Path(__file__).resolve().parent / "static"


@hookimpl
def register_hookspecs() -> Sequence[type]:
    return [PreferenceHooks]


@hookimpl
def register_preferences(portal: Any) -> Sequence[Any]:
    return [SHORTCUT_KEYS]


@hookimpl
def register_services(portal: Any) -> Mapping[type, Any]:
    packages = [p for p in portal.plugins.collect("register_templates") if p != PACKAGE]
    messages = Messages.load([PACKAGE, *packages])
    tools = PageTools(
        translator=messages.translator,
        locales=messages.locales,
        roots=(PACKAGE,),
        static_folders=(STATIC,),
        globals=template_globals(),
        moment=moment,
        context=page_context,
    )
    preferences = Preferences(
        portal.db,
        UserSettings(portal.db, portal.clock),
        portal.audit,
        lambda actor: actor.is_user and (portal.demo or not portal.auth.is_guest(actor)),
        lambda: portal.plugins.collect("register_preferences", portal=portal),
    )
    return {Messages: messages, PageTools: tools, Preferences: preferences}


@hookimpl
def register_routes(portal: Any) -> Sequence[Route]:
    from callboard.ui.gallery import Gallery
    from callboard.ui.preference_pages import PreferenceViews

    messages = portal.service(Messages)
    gallery = Gallery(messages, portal.clock)
    views = PreferenceViews(portal.service(Preferences), messages)
    return [Route("/gallery", gallery.show, auth="page", name="gallery"), *views.routes()]
