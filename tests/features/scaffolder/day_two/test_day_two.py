"""Templates that act on entities: on whose page they stand, and what their form begins with."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from callboard.features.scaffolder.day_two.domain import acts_on, form_data, form_href
from callboard.model.terms import terms_of
from tests.features.scaffolder.conftest import ADA, step, template

SERVICE: dict[str, Any] = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "Component",
    "metadata": {"name": "orders", "namespace": "default", "annotations": {"example.com/slug": "acme/orders"}},
    "spec": {"type": "service", "owner": "shop", "lifecycle": "production"},
}
LIBRARY = {**SERVICE, "metadata": {"name": "money", "namespace": "default"}, "spec": {**SERVICE["spec"], "type": "library"}}  # fmt: skip


def bound(name: str, acts: str, fields: str = "", **properties: Any) -> dict[str, Any]:
    made = template(name, step("say", "say"), parameters=[{"properties": properties}])
    annotations = {"callboard.dev/acts-on": acts}
    if fields:
        annotations["callboard.dev/acts-on-fields"] = fields
    made["metadata"] = {**made["metadata"], "namespace": "default", "annotations": annotations}
    return made


@pytest.mark.parametrize(
    ("filter", "service", "library"),
    [
        ("kind=component", True, True),
        ("kind=Component,spec.type=service", True, False),
        ("spec.type=website; spec.type=library", False, True),
        ("spec.type=website\nspec.type=service", True, False),
        ("metadata.annotations.example.com/slug", True, False),
        ("kind=api", False, False),
        ("", False, False),
        ("=service", False, False),
    ],
)
def test_the_filter_says_for_whom(filter: str, service: bool, library: bool) -> None:
    """As the filter of the catalog's REST; what cannot be read is for nobody."""
    one = bound("x", filter)
    assert (acts_on(one, terms_of(SERVICE)), acts_on(one, terms_of(LIBRARY))) == (service, library)


def test_the_form_begins_with_the_entity() -> None:
    """In the fields that the template names, else in the one that picks an entity; what the entity lacks is left out."""
    picks = {"note": {"type": "string"}, "target": {"type": "string", "ui:field": "EntityPicker"}}
    assert form_data(bound("x", "kind=component", **picks), SERVICE) == {"target": "component:default/orders"}
    assert form_data(bound("x", "kind=component", entityRef={"type": "string"}), SERVICE) == {
        "entityRef": "component:default/orders"
    }
    said = "who = spec.owner, slug=metadata.annotations.example.com/slug, gone=spec.system, ref"
    assert form_data(bound("x", "kind=component", said), SERVICE) == {
        "who": "shop", "slug": "acme/orders", "ref": "component:default/orders",
    }  # fmt: skip
    href = form_href(bound("x", "kind=component", "who=spec.owner"), SERVICE)
    split = urlsplit(href)
    assert split.path == "/create/templates/default/x"
    assert json.loads(parse_qs(split.query)["formData"][0]) == {"who": "shop"}
    assert form_href(bound("x", "kind=component"), SERVICE) == "/create/templates/default/x"


@pytest.mark.anyio
async def test_entities_offer_what_acts_on_them(open_shop: Any) -> None:
    """One by its name, more behind one button, none for what no template is for; a hidden template is as if it were not there."""
    one = bound("restart", "kind=component,spec.type=service", entityRef={"type": "string"})
    two = bound("retire", "kind=component", "who=spec.owner")
    async with open_shop(one, two, SERVICE, LIBRARY) as shop, shop.portal.client(ADA) as client:
        service = (await client.get("/catalog/default/component/orders")).text
        assert "2 actions" in service and "/create/actions-on/default/component/orders" in service
        library = (await client.get("/catalog/default/component/money")).text
        assert "/create/templates/default/retire?formData=" in library and "Retire" in library
        page = (await client.get("/create/actions-on/default/component/orders")).text
        assert page.index("Restart") < page.index("Retire")
        hrefs = re.findall(r'href="(/create/templates/[^"]+)"', page)
        assert json.loads(parse_qs(urlsplit(hrefs[0]).query)["formData"][0]) == {
            "entityRef": "component:default/orders"
        }
        itself = (await client.get("/catalog/default/template/retire")).text
        assert "/create/actions-on/" not in itself
        assert (await client.get("/create/actions-on/default/component/nope")).status_code == 404
        empty = (await client.get("/create/actions-on/default/template/retire")).text
        assert "No template acts on this" in empty


POLICY = """\
roles:
  readers:
    members: [$everyone]
    rules:
      - permission: scaffolder.task.create
        effect: deny
"""


@pytest.mark.anyio
async def test_those_who_may_run_nothing_are_offered_nothing(open_shop: Any, tmp_path: Path) -> None:
    """The permission to start tasks decides."""
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    more = {"permission": {"policy": {"file": str(policy)}}}
    async with (
        open_shop(bound("retire", "kind=component"), SERVICE, more=more) as shop,
        shop.portal.client(ADA) as client,
    ):
        page = (await client.get("/catalog/default/component/orders")).text
        assert "orders" in page and "/create/templates/" not in page
