"""Values that belong to one user, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.kernel.db.migrations import upgrade
from callboard.kernel.errors import LimitError
from callboard.kernel.migrations import MIGRATIONS
from callboard.kernel.user_settings import BUCKET, LOCALE, MAX_KEYS, THEME, UserSettings
from callboard.testing import FakeClock

pytestmark = pytest.mark.anyio
ADA, BOB = "user:default/ada", "user:default/bob"


@pytest.fixture
async def values(db: Any, clock: FakeClock) -> UserSettings:
    await upgrade(db, [MIGRATIONS])
    return UserSettings(db, clock)


async def test_values_are_put_read_and_taken_away(db: Any, values: UserSettings):
    """Many at once, None taking one away; in a bucket of their own, of one user; the same within a transaction."""
    async with db.write() as tx:
        await values.put_all(tx, ADA, BUCKET, {THEME: "dark", LOCALE: "de", "order": ["a", "ü"]})
        assert await values.find(ADA, BUCKET, LOCALE, tx=tx) == "de"
    async with db.write() as tx:
        await values.put_all(tx, ADA, BUCKET, {LOCALE: None, THEME: "light", "never": None})
    assert await values.list_bucket(ADA, BUCKET) == {THEME: "light", "order": ["a", "ü"]}
    assert await values.find(ADA, BUCKET, LOCALE) is None
    assert (await values.list_bucket(BOB, BUCKET), await values.list_bucket(ADA, "other")) == ({}, {})
    async with db.write() as tx:
        assert (await values.delete(tx, ADA, BUCKET, THEME), await values.delete(tx, ADA, BUCKET, THEME)) == (
            True,
            False,
        )


async def test_a_null_is_a_value_and_reads_as_none(db: Any, values: UserSettings):
    """As Backstage's wire has it: there is a value, and it is null."""
    async with db.write() as tx:
        await values.put(tx, ADA, "b", "k", None)
    assert (await values.find_text(ADA, "b", "k"), await values.find(ADA, "b", "k")) == ("null", None)
    assert await values.find_text(ADA, "b", "other") is None


async def test_nobody_fills_the_table(db: Any, values: UserSettings):
    """One more than may be is refused, and nothing of that call stays; a value that is there may change."""
    async with db.write() as tx:
        await tx.execute_many(
            "INSERT INTO kernel_user_setting (user_ref, bucket, key, value, updated_at) VALUES ($1, 'b', $2, '1', '2026-01-01T00:00:00Z')",
            [(ADA, f"k{n}") for n in range(MAX_KEYS - 1)],
        )
    with pytest.raises(LimitError):
        async with db.write() as tx:
            await values.put_all(tx, ADA, BUCKET, {THEME: "dark", LOCALE: "de"})
    assert await values.list_bucket(ADA, BUCKET) == {}
    async with db.write() as tx:
        await values.put(tx, ADA, "b", "k0", 2)
        await values.put(tx, BOB, BUCKET, THEME, "dark")
    assert await values.find(ADA, "b", "k0") == 2
