"""Over random policies, nothing that the portal answers tells of an entity that the asker may not see.

A portal is started per policy on a copy of one store (``leaks.build_world``), asked everything that it can be asked, and each
answer is searched for the marks of hidden entities. Totals, facets and pages are compared with a count by hand. What a
hidden entity answers is compared, byte for byte, with what is answered for one that never was.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import random
import re
import shutil
import uuid
from pathlib import Path
from typing import Any, Mapping, Sequence
from urllib.parse import quote

import orjson
import pytest

from callboard.features.catalog.interface import READ_ENTITY, DeferredEntity, DeltaMutation
from callboard.features.catalog.plugin import Catalog
from callboard.kernel.auth.actor import Actor
from callboard.model.predicates import matches, parse_filter_params, parse_query
from callboard.model.terms import Terms, terms_of
from callboard.testing.portal import PortalForTest, make_portal
from tests.features.catalog.leaks import (
    ABSENT,
    MARK,
    UNREGISTERED,
    MarkedPlugin,
    Watch,
    World,
    build_world,
    may_see,
    network,
    random_actor,
    random_policy,
    settings_of,
)

pytestmark = pytest.mark.anyio
CATALOG = "/api/catalog"
FACETS = (
    "kind", "metadata.namespace", "metadata.tags", "metadata.labels.tier", "metadata.labels.code", "spec.type", "spec.zone",
    "spec.note", "relations.ownedBy", "metadata.annotations.example.com/secret", "metadata.uid", "metadata.tags.java",
)  # fmt: skip
FILTERS = (
    "kind=component", "kind=api,kind=group", "metadata.labels.tier=gold,spec.zone=eu", "metadata.tags=java", "spec.type",
    "spec.lifecycle=production,kind=component", "relations.ownedby", "metadata.tags.go", "spec.profile.email", "spec.missing",
)  # fmt: skip
QUERIES: tuple[Mapping[str, Any], ...] = (
    {"kind": "component", "spec.zone": {"$in": ["eu", "us"]}},
    {"$not": {"kind": {"$in": ["component", "api"]}}},
    {"$any": [{"metadata.labels.tier": "gold"}, {"spec.lifecycle": {"$exists": True}}]},
    {"$all": [{"metadata.name": {"$hasPrefix": "zq1"}}, {"$not": {"metadata.tags": {"$contains": "java"}}}]},
    {"relations": {"$contains": {"type": "ownedBy", "targetRef": {"$exists": True}}}},
)
ORDERS = ("metadata.name", "metadata.title", "spec.type", "kind", "spec.lifecycle", "metadata.uid", "metadata.tags")
_VOLATILE = re.compile(
    r'<section class="paper" aria-labelledby="near">.*?</section>|data-copy="[0-9a-f]{16}"|>[0-9a-f]{16}<|name="csrf_token" value="[^"]*"',
    re.DOTALL,
)
_BY_CHANCE = re.compile(r'(?:name="csrf_token" value="|csrf[a-z_]*=)([A-Za-z0-9_-]{40,})')
_SUGGESTED = re.compile(r'<p class="t-label">[^<]*</p><ul>.*?</ul>', re.DOTALL)


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One store for all policies; each works on a copy."""
    return await build_world(tmp_path_factory.mktemp("leaks"))


@pytest.mark.parametrize("block", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 6))])
async def test_no_answer_tells_of_a_hidden_entity(world: World, tmp_path: Path, block: int) -> None:
    """Thirty random policies, five a block, one random person each; a thousand in ``make soak``."""
    for seed in range(block * 5, block * 5 + 5):
        await examine_policy(world, tmp_path / str(seed), seed, people=1)


@pytest.mark.soak
@pytest.mark.parametrize("block", range(100))
async def test_no_answer_tells_of_a_hidden_entity_over_a_thousand_policies(
    world: World, tmp_path: Path, block: int
) -> None:
    """A thousand further policies, ten a block, two random people each."""
    for seed in range(1_000 + block * 10, 1_010 + block * 10):
        await examine_policy(world, tmp_path / str(seed), seed, people=2)


async def examine_policy(world: World, folder: Path, seed: int, *, people: int) -> None:
    """Start a portal under the policy of ``seed``, ask it everything, change the catalog under it and ask again."""
    dice = random.Random(seed)
    policy = random_policy(dice)
    shutil.copytree(world.data_dir, folder)
    plugin = MarkedPlugin()
    plugin.provider.version = 2
    async with make_portal(
        settings_of(world.root, policy), data_dir=folder, plugins=[("marked", plugin)], transport=network(2)
    ) as portal:
        for _ in range(people):
            actor = random_actor(dice)
            asker = Asker(portal, world, policy, actor, dice)
            await asker.ask_everything()
            assert not asker.watch.problems, f"policy {seed}, {actor.subject}: " + "\n".join(asker.watch.problems[:8])
        if seed % 3 == 0:
            await change_the_catalog(portal, world, dice)
            asker = Asker(portal, world, policy, actor, dice)
            await asker.ask_for_counts()
            assert not asker.watch.problems, f"policy {seed}, after a change: " + "\n".join(asker.watch.problems[:8])
    shutil.rmtree(folder)


async def change_the_catalog(portal: PortalForTest, world: World, dice: random.Random) -> None:
    """The provider's entities become others, one goes: what is kept in memory has to follow, permission or not."""
    changed = []
    for number, (_ref, entity) in enumerate((r, e) for r, e in world.entities.items() if "-given" in r):
        body = {key: entity[key] for key in ("apiVersion", "kind", "metadata", "spec")}
        metadata = {k: v for k, v in body["metadata"].items() if k not in ("uid", "etag")}
        metadata["labels"] = {**metadata["labels"], "tier": dice.choice(["gold", "silver"])}
        spec = {
            **body["spec"],
            "zone": dice.choice(["eu", "ap"]),
            "lifecycle": dice.choice(["production", "experimental"]),
        }
        if number:
            changed.append(DeferredEntity({**body, "metadata": metadata, "spec": spec}, "marked:here"))
    gone = next(r for r in world.entities if "-given" in r)
    mutations = portal.portal.service(Catalog).mutations
    await mutations.apply("marked", DeltaMutation(added=changed, removed=[gone]), actor="test")
    await portal.portal.jobs.run_due()


class Asker:
    """One person who asks a portal everything, knowing what there is."""

    def __init__(
        self, portal: PortalForTest, world: World, policy: Mapping[str, Any], actor: Actor, dice: random.Random
    ) -> None:
        self.portal, self.world, self.policy, self.actor, self.dice = portal, world, policy, actor, dice
        self.watch = Watch({}, {}, actor)
        self.visible: dict[str, Mapping[str, Any]] = {}
        self.hidden: dict[str, Mapping[str, Any]] = {}
        self.terms: dict[str, Terms] = {}

    async def _look(self) -> None:
        """Everything there is, as the portal itself sees it, parted by the oracle."""
        from callboard.kernel.auth.actor import SYSTEM

        async with self.portal.client(SYSTEM) as client:
            entities = orjson.loads((await client.get(f"{CATALOG}/entities")).content)
        for entity in entities:
            ref = f"{entity['kind']}:{entity['metadata']['namespace']}/{entity['metadata']['name']}".lower()
            (self.visible if may_see(self.policy, self.actor, entity) else self.hidden)[ref] = entity
        self.terms = {ref: terms_of(entity) for ref, entity in self.visible.items()}
        is_open = self.portal.portal.permissions.decide(self.actor, READ_ENTITY).result == "ALLOW"
        self.watch = Watch(self.visible, self.hidden, self.actor, is_open)

    async def ask_everything(self) -> None:
        await self._look()
        async with self.portal.client(self.actor) as self.client:
            await self._lists()
            await self._counts()
            await self._own_routes()
            await self._pages()
            await self._sources()
            await self._actions()
            await self._twins()
            await self._permissions()
            await self._events()

    async def ask_for_counts(self) -> None:
        await self._look()
        async with self.portal.client(self.actor) as self.client:
            await self._lists()
            await self._counts()

    def expect(self, holds: bool, message: str) -> None:
        if not holds:
            self.watch.problems.append(message)

    async def get(self, path: str, *, echoed: str = "", **options: Any) -> Any:
        return await self.send("GET", path, echoed=echoed, **options)

    async def send(self, method: str, path: str, *, echoed: str = "", **options: Any) -> Any:
        """The answer, after its body, headers and cursors were searched."""
        answer = await self.client.request(method, path, **options)
        self.expect(answer.status_code < 500, f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        said = path + echoed + str(options.get("json", ""))
        headers = " ".join(f"{k}: {v}" for k, v in answer.headers.items())
        body = answer.text
        for chance in _BY_CHANCE.findall(body + headers):  # may look like a mark, once in a hundred policies
            body, headers = body.replace(chance, ""), headers.replace(chance, "")
        self.watch.check(f"{method} {path}", body, echoed=said)
        self.watch.check(f"{method} {path} headers", headers, echoed=said)
        for token in re.findall(r"[A-Za-z0-9_+/-]{40,}={0,2}", body + headers):
            self.watch.check(f"{method} {path} cursor", _decoded(token), echoed=said)
        return answer

    # ---- lists and counts --------------------------------------------------------------------------------------------

    async def _lists(self) -> None:
        everything = orjson.loads((await self.get(f"{CATALOG}/entities")).content)
        self._expect_refs("GET /entities", everything, self.visible)
        paged: list[Any] = []
        path: str | None = f"{CATALOG}/entities?limit=11"
        while path:
            answer = await self.get(path)
            paged += answer.json()
            link = answer.headers.get("link")
            path = CATALOG + re.match(r"<(.*)>", link)[1] if link else None
        self._expect_refs("GET /entities?limit", paged, self.visible)
        for order in ("", *self.dice.sample(ORDERS, 2)):
            await self._walk(order)

    async def _walk(self, order: str) -> None:
        """Pages of by-query to the end and back to the first."""
        key = order.lower()
        wanted = {
            ref: e
            for ref, e in self.visible.items()
            if not key or any(v is not None for v in self.terms[ref].get(key, ()))
        }
        rows = sum(len([v for v in self.terms[ref][key] if v is not None]) for ref in wanted) if key else len(wanted)
        found: list[Any] = []
        path = f"{CATALOG}/entities/by-query?limit=9" + (
            f"&orderField={order},{self.dice.choice(['asc', 'desc'])}" if order else ""
        )
        seen = None
        while True:
            page = (await self.get(path)).json()
            self.expect(page["totalItems"] == rows, f"{path}: totalItems {page['totalItems']}, there are {rows}")
            found += page["items"]
            if "nextCursor" not in page["pageInfo"]:
                break
            seen = page["pageInfo"].get("prevCursor", seen)
            path = f"{CATALOG}/entities/by-query?limit=9&cursor={quote(page['pageInfo']['nextCursor'])}"
        self._expect_refs(path, found, wanted)
        if seen:
            back = (await self.get(f"{CATALOG}/entities/by-query?limit=9&cursor={quote(seen)}")).json()
            self.expect({_ref(e) for e in back["items"]} <= wanted.keys(), f"{order}: a page back shows others")

    def _expect_refs(self, where: str, entities: Sequence[Any], wanted: Mapping[str, Any]) -> None:
        refs = {_ref(entity) for entity in entities}
        self.expect(
            refs == set(wanted), f"{where}: shown {sorted(refs - set(wanted))}, missing {sorted(set(wanted) - refs)}"
        )
        for entity in entities:
            self.expect(entity == self.visible.get(_ref(entity)), f"{where}: {_ref(entity)} is not as stored")

    async def _counts(self) -> None:
        for text in self.dice.sample(FILTERS, 4):
            wanted = self._count(parse_filter_params([text]))
            page = (await self.get(f"{CATALOG}/entities/by-query?limit=3&filter={quote(text)}")).json()
            self.expect(page["totalItems"] == wanted, f"filter {text}: {page['totalItems']}, there are {wanted}")
            stream = (await self.get(f"{CATALOG}/entities?filter={quote(text)}")).json()
            self.expect(len(stream) == wanted, f"stream {text}: {len(stream)}, there are {wanted}")
        for query in self.dice.sample(QUERIES, 2):
            wanted = self._count(parse_query(query))
            page = (await self.send("POST", f"{CATALOG}/entities/by-query", json={"query": query, "limit": 2})).json()
            self.expect(page["totalItems"] == wanted, f"query {query}: {page['totalItems']}, there are {wanted}")
        await self._facets()
        for term in ("zq1", self._mark(self.hidden, "x"), self._mark(self.visible, "x")):
            fields = "metadata.name,metadata.title,metadata.description"
            wanted = sum(
                any(term in str(e["metadata"].get(f, "")).lower() for f in ("name", "title", "description"))
                for e in self.visible.values()
            )
            path = f"{CATALOG}/entities/by-query?limit=50&fullTextFilterTerm={term}&fullTextFilterFields={fields}"
            page = (await self.get(path)).json()
            self.expect(page["totalItems"] == wanted, f"text {term}: {page['totalItems']}, there are {wanted}")
        refs = [*self.visible, *self.hidden, f"component:default/zq{ABSENT}n-service"]
        self.dice.shuffle(refs)
        found = (await self.send("POST", f"{CATALOG}/entities/by-refs", json={"entityRefs": refs})).json()["items"]
        for ref, entity in zip(refs, found, strict=True):
            self.expect(entity == self.visible.get(ref), f"by-refs: {ref} is {'told' if entity else 'missing'}")

    def _count(self, predicate: Any) -> int:
        return sum(matches(predicate, terms) for terms in self.terms.values())

    async def _facets(self) -> None:
        keys = self.dice.sample(FACETS, 4)
        narrowed = self.dice.choice([None, *FILTERS])
        predicate = parse_filter_params([narrowed]) if narrowed else None
        wanted: dict[str, dict[str, int]] = {key: {} for key in keys}
        for terms in self.terms.values():
            if predicate is None or matches(predicate, terms):
                for key in keys:
                    for original in {o for o in terms.get(key.lower(), {}).values() if o is not None}:
                        wanted[key][original] = wanted[key].get(original, 0) + 1
        path = (
            f"{CATALOG}/entity-facets?"
            + "&".join(f"facet={quote(key)}" for key in keys)
            + (f"&filter={quote(narrowed)}" if narrowed else "")
        )
        answer = (await self.get(path)).json()["facets"]
        for key in keys:
            found = {value["value"]: value["count"] for value in answer[key]}
            self.expect(found == wanted[key], f"facet {key} under {narrowed}: {found}, there are {wanted[key]}")

    def _mark(self, entities: Mapping[str, Any], which: str) -> str:
        """A mark of one of these entities, or one of nobody's."""
        numbers = [found[1] for ref in entities if (found := MARK.search(ref))]
        return f"zq{self.dice.choice(numbers or [str(ABSENT)])}{which}"

    # ---- what is Callboard's own -------------------------------------------------------------------------------------

    async def _own_routes(self) -> None:
        exported = await self.get(f"{CATALOG}/v1/export?format=csv&fields=metadata.name,spec.note")
        rows = list(csv.reader(io.StringIO(exported.text)))[1:]
        self.expect(len(rows) == len(self.visible), f"export: {len(rows)} rows of {len(self.visible)}")
        await self.get(f"{CATALOG}/v1/export?filter={quote(self.dice.choice(FILTERS))}")
        found: list[Any] = []
        while True:
            page = (await self.get(f"{CATALOG}/v1/findings?limit=3&offset={len(found)}")).json()
            found += page["items"]
            if "nextOffset" not in page:
                break
        self.expect(page["totalItems"] == len(found), f"findings: {page['totalItems']} counted, {len(found)} shown")
        for ref in self._sample(self.visible, 3, prefer=("zq42n", "zq15n", "zq20n")):
            await self.get(f"{CATALOG}/v1/history?ref={quote(ref)}", echoed=ref + await self._relations_once(ref))
            await self.get(f"{CATALOG}/v1/findings?ref={quote(ref)}", echoed=ref)
            await self.get(f"{CATALOG}/v1/why?asked={quote(ref)}", echoed=ref)
            kind, namespace, name = re.split("[:/]", ref)
            drawn = (await self.get(f"{CATALOG}/v1/graph?root={quote(ref)}&depth=3&relation=all", echoed=ref)).json()
            self.expect({node["ref"] for node in drawn["nodes"]} <= self.visible.keys(), f"graph of {ref}")
            other = self.dice.choice([*self.visible])
            way = f"{CATALOG}/v1/graph?root={quote(ref)}&to={quote(other)}&relation=all"
            drawn = (await self.get(way, echoed=ref)).json()
            self.expect({node["ref"] for node in drawn["nodes"]} <= self.visible.keys(), f"way from {ref} to {other}")
            await self.get(f"/catalog-graph?root={quote(ref)}&relation=all&collapse=system", echoed=ref)
            await self.get(f"/catalog-graph.svg?root={quote(ref)}&relation=all", echoed=ref)
            graph = (await self.get(f"{CATALOG}/entities/by-name/{kind}/{namespace}/{name}/ancestry")).json()
            self.expect({_ref(i["entity"]) for i in graph["items"]} <= self.visible.keys(), f"ancestry of {ref}")
            parents = {p for item in graph["items"] for p in item["parentEntityRefs"]}
            self.expect(parents <= self.visible.keys(), f"parents of {ref}: {parents - self.visible.keys()}")
        for number in (40, 41, 42):
            file = str(self.world.root.parent / f"zq{number}x-parts.yaml")
            await self.get(f"{CATALOG}/v1/why?asked={quote(file)}", echoed=file)
        root = str(self.world.root)
        await self.get(f"{CATALOG}/v1/why?asked={quote(root)}", echoed=root)

    async def _relations_once(self, ref: str) -> str:
        """Refs that the entity's relations named at some time: they are its own record, as relations are its own bytes."""
        answer = await self.client.get(f"{CATALOG}/v1/history?ref={quote(ref)}")
        diffs = [step for entry in answer.json()["items"] for step in entry["diff"] if step["path"] == "/relations"]
        return " ".join(re.findall(r'"targetRef":"([^"]+)"', orjson.dumps(diffs).decode()))

    def _sample(self, refs: Mapping[str, Any], count: int, prefer: Sequence[str] = ()) -> list[str]:
        first = [ref for ref in refs if any(mark in ref for mark in prefer)]
        rest = [ref for ref in refs if ref not in first]
        return (first + self.dice.sample(rest, len(rest)))[:count]

    # ---- pages -------------------------------------------------------------------------------------------------------

    async def _pages(self) -> None:
        hidden = self._mark(self.hidden, "x")
        rows = (await self.get("/catalog.csv")).text.strip().split("\r\n")[1:]
        named = sum("metadata.name" in terms for terms in self.terms.values())
        self.expect(len(rows) == named, f"/catalog.csv: {len(rows)} rows of {named}")
        place = "/catalog/why?asked=" + quote(str(self.world.root.parent / "zq42x-parts.yaml"))
        for path in ("/", "/catalog?size=100", f"/catalog?q={hidden}", f"/catalog?kind=component&sort=-owner&tag={hidden}", "/catalog/problems",
                     "/catalog?sort=-changed&size=100", f"/catalog/problems?q={hidden}", "/catalog/problems?cause=conflict&page=2",
                     "/catalog/problems?severity=error", "/catalog/problems?mine=1", "/catalog/why", place, f"/api/catalog/v1/find?q={hidden[:3]}"):  # fmt: skip
            await self.get(path)
        answer = await self.get("/catalog?size=25")
        count = re.search(r'<span class="count">([\d,]+)</span>', answer.text)
        shown = 0 if count is None else int(count[1].replace(",", ""))
        self.expect(shown == named, f"/catalog counts {shown}, there are {named}")
        for ref in self._sample(self.visible, 1, prefer=("zq42n", "zq15n", "zq20n")):
            kind, namespace, name = re.split("[:/]", ref)
            for tab in ("", "/relations", "/graph", "/history", "/problems", "/yaml"):
                said = await self._relations_once(ref) if tab == "/history" else ""
                await self.get(f"/catalog/{namespace}/{kind}/{name}{tab}", echoed=said)

    # ---- sources -----------------------------------------------------------------------------------------------------

    async def _sources(self) -> None:
        listed = await self.get(f"{CATALOG}/locations")
        for row in listed.json():
            self.expect(row["data"]["entityRef"] not in self.hidden, f"locations: {row['data']['entityRef']}")
        await self.send("POST", f"{CATALOG}/locations/by-query", json={})
        for ref in self._sample(self.visible, 1, prefer=("zq50n",)):
            kind, namespace, name = re.split("[:/]", ref)
            await self.get(f"{CATALOG}/locations/by-entity/{kind}/{namespace}/{name}")
        for state in ("failed", "pending"):
            await self.get(f"{CATALOG}/entities/unprocessed/{state}")
        answer = await self.send(
            "POST", f"{CATALOG}/analyze-location", json={"location": {"type": "url", "target": UNREGISTERED}}
        )
        self.expect(answer.status_code in (200, 403), f"analyze: {answer.status_code}")

    async def _actions(self) -> None:
        base = f"{CATALOG}/.backstage/actions/v1/actions"
        await self.send("POST", f"{base}/catalog:get-catalog-model-description/invoke", json={})
        await self.send(
            "POST", f"{base}/catalog:query-catalog-entities/invoke", json={"query": {"kind": "component"}, "limit": 50}
        )
        for ref in self._sample(self.hidden, 1):
            name = ref.rpartition("/")[2]
            answer = await self.send("POST", f"{base}/catalog:get-catalog-entity/invoke", json={"name": name})
            self.expect(answer.status_code in (403, 404), f"get-catalog-entity {name}: {answer.status_code}")

    # ---- hidden is as good as absent ---------------------------------------------------------------------------------

    async def _twins(self) -> None:
        """What is asked of a hidden entity answers as for one that never was, but for the name."""
        for ref in self._sample(
            {r: e for r, e in self.hidden.items() if MARK.search(r)}, 2, prefer=("zq20n", "zq15n", "zq42n")
        ):
            mark = MARK.search(ref)
            assert mark is not None
            twin = ref.replace(mark[0], f"zq{ABSENT}n")
            uid, no_uid = self.hidden[ref]["metadata"]["uid"], str(uuid.UUID(int=0))
            for method, template, body in _QUESTIONS:
                answers = []
                for one, its_uid in ((ref, uid), (twin, no_uid)):
                    kind, namespace, name = re.split("[:/]", one)
                    values = {"kind": kind, "namespace": namespace, "name": name, "ref": quote(one), "uid": its_uid}
                    sent = (
                        {} if body is None else {"json": orjson.loads(orjson.dumps(body).replace(b"REF", one.encode()))}
                    )
                    answer = await self.send(method, template.format(**values), echoed=one + its_uid, **sent)
                    answers.append(
                        (answer.status_code, answer.headers.get("content-type"), _normal(answer.text, one, its_uid))
                    )
                self.expect(
                    answers[0] == answers[1], f"{method} {template} tells {ref} from {twin}: {_difference(*answers)}"
                )

    async def _permissions(self) -> None:
        refs = [*self._sample(self.hidden, 3), f"component:default/zq{ABSENT}n-service"]
        for name, action in (
            ("catalog.entity.read", "read"),
            ("catalog.entity.delete", "delete"),
            ("catalog.entity.refresh", "update"),
        ):
            permission = {
                "type": "resource",
                "name": name,
                "attributes": {"action": action},
                "resourceType": "catalog-entity",
            }
            item = {"id": "1", "permission": permission, "resourceRef": refs}
            answer = await self.send("POST", "/api/permission/authorize", json={"items": [item]})
            if answer.status_code == 200:
                results = answer.json()["items"][0]["result"]
                self.expect(len(set(results)) == 1, f"authorize {name}: {dict(zip(refs, results, strict=True))}")

    async def _events(self) -> None:
        """The stream of everything that ever happened, taken up after the first event; last, as it ends the portal's streams."""
        self.portal.portal.stopping.set()
        answer = await self.get("/api/events/v1/stream?topic=*", headers={"last-event-id": self.world.first_event})
        self.expect(answer.status_code in (200, 401, 403), f"stream: {answer.status_code}")
        untold = [ref for ref in self.visible if MARK.search(ref) and f'"{ref}"' not in answer.text]
        self.expect(answer.status_code != 200 or not untold, f"stream: nothing of {untold}")
        self.portal.portal.stopping.clear()


_QUESTIONS: tuple[tuple[str, str, Any], ...] = (
    ("GET", CATALOG + "/entities/by-name/{kind}/{namespace}/{name}", None),
    ("GET", CATALOG + "/entities/by-name/{kind}/{namespace}/{name}/ancestry", None),
    ("GET", CATALOG + "/entities/by-uid/{uid}", None),
    ("DELETE", CATALOG + "/entities/by-uid/{uid}", None),
    ("GET", CATALOG + "/locations/by-entity/{kind}/{namespace}/{name}", None),
    ("POST", CATALOG + "/refresh", {"entityRef": "REF"}),
    ("GET", CATALOG + "/v1/history?ref={ref}", None),
    ("GET", CATALOG + "/v1/findings?ref={ref}", None),
    ("GET", CATALOG + "/v1/graph?root={ref}", None),
    ("GET", CATALOG + "/v1/why?asked={ref}", None),
    ("GET", CATALOG + "/entities/by-query?filter=metadata.name={name}", None),
    ("GET", "/catalog/{namespace}/{kind}/{name}", None),
    ("GET", "/catalog/{namespace}/{kind}/{name}/yaml", None),
    ("GET", "/catalog/{namespace}/{kind}/{name}/graph", None),
    ("GET", "/catalog-graph.svg?root={ref}", None),
    ("GET", "/catalog/why?asked={ref}", None),
    ("GET", "/catalog?q={name}", None),
)


def _normal(text: str, ref: str, uid: str) -> str:
    """The answer without the name asked for, suggestions and the number of the request."""
    if text.startswith("{"):
        value = orjson.loads(text)
        if isinstance(value, dict):
            value.pop("suggestions", None)
        text = orjson.dumps(value).decode()
    text = _SUGGESTED.sub("", _VOLATILE.sub("", text))
    mark = MARK.search(ref)
    assert mark is not None
    return text.replace(mark[0], "MARK").replace(uid, "UID").replace(quote(ref, safe=""), "REF")


def _difference(one: Sequence[Any], other: Sequence[Any]) -> str:
    """Where two answers part."""
    first, second = str(one), str(other)
    at = next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second)))
    return f"…{first[max(0, at - 60) : at + 80]}… and …{second[max(0, at - 60) : at + 80]}…"


def _ref(entity: Mapping[str, Any]) -> str:
    return f"{entity['kind']}:{entity['metadata']['namespace']}/{entity['metadata']['name']}".lower()


def _decoded(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.rstrip("=") + "=" * (-len(token.rstrip("=")) % 4)).decode(
            "utf-8", "replace"
        )
    except (binascii.Error, ValueError):
        return ""


def test_the_watch_sees_a_leak() -> None:
    """The check itself: a mark, a uid and a ref of something hidden are found, what a visible entity names is not."""
    hidden = {"metadata": {"uid": "0f0f-uid", "etag": "e1"}, "kind": "Component"}
    visible = {
        "metadata": {"uid": "1", "etag": "2"},
        "relations": [{"type": "dependsOn", "targetRef": "component:default/zq15n-b"}],
    }

    def found(text: str) -> list[str]:
        watch = Watch(
            {"component:default/zq01n-a": visible},
            {"component:default/zq14n-c": hidden},
            Actor("user", "user:default/ada"),
        )
        watch.check("here", text)
        return watch.problems

    assert not found("component:default/zq15n-b and nothing else")
    assert len(found("titled zq15x-v1")) == 1
    assert len(found('{"uid":"0f0f-uid"}')) == 1
    assert len(found("component:default/zq14n-c")) == 2
