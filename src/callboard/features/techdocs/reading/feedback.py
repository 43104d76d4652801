"""Whether a page helped: readers say so, once a person and page; owners of the site are told, and see it until they are done with it."""

from __future__ import annotations

import uuid
from typing import Any, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import UPDATE_ENTITY, CatalogQueries
from callboard.features.notifications.interface import NewNotification, Notifications
from callboard.features.techdocs.domain import docs_path, owner_of
from callboard.features.techdocs.interface import TechDocs
from callboard.features.techdocs.reading import store
from callboard.features.techdocs.reading.store import Feedback, Tally
from callboard.kernel.audit import Audit
from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.errors import InputError, NotAllowedError, NotFoundError
from callboard.kernel.permissions import PermissionService
from callboard.kernel.user_settings import is_read_only, require_may_write
from callboard.kernel.wire.credentials import require_user
from callboard.model.predicates import matches
from callboard.model.terms import terms_of
from callboard.ui.wording import Wordings

say = Wordings("callboard.features.techdocs")
REASONS = ("wrong", "outdated", "missing", "unclear", "other")
"""Why a page did not help."""
MAX_TEXT = 2_000
MAX_LIMIT = 200
ORIGIN = "plugin:techdocs"


class FeedbackNotFound(NotFoundError):
    """No such answer is there for the caller."""

    code = "techdocs.feedback_not_found"


class FeedbackService:
    """``shares_account``: whether an actor is nobody in particular, so that one answer would stand for all of them."""

    def __init__(
        self, *, db: Database, clock: Clock, docs: TechDocs, queries: CatalogQueries, permissions: PermissionService, audit: Audit,
        notifications: Notifications | None, shares_account: Any,
    ) -> None:  # fmt: skip
        self._db = db
        self._clock = clock
        self._docs = docs
        self._queries = queries
        self._permissions = permissions
        self._audit = audit
        self._notifications = notifications
        self._shares_account = shares_account

    # ---- readers -----------------------------------------------------------------------------------------------------

    def may_give(self, actor: Actor) -> bool:
        return actor.is_user and not self._shares_account(actor) and not is_read_only(actor)

    async def find_own(self, ref: str, path: str, *, actor: Actor) -> Feedback | None:
        if not self.may_give(actor):
            return None
        async with self._db.read(snapshot=False) as tx:
            return await store.find_feedback(tx, ref, path, actor.subject)

    async def give(
        self, ref: str, path: str, *, is_helpful: bool, reason: str = "", text: str = "", actor: Actor, request: Any = None
    ) -> Feedback:  # fmt: skip
        """Says it, or says it anew. Raises ``InputError``, ``NotAllowedError`` for guests, and as ``TechDocs.page``.

        The same again changes nothing. Owners are told of what did not help, and of every text.
        """
        require_user(actor)
        require_may_write(actor)
        if self._shares_account(actor):
            raise NotAllowedError("Guests share one account. Sign in to say whether a page helped.")
        text = text.strip()
        if len(text) > MAX_TEXT:
            raise InputError(f"At most {MAX_TEXT:,} characters.", field="text")
        if reason and reason not in REASONS:
            raise InputError(f"reason must be one of {', '.join(REASONS)}.", field="reason")
        page = await self._docs.page(ref, path, actor=actor)
        ref, path = page.site.ref, page.path
        given = (is_helpful, "" if is_helpful else reason, text)
        owner = await self._owner(ref, actor)
        async with self._db.write() as tx:
            before = await store.find_feedback(tx, ref, path, actor.subject)
            if before is not None and (before.is_helpful, before.reason, before.text) == given:
                return before
            now = format_time(self._clock.now())
            id = before.id if before is not None else uuid.uuid4().hex
            await store.put_feedback(
                tx, (id, ref, path, actor.subject, page.title, int(is_helpful), given[1], text, now)
            )
            await self._record(tx, "techdocs-feedback", ref, path, actor, request, helpful=is_helpful, reason=given[1])
            made = await store.find_feedback(tx, ref, path, actor.subject)
            assert made is not None
            if owner and (not is_helpful or text):
                await self._tell(tx, made, page.site.title, owner)
        return made

    async def withdraw(self, ref: str, path: str, *, actor: Actor, request: Any = None) -> None:
        """Takes back what the actor said; nothing happens when they said nothing."""
        require_user(actor)
        require_may_write(actor)
        async with self._db.write() as tx:
            found = await store.find_feedback(tx, ref, path, actor.subject)
            if found is not None and await store.delete_feedback(tx, found.id):
                await self._record(tx, "techdocs-feedback-withdraw", ref, path, actor, request)

    async def _tell(self, tx: Transaction, one: Feedback, site: str, owner: str) -> None:
        if self._notifications is None:
            return
        about = one.title[:120]
        if one.is_helpful or not one.reason:
            title = say(f"techdocs.feedback.tell.{'helpful' if one.is_helpful else 'not'}", title=about)
        else:
            title = say("techdocs.feedback.tell.not_because", title=about, why=say(f"techdocs.reason.{one.reason}"))
        await self._notifications.notify(
            tx,
            NewNotification(
                title, [owner], description=one.text[:500] or site,
                link=f"/docs/feedback?site={one.ref}", severity="low", topic="docs-feedback", origin=ORIGIN,
                scope=f"techdocs-feedback:{one.ref}:{one.path}"[:250], exclude=[one.person], icon="docs",
            ),
        )  # fmt: skip

    # ---- owners ------------------------------------------------------------------------------------------------------

    async def _entity(self, ref: str, actor: Actor) -> Mapping[str, Any] | None:
        raw = await self._queries.find_raw(ref, actor=actor)
        return None if raw is None else orjson.loads(raw)

    async def _owner(self, ref: str, actor: Actor) -> str | None:
        entity = await self._entity(ref, actor)
        return None if entity is None else owner_of(entity)

    async def may_read(self, ref: str, *, actor: Actor) -> bool:
        """Owners of the entity may, and whoever may change it."""
        entity = await self._entity(ref, actor)
        return entity is not None and self.may_read_of(entity, actor)

    def may_read_of(self, entity: Mapping[str, Any], actor: Actor) -> bool:
        owner = owner_of(entity)
        if actor.is_user and owner is not None and owner in actor.ownership:
            return True
        decision = self._permissions.decide(actor, UPDATE_ENTITY)
        if decision.result == "CONDITIONAL" and decision.condition is not None:
            return bool(matches(self._permissions.compile(decision.condition), terms_of(entity)))
        return decision.result == "ALLOW"

    async def readable(self, refs: Sequence[str], *, actor: Actor) -> Sequence[str]:
        """Those of ``refs`` whose feedback the actor may read."""
        found = await self._queries.get_many_raw(refs, actor=actor)
        return [
            ref
            for ref, raw in zip(refs, found, strict=True)
            if raw is not None and self.may_read_of(orjson.loads(raw), actor)
        ]

    async def list(
        self, ref: str | None = None, *, only_open: bool = True, limit: int = 50, offset: int = 0, actor: Actor
    ) -> tuple[Sequence[Feedback], int]:
        """What was said of a site, or of all, as far as the actor may read it: newest first, and how much of it there is."""
        if not 1 <= limit <= MAX_LIMIT or offset < 0:
            raise InputError(f"limit must be from 1 to {MAX_LIMIT}, offset at least 0.", field="limit")
        async with self._db.read() as tx:
            refs = await store.list_feedback_refs(tx, only_open=only_open)
            mine = await self.readable([one for one in refs if ref in (None, one)], actor=actor)
            if not mine:
                return [], 0
            return await store.list_feedback(tx, mine, only_open=only_open, limit=limit, offset=offset)

    async def count_open(self, *, actor: Actor) -> int:
        """How much the actor may read and nobody has dealt with."""
        async with self._db.read() as tx:
            mine = await self.readable(await store.list_feedback_refs(tx, only_open=True), actor=actor)
            return sum((await store.count_open(tx, mine)).values()) if mine else 0

    async def tally(self, ref: str, path: str, *, actor: Actor) -> Tally | None:
        """How many found the page helpful; None for those who may not know."""
        if not await self.may_read(ref, actor=actor):
            return None
        async with self._db.read(snapshot=False) as tx:
            return await store.tally(tx, ref, path)

    async def set_done(self, id: str, done: bool, *, actor: Actor, request: Any = None) -> Feedback:
        """The owner has dealt with it, or has not after all. Raises ``FeedbackNotFound``."""
        require_user(actor)
        require_may_write(actor)
        async with self._db.read(snapshot=False) as tx:
            found = await store.find_feedback_by_id(tx, id)
        if found is None or not await self.may_read(found.ref, actor=actor):
            raise FeedbackNotFound("There is no such feedback for you. It may have been withdrawn.")
        now = format_time(self._clock.now())
        async with self._db.write() as tx:
            changed = await store.set_done(tx, id, now if done else None, actor.subject if done else None)
            if changed:
                event = "techdocs-feedback-done" if done else "techdocs-feedback-reopen"
                await self._record(tx, event, found.ref, found.path, actor, request, feedback=id)
            after = await store.find_feedback_by_id(tx, id)
        if after is None:
            raise FeedbackNotFound("It was withdrawn just now.")
        return after

    async def _record(
        self, tx: Transaction, event: str, ref: str, path: str, actor: Actor, request: Any, **more: Any
    ) -> None:
        meta = {"page": docs_path(ref, path), **more}
        await self._audit.record(tx, event, actor=actor, meta=meta, request=request, plugin="techdocs")
