"""Columns of lists: any search key, in the order of the address, with defaults that suit the kind."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from starlette.datastructures import QueryParams

from callboard.features.catalog.interface import ListColumn
from callboard.features.catalog.pages.columns import MAX_COLUMNS, ColumnChoice, cell_of, dig, key_title, read_columns
from callboard.features.catalog.pages.list_state import ListState
from callboard.kernel.plugins.hooks import hookimpl
from callboard.model.kinds import KindDefinition
from callboard.model.terms import SKIPPED, terms_of, text_of_scalar
from callboard.testing import component, user
from callboard.ui.messages import Messages
from tests.features.catalog.conftest import World, world

__all__ = ["World", "world"]
pytestmark = pytest.mark.anyio
T = Messages.load(["callboard.ui", "callboard.features.catalog"]).translator()
DATASET = {
    "group": "example.com",
    "names": {"kind": "Dataset", "plural": "datasets"},
    "versions": [{
        "name": "v1",
        "schema": {"jsonSchema": {"type": "object", "properties": {"spec": {
            "type": "object", "required": ["owner", "dataClass"],
            "properties": {
                "owner": {"type": "string"}, "rows": {"type": "integer"}, "dataClass": {"enum": ["open", "closed"]},
                "layout": {"type": "object"}, "feeds": {"type": "array", "items": {"type": "string"}},
            },
        }}}},
        "relationFields": [
            {"selector": {"path": "spec.owner"}, "relation": "ownedBy", "defaultKind": "Group"},
            {"selector": {"path": "spec.feeds"}, "relation": "dependencyOf", "defaultKind": "Dataset"},
        ],
    }],
}  # fmt: skip


def head(page: str) -> list[str]:
    cells = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', page, re.DOTALL)
    return [re.sub(r"<[^>]*>", "", cell).strip() for cell in cells]


def names(page: str) -> list[str]:
    return re.findall(r'<span class="name-title"><span>([^<]*)<', page)


async def test_any_field_is_a_column_and_an_order(world: World):
    """In the order of the address; of several values an entity stands once; what lacks the field is counted, not lost."""
    one = component("one", tier="gold", owner="group:default/crew", providesApis=["api:x", "api:a"])
    one["metadata"]["annotations"] = {"example.com/Runbook": "https://runbook.example/one"}
    world.write("a.yaml", one, component("two", tier="Bronze", providesApis=["api:b"]), component("three"))
    async with world.site("a.yaml") as site, site.portal.client(user("ada")) as client:
        asked = "columns=spec.tier,name,relations.providesApi,metadata.annotations.example.com/runbook,health"
        page = (await client.get(f"/catalog?kind=component&{asked}&sort=-spec.tier")).text
        assert head(page) == ["Tier", "Name", "Provides", "Runbook", "Health"]
        assert names(page) == ["one", "two"]
        assert 'href="https://runbook.example/one"' in page and "Bronze" in page
        assert 'title="spec.tier" aria-sort="descending"' in page
        assert "1" in re.search(r'class="note">.*?</p>', page, re.DOTALL)[0], "one has no tier"
        listed = (
            await client.get("/catalog?kind=component&sort=relations.providesApi&columns=name,relations.providesApi")
        ).text
        assert names(listed) == ["one", "two"]
        csv = (await client.get("/catalog/export.csv?kind=component&sort=spec.tier")).text
        assert [row.split(",")[2] for row in csv.splitlines()[1:]] == ["two", "one", "three"]


async def test_columns_are_chosen_on_a_page_of_their_own(world: World):
    """Moved, taken away, added by key; keys of entities that one may not see are not suggested."""
    secret = component("secret", hiddenThing="x")
    world.write("a.yaml", component("one", tier="gold"), secret)
    rules = [{"permission": "catalog.entity.read", "effect": "deny", "when": {"rule": "HAS_SPEC", "resourceType": "catalog-entity", "params": {"key": "hiddenThing"}}}]  # fmt: skip
    policy = {"permission": {"policy": {"roles": {"some": {"members": ["user:default/ada"], "rules": rules}}}}}
    async with world.site("a.yaml", more=policy) as site, site.portal.client(user("ada")) as client:
        page = (await client.get("/catalog/columns?kind=component&columns=name,owner,type&move=up:type")).text
        chosen = re.findall(r'type="hidden" name="columns" value="([^"]*)"', page)
        assert chosen == ["name", "type", "owner"]
        assert 'value="spec.tier"' in page and "hiddenthing" not in page.lower()
        page = (await client.get("/catalog/columns?columns=name,owner&drop=owner&columns=spec.tier")).text
        assert re.findall(r'type="hidden" name="columns" value="([^"]*)"', page) == ["name", "spec.tier"]


async def test_a_kind_of_ones_own_has_its_own_columns(world: World):
    """What it requires first, relations as such, nothing that does not fit a cell."""
    choice = ColumnChoice(lambda kind: KindDefinition.parse(DATASET) if kind == "dataset" else None)
    assert choice.defaults("dataset") == (
        "name",
        "owner",
        "spec.dataClass",
        "spec.rows",
        "relations.dependencyOf",
        "changed",
    )
    assert choice.defaults("nonesuch") == choice.defaults(None)
    document = {
        "apiVersion": "example.com/v1", "kind": "Dataset", "metadata": {"name": "sales"},
        "spec": {"owner": "crew", "dataClass": "open", "rows": 12},
    }  # fmt: skip
    world.write("a.yaml", document)
    async with (
        world.site("a.yaml", rules=[{"allow": ["Dataset"]}], model={"kinds": [DATASET]}) as site,
        site.portal.client(user("ada")) as client,
    ):
        page = (await client.get("/catalog?kind=dataset")).text
        assert head(page) == ["Name", "Owner", "Data class", "Rows", "Needed by", "Changed"]
        assert ">12<" in page


class Confirmed:
    """A plugin with a column, which counts how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    @hookimpl
    def register_list_columns(self, portal: Any) -> list[ListColumn]:
        async def cells(refs: list[str], request: Any) -> dict[str, Any]:
            self.asked.append(list(refs))
            return {refs[0]: Markup("<b>yesterday</b>"), refs[1]: "<i>"}

        return [ListColumn("confirmed", "Confirmed", cells)]


async def test_plugins_offer_columns(world: World):
    """One question for all rows, only when the column is shown; text is escaped."""
    world.write("a.yaml", *(component(f"c{n}") for n in range(5)))
    plugin = Confirmed()
    async with world.site("a.yaml", extension=plugin) as site, site.portal.client(user("ada")) as client:
        await client.get("/catalog?kind=component")
        assert plugin.asked == []
        page = (await client.get("/catalog?kind=component&columns=name,confirmed")).text
        assert "<b>yesterday</b>" in page and "&lt;i&gt;" in page and len(plugin.asked) == 1
        assert "Confirmed" in (await client.get("/catalog/columns")).text


@given(st.lists(st.text(max_size=30), max_size=30))
def test_whatever_is_asked_for_makes_columns_or_nothing(given_ids: list[str]):
    """Nothing raises, nothing is there twice, no more than fit; what comes out survives the address."""
    found = read_columns(given_ids)
    assert len(found) <= MAX_COLUMNS and len({id.lower() for id in found}) == len(found)
    assert read_columns([",".join(found)]) == found
    state = ListState.parse(QueryParams([("columns", ",".join(found))]))
    assert ListState.parse(QueryParams(state.params())) == state
    assert ColumnChoice(lambda kind: None).shown(found, None, T)


JSON = st.recursive(
    st.booleans() | st.integers(-9, 9) | st.text("ab.C", min_size=1, max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abX.", min_size=1, max_size=4), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text("abX", min_size=1, max_size=3), JSON, max_size=4))
def test_a_cell_shows_what_the_search_key_finds(spec: dict[str, Any]):
    """Every scalar that a filter by the key would match is among what lies at the key."""
    entity = {"kind": "K", "metadata": {"name": "x"}, "spec": spec}
    for key, values in terms_of(entity).items():
        if key.startswith("spec.") and key not in SKIPPED:
            lying = {text_of_scalar(v).lower() for v in dig(entity, key) if not isinstance(v, (dict, list))}
            assert {v for v in values if v is not None} <= lying, (key, values, lying)


def test_cells_are_short_and_safe():
    """Long texts are cut, many values counted, only web addresses become links."""
    choice = ColumnChoice(lambda kind: None)
    column = choice.find("spec.x", T)
    assert column is not None

    def cell(value: Any) -> Any:
        return cell_of(column, {"kind": "K", "metadata": {"name": "x"}, "spec": {"x": value}}, {})

    assert len(cell("y" * 999).texts[0]) == 300
    assert (cell(list("abcdefghi")).texts, cell(list("abcdefghi")).more) == (list("abcdef"), 3)
    assert cell("javascript:alert(1)").href is None and cell("https://a.example/").href == "https://a.example/"
    assert cell({"deep": 1}).texts == [] and cell(None).texts == [] and cell(True).texts == ["true"]
    assert [key_title(k, T) for k in ("spec.dataClass", "metadata.labels.example.com/cost-centre", "relations.dependsOn")] == [
        "Data class", "Cost centre", "Depends on",
    ]  # fmt: skip
