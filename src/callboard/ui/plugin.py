"""The design system's wiring: what it gives to every page, the message catalogues, and the gallery."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping, Sequence

from callboard.kernel.plugins.hooks import hookimpl
from callboard.kernel.web.routing import Route
from callboard.kernel.web.templates import PageTools
from callboard.ui.environment import locale_context, template_globals
from callboard.ui.messages import Messages
from callboard.ui.moments import moment

PACKAGE = "callboard.ui"
STATIC = Path(__file__).resolve().parent / "static"


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
        context=lambda request: locale_context(request.locale),
    )
    return {Messages: messages, PageTools: tools}


@hookimpl
def register_routes(portal: Any) -> Sequence[Route]:
    from callboard.ui.gallery import Gallery

    gallery = Gallery(portal.service(Messages), portal.clock)
    return [Route("/gallery", gallery.show, auth="page", name="gallery")]
