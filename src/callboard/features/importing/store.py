"""All the SQL of importing. Rows in, rows out; decisions are made above."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable, Mapping, Sequence

from callboard.features.catalog.interface.held import Given
from callboard.kernel.db.interface import Row, Transaction

_COLUMNS = (
    "id", "seq", "filename", "format", "file_digest", "size", "sheets", "sheet", "columns_key", "mapping", "chosen", "stage", "source",
    "created_at", "created_by", "expires_at", "plan_no", "base_no", "step", "done", "total", "digest", "counts", "summary", "error",
    "error_code", "applied_no", "applied_at", "applied_by", "undone_at", "undone_by",
)  # fmt: skip
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM importing_import"
_SHARED = "('applied', 'undone')"
"""Stages whose imports all importers see; the others are seen by who made them."""


@dataclass(slots=True)
class ImportRow:
    """A row of ``importing_import``; JSON columns as text."""

    id: str
    seq: int
    filename: str
    format: str
    file_digest: str
    size: int
    sheets: str
    sheet: str
    columns_key: str
    mapping: str
    chosen: int
    stage: str
    source: str
    created_at: str
    created_by: str
    expires_at: str
    plan_no: int = 0
    base_no: int = 0
    step: str | None = None
    done: int = 0
    total: int = 0
    digest: str = ""
    counts: str = "{}"
    summary: str | None = None
    error: str = ""
    error_code: str = ""
    applied_no: int | None = None
    applied_at: str | None = None
    applied_by: str = ""
    undone_at: str | None = None
    undone_by: str = ""


# ---- files ---------------------------------------------------------------------------------------------------------------


async def keep_file(tx: Transaction, digest: str, content: bytes) -> None:
    await tx.execute(
        "INSERT INTO importing_file (digest, content, size) VALUES ($1, $2, $3) ON CONFLICT (digest) DO NOTHING",
        digest,
        content,
        len(content),
    )


async def find_file(tx: Transaction, digest: str) -> bytes | None:
    content = await tx.fetch_value("SELECT content FROM importing_file WHERE digest = $1", digest)
    return None if content is None else bytes(content)


async def list_kept(tx: Transaction, digests: Iterable[str]) -> set[str]:
    """Of ``digests`` those whose bytes are still there."""
    rows = await tx.fetch_all(
        f"SELECT digest FROM importing_file WHERE {tx.any_of('digest', 1)}", tx.list_arg(sorted(set(digests)))
    )
    return {row[0] for row in rows}


# ---- imports -------------------------------------------------------------------------------------------------------------


async def insert_import(tx: Transaction, row: ImportRow) -> None:
    places = ", ".join(f"${number}" for number in range(1, len(_COLUMNS) + 1))
    await tx.execute(
        f"INSERT INTO importing_import ({', '.join(_COLUMNS)}) VALUES ({places})",
        *(getattr(row, name) for name in _COLUMNS),
    )


async def find_import(tx: Transaction, id: str) -> ImportRow | None:
    row = await tx.fetch_one(f"{_SELECT} WHERE id = $1", id)
    return None if row is None else ImportRow(*row)


async def lock_import(tx: Transaction, id: str) -> ImportRow | None:
    """The row, which nobody else changes until ``tx`` ends. Before ``CatalogSources.write``, always in this order."""
    await tx.execute("UPDATE importing_import SET plan_no = plan_no WHERE id = $1", id)
    return await find_import(tx, id)


async def update_import(tx: Transaction, id: str, **values: Any) -> None:
    names = list(values)
    assert set(names) <= set(_COLUMNS)
    sets = ", ".join(f"{name} = ${number}" for number, name in enumerate(names, start=2))
    await tx.execute(f"UPDATE importing_import SET {sets} WHERE id = $1", id, *values.values())


async def list_imports(tx: Transaction, subject: str | None, limit: int, offset: int) -> tuple[list[ImportRow], int]:
    """Newest first. ``subject``: of others only what was applied; None: everything."""
    where, args = ("", []) if subject is None else (f"WHERE created_by = $1 OR stage IN {_SHARED}", [subject])
    total = await tx.fetch_value(f"SELECT count(*) FROM importing_import {where}", *args)
    rows = await tx.fetch_all(
        f"{_SELECT} {where} ORDER BY seq DESC, id DESC LIMIT ${len(args) + 1} OFFSET ${len(args) + 2}",
        *args,
        limit,
        offset,
    )
    return [ImportRow(*row) for row in rows], int(total)


async def list_newest(tx: Transaction, sources: Iterable[str] | None = None) -> dict[str, ImportRow]:
    """The newest import of each source that is applied and not undone."""
    narrowed = "" if sources is None else f" AND {tx.any_of('i.source', 1)}"
    args = [] if sources is None else [tx.list_arg(sorted(set(sources)))]
    rows = await tx.fetch_all(
        f"SELECT {', '.join(f'i.{name}' for name in _COLUMNS)} FROM importing_import i WHERE i.stage = 'applied'{narrowed}"
        " AND NOT EXISTS (SELECT 1 FROM importing_import n WHERE n.source = i.source AND n.stage = 'applied'"
        " AND n.applied_no > i.applied_no)",
        *args,
    )
    return {row.source: row for row in (ImportRow(*found) for found in rows)}


async def count_drafts(tx: Transaction, subject: str) -> int:
    return int(
        await tx.fetch_value(
            f"SELECT count(*) FROM importing_import WHERE created_by = $1 AND stage NOT IN {_SHARED}", subject
        )
    )


async def next_seq(tx: Transaction) -> int:
    return int(await tx.fetch_value("SELECT COALESCE(max(seq), 0) + 1 FROM importing_import"))


async def next_applied_no(tx: Transaction) -> int:
    return int(await tx.fetch_value("SELECT COALESCE(max(applied_no), 0) + 1 FROM importing_import"))


async def newest_no(tx: Transaction, source: str) -> int:
    """``applied_no`` of the newest import of the source that stands, 0 for none."""
    return int(
        await tx.fetch_value(
            "SELECT COALESCE(max(applied_no), 0) FROM importing_import WHERE source = $1 AND stage = 'applied'", source
        )
    )


async def list_source_names(tx: Transaction) -> set[str]:
    rows = await tx.fetch_all("SELECT DISTINCT source FROM importing_import")
    return {row[0] for row in rows}


async def delete_import(tx: Transaction, id: str) -> None:
    await tx.execute("DELETE FROM importing_planned WHERE import_id = $1", id)
    await tx.execute("DELETE FROM importing_import WHERE id = $1", id)


# ---- plans ---------------------------------------------------------------------------------------------------------------


async def clear_plan(tx: Transaction, id: str) -> None:
    await tx.execute("DELETE FROM importing_planned WHERE import_id = $1", id)


async def insert_plan(tx: Transaction, id: str, rows: Iterable[Sequence[Any]]) -> None:
    """``rows`` of (position, action, ref, first row, words, mark, body)."""
    await tx.insert_many(
        "importing_planned",
        ("import_id", "position", "action", "ref", "first_row", "words", "mark", "body"),
        rows,
        same=(id,),
    )


async def list_planned_refs(tx: Transaction, id: str) -> list[str]:
    return [row[0] for row in await tx.fetch_all("SELECT ref FROM importing_planned WHERE import_id = $1", id)]


async def list_planned(
    tx: Transaction, id: str, action: str | None, words: str, row: int | None, limit: int, offset: int,
    without: Iterable[str] = (),
) -> tuple[list[bytes], int]:  # fmt: skip
    """Bodies in the order of the plan, and how many fit. ``row``: also those whose first row it is; ``without``: not these refs."""
    conditions: list[str] = ["import_id = $1"]
    args: list[Any] = [id]
    left_out = sorted(without)
    if left_out:
        args.append(tx.list_arg(left_out))
        conditions.append(f"NOT ({tx.any_of('ref', len(args))})")
    if action is not None:
        args.append(action)
        conditions.append(f"action = ${len(args)}")
    if words:
        args.append("%" + words.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%")
        said = f"words LIKE ${len(args)} ESCAPE '\\'"
        if row is not None:
            args.append(row)
            said = f"({said} OR first_row = ${len(args)})"
        conditions.append(said)
    where = " AND ".join(conditions)
    total = await tx.fetch_value(f"SELECT count(*) FROM importing_planned WHERE {where}", *args)
    rows = await tx.fetch_all(
        f"SELECT body FROM importing_planned WHERE {where} ORDER BY position LIMIT ${len(args) + 1} OFFSET ${len(args) + 2}",
        *args,
        limit,
        offset,
    )
    return [found[0] for found in rows], int(total)


async def list_to_write(tx: Transaction, id: str) -> list[Row]:
    """(ref, action, mark, body) of what is created or changed."""
    return await tx.fetch_all(
        "SELECT ref, action, mark, body FROM importing_planned WHERE import_id = $1 AND action IN ('create', 'change')"
        " ORDER BY position",
        id,
    )


# ---- what an import did ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """``before`` None: nothing stood. ``mark`` None: the import took the entity away."""

    ref: str
    before: bytes | None
    uid: str | None
    before_mark: str | None
    location_key: str | None
    mark: str | None


async def insert_changes(
    tx: Transaction, id: str, refs: Sequence[str], before: Mapping[str, tuple[Given, bytes]], marks: Mapping[str, str]
) -> None:
    """``before`` with its document as JSON; ``marks`` of what stands now."""
    rows = []
    for ref in refs:
        given, body = before.get(ref, (None, None))
        rows.append(
            (ref, body, given and given.uid, given and given.mark, given and given.location_key, marks.get(ref))
        )
    await tx.insert_many(
        "importing_change",
        ("import_id", "ref", "before", "uid", "before_mark", "location_key", "mark"),
        rows,
        same=(id,),
    )


async def list_changes(tx: Transaction, id: str) -> list[ChangeRow]:
    rows = await tx.fetch_all(
        "SELECT ref, before, uid, before_mark, location_key, mark FROM importing_change WHERE import_id = $1 ORDER BY ref",
        id,
    )
    return [ChangeRow(*row) for row in rows]


async def find_later(tx: Transaction, id: str, applied_no: int) -> tuple[str, str] | None:
    """(id, file name) of a later applied import that touched something of what this one did, or relies on it."""
    row = await tx.fetch_one(
        "SELECT i.id, i.filename FROM importing_import i WHERE i.stage = 'applied' AND i.applied_no > $2 AND ("
        "EXISTS (SELECT 1 FROM importing_change c JOIN importing_change m ON m.ref = c.ref"
        " WHERE c.import_id = i.id AND m.import_id = $1)"
        " OR EXISTS (SELECT 1 FROM importing_reliance l JOIN importing_change m ON m.ref = l.ref"
        " WHERE l.import_id = i.id AND m.import_id = $1 AND m.before IS NULL)) ORDER BY i.applied_no DESC LIMIT 1",
        id,
        applied_no,
    )
    return None if row is None else (row[0], row[1])


async def insert_reliances(tx: Transaction, id: str, refs: Iterable[str]) -> None:
    await tx.insert_many("importing_reliance", ("import_id", "ref"), [(ref,) for ref in sorted(set(refs))], same=(id,))


# ---- drift -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DriftRow:
    """``state``: computing, computed, failed. ``body``: the last answer as JSON, also while another is made."""

    state: str
    no: int
    done: int
    total: int
    error: str
    body: bytes | None


async def find_drift(tx: Transaction, id: str, subject: str) -> DriftRow | None:
    row = await tx.fetch_one(
        "SELECT state, no, done, total, error, body FROM importing_drift WHERE import_id = $1 AND subject = $2",
        id,
        subject,
    )
    return None if row is None else DriftRow(*row)


async def ask_drift(tx: Transaction, id: str, subject: str) -> int:
    """The number of the request that is to be answered: that of one which is not answered yet, or a new one."""
    kept = await find_drift(tx, id, subject)
    if kept is not None and kept.state == "computing":
        return kept.no
    await tx.execute(
        "INSERT INTO importing_drift (import_id, subject, state, no) VALUES ($1, $2, 'computing', 1)"
        " ON CONFLICT (import_id, subject) DO UPDATE SET state = 'computing', no = importing_drift.no + 1, done = 0,"
        " total = 0, error = ''",
        id,
        subject,
    )
    return 1 if kept is None else kept.no + 1


async def tell_drift(tx: Transaction, id: str, subject: str, no: int, done: int, total: int) -> None:
    await tx.execute(
        "UPDATE importing_drift SET done = $4, total = $5 WHERE import_id = $1 AND subject = $2 AND no = $3"
        " AND state = 'computing'",
        id,
        subject,
        no,
        done,
        total,
    )


async def end_drift(tx: Transaction, id: str, subject: str, no: int, body: bytes | None, error: str) -> None:
    """``body`` None: it failed, and what was known stays."""
    await tx.execute(
        "UPDATE importing_drift SET state = $4, error = $5, body = COALESCE($6, body)"
        " WHERE import_id = $1 AND subject = $2 AND no = $3 AND state = 'computing'",
        id,
        subject,
        no,
        "failed" if body is None else "computed",
        error,
        body,
    )


async def clear_drift(tx: Transaction, id: str) -> None:
    await tx.execute("DELETE FROM importing_drift WHERE import_id = $1", id)


# ---- remembered mappings --------------------------------------------------------------------------------------------------


async def remember_mapping(tx: Transaction, columns_key: str, filename: str, mapping: str, now: str) -> None:
    await tx.execute(
        "INSERT INTO importing_mapping (columns_key, filename, mapping, saved_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (columns_key) DO UPDATE SET filename = excluded.filename, mapping = excluded.mapping,"
        " saved_at = excluded.saved_at",
        columns_key,
        filename,
        mapping,
        now,
    )


async def find_mapping(tx: Transaction, columns_key: str) -> tuple[str, str] | None:
    """(file name, mapping) last applied to a sheet with these columns."""
    row = await tx.fetch_one("SELECT filename, mapping FROM importing_mapping WHERE columns_key = $1", columns_key)
    return None if row is None else (row[0], row[1])


# ---- what gets old --------------------------------------------------------------------------------------------------------


async def forget_old(tx: Transaction, now: str, later: str) -> tuple[int, int]:
    """Drop drafts, plans and files that nobody needs any more; how many imports and files went.

    The newest import of each source keeps its file, for drift: until ``later`` at least.
    """
    await tx.execute(
        "UPDATE importing_import SET expires_at = $1 WHERE stage = 'applied' AND NOT EXISTS ("
        "SELECT 1 FROM importing_import n WHERE n.source = importing_import.source AND n.stage = 'applied'"
        " AND n.applied_no > importing_import.applied_no)",
        later,
    )
    old = f"SELECT id FROM importing_import WHERE expires_at <= $1 AND stage NOT IN {_SHARED}"
    await tx.execute(
        "DELETE FROM importing_planned WHERE import_id IN (SELECT id FROM importing_import WHERE expires_at <= $1)", now
    )
    imports = await tx.execute(f"DELETE FROM importing_import WHERE id IN ({old})", now)
    await tx.execute(
        "DELETE FROM importing_drift WHERE import_id NOT IN (SELECT id FROM importing_import WHERE expires_at > $1)",
        now,
    )
    files = await tx.execute(
        "DELETE FROM importing_file WHERE NOT EXISTS (SELECT 1 FROM importing_import i"
        " WHERE i.file_digest = importing_file.digest AND i.expires_at > $1)",
        now,
    )
    return imports, files
