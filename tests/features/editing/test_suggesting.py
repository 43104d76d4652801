"""What the editor of texts suggests: fields of the kind, and refs that the writer may see."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.kernel.auth.actor import SYSTEM
from callboard.testing import component, group
from tests.features.editing.test_pages import ADA
from tests.features.importing.test_access import owned, policy

pytestmark = pytest.mark.anyio
FIELDS, REFS = "/api/editing/v1/fields", "/api/editing/v1/refs"


async def test_fields_are_those_of_the_kind(open_desk: Any):
    """Required ones are marked, owners are groups and people, lists of links have their own fields, and what the catalog gives is not there."""
    async with open_desk() as d, d.site.portal.client(SYSTEM) as client:
        answer = (await client.get(FIELDS, params={"kind": "component"})).json()["fields"]
        fields = {field["path"]: field for field in answer}
        assert fields["spec.lifecycle"]["required"] and not fields["spec.system"]["required"]
        assert fields["spec.owner"]["refs"] == ["group", "user"] and fields["spec.type"]["refs"] is None
        assert fields["spec.dependsOn"]["type"] == "array" and fields["spec.dependsOn"]["refs"] == []
        assert fields["metadata.links.url"]["required"] and "Component" in fields["kind"]["choices"]
        assert not {"metadata.uid", "relations", "status"} & set(fields)
        nothing = (await client.get(FIELDS, params={"kind": "nosuch"})).json()["fields"]
        assert "metadata.name" in {f["path"] for f in nothing} and "spec.owner" not in {f["path"] for f in nothing}


async def test_refs_are_found_by_name_and_title_of_the_kinds_wanted(open_desk: Any, world: Any):
    """A name that begins so comes before one that holds it; a ref may be typed in part; without words the first of all."""
    world.write(
        "org.yaml", group("payments"), group("old-payments"), component("payments-api"), component("pia"),
        group("g1", metadata={"title": "Paytown"}),
    )  # fmt: skip
    async with open_desk("org.yaml") as d, d.site.portal.client(SYSTEM) as client:

        async def refs(q: str, kinds: str) -> list[str]:
            return [i["ref"] for i in (await client.get(REFS, params={"q": q, "kinds": kinds})).json()["items"]]

        found = ["group:default/payments", "group:default/g1", "group:default/old-payments"]
        assert await refs("pay", "group,user") == found
        assert await refs("group:default/paym", "group") == [found[0], found[2]]
        assert await refs("pia", "group") == [] and len(await refs("", "group,component")) == 5


async def test_hidden_entities_are_not_suggested(open_desk: Any, world: Any):
    """Who sees only their own gets only these."""
    world.write("org.yaml", component("mine", owner="team"), component("minefield", owner="others"), group("team"))
    async with (
        open_desk("org.yaml", more=policy(ada=[owned("catalog.entity.read")])) as d,
        d.site.portal.client(ADA) as client,
    ):
        answer = (await client.get(REFS, params={"q": "mine"})).json()["items"]
        assert [item["ref"] for item in answer] == ["component:default/mine"]
