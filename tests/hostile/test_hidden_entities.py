"""Two portals that differ in hidden entities alone look alike to somebody who does not see those, on every route that reads.

One of the two has, beside what both have, entities that are hidden from Eve, with everything done to them that the portal can do:
laid over, kept out, deleted, renamed, merged, offered, re-organised, changed in bulk, starred, proposed, imported, announced.
Whatever Eve then asks, both have to answer the same, so that not even a number tells of them.
"""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, AsyncIterator, Mapping, Sequence

import orjson
import pytest

from callboard.features.announcements.interface import Announcements, Draft
from callboard.features.editing.bulk.interface import BulkChange, BulkChanges
from callboard.features.editing.interface import Editing, FieldChange
from callboard.features.notifications.interface import NewNotification, Notifications
from callboard.features.ownership.interface import OwnershipService
from callboard.features.ownership.plugin import OwnershipParts
from callboard.features.ownership.reorganising import Wish
from callboard.features.search.plugin import SearchDoors
from callboard.kernel.web.routing import Route
from callboard.model.refs import EntityRef
from callboard.testing import api, component, group, system, user, user_entity
from tests.features.catalog.conftest import Site, World
from tests.features.importing.conftest import COLUMNS, sheet_of
from tests.features.importing.conftest import Desk as Sheets
from tests.features.proposals.conftest import Desk as Proposing
from tests.features.proposals.conftest import write_files

pytestmark = pytest.mark.anyio

MARK = "zqhid"
SECRET = {"labels": {"secret": "yes"}}
SEARCH, PAYMENTS, TILL = "group:default/search", "group:default/payments", "component:default/till"
ROOT, EVE = user("root", roles=("admin",)), user("eve", SEARCH)
HIDE = {"rule": "HAS_LABEL", "resourceType": "catalog-entity", "params": {"label": "secret"}}
POLICY = {
    "defaults": False,
    "roles": {
        "staff": {"members": ["user:default/eve"], "rules": [
            {"permission": ["catalog.*", "announcement.create", "notification.*"]},
            {"permission": "catalog.entity.read", "effect": "deny", "when": HIDE},
        ]},
    },
}  # fmt: skip
DOCS = {
    "till/docs/index.md": "# The till\n\nTakes paymentz, see [prices](prices.md).\n",
    "till/docs/prices.md": "# Prices of the till\n\nMoney is counted in tills.\n\n[gone](gone.md)\n",
    "secret/docs/index.md": f"# Secret {MARK} page\n\nTakes {MARK}word, takes money, and counts the monney. [gone](gone.md)\n",
    "secret/docs/more.md": f"# More of the till {MARK}\n\nPrices, prices, prices.\n",
}


def with_docs(entity: dict[str, Any], place: str, annotation: str = "techdocs-ref") -> dict[str, Any]:
    entity["metadata"].setdefault("annotations", {})[f"backstage.io/{annotation}"] = place
    return entity


ORG = (
    group("payments", metadata={"title": "Payments"}), group("search", parent="payments"), user_entity("eve", memberOf=["search"]),
    user_entity("root", memberOf=["payments"]), system("shop", owner=PAYMENTS),
    with_docs(component("till", owner=PAYMENTS, system="shop"), "dir:./till"), component("finder", owner=SEARCH, system="shop"),
    api("prices", owner=PAYMENTS, system="shop", definition="openapi: 3.1.0\ninfo: {title: Prices, version: '1'}\npaths: {}\n"),
)  # fmt: skip
DEFINITION = f"openapi: 3.1.0\ninfo: {{title: {MARK}, version: '1'}}\npaths: {{/{MARK}: {{get: {{}}}}}}\n"
CODE = {
    "CODEOWNERS": "* @acme/ledgerers\n", "Dockerfile": "FROM python:3.13\nEXPOSE 8000\n",
    "pyproject.toml": '[project]\nname = "ledger"\nversion = "1.2.0"\ndependencies = ["fastapi>=0.115"]\n',
}  # fmt: skip
_SUGGESTED = re.compile(
    r'"suggestions":\[.*?\],?|<section class="paper" aria-labelledby="near">.*?</section>|<p class="t-label">[^<]*</p><ul>.*?</ul>',
    re.DOTALL,
)
_VOLATILE = re.compile(
    r'name="csrf_token" value="[^"]*"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|(?<![0-9a-z])[0-9a-f]{12,64}(?![0-9a-z])'
    r"|data-copy=\"[0-9a-f]{16}\"|nonce-[\w+/=-]+|/versions/\d+|before=\d+|kind hue-\d|\"(?:id|revision)\":\d+"
)


def hidden(make: Any, name: str, **spec: Any) -> dict[str, Any]:
    """An entity that Eve does not see, with the mark in its name and its words."""
    metadata = {**SECRET, "title": f"Title {MARK}", "description": f"What {MARK} does", "tags": [f"{MARK}-tag"]}
    document: dict[str, Any] = make(f"{MARK}-{name}", metadata=metadata, **spec)
    return document


def ref(name: str, kind: str = "component") -> str:
    return f"{kind}:default/{MARK}-{name}"


class House:
    """One of the two portals. ``both`` is done in each, ``hide`` in one."""

    def __init__(self, site: Site, world: World, code: Path) -> None:
        self.site, self.world, self.code = site, world, code
        self.service = site.portal.service
        self.editing: Editing = self.service(Editing)
        self.ids: dict[str, list[str]] = {}

    async def create(self, *documents: Mapping[str, Any]) -> None:
        results = await self.editing.create_many(documents, actor=ROOT)
        assert [r.outcome for r in results] == ["changed"] * len(documents), results
        await self.site.settle()

    async def both(self) -> None:
        """What Eve may see: a thing of each sort, some of it hers."""
        await self.create(
            component("shelf", owner=SEARCH), component("passing", owner=PAYMENTS), component("moved", owner=PAYMENTS)
        )
        await self.editing.change_fields([FieldChange(TILL, {"metadata.description": "Takes money"})], actor=ROOT)
        await self.service(OwnershipService).hand_over([TILL], SEARCH, note="Take it", actor=ROOT)
        announced = await self._announce("For everybody", [])
        bulk: BulkChanges = self.service(BulkChanges)
        plan = await bulk.plan(BulkChange(add_tags=["seen"]), refs=["component:default/shelf"], actor=EVE)
        await bulk.apply(plan.id, actor=EVE)
        proposing = Proposing(self.site, self.code, ROOT)
        scan = await proposing.scan(self.code / "ledger")
        sheet = await Sheets(self.site, EVE).bring_in(sheet_of(["brought", "search", "In a sheet", "service"]))
        async with self.site.portal.client(EVE) as client:
            for name in ("till", "finder"):
                assert (await client.put(f"/api/catalog/v1/stars/component/default/{name}")).status_code == 200
                await client.get(f"/catalog/default/component/{name}")
            view = await client.post("/api/catalog/v1/views", json={"name": "Mine", "query": "kind=component"})
        await self._notify("Look at this", "/catalog/default/component/till")
        await self._search_as_many("takes money", "monney")
        found = await proposing.found()
        self.ids = {
            "/announcements": [announced], "/changes": [plan.id], "/api/editing": [plan.id], "/proposals/scans": [scan.id],
            "/api/proposals/v1/scans": [scan.id], "/proposals": [one.id for one in found.values()], "/import": [sheet.id],
            "/api/proposals/v1/proposals": [one.id for one in found.values()], "/api/importing": [sheet.id],
            "/api/announcements": [announced], "/api/catalog/v1/views": [view.json()["id"]],
        }  # fmt: skip

    async def _search_as_many(self, *terms: str) -> None:
        """What many look for, and Eve may see, is told her as popular."""
        for number in range(5):
            async with self.site.portal.client(user(f"p{number}", roles=("admin",))) as client:
                for term in terms:
                    assert (await client.get(f"/search?q={term}")).status_code == 200
        await self.site.portal.service(SearchDoors).history.write()

    async def _read_docs(self, name: str, page: str) -> None:
        """Read, searched for by many, found wanting, and told so."""
        ref = f"component:default/{MARK}-{name}"
        for number in range(5):
            person = user(f"p{number}", roles=("admin",))
            async with self.site.portal.client(person) as client:
                at = f"/docs/default/component/{MARK}-{name}/{page}"
                assert (await client.get(at)).status_code == 200
                form = {"helpful": "no", "reason": "outdated", "text": f"{MARK} is wrong"}
                assert (await client.post(at, data=form)).status_code in (302, 303), at
                for term in (f"{MARK}word", "takes money", f"{MARK} nowhere", "monney"):
                    assert (await client.get(f"/search?q={term}")).status_code == 200
                opened = {"type": "techdocs", "id": f"{ref}\n{page}\n0", "after": f"{MARK} nowhere"}
                assert (await client.post("/api/search/v1/opened", json=opened)).status_code == 204
        await self.site.portal.service(SearchDoors).history.write()
        await self.site.settle()

    async def _announce(self, title: str, audience: Sequence[str]) -> str:
        draft = Draft(title, title, self.world.clock.now(), audience=tuple(audience))
        made = await self.service(Announcements).create_announcement(draft, actor=ROOT)
        return str(made.id)

    async def _notify(self, title: str, link: str, *recipients: str) -> Sequence[str]:
        self.site.clock.advance(1)
        async with self.site.portal.db.write() as tx:
            new = NewNotification(title, recipients or [SEARCH], link=link, topic="t")
            return list(await self.service(Notifications).notify(tx, new))

    async def hide(self) -> None:
        """Everything that can be done to entities, done to those that Eve does not see.

        None of them is related to one that she sees: the relations of an entity are its own, whoever the other end is.
        """
        owner = f"group:default/{MARK}-team"
        self.world.write(
            "hidden.yaml", hidden(group, "team"), hidden(component, "file", owner=owner, system=f"{MARK}-system"),
            with_docs(hidden(component, "docs", owner=owner), "dir:./secret"), with_docs(hidden(component, "nodocs", owner=owner), "dir:./none"),
            with_docs(hidden(component, "shows", owner=owner), f"component:{MARK}-docs", "techdocs-entity"),
            hidden(component, "out", owner=owner), hidden(system, "system", owner=owner),
            hidden(user_entity, "user", memberOf=[f"{MARK}-team"]), hidden(component, "stray", owner=f"group:default/{MARK}-nobody"),
            group(f"{MARK}-ledgerers", metadata={**SECRET, "title": "Ledgerers"}),
        )  # fmt: skip
        self.world.write("root.yaml", _root("./hidden.yaml"))
        await self.site.sweep()
        await self.create(
            *(hidden(component, name, owner=owner) for name in ("own", "gone", "named", "kept", "one", "lost")),
            hidden(api, "api", owner=owner, definition=DEFINITION), hidden(component, "moves", owner="group:default/earlier"),
        )  # fmt: skip
        changed = {"spec.definition": DEFINITION.replace("get", "put")}
        laid = {"metadata.description": f"{MARK} laid over"}
        await self.editing.change_fields(
            [FieldChange(ref("file"), laid), FieldChange(ref("api", "api"), changed)], actor=ROOT
        )
        await self.editing.hide(EntityRef.parse(ref("out")), why=MARK, actor=ROOT)
        for name in ("gone", "lost"):
            standing = await self.editing.find_editable(EntityRef.parse(ref(name)), actor=ROOT)
            assert standing is not None
            await self.editing.delete(EntityRef.parse(ref(name)), base_mark=standing.mark, actor=ROOT)
        await self.site.settle()
        parts: OwnershipParts = self.service(OwnershipParts)
        await parts.naming.rename(EntityRef.parse(ref("named")), f"{MARK}-renamed", actor=ROOT)
        await parts.merging.merge(ref("kept"), ref("one"), actor=ROOT)
        await self.site.settle()
        await self.service(OwnershipService).hand_over(
            [ref("own")], f"group:default/{MARK}-ledgerers", note=MARK, actor=ROOT
        )
        wish = Wish("group:default/earlier", owner, refs=[ref("moves")], note=MARK, handovers=False)
        assert (await parts.reorganising.apply(wish, actor=ROOT)).id
        bulk: BulkChanges = self.service(BulkChanges)
        plan = await bulk.plan(BulkChange(add_tags=[MARK]), refs=[ref("own"), ref("moves")], actor=ROOT)
        await bulk.apply(plan.id, actor=ROOT)
        announced = await self._announce(f"About {MARK}", [owner])
        told = await self._notify(
            f"About {MARK}", f"/catalog/default/component/{MARK}-own", f"user:default/{MARK}-user"
        )
        sheet = await Sheets(self.site, ROOT).bring_in(
            sheet_of([f"{MARK}-sheet", owner, MARK, "service", "yes"], header=[*COLUMNS, "secret"]), "other.csv",
            columns={**COLUMNS, "secret": "label:secret"},
        )  # fmt: skip
        await self.site.settle()
        await self._read_docs("docs", "more/")
        self.ids = {"/import": [sheet.id], "/api/importing": [sheet.id], "/changes": [plan.id], "/api/editing": [plan.id],
                    "/announcements": [announced], "/api/announcements": [announced], "/notifications": [told[0]]}  # fmt: skip


def _root(*targets: str) -> dict[str, Any]:
    metadata = {"name": f"{MARK}-root", **SECRET}
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Location",
        "metadata": metadata,
        "spec": {"targets": [*targets]},
    }


@asynccontextmanager
async def open_house(tmp_path: Path, name: str) -> AsyncIterator[House]:
    folder = tmp_path / "org"
    folder.mkdir(exist_ok=True)
    world = World(folder, tmp_path / name, None)
    world.has_followers = True
    world.write("org.yaml", *ORG)
    world.write("root.yaml", _root())
    code = tmp_path / "code"
    write_files(code / "ledger", CODE)
    for path, text in DOCS.items():
        world.write(path, text)
    techdocs = {"rendering": {"workers": 0}, "watchFiles": False}
    more = {
        "permission": {"policy": POLICY},
        "proposals": {"folders": [str(code)]},
        "ownership": {"askEvery": False},
        "techdocs": techdocs,
    }
    async with world.site("org.yaml", "root.yaml", more=more) as site:
        await site.settle()
        yield House(site, world, code)


def paths_of(route: Route, house: House) -> list[str]:
    """Addresses of a route that reads: with each id that Eve knows, and with entities that she sees."""
    if "{" not in route.path:
        return [route.path]
    if "{kind}" in route.path:
        refs = (
            "component/default/till",
            "component/default/shelf",
            "group/default/search",
            "system/default/shop",
            "api/default/prices",
        )
        out = []
        for one in refs:
            kind, namespace, name = one.split("/")
            path = route.path.replace("{kind}", kind).replace("{namespace}", namespace).replace("{name}", name)
            tabs = ("relations", "graph", "history", "problems", "yaml", "definition", "owned", "members", "parts")
            out += [path.replace("{tab}", tab) for tab in tabs] if "{tab}" in path else [path]
        return [path for path in out if "{" not in path]
    place = max((one for one in house.ids if route.path.startswith(one + "/")), key=len, default="")
    if not place or route.path.count("{") > 1:
        return []
    return [route.path.replace("{id}", id) for id in house.ids[place] if "{id}" in route.path]


MORE = (
    "/api/catalog/entities/by-query?limit=3&orderField=metadata.name,asc", "/api/catalog/entity-facets?facet=kind&facet=spec.owner",
    "/api/catalog/v1/find?q=zq", "/api/search/v1/find?q=zq", f"/search?q={MARK}", "/search?q=zq", "/search?q=till&kind=Component", "/search/found?q=z",
    f"/catalog?q={MARK}", "/catalog?kind=component", "/catalog?kind=api", "/catalog?kind=group&columns=owner,tags",
    "/api/catalog/v1/graph?root=system:default/shop&relation=all", "/catalog-graph?root=system:default/shop&relation=all",
    "/api/editing/v1/refs?q=zq", "/api/editing/v1/refs?q=z&kind=group", "/api/ownership/v1/entities?show=all",
    "/api/ownership/v1/entities?show=offered", "/api/ownership/v1/entities?show=all&mine=1", "/ownership?show=offered", "/ownership?show=all",
    "/ownership?owner=group:default/search", f"/ownership/reorganise?from={PAYMENTS}&to={SEARCH}&handovers=1",
    f"/ownership/reorganise?from={SEARCH}&to={PAYMENTS}&handovers=1", "/proposals?state=any", "/api/proposals/v1/proposals?state=any",
    "/groups?open=group:default/payments", "/systems?q=zq", "/api-docs?q=zq", "/notifications?view=all", "/announcements?when=all",
    "/api/catalog/v1/definition-versions?ref=api:default/prices", "/catalog/deleted?before=999999", "/catalog/hidden?after=a", "/catalog/overlays?after=a",
    "/api/editing/v1/overlays?limit=50", "/api/editing/v1/hidden?limit=50", "/api/editing/v1/bulk?limit=50", "/change?kind=component",
    "/search?q=takes+money", "/search?q=money&type=techdocs", "/search?q=monney", "/search/found?q=monney", "/api/search/query?term=money",
    "/api/search/v1/query?term=money&facets[]=kind&facets[]=owner&facets[]=type", "/api/search/v1/query?term=till+prices&facets[]=type",
    "/api/search/v1/query?term=", "/api/search/v1/query?term=prices&asTyped=true", f"/api/search/v1/query?term={MARK}word",
    "/api/search/v1/query?term=monney", "/api/search/v1/query?term=monn&asTyped=true", "/api/search/v1/query?term=secrte+page",
    "/api/search/v1/query?term=ledgerers", "/api/search/query?term=&types[]=techdocs", "/api/search/v1/find?q=monney", "/api/search/v1/find?q=sec",
    "/docs?show=care", "/docs?show=all&order=changed&q=t", "/docs?q=secret", "/docs/problems?who=all", "/docs/feedback?show=all",
    "/api/techdocs/v1/sites?order=problems", "/api/techdocs/v1/sites?text=secret", "/docs/default/component/till/prices/",
    "/docs/default/component/till?q=money", "/docs/default/component/till?q=monney", "/docs/default/component/till/secret",
    "/api/techdocs/static/docs/default/component/till/search/search_index.json", "/catalog/problems?severity=warning", "/catalog/export.csv?kind=component", "/api/catalog/v1/export?format=csv",
)  # fmt: skip
NOT_ASKED = ("/metrics", "/api/events/v1/stream", "/gallery", "/keyboard", "/setup", "/import", "/api/importing/v1/")
"""Imports that were applied are told to all who may import: that they were, not what was in them."""
TEXT = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: NAME}\nspec: {type: x, owner: search, lifecycle: x}\n"
WRITES: Sequence[tuple[str, str, Any]] = (
    ("POST", "/api/ownership/v1/confirm", {"entities": ["REF"]}),
    ("POST", "/api/ownership/v1/handovers", {"entityRefs": ["REF"], "newOwner": SEARCH}),
    ("POST", "/api/ownership/v1/assign", {"owners": {"REF": SEARCH}}),
    ("POST", "/api/ownership/v1/assign", {"owners": {"REF": SEARCH}, "dryRun": True}),
    ("POST", "/api/ownership/v1/reorganisations", {"from": PAYMENTS, "to": SEARCH, "entityRefs": ["REF"], "dryRun": True}),
    ("POST", "/api/ownership/v1/rename", {"entityRef": "REF", "name": "other"}),
    ("POST", "/api/ownership/v1/merge", {"entityRef": TILL, "other": "REF"}),
    ("POST", "/api/ownership/v1/merge", {"entityRef": "REF", "other": TILL}),
    ("POST", "/api/ownership/v1/unmerge", {"other": "REF"}),
    ("DELETE", "/api/ownership/v1/aliases?ref=REF", None),
    ("GET", "/api/ownership/v1/entities/KIND/default/NAME", None),
    ("GET", "/api/catalog/v1/resolve?ref=REF", None),
    ("GET", "/api/catalog/v1/definition-versions?ref=REF", None),
    ("GET", "/api/catalog/v1/definition-diff?from=api:default/prices&to=REF", None),
    ("GET", "/catalog/default/api/prices/definition/compare?to=REF", None),
    ("GET", "/api/editing/v1/entities/KIND/default/NAME", None),
    ("GET", "/api/editing/v1/entities/KIND/default/NAME/overlay", None),
    ("PUT", "/api/editing/v1/entities/KIND/default/NAME", {"text": TEXT, "mark": "x"}),
    ("PUT", "/api/editing/v1/entities/KIND/default/NAME/overlay", {"fields": {"metadata.title": "x"}, "mark": "x"}),
    ("DELETE", "/api/editing/v1/entities/KIND/default/NAME/overlay?mark=x", None),
    ("PUT", "/api/editing/v1/entities/KIND/default/NAME/hidden", {"why": "x"}),
    ("DELETE", "/api/editing/v1/entities/KIND/default/NAME/hidden", None),
    ("DELETE", "/api/editing/v1/entities/KIND/default/NAME?mark=x", None),
    ("POST", "/api/editing/v1/bulk", {"refs": ["REF"], "change": {"addTags": ["x"]}}),
    ("PUT", "/api/catalog/v1/stars/KIND/default/NAME", None),
    ("POST", "/api/announcements/v1/announcements", {"title": "x", "body": "x", "audience": ["group:default/NAME"]}),
)  # fmt: skip
ABSENT = "zqabs"
DOCS_OF = (
    "/docs/default/KIND/NAME/more/", "/docs/default/KIND/NAME?q=money", "/docs/default/KIND/NAME?versions=1", "/docs/default/KIND/NAME?raw=1",
    "/docs/problems?site=REF", "/docs/feedback?site=REF", "/catalog/default/KIND/NAME/docs/more/", "/docs-assets/default/KIND/NAME/index.md",
    "/api/techdocs/static/docs/default/KIND/NAME/index.html", "/api/techdocs/v1/sites/default/KIND/NAME/page?path=more/",
    "/api/search/v1/query?term=money&filters[name]=NAME", "/docs?q=NAME", "/search?q=money&owner=group:default/NAME",
)  # fmt: skip
"""What else is asked of an entity with documentation, or without."""


async def ask_everything(house: House) -> dict[str, str]:
    """By what was asked, what Eve is told, without what differs between any two portals."""
    asked = [path for route in _reading(house) for path in paths_of(route, house)]
    known = sorted({id for ids in house.ids.values() for id in ids}, key=len, reverse=True)
    told: dict[str, str] = {}
    async with house.site.portal.client(EVE) as client:
        for path in dict.fromkeys([*asked, *MORE]):
            answer = await client.get(path)
            assert answer.status_code < 500, f"{path}: {answer.status_code}"
            text, key = answer.content.decode("utf-8", "replace"), path
            for id in known:
                text, key = text.replace(id, "ID"), key.replace(id, "ID")
            told[key] = f"{answer.status_code} " + (_VOLATILE.sub("*", text) if not text.startswith("PK") else "")
    return told


def _reading(house: House) -> list[Route]:
    return [
        route for route in house.site.portal.routes if "GET" in route.methods and not route.path.startswith(NOT_ASKED)
    ]


@pytest.mark.slow
async def test_what_is_hidden_changes_no_answer(tmp_path: Path) -> None:
    """Every route that reads, and lists with filters besides, asked in a portal with hidden entities and in one without."""
    async with open_house(tmp_path, "plain") as plain:
        await plain.both()
        wanted = await ask_everything(plain)
    async with open_house(tmp_path, "full") as full:
        await full.both()
        ids = full.ids
        await full.hide()
        theirs, full.ids = full.ids, ids
        found = await ask_everything(full)
        full.ids = theirs
        told = await _ask_by_id(full)
        parted = [
            line
            for name in ("own", "out", "gone", "named", "one", "api", "team", "docs", "shows")
            for line in await _ask_of(full, name)
        ]
    assert len(wanted) > 150 and sum(text.startswith("200") for text in wanted.values()) > 120
    wrong = {key: _difference(wanted[key], found.get(key, "")) for key in wanted if found.get(key) != wanted[key]}
    assert not wrong, "\n".join(f"{key}: {text}" for key, text in wrong.items())
    assert not told, told
    assert not parted, "\n".join(parted)


async def _ask_by_id(house: House) -> dict[str, str]:
    """Pages and answers behind ids of what others did with hidden entities, which say something of these."""
    told: dict[str, str] = {}
    async with house.site.portal.client(EVE) as client:
        for route in house.site.portal.routes:
            for path in paths_of(route, house) if "GET" in route.methods and "{id}" in route.path else ():
                answer = await client.get(path)
                assert answer.status_code < 500, path
                if MARK in answer.text:
                    at = answer.text.index(MARK)
                    told[route.path] = answer.text[max(0, at - 80) : at + 80]
    return told


async def _ask_of(house: House, name: str) -> list[str]:
    """Questions and orders that answer otherwise for a hidden entity than for one that never was."""
    kind = name if name in ("api", "system", "user") else "group" if name == "team" else "component"
    asked: list[tuple[str, str, Any]] = [*WRITES]
    for route in _reading(house):
        if route.path.count("{") == 3 + ("{tab}" in route.path) and "{name}" in route.path:
            path = route.path.replace("{tab}", "history").replace("{namespace}", "default")
            asked.append(("GET", path.replace("{kind}", "KIND").replace("{name}", "NAME"), None))
    asked += [("GET", path, None) for path in DOCS_OF]
    asked.append(("POST", "/docs/default/KIND/NAME", {"helpful": "no", "text": "x"}))
    asked.append(("POST", "/api/techdocs/v1/sites/default/KIND/NAME/refresh", {}))
    asked.append(("POST", "/api/search/v1/opened", {"type": "techdocs", "id": "REF\n\n0"}))
    asked.append(("POST", "/api/search/v1/opened", {"type": "software-catalog", "id": "REF"}))
    parted = []
    async with house.site.portal.client(EVE) as client:
        for method, path, body in asked:
            answers = []
            for one in (f"{MARK}-{name}", f"{ABSENT}-{name}"):

                def filled(text: str, one: str = one) -> str:
                    return text.replace("REF", f"{kind}:default/{one}").replace("KIND", kind).replace("NAME", one)

                sent = {} if body is None else {"json": orjson.loads(filled(orjson.dumps(body).decode()))}
                answer = await client.request(method, filled(path), **sent)
                text = _SUGGESTED.sub("", answer.text.replace(one, "ONE"))
                answers.append(f"{answer.status_code} {_VOLATILE.sub('*', text)}")
            if answers[0] != answers[1]:
                parted.append(f"{name}: {method} {path} {body}: {_difference(*answers)}")
    return parted


def _difference(one: str, other: str) -> str:
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return f"…{one[max(0, at - 100) : at + 120]!r}… and …{other[max(0, at - 100) : at + 120]!r}…"
