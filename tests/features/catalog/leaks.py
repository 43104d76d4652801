"""A catalog full of marked entities, random policies over it, and an oracle that says who may see what.

Every entity ``nn`` carries two marks: ``zq<nn>n`` in its name and ``zq<nn>x`` in every other field. Whatever the portal
answers, a mark of an entity that the asker may not see is a leak, unless a visible entity's own stored bytes hold it
(a relation names the ref of its other end, as on Backstage's wire; nothing beyond that ref).

The oracle reads the policy and the documents by itself: it shares no code with ``kernel.policy`` or the catalog.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterable, Mapping, Sequence

import orjson
import yaml

from callboard.features.catalog.interface import DeferredEntity, FullMutation, ProviderConnection
from callboard.features.catalog.plugin import Catalog
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.plugins.hooks import hookimpl
from callboard.testing.actors import guest, service, user
from callboard.testing.http import FakeHttp
from callboard.testing.portal import PortalForTest, make_portal

MARK = re.compile(r"zq(\d\d)([nx])")
REMOTE = "https://files.example.com/zq50x-remote.yaml"
UNREGISTERED = "https://files.example.com/zq51x-other.yaml"
ABSENT = 99
KINDS = ("Component", "API", "Resource", "System", "Domain", "Group", "User", "Template", "Location")


def name_of(number: int, word: str) -> str:
    return f"zq{number:02d}n-{word}"


def secret(number: int, word: str) -> str:
    return f"zq{number:02d}x-{word}"


# ---- the documents ----------------------------------------------------------------------------------------------------


def document(number: int, kind: str, word: str, spec: Mapping[str, Any], *, version: int = 1) -> dict[str, Any]:
    """An entity with its secret in every sort of field."""
    mark = secret(number, "v1" if version == 1 else "v2")
    return {
        "apiVersion": "scaffolder.backstage.io/v1beta3" if kind == "Template" else "backstage.io/v1alpha1",
        "kind": kind,
        "metadata": {
            "name": name_of(number, word),
            "namespace": "default" if number % 5 else "other",
            "title": f"Title {mark}",
            "description": f"What {mark} is for",
            "labels": {"tier": ("gold", "silver", "bronze")[number % 3], "code": mark},
            "annotations": {"example.com/secret": mark, **({"example.com/team": "core"} if number % 2 else {})},
            "tags": ["shared", mark, ("java", "go")[number % 2]],
            "links": [{"url": f"https://{mark}.example.com/", "title": f"Link {mark}"}],
        },
        "spec": {**spec, "zone": ("eu", "us", "ap")[number % 3], "note": mark},
    }


def _owned(number: int, **spec: Any) -> dict[str, Any]:
    return {"lifecycle": ("production", "experimental")[number % 2], "owner": ref_of(1 + number % 4, "group"), **spec}


_WORDS = {
    **{n: ("Group", "team") for n in (1, 2, 3, 4)},
    **{n: ("User", "person") for n in (5, 6, 7, 8)},
    **{n: ("Domain", "field") for n in (9, 10)},
    **{n: ("System", "system") for n in (11, 12, 13)},
    **{n: ("Component", "service") for n in range(14, 28)},
    **{n: ("API", "interface") for n in (28, 29, 30, 31)},
    **{n: ("Resource", "store") for n in (32, 33, 34)},
    **{n: ("Template", "recipe") for n in (35, 36)},
    **{n: ("Component", "given") for n in (37, 38, 39)},
    **{n: ("Location", "place") for n in (40, 41, 42)},
    **{n: ("Component", "remote") for n in (50,)},
    **{n: ("Component", "gone") for n in (70,)},
}
"""Number to kind and the word of its name. 37 to 39 come from a provider, 50 from a URL; 70 is removed again."""


def ref_of(number: int, kind: str | None = None) -> str:
    known, word = _WORDS[number]
    namespace = "default" if number % 5 else "other"
    return f"{(kind or known).lower()}:{namespace}/{name_of(number, word)}"


def _spec(number: int, kind: str) -> dict[str, Any]:
    match kind:
        case "Group":
            return {
                "type": "team",
                "children": [ref_of(number + 1)] if number in (1, 3) else [],
                "profile": {"displayName": secret(number, "p")},
            }
        case "User":
            return {
                "memberOf": [ref_of(number - 4)],
                "profile": {"displayName": secret(number, "p"), "email": f"{secret(number, 'p')}@example.com"},
            }
        case "Domain":
            return {"owner": ref_of(1)}
        case "System":
            return {"owner": ref_of(2), "domain": ref_of(9 + number % 2)}
        case "API":
            definition = f"openapi: 3.1.0\ninfo: {{title: {secret(number, 'd')}, version: '1'}}\npaths: {{}}\n"
            return _owned(
                number, type=("openapi", "grpc")[number % 2], definition=definition, system=ref_of(11 + number % 3)
            )
        case "Resource":
            return {"type": "database", "owner": ref_of(1 + number % 4), "system": ref_of(11 + number % 3)}
        case "Template":
            return {"type": "service", "owner": ref_of(1), "parameters": [], "steps": []}
        case _:
            more: dict[str, Any] = {}
            if number % 4 == 0 and number < 27:
                more = {"dependsOn": [ref_of(number + 1)], "providesApis": [ref_of(28 + number % 4)]}
            if number % 3 == 0:
                more["system"] = ref_of(11 + number % 3)
            return _owned(number, type=("service", "website", "library")[number % 3], **more)


def _documents(numbers: Iterable[int], version: int) -> list[dict[str, Any]]:
    return [document(n, _WORDS[n][0], _WORDS[n][1], _spec(n, _WORDS[n][0]), version=version) for n in numbers]


def write_files(folder: Path, version: int) -> Path:
    """The files of one version; the second changes every secret, spoils a document, removes one, adds a conflict.

    The root names the Locations 40 to 42, each of which names a file with others.
    """
    groups = {40: range(1, 14), 41: range(14, 25), 42: (*range(25, 37), *((70,) if version == 1 else ()))}
    root = []
    for number, members in groups.items():
        place = document(
            number, "Location", "place", {"targets": [f"./{secret(number, 'parts')}.yaml"]}, version=version
        )
        root.append(place)
        parts = _documents(members, version)
        if number == 41 and version == 2:  # what was good goes bad, and one comes that never was good
            bad = next(p for p in parts if p["metadata"]["name"] == ref_of(20).rpartition("/")[2])
            bad["metadata"]["labels"] = {f"{secret(20, 'bad')} label!": "x"}
            parts.append(document(71, "Component", "never", {"type": secret(71, "t"), "owner": {secret(71, "no"): 1}}))
        if number == 42 and version == 2:  # 15 is described in the file of 41 already, and so is 2 in that of 40
            parts += [
                document(n, _WORDS[n][0], _WORDS[n][1], {**_spec(n, _WORDS[n][0]), "note": secret(72, "loser")})
                for n in (2, 15)
            ]
        (folder / f"{secret(number, 'parts')}.yaml").write_text(yaml.safe_dump_all(parts), encoding="utf-8")
    (folder / "root.yaml").write_text(yaml.safe_dump_all(root), encoding="utf-8")
    return folder / "root.yaml"


class MarkedProvider:
    """Gives the entities 37 to 39."""

    name = "marked"
    every_s = 3600.0

    def __init__(self) -> None:
        self.version = 1

    async def run(self, connection: ProviderConnection) -> None:
        await connection.apply(
            FullMutation([DeferredEntity(e, "marked:here") for e in _documents((37, 38, 39), self.version)])
        )


class MarkedPlugin:
    def __init__(self) -> None:
        self.provider = MarkedProvider()

    @hookimpl
    def register_catalog_providers(self, portal: Any) -> Sequence[Any]:
        return [self.provider]


def network(version: int) -> FakeHttp:
    net = FakeHttp()
    for url in (REMOTE, UNREGISTERED):
        net.add(url, yaml.safe_dump_all(_documents((50,), version)), headers={"etag": f'"{version}"'})
    return net


def settings_of(root: Path, policy: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {
        "catalog": {
            "locations": [{"type": "file", "target": str(root)}],
            "rules": [{"allow": list(KINDS)}],
            "watchFiles": False,
        },
        "backend": {"reading": {"allow": [{"host": "files.example.com"}]}},
        **({} if policy is None else {"permission": {"policy": policy}}),
    }


@dataclass
class World:
    """A built store, and what is in it. ``bodies`` are the stored bytes by ref."""

    folder: Path
    root: Path
    data_dir: Path
    entities: dict[str, dict[str, Any]] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)
    first_event: str = ""


async def build_world(folder: Path) -> World:
    """Two versions one after the other, so that there is history; ``data_dir`` is left for others to copy."""
    files = folder / "files"
    files.mkdir(parents=True)
    world = World(folder, write_files(files, 1), folder / "data")
    plugin = MarkedPlugin()
    async with make_portal(
        settings_of(world.root), data_dir=world.data_dir, plugins=[("marked", plugin)], transport=network(1)
    ) as portal:
        await portal.jobs.run_due()
        commands = portal.portal.service(Catalog).commands
        from callboard.model.refs import LocationRef

        await commands.create_location(LocationRef("url", REMOTE), on_conflict="reject", actor=SYSTEM)
        await portal.jobs.run_due()
    plugin.provider.version = 2
    write_files(files, 2)
    async with make_portal(
        settings_of(world.root), data_dir=world.data_dir, plugins=[("marked", plugin)], transport=network(2)
    ) as portal:
        await portal.jobs.run_due()
        async with portal.client(SYSTEM) as client:
            raw = await client.get("/api/catalog/entities")
        for entity in orjson.loads(raw.content):
            metadata = entity["metadata"]
            ref = f"{entity['kind']}:{metadata['namespace']}/{metadata['name']}".lower()
            world.entities[ref] = entity
            world.bodies[ref] = orjson.dumps(entity)
        async with portal.portal.db.read() as tx:
            world.first_event = await tx.fetch_value("SELECT id FROM kernel_event ORDER BY seq LIMIT 1")
    return world


# ---- policies and people ----------------------------------------------------------------------------------------------

USERS = tuple(user(name) for name in ("ada", "bob", "eve"))
_GROUPS = tuple(ref_of(n) for n in (1, 2, 3, 4))
_PERMISSIONS = ("catalog.entity.read", "catalog.entity.read", "catalog.entity.*", "catalog.*", "*")
_OTHERS = ("catalog.location.read", "catalog.ingestion.read", "portal.event.read", "catalog.entity.delete")


def random_leaf(random: random.Random) -> dict[str, Any]:
    """One of the six rules, with parameters that hold for some entities."""
    number = random.randint(1, 39)
    rule, params = random.choice(
        [
            ("IS_ENTITY_OWNER", {"claims": random.choice([["$ownershipRefs"], random.sample(_GROUPS, random.randint(0, 3))])}),
            ("IS_ENTITY_KIND", {"kinds": random.sample(KINDS, random.randint(0, 4))}),
            ("HAS_ANNOTATION", random.choice([
                {"annotation": "example.com/team"}, {"annotation": "Example.com/team", "value": "CORE"},
                {"annotation": "example.com/secret", "value": secret(number, "v2")},
                {"annotation": "backstage.io/managed-by-location"},
            ])),
            ("HAS_LABEL", random.choice([{"label": "tier"}, {"label": "tier", "value": random.choice(["gold", "Silver", "tin"])}])),
            ("HAS_METADATA", random.choice([
                {"key": "namespace", "value": "other"}, {"key": "tags", "value": random.choice(["java", "go"])}, {"key": "title"},
                {"key": "name", "value": name_of(number, _WORDS[number][1])}, {"key": "links.title"}, {"key": "tags.java"},
            ])),
            ("HAS_SPEC", random.choice([
                {"key": "type", "value": random.choice(["service", "library", "Website", "team"])}, {"key": "lifecycle"},
                {"key": "zone", "value": random.choice(["eu", "us", "ap"])}, {"key": "lifecycle", "value": "production"},
                {"key": "profile.email"}, {"key": "owner"},
            ])),
        ]
    )  # fmt: skip
    return {"rule": rule, "resourceType": "catalog-entity", "params": params}


def random_condition(random: random.Random, depth: int = 3) -> dict[str, Any]:
    what = random.random()
    if depth == 0 or what < 0.4:
        return random_leaf(random)
    if what < 0.6:
        return {"not": random_condition(random, depth - 1)}
    parts = [random_condition(random, depth - 1) for _ in range(random.randint(1, 3))]
    return {"anyOf" if what < 0.85 else "allOf": parts}


def random_policy(random: random.Random) -> dict[str, Any]:
    """Several roles with members of every sort, rules that allow and deny, with and without conditions."""
    roles = {}
    people = [u.subject for u in USERS]
    for index in range(random.randint(1, 4)):
        members = (
            ["$everyone"]
            if not index
            else random.sample(
                [*people, *_GROUPS, "$everyone", "$users", "$users", "$guests", "$services"], random.randint(2, 6)
            )
        )
        rules = []
        for _ in range(random.randint(1, 3)):
            rule: dict[str, Any] = {
                "permission": random.choice(_PERMISSIONS),
                "effect": random.choice(["allow", "allow", "deny"]),
            }
            if rule["effect"] == "deny" and rule["permission"] != "catalog.entity.read":
                rule["permission"] = "catalog.entity.read"
            if random.random() < 0.96 or rule["effect"] == "deny" or not index:
                rule["when"] = random_condition(random)
            rules.append(rule)
        if random.random() < 0.5:
            rules.append({"permission": list(_OTHERS)})
        roles[f"role{index}"] = {"members": members, "rules": rules}
    return {"defaults": random.random() < 0.2, "roles": roles}


def random_actor(random: random.Random) -> Actor:
    what = random.random()
    if what < 0.1:
        return guest()
    if what < 0.2:
        return service()
    return user(random.choice(USERS).subject, *random.sample(_GROUPS, random.randint(0, 3)))


# ---- the oracle -------------------------------------------------------------------------------------------------------


def _values(entity: Mapping[str, Any], path: Sequence[str]) -> list[Any]:
    """Every scalar found along ``path``, whose parts are taken together where a key has dots in it."""
    found: list[Any] = []

    def walk(value: Any, rest: str) -> None:
        if isinstance(value, list):
            for item in value:
                if isinstance(item, str) and rest and item.lower() == rest:
                    found.append("true")
                walk(item, rest)
        elif isinstance(value, dict):
            for key, child in value.items():
                low = key.lower()
                if rest == low:
                    walk(child, "")
                elif rest.startswith(low + "."):
                    walk(child, rest[len(low) + 1 :])
        elif not rest:
            found.append(value)

    walk(entity, ".".join(path).lower())
    return found


def _leaf_holds(rule: str, params: Mapping[str, Any], entity: Mapping[str, Any], actor: Actor) -> bool:
    if rule == "IS_ENTITY_OWNER":
        claims: set[str] = set()
        for claim in params["claims"]:
            claims |= actor.ownership if claim == "$ownershipRefs" else {claim.lower()}
        return any(r["targetRef"].lower() in claims for r in entity["relations"] if r["type"] == "ownedBy")
    if rule == "IS_ENTITY_KIND":
        return entity["kind"].lower() in {kind.lower() for kind in params["kinds"]}
    path = {
        "HAS_ANNOTATION": lambda: ("metadata", "annotations", params["annotation"]),
        "HAS_LABEL": lambda: ("metadata", "labels", params["label"]),
        "HAS_METADATA": lambda: ("metadata", params["key"]),
        "HAS_SPEC": lambda: ("spec", params["key"]),
    }[rule]()
    found = _values(entity, path)
    if "value" not in params:
        return bool(found)
    return any(str(value).lower() == params["value"].lower() for value in found)


def holds(condition: Mapping[str, Any], entity: Mapping[str, Any], actor: Actor) -> bool:
    if "anyOf" in condition:
        return any(holds(part, entity, actor) for part in condition["anyOf"])
    if "allOf" in condition:
        return all(holds(part, entity, actor) for part in condition["allOf"])
    if "not" in condition:
        return not holds(condition["not"], entity, actor)
    return _leaf_holds(condition["rule"], condition["params"], entity, actor)


def may_see(policy: Mapping[str, Any], actor: Actor, entity: Mapping[str, Any]) -> bool:
    """A denial beats a permission, a permission beats nothing, and nothing is no."""
    groups = {
        "$everyone",
        "$services" if actor.type == "service" else "$guests" if "guest" in actor.subject else "$users",
    }
    allowed = bool(policy["defaults"])
    for role in policy["roles"].values():
        if not set(role["members"]) & (groups | actor.ownership | {actor.subject}):
            continue
        for rule in role["rules"]:
            named = rule["permission"] if isinstance(rule["permission"], list) else [rule["permission"]]
            if not set(named) & set(_PERMISSIONS):
                continue
            if "when" in rule and not holds(rule["when"], entity, actor):
                continue
            if rule.get("effect") == "deny":
                return False
            allowed = True
    return allowed


# ---- looking for marks ------------------------------------------------------------------------------------------------


@dataclass
class Watch:
    """Knows what may not be said to one actor. ``check`` looks at one answer, ``problems`` collects what it found.

    ``is_open``: nothing at all is hidden from the actor, so that documents that never became an entity are theirs to see.
    """

    visible: Mapping[str, Mapping[str, Any]]
    hidden: Mapping[str, Mapping[str, Any]]
    actor: Actor
    is_open: bool = False
    problems: list[str] = field(default_factory=list)
    _allowed: set[str] = field(default_factory=set)
    _forbidden: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        own = b"".join(orjson.dumps(entity) for entity in self.visible.values()).decode() + " ".join(
            self.actor.ownership
        )
        self._allowed = {m.group() for m in MARK.finditer(own)}
        if self.is_open:
            self._allowed |= {f"zq{number}{which}" for number in (70, 71, 72) for which in "nx"}
        for ref, entity in self.hidden.items():
            for text in (ref, entity["metadata"]["uid"], entity["metadata"]["etag"]):
                if text not in own:
                    self._forbidden[text] = ref

    def check(self, where: str, text: str, *, echoed: str = "") -> None:
        """``echoed`` is what the asker said, which an answer may repeat."""
        spoken = {m.group() for m in MARK.finditer(echoed)}
        marks = {m.group() for m in MARK.finditer(text)} - self._allowed - spoken - {f"zq{ABSENT}n", f"zq{ABSENT}x"}
        for mark in sorted(marks):
            at = text.find(mark)
            self.problems.append(f"{where}: {mark} in …{text[max(0, at - 80) : at + 60]}…")
        for word, ref in self._forbidden.items():
            if word in text and word not in echoed:
                at = text.find(word)
                self.problems.append(f"{where}: {ref} by {word!r} in …{text[max(0, at - 80) : at + 60]}…")


__all__ = [
    "ABSENT", "MARK", "REMOTE", "UNREGISTERED", "MarkedPlugin", "PortalForTest", "Watch", "World", "build_world", "may_see",
    "network", "random_actor", "random_policy", "ref_of", "settings_of",
]  # fmt: skip
