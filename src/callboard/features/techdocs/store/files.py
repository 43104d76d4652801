"""Files of versions, their contents, and rendered pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Mapping, Sequence

from callboard.kernel.db.interface import Transaction

_BATCH = 200


@dataclass(frozen=True, slots=True)
class FileRow:
    """``changed_at``: when it was last changed, as far as the source tells, else when it was first read as it is."""

    path: str
    hash: str
    size: int
    changed_at: str
    changed_by: str | None


async def list_files(tx: Transaction, version_id: str) -> list[FileRow]:
    rows = await tx.fetch_all(
        "SELECT path, hash, size, changed_at, changed_by FROM techdocs_file WHERE version_id = $1 ORDER BY path",
        version_id,
    )
    return [FileRow(*row) for row in rows]


async def list_paths(tx: Transaction, version_ids: Sequence[str]) -> dict[str, list[str]]:
    """Paths of files by the id of their version."""
    rows = await tx.fetch_all(
        f"SELECT version_id, path FROM techdocs_file WHERE {tx.any_of('version_id', 1)} ORDER BY version_id, path",
        tx.list_arg(version_ids),
    )
    found: dict[str, list[str]] = {}
    for id, path in rows:
        found.setdefault(id, []).append(path)
    return found


async def find_file(tx: Transaction, version_id: str, path: str) -> FileRow | None:
    row = await tx.fetch_one(
        "SELECT path, hash, size, changed_at, changed_by FROM techdocs_file WHERE version_id = $1 AND path = $2",
        version_id,
        path,
    )
    return None if row is None else FileRow(*row)


async def replace_files(
    tx: Transaction, version_id: str, files: Sequence[FileRow], contents: Mapping[str, bytes], now: str
) -> None:
    """``contents`` by hash, at least those that were not there."""
    await tx.execute("DELETE FROM techdocs_file WHERE version_id = $1", version_id)
    rows = [(hash, content, now) for hash, content in contents.items()]
    for start in range(0, len(rows), _BATCH):
        await tx.execute_many(
            "INSERT INTO techdocs_blob (hash, content, kept_at) VALUES ($1, $2, $3)"
            " ON CONFLICT (hash) DO UPDATE SET kept_at = excluded.kept_at",
            rows[start : start + _BATCH],
        )
    await tx.insert_many(
        "techdocs_file",
        ("version_id", "path", "hash", "size", "changed_at", "changed_by"),
        [(f.path, f.hash, f.size, f.changed_at, f.changed_by) for f in files],
        same=(version_id,),
    )


async def note_changes(tx: Transaction, version_id: str, files: Sequence[FileRow]) -> None:
    """Who changed them last, and when, unless they are others now, or somebody told before."""
    await tx.execute_many(
        "UPDATE techdocs_file SET changed_at = $4, changed_by = $5"
        " WHERE version_id = $1 AND path = $2 AND hash = $3 AND changed_by IS NULL",
        [(version_id, f.path, f.hash, f.changed_at, f.changed_by) for f in files],
    )


async def touch_blobs(tx: Transaction, hashes: Iterable[str], now: str) -> set[str]:
    """Those of ``hashes`` that are there, which stay for now."""
    rows = await tx.fetch_all(
        f"UPDATE techdocs_blob SET kept_at = $2 WHERE {tx.any_of('hash', 1)} RETURNING hash",
        tx.list_arg(sorted(set(hashes))),
        now,
    )
    return {row[0] for row in rows}


async def read_blobs(tx: Transaction, hashes: Iterable[str]) -> dict[str, bytes]:
    rows = await tx.fetch_all(
        f"SELECT hash, content FROM techdocs_blob WHERE {tx.any_of('hash', 1)}", tx.list_arg(sorted(set(hashes)))
    )
    return {row[0]: bytes(row[1]) for row in rows}


async def delete_blobs(tx: Transaction, before: str) -> int:
    """Contents that no file has, and that nobody kept since ``before``."""
    return await tx.execute(
        "DELETE FROM techdocs_blob WHERE kept_at < $1"
        " AND NOT EXISTS (SELECT 1 FROM techdocs_file f WHERE f.hash = techdocs_blob.hash)",
        before,
    )


async def find_rendered(tx: Transaction, key: str) -> bytes | None:
    row = await tx.fetch_one("SELECT content FROM techdocs_rendered WHERE key = $1", key)
    return None if row is None else bytes(row[0])


async def put_rendered(tx: Transaction, pages: Mapping[str, bytes], now: str) -> None:
    await tx.execute_many(
        "INSERT INTO techdocs_rendered (key, content, size, used_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (key) DO UPDATE SET used_at = excluded.used_at",
        [(key, content, len(content), now) for key, content in sorted(pages.items())],
    )


async def note_rendered_used(tx: Transaction, keys: Iterable[str], now: str) -> None:
    await tx.execute(
        f"UPDATE techdocs_rendered SET used_at = $2 WHERE {tx.any_of('key', 1)}", tx.list_arg(sorted(set(keys))), now
    )


async def trim_rendered(tx: Transaction, max_bytes: int) -> int:
    """Until what is kept is at most ``max_bytes``, the longest unused goes; how many did."""
    return await tx.execute(
        "DELETE FROM techdocs_rendered WHERE key IN (SELECT key FROM"
        " (SELECT key, SUM(size) OVER (ORDER BY used_at DESC, key) AS total FROM techdocs_rendered) kept WHERE total > $1)",
        max_bytes,
    )


async def measure(tx: Transaction) -> Mapping[str, int]:
    """Bytes and rows for the metrics."""
    blobs = await tx.fetch_one("SELECT COUNT(*), COALESCE(SUM(LENGTH(content)), 0) FROM techdocs_blob")
    pages = await tx.fetch_one("SELECT COUNT(*), COALESCE(SUM(size), 0) FROM techdocs_rendered")
    assert blobs is not None
    assert pages is not None
    return {
        "blobs": int(blobs[0]),
        "blob_bytes": int(blobs[1]),
        "rendered": int(pages[0]),
        "rendered_bytes": int(pages[1]),
    }
