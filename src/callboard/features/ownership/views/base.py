"""What the views of ownership share: who asks, what there is to choose from, and errors as banners."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.ownership.gone import Gone
from callboard.features.ownership.parts import Parts
from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import (
    CallboardError,
    ConflictError,
    InputError,
    LimitError,
    NotAllowedError,
    NotFoundError,
)
from callboard.kernel.web.request import Request
from callboard.model.refs import EntityRef
from callboard.ui.messages import Messages, Translator
from callboard.ui.parts import Banner

TOLD = (InputError, ConflictError, LimitError, NotAllowedError, NotFoundError)
"""Errors that are told on the page where they happened."""
POST: Mapping[str, Any] = {"methods": ("POST",), "auth": "page"}


def own_refs(request: Request) -> tuple[str, ...]:
    """The refs by which somebody owns things, sorted; none for guests, who are nobody in particular."""
    actor: Actor = request.actor
    if not actor.is_user or request.portal.auth.is_guest(actor):
        return ()
    return tuple(sorted(actor.ownership))


class Views:
    """Base of the view classes."""

    def __init__(self, parts: Parts, gone: Gone, messages: Messages) -> None:
        self._parts = parts
        self._gone = gone
        self._messages = messages

    def t(self, request: Request) -> Translator:
        return self._messages.translator(request.locale)

    async def known(self, refs: Sequence[str], request: Request) -> Mapping[str, Any]:
        return await self._parts.look_up([ref for ref in refs if ref], actor=request.actor)

    async def groups(self, request: Request) -> list[tuple[str, str]]:
        """Groups to choose from: (ref, title)."""
        return [(group.ref, group.title) for group in await self._gone.list_groups(actor=request.actor)]

    def told(self, error: CallboardError, t: Translator) -> Banner:
        return Banner("bad", t("ownership.not_done"), [error.message])


def status_of(error: CallboardError) -> int:
    if isinstance(error, NotAllowedError):
        return 403
    if isinstance(error, NotFoundError):
        return 404
    return 409 if isinstance(error, ConflictError) else 400


def ref_of(request: Request) -> EntityRef:
    params = request.path_params
    return EntityRef(params["kind"], params["namespace"], params["name"])
