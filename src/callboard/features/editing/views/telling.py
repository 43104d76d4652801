"""What is told on the page after a form did its work."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from callboard.features.editing.pages.editor import entity_href
from callboard.kernel.web.notices import Notice, leave_notice
from callboard.kernel.web.request import Request
from callboard.model.refs import EntityRef

DELETED = "/catalog/deleted"


def done(
    request: Request,
    href: str,
    what: str,
    ref: str,
    *,
    detail: str = "",
    way: tuple[str, str] | None = None,
    **arguments: str,
) -> Response:
    """To ``href``, where ``editing.said.<what>`` is told of the entity. ``way`` is (message, path)."""
    told = Notice(
        f"editing.said.{what}",
        detail and f"editing.said.{detail}",
        way,
        {"name": EntityRef.parse(ref).name, **arguments},
    )
    return leave_notice(request, RedirectResponse(href, status_code=303), told)


def to_history(ref: str) -> tuple[str, str]:
    return "editing.said.see_history", entity_href(ref, "history")
