"""Pages of forms in the editor's preview, drawn by what draws the forms themselves."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from markupsafe import Markup
from starlette.datastructures import FormData

from callboard.features.scaffolder.forms.answering import Answering, Wizard
from callboard.features.scaffolder.forms.drawing import FormViews
from callboard.features.scaffolder.forms.entities import MAX_WORDS, Offer
from callboard.features.scaffolder.forms.parsing import Answers, read_page
from callboard.features.scaffolder.interface import TemplateForm, Templates
from callboard.features.scaffolder.views.base import rendered
from callboard.kernel.web.request import Request
from callboard.model.refs import EntityRef
from callboard.ui.messages import Messages

PREVIEW = EntityRef("template", "default", "preview")


class DrawnForms:
    """``FormView`` over the forms of templates."""

    def __init__(self, views: FormViews, templates: Templates, messages: Messages) -> None:
        self._views = views
        self._messages = messages
        self._answering = Answering(templates, views.entities, views.hosts)

    async def draw(self, step: Mapping[str, Any], values: Mapping[str, Any], request: Request) -> Markup:
        t = self._messages.translator(request.locale)
        view = await self._views.preview(_unfocused(step), values, t, actor=request.actor)
        return rendered(request.render("scaffolder/form_page.html", view))

    async def suggest(
        self,
        steps: Sequence[Mapping[str, Any]],
        index: int,
        values: Mapping[str, Any],
        sent: FormData,
        request: Request,
    ) -> list[Offer]:
        every_page = Wizard(TemplateForm("", "", None, steps), PREVIEW, request.actor, Answers(dict(values)), _no_flag)
        at = next((n for n, (of_all, _) in enumerate(every_page.steps) if of_all == index), None)
        if at is None:
            return []
        for n in range(len(every_page.steps)):
            every_page.answers = read_page(every_page.page(n), sent, every_page.answers)
        name, words = str(sent.get("suggest", "")), str(sent.get("words", ""))[:MAX_WORDS]
        return await self._answering.suggest(every_page, at, name, words)


def _no_flag(name: str) -> bool:
    """The preview shows what is there without any feature flag."""
    return False


def _unfocused(value: Any) -> Any:
    """Without wishes for the cursor: it belongs to the text that is being written."""
    if isinstance(value, Mapping):
        return {key: _unfocused(one) for key, one in value.items() if key not in ("ui:autofocus", "autofocus")}
    return [_unfocused(one) for one in value] if isinstance(value, list) else value
