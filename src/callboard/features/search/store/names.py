"""``search_name``: what is called so."""

from __future__ import annotations

from typing import Any, Sequence

from callboard.kernel.db.interface import Transaction

MOST = 200


async def exact(tx: Transaction, names: Sequence[str], condition: str, args: Sequence[Any]) -> dict[int, list[str]]:
    """Documents with one of these names, by number, and which. ``condition`` is on ``{number}``, with arguments from $3 on."""
    rows = await tx.fetch_all(
        f"SELECT number, name FROM search_name WHERE {tx.any_of('name', 1)} AND {condition.format(number='number')}"
        " ORDER BY length(name) DESC, number LIMIT $2",
        tx.list_arg(names),
        MOST,
        *args,
    )
    found: dict[int, list[str]] = {}
    for number, name in rows:
        found.setdefault(number, []).append(name)
    return found


async def begun(tx: Transaction, prefix: str, condition: str, args: Sequence[Any]) -> dict[int, float]:
    """Documents whose name begins so, shorter names first, among the first few hundred of them; which share of it is ``prefix``."""
    shift = len(args)
    rows = await tx.fetch_all(
        "SELECT min(number), name FROM (SELECT number, name FROM (SELECT number, name FROM search_name"
        f" WHERE name >= $1 AND name < $2 AND {condition.format(number='number')} LIMIT {5 * MOST}) AS begun"
        f" ORDER BY length(name), name LIMIT {MOST}) AS found JOIN search_document USING (number)"
        f" GROUP BY type, parent, name ORDER BY length(name), name LIMIT ${3 + shift}",
        prefix,
        prefix + "\U0010ffff",
        *args,
        MOST // 4,
    )
    return {number: len(prefix) / len(name) for number, name in reversed(rows)}
