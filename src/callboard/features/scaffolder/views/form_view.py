"""Pages of forms in the editor's preview, drawn by what draws the forms themselves."""

from __future__ import annotations

from typing import Any, Mapping

from markupsafe import Markup

from callboard.features.scaffolder.forms.drawing import FormViews
from callboard.features.scaffolder.views.base import rendered
from callboard.kernel.web.request import Request
from callboard.ui.messages import Messages


class DrawnForms:
    """``FormView`` over the forms of templates."""

    def __init__(self, views: FormViews, messages: Messages) -> None:
        self._views = views
        self._messages = messages

    async def draw(self, step: Mapping[str, Any], values: Mapping[str, Any], request: Request) -> Markup:
        t = self._messages.translator(request.locale)
        view = await self._views.preview(_unfocused(step), values, t, actor=request.actor)
        return rendered(request.render("scaffolder/form_page.html", view))


def _unfocused(value: Any) -> Any:
    """Without wishes for the cursor: it belongs to the text that is being written."""
    if isinstance(value, Mapping):
        return {key: _unfocused(one) for key, one in value.items() if key not in ("ui:autofocus", "autofocus")}
    return [_unfocused(one) for one in value] if isinstance(value, list) else value
