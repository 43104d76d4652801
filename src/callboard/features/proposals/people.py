"""Whom files mean by their owners: groups and people of the catalog that the asker sees, by handle, name or mail, typos included."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import CatalogQueries, EntityQuery
from callboard.features.importing.interface.matching import clean_name, match_owners
from callboard.features.proposals.domain.values import Confidence
from callboard.kernel.auth.actor import Actor
from callboard.model.predicates import has_value

KEPT_S = 60.0
MAX_KEPT = 50
_HANDLES = (
    "github.com/team-slug",
    "github.com/user-login",
    "gitlab.com/group-path",
    "gitlab.com/user-login",
    "gitlab.com/username",
)


@dataclass(frozen=True, slots=True)
class Meant:
    """``ref`` (lower-cased) is whom they mean; ``is_there`` in the catalog, else it is what one would be called."""

    ref: str
    confidence: Confidence
    reason: str
    is_there: bool


class People:
    """What one asker sees. Answers are remembered: matching by likeness costs."""

    def __init__(self, entities: Sequence[Mapping[str, Any]]) -> None:
        self.refs: set[str] = set()
        self._handles: dict[str, str] = {}
        self._names: dict[str, dict[str, Sequence[str]]] = {"group": {}, "user": {}}
        self._known: dict[str, Meant | None] = {}
        for entity in entities:
            metadata, spec = entity["metadata"], entity.get("spec") or {}
            ref = f"{entity['kind']}:{metadata['namespace']}/{metadata['name']}".lower()
            profile = spec.get("profile") if isinstance(spec, Mapping) else None
            profile = profile if isinstance(profile, Mapping) else {}
            annotations = metadata.get("annotations") or {}
            for key in _HANDLES:
                if annotations.get(key):
                    self._handles[str(annotations[key]).lower()] = ref
            said = (metadata["name"], metadata.get("title"), profile.get("displayName"), profile.get("email"))
            self._names[entity["kind"].lower()][ref] = [str(one) for one in said if one]
            self.refs.add(ref)

    def find(self, said: str) -> Meant | None:
        """None where nobody is meant that could be told: a bare name that no one has."""
        key = said.lower()
        if key not in self._known:
            self._known[key] = self._find(said.strip())
        return self._known[key]

    def _find(self, said: str) -> Meant | None:
        handle = said.removeprefix("@").lower()
        if said.startswith("@") and handle in self._handles:
            return Meant(self._handles[handle], "high", f"{said} is its handle at the host", True)
        if said.startswith("@") and "/" in said:
            return self._match(said, said.rpartition("/")[2], self._names["group"]) or self._made(said, "group")
        if said.startswith("@"):
            return self._match(said, said[1:], self._names["user"], exact=True) or self._made(said, "user")
        return self._match(said, said, {**self._names["group"], **self._names["user"]})

    def _match(self, said: str, text: str, people: Mapping[str, Sequence[str]], *, exact: bool = False) -> Meant | None:
        if not text or not people:
            return None
        match = match_owners([text], people, create=False, exact=exact)[text]
        if match.ref not in people or match.confidence <= 0:
            return None
        confidence: Confidence = (
            "high" if match.confidence >= 0.85 else "likely" if match.confidence >= 0.6 else "guess"
        )
        return Meant(match.ref, confidence, f"{said}: {match.reason[:1].lower()}{match.reason[1:]}", True)

    @staticmethod
    def _made(said: str, kind: str) -> Meant | None:
        name = clean_name(said.rpartition("/")[2].removeprefix("@"))[0].lower()
        return (
            Meant(f"{kind}:default/{name}", "guess", f"Nobody in the catalog is known as {said}", False)
            if name
            else None
        )


class Directory:
    """``People`` by asker, kept for a minute."""

    def __init__(self, queries: CatalogQueries) -> None:
        self._queries = queries
        self._kept: dict[str, tuple[float, People]] = {}

    async def of(self, actor: Actor, *, fresh: bool = False) -> People:
        kept = self._kept.get(actor.subject)
        if not fresh and kept is not None and time.monotonic() - kept[0] < KEPT_S:
            return kept[1]
        entities: list[Mapping[str, Any]] = []
        query = EntityQuery(has_value("kind", ["group", "user"]), want_total=False)
        async for chunk in self._queries.iter_raw(query, actor=actor):
            entities += [orjson.loads(raw) for raw in chunk]
        people = await asyncio.to_thread(People, entities)
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[actor.subject] = (time.monotonic(), people)
        return people

    def forget(self) -> None:
        """Groups were made: ask again."""
        self._kept.clear()
