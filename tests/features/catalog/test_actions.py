"""Actions of the catalog, through the registry that everybody calls them by."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from callboard.features.catalog.actions import catalog_actions
from callboard.features.catalog.interface import EntityNotFound, Finding, LocationNotFound
from callboard.kernel.actions import ActionRegistry
from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import ConflictError, InputError
from callboard.testing.catalog import FakeCatalog

pytestmark = pytest.mark.anyio
SOMEBODY = Actor("user", "user:default/ada")
URL = "https://git.example.com/a/catalog-info.yaml"


@pytest.fixture
def catalog() -> FakeCatalog:
    """Two entities of one name, and five APIs."""
    owned = [{"type": "ownedBy", "targetRef": "group:default/x"}]
    return FakeCatalog(
        [
            {
                "kind": "Component",
                "metadata": {"name": "x", "tags": ["java"]},
                "spec": {"type": "service"},
                "relations": owned,
            },
            {"kind": "Group", "metadata": {"name": "x"}, "spec": {"type": "team"}},
            *({"kind": "API", "metadata": {"name": f"api-{n}"}, "spec": {"type": "grpc"}} for n in range(5)),
        ]
    )


@pytest.fixture
def registry(catalog: FakeCatalog) -> ActionRegistry:
    found = ActionRegistry(None, None)
    found.register(catalog_actions(catalog, catalog))
    return found


async def invoke(registry: ActionRegistry, name: str, given: Any, **options: Any) -> dict[str, Any]:
    return await registry.invoke(f"catalog:{name}", given, actor=SOMEBODY, **options)


async def test_ids_are_backstages(registry: ActionRegistry) -> None:
    """The seven that Backstage's catalog registers."""
    assert [action.id for action in registry.list(SOMEBODY)] == [
        "catalog:get-catalog-entity",
        "catalog:get-catalog-model-description",
        "catalog:query-catalog-entities",
        "catalog:refresh-catalog-entity",
        "catalog:register-entity",
        "catalog:unregister-entity",
        "catalog:validate-entity",
    ]


async def test_entity_is_found_by_as_much_as_is_needed(registry: ActionRegistry) -> None:
    """The name alone where it is unique; else the refs that fit are told."""
    assert (await invoke(registry, "get-catalog-entity", {"name": "API-1"}))["kind"] == "API"
    assert (await invoke(registry, "get-catalog-entity", {"name": "x", "kind": "group"}))["kind"] == "Group"
    with pytest.raises(ConflictError, match=r"component:default/x, group:default/x"):
        await invoke(registry, "get-catalog-entity", {"name": "x"})
    with pytest.raises(EntityNotFound, match='name "nope", kind "api"'):
        await invoke(registry, "get-catalog-entity", {"name": "nope", "kind": "api"})


async def test_entities_are_queried_in_pages(registry: ActionRegistry) -> None:
    """The cursor of a page leads to the next; an order may be one or a list."""
    order = {"field": "metadata.name", "order": "desc"}
    given = {"query": {"kind": "api"}, "limit": 3, "orderFields": order, "fields": ["metadata.name"]}
    first = await invoke(registry, "query-catalog-entities", given)
    assert [item["metadata"]["name"] for item in first["items"]] == ["api-4", "api-3", "api-2"]
    assert (first["totalItems"], first["hasMoreEntities"]) == (5, True)
    second = await invoke(registry, "query-catalog-entities", {"cursor": first["nextPageCursor"], "limit": 3})
    assert ([item["metadata"]["name"] for item in second["items"]], second["hasMoreEntities"]) == (
        ["api-1", "api-0"],
        False,
    )
    assert (await invoke(registry, "query-catalog-entities", {"orderFields": [order], "limit": 1}))["totalItems"] == 7
    with pytest.raises(InputError):
        await invoke(registry, "query-catalog-entities", {"limit": 0})


async def test_yaml_is_validated(registry: ActionRegistry, catalog: FakeCatalog) -> None:
    """Syntax, shape and content are told apart; a good document comes back parsed."""
    good = await invoke(registry, "validate-entity", {"entity": "kind: Component\nmetadata:\n  name: a\n"})
    assert good == {
        "isValid": True,
        "isValidYaml": True,
        "errors": [],
        "entity": {"kind": "Component", "metadata": {"name": "a"}},
    }
    broken = await invoke(registry, "validate-entity", {"entity": "a: [1, 2\n b: }"})
    assert (broken["isValid"], broken["isValidYaml"], len(broken["errors"])) == (False, False, 1)
    two = await invoke(registry, "validate-entity", {"entity": "a: 1\n---\nb: 2\n"})
    assert (two["isValid"], two["isValidYaml"]) == (False, True)
    catalog.problems["a"] = [Finding("error", "kind", "no spec.type"), Finding("warning", "kind", "odd")]
    judged = await invoke(registry, "validate-entity", {"entity": "metadata:\n  name: a\n", "location": f"url:{URL}"})
    assert (judged["isValid"], judged["errors"]) == (False, ["no spec.type"])


async def test_location_is_registered_and_unregistered(registry: ActionRegistry, catalog: FakeCatalog) -> None:
    """By id or by URL; a dry run changes nothing."""
    assert (await invoke(registry, "register-entity", {"locationUrl": URL}, dry_run=True))["locationId"] == f"url:{URL}"
    assert await catalog.list_locations(actor=SOMEBODY) == []
    made = await invoke(registry, "register-entity", {"locationUrl": URL})
    await invoke(registry, "unregister-entity", {"type": {"locationId": made["locationId"]}}, dry_run=True)
    assert len(await catalog.list_locations(actor=SOMEBODY)) == 1
    await invoke(registry, "unregister-entity", {"type": {"locationId": made["locationId"]}})
    await invoke(registry, "register-entity", {"locationUrl": URL})
    await invoke(registry, "unregister-entity", {"type": {"locationUrl": URL}})
    assert await catalog.list_locations(actor=SOMEBODY) == []
    with pytest.raises(LocationNotFound):
        await invoke(registry, "unregister-entity", {"type": {"locationUrl": URL}})
    with pytest.raises(InputError):
        await invoke(registry, "register-entity", {"locationUrl": "not a url"})


async def test_entity_is_refreshed(registry: ActionRegistry, catalog: FakeCatalog) -> None:
    """The ref comes back as it is written everywhere; a dry run only finds it."""
    given = {"name": "X", "kind": "component"}
    assert await invoke(registry, "refresh-catalog-entity", given, dry_run=True) == {"entityRef": "component:default/x"}
    assert catalog.refreshed == []
    assert await invoke(registry, "refresh-catalog-entity", given) == {"entityRef": "component:default/x"}
    assert catalog.refreshed == ["component:default/x"]


async def test_model_is_described_from_what_is_there(registry: ActionRegistry) -> None:
    """Kinds with counts and types, tags, relations."""
    text = (await invoke(registry, "get-catalog-model-description", {}))["description"]
    assert "## API (5)\n- `spec.type`: `grpc`" in text
    assert "`java`" in text
    assert "- `relations.ownedBy`" in text


async def test_outputs_fit_their_schemas(registry: ActionRegistry) -> None:
    """What the registry only logs in production fails here."""
    import jsonschema_rs

    for name, given in (
        ("get-catalog-entity", {"name": "api-1"}),
        ("query-catalog-entities", {"limit": 2}),
        ("validate-entity", {"entity": "a: 1"}),
        ("register-entity", {"locationUrl": URL}),
        ("unregister-entity", {"type": {"locationUrl": URL}}),
        ("refresh-catalog-entity", {"name": "api-1"}),
        ("get-catalog-model-description", {}),
    ):
        output = await invoke(registry, name, given)
        schema = registry.get(f"catalog:{name}", actor=SOMEBODY).output_schema
        jsonschema_rs.validate(dict(schema), orjson.loads(orjson.dumps(output)))
