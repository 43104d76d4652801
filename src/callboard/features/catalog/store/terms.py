"""Search terms as rows: what an entity adds to and takes from ``catalog_term``."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Iterable, Mapping

from callboard.features.catalog.store.sets import NULL_VALUE
from callboard.kernel.db.interface import Transaction
from callboard.model.terms import MAX_KEY_LENGTH, MAX_VALUE_LENGTH, text_of_scalar

TermRow = tuple[str, str, str | None, int]
"""key, value (lower-cased), value as written or None where equal, 1 for a string in a list"""

_SKIPPED = frozenset(
    ("attachments", "relations", "status", "metadata.name", "metadata.namespace", "metadata.uid", "metadata.etag")
)


def term_rows(entity: Mapping[str, Any]) -> list[TermRow]:
    """The stored rows of a final entity, without repeats. ``<list>.<item>`` keys are not stored: ``store.sets`` derives them."""
    out: dict[tuple[str, str], tuple[str | None, int]] = {}
    for name, child in entity.items():
        root = name.lower()
        if root not in _SKIPPED:
            _walk(root, child, 0, out)
    metadata = entity["metadata"]
    for key in ("name", "namespace", "uid"):
        value = metadata.get(key)
        if value is not None:
            _put(f"metadata.{key}", value, 0, out)
    rows: list[TermRow] = [(key, value, *rest) for (key, value), rest in out.items()]
    rows += relation_rows(entity.get("relations") or ())
    return rows


def relation_rows(relations: Iterable[Mapping[str, str]]) -> list[TermRow]:
    """Rows of a final entity's relations; targets are lower-cased refs, so they are their own originals."""
    return [
        (f"relations.{relation['type'].lower()}", relation["targetRef"], None, 0)
        for relation in relations
        if len(relation["targetRef"]) <= MAX_VALUE_LENGTH
    ]


def _walk(key: str, value: Any, item: int, out: dict[tuple[str, str], tuple[str | None, int]]) -> None:
    if isinstance(value, str):
        _put(key, value, item, out)
    elif isinstance(value, dict):
        for name, child in value.items():
            path = f"{key}.{name}".lower()
            if path not in _SKIPPED:
                _walk(path, child, 0, out)
    elif isinstance(value, list):
        for child in value:
            _walk(key, child, 1, out)
    elif value is None:
        if len(key) <= MAX_KEY_LENGTH:
            out.setdefault((key, NULL_VALUE), (None, 0))
    else:
        _put(key, text_of_scalar(value), 0, out)


def _put(key: str, value: str, item: int, out: dict[tuple[str, str], tuple[str | None, int]]) -> None:
    if len(key) > MAX_KEY_LENGTH:
        return
    if len(value) > MAX_VALUE_LENGTH or "\x00" in value or value == NULL_VALUE:
        out.setdefault((key, NULL_VALUE), (None, 0))
        return
    low = value.lower()
    known = out.get((key, low))
    if known is None:
        out[(key, low)] = (None if low == value else value, item)
    elif item and not known[1]:
        out[(key, low)] = (known[0], 1)


class KeyIds:
    """Number of each search key. Keys are never removed, so what is known stays true."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}

    async def find(self, tx: Transaction, key: str) -> int | None:
        known = self._ids.get(key)
        if known is None:
            known = await tx.fetch_value("SELECT id FROM catalog_key WHERE key = $1", key)
            if known is not None and len(self._ids) < 100_000:
                self._ids[key] = known
        return known

    async def ensure(self, tx: Transaction, keys: Iterable[str]) -> dict[str, int]:
        """Ids of ``keys``, new ones inserted. What is new is remembered only after the transaction commits."""
        wanted = set(keys)
        found = {k: self._ids[k] for k in wanted if k in self._ids}
        missing = sorted(wanted - found.keys())
        if missing:
            await tx.execute_many(
                "INSERT INTO catalog_key (key) VALUES ($1) ON CONFLICT (key) DO NOTHING", [(k,) for k in missing]
            )
            rows = await tx.fetch_all(
                f"SELECT key, id FROM catalog_key WHERE {tx.any_of('key', 1)}", tx.list_arg(missing)
            )
            fresh = {r[0]: r[1] for r in rows}
            found.update(fresh)
            if len(self._ids) < 100_000:
                tx.after_commit(lambda: self._ids.update(fresh))
        return found


async def write_terms(
    tx: Transaction,
    keys: KeyIds,
    added: Iterable[tuple[int, Iterable[TermRow]]],
    removed: Iterable[tuple[int, Iterable[TermRow]]],
) -> None:
    """Take away, then add, rows of entities (id, rows). Sorted, so that the clustered table is written in its order."""
    buckets: defaultdict[str, list[tuple[str, int, str | None, int]]] = defaultdict(list)
    for id, terms in added:
        for key, value, original, item in terms:
            buckets[key].append((value, id, original, item))
    taken = [(id, row) for id, terms in removed for row in terms]
    ids = await keys.ensure(tx, {*buckets, *(row[0] for _, row in taken)})
    if taken:
        await tx.execute_many(
            "DELETE FROM catalog_term WHERE key_id = $1 AND value = $2 AND entity_id = $3",
            sorted((ids[row[0]], row[1], id) for id, row in taken),
        )
    rows: list[tuple[int, str, int, str | None, int]] = []
    for key_id, key in sorted((ids[key], key) for key in buckets):
        bucket = buckets[key]
        bucket.sort()  # value and id are unique in it, so the rest is never compared
        rows += [(key_id, value, id, original, item) for value, id, original, item in bucket]
    if rows:
        await tx.insert_many("catalog_term", ("key_id", "value", "entity_id", "original", "item"), rows)
