"""Writing stitched entities: bytes, search terms and history, as a difference from what was there."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Sequence

import orjson

from callboard.features.catalog.domain import batches, diff, stitch
from callboard.features.catalog.interface import Finding
from callboard.features.catalog.store import aliases
from callboard.features.catalog.store.terms import KeyIds, TermRows, write_terms
from callboard.kernel.db.interface import Transaction

BATCH = 5_000
"""Entities stitched together: their terms are sorted as one, so the clustered table is written in long runs."""


async def mark_due(tx: Transaction, ids: Iterable[int]) -> None:
    for part in batches(sorted(ids), 5_000):
        await tx.execute(
            f"UPDATE catalog_node SET stitch_due = 1 WHERE {tx.any_of('id', 1, 'bigint')} AND stitch_due = 0",
            tx.list_arg(part),
        )


async def list_due(tx: Transaction, limit: int) -> list[int]:
    return [row[0] for row in await tx.fetch_all("SELECT id FROM catalog_node WHERE stitch_due = 1 LIMIT $1", limit)]


async def stitch_many(
    tx: Transaction,
    keys: KeyIds,
    documents: Mapping[int, Mapping[str, Any] | None],
    *,
    revision: int,
    now: str,
    source: Mapping[int, str],
    actor: str,
    with_history: bool = True,
    fresh: frozenset[int] | set[int] = frozenset(),
    keep_orphans: bool = False,
) -> list[tuple[int, str]]:
    """Stitch entities; (id, "created" or "updated") of those that came out different.

    ``documents`` maps node id to a newly processed document, or None to take the entity as it stands and only look at
    its relations and status again (skipped where no entity stands). ``fresh`` are ids known to have none yet.
    """
    changed: list[tuple[int, str]] = []
    for part in batches(list(documents), BATCH):
        changed += await _stitch_batch(
            tx,
            keys,
            {id: documents[id] for id in part},
            revision,
            now,
            source,
            actor,
            with_history,
            fresh,
            keep_orphans,
        )
    return changed


async def _stitch_batch(
    tx: Transaction,
    keys: KeyIds,
    documents: Mapping[int, Mapping[str, Any] | None],
    revision: int,
    now: str,
    source: Mapping[int, str],
    actor: str,
    with_history: bool,
    fresh: frozenset[int] | set[int],
    keep_orphans: bool,
) -> list[tuple[int, str]]:
    ids = list(documents)
    arg = tx.list_arg(ids)
    standing = [id for id in ids if id not in fresh]
    old: dict[int, bytes] = {}
    if standing:
        rows = await tx.fetch_all(
            f"SELECT id, json FROM catalog_entity WHERE {tx.any_of('id', 1, 'bigint')}", tx.list_arg(standing)
        )
        old = {row[0]: bytes(row[1]) for row in rows}
    nodes = {
        row[0]: (row[1], row[2])
        for row in await tx.fetch_all(
            f"SELECT id, uid, location FROM catalog_node WHERE {tx.any_of('id', 1, 'bigint')}", arg
        )
    }
    waiting = await tx.fetch_all(f"SELECT id, json FROM catalog_pending WHERE {tx.any_of('id', 1, 'bigint')}", arg)
    pending = {row[0]: row[1] for row in waiting}
    relations: dict[int, list[tuple[str, str]]] = {}
    if await aliases.are_any(tx):  # what is related to an earlier name of theirs is related to them
        earlier = await aliases.find_old(tx, ids)
        for node, type, target in await tx.fetch_all(
            "SELECT s.source_id, s.type, COALESCE(n.ref, r.ref) FROM catalog_relation s JOIN catalog_ref r ON r.id = s.target_id"
            " LEFT JOIN catalog_alias a ON a.old_id = s.target_id LEFT JOIN catalog_ref n ON n.id = a.new_id"
            f" WHERE {tx.any_of('s.source_id', 1, 'bigint')}",
            tx.list_arg([*ids, *earlier]),
        ):
            relations.setdefault(earlier.get(int(node), int(node)), []).append((type, target))
    else:
        for id, type, target in await tx.fetch_all(
            "SELECT s.source_id, s.type, r.ref FROM catalog_relation s JOIN catalog_ref r ON r.id = s.target_id"
            f" WHERE {tx.any_of('s.source_id', 1, 'bigint')}",
            arg,
        ):
            relations.setdefault(id, []).append((type, target))
    findings = await _errors(tx, ids)
    orphans: set[int] = set()
    if keep_orphans:
        held = await tx.fetch_all(
            f"SELECT DISTINCT child_id FROM catalog_edge WHERE {tx.any_of('child_id', 1, 'bigint')}", arg
        )
        orphans = set(ids) - {row[0] for row in held}
    new, then, after = TermRows(), TermRows(), TermRows()
    inserts: list[tuple[Any, ...]] = []
    updates: list[tuple[Any, ...]] = []
    history: list[tuple[Any, ...]] = []
    changed: list[tuple[int, str]] = []
    for id, document in documents.items():
        if id not in nodes:
            continue
        before = old.get(id)
        was = orjson.loads(before) if before is not None else None
        waited = document is None and id in pending
        given = orjson.loads(pending[id]) if waited else document if document is not None else was
        if given is None:
            continue
        final, body = stitch(
            given,
            uid=nodes[id][0],
            relations=relations.get(id, ()),
            findings=findings.get(id, ()),
            orphan=id in orphans,
        )
        if body == before:
            continue
        if was is None:
            inserts.append((id, revision, now, body))
            new.add(id, final)
            change = "created"
        else:
            updates.append((id, revision, now, body))
            if document is None and not waited:
                then.add_relations(id, was.get("relations") or ())
                after.add_relations(id, final["relations"])
            else:
                then.add(id, was)
                after.add(id, final)
            change = "updated"
        changed.append((id, change))
        if was is None or waited or with_history:
            what = change
            if was is not None:
                what = {(False, True): "failed", (True, False): "recovered"}.get(
                    ("status" in was, "status" in final), "updated"
                )
            history.append(
                (
                    id,
                    now,
                    what,
                    source.get(id) or nodes[id][1],
                    actor,
                    None if was is None else orjson.dumps(diff(was, final)).decode(),
                )
            )
    if inserts:
        await tx.insert_many("catalog_entity", ("id", "revision", "updated_at", "json"), inserts)
    if updates:
        await tx.execute_many(
            "UPDATE catalog_entity SET revision = $2, updated_at = $3, json = $4 WHERE id = $1", updates
        )
    if updates:
        await write_terms(tx, keys, after.without(then), then.without(after))
    await write_terms(tx, keys, new, TermRows())
    await write_history(tx, history)
    if pending:
        await tx.execute(f"DELETE FROM catalog_pending WHERE {tx.any_of('id', 1, 'bigint')}", arg)
    if standing:
        await tx.execute(
            f"UPDATE catalog_node SET stitch_due = 0 WHERE {tx.any_of('id', 1, 'bigint')} AND stitch_due = 1",
            tx.list_arg(standing),
        )
    return changed


async def write_history(tx: Transaction, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        await tx.insert_many("catalog_history", ("ref_id", "at", "change", "source", "actor", "diff"), rows)


async def _errors(tx: Transaction, ids: Sequence[int]) -> dict[int, list[Finding]]:
    if not ids:
        return {}
    rows = await tx.fetch_all(
        "SELECT subject_id, stage, message, name, file, line, col, field, fix FROM catalog_finding"
        # a conflict names another entity, which may be hidden from those who see this one: it is told as a finding only
        f" WHERE severity = 'error' AND stage <> 'conflict' AND {tx.any_of('subject_id', 1, 'bigint')} ORDER BY id",
        tx.list_arg(ids),
    )
    found: dict[int, list[Finding]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(
            Finding("error", row[1], row[2], row[3], file=row[4], line=row[5], column=row[6], field=row[7], fix=row[8])
        )
    return found


async def erase_entities(
    tx: Transaction, keys: KeyIds, ids: Sequence[int], *, revision: int, now: str, actor: str
) -> int:
    """Take the search terms of entities away and write down that they went; before ``removing.remove_nodes``."""
    count = 0
    for part in batches(list(ids), BATCH):
        rows = await tx.fetch_all(
            f"SELECT id, json FROM catalog_entity WHERE {tx.any_of('id', 1, 'bigint')}", tx.list_arg(part)
        )
        if not rows:
            continue
        count += len(rows)
        bodies = {row[0]: orjson.loads(row[1]) for row in rows}
        terms = TermRows()
        for id, entity in bodies.items():
            terms.add(id, entity)
        await write_terms(tx, keys, TermRows(), terms)
        await tx.insert_many("catalog_gone", ("revision", "id"), [(revision, id) for id in sorted(bodies)])
        await write_history(
            tx,
            [
                (
                    id,
                    now,
                    "deleted",
                    _source(entity),
                    actor,
                    orjson.dumps([{"op": "remove", "path": "", "from": entity}]).decode(),
                )
                for id, entity in bodies.items()
            ],
        )
    return count


def _source(entity: Mapping[str, Any]) -> str:
    return str((entity["metadata"].get("annotations") or {}).get("backstage.io/managed-by-location") or "")
