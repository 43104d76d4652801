"""Personal settings of one user: reads and writes, each for the actor alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import CatalogQueries
from callboard.kernel.audit import Audit
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.auth.service import Auth
from callboard.kernel.auth.sessions import hash_id
from callboard.kernel.auth.store import SessionRow
from callboard.kernel.clock import Clock, format_time
from callboard.kernel.db.interface import Database
from callboard.kernel.errors import InputError, NotAllowedError
from callboard.kernel.user_settings import require_may_write

_MAX_GROUPS = 500


@dataclass(frozen=True, slots=True)
class Membership:
    """A group that counts as the user's. ``is_direct``: named by the user's own entity, not only through a group below."""

    ref: str
    title: str
    is_direct: bool
    is_present: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """Who the portal takes somebody for. ``login`` is what a local user types to sign in, empty for others."""

    ref: str
    name: str
    email: str
    login: str
    is_in_catalog: bool
    roles: Sequence[str]
    groups: Sequence[Membership]


class PersonalSettings:
    """Each call is about ``actor``; guests, who share one account, have none."""

    def __init__(self, portal: Any) -> None:
        self._portal = portal
        self._db: Database = portal.db
        self._clock: Clock = portal.clock
        self._audit: Audit = portal.audit
        self._auth: Auth = portal.auth
        self._queries: CatalogQueries | None = portal.find_service(CatalogQueries)

    def require_person(self, actor: Actor) -> None:
        if not actor.is_user or self._auth.is_guest(actor):
            raise NotAllowedError("Guests share one account, so they have no settings of their own. Sign in first.")

    def _require_writer(self, actor: Actor) -> None:
        self.require_person(actor)
        require_may_write(actor)

    # ---- who -----------------------------------------------------------------------------------------------------------

    async def get_profile(self, *, actor: Actor) -> Profile:
        local = await self._auth.users.find_by_ref(actor.subject)
        entity = await self._find(actor.subject)
        spec = (entity or {}).get("spec") or {}
        profile = spec.get("profile")
        said: Mapping[str, Any] = profile if isinstance(profile, dict) else {}
        name = actor.display_name or said.get("displayName") or actor.subject.partition("/")[2]
        return Profile(
            ref=actor.subject, name=str(name), email=str(said.get("email") or (local.email if local else "") or ""),
            login=local.name if local is not None else "", is_in_catalog=entity is not None, roles=sorted(actor.roles),
            groups=await self._groups(actor, entity),
        )  # fmt: skip

    async def _find(self, ref: str) -> Mapping[str, Any] | None:
        """The user's own entity, which they may know of whatever the policy lets them list."""
        raw = await self._queries.find_raw(ref, actor=SYSTEM) if self._queries is not None else None
        found: Mapping[str, Any] | None = None if raw is None else orjson.loads(raw)
        return found

    async def _groups(self, actor: Actor, entity: Mapping[str, Any] | None) -> list[Membership]:
        relations = (entity or {}).get("relations") or ()
        direct = {one["targetRef"] for one in relations if one["type"] == "memberOf"}
        refs = sorted(actor.ownership - {actor.subject})[:_MAX_GROUPS]
        raws = await self._queries.get_many_raw(refs, actor=actor) if self._queries is not None and refs else []
        titles = {}
        for ref, raw in zip(refs, raws, strict=False):
            if raw is not None:
                titles[ref] = _title(orjson.loads(raw))
        found = [Membership(ref, titles.get(ref, ref.partition(":")[2]), ref in direct, ref in titles) for ref in refs]
        return sorted(found, key=lambda one: (not one.is_direct, one.title.lower()))

    # ---- where signed in -----------------------------------------------------------------------------------------------

    async def list_sessions(self, *, actor: Actor) -> Sequence[SessionRow]:
        self.require_person(actor)
        now = format_time(self._clock.now())
        rows = await self._auth.sessions.list_sessions(actor.subject)
        return sorted((row for row in rows if row.expires_at > now), key=lambda row: row.last_seen_at, reverse=True)

    async def end_session(self, mark: str, *, actor: Actor) -> bool:
        """Whether there was one of the actor's with that mark (``SessionRow.id_hash``)."""
        self._require_writer(actor)
        return bool(await self._end([mark], actor))

    async def end_other_sessions(self, keep: str | None, *, actor: Actor) -> int:
        """All but the one with the id ``keep``; how many ended."""
        self._require_writer(actor)
        kept = None if keep is None else hash_id(keep)
        rows = await self._auth.sessions.list_sessions(actor.subject)
        return await self._end([row.id_hash for row in rows if row.id_hash != kept], actor)

    async def _end(self, marks: Sequence[str], actor: Actor) -> int:
        ended = 0
        for mark in marks:
            ended += await self._auth.sessions.delete_session_of(actor.subject, mark)
            self._auth.forget_session(mark)
        if ended:
            meta = {"sessions": ended}
            await self._audit.record(None, "session-end", actor=actor, meta=meta, plugin="settings")
        return ended

    async def change_password(self, current: str, new: str, again: str, *, actor: Actor) -> None:
        """Every session of the user ends. Raises ``InputError`` with the field; somebody with no password here has none to change."""
        self.require_person(actor)
        if actor.via != "session":
            raise NotAllowedError("A password is changed by whoever signed in with it. Sign in in the browser.")
        local = await self._auth.users.find_by_ref(actor.subject)
        if local is None:
            raise InputError("You do not sign in here with a password.", field="current")
        if new != again:
            raise InputError("The two new passwords are not the same.", field="again")
        if await self._auth.users.check_password(local.name, current) is None:
            raise InputError("That is not your password.", field="current")
        try:
            await self._auth.users.set_password(local.name, new, actor=actor)
        except InputError as error:
            raise InputError(error.message, field="new") from None


def _title(entity: Mapping[str, Any]) -> str:
    """What pages call a group."""
    spec, metadata = entity.get("spec"), entity["metadata"]
    profile = spec.get("profile") if isinstance(spec, dict) else None
    named = profile.get("displayName") if isinstance(profile, dict) else None
    return str(metadata.get("title") or named or metadata["name"])
