"""Declared looks of kinds, brought to every page and to the answers that the command palette draws."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping, Sequence

from callboard.kernel.web.routing import Route
from callboard.model.kinds import KindRegistry
from callboard.ui.icons import KindLook, find_icon, use_kind_looks


class KindLooks:
    """The looks of one portal's kinds, made again only when the kinds are others."""

    def __init__(self, kinds: KindRegistry) -> None:
        self._kinds = kinds
        self._serial = -1
        self._looks: Mapping[str, KindLook] = {}

    def use(self) -> None:
        """Have marks and plurals of this request know the kinds as they are now."""
        if self._serial != self._kinds.serial:
            self._serial = self._kinds.serial
            self._looks = {
                definition.kind.lower(): KindLook(find_icon(definition.icon), definition.plural)
                for definition in self._kinds.definitions
            }
        use_kind_looks(self._looks)

    async def frame(self, request: Any) -> Mapping[str, Any]:
        """A ``PageContext`` that gives no names: every page asks for it before it is made."""
        self.use()
        return {}

    def on(self, routes: Sequence[Route]) -> list[Route]:
        """The same routes: those that no frame is made for (JSON for the palette, drawings) use the looks, too."""
        return [
            route if route.auth == "page" else replace(route, handler=self._used(route.handler)) for route in routes
        ]

    def _used(self, handler: Any) -> Any:
        async def handle(request: Any) -> Any:
            self.use()
            return await handler(request)

        return handle
