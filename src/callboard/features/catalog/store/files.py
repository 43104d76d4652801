"""Files of Location entities and the documents in them as last read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from callboard.features.catalog.interface import Finding
from callboard.features.catalog.store.removing import forget_files
from callboard.kernel.db.interface import Row, Transaction


@dataclass(frozen=True, slots=True)
class FileRow:
    """``state``: new (never read), begun (a run wrote a part of it), due (a document may come in now), ok.

    ``target`` is what the Location names, maybe a pattern.
    """

    id: int
    parent_id: int
    target: str
    location: str
    etag: str | None
    hash: str | None
    context: str | None
    state: str
    error: str | None

    @property
    def version(self) -> tuple[str | None, str | None, str]:
        """Another one means that something was written meanwhile."""
        return self.hash, self.context, self.state


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """``state``: ok, failed (refused or unreadable), conflict, due (to be placed again), or kept (behind the others: not
    seen in the file, of which something cannot be read). ``ref_id`` None: it could not be told what it is.
    """

    position: int
    hash: str
    line: int
    ref_id: int | None
    state: str


_FILE = "SELECT id, parent_id, target, location, etag, hash, context, state, error FROM catalog_file"


async def list_files(tx: Transaction, parent_id: int) -> list[FileRow]:
    return [FileRow(*row) for row in await tx.fetch_all(f"{_FILE} WHERE parent_id = $1 ORDER BY id", parent_id)]


async def find_file(tx: Transaction, id: int) -> FileRow | None:
    row = await tx.fetch_one(f"{_FILE} WHERE id = $1", id)
    return None if row is None else FileRow(*row)


async def find_files_at(tx: Transaction, locations: Sequence[str]) -> list[FileRow]:
    rows = await tx.fetch_all(f"{_FILE} WHERE {tx.any_of('location', 1)}", tx.list_arg(locations))
    return [FileRow(*row) for row in rows]


async def find_files_of(tx: Transaction, ref_id: int) -> list[FileRow]:
    """Files with a document of this ref, those that another source kept out left aside."""
    rows = await tx.fetch_all(
        f"{_FILE} WHERE id IN (SELECT file_id FROM catalog_document WHERE ref_id = $1 AND state <> 'conflict') ORDER BY id",
        ref_id,
    )
    return [FileRow(*row) for row in rows]


async def ensure_file(tx: Transaction, parent_id: int, target: str, location: str) -> FileRow:
    await tx.execute(
        "INSERT INTO catalog_file (parent_id, target, location) VALUES ($1, $2, $3)"
        " ON CONFLICT (parent_id, location) DO UPDATE SET target = excluded.target",
        parent_id,
        target,
        location,
    )
    row = await tx.fetch_one(f"{_FILE} WHERE parent_id = $1 AND location = $2", parent_id, location)
    assert row is not None
    return FileRow(*row)


async def note_unchanged(tx: Transaction, id: int, etag: str | None, at: str) -> None:
    await tx.execute("UPDATE catalog_file SET etag = $2, error = NULL, read_at = $3 WHERE id = $1", id, etag, at)


async def note_read(tx: Transaction, id: int, *, etag: str | None, hash: str, context: str, at: str) -> None:
    await tx.execute(
        "UPDATE catalog_file SET etag = $2, hash = $3, context = $4, state = 'ok', error = NULL, read_at = $5,"
        " changed_at = $5 WHERE id = $1",
        id,
        etag,
        hash,
        context,
        at,
    )


async def note_begun(tx: Transaction, id: int) -> None:
    await tx.execute("UPDATE catalog_file SET state = 'begun' WHERE id = $1", id)


async def find_wanted(tx: Transaction, id: int) -> FileRow | None:
    """The file, if the Location that names it is still there."""
    row = await tx.fetch_one(f"{_FILE} WHERE id = $1 AND parent_id IN (SELECT id FROM catalog_node)", id)
    return None if row is None else FileRow(*row)


async def note_failure(tx: Transaction, ids: Sequence[int], error: str, at: str) -> None:
    await tx.execute_many(
        "UPDATE catalog_file SET error = $2, read_at = $3 WHERE id = $1", [(id, error, at) for id in ids]
    )


async def find_parent(tx: Transaction, node_id: int) -> Row | None:
    """(json,) of the Location entity."""
    return await tx.fetch_one("SELECT json FROM catalog_entity WHERE id = $1", node_id)


async def list_documents(tx: Transaction, file_id: int) -> list[DocumentRow]:
    rows = await tx.fetch_all(
        "SELECT position, hash, line, ref_id, state FROM catalog_document WHERE file_id = $1 ORDER BY position", file_id
    )
    return [DocumentRow(*row) for row in rows]


async def write_documents(
    tx: Transaction, file_id: int, old: Sequence[DocumentRow], new: Sequence[DocumentRow]
) -> None:
    """Make the rows of a file ``new``; rows that are the same are not touched."""
    before = {row.position: row for row in old}
    changed = [row for row in new if before.get(row.position) != row]
    if changed:
        await tx.execute_many(
            "INSERT INTO catalog_document (file_id, position, hash, line, ref_id, state) VALUES ($1, $2, $3, $4, $5, $6)"
            " ON CONFLICT (file_id, position) DO UPDATE SET hash = excluded.hash, line = excluded.line,"
            " ref_id = excluded.ref_id, state = excluded.state",
            [(file_id, r.position, r.hash, r.line, r.ref_id, r.state) for r in changed],
        )
    if len(before) > len(new):
        await tx.execute("DELETE FROM catalog_document WHERE file_id = $1 AND position >= $2", file_id, len(new))


async def list_reads(tx: Transaction, file_id: int) -> list[tuple[str, int, str | None]]:
    """(url, ref id, etag) of what placeholders in the file read."""
    rows = await tx.fetch_all("SELECT url, ref_id, etag FROM catalog_read WHERE file_id = $1", file_id)
    return [(row[0], row[1], row[2]) for row in rows]


async def write_reads(
    tx: Transaction, file_id: int, reads: Sequence[tuple[str, int, str | None]], *, keep: set[int]
) -> None:
    """Replace what placeholders of the file read, apart from documents (``keep``, ref ids) that were not looked at."""
    old = await list_reads(tx, file_id)
    gone = [(url, ref_id, file_id) for url, ref_id, _ in old if ref_id not in keep]
    if gone:
        await tx.execute_many("DELETE FROM catalog_read WHERE url = $1 AND ref_id = $2 AND file_id = $3", gone)
    if reads:
        await tx.execute_many(
            "INSERT INTO catalog_read (url, ref_id, file_id, etag) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (url, ref_id, file_id) DO UPDATE SET etag = excluded.etag",
            [(url, ref_id, file_id, etag) for url, ref_id, etag in reads],
        )


async def release_documents(tx: Transaction, parent_id: int, file_id: int, refs: Sequence[int]) -> list[int]:
    """Cut the edges from a file to nodes that it no longer describes; the nodes, as candidates for removal."""
    await tx.execute_many(
        "DELETE FROM catalog_edge WHERE parent_id = $1 AND source_id = 0 AND child_id = $2 AND file_id = $3",
        [(parent_id, ref, file_id) for ref in refs],
    )
    return list(refs)


async def list_told(tx: Transaction, file_id: int) -> dict[tuple[int, str, str], str]:
    """(subject id, stage, message) of what was found in a file, and since when."""
    rows = await tx.fetch_all(
        "SELECT subject_id, stage, message, since FROM catalog_finding WHERE file_id = $1", file_id
    )
    return {(row[0], row[1], row[2]): row[3] for row in rows}


async def list_named(tx: Transaction, ids: Sequence[int]) -> list[tuple[int, str, str | None]]:
    """(id, ref, owner) of nodes."""
    rows = await tx.fetch_all(
        "SELECT n.id, r.ref, n.owner FROM catalog_node n JOIN catalog_ref r ON r.id = n.id"
        f" WHERE {tx.any_of('n.id', 1, 'bigint')}",
        tx.list_arg(ids),
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def clear_findings(tx: Transaction, file_id: int, subjects: Sequence[int]) -> None:
    await tx.execute(
        f"DELETE FROM catalog_finding WHERE file_id = $1 AND {tx.any_of('subject_id', 2, 'bigint')}",
        file_id,
        tx.list_arg(subjects),
    )


async def list_given(tx: Transaction, parent_id: int, file_id: int) -> list[int]:
    """Nodes that a file gives. Looks at all that its Location gives, so ask ``list_documents`` where that is enough."""
    rows = await tx.fetch_all(
        "SELECT child_id FROM catalog_edge WHERE parent_id = $1 AND source_id = 0 AND file_id = $2", parent_id, file_id
    )
    return [row[0] for row in rows]


async def release_file(tx: Transaction, file: FileRow) -> list[int]:
    """Forget a file that nobody names any more; the nodes that it gave, as candidates for removal."""
    if file.state == "begun":
        given = await list_given(tx, file.parent_id, file.id)
    else:
        given = [
            row.ref_id
            for row in await list_documents(tx, file.id)
            if row.ref_id is not None and row.state != "conflict"
        ]
    await release_documents(tx, file.parent_id, file.id, given)
    await forget_files(tx, [file.id])
    return given


async def list_reading_findings(tx: Transaction, subject_id: int, file_id: int) -> list[Finding]:
    rows = await tx.fetch_all(
        "SELECT severity, stage, message, name, file, fix FROM catalog_finding WHERE subject_id = $1 AND file_id = $2"
        " ORDER BY id",
        subject_id,
        file_id,
    )
    return [Finding(row[0], row[1], row[2], row[3], file=row[4], fix=row[5]) for row in rows]


async def list_local_files(tx: Transaction) -> list[tuple[int, int, str, str | None, str | None]]:
    """(id, parent id, path, pattern, etag) of every file on disk that is part of the catalog, for the watcher.

    The pattern is None for a file that its Location names itself, else the etag is: it speaks of all that match.
    """
    rows = await tx.fetch_all(
        "SELECT id, parent_id, location, target, etag FROM catalog_file WHERE location LIKE 'file:%'"
    )
    return [
        (row[0], row[1], row[2][5:], None if row[2] == row[3] else row[3][5:], row[4] if row[2] == row[3] else None)
        for row in rows
    ]


async def list_local_unread(tx: Transaction) -> list[tuple[int, str]]:
    """(Location's node id, path or pattern) of targets on disk that are missing or cannot be read."""
    rows = await tx.fetch_all(
        "SELECT DISTINCT subject_id, file FROM catalog_finding WHERE file_id = -1 AND file LIKE '/%'"
    )
    return [(row[0], row[1]) for row in rows]


async def list_local_reads(tx: Transaction) -> list[tuple[int, str, str | None]]:
    """(file id, path, etag) of what placeholders in those files read; the etag is empty where it could not be read."""
    rows = await tx.fetch_all(
        "SELECT DISTINCT file_id, url, etag FROM catalog_read WHERE url LIKE 'file:%' OR url LIKE '/%'"
    )
    return [(row[0], row[1].removeprefix("file:"), row[2]) for row in rows]


async def list_location_nodes(tx: Transaction) -> list[int]:
    """Node ids of all Location entities."""
    rows = await tx.fetch_all(
        "SELECT t.entity_id FROM catalog_term t JOIN catalog_key k ON k.id = t.key_id"
        " WHERE k.key = 'kind' AND t.value = 'location'"
    )
    return [row[0] for row in rows]
