"""Whom files mean by their owners: groups and people of the catalog that the asker sees, by handle, name or mail, typos included."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from typing import Any, Iterable, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import CatalogQueries, EntityQuery
from callboard.features.importing.interface.matching import clean_name, match_owners
from callboard.features.proposals.domain.values import Confidence
from callboard.features.proposals.domain.words import say
from callboard.kernel.auth.actor import Actor
from callboard.model.predicates import has_value

KEPT_S = 60.0
_NOT_A_LETTER = re.compile(r"[\W_]+")
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
        self._same: dict[str, list[str]] = {}
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
            for one in {_bare(str(text)) for text in said if text}:
                self._same.setdefault(one, []).append(ref)

    def learn(self, said: Iterable[str]) -> None:
        """Find all of these at once: likeness is looked for in one index, which takes long to build."""
        asked = {one.lower(): one.strip() for one in said if one.lower() not in self._known}
        unlike: dict[str, dict[str, str]] = {"group": {}, "user": {}, "any": {}}
        for key, one in asked.items():
            sort = _sort_of(one)
            text = one.rpartition("/")[2] if sort == "group" else one.removeprefix("@")
            handle = self._handles.get(one[1:].lower()) if one.startswith("@") else None
            named = [ref for ref in self._same.get(_bare(text), ()) if sort in ("any", ref.partition(":")[0])]
            if handle is not None:
                self._known[key] = Meant(handle, "high", f"{one} is its handle at the host", True)
            elif len(named) == 1:
                self._known[key] = Meant(named[0], "high", f"{one}: the same name", True)
            elif text:
                unlike[sort][key] = text
            else:
                self._known[key] = None
        for sort, wanted in unlike.items():
            self._match(sort, wanted, asked)

    def find(self, said: str) -> Meant | None:
        """None where nobody is meant that could be told: a bare name that no one has."""
        if said.lower() not in self._known:
            self.learn([said])
        return self._known[said.lower()]

    def _match(self, sort: str, wanted: Mapping[str, str], asked: Mapping[str, str]) -> None:
        """By likeness. Handles of people are exact: nobody mistypes their own, and two differ by a letter."""
        people = {**self._names["group"], **self._names["user"]} if sort == "any" else self._names[sort]
        matches = (
            match_owners([*wanted.values()], people, create=False, exact=sort == "user") if wanted and people else {}
        )
        for key, text in wanted.items():
            match, said = matches.get(text), asked[key]
            if match is not None and match.ref in people and match.confidence > 0:
                sure: Confidence = (
                    "high" if match.confidence >= 0.85 else "likely" if match.confidence >= 0.6 else "guess"
                )
                reason = say("proposals.why.match", said=said, reason=match.reason)
                self._known[key] = Meant(match.ref, sure, reason, True)
            else:
                self._known[key] = None if sort == "any" else self._made(said, sort)

    @staticmethod
    def _made(said: str, kind: str) -> Meant | None:
        name = clean_name(said.rpartition("/")[2].removeprefix("@"))[0].lower()
        return Meant(f"{kind}:default/{name}", "guess", say("proposals.why.nobody", said=said), False) if name else None


def _sort_of(said: str) -> str:
    """Whom a text can name: a team (``@acme/payments``), a person (``@ada``), or either."""
    if not said.startswith("@"):
        return "any"
    return "group" if "/" in said else "user"


def _bare(text: str) -> str:
    return _NOT_A_LETTER.sub("", text.casefold()) if "@" not in text else text.casefold()


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
