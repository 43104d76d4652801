"""``Announcements``: who may read which, writing them, and telling people when one begins."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from datetime import datetime
from typing import Any, Sequence

from callboard.features.announcements import store
from callboard.features.announcements.interface import (
    CREATE_ANNOUNCEMENT,
    DELETE_ANNOUNCEMENT,
    SEVERITIES,
    UPDATE_ANNOUNCEMENT,
    Announcement,
    AnnouncementChanged,
    AnnouncementNotFound,
    Draft,
    When,
)
from callboard.features.notifications.interface import NewNotification, Notifications
from callboard.features.notifications.interface import Severity as NotificationSeverity
from callboard.kernel.audit import Audit
from callboard.kernel.auth.actor import Actor
from callboard.kernel.auth.service import Auth
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.errors import InputError, NotAllowedError
from callboard.kernel.jobs import JobContext, JobKind, Jobs
from callboard.kernel.permissions import PermissionService
from callboard.kernel.user_settings import require_may_write
from callboard.kernel.wire.credentials import require_user
from callboard.model.refs import EntityRef, RefError

PUBLISH_JOB = "announcements.publish"
ORIGIN = "plugin:announcements"
MAX_TITLE = 200
MAX_BODY = 20_000
MAX_AUDIENCE = 100
MAX_LIMIT = 200
_EXCERPT = 300
_URGENCY: dict[str, NotificationSeverity] = {"info": "normal", "warning": "high", "critical": "critical"}


class AnnouncementService:
    """``Announcements`` of one portal."""

    def __init__(self, portal: Any) -> None:
        self._db: Database = portal.db
        self._clock: Clock = portal.clock
        self._jobs: Jobs = portal.jobs
        self._auth: Auth = portal.auth
        self._audit: Audit = portal.audit
        self._permissions: PermissionService = portal.permissions
        self._notifications: Notifications | None = portal.find_service(Notifications)

    @property
    def can_notify(self) -> bool:
        return self._notifications is not None

    def may(self, actor: Actor, permission: Any) -> bool:
        return self._permissions.decide(actor, permission).result == "ALLOW"

    # ---- reading -----------------------------------------------------------------------------------------------------

    async def list_announcements(
        self, when: When = "current", *, dismissed: bool = True, limit: int = 20, offset: int = 0, actor: Actor
    ) -> tuple[Sequence[Announcement], int]:
        if not 1 <= limit <= MAX_LIMIT or offset < 0:
            raise InputError(f"limit must be from 1 to {MAX_LIMIT}, offset at least 0.", field="limit")
        groups = None if self.may(actor, UPDATE_ANNOUNCEMENT) and dismissed else sorted(actor.ownership)
        async with self._db.read() as tx:
            return await store.list_page(
                tx, actor.subject, format_time(self._clock.now()), when, groups=groups, dismissed=dismissed, limit=limit,
                offset=offset,
            )  # fmt: skip

    async def get_announcement(self, id: str, *, actor: Actor) -> Announcement:
        async with self._db.read() as tx:
            return await self._get(tx, id, actor)

    async def _get(self, tx: Transaction, id: str, actor: Actor) -> Announcement:
        found = await store.find(tx, id, actor.subject)
        if found is None:
            raise AnnouncementNotFound(id)
        is_meant = not found.audience or not actor.ownership.isdisjoint(found.audience)
        if not (is_meant and found.starts_at <= self._clock.now()) and not self.may(actor, UPDATE_ANNOUNCEMENT):
            raise AnnouncementNotFound(id)
        return found

    # ---- writing -----------------------------------------------------------------------------------------------------

    async def create_announcement(self, draft: Draft, *, actor: Actor) -> Announcement:
        self._permissions.require(actor, CREATE_ANNOUNCEMENT)
        draft = check_draft(draft)
        id = uuid.uuid4().hex
        async with self._db.write() as tx:
            await store.put(tx, id, draft, by=actor.subject, now=format_time(self._clock.now()))
            return await self._written(tx, "announcement-create", id, actor)

    async def update_announcement(self, id: str, draft: Draft, *, version: int, actor: Actor) -> Announcement:
        self._permissions.require(actor, UPDATE_ANNOUNCEMENT)
        draft = check_draft(draft)
        async with self._db.write() as tx:
            await store.lock(tx, id)
            stands = await self._get(tx, id, actor)
            if draft == draft_of(stands):
                return stands
            if stands.version != version:
                raise AnnouncementChanged(stands)
            await store.put(tx, id, draft, by=actor.subject, now=format_time(self._clock.now()))
            return await self._written(tx, "announcement-update", id, actor)

    async def _written(self, tx: Transaction, event: str, id: str, actor: Actor) -> Announcement:
        found = await store.find(tx, id, actor.subject)
        assert found is not None
        if found.notify and found.notified_at is None:
            await self._jobs.enqueue(tx, PUBLISH_JOB, {"id": id}, key=id, run_at=self._due(found.starts_at))
        await self._record(tx, event, found, actor)
        return found

    def _due(self, starts_at: datetime) -> datetime:
        return max(starts_at, self._clock.now())

    async def delete_announcement(self, id: str, *, actor: Actor) -> None:
        self._permissions.require(actor, DELETE_ANNOUNCEMENT)
        async with self._db.write() as tx:
            found = await self._get(tx, id, actor)
            await store.delete(tx, id)
            await self._record(tx, "announcement-delete", found, actor)

    async def dismiss(self, id: str, *, dismissed: bool = True, actor: Actor) -> None:
        require_user(actor)
        require_may_write(actor)
        if self._auth.is_guest(actor):
            raise NotAllowedError(
                "Guests share one account: what one of them dismissed would be gone for all. Sign in first."
            )
        async with self._db.write() as tx:
            await self._get(tx, id, actor)
            now = format_time(self._clock.now())
            await store.put_dismissal(tx, id, actor.subject, now if dismissed else None)

    async def _record(self, tx: Transaction, event: str, one: Announcement, actor: Actor) -> None:
        meta = {"announcement": one.id, "title": one.title, "audience": list(one.audience)}
        await self._audit.record(tx, event, actor=actor, severity="medium", meta=meta, plugin="announcements")

    # ---- telling people ----------------------------------------------------------------------------------------------

    def job_kinds(self) -> Sequence[JobKind]:
        return [JobKind(PUBLISH_JOB, self._publish, max_attempts=8)]

    async def _publish(self, context: JobContext) -> None:
        """At its beginning, once: the note that it was told lands with the notification."""
        id, now = context.payload["id"], self._clock.now()
        if self._notifications is None:
            return
        async with self._db.write() as tx:
            found = await store.find(tx, id, "")
            if found is None or not found.notify or (found.ends_at is not None and found.ends_at <= now):
                return
            if found.starts_at > now:  # it was put off after this was planned
                await self._jobs.enqueue(tx, PUBLISH_JOB, {"id": id}, key=id, run_at=found.starts_at)
                return
            if not await store.note_notified(tx, id, format_time(now)):
                return
            new = NewNotification(
                found.title, found.audience or None, description=excerpt(found.body), link=f"/announcements/{id}",
                severity=_URGENCY[found.severity], topic="announcements", scope=f"announcement:{id}", origin=ORIGIN,
            )  # fmt: skip
            await self._notifications.notify(tx, new)


def check_draft(draft: Draft) -> Draft:
    """``draft`` as it is stored: trimmed, refs in full and lower case. Raises ``InputError`` with the field."""
    title, body = draft.title.strip(), draft.body.strip()
    if not title or len(title) > MAX_TITLE:
        raise InputError(f"Give it a title of at most {MAX_TITLE} characters.", field="title")
    if not body or len(body) > MAX_BODY:
        raise InputError(f"Write what there is to know, in at most {MAX_BODY:,} characters.", field="body")
    if draft.severity not in SEVERITIES:
        raise InputError(f"severity must be one of {', '.join(SEVERITIES)}.", field="severity")
    if draft.ends_at is not None and draft.ends_at <= draft.starts_at:
        raise InputError("It ends before it begins.", field="ends_at")
    if len(draft.audience) > MAX_AUDIENCE:
        raise InputError(f"At most {MAX_AUDIENCE} groups; leave them out to tell everybody.", field="audience")
    audience = tuple(sorted({_group_ref(text) for text in draft.audience if text.strip()}))
    starts_at = draft.starts_at.replace(microsecond=draft.starts_at.microsecond // 1000 * 1000)
    return replace(draft, title=title, body=body, audience=audience, starts_at=starts_at)


def _group_ref(text: str) -> str:
    try:
        ref = EntityRef.parse(text.strip().lower(), default_kind="group")
    except RefError as error:
        raise InputError(str(error), field="audience") from None
    if ref.kind != "group" or any(character.isspace() for character in str(ref)):
        raise InputError(f"{text.strip()!r} is no group. Write refs such as group:default/payments.", field="audience")
    return str(ref)


def draft_of(one: Announcement) -> Draft:
    """What would have to be written for ``one`` to stand as it does."""
    return Draft(
        one.title, one.body, one.starts_at, one.ends_at, tuple(one.audience), one.severity, one.pinned, one.notify
    )


def excerpt(body: str) -> str:
    """The first paragraph as plain words, for where no Markdown is drawn."""
    first = re.split(r"\n\s*\n", body.strip(), maxsplit=1)[0]
    first = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", first)
    first = re.sub(r"(?m)^\s*(#{1,6}|>|[-*+]|\d+\.)\s+", "", first)
    words = " ".join(re.sub(r"[*`~]+|__", "", first).split())
    return words if len(words) <= _EXCERPT else words[: _EXCERPT - 1].rstrip() + "…"
