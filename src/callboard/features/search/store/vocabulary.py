"""``search_word`` and ``search_near``: which words there are, and in how many documents each."""

from __future__ import annotations

from collections import Counter
from typing import Callable, Mapping, NamedTuple, Sequence

from callboard.features.search.text.typos import keys, tolerance
from callboard.kernel.db.interface import Transaction

AT_ONCE = 2_000


class Word(NamedTuple):
    """``documents`` counts those that have the form, among all there are, whoever may see them."""

    form: str
    term: str
    documents: int


async def count_in(tx: Transaction, counts: Counter[str], term_of: Callable[[str], str]) -> None:
    """Add to how many documents have each form; below zero takes off. Words that nothing has any more stay with none."""
    changed = [(form, more) for form, more in counts.items() if more]
    known: set[str] = set()
    for at in range(0, len(changed), AT_ONCE):
        part = [form for form, _ in changed[at : at + AT_ONCE]]
        rows = await tx.fetch_all(f"SELECT form FROM search_word WHERE {tx.any_of('form', 1)}", tx.list_arg(part))
        known.update(row[0] for row in rows)
    fresh = [(form, term_of(form), more) for form, more in changed if form not in known and more > 0]
    await tx.insert_many("search_word", ("form", "term", "documents"), fresh)
    # by its stem, too: an error and an ending are two errors in the word, and one in the stem
    near = [(key, form) for form, term, _ in fresh if tolerance(form) for key in keys(form) | keys(term)]
    await tx.insert_many("search_near", ("key", "form"), near)
    await tx.execute_many(
        "UPDATE search_word SET documents = documents + $1 WHERE form = $2",
        [(more, form) for form, more in changed if form in known],
    )


async def by_terms(tx: Transaction, terms: Sequence[str]) -> list[Word]:
    rows = await tx.fetch_all(
        f"SELECT form, term, documents FROM search_word WHERE {tx.any_of('term', 1)} AND documents > 0",
        tx.list_arg(terms),
    )
    return [Word(*row) for row in rows]


async def by_prefix(tx: Transaction, prefix: str, limit: int) -> list[Word]:
    """Words that begin so, the most frequent first, among the first few thousand of them."""
    rows = await tx.fetch_all(
        "SELECT form, term, documents FROM (SELECT form, term, documents FROM search_word"
        " WHERE form > $1 AND form < $2 AND documents > 0 LIMIT 2000) AS found ORDER BY documents DESC, form LIMIT $3",
        prefix,
        prefix + "\U0010ffff",
        limit,
    )
    return [Word(*row) for row in rows]


async def by_keys(tx: Transaction, numbers: Sequence[int]) -> list[Word]:
    rows = await tx.fetch_all(
        "SELECT DISTINCT w.form, w.term, w.documents FROM search_near n JOIN search_word w ON w.form = n.form"
        f" WHERE {tx.any_of('n.key', 1, 'bigint')} AND w.documents > 0",
        tx.list_arg(numbers),
    )
    return [Word(*row) for row in rows]


async def sweep(tx: Transaction) -> None:
    """Forget words that nothing has any more."""
    await tx.execute("DELETE FROM search_near WHERE form IN (SELECT form FROM search_word WHERE documents <= 0)")
    await tx.execute("DELETE FROM search_word WHERE documents <= 0")


def counts_of(forms: Sequence[str]) -> Mapping[str, int]:
    """How many of these documents, given as their forms, have each form."""
    found: Counter[str] = Counter()
    for text in forms:
        found.update(set(text.split()))
    return found
