"""``SavedViews``: whom a view is for decides who sees it, and who may change it.

=================  ===============================  =======================================
audience           who sees it                      who may change it
=================  ===============================  =======================================
a user             that user                        that user
a group            its members                      its members
``everybody``      all                              whoever has ``portal.catalog-view.publish``
=================  ===============================  =======================================
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any, Sequence

from starlette.datastructures import QueryParams

from callboard.features.catalog.interface.personal import (
    EVERYBODY,
    PUBLISH_VIEW,
    SAVE_VIEW,
    NewView,
    SavedView,
    ViewExists,
    ViewNotFound,
)
from callboard.features.catalog.pages.list_state import ListState
from callboard.features.catalog.personal import view_store as store
from callboard.features.catalog.personal.people import Keeping
from callboard.kernel.audit import Audit
from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import Clock
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.errors import InputError, LimitError, NotAllowedError
from callboard.kernel.permissions import PermissionService

MAX_NAME = 60
MAX_QUERY = 4000
MAX_VIEWS = 100
"""Of one audience."""
MAX_LISTED = 300


class ViewShelf:
    """``SavedViews`` of one portal."""

    def __init__(
        self, db: Database, clock: Clock, permissions: PermissionService, audit: Audit, keeping: Keeping
    ) -> None:
        self._db = db
        self._clock = clock
        self._permissions = permissions
        self._audit = audit
        self._keeping = keeping

    # ---- reading -----------------------------------------------------------------------------------------------------

    def _readable(self, actor: Actor) -> list[str]:
        """Audiences that ``actor`` belongs to, the narrowest first."""
        if not self._keeping.is_kept_for(actor):
            return [EVERYBODY]
        return [actor.subject, *_groups(actor), EVERYBODY]

    def audiences(self, actor: Actor) -> Sequence[str]:
        if self._permissions.decide(actor, SAVE_VIEW).result == "DENY":
            return ()
        mine = [a for a in self._readable(actor) if a != EVERYBODY]
        return [*mine, EVERYBODY] if self._may_publish(actor) else mine

    def _may_publish(self, actor: Actor) -> bool:
        return self._permissions.decide(actor, PUBLISH_VIEW).result == "ALLOW"

    def _seen(self, view: SavedView, actor: Actor) -> SavedView:
        audiences = self._readable(actor)
        may_change = view.audience in self.audiences(actor)
        return replace(view, may_change=may_change, default_for=view.default_for & set(audiences))

    async def list(self, *, actor: Actor, kind: str | None = None) -> Sequence[SavedView]:
        audiences = self._readable(actor)
        async with self._db.read() as tx:
            found = await store.list_views(tx, audiences, kind=kind, limit=MAX_LISTED)
        rank = {audience: n for n, audience in enumerate(audiences)}
        found.sort(key=lambda view: (rank[view.audience], view.name.lower()))
        return [self._seen(view, actor) for view in found]

    async def get(self, id: str, *, actor: Actor) -> SavedView:
        async with self._db.read() as tx:
            return await self._get(tx, id, actor)

    async def _get(self, tx: Transaction, id: str, actor: Actor) -> SavedView:
        view = await store.find_view(tx, id)
        if view is None or view.audience not in self._readable(actor):
            raise ViewNotFound(id)
        return self._seen(view, actor)

    async def find_default(self, kind: str, *, actor: Actor) -> SavedView | None:
        audiences = self._readable(actor)
        async with self._db.read() as tx:
            chosen = await store.list_defaults(tx, audiences, kind)
            for audience in audiences:
                if audience in chosen:
                    view = await store.find_view(tx, chosen[audience])
                    if view is not None and view.audience in audiences:
                        return self._seen(view, actor)
        return None

    # ---- writing -----------------------------------------------------------------------------------------------------

    def _require_audience(self, actor: Actor, audience: str) -> None:
        self._permissions.require(actor, SAVE_VIEW)
        if audience in self.audiences(actor):
            return
        if audience == EVERYBODY:
            raise NotAllowedError("Only administrators save views for everybody. Save it for yourself, or ask one.")
        if audience.startswith("group:"):
            raise NotAllowedError(f"Only members of {audience} save views for it. Ask one of them.")
        raise NotAllowedError("Views are kept for you alone, for a group that you are in, or for everybody.")

    async def create(self, new: NewView, *, actor: Actor) -> SavedView:
        audience = new.audience.strip().lower() or actor.subject
        self._require_audience(actor, audience)
        kind, query = read_query(new.query)
        now, id = self._clock.now(), uuid.uuid4().hex[:20]
        view = SavedView(id, read_name(new.name), kind, query, audience, actor.subject, now, actor.subject)
        async with self._db.write() as tx:
            await self._require_room(tx, view)
            await store.add_view(tx, view)
            await self._record(tx, "view-create", view, actor)
        return self._seen(view, actor)

    async def update(
        self, id: str, *, name: str | None = None, query: str | None = None, audience: str | None = None, actor: Actor
    ) -> SavedView:
        async with self._db.write() as tx:
            before = await self._get(tx, id, actor)
            self._require_audience(actor, before.audience)
            after = replace(before, updated_at=self._clock.now(), updated_by=actor.subject)
            if name is not None:
                after = replace(after, name=read_name(name))
            if query is not None:
                kind, text = read_query(query)
                after = replace(after, kind=kind, query=text)
            if audience is not None:
                after = replace(after, audience=audience.strip().lower() or actor.subject)
                self._require_audience(actor, after.audience)
            await self._require_room(tx, after, before)
            await store.put_view(tx, after)
            if (after.kind, after.audience) != (before.kind, before.audience):
                # a default of another kind, or for those who no longer see it, would lead nowhere
                await store.clear_default(tx, id)
            await self._record(tx, "view-update", after, actor)
            return await self._get(tx, id, actor)

    async def _require_room(self, tx: Transaction, view: SavedView, before: SavedView | None = None) -> None:
        other = await store.find_id(tx, view.audience, view.kind, view.name)
        if other is not None and other != view.id:
            raise ViewExists(
                f"There is a view {view.name!r} already. Choose another name, or update that one.", field="name"
            )
        moves = before is None or before.audience != view.audience
        if moves and await store.count_views(tx, view.audience) >= MAX_VIEWS:
            raise LimitError(f"There are {MAX_VIEWS} views already; delete some that nobody uses.")

    async def delete(self, id: str, *, actor: Actor) -> None:
        async with self._db.write() as tx:
            view = await self._get(tx, id, actor)
            self._require_audience(actor, view.audience)
            await store.delete_view(tx, id)
            await self._record(tx, "view-delete", view, actor)

    async def set_default(self, id: str, audience: str, is_default: bool, *, actor: Actor) -> None:
        audience = audience.strip().lower() or actor.subject
        self._require_audience(actor, audience)
        async with self._db.write() as tx:
            view = await self._get(tx, id, actor)
            if is_default and view.audience not in (audience, EVERYBODY) and audience != actor.subject:
                raise InputError(
                    f"{audience} does not see this view. Share it with them first, then make it their default.",
                    field="audience",
                )
            if is_default:
                await store.set_default(tx, audience, view.kind, id)
            else:
                await store.clear_default(tx, id, audience)
            await self._record(tx, "view-default", view, actor, audience=audience, default=is_default)

    async def _record(self, tx: Transaction, event: str, view: SavedView, actor: Actor, **meta: Any) -> None:
        said = {"view": view.id, "name": view.name, "audience": view.audience, **meta}
        await self._audit.record(tx, event, actor=actor, severity="low", meta=said, plugin="catalog")


def _groups(actor: Actor) -> list[str]:
    return sorted(ref for ref in actor.ownership if ref.startswith("group:"))


def read_name(text: str) -> str:
    """The name on one line. Raises ``InputError`` when it is empty or too long for a tab."""
    name = " ".join(text.split())
    if not name:
        raise InputError("A view needs a name.", field="name")
    if len(name) > MAX_NAME:
        raise InputError(f"The name has {len(name)} characters; {MAX_NAME} fit.", field="name")
    return name


def read_query(text: str) -> tuple[str, str]:
    """(kind, canonical query string) of the address of a list. Raises ``InputError`` when it is too long to keep."""
    if len(text) > MAX_QUERY:
        raise InputError(f"The query has more than {MAX_QUERY} characters. Choose fewer filters.", field="query")
    state = ListState.parse(QueryParams(text.strip().removeprefix("?")))
    return state.kind or "", state.saved
