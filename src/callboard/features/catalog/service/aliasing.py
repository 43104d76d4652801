"""``CatalogAliases``: earlier names of entities, put and taken back with everything that is related to them put together anew."""

from __future__ import annotations

from typing import Sequence

from callboard.features.catalog.interface.aliases import Alias, AliasReason, NameTaken, Referrer
from callboard.features.catalog.service.queries import Queries
from callboard.features.catalog.service.writing import Change, Writer
from callboard.features.catalog.store import aliases, placing, removing
from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import parse_time
from callboard.kernel.db.interface import Transaction
from callboard.kernel.errors import InputError

MAX_NOTE = 2_000


class Aliases:
    """Over the same ``Writer`` as everything else that changes the catalog."""

    def __init__(self, writer: Writer, queries: Queries) -> None:
        self._writer = writer
        self._queries = queries

    # ---- reading -----------------------------------------------------------------------------------------------------

    async def resolve(self, ref: str, *, actor: Actor) -> Alias | None:
        async with self._writer.db.read(snapshot=False) as tx:
            found = await aliases.find_alias(tx, ref.lower())
        if found is None or await self._queries.find_raw(found.new, actor=actor) is None:
            return None
        return found

    async def list_aliases(self, *, of: str | None = None, actor: Actor) -> Sequence[Alias]:
        async with self._writer.db.read(snapshot=False) as tx:
            found = await aliases.list_aliases(tx, None if of is None else of.lower())
        if not found:
            return ()
        names = list({alias.new for alias in found})
        raws = await self._queries.get_many_raw(names, actor=actor)
        visible = {name for name, raw in zip(names, raws, strict=True) if raw is not None}
        return [alias for alias in found if alias.new in visible]

    async def list_referrers(self, ref: str, *, actor: Actor) -> Sequence[Referrer]:
        async with self._writer.db.read(snapshot=False) as tx:
            ids = await placing.find_refs(tx, [ref.lower()])
            rows = await aliases.list_referring(tx, ids[ref.lower()]) if ids else []
            hidden = await self._queries.hidden_among(tx, [row[1] for row in rows], actor) if rows else set()
        found: dict[str, list[str]] = {}
        for _, referrer, type in rows:
            if referrer not in hidden:
                found.setdefault(referrer, []).append(type)
        return [Referrer(referrer, types) for referrer, types in sorted(found.items())]

    # ---- writing -----------------------------------------------------------------------------------------------------

    async def put(
        self, tx: Transaction, old: str, new: str, *, reason: AliasReason, note: str = "", actor: Actor
    ) -> Alias:
        old, new = old.lower(), new.lower()
        if old == new:
            raise InputError(f"{old} cannot stand for itself.", field="ref")
        if old.partition(":")[0] != new.partition(":")[0]:
            raise InputError(f"{old} and {new} are of different kinds.", field="ref")
        change = await self._writer.begin(tx, actor.subject)  # from here on nobody else writes entities
        known = await aliases.find_alias(tx, old)
        if known is not None and (known.new, known.reason) == (new, reason):
            return known
        ids = await placing.ensure_refs(tx, [old, new])
        old_id, new_id = ids[old], ids[new]
        nodes = await placing.find_nodes(tx, [old_id, new_id])
        if new_id not in nodes:
            raise InputError(f"There is no entity {new} that {old} could stand for.", field="ref")
        if old_id in nodes:
            await self._clear(change, old_id, old, reason)
        earlier = await aliases.find_old(tx, [old_id])
        now = self._writer.now()
        alias = Alias(old, new, reason, note.strip()[:MAX_NOTE], parse_time(now), actor.subject)
        await aliases.insert(tx, old_id, new_id, reason=reason, note=alias.note, at=now, by=alias.by)
        refs = {old: old_id} | {one.old: id for id in earlier for one in await self._named(tx, id)}
        for name, id in refs.items():
            await self._untell(tx, name)
            await aliases.tell_referring(tx, id, aliases.renamed_finding(name, new, reason), now)
        await self._restitch(change, [new_id, *refs.values()])
        return alias

    async def _clear(self, change: Change, id: int, ref: str, reason: AliasReason) -> None:
        """Take the entity that has the name away, where that is wanted."""
        if reason != "merged":
            raise NameTaken(f"An entity {ref} is there: it has that name itself. Merge the two instead.")
        held = await change.tx.fetch_value(
            "SELECT s.name FROM catalog_edge e JOIN catalog_source s ON s.id = e.source_id"
            " WHERE e.child_id = $1 AND s.held = 1",
            id,
        )
        if held is not None:
            raise NameTaken(f"{held} gives {ref}, and has to let go of it first.")
        await change.remove([id])
        await change.drop(change.children)

    async def _named(self, tx: Transaction, id: int) -> Sequence[Alias]:
        ref = await tx.fetch_value("SELECT ref FROM catalog_ref WHERE id = $1", id)
        found = await aliases.find_alias(tx, ref)
        return () if found is None else (found,)

    async def _untell(self, tx: Transaction, old: str) -> None:
        """Take away what was told of documents that use the old name, whatever it stood for."""
        rows = await tx.fetch_all(f"SELECT DISTINCT message FROM catalog_finding WHERE name = '{aliases.RENAMED}'")
        start = f"The document names {old}, "
        await aliases.forget_told(tx, [row[0] for row in rows if row[0].startswith(start)])

    async def _restitch(self, change: Change, ids: Sequence[int]) -> None:
        """Put together again these entities and all that are related to them, by whichever name."""
        due: set[int] = set(ids)
        for id in ids:
            due |= await aliases.list_touching(change.tx, id)
        change.touch(due)
        await change.finish()
        change.tx.after_commit(self._writer.jobs.wake)

    async def remove(self, tx: Transaction, old: str, *, actor: Actor) -> bool:
        old = old.lower()
        change = await self._writer.begin(tx, actor.subject)
        known = await aliases.find_alias(tx, old)
        if known is None:
            return False
        ids = await placing.find_refs(tx, [old, known.new])
        names = await aliases.list_kept_out(tx, old)
        await aliases.delete(tx, [ids[old]])
        await self._untell(tx, old)
        await aliases.forget_kept_out(tx, old)
        change.waiting |= await removing.make_due(tx, [ids[old]])
        change.waiting_sources |= set(names)
        await self._restitch(change, list(ids.values()))
        return True
