"""Kinds and fields that are declared in the browser: used at once everywhere, judged before they hold, and taken back."""

from __future__ import annotations

from typing import Any

import pytest
import yaml12
from starlette.datastructures import ImmutableMultiDict

from callboard.features.catalog.interface import DeferredEntity
from callboard.features.catalog.interface.held import CatalogSources, SourceWrite
from callboard.features.catalog.interface.lists import EntityLists
from callboard.features.catalog.interface.modelling import EntitiesRefused, KindModels, ModelMoved
from callboard.features.catalog.kind_fields import (
    DeclaredField,
    DeclaredKind,
    KindRefused,
    compare,
    from_item,
    to_item,
)
from callboard.features.catalog.plugin import Catalog
from callboard.features.editing.interface import Editing
from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.errors import InputError, NotAllowedError, NotFoundError
from callboard.model.kinds import KindError, KindRegistry, parse_layer
from callboard.testing import component, guest, user

pytestmark = pytest.mark.anyio

OWNER = DeclaredField("owner", "ref", is_required=True, kinds=("Group", "User"), relation="ownedBy", reverse="ownerOf")
FORMAT = DeclaredField("format", "choice", "Format", "How it is kept.", True, ("table", "stream"))
FROM = DeclaredField("derivedFrom", "refs", kinds=("Dataset",), relation="derivedFrom", reverse="sourceOf")
DATASET = DeclaredKind("Dataset", (OWNER, FORMAT, FROM), plural="datasets", description="A table.", icon="database")
COST = DeclaredKind("Component", (DeclaredField("costCentre", "number", is_required=True),), is_extension=True)
EXTRA = DeclaredKind(
    "Component",
    (DeclaredField("runbook", "ref", kinds=("Component",), relation="explainedBy", reverse="explains"),),
    is_extension=True,
)


def models(site: Any) -> KindModels:
    found: KindModels = site.portal.service(KindModels)
    return found


async def declare(site: Any, *kinds: DeclaredKind, **options: Any) -> int:
    _, version = await models(site).get_layer(actor=SYSTEM)
    saved = await models(site).save([to_item(kind) for kind in kinds], base=version.number, actor=SYSTEM, **options)
    await site.settle()
    return saved.number


def dataset(name: str = "orders", **spec: Any) -> str:
    fields = {"owner": "team", "format": "table", **spec}
    return (
        yaml12.format_yaml({"apiVersion": "internal/v1", "kind": "Dataset", "metadata": {"name": name}, "spec": fields})
        + "\n"
    )


async def hold(site: Any, *documents: Any) -> None:
    """Give entities as a feature does that holds them."""
    held: CatalogSources = site.portal.service(CatalogSources)
    prepared = await held.prepare(SourceWrite("test:held", [DeferredEntity(document) for document in documents]))
    async with site.portal.db.write() as tx:
        await held.write(tx, prepared, actor="user:default/ada")
    await site.settle()


async def test_a_declared_kind_is_used_at_once(each_world: Any):
    """Forms, validation, relations in both directions, and descriptor files that were refused before."""
    world = each_world
    world.write("data.yaml", dataset(), dataset("daily", derivedFrom=["orders"]))
    rules = [{"allow": ["Dataset", "Component", "Location"]}]
    async with world.site("data.yaml", rules=rules) as site, site.portal.client(SYSTEM) as client:
        assert "dataset:default/orders" not in await site.refs()
        assert await declare(site, DATASET) == 1
        daily = await site.get("dataset:default/daily")
        assert {(r["type"], r["targetRef"]) for r in daily["relations"]} == {
            ("derivedFrom", "dataset:default/orders"), ("ownedBy", "group:default/team"),
        }  # fmt: skip
        assert ("sourceOf", "dataset:default/daily") in {
            (r["type"], r["targetRef"]) for r in (await site.get("dataset:default/orders"))["relations"]
        }
        form = (await client.get("/create-entity?kind=dataset")).text
        assert 'id="spec.format"' in form and "<option>stream</option>" in form and "How it is kept." in form
        judged = await site.portal.service(Editing).judge(dataset("x", format="heap"), actor=SYSTEM)
        assert [f.field for f in judged.findings] == ["spec.format"]
        graph = (
            await client.get("/api/catalog/v1/graph", params={"root": "dataset:default/orders", "relation": "sourceOf"})
        ).json()
        assert [edge["type"] for edge in graph["edges"]] == ["derivedFrom"]


async def test_what_features_hold_is_judged_again_and_keeps_its_marks(each_world: Any):
    """A new ref field makes relations of what stands; a field that is needed now is told on the entity, which stays."""
    world = each_world
    async with world.site() as site:
        await hold(site, component("a", runbook="b"), component("b"))
        held: CatalogSources = site.portal.service(CatalogSources)

        async def marks() -> dict[str, tuple[str, str]]:
            async with site.portal.db.read() as tx:
                found = await held.list_given(tx, "test:held", ["component:default/a", "component:default/b"])
            return {ref: (one.mark, one.uid) for ref, one in found.items()}

        before = await marks()
        await declare(site, EXTRA)
        assert ("explains", "component:default/a") in {
            (r["type"], r["targetRef"]) for r in (await site.get("component:default/b"))["relations"]
        }
        assert await marks() == before
        await declare(site, COST, refuse_entities=True)
        assert [f.field for f in await site.findings("component:default/a")] == ["spec.costCentre"]
        await declare(site)
        assert await site.findings("component:default/a") == [] and await marks() == before


async def test_a_preview_counts_whom_the_kinds_would_refuse(world: Any):
    """Only entities of kinds that change are judged; those that were refused all along do not count."""
    world.write("org.yaml", component("a"), component("b", costCentre=7), component("c", costCentre="x"))
    async with world.site("org.yaml") as site:
        effect = await models(site).preview([to_item(COST)], actor=SYSTEM)
        assert (effect.judged, effect.refused_count) == (3, 2)
        assert {r.ref for r in effect.refused} == {"component:default/a", "component:default/c"}
        assert effect.changes == [("Component", None, "added")]
        with pytest.raises(EntitiesRefused):
            await models(site).save([to_item(COST)], base=0, actor=SYSTEM)
        assert (await models(site).preview([to_item(DATASET)], actor=SYSTEM)).judged == 0


async def test_who_may_declare_kinds_and_not_see_everything_is_told_numbers_alone(world: Any):
    """Hidden entities count, and are not named."""
    world.write("org.yaml", component("mine", owner="team"), component("secret", owner="others"))
    rules = [
        {"permission": "catalog.kind.manage"},
        {"permission": "catalog.entity.read", "when": {
            "rule": "IS_ENTITY_OWNER", "resourceType": "catalog-entity", "params": {"claims": ["$ownershipRefs"]}}},
    ]  # fmt: skip
    role = {"members": ["user:default/ada"], "rules": rules}
    more = {"permission": {"policy": {"defaults": False, "roles": {"some": role}}}}
    async with world.site("org.yaml", more=more) as site:
        effect = await models(site).preview([to_item(COST)], actor=user("ada", "group:default/team"))
        assert (effect.refused_count, [r.ref for r in effect.refused]) == (2, ["component:default/mine"])


async def test_two_administrators_do_not_overwrite_each_other(world: Any):
    """Who saves from an older version is told; the same layer again changes nothing."""
    async with world.site() as site:
        await declare(site, DATASET)
        with pytest.raises(ModelMoved):
            await models(site).save([to_item(EXTRA)], base=0, actor=SYSTEM)
        assert await declare(site, DATASET) == 1


async def test_versions_are_kept_and_put_back(world: Any):
    """What was declared before comes back as a further version; entities of a kind that is gone are told of."""
    world.write("data.yaml", dataset())
    async with world.site("data.yaml", rules=[{"allow": ["Dataset"]}]) as site:
        await declare(site, DATASET)
        with pytest.raises(EntitiesRefused):
            await models(site).restore(0, base=1, actor=SYSTEM)
        await models(site).restore(0, base=1, refuse_entities=True, actor=SYSTEM)
        await site.settle()
        assert await site.errors("dataset:default/orders") != []
        await models(site).restore(1, base=2, actor=SYSTEM)
        await site.settle()
        assert await site.errors("dataset:default/orders") == []
        versions = await models(site).list_versions(actor=SYSTEM)
        assert [v.number for v in versions] == [3, 2, 1] and versions[0].note == "Version 1 restored"
        with pytest.raises(NotFoundError):
            await models(site).restore(9, base=3, actor=SYSTEM)
        events = await site.rows("SELECT event FROM kernel_audit_event WHERE event = 'kind-mutate'")
        assert len(events) == 3


async def test_a_restart_and_another_process_know_the_kinds(each_world: Any):
    """They are read before anything is judged, and a process that runs beside takes them up when it looks."""
    async with each_world.site() as one, each_world.site() as other:
        fingerprint = other.catalog.documents.fingerprint
        registry = other.portal.service(KindRegistry)
        await declare(one, DATASET)
        await other.portal.service(Catalog).models.ensure_current()
        assert registry.find_definition("dataset") is not None and other.catalog.documents.fingerprint != fingerprint
    async with each_world.site() as again:
        assert again.portal.service(KindRegistry).find_definition("dataset") is not None


async def test_kinds_that_do_not_fit_the_settings_any_more_keep_nobody_out(world: Any):
    """A stored extension of a kind that the settings no longer declare is told, and the portal starts without it."""
    own = {"group": "acme.example", "names": {"kind": "Vendor"}, "versions": [{"name": "v1"}]}
    more = DeclaredKind("Vendor", (DeclaredField("phone"),), is_extension=True)
    async with world.site(model={"kinds": [own]}) as site:
        await declare(site, more)
    async with world.site() as site:
        assert "Vendor" in site.catalog.models.error
        assert site.portal.service(KindRegistry).find_definition("component") is not None


async def test_only_administrators_declare_kinds(world: Any):
    """Signed-in users and guests of a demo see the kinds, and may neither see the layer nor change it."""
    async with world.site() as site:
        for actor in (user("ada"), guest()):
            for call in (
                models(site).get_layer(actor=actor), models(site).save([], base=0, actor=actor),
                models(site).preview([], actor=actor), models(site).list_versions(actor=actor),
                models(site).restore(0, base=0, actor=actor),
            ):  # fmt: skip
                with pytest.raises(NotAllowedError):
                    await call
        assert "Component" in {k.definition.kind for k in await models(site).list_kinds(actor=user("ada"))}


async def test_the_list_says_where_kinds_come_from_and_counts_what_is_seen(world: Any):
    """Built in, from the settings, declared here; extended ones are marked."""
    world.write("org.yaml", component("a"), component("b"))
    own = {"group": "acme.example", "names": {"kind": "Vendor"}, "versions": [{"name": "v1"}]}
    async with world.site("org.yaml", model={"kinds": [own]}) as site:
        await declare(site, DATASET, EXTRA)
        found = {k.definition.kind: k for k in await models(site).list_kinds(actor=SYSTEM)}
        assert found["Vendor"].origins == ["kinds"] and found["Dataset"].origins == ["portal"]
        assert found["Component"].origins == ["built-in", "portal"] and found["Component"].is_extended
        assert found["Component"].entities == 2


# ---- the form of a layer -----------------------------------------------------------------------------------------------

EVERY = DeclaredKind(
    "Thing",
    (
        DeclaredField("a", "text", "A", "help"), DeclaredField("b", "long"), DeclaredField("c", "choice", choices=("x",)),
        DeclaredField("d", "number", is_required=True), DeclaredField("e", "flag"), DeclaredField("f", "list"),
        DeclaredField("g", "ref", kinds=("API",), relation="uses", reverse="usedBy"), FROM,
        DeclaredField("h", "other", schema={"type": "object", "properties": {"x": {"type": "integer"}}}),
    ),
    group="acme.example", singular="thing", plural="things", description="d", icon="box", versions=("v2", "v1"),
)  # fmt: skip


@pytest.mark.parametrize("declared", [DATASET, COST, EXTRA, EVERY], ids=lambda d: d.kind)
def test_a_declaration_survives_the_way_to_a_layer_and_back(declared: DeclaredKind):
    """Also as YAML, which the settings take."""
    item = to_item(declared)
    back = from_item(item)
    assert (back.kind, back.fields, back.group, back.versions) == (
        declared.kind, declared.fields, declared.group, declared.versions
    )  # fmt: skip
    assert compare([item], [to_item(back)]) == []
    assert len(parse_layer(yaml12.format_yaml({"kinds": [item]}))) == 1


@pytest.mark.parametrize(
    ("declared", "field"),
    [
        (DeclaredKind("data set"), "kind"), (DeclaredKind("D", group="Acme!"), "group"), (DeclaredKind("D", versions=("v 1",)), "version"),
        (DeclaredKind("D", (DeclaredField("1x"),)), "fields.0.name"), (DeclaredKind("D", (FORMAT, FORMAT)), "fields.1.name"),
        (DeclaredKind("D", (DeclaredField("x", "choice"),)), "fields.0.choices"),
        (DeclaredKind("D", (DeclaredField("x", "ref", relation="likes"),)), "fields.0.reverse"),
        (DeclaredKind("D", (DeclaredField("x", "ref", relation="Likes it", reverse="y"),)), "fields.0.relation"),
        (DeclaredKind("D", (DeclaredField("x", "ref", kinds=("a b",)),)), "fields.0.kinds"),
        (DeclaredKind("D", (DeclaredField("x", "bogus"),)), "fields.0.type"),
    ],
)  # fmt: skip
def test_what_cannot_be_declared_is_told_with_its_place(declared: DeclaredKind, field: str):
    """Each names the field of the form."""
    with pytest.raises(KindRefused) as told:
        to_item(declared)
    assert told.value.field == field


def test_an_extension_adds_and_never_changes():
    """Fields that are there stay as they are, required ones are added to those, and nobody extends what is not there."""
    more = {
        "extend": "component",
        "schema": {"properties": {"spec": {"required": ["cost"], "properties": {"cost": {"type": "number"}, "type": {"type": "number"}}}}},
    }  # fmt: skip
    registry = KindRegistry.built_in([more])
    (version,) = registry.find_definition("Component").versions
    spec = version.schema["properties"]["spec"]
    assert spec["required"] == ["type", "lifecycle", "owner", "cost"]
    assert spec["properties"]["type"]["type"] == "string" and spec["properties"]["cost"] == {"type": "number"}
    assert (
        "cost"
        not in KindRegistry.built_in()
        .find_definition("Component")
        .versions[0]
        .schema["properties"]["spec"]["properties"]
    )
    with pytest.raises(KindError, match="no such kind"):
        KindRegistry.built_in([{"extend": "Nosuch"}])


async def test_a_layer_that_cannot_be_used_is_refused_with_its_reason(world: Any):
    """Nothing is written; a kind twice is one too many."""
    async with world.site() as site:
        for bad in ([{"group": "x"}], [to_item(DATASET), to_item(DATASET)], [{"extend": "Nosuch", "schema": {}}]):
            with pytest.raises(InputError):
                await models(site).save(bad, base=0, actor=SYSTEM)
        assert (await models(site).get_layer(actor=SYSTEM))[1].number == 0


# ---- the pages ---------------------------------------------------------------------------------------------------------

KINDS, NEW = "/catalog/kinds", "/catalog/kinds/new"
ROWS = {
    "kind": "Dataset", "group": "acme.example", "version": "v1", "plural": "datasets", "description": "A <b>table</b>.", "icon": "resource",
    "f0.name": "owner", "f0.type": "ref", "f0.kinds": "Group, User", "f0.relation": "ownedBy", "f0.required": "1",
    "f1.name": "format", "f1.type": "choice", "f1.choices": "table\r\nstream\r\n", "f3.name": "hot", "f3.type": "flag",
}  # fmt: skip


async def test_a_kind_is_declared_changed_and_removed_by_forms(world: Any):
    """A look at what it does, the save, the kind in lists and forms, a change of its fields, and its end; all without script."""
    async with world.site() as site, site.portal.client(SYSTEM) as client:
        assert 'name="f0.name" value="owner"' in (await client.get(NEW)).text
        looked = await client.post(NEW, data={**ROWS, "base": "0", "do": "preview"})
        assert "Dataset is added" in looked.text and (await models(site).get_layer(actor=SYSTEM))[1].number == 0
        saved = await client.post(NEW, data={**ROWS, "base": "0", "do": "save"})
        assert (saved.status_code, saved.headers["location"]) == (303, f"{KINDS}/dataset?saved=1")
        await site.settle()
        page = (await client.get(f"{KINDS}/dataset")).text
        assert 'name="f1.name" value="format"' in page and "<b>table" not in page and "declared here" in page
        assert "Dataset" in (await client.get("/create-entity")).text and "Dataset" in (await client.get(KINDS)).text
        await client.post(f"{KINDS}/dataset", data={**ROWS, "f1.drop": "1", "base": "1", "do": "save"})
        (item,), version = await models(site).get_layer(actor=SYSTEM)
        assert [one.name for one in from_item(item).fields] == [
            "owner",
            "hot",
        ] and version.note == "Dataset.format removed"
        exported = yaml12.parse_yaml((await client.get(f"{KINDS}/export.yaml")).text)
        assert exported == {"kinds": [item]}
        gone = await client.post(f"{KINDS}/dataset", data={**ROWS, "base": "2", "do": "remove"})
        assert gone.headers["location"] == f"{KINDS}?saved=1"
        assert (await client.get(f"{KINDS}/dataset")).status_code == 404


async def test_lists_are_filtered_by_declared_fields(world: Any):
    """Choices and switches of the kind are facets with counts, whose address is the filter; other kinds have none of them."""
    world.write("data.yaml", dataset("a"), dataset("b", format="stream"), dataset("c"))
    async with world.site("data.yaml", rules=[{"allow": ["Dataset"]}]) as site, site.portal.client(SYSTEM) as client:
        await declare(site, DATASET)
        page = (await client.get("/catalog?kind=dataset")).text
        assert "facet-spec.format" in page and 'href="/catalog?kind=dataset&amp;spec.format=stream"' in page
        one = (await client.get("/catalog?kind=dataset&spec.format=stream")).text
        assert "dataset:default/b" in one and "dataset:default/a" not in one
        assert "facet-spec.format" not in (await client.get("/catalog?kind=component")).text
        counted = site.portal.service(EntityLists).parse(
            ImmutableMultiDict({"kind": "dataset", "spec.format": "stream"})
        )
        assert await site.queries.count(counted.predicate, actor=SYSTEM) == 1


async def test_further_fields_of_a_kind_ask_before_they_refuse(world: Any):
    """A field that every entity must say: who lacks it is shown, nothing is saved, and saying so saves it; then it is put back."""
    world.write("org.yaml", component("till"))
    async with world.site("org.yaml") as site, site.portal.client(SYSTEM) as client:
        one = f"{KINDS}/component"
        row = {"f0.name": "cost", "f0.type": "number", "f0.required": "1", "base": "0", "do": "save"}
        asked = await client.post(one, data=row)
        assert (
            asked.status_code == 409
            and "One standing entity would be refused" in asked.text
            and 'name="refuse"' in asked.text
        )
        assert (await client.post(one, data={**row, "refuse": "1"})).status_code == 303
        await site.settle()
        assert len(await site.errors("component:default/till")) == 1
        assert (await client.post(one, data=row)).status_code == 409  # from an older version
        assert (await client.post(KINDS, data={"number": "0", "base": "1"})).status_code == 303
        await site.settle()
        assert await site.errors("component:default/till") == []
        assert "Version 0 restored" in (await client.get(KINDS)).text


async def test_mistakes_in_the_form_are_told_in_their_row(world: Any):
    """With everything that was typed."""
    async with world.site() as site, site.portal.client(SYSTEM) as client:
        bad = await client.post(NEW, data={**ROWS, "f3.name": "1st", "base": "0", "do": "save"})
        assert bad.status_code == 400 and 'id="f2-error"' in bad.text and 'value="acme.example"' in bad.text
        nameless = await client.post(NEW, data={**ROWS, "kind": "", "base": "0", "do": "save"})
        assert nameless.status_code == 400 and "Give the kind a name." in nameless.text
        more = await client.post(NEW, data={**ROWS, "base": "0", "do": "more"})
        assert more.text.count("<fieldset") == 7 and 'value="hot"' in more.text


async def test_those_who_may_not_declare_kinds_only_look(world: Any):
    """Fields and where they come from, no form, no versions; their posts are refused."""
    async with world.site() as site, site.portal.client(user("ada")) as client:
        page = (await client.get(f"{KINDS}/component")).text
        assert "spec.lifecycle" in page and "<fieldset" not in page
        assert NEW not in (await client.get(KINDS)).text
        for path in (NEW, f"{KINDS}/component", KINDS):
            answer = await client.post(path, data={"base": "0", "number": "0"}, headers={"accept": "text/html"})
            assert answer.status_code == 403
        for path in (NEW, f"{KINDS}/export.yaml"):
            assert (await client.get(path, headers={"accept": "text/html"})).status_code == 403


async def test_programs_declare_kinds(world: Any):
    """The list with schemas, a dry run, the save from a version, and the clash with an older one."""
    async with world.site() as site, site.portal.client(SYSTEM) as client:
        api = "/api/catalog/v1"
        tried = (
            await client.put(f"{api}/model", json={"kinds": [to_item(DATASET)], "version": 0, "dryRun": True})
        ).json()
        assert tried["changes"] == [{"kind": "Dataset", "field": None, "change": "added"}]
        saved = await client.put(f"{api}/model", json={"kinds": [to_item(DATASET)], "version": 0})
        assert (saved.status_code, saved.json()["version"]) == (200, 1)
        assert (await client.put(f"{api}/model", json={"kinds": [], "version": 0})).status_code == 409
        assert (await client.get(f"{api}/model")).json()["kinds"] == [to_item(DATASET)]
        kinds = {k["kind"]: k for k in (await client.get(f"{api}/kinds")).json()["items"]}
        assert kinds["Dataset"]["versions"][0]["relations"][0]["relation"] == "ownedBy"
        for bad in ({"kinds": 1, "version": 0}, {"kinds": [], "version": "x"}):
            assert (await client.put(f"{api}/model", json=bad)).status_code == 400
