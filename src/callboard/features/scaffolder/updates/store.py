"""All the SQL of updates."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, fields
from typing import Any, Sequence

from callboard.features.scaffolder.updates.record_file import is_kept
from callboard.features.scaffolder.updates.trees import Node, Tree
from callboard.kernel.db.interface import Transaction

LINK = "120000"


@dataclass(slots=True)
class MadeRow:
    """A row of ``scaffolder_made``; JSON columns as text."""

    id: str
    template_ref: str
    entity_ref: str
    base_url: str
    version: str
    number: int
    answers: str
    run_by: str
    outputs: str
    remote: str
    contents: str
    root: str
    into_path: str
    has_tree: int
    made_at: str
    made_by: str
    opened_at: str | None = None
    opened_by: str | None = None
    opened_version: str | None = None
    opened_branch: str | None = None
    opened_url: str | None = None


_MADE = ", ".join(field.name for field in fields(MadeRow))


# ---- versions ------------------------------------------------------------------------------------------------------------


async def newest_version(tx: Transaction, template_ref: str) -> tuple[int, str, str] | None:
    """Its number, the version, and when it was first seen."""
    row = await tx.fetch_one(
        "SELECT number, version, seen_at FROM scaffolder_version WHERE template_ref = $1 ORDER BY number DESC LIMIT 1",
        template_ref,
    )
    return None if row is None else (int(row[0]), row[1], row[2])


async def keep_version(tx: Transaction, template_ref: str, version: str, now: str) -> int:
    """Its number: that of the newest where it is the newest still."""
    newest = await newest_version(tx, template_ref)
    if newest is not None and newest[1] == version:
        return newest[0]
    number = 1 if newest is None else newest[0] + 1
    await tx.execute(
        "INSERT INTO scaffolder_version (template_ref, number, version, seen_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (template_ref, number) DO NOTHING",
        template_ref,
        number,
        version,
        now,
    )
    return number


async def find_number(tx: Transaction, template_ref: str, version: str) -> int:
    """The last number that a version had; 0 where it was never seen."""
    found = await tx.fetch_value(
        "SELECT max(number) FROM scaffolder_version WHERE template_ref = $1 AND version = $2", template_ref, version
    )
    return int(found or 0)


async def list_followed(tx: Transaction) -> Sequence[str]:
    """Templates that made something."""
    return [
        row[0] for row in await tx.fetch_all("SELECT DISTINCT template_ref FROM scaffolder_made ORDER BY template_ref")
    ]


# ---- what was made -------------------------------------------------------------------------------------------------------


async def keep_made(tx: Transaction, row: MadeRow, tree: Tree) -> None:
    """In place of what was kept of the same task or entity."""
    old = await tx.fetch_all("SELECT id FROM scaffolder_made WHERE id = $1 OR entity_ref = $2", row.id, row.entity_ref)
    for (id,) in old:
        await _forget(tx, id)
    names = [field.name for field in fields(MadeRow)]
    holes = ", ".join(f"${number}" for number in range(1, len(names) + 1))
    await tx.execute(f"INSERT INTO scaffolder_made ({_MADE}) VALUES ({holes})", *(getattr(row, name) for name in names))
    await _keep_tree(tx, row.id, tree)
    await _sweep(tx)


async def change_made(tx: Transaction, id: str, **values: Any) -> None:
    names = ", ".join(f"{name} = ${number}" for number, name in enumerate(values, start=2))
    await tx.execute(f"UPDATE scaffolder_made SET {names} WHERE id = $1", id, *values.values())


async def replace_tree(tx: Transaction, id: str, tree: Tree) -> None:
    await tx.execute("DELETE FROM scaffolder_made_file WHERE made_id = $1", id)
    await _keep_tree(tx, id, tree)
    await _sweep(tx)


async def find_made(tx: Transaction, entity_ref: str) -> MadeRow | None:
    row = await tx.fetch_one(f"SELECT {_MADE} FROM scaffolder_made WHERE entity_ref = $1", entity_ref)
    return None if row is None else MadeRow(*row)


async def list_made(tx: Transaction, template_ref: str, limit: int) -> Sequence[MadeRow]:
    """The furthest behind first, then by ref."""
    rows = await tx.fetch_all(
        f"SELECT {_MADE} FROM scaffolder_made WHERE template_ref = $1 ORDER BY number, entity_ref LIMIT $2",
        template_ref,
        limit,
    )
    return [MadeRow(*row) for row in rows]


async def load_tree(tx: Transaction, made_id: str) -> dict[str, Node]:
    """The tree of a run, with the contents that are kept."""
    rows = await tx.fetch_all(
        "SELECT f.path, f.digest, f.mode, f.link, b.body FROM scaffolder_made_file f"
        " LEFT JOIN scaffolder_blob b ON b.digest = f.digest WHERE f.made_id = $1 ORDER BY f.path",
        made_id,
    )
    made = {}
    for path, digest, mode, link, body in rows:
        content = None if body is None else zlib.decompress(bytes(body))
        made[path] = Node.of_link(link) if mode == LINK else Node(digest, mode == "100755", None, content)
    return made


async def _keep_tree(tx: Transaction, made_id: str, tree: Tree) -> None:
    await tx.execute_many(
        "INSERT INTO scaffolder_blob (digest, size, body) VALUES ($1, $2, $3) ON CONFLICT (digest) DO NOTHING",
        [(node.digest, len(node.content), zlib.compress(node.content, 6)) for node in tree.values() if is_kept(node) and node.content is not None],
    )  # fmt: skip
    await tx.execute_many(
        "INSERT INTO scaffolder_made_file (made_id, path, digest, mode, link) VALUES ($1, $2, $3, $4, $5)",
        [(made_id, path, node.digest, _mode(node), node.link) for path, node in sorted(tree.items())],
    )


async def _forget(tx: Transaction, id: str) -> None:
    await tx.execute("DELETE FROM scaffolder_made_file WHERE made_id = $1", id)
    await tx.execute("DELETE FROM scaffolder_made WHERE id = $1", id)


async def _sweep(tx: Transaction) -> None:
    """Contents that no tree names any more."""
    await tx.execute(
        "DELETE FROM scaffolder_blob WHERE NOT EXISTS"
        " (SELECT 1 FROM scaffolder_made_file f WHERE f.digest = scaffolder_blob.digest)"
    )


def _mode(node: Node) -> str:
    return LINK if node.link is not None else "100755" if node.is_executable else "100644"
