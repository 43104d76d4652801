"""Stores of an earlier release are brought up to date, with what they hold."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.catalog.migrations import MIGRATIONS
from callboard.kernel.db.migrations import check, upgrade
from callboard.testing import component

pytestmark = pytest.mark.anyio
INDEXES = ("catalog_history_user", "catalog_file_location_lower", "catalog_read_url_lower")


async def indexes(site: Any) -> set[str]:
    if site.portal.db.dialect == "sqlite":
        rows = await site.rows("SELECT name FROM sqlite_master WHERE type = 'index'")
    else:
        rows = await site.rows("SELECT indexname::text FROM pg_indexes WHERE schemaname = current_schema()")
    return {row[0] for row in rows} & set(INDEXES)


async def test_the_first_release_s_tables_become_today_s(each_world: Any):
    """By Alembic, on both engines; what they hold stays, and a second time there is nothing to do."""
    each_world.write("a.yaml", component("a"))
    async with each_world.site("a.yaml") as site:
        async with site.portal.db.write() as tx:
            for index in INDEXES:
                await tx.execute(f"DROP INDEX {index}")
            await tx.execute("DROP TABLE catalog_model")
            await tx.execute("DROP TABLE catalog_alias")
            await tx.execute("ALTER TABLE catalog_source DROP COLUMN held")
            for table in ("catalog_view_default", "catalog_view", "catalog_visit"):
                await tx.execute(f"DROP TABLE {table}")
            await tx.execute("DROP TABLE catalog_overlay")
            await tx.execute("DROP INDEX catalog_history_deleted")
            await tx.execute("UPDATE alembic_version_catalog SET version_num = '0001_catalog'")
        (pending,) = await check(site.portal.db, [MIGRATIONS])
        assert (pending.current, pending.versions[0]) == ("0001_catalog", "0002_push_lookup")
        await upgrade(site.portal.db, [MIGRATIONS])
        assert await check(site.portal.db, [MIGRATIONS]) == []
        assert await indexes(site) == set(INDEXES)
        assert "component:default/a" in await site.refs()
        assert await upgrade(site.portal.db, [MIGRATIONS]) == []
