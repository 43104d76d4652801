"""Small JSON values of users, as code here reads and writes them. The table is that of ``wire.user_settings``."""

from __future__ import annotations

import json
from typing import Any

from callboard.kernel.db.interface import Transaction

BUCKET = "callboard"
"""The bucket of the portal's own pages. Keys: ``theme``, ``locale``, ``start_page``."""


async def find_value(tx: Transaction, user_ref: str, key: str, *, bucket: str = BUCKET) -> Any:
    """The value, or None."""
    text = await tx.fetch_value(
        "SELECT value FROM kernel_user_setting WHERE user_ref = $1 AND bucket = $2 AND key = $3", user_ref, bucket, key
    )
    return None if text is None else json.loads(text)


async def list_values(tx: Transaction, user_ref: str, *, bucket: str = BUCKET) -> dict[str, Any]:
    """Every value of the bucket by key."""
    rows = await tx.fetch_all(
        "SELECT key, value FROM kernel_user_setting WHERE user_ref = $1 AND bucket = $2 ORDER BY key", user_ref, bucket
    )
    return {row[0]: json.loads(row[1]) for row in rows}


async def put_value(tx: Transaction, user_ref: str, key: str, value: Any, *, at: str, bucket: str = BUCKET) -> None:
    """Store ``value``; None removes it. ``at`` is ISO text."""
    if value is None:
        await tx.execute(
            "DELETE FROM kernel_user_setting WHERE user_ref = $1 AND bucket = $2 AND key = $3", user_ref, bucket, key
        )
        return
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    await tx.execute(
        "INSERT INTO kernel_user_setting (user_ref, bucket, key, value, updated_at) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (user_ref, bucket, key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
        user_ref, bucket, key, text, at,
    )  # fmt: skip
