"""Stars: refs in the user setting that Backstage's StarredEntities API keeps them in, so both see the same.

Source: Backstage, ``DefaultStarredEntitiesApi``: bucket ``starredEntities``, key ``entityRefs``, an array of refs.
"""

from __future__ import annotations

from typing import Any, Sequence

from callboard.features.catalog.interface import CatalogQueries, EntityNotFound
from callboard.features.catalog.personal.people import Keeping
from callboard.kernel.audit import Audit
from callboard.kernel.auth.actor import Actor
from callboard.kernel.db.interface import Database
from callboard.kernel.errors import InputError, LimitError
from callboard.kernel.user_settings import UserSettings
from callboard.model.refs import EntityRef, RefError

BUCKET = "starredEntities"
KEY = "entityRefs"
MAX_STARS = 1000


class UserStars:
    """``Stars`` of one portal."""

    def __init__(
        self, db: Database, values: UserSettings, queries: CatalogQueries, audit: Audit, keeping: Keeping
    ) -> None:
        self._db = db
        self._values = values
        self._queries = queries
        self._audit = audit
        self._keeping = keeping

    def is_kept_for(self, actor: Actor) -> bool:
        return self._keeping.is_kept_for(actor)

    async def list(self, *, actor: Actor) -> Sequence[str]:
        if not self._keeping.is_kept_for(actor):
            return ()
        return _refs(await self._values.find(actor.subject, BUCKET, KEY))

    async def set(self, ref: str, is_starred: bool, *, actor: Actor) -> None:
        self._keeping.require(actor)
        try:
            ref = str(EntityRef.parse(ref.lower()))
        except RefError as error:
            raise InputError(str(error), field="ref") from None
        # a star may be taken from what is gone, but not given to what is not there
        if is_starred and await self._queries.find_raw(ref, actor=actor) is None:
            raise EntityNotFound(ref)

        def changed(before: Any) -> list[str]:
            refs = [one for one in _refs(before) if one != ref]
            if is_starred and len(refs) >= MAX_STARS:
                raise LimitError(f"You have {MAX_STARS} stars already; take some away first.")
            return [*refs, ref] if is_starred else refs

        async with self._db.write() as tx:
            before, after = await self._values.change(tx, actor.subject, BUCKET, KEY, changed)
            if _refs(before) != _refs(after):
                meta = {"bucket": BUCKET, "key": KEY, "entityRef": ref, "starred": is_starred}
                await self._audit.record(tx, "user-setting-write", actor=actor, severity="low", meta=meta)


def _refs(stored: Any) -> list[str]:
    """What is stored, whoever wrote it: texts, lower-cased, each once."""
    if not isinstance(stored, list):
        return []
    return list(dict.fromkeys(one.lower() for one in stored if isinstance(one, str)))[:MAX_STARS]
