"""What came from a repository is found by how its URLs begin, on both engines, by an index."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.features.catalog.store import repositories
from callboard.testing import component, entity

pytestmark = pytest.mark.anyio
BASE = "https://files.test/Acme/Tools"


async def test_files_reads_and_locations_are_found_in_any_case(each_world: Any):
    """A prefix in lower case finds URLs in mixed case, and nothing that sorts around them."""
    more = entity("Location", "more", {"targets": ["./later.yaml"]})
    each_world.serve(f"{BASE}/a.yaml", component("a"), more)
    each_world.fail(f"{BASE}/later.yaml", 404)
    each_world.serve("https://files.test/zebra/b.yaml", component("b"))
    api = {
        "apiVersion": "backstage.io/v1alpha1", "kind": "API", "metadata": {"name": "c"},
        "spec": {"type": "x", "lifecycle": "production", "owner": "guests", "definition": {"$text": "./c.txt"}},
    }  # fmt: skip
    each_world.serve(f"{BASE}/c.yaml", api)
    each_world.serve(f"{BASE}/c.txt", "text")
    targets = [f"{BASE}/a.yaml", "https://files.test/zebra/b.yaml", f"{BASE}/c.yaml"]
    async with each_world.site(*({"type": "url", "target": target} for target in targets)) as site:
        assert await site.refs() == {
            "component:default/a",
            "component:default/b",
            "api:default/c",
            "location:default/more",
        }
        async with site.portal.db.read() as tx:
            files = await repositories.list_files_below(tx, ["https://files.test/acme/tools", "https://nowhere.test/"])
            assert [file.location for file in files] == [f"url:{BASE}/a.yaml", f"url:{BASE}/c.yaml"]
            reads = await repositories.list_reads_below(tx, ["https://files.test/acme/tools"])
            assert reads == [(files[1].id, f"{BASE}/c.txt")]
            assert await repositories.list_files_reading(tx, [f"url:{BASE}/c.txt"]) == [files[1].id]
            nodes = await repositories.list_locations_below(tx, ["https://files.test/acme/tools"])
            assert sorted(nodes) == sorted(file.parent_id for file in files)
            assert await repositories.list_locations_at(tx, [f"url:{BASE}/a.yaml"], known=set()) == [files[0].parent_id]
            assert await repositories.list_locations_at(tx, [f"url:{BASE}/a.yaml"], known={files[0].parent_id}) == []
            (inner,) = await repositories.list_locations_in(tx, ["https://files.test/acme/tools"])
            assert await tx.fetch_value("SELECT ref FROM catalog_ref WHERE id = $1", inner) == "location:default/more"
            assert await repositories.list_locations_in(tx, ["https://files.test/zebra"]) == []


async def test_the_look_up_does_not_walk_the_table(world: Any):
    """A push costs the same with a hundred thousand files as with ten."""
    async with world.site() as site, site.portal.db.read() as tx:
        for table, column, index in (
            ("catalog_file", "location", "catalog_file_location_lower"),
            ("catalog_read", "url", "catalog_read_url_lower"),
        ):
            where, args = repositories._below(tx, column, ["https://a/b", "http://a/b"], lower=True)
            plan = await tx.fetch_all(f"EXPLAIN QUERY PLAN SELECT * FROM {table} WHERE {where}", *args)
            assert any(f"USING INDEX {index}" in row[3] for row in plan), [row[3] for row in plan]
            assert not any(row[3].startswith("SCAN") for row in plan)
