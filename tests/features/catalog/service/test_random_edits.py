"""Properties over random histories: whatever happened on the way, the catalog ends where a fresh load would end.

A seed makes one history; a failing one is named by its number and can be run alone.
"""

from __future__ import annotations

import random
from typing import Any

import pytest

from callboard.features.catalog.interface import DeferredEntity, DeltaMutation, EntityQuery, FullMutation, Order
from callboard.features.catalog.jobs import FileWatch
from callboard.kernel.auth.actor import SYSTEM
from callboard.model.predicates import All, HasKey, HasText, has_value
from callboard.model.refs import EntityRef
from callboard.testing import api, component, group, location, system

pytestmark = pytest.mark.anyio

NAMES = "abcdefgh"
FILES = ("one.yaml", "two.yaml", "three.yaml", "sub/four.yml", "sub/five.yml", "sub/deep/six.yml")
BROKEN = ("kind: [\n", "- a list\n", "kind: Component\nmetadata: {}\n", "a: 1\na: 2\n")


class History:
    """One random history of edits below a folder, and the files as they are now."""

    def __init__(self, world: Any, seed: int) -> None:
        self.world = world
        self.dice = random.Random(seed)
        self.files: dict[str, list[Any]] = {}
        world.path(".git").mkdir()  # one tree: whichever way leads to a file, it may read the same others
        for name in FILES[:3]:
            self._write(name)

    def _document(self, *, good: bool = False) -> Any:
        dice, name = self.dice, self.dice.choice(NAMES)
        metadata = {"description": dice.choice(("x", "y", "z"))}
        kind = dice.random()
        if kind < 0.45:
            document = component(
                name,
                system=dice.choice((None, "s1", "s2")),
                dependsOn=[f"component:{dice.choice(NAMES)}"],
                metadata=metadata,
            )
        elif kind < 0.6:
            document = api(
                name,
                metadata=metadata,
                definition={"$text": dice.choice(("./include.txt", "../include.txt"))} if dice.random() < 0.5 else "x",
            )
        elif kind < 0.7:
            document = system(dice.choice(("s1", "s2")), metadata=metadata)
        elif kind < 0.8:
            document = group("team", members=tuple(dice.sample(NAMES, 2)))
        else:
            target = dice.choice(("./sub/*.yml", "./sub/deep/*.yml", "./sub/**/*.yml", "./one.yaml", "../two.yaml"))
            document = location(
                dice.choice(("l1", "l2", "l3")), target, *dice.sample(("./three.yaml", "./*.yaml"), dice.randint(0, 1))
            )
        if not good and dice.random() < 0.15:
            document["spec"].pop(dice.choice(("owner", "type", "targets")), None)
        return document

    def _write(self, name: str) -> None:
        documents = [self._document() for _ in range(self.dice.randint(0, 4))]
        if self.dice.random() < 0.2:
            documents.insert(self.dice.randint(0, len(documents)), self.dice.choice(BROKEN))
        self.files[name] = documents
        self.world.write(name, *documents)

    def _edit(self, name: str) -> None:
        """A small change: one document more, less, other, or in another place."""
        documents = self.files[name]
        choice = self.dice.random()
        if choice < 0.3 or not documents:
            documents.insert(self.dice.randint(0, len(documents)), self._document())
        elif choice < 0.5:
            documents.pop(self.dice.randrange(len(documents)))
        elif choice < 0.7:
            documents[self.dice.randrange(len(documents))] = self._document()
        elif choice < 0.85:
            self.dice.shuffle(documents)
        else:
            documents[self.dice.randrange(len(documents))] = self.dice.choice(BROKEN)
        self.world.write(name, *documents)

    def step(self) -> None:
        choice = self.dice.random()
        there = sorted(self.files)
        if choice < 0.3 or not there:
            self._write(self.dice.choice(FILES))
        elif choice < 0.7:
            self._edit(self.dice.choice(there))
        elif choice < 0.78:
            name = self.dice.choice(there)
            del self.files[name]
            self.world.remove(name)
        elif choice < 0.86:
            name, other = self.dice.choice(there), self.dice.choice(FILES)
            if other not in self.files:
                self.world.path(other).parent.mkdir(parents=True, exist_ok=True)
                self.world.path(name).rename(self.world.path(other))
                self.files[other] = self.files.pop(name)
        elif choice < 0.93:
            self.world.write("include.txt", self.dice.choice("pqr"))
        elif self.world.path("include.txt").exists():
            self.world.remove("include.txt")

    async def look(self, site: Any, watch: FileWatch) -> None:
        """One of the ways in which the portal comes to see the edits, and a removal by hand now and then."""
        choice = self.dice.random()
        if choice < 0.4:
            await site.sweep()
        elif choice < 0.7:
            await watch.look()
            await site.settle()
        elif choice < 0.85:
            refs = sorted(await site.refs())
            if refs:
                await site.commands.refresh(EntityRef.parse(self.dice.choice(refs)), actor=SYSTEM)
                await site.settle()
        else:
            refs = sorted(await site.refs())
            if refs:
                uid = (await site.get(self.dice.choice(refs)))["metadata"]["uid"]
                await site.commands.delete_by_uid(uid, actor=SYSTEM)
                if self.dice.random() < 0.7:
                    await site.settle()

    def settle(self) -> None:
        """Undo what a catalog with a memory rightly answers in another way than one without: faults (it keeps the last good
        state), missing files that are named (it keeps what they gave), one ref in two files (the first stands)."""
        seen: dict[str, str] = {}
        for name in FILES:
            if name in ("one.yaml", "two.yaml", "three.yaml"):
                self.files.setdefault(name, [])
            kept = []
            for document in self.files.get(name, ()):
                if isinstance(document, str):
                    continue
                fields = {"Location": ("targets",), "System": ("owner",), "Group": ("type", "children")}
                if any(field not in document["spec"] for field in fields.get(document["kind"], ("owner", "type"))):
                    continue
                if isinstance(document["spec"].get("definition"), dict):
                    document["spec"]["definition"] = {"$text": "./include.txt"}
                ref = str(EntityRef.of(document))
                if seen.setdefault(ref, name) == name:
                    kept.append(document)
            if name in self.files:
                self.files[name] = kept
                self.world.write(name, *kept)
        for folder in (".", "sub", "sub/deep"):
            self.world.write(f"{folder}/include.txt", "the end")


async def _answers(site: Any) -> list[Any]:
    """What lists, searches, counts and facets say, without the numbers that a store gives out."""
    queries = site.queries
    out: list[Any] = []
    for query in (
        EntityQuery(by_ref=True),
        EntityQuery(has_value("kind", ["component", "api"]), by_ref=True),
        EntityQuery(All((HasKey("spec.system"), has_value("spec.type", ["service"]))), by_ref=True),
        EntityQuery(HasText(("metadata.description", "metadata.name"), "x"), by_ref=True),
        EntityQuery(has_value("relations.dependencyof", ["component:default/a"]), by_ref=True),
    ):
        page = await queries.list_raw(query, actor=SYSTEM)
        out.append([_ref(raw) for raw in page.items])
    page = await queries.list_raw(EntityQuery(order=Order("metadata.description")), actor=SYSTEM)
    out.append((page.total, len(page.items)))
    out.append(await queries.facets(["kind", "metadata.description", "relations.partof", "spec.system"], actor=SYSTEM))
    return out


def _ref(raw: bytes) -> str:
    import orjson

    return str(EntityRef.of(orjson.loads(raw)))


ORIGIN = "backstage.io/managed-by-origin-location"


def _without(image: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """An image without what may differ by right: which of several ways to a file came first."""
    return {
        **image,
        "file": [row[:1] + row[2:] for row in image["file"]],
        "node": [row[:3] + row[4:] for row in image["node"]],
        "term": [row for row in image["term"] if row[0] != f"metadata.annotations.{ORIGIN}"],
    }


async def _entities(site: Any) -> dict[str, Any]:
    found: dict[str, Any] = await site.snapshot()
    for entity in found.values():
        entity["metadata"]["annotations"].pop(ORIGIN)
    return found


async def _state(site: Any) -> dict[str, Any]:
    return {"entities": await _entities(site), "answers": await _answers(site), **_without(await site.image())}


async def play(world: Any, seed: int, steps: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a portal knows after a history of so many steps, with restarts on the way, and what a fresh one knows."""
    history = History(world, seed)
    locations = ("one.yaml", "t*.yaml", "sub/*.yml")
    lives = history.dice.randint(1, 3)
    for life in range(lives):
        async with world.site(*locations, settle=history.dice.random() < 0.5) as site:
            watch = FileWatch(site.catalog.writer)
            for _ in range(steps // lives):
                history.step()
                if history.dice.random() < 0.8:
                    await history.look(site, watch)
                await _answers(site)
            if life == lives - 1:
                history.settle()
                await site.sweep()
                await site.sweep()
                state, before = await _state(site), await site.revision()
                await site.sweep()
                assert await site.revision() == before, f"history {seed} does not come to rest"
    async with world.beside().site(*locations) as site:
        await site.sweep()
        return state, await _state(site)


async def _check(world: Any, seed: int, steps: int) -> None:
    state, fresh = await play(world, seed, steps)
    for part, expected in fresh.items():
        assert state[part] == expected, f"history {seed}: {part}"


@pytest.mark.parametrize("seed", range(10))
async def test_a_random_history_of_edits_ends_as_a_fresh_load_does(world: Any, seed: int) -> None:
    """Files that come, go, move, break and recover, looked at in any way: entities, search, findings and every row agree."""
    await _check(world, seed, steps=15)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 104))
async def test_a_random_history_ends_so_on_postgresql_too(postgres_world: Any, seed: int) -> None:
    """The same property on the other engine."""
    await _check(postgres_world, seed, steps=20)


@pytest.mark.slow
@pytest.mark.parametrize(
    "seed", [*range(1_000, 1_012), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1_012, 1_100))]
)
async def test_long_random_histories_end_as_a_fresh_load_does(world: Any, seed: int) -> None:
    """The same property over longer ones; most of them in ``make soak``."""
    await _check(world, seed, steps=40)


# ---- providers --------------------------------------------------------------------------------------------------------


class Source:
    every_s = 3_600.0

    def __init__(self, name: str) -> None:
        self.name = name

    async def run(self, connection: Any) -> None:
        return None


def _delivery(dice: random.Random, *, name: str, good: bool) -> list[DeferredEntity]:
    out = []
    for _ in range(dice.randint(0, 8)):
        chosen = dice.choice(NAMES)
        document = component(
            chosen if good is False else f"{name}-{chosen}", owner=dice.choice(("team", "crew")), dependsOn=[f"component:{dice.choice(NAMES)}"],
            metadata={"description": dice.choice("xyz")},
        )  # fmt: skip
        if not good and dice.random() < 0.2:
            del document["spec"]["owner"]
        out.append(DeferredEntity(document, name if dice.random() < 0.8 or good else None))
    return out


@pytest.mark.parametrize("seed", range(8))
async def test_any_full_mutation_twice_changes_nothing_the_second_time(world: Any, seed: int) -> None:
    """Good and bad entities, named once or more, with the location keys of one or of two sources."""
    dice = random.Random(seed)
    async with world.site(extension=world.extend(providers=[Source("one"), Source("two")])) as site:
        for _ in range(4):
            mutations = {}
            for name in ("one", "two"):
                mutations[name] = FullMutation(_delivery(dice, name=name, good=False))
                await site.connection(name).apply(mutations[name])
                await site.settle()
            await site.connection("one").apply(mutations["one"])
            await site.settle()
            await site.connection("two").apply(mutations["two"])
            await site.settle()
            before, image = await site.revision(), await site.image()
            for name in ("one", "two"):
                await site.connection(name).apply(mutations[name])
                await site.settle()
            assert await site.revision() == before, f"seed {seed}"
            assert await site.image() == image, f"seed {seed}"


@pytest.mark.parametrize("seed", range(8))
async def test_any_sequence_of_deliveries_ends_with_what_was_delivered_last(world: Any, seed: int) -> None:
    """Full and delta mutations of two sources: the store ends as if each had given its last state to an empty one."""
    dice = random.Random(seed)
    extension = world.extend(providers=[Source("one"), Source("two")])
    state: dict[str, dict[str, DeferredEntity]] = {"one": {}, "two": {}}
    async with world.site(extension=extension) as site:
        for _ in range(10):
            name = dice.choice(("one", "two"))
            given = {str(EntityRef.of(d.entity)): d for d in reversed(_delivery(dice, name=name, good=True))}
            if dice.random() < 0.5:
                state[name] = dict(given)
                await site.connection(name).apply(FullMutation(list(given.values())))
            else:
                removed = dice.sample(sorted(state[name]), min(2, len(state[name])))
                removed = [ref for ref in removed if ref not in given]
                state[name] = {**{r: d for r, d in state[name].items() if r not in removed}, **given}
                await site.connection(name).apply(DeltaMutation(list(given.values()), removed))
            await site.settle()
        snapshot, image = await site.snapshot(), await site.image()
    fresh = world.beside()
    async with fresh.site(extension=extension) as site:
        for name, known in state.items():
            await site.connection(name).apply(FullMutation(list(known.values())))
        await site.settle()
        assert await site.snapshot() == snapshot, f"seed {seed}"
        assert await site.image() == image, f"seed {seed}"
