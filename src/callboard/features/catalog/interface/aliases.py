"""Names that entities had before: part of the catalog's face."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, Sequence

from callboard.kernel.auth.actor import Actor
from callboard.kernel.db.interface import Transaction
from callboard.kernel.errors import ConflictError, NotFoundError

AliasReason = Literal["renamed", "merged", "reorganised"]
"""``merged``: whatever a source still gives under the old name is kept out. With the others, an entity that takes the old name
ends the alias."""


class AliasNotFound(NotFoundError):
    """No alias of this ref is visible to the caller."""

    code = "catalog.alias_not_found"


class NameTaken(ConflictError):
    """An entity stands under the name that was to become an alias, or under the new name."""

    code = "catalog.name_taken"


@dataclass(frozen=True, slots=True)
class Alias:
    """``old`` stands for the entity ``new``: in relations of others, and as address of its pages. Refs are lower-cased."""

    old: str
    new: str
    reason: AliasReason
    note: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Referrer:
    """An entity whose document names another one. ``types`` are the relations that it so has to it."""

    ref: str
    types: Sequence[str]


class CatalogAliases(Protocol):
    """Aliases are resolved where relations are put together; documents, and REST's by-name, know only present names."""

    async def resolve(self, ref: str, *, actor: Actor) -> Alias | None:
        """The alias of an old name whose entity is there and visible."""

    async def list_aliases(self, *, of: str | None = None, actor: Actor) -> Sequence[Alias]:
        """Newest first, those to hidden or absent entities left out; ``of``: only those of this entity."""

    async def list_referrers(self, ref: str, *, actor: Actor) -> Sequence[Referrer]:
        """Visible entities whose documents name this ref as it is written here, which may be an old name. Sorted."""

    async def put(
        self, tx: Transaction, old: str, new: str, *, reason: AliasReason, note: str = "", actor: Actor
    ) -> Alias:
        """Have ``old`` stand for ``new`` from now on. Permission is the caller's to check. The same again changes nothing.

        With ``merged`` an entity under the old name goes, except one of a held source, which has to be gone before. Aliases of
        the old name follow it. Raises ``NameTaken``, ``InputError`` when there is no entity ``new`` or it is of another kind.
        """

    async def remove(self, tx: Transaction, old: str, *, actor: Actor) -> bool:
        """Forget an alias; what it kept out may come in again. False when there is none."""
