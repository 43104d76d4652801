"""What all parts of ownership share: the portal's services, the settings, who may do what."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import READ_ENTITY, UPDATE_ENTITY, CatalogQueries, EntityNotFound
from callboard.features.catalog.interface.aliases import CatalogAliases
from callboard.features.editing.interface import Editing
from callboard.features.ownership.domain import ownable_kinds, owner_of
from callboard.features.ownership.settings import OwnershipSettings
from callboard.features.ownership.store import entities
from callboard.features.ownership.store.entities import Scope
from callboard.kernel.audit import Audit
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.clock import Clock
from callboard.kernel.db.interface import Database, Transaction
from callboard.kernel.errors import NotAllowedError
from callboard.kernel.jobs import Jobs
from callboard.kernel.permissions import Permission, PermissionService
from callboard.kernel.user_settings import is_read_only
from callboard.model.kinds import KindRegistry
from callboard.model.predicates import matches
from callboard.model.terms import terms_of

SYNC_JOB = "ownership.sync"
DAILY_JOB = "ownership.daily"


class Parts:
    """Services of others are asked for when first needed: they may be built later than this."""

    def __init__(self, portal: Any) -> None:
        self._portal = portal
        self.db: Database = portal.db
        self.clock: Clock = portal.clock
        self.jobs: Jobs = portal.jobs
        self.audit: Audit = portal.audit
        self.permissions: PermissionService = portal.permissions
        self.settings = OwnershipSettings.of(portal.settings)

    @cached_property
    def queries(self) -> CatalogQueries:
        found: CatalogQueries = self._portal.service(CatalogQueries)
        return found

    @cached_property
    def aliases(self) -> CatalogAliases:
        found: CatalogAliases = self._portal.service(CatalogAliases)
        return found

    @cached_property
    def editing(self) -> Editing:
        found: Editing = self._portal.service(Editing)
        return found

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """Kinds that can have an owner, lower-cased."""
        return ownable_kinds(self._portal.service(KindRegistry))

    def service(self, interface: type) -> Any:
        return self._portal.find_service(interface)

    # ---- reading -----------------------------------------------------------------------------------------------------

    async def look_up(self, refs: Sequence[str], *, actor: Actor) -> dict[str, Mapping[str, Any]]:
        """Documents of those of ``refs`` that are there and visible."""
        wanted = list(dict.fromkeys(refs))
        raws = await self.queries.get_many_raw(wanted, actor=actor) if wanted else []
        return {ref: orjson.loads(raw) for ref, raw in zip(wanted, raws, strict=True) if raw is not None}

    async def list_hidden(self, refs: Sequence[str], *, actor: Actor) -> set[str]:
        """Those of ``refs`` that are there and not for the actor to see."""
        wanted = list(dict.fromkeys(refs))
        if not wanted or self.sees_everything(actor):
            return set()
        return set(await self.queries.list_hidden(wanted, actor=actor))

    def sees_everything(self, actor: Actor) -> bool:
        return self.permissions.decide(actor, READ_ENTITY).result == "ALLOW"

    async def scope(self, tx: Transaction, actor: Actor) -> Scope:
        """What the actor may know of; nothing at all for those who may read nothing."""
        hidden: Sequence[str] = ()
        if not self.sees_everything(actor):
            refs = await entities.list_refs(tx)
            hidden = sorted(await self.queries.list_hidden(refs, actor=actor))
        return Scope(self.clock.now(), self.settings.confirm_every, hidden)

    # ---- who may ---------------------------------------------------------------------------------------------------------

    def may(self, actor: Actor, permission: Permission, entity: Mapping[str, Any]) -> bool:
        decision = self.permissions.decide(actor, permission)
        if decision.result == "CONDITIONAL" and decision.condition is not None:
            return bool(matches(self.permissions.compile(decision.condition), terms_of(entity)))
        return decision.result == "ALLOW"

    def may_update(self, actor: Actor, entity: Mapping[str, Any]) -> bool:
        return self.may(actor, UPDATE_ENTITY, entity)

    def may_confirm(self, actor: Actor, entity: Mapping[str, Any]) -> bool:
        """Owners may, and whoever may change it: to say that something is right is less than to change it."""
        return self.is_own(actor, owner_of(entity)) or self.may_update(actor, entity)

    def is_own(self, actor: Actor, owner: str) -> bool:
        """Whether the actor may speak for ``owner``, without any permission: a token that may only read speaks for nobody."""
        return actor.is_user and bool(owner) and owner in actor.ownership and not is_read_only(actor)

    async def require_entities(
        self, refs: Sequence[str], *, actor: Actor, to_update: bool
    ) -> dict[str, Mapping[str, Any]]:
        """The documents of all of ``refs``. Raises ``EntityNotFound`` or ``NotAllowedError`` with the first that fails."""
        found = await self.look_up(refs, actor=actor)
        for ref in refs:
            if ref not in found:
                raise EntityNotFound(ref)
            if to_update and not self.may_update(actor, found[ref]):
                raise NotAllowedError(f"You may not change {ref} ({UPDATE_ENTITY.name}). Its owner may.")
            if not to_update and not self.may_confirm(actor, found[ref]):
                raise NotAllowedError(f"You may not confirm {ref}: you neither own it nor may change it.")
        return found

    async def names_of_aliases(self) -> Mapping[str, str]:
        """Earlier name to the present one, of all aliases."""
        return {alias.old: alias.new for alias in await self.aliases.list_aliases(actor=SYSTEM)}
