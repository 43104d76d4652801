"""Explore pages and the cards of kinds, in a portal: what they tell, and that the hidden counts nowhere."""

from __future__ import annotations

import html
import json
import re
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, AsyncIterator, Mapping, Sequence

import pytest

from callboard.features.catalog.apis.search import OperationSearch
from callboard.features.catalog.explore.reader import ExploreReader
from callboard.features.catalog.interface import DeferredEntity, DeltaMutation, FullMutation
from callboard.features.catalog.plugin import Catalog
from callboard.kernel.auth.actor import SYSTEM
from callboard.testing.actors import user
from callboard.testing.portal import PortalForTest, make_portal
from tests.features.catalog.apis.test_faces import EVIL, words_of
from tests.features.catalog.apis.test_reading import PETS

pytestmark = pytest.mark.anyio
KINDS = ["Component", "API", "Resource", "System", "Domain", "Group", "User", "Template"]


def entity(kind: str, name: str, spec: Mapping[str, Any], **metadata: Any) -> dict[str, Any]:
    needed = {"Component": {"type": "service", "lifecycle": "production"}, "API": {"type": "openapi", "lifecycle": "production", "definition": "x"},
              "Resource": {"type": "db"}, "Group": {"type": "team", "children": []}, "Template": {"type": "service", "steps": []}}  # fmt: skip
    version = "scaffolder.backstage.io/v1beta3" if kind == "Template" else "backstage.io/v1alpha1"
    return {
        "apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "default", **metadata},
        "spec": {**needed.get(kind, {}), **spec},
    }  # fmt: skip


COMPANY = [
    entity("Group", "company", {"type": "organization"}, title="The company"),
    entity("Group", "team", {"parent": "company", "profile": {"email": "team@example.com"}}, title="Team", links=[{"url": "https://chat.example.com", "title": "#team", "icon": "chat"}]),
    entity("Group", "secret", {"parent": "company"}, title="Zq-secret"),
    entity("User", "ada", {"memberOf": ["team"], "profile": {"displayName": "Ada"}}),
    entity("User", "eve", {"memberOf": ["secret"], "profile": {"displayName": "Zq-eve-secret"}}),
    entity("Domain", "trade", {"owner": "company"}, title="Trade"),
    entity("System", "shop", {"owner": "team", "domain": "trade"}, title="Shop"),
    entity("System", "bank", {"owner": "company"}, title="Bank"),
    entity("System", "secret", {"owner": "company", "domain": "trade"}, title="Zq-system"),
    entity("Component", "web", {"owner": "team", "system": "shop", "consumesApis": ["pay"], "dependsOn": ["component:hole", "component:gone"]}),
    entity("Component", "hole", {"owner": "team", "system": "secret", "dependsOn": ["component:web"]}, title="Zq-hole"),
    entity("Component", "ledger", {"owner": "company", "system": "bank", "providesApis": ["pay"]}),
    entity("API", "pay", {"owner": "company", "system": "bank", "definition": PETS}, title="Payments"),
    entity("Template", "new", {"owner": "team", "parameters": {"properties": {"name": {"title": "What to call it"}}}, "steps": [{"id": "a", "action": "fetch:plain"}]}),
]  # fmt: skip
HIDDEN = ("secret", "eve", "hole")


@asynccontextmanager
async def portal_with(
    entities: Sequence[Mapping[str, Any]], hidden: Sequence[str] = ()
) -> AsyncIterator[PortalForTest]:
    settings: dict[str, Any] = {"catalog": {"rules": [{"allow": KINDS}]}}
    if hidden:
        rules = [
            {"permission": "catalog.entity.*", "effect": "deny",
             "when": {"rule": "HAS_METADATA", "resourceType": "catalog-entity", "params": {"key": "name", "value": name}}}
            for name in hidden
        ]  # fmt: skip
        settings["permission"] = {
            "enabled": True,
            "policy": {"roles": {"hiding": {"members": ["$everyone"], "rules": rules}}},
        }
    async with make_portal(settings) as portal:
        catalog = portal.service(Catalog)
        mutation = FullMutation([DeferredEntity(dict(e)) for e in entities])
        await catalog.mutations.apply("test", mutation, actor=SYSTEM.subject)
        await portal.jobs.run_due()
        yield portal


async def test_groups_are_a_tree_that_can_be_searched() -> None:
    """With members and possessions; what fits stands with the groups over it; one branch alone."""
    async with portal_with(COMPANY) as portal, portal.client(user("ada")) as client:
        told = words_of(await client.get("/groups"))
        assert told.index("The company organization owns 5") < told.index("Team team 1 member owns 4")
        assert "2 people in the catalog" in told
        found = words_of(await client.get("/groups?q=tea"))
        assert "1 group found" in found and "The company" in found and "Zq-secret" not in found
        assert "Nothing fits the words" in words_of(await client.get("/groups?q=zebra"))
        under = words_of(await client.get("/groups?under=group:default/team"))
        assert "Team team" in under and "The company" not in under


async def test_a_group_tells_where_it_stands_and_what_it_owns() -> None:
    """Its tree, people of the groups below, possessions by kind, how to reach it, and what is wrong with what it owns."""
    async with portal_with(COMPANY) as portal, portal.client(user("ada")) as client:
        company = words_of(await client.get("/catalog/default/group/company"))
        assert "Members" in company and "Ada" in company and "Team" in company
        assert "Systems 2 1" in company and "Components 1 2" in company and "Nobody has said how to reach it" in company
        page = await client.get("/catalog/default/group/team")
        team = words_of(page)
        assert "team@example.com" in team and "#team" in team
        assert "1 relation to what is not there" in team
        assert 'href="/catalog?kind=component&amp;owner=group%3Adefault%2Fteam"' in page.text
        tab = words_of(await client.get("/catalog/default/group/company/members"))
        assert "With the groups below" in tab and "Ada" in tab
        direct = words_of(await client.get("/catalog/default/group/company/members?direct=1"))
        assert "Nobody is in this group" in direct


async def test_a_user_tells_through_whom_they_own() -> None:
    """By their group, and by the groups over it."""
    async with portal_with(COMPANY) as portal, portal.client(user("ada")) as client:
        told = words_of(await client.get("/catalog/default/user/ada"))
        assert "Team a member owns 4" in told and "The company above Team owns 5" in told


async def test_a_user_tells_what_they_changed() -> None:
    """Newest first, of what the reader may see."""
    async with portal_with(COMPANY, ["hole"]) as portal:
        catalog = portal.service(Catalog)
        for name in ("web", "hole"):
            changed = entity("Component", name, {"owner": "company"}, title=f"Now {name}")
            await catalog.mutations.apply("test", DeltaMutation([DeferredEntity(changed)]), actor="user:default/ada")
        await portal.jobs.run_due()
        reader = portal.service(ExploreReader)
        seen = await reader.queries.changes_by("user:default/ada", actor=user("ada"), limit=5)
        refs = {change.ref for change in seen}
        assert "component:default/web" in refs and "component:default/hole" not in refs
        async with portal.client(user("ada")) as client:
            told = words_of(await client.get("/catalog/default/user/ada"))
            assert "Changed by them" in told and "Now web" in told and "hole" not in told


async def test_systems_tell_their_parts_and_what_they_need() -> None:
    """On the map by domain, on the page of a system with a drawing, on that of a domain with its systems."""
    async with portal_with(COMPANY) as portal, portal.client(user("ada")) as client:
        told = words_of(await client.get("/systems"))
        assert (
            told.index("Trade")
            < told.index("Shop 1 component")
            < told.index("In no domain")
            < told.index("Bank 1 component 1 API")
        )
        assert "Needs Bank" in told and "Needed by 1 system" in told
        assert "Bank" not in words_of(await client.get("/systems?q=shop")).partition("In no domain")[2]
        page = await client.get("/catalog/default/system/bank")
        bank = words_of(page)
        assert 'class="graph-group"' in page.text and "What depends on it from outside Shop" in bank
        assert "Payments openapi" in bank and "ledger service" in bank
        domain = words_of(await client.get("/catalog/default/domain/trade"))
        assert "Systems Shop 1 component" in domain and "Diagram" in domain


async def test_apis_are_found_by_their_operations() -> None:
    """By name, type and words; operations of definitions that were read, each with a link to it."""
    async with portal_with(COMPANY) as portal, portal.client(user("ada")) as client:
        told = words_of(await client.get("/api-docs"))
        assert "Payments openapi" in told and "1 1 Definition" in told
        page = await client.get("/api-docs?q=find+pet")
        await portal.service(OperationSearch).settle()
        page = await client.get("/api-docs?q=find+pet")
        assert "GET /pets/{id} Find a pet Payments" in words_of(page)
        assert "/catalog/default/api/pay/definition?item=op-GET-" in page.text
        assert "No operation holds these words" in words_of(await client.get("/api-docs?q=zebra"))
        assert "No API has this type" in words_of(await client.get("/api-docs?type=grpc"))


async def test_a_template_tells_what_it_asks_and_does() -> None:
    """Its form and its steps."""
    async with portal_with(COMPANY) as portal, portal.client(user("ada")) as client:
        told = words_of(await client.get("/catalog/default/template/new"))
        assert "What to call it" in told and "fetch:plain" in told


async def test_what_is_hidden_counts_nowhere() -> None:
    """Not in trees, counts, drawings, members, operations or words: as if it were not there."""
    visible = [e for e in COMPANY if e["metadata"]["name"] not in HIDDEN]
    paths = ["/groups", "/groups?q=zq", "/systems", "/systems?q=zq", "/api-docs", "/api-docs?q=find", "/catalog/default/group/company",
             "/catalog/default/group/company/members", "/catalog/default/user/ada", "/catalog/default/system/shop",
             "/catalog/default/domain/trade", "/catalog/default/system/bank"]  # fmt: skip
    async with portal_with(COMPANY, HIDDEN) as portal, portal.client(user("ada")) as client:
        await client.get("/api-docs?q=find")
        await portal.service(OperationSearch).settle()
        hidden = {path: words_of(await client.get(path)) for path in paths}
        assert all("Zq" not in text and "hole" not in text for path, text in hidden.items() if "q=" not in path), hidden
    async with portal_with(visible) as portal, portal.client(user("ada")) as client:
        await client.get("/api-docs?q=find")
        await portal.service(OperationSearch).settle()
        for path in ("/groups", "/systems", "/api-docs", "/api-docs?q=find"):
            assert words_of(await client.get(path)) == hidden[path], path


async def test_an_empty_catalog_teaches() -> None:
    """Each page says what would fill it."""
    async with portal_with([]) as portal, portal.client(user("ada")) as client:
        for path, words in (
            ("/groups", "A Group is a team"),
            ("/systems", "A System gathers"),
            ("/api-docs", "An API has a definition"),
        ):
            assert words in words_of(await client.get(path))


async def test_script_in_titles_is_shown_as_text() -> None:
    """In trees, tables, drawings and hits."""
    evil = [{**e, "metadata": {**e["metadata"], "title": EVIL}} for e in COMPANY]
    async with portal_with(evil) as portal, portal.client(user("ada")) as client:
        for path in (
            "/groups",
            "/systems",
            "/api-docs?q=pet",
            "/catalog/default/group/team",
            "/catalog/default/system/bank",
            "/catalog/default/domain/trade",
        ):
            page = await client.get(path)
            assert page.status_code == 200 and EVIL not in page.text and "alert(1)" in page.text


async def test_a_resource_tells_who_relies_on_it() -> None:
    """By owner, who is reached first, with how to reach them; what and where it is; the hidden tell no owner."""
    dependents = [
        entity("Component", f"user-{n:02}", {"owner": "team" if n else "nowhere", "system": "shop", "dependsOn": ["resource:db"]})
        for n in range(12)
    ]  # fmt: skip
    db = entity("Resource", "db", {"owner": "company"}, annotations={"aws.amazon.com/arn": "arn:aws:rds:1"})
    async with portal_with([*COMPANY, db, *dependents]) as portal, portal.client(user("ada")) as client:
        page = await client.get("/catalog/default/resource/db")
        told = words_of(page)
        assert "What depends on it 12 things rely on it · 2 owners · 1 system" in told
        assert told.index("Team 11 #team user-01 service Shop production") < told.index("nowhere 1 user-00")
        assert "3 more" in told and 'href="/catalog/default/resource/db/relations?type=dependencyof"' in page.text
        assert "What and where it is Arn arn:aws:rds:1" in told
        lonely = entity("Resource", "lonely", {"owner": "team"})
        await portal.service(Catalog).mutations.apply(
            "more", FullMutation([DeferredEntity(lonely)]), actor=SYSTEM.subject
        )
        assert "Nothing says that it depends on this resource" in words_of(
            await client.get("/catalog/default/resource/lonely")
        )


async def test_an_api_tells_what_it_offers_and_to_whom() -> None:
    """Its operations in short, a fault with its place, and its consumers by owner."""
    broken = entity("API", "broken", {"owner": "team", "definition": "openapi: 3.0.0\n  info: ["})
    empty = entity("API", "empty", {"owner": "team", "definition": " "})
    async with portal_with([*COMPANY, broken, empty]) as portal, portal.client(user("ada")) as client:
        page = await client.get("/catalog/default/api/pay")
        told = words_of(page)
        assert "What it offers" in told and "GET /pets/{id} Find a pet" in told
        assert 'href="/catalog/default/api/pay/definition?item=op-GET-' in page.text
        assert "Who consumes it 1 thing relies on it · 1 owner" in told and "Team 1 #team web" in told
        assert "The definition cannot be read" in words_of(await client.get("/catalog/default/api/broken"))
        assert "It has no definition yet" in words_of(await client.get("/catalog/default/api/empty"))


async def test_a_location_tells_what_each_file_brought(tmp_path: Path) -> None:
    """Counts by kind that lead to lists, problems with their lines, the next reading, and where it comes from."""
    good = "\n---\n".join(json.dumps(e) for e in COMPANY[:2])
    (tmp_path / "good.yaml").write_text(good)
    (tmp_path / "bad.yaml").write_text(
        "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: bad one\n"
    )
    location = {"apiVersion": "backstage.io/v1alpha1", "kind": "Location", "metadata": {"name": "root"},
                "spec": {"targets": ["./good.yaml", "./bad.yaml", "./gone.yaml"]}}  # fmt: skip
    (tmp_path / "root.yaml").write_text(json.dumps(location))
    settings = {
        "catalog": {
            "rules": [{"allow": [*KINDS, "Location"]}],
            "locations": [{"type": "file", "target": str(tmp_path / "root.yaml")}],
        }
    }
    async with make_portal(settings) as portal:
        await portal.jobs.run_due()
        async with portal.client(user("ada")) as client:
            page = await client.get("/catalog/default/location/root")
            told = words_of(page)
            assert "Groups 2" in told and 'line 4 "bad one" is not valid' in told and "gone.yaml does not exist" in told
            assert "Targets file ./good.yaml" in told and "Next reading within" in told and "Named by" in told
            href = next(h for h in re.findall(r'href="([^"]+)"', page.text) if "location=file" in h)
            listed = await client.get(html.unescape(href))
            assert "The company" in listed.text and 'id="list-count">2<' in listed.text
            root = await client.get("/api/catalog/entities?filter=kind=location,metadata.name=root")
            assert root.json()[0]["metadata"]["name"] == "root"
            top = next(
                e
                for e in (await client.get("/api/catalog/entities?filter=kind=location")).json()
                if e["metadata"]["name"] != "root"
            )
            told = words_of(await client.get(f"/catalog/default/location/{top['metadata']['name']}"))
            assert "The settings, catalog.locations" in told


async def test_systems_are_drawn_on_a_map() -> None:
    """Where the address asks for it; what is hidden is on none."""
    async with portal_with(COMPANY, HIDDEN) as portal, portal.client(user("ada")) as client:
        page = await client.get("/systems?view=map")
        assert 'class="graph-drawing' in page.text and 'data-ref="system:default/shop"' in page.text
        assert "Depends on" in words_of(page) and "Zq" not in page.text
        assert 'class="graph-drawing' not in (await client.get("/systems")).text


async def test_own_kinds_look_as_declared() -> None:
    """Their icon, by lucide's name, too, and their plural, on pages, in the palette and in the graph."""
    fields = {"selector": {"path": "spec.owner"}, "relation": "ownedBy", "defaultKind": "Group"}
    schema = {
        "jsonSchema": {
            "type": "object",
            "properties": {"spec": {"type": "object", "properties": {"serial": {"title": "Serial number"}}}},
        }
    }
    kind = {"group": "acme.example", "names": {"kind": "Machine", "plural": "machines"}, "icon": "stamp",
            "versions": [{"name": "v1", "schema": schema, "relationFields": [fields]}]}  # fmt: skip
    machine = {
        "apiVersion": "acme.example/v1",
        "kind": "Machine",
        "metadata": {"name": "pump", "namespace": "default"},
        "spec": {"owner": "team", "serial": "X1"},
    }
    settings = {"catalog": {"rules": [{"allow": [*KINDS, "Machine"]}], "model": {"kinds": [kind]}}}
    async with make_portal(settings) as portal:
        mutation = FullMutation([DeferredEntity(dict(e)) for e in [*COMPANY, machine]])
        await portal.service(Catalog).mutations.apply("test", mutation, actor=SYSTEM.subject)
        await portal.jobs.run_due()
        async with portal.client(user("ada")) as client:
            page = await client.get("/catalog/default/machine/pump")
            told = words_of(page)
            assert "icons.svg#template" in page.text and "icons.svg#kind" not in page.text
            assert (
                "Machines" in told
                and told.count("X1") == 1
                and "Serial number X1" in told
                and "owner" not in told.partition("Fields")[2][:60]
            )
            assert "icons.svg#kind" not in (await client.get("/catalog?kind=machine")).text
            assert "Machines 1" in words_of(await client.get("/catalog/default/group/team"))
            found = (await client.get("/api/catalog/v1/find?q=pump")).json()
            assert found["items"][0]["icon"] == "template"
            drawing = await client.get("/catalog-graph.svg?root=machine:default/pump&relation=all")
            assert "graph-template" in drawing.text and "graph-kind" not in drawing.text


async def test_a_group_tells_the_health_of_the_groups_below() -> None:
    """Relations of theirs that lead nowhere, and parts of their systems whose owner is not there."""
    loose = entity("Resource", "loose", {"system": "shop", "owner": "nowhere"})
    async with portal_with([*COMPANY, loose]) as portal, portal.client(user("ada")) as client:
        told = words_of(await client.get("/catalog/default/group/company"))
        assert "1 relation to what is not there" in told and "1 part of its systems has no owner" in told
