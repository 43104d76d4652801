"""``/search/synonyms``: see which words mean the same, add some, switch learnt ones off and on. Works without script."""

from __future__ import annotations

from typing import Mapping

from starlette.responses import Response

from callboard.features.search.curating import Curating
from callboard.features.search.pages.synonyms import PATH, Filled, synonyms_page
from callboard.kernel.clock import Clock
from callboard.kernel.errors import InputError
from callboard.kernel.web.notices import Notice, leave_notice
from callboard.kernel.web.request import Request
from callboard.kernel.web.responses import Redirect, safe_next
from callboard.kernel.web.routing import Route
from callboard.ui.messages import Messages

TOLD: Mapping[str, str] = {
    "add": "search.synonyms.told.add", "off": "search.synonyms.told.off", "forget": "search.synonyms.told.forget",
}  # fmt: skip


class SynonymViews:
    """Handlers over ``Curating``."""

    def __init__(self, curating: Curating, messages: Messages, clock: Clock) -> None:
        self._curating = curating
        self._messages = messages
        self._clock = clock

    def routes(self) -> list[Route]:
        return [
            Route(PATH, self.show, auth="page", name="search-synonyms"),
            Route(PATH, self.change, ("POST",), auth="page", name="search-synonyms-change"),
        ]

    async def show(self, request: Request) -> Response:
        return await self._page(request, Filled(request.query_params.get("one", "")[:100]))

    async def change(self, request: Request) -> Response:
        """``do``: add, off or forget, with the words ``one`` and ``other``."""
        form = await request.read_form()
        do, one, other = (form.get(name, "").strip()[:200] for name in ("do", "one", "other"))
        ways = {"add": self._curating.add, "off": self._curating.switch_off, "forget": self._curating.forget}
        if do not in ways:
            raise InputError("Say what to do: add, off or forget.", field="do")
        try:
            await ways[do](one, other, actor=request.actor)
        except InputError as error:
            if do != "add":
                raise
            return await self._page(request, Filled(one, other, error.message, error.field or "one"), 400)
        back = safe_next(form.get("back"), PATH)
        return leave_notice(request, Redirect(back), Notice(TOLD[do], arguments={"one": one, "other": other}))

    async def _page(self, request: Request, filled: Filled, status: int = 200) -> Response:
        found = await self._curating.list(actor=request.actor)
        page = synonyms_page(
            found, request.query_params, self._messages.translator(request.locale), now=self._clock.now(),
            may_change=self._curating.may_change(request.actor), filled=filled,
        )  # fmt: skip
        return request.render("search/synonyms.html", page, status)
