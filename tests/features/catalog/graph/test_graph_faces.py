"""The graph over REST and as pages, in a portal: what it answers, and that the hidden is as if it were not there."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, Mapping, Sequence
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.datastructures import QueryParams

from callboard.features.catalog.graph.pages import GraphState
from callboard.features.catalog.interface import DeferredEntity, FullMutation
from callboard.features.catalog.plugin import Catalog
from callboard.kernel.auth.actor import SYSTEM
from callboard.testing.actors import user
from callboard.testing.portal import PortalForTest, make_portal

pytestmark = pytest.mark.anyio
API = "/api/catalog/v1/graph"
KINDS = [{"allow": ["Component", "API", "System", "Group", "User"]}]
EVIL = "<script>alert(1)</script>\u202e"


def entity(kind: str, name: str, title: str | None = None, **spec: Any) -> dict[str, Any]:
    needed = {"Component": {"type": "service", "lifecycle": "production", "owner": "team"}, "System": {"owner": "team"},
              "API": {"type": "openapi", "lifecycle": "production", "owner": "team", "definition": "x"},
              "Group": {"type": "team", "children": []}}  # fmt: skip
    metadata = {"name": name, "namespace": "default", **({"title": title} if title else {})}
    return {
        "apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": {**needed[kind], **spec},
    }  # fmt: skip


SHOP = [
    entity("Group", "team"),
    entity("System", "store", "The store"),
    entity("Component", "shop", "Shop", system="store", dependsOn=["component:secret"], consumesApis=["pay"]),
    entity("Component", "secret", "Zq-secret", dependsOn=["component:vault"], providesApis=["pay"]),
    entity("Component", "vault", "Vault", system="store"),
    entity("API", "pay", EVIL),
]


@asynccontextmanager
async def portal_with(
    entities: Sequence[Mapping[str, Any]], *, hidden: str | None = None
) -> AsyncIterator[PortalForTest]:
    settings: dict[str, Any] = {"catalog": {"rules": KINDS}}
    if hidden is not None:
        when = {"rule": "HAS_METADATA", "resourceType": "catalog-entity", "params": {"key": "name", "value": hidden}}
        rule = {"permission": "catalog.entity.*", "effect": "deny", "when": when}
        settings["permission"] = {
            "enabled": True,
            "policy": {"roles": {"hiding": {"members": ["$everyone"], "rules": [rule]}}},
        }
    async with make_portal(settings) as portal:
        catalog = portal.service(Catalog)
        mutation = FullMutation([DeferredEntity(dict(document)) for document in entities])
        await catalog.mutations.apply("test", mutation, actor=SYSTEM.subject)
        await portal.jobs.run_due()
        yield portal


@pytest.fixture
async def shop() -> AsyncIterator[Any]:
    """A client of a small shop, in which nothing is hidden."""
    async with portal_with(SHOP) as portal, portal.client(user("ada")) as client:
        yield client


def refs(answer: Any) -> list[str]:
    return [node["ref"] for node in answer.json()["nodes"]]


# ---- REST --------------------------------------------------------------------------------------------------------------


async def test_what_lies_around_is_told_in_one_call(shop: Any) -> None:
    """Nearest first, with what is known of each; a pair once; owners only when asked for."""
    answer = await shop.get(f"{API}?root=Component:Shop&depth=1")
    body = answer.json()
    assert body["nodes"][0] == {
        "ref": "component:default/shop", "distance": 0, "layer": 0, "kind": "Component", "title": "Shop", "type": "service",
    }  # fmt: skip
    assert set(refs(answer)) == {f"component:default/{n}" for n in ("shop", "secret")} | {
        "api:default/pay",
        "system:default/store",
    }
    assert {
        "source": "component:default/shop",
        "type": "dependsOn",
        "target": "component:default/secret",
        "count": 1,
    } in body["edges"]
    assert (body["omitted"], "note" in body) == (0, False)
    assert "group:default/team" in refs(await shop.get(f"{API}?root=component:shop&depth=1&relation=all"))
    only = await shop.get(f"{API}?root=component:shop&relation=dependencyOf&direction=out&depth=5")
    assert refs(only) == [f"component:default/{name}" for name in ("shop", "secret", "vault")]


async def test_a_limit_is_told(shop: Any) -> None:
    """In numbers and in words."""
    body = (await shop.get(f"{API}?root=component:shop&limit=2&relation=all")).json()
    assert len(body["nodes"]) == 2 and body["omitted"] > 0
    assert body["note"].startswith("The nearest 2 are here")


async def test_parts_are_folded(shop: Any) -> None:
    """Systems in place of their parts."""
    body = (await shop.get(f"{API}?root=component:secret&collapse=system&depth=3")).json()
    store = next(node for node in body["nodes"] if node["ref"] == "system:default/store")
    assert store["folded"] == 2 and "component:default/vault" not in {node["ref"] for node in body["nodes"]}


async def test_a_way_is_told_from_end_to_end(shop: Any) -> None:
    """Its refs in order; null, with words, where there is none."""
    body = (await shop.get(f"{API}?root=component:shop&to=component:vault&relation=dependsOn")).json()
    assert body["path"] == [f"component:default/{name}" for name in ("shop", "secret", "vault")]
    body = (await shop.get(f"{API}?root=component:shop&to=component:vault&relation=memberOf")).json()
    assert body["path"] is None and body["note"].startswith("No way leads there")


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("", 400, "required property 'root'"),
        ("root=nokind", 400, "missing or empty kind"),
        ("root=component:shop&depth=6", 400, "depth must be <= 5"),
        ("root=component:shop&depth=0", 400, "depth must be >= 1"),
        ("root=component:shop&direction=up", 400, "direction must be equal to one of"),
        ("root=component:shop&page=2", 400, "Unknown query parameter 'page'"),
        ("root=component:none", 404, "No entity component:default/none is visible to you"),
        ("root=component:shop&to=component:none", 404, "No entity component:default/none is visible to you"),
    ],
)
async def test_errors_say_what_is_wrong(shop: Any, query: str, status: int, words: str) -> None:
    """Problems as on all of our own paths."""
    answer = await shop.get(f"{API}?{query}")
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True)


# ---- permission --------------------------------------------------------------------------------------------------------

QUESTIONS = (
    f"{API}?root=component:shop&relation=all&depth=5",
    f"{API}?root=component:shop&to=component:vault&relation=all",
    f"{API}?root=component:shop&to=component:vault&relation=dependsOn",
    f"{API}?root=component:vault&collapse=system&depth=5",
    f"{API}?root=component:secret",
    f"{API}?root=component:shop&to=component:secret",
    "/catalog-graph?root=component:shop&relation=all&depth=5",
    "/catalog-graph?root=component:shop&to=component:vault&relation=all",
    "/catalog-graph.svg?root=component:shop&relation=all&depth=5",
    "/catalog/default/component/shop/graph",
)


async def test_a_hidden_entity_answers_as_one_that_is_not_there() -> None:
    """The same bytes, around others and on the way between them, as in a portal that never had it."""
    told: list[list[bytes]] = []
    rest = [document for document in SHOP if document["metadata"]["name"] != "secret"]
    for entities, hidden in ((SHOP, "secret"), (rest, "secret")):
        async with portal_with(entities, hidden=hidden) as portal, portal.client(user("ada")) as client:
            answers = [await client.get(question) for question in QUESTIONS]
            told.append([_without_chance(answer.content) for answer in answers])
            assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 404, 404, 200, 200, 200, 200]
            assert not any(b"Zq-secret" in answer.content for answer in answers)
            assert answers[2].json()["path"] is None
    for question, one, other in zip(QUESTIONS, *told, strict=True):
        assert one == other, question


def _without_chance(body: bytes) -> bytes:
    """Without tokens, which differ each time."""
    return re.sub(rb'name="csrf_token" value="[^"]*"', b"", body)


# ---- pages -------------------------------------------------------------------------------------------------------------


async def test_the_page_draws_and_lists_the_same(shop: Any) -> None:
    """Every entity is a link in the drawing and a line of the list; the drawing centres, the list opens."""
    page = (await shop.get("/catalog-graph?root=component:shop&depth=1")).text
    drawn = re.findall(r'<a class="graph-node [^"]*" href="([^"]*)" data-ref="([^"]*)"', page)
    listed = page[page.index('id="graph-list"') :]
    assert len(drawn) == 4 and "Graph of Shop" in page
    for href, ref in drawn:
        kind, namespace, name = re.split("[:/]", ref)
        assert f'href="/catalog/{namespace}/{kind}/{name}"' in listed
        assert href == "/catalog/default/component/shop" or parse_qs(urlsplit(href.replace("&amp;", "&")).query)[
            "root"
        ] == [ref]
    assert "Depends on" in listed or "Needed by" in listed


async def test_the_list_is_paged() -> None:
    """A hundred to a page, nearest first, each entity on one of them; a page beyond the last is the last."""
    names = [f"part-{n:03}" for n in range(230)]
    hub = entity("Component", "hub", dependsOn=[f"component:{name}" for name in names])
    async with (
        portal_with([hub, *(entity("Component", name) for name in names)]) as portal,
        portal.client(user("ada")) as client,
    ):
        address, seen = "/catalog-graph?root=component:hub", []
        for n in range(1, 4):
            page = (await client.get(address)).text
            assert page.count('class="graph-node ') == 231
            listed = page[page.index('id="graph-list"') :]
            seen.append(re.findall(r'<li><a class="entity" href="/catalog/default/component/([^"]+)"', listed))
            assert f"–{min(n * 100, 231)} of 231" in listed
            found = re.search(r'href="([^"]+)"[^>]*rel="next"|rel="next"[^>]*href="([^"]+)"', listed)
            if found:
                address = (found[1] or found[2]).replace("&amp;", "&").partition("#")[0]
        assert [len(part) for part in seen] == [100, 100, 31]
        assert sorted(name for part in seen for name in part) == ["hub", *names]
        beyond = (await client.get("/catalog-graph?root=component:hub&list=99")).text
        assert seen[2][-1] in beyond[beyond.index('id="graph-list"') :]


async def test_nothing_is_inline_and_nothing_hostile_is_an_element(shop: Any) -> None:
    """The content policy has nothing to refuse."""
    answer = await shop.get("/catalog-graph?root=component:shop")
    assert "<script>alert" not in answer.text and "&lt;script&gt;alert" in answer.text
    assert not re.search(r"<style|\sstyle=", answer.text)
    assert "script-src 'self'" in answer.headers["content-security-policy"]


async def test_the_tab_stays_on_the_entity(shop: Any) -> None:
    """The form leads back to the tab, the drawing to the tab of others, keeping what was chosen."""
    page = (await shop.get("/catalog/default/component/shop/graph?depth=1&direction=out")).text
    assert 'action="/catalog/default/component/shop/graph"' in page and 'name="root"' not in page
    assert 'href="/catalog/default/component/secret/graph?depth=1&amp;direction=out"' in page
    assert re.search(r'<nav class="tabs".*?aria-current="page">Graph<', page, re.DOTALL)


async def test_a_way_is_told_in_words(shop: Any) -> None:
    """Above the drawing, step by step; where there is none the page says so and offers more relations."""
    page = (await shop.get("/catalog-graph?root=component:shop&to=component:vault&relation=dependsOn")).text
    way = page[page.index('class="graph-way"') : page.index('class="graph-head"')]
    assert way.index("Shop") < way.index("Depends on") < way.index("Zq-secret") < way.index("Vault")
    page = (await shop.get("/catalog-graph?root=component:shop&to=component:vault&relation=memberOf")).text
    assert "No way leads there" in page and "Use all relations" in page


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("", 200, "Draw what lies around an entity"),
        ("root=nonsense", 400, "“nonsense” is no entity ref"),
        ("root=component:none", 404, "No entity component:default/none"),
        ("root=component:shop&to=nonsense", 200, "“nonsense” is no entity ref"),
        ("root=component:shop&to=component:vaul", 200, "component:default/vault"),
        ("root=component:shop&depth=9&direction=up&relation=none&limit=x", 200, "Nothing lies around it"),
        ("root=component:shop&to=component:shop", 200, "Graph of Shop"),
    ],
)
async def test_pages_bear_any_address(shop: Any, query: str, status: int, words: str) -> None:
    """What makes no sense is said, and never an error of ours."""
    answer = await shop.get(f"/catalog-graph?{query}")
    assert (answer.status_code, words in answer.text) == (status, True), answer.text[-3000:]


async def test_the_file_is_a_download_of_its_own(shop: Any) -> None:
    """Valid SVG, saved under the entity's name, with titles as words."""
    answer = await shop.get("/catalog-graph.svg?root=component:shop")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert answer.headers["content-disposition"] == "attachment; filename*=utf-8''shop-graph.svg"
    root = ET.fromstring(answer.content)
    assert "Graph of Shop" in {element.text for element in root.iter()}
    assert (await shop.get("/catalog-graph.svg?root=")).status_code == 400


def test_the_address_is_the_state() -> None:
    """Reading it back gives the same view; what is the default is not in it."""
    state = GraphState("component:default/a", 4, ("dependsOn", "partOf"), "in", by_system=True, to="api:default/b")
    query = "&".join(f"{key}={value}" for key, value in state.params())
    assert GraphState.parse(QueryParams(query)) == state
    assert GraphState("component:default/a").params() == [("root", "component:default/a")]


async def test_a_graph_takes_as_many_calls_as_it_has_steps() -> None:
    """Not as many as it has entities."""
    from callboard.features.catalog.graph.domain import Question, RelationTypes
    from callboard.features.catalog.graph.reader import GraphReader
    from callboard.testing.catalog import FakeCatalog

    class Counting(FakeCatalog):
        calls = 0

        async def relations_of(self, refs: Any, *, actor: Any) -> Any:
            self.calls += 1
            return await super().relations_of(refs, actor=actor)

    chain = [
        {"kind": "Component", "metadata": {"name": f"c{n}"}, "relations": [{"type": "dependsOn", "targetRef": f"component:default/c{m}"} for m in (2 * n, 2 * n + 1)]}
        for n in range(1, 128)
    ]  # fmt: skip
    catalog = Counting(chain)
    reader = GraphReader(catalog, RelationTypes())
    read = await reader.read(Question("component:default/c1", 5, frozenset(["dependsOn"])), actor=SYSTEM)
    assert (len(read.graph.places), catalog.calls) == (63, 6)
