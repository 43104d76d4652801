"""What the handlers of all pages around templates use."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Sequence

import orjson
from markupsafe import Markup

from callboard.features.catalog.interface import CatalogQueries
from callboard.features.scaffolder.interface import Tasks, Templates, TemplateUses
from callboard.features.scaffolder.pages.common import area_tabs
from callboard.features.scaffolder.permissions import CREATE_TASK, MANAGE_TEMPLATES, READ_TASK
from callboard.kernel.clock import Clock
from callboard.kernel.permissions import Permission, PermissionService
from callboard.kernel.web.request import Request
from callboard.ui.messages import Messages, Translator
from callboard.ui.parts import Tab


class PageParts:
    """One portal's."""

    def __init__(self, portal: Any) -> None:
        self.portal = portal
        self.queries: CatalogQueries = portal.service(CatalogQueries)
        self.tasks: Tasks = portal.service(Tasks)
        self.templates: Templates = portal.service(Templates)
        self.uses: TemplateUses = portal.service(TemplateUses)
        self.permissions: PermissionService = portal.permissions
        self.clock: Clock = portal.clock
        self._messages: Messages = portal.service(Messages)

    def t(self, request: Request) -> Translator:
        return self._messages.translator(request.locale)

    def may(self, request: Request, permission: Permission) -> bool:
        """At least in part."""
        return self.permissions.decide(request.actor, permission).result != "DENY"

    def tabs(self, request: Request, current: str) -> Sequence[Tab]:
        needs = {"templates": CREATE_TASK, "tasks": READ_TASK, "edit": MANAGE_TEMPLATES}
        closed = {id for id, permission in needs.items() if not self.may(request, permission)}
        return area_tabs(current, self.t(request), closed=closed)

    async def look_up(self, refs: Iterable[str | None], request: Request) -> dict[str, Mapping[str, Any]]:
        """The documents of those of ``refs`` that the reader may see, by lower-cased ref; one query."""
        wanted = sorted({ref.lower() for ref in refs if ref})
        raws = await self.queries.get_many_raw(wanted, actor=request.actor) if wanted else []
        return {ref: orjson.loads(raw) for ref, raw in zip(wanted, raws, strict=True) if raw is not None}


def rendered(response: Any) -> Markup:
    """A part of a page that another page holds."""
    return Markup(bytes(response.body).decode())
