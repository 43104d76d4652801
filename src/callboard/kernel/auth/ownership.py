"""Which refs count as a user's own. The catalog knows; the kernel asks through ``OwnershipResolver``."""

from __future__ import annotations

from typing import Protocol


class OwnershipResolver(Protocol):
    """Offered by the feature that knows groups (``portal.service(OwnershipResolver)``)."""

    def revision(self) -> int:
        """A number that changes whenever anybody's memberships may have changed. Cheap: asked on every request."""

    async def ownership_of(self, user_ref: str) -> frozenset[str]:
        """Lower-cased refs of the groups the user belongs to, directly and through parent groups, and of the user.

        A user that is in no catalog owns nothing but their own ref.
        """


class OwnRefOnly:
    """The answer without a catalog: a user owns what names them, and nothing else."""

    def revision(self) -> int:
        return 0

    async def ownership_of(self, user_ref: str) -> frozenset[str]:
        return frozenset((user_ref.lower(),))


class CachedOwnership:
    """Answers of a resolver, kept for one revision. At most ``limit`` users are kept."""

    def __init__(self, resolver: OwnershipResolver, *, limit: int = 10_000) -> None:
        self._resolver = resolver
        self._limit = limit
        self._known: dict[str, tuple[int, frozenset[str]]] = {}
        self.revision = resolver.revision

    async def ownership_of(self, user_ref: str) -> frozenset[str]:
        revision = self.revision()
        known = self._known.get(user_ref)
        if known is not None and known[0] == revision:
            return known[1]
        refs = frozenset(r.lower() for r in await self._resolver.ownership_of(user_ref)) | {user_ref.lower()}
        if known is not None and known[1] == refs:
            refs = known[1]  # the same object, so that what is keyed by it stays warm
        if len(self._known) >= self._limit:
            self._known.clear()
        self._known[user_ref] = (revision, refs)
        return refs
