"""Rows of the store as proposals for one asker: owners and relations resolved against the catalog as that asker sees it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import AbstractSet, Any, Final, Iterable, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import CatalogQueries
from callboard.features.proposals import store
from callboard.features.proposals.codec import draft_of, facts_of
from callboard.features.proposals.domain.documents import NEEDED, RELATIONS, Purpose, document_of, has_field
from callboard.features.proposals.domain.proposing import IF_THERE
from callboard.features.proposals.domain.values import Draft, Evidence, Field, RepositoryFacts, linked
from callboard.features.proposals.domain.words import say
from callboard.features.proposals.interface import EDITABLE, FieldDifference, Proposal, ProposedField
from callboard.features.proposals.people import Directory, People
from callboard.features.proposals.store import ItemRow, RepositoryRow
from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import parse_time
from callboard.kernel.db.interface import Database

ORDER: Final = (*EDITABLE, "metadata.links", "spec.definition")
_BY_HAND = Evidence(say("proposals.why.you_or_somebody_else"))


@dataclass(slots=True)
class Around:
    """What rows need to know of others: ``targets`` by item id, ``there`` are refs that the asker sees in the catalog."""

    people: People
    targets: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)
    there: AbstractSet[str] = frozenset()
    rivals: Mapping[str, int] = field(default_factory=dict)
    repositories: Mapping[str, RepositoryRow] = field(default_factory=dict)


@dataclass(slots=True)
class Item:
    """A row taken apart."""

    row: ItemRow
    draft: Draft
    edits: Mapping[str, Any]

    @classmethod
    def of(cls, row: ItemRow) -> Item:
        return cls(row, draft_of(row.body, row.definition), orjson.loads(row.edits))

    @property
    def name(self) -> str:
        return str(self.edits.get("metadata.name") or self.draft.name)

    def said(self, path: str) -> Any:
        """What a person says of a field, else what the files say; owners and links as they are kept."""
        if path in self.edits:
            return self.edits[path]
        found = self.draft.fields.get(path)
        return found.value if found is not None else None

    def links(self) -> Iterable[str]:
        for path in RELATIONS:
            yield from _many(self.said(path))


@dataclass(frozen=True, slots=True)
class Resolved:
    """A relation with links turned into refs. ``refs`` are those to write; ``targets`` all, with their state; ``left_out`` keys."""

    refs: tuple[str, ...]
    targets: tuple[tuple[str, str], ...]
    left_out: tuple[str, ...]


def ref_of(kind: str, name: str) -> str:
    return f"{kind}:default/{name}".lower()


class Queue:
    """Shows rows to people."""

    def __init__(self, db: Database, queries: CatalogQueries, directory: Directory) -> None:
        self._db = db
        self._queries = queries
        self.directory = directory

    async def around(self, items: Sequence[Item], actor: Actor, *, fresh: bool = False) -> Around:
        """Four queries, however many items there are."""
        people = await self.directory.of(actor, fresh=fresh)
        await asyncio.to_thread(people.learn, {owner.said for item in items for owner in item.draft.owners})
        wanted: set[str] = set()
        refs: set[str] = set()
        for item in items:
            refs.add(item.row.accepted_ref or item.row.ref)
            for value in item.links():
                key = linked(value)
                if key is not None:
                    wanted.add(store.item_id(item.row.repository_id, key))
                else:
                    refs.add(str(value).removeprefix(IF_THERE).lower())
        async with self._db.read() as tx:
            targets = await store.list_targets(tx, wanted) if wanted else {}
            rivals = await store.count_refs(tx, refs) if refs else {}
            repositories = await store.list_repositories(tx, {item.row.repository_id for item in items})
        asked = sorted(refs)
        bodies = await self._queries.get_many_raw(asked, actor=actor) if asked else []
        there = {ref for ref, body in zip(asked, bodies, strict=True) if body is not None}
        return Around(people, targets, there, rivals, repositories)

    async def show(self, rows: Sequence[ItemRow], actor: Actor) -> list[Proposal]:
        items = [Item.of(row) for row in rows]
        around = await self.around(items, actor)
        return await asyncio.to_thread(lambda: [proposal_of(item, around) for item in items])


# ---- one item ---------------------------------------------------------------------------------------------------------------


def owner_of(item: Item, people: People) -> ProposedField | None:
    """The first whom the catalog knows, else the first who could be made."""
    found: Field | None = None
    for owner in item.draft.owners:
        meant = people.find(owner.said)
        if meant is None or (found is not None and not meant.is_there):
            continue
        sure = max(owner.confidence, meant.confidence, key=("high", "likely", "guess").index)
        found = Field(meant.ref, sure, (*owner.evidence, Evidence(meant.reason)))
        if meant.is_there:
            break
    if "spec.owner" in item.edits:
        return ProposedField(
            "spec.owner", item.edits["spec.owner"], "high", (_BY_HAND,), True, found.value if found else None
        )
    return None if found is None else ProposedField("spec.owner", found.value, found.confidence, found.evidence)


def resolve(item: Item, path: str, around: Around, included: AbstractSet[str] = frozenset()) -> Resolved:
    """A relation. ``included`` are ids of proposals that are accepted together with this one."""
    refs, targets, left_out = [], [], []
    for value in _many(item.said(path)):
        key = linked(value)
        if key is None:
            ref = str(value)
            conditional = ref.startswith(IF_THERE)
            ref = ref.removeprefix(IF_THERE)
            is_there = ref.lower() in around.there
            if is_there or not conditional:
                refs.append(ref)
            targets.append((ref, "there" if is_there else "left out" if conditional else "absent"))
            continue
        id = store.item_id(item.row.repository_id, key)
        state, ref, accepted = around.targets.get(id, ("", "", ""))
        if state == "accepted":
            refs.append(accepted or ref)
            targets.append((accepted or ref, "there"))
        elif state == "open":
            targets.append((ref, "proposed"))
            if id in included:
                refs.append(ref)
            else:
                left_out.append(key)
        elif state:
            targets.append((ref, "left out"))
            left_out.append(key)
    return Resolved(tuple(dict.fromkeys(refs)), tuple(dict.fromkeys(targets)), tuple(left_out))


def proposal_of(item: Item, around: Around) -> Proposal:
    row, draft = item.row, item.draft
    repository = around.repositories.get(row.repository_id)
    fields = _fields(item, around)
    missing = [path for path in NEEDED.get(row.kind, ()) if path not in fields or fields[path].value in (None, "", [])]
    ref = row.accepted_ref or row.ref
    return Proposal(
        id=row.id, key=row.key, kind=row.kind, ref=ref, name=item.name, title=row.title, state=row.state,  # type: ignore[arg-type]
        confidence=draft.confidence, repository=repository.name if repository else "", repository_id=row.repository_id,
        repository_url=repository.url if repository else "", folder=draft.folder, evidence=draft.evidence, fields=fields,
        found_at=parse_time(row.found_at), decided_at=parse_time(row.decided_at) if row.decided_at else None, decided_by=row.decided_by,
        is_taken=ref in around.there, rivals=around.rivals.get(row.ref, 0) - (row.state == "open") if row.state != "accepted" else 0,
        missing=tuple(missing), differences=differences_of(item, around), is_gone=bool(row.is_gone),
    )  # fmt: skip


def _fields(item: Item, around: Around) -> dict[str, ProposedField]:
    shown: dict[str, ProposedField] = {}
    paths = [*ORDER, *sorted(path for path in item.draft.fields if path not in ORDER)]
    for path in paths:
        if not has_field(item.row.kind, path):
            continue
        if path == "spec.owner":
            owner = owner_of(item, around.people)
            if owner is not None:
                shown[path] = owner
            continue
        found = item.draft.fields.get(path)
        if found is None and path not in item.edits:
            continue
        is_edited = path in item.edits
        value = item.said(path)
        targets: tuple[tuple[str, str], ...] = ()
        if path in RELATIONS:
            resolved = resolve(item, path, around)
            targets = resolved.targets
            kept = [ref for ref, state in targets if state != "left out"]
            value = kept if isinstance(value, list) else (kept[0] if kept else None)
        shown[path] = ProposedField(
            path, value, "high" if is_edited else found.confidence if found else "guess",
            (_BY_HAND,) if is_edited else found.evidence if found else (), is_edited, _found_value(item, path, found, around), targets,
        )  # fmt: skip
    return shown


def _found_value(item: Item, path: str, found: Field | None, around: Around) -> Any:
    if found is None or path not in item.edits:
        return None
    if path not in RELATIONS:
        return found.value
    bare = Item(item.row, item.draft, {})
    return [ref for ref, _ in resolve(bare, path, around).targets]


def document_for(
    item: Item, around: Around, facts: RepositoryFacts, purpose: Purpose, included: AbstractSet[str] = frozenset()
) -> tuple[dict[str, Any], list[str]]:
    """The entity, and the keys of links that were left out of it."""
    values: dict[str, Any] = {}
    left_out: list[str] = []
    for path in dict.fromkeys([*item.draft.fields, *item.edits]):
        if path in RELATIONS:
            resolved = resolve(item, path, around, included)
            refs = list(resolved.refs)
            values[path] = (refs[0] if refs else None) if path == "spec.system" else refs
            left_out += resolved.left_out
        else:
            values[path] = item.said(path)
    owner = owner_of(item, around.people)
    if owner is not None:
        values["spec.owner"] = owner.value
    values["metadata.name"] = item.name
    document = document_of(item.row.kind, values, facts, item.draft.folder, item.row.definition, purpose)
    return document, left_out


# ---- accepted ones whose files changed ---------------------------------------------------------------------------------------


def compare(before: Mapping[str, Any], draft: Draft) -> list[str]:
    """Paths that the files say otherwise now. ``before`` is what ``accepted_of`` kept."""
    was: Mapping[str, Any] = before["values"]
    now = {path: one.value for path, one in draft.fields.items()}
    if draft.definition:
        now["spec.definition"] = draft.definition
    paths = [path for path in dict.fromkeys([*was, *now]) if was.get(path) != now.get(path) and path != "metadata.name"]
    owners = [owner.said for owner in draft.owners[:1]]
    if owners != list(before["owners"]):
        paths.append("spec.owner")
    return [path for path in paths if has_field(draft.kind, path)]


def accepted_of(draft: Draft, document: Mapping[str, Any], left_out: Sequence[str]) -> dict[str, Any]:
    """What is remembered of a proposal when it is accepted: what the files said, and what was written."""
    values = {path: one.value for path, one in draft.fields.items()}
    if draft.definition:
        values["spec.definition"] = draft.definition
    return {
        "values": values, "owners": [owner.said for owner in draft.owners[:1]], "document": document, "leftOut": sorted(set(left_out)),
    }  # fmt: skip


def changed_paths(item: Item, before: Mapping[str, Any], targets: Mapping[str, tuple[str, str, str]]) -> list[str]:
    """What the files say otherwise, and relations to what was accepted since."""
    paths = compare(before, item.draft)
    now = {
        key
        for key in before["leftOut"]
        if targets.get(store.item_id(item.row.repository_id, key), ("",))[0] == "accepted"
    }
    for path in sorted(RELATIONS):
        if path not in paths and any(linked(value) in now for value in _many(item.said(path))):
            paths.append(path)
    return [path for path in paths if path not in item.edits]


def differences_of(item: Item, around: Around) -> tuple[FieldDifference, ...]:
    if item.row.state != "accepted" or not item.row.is_changed or not item.row.accepted_body:
        return ()
    before = orjson.loads(item.row.accepted_body)
    found = []
    for path in changed_paths(item, before, around.targets):
        evidence = item.draft.fields[path].evidence if path in item.draft.fields else ()
        was, now = before["values"].get(path), item.said(path)
        if path in RELATIONS:
            now = list(resolve(item, path, around).refs)
            was = _written(before, path)
        elif path == "spec.owner":
            owner = owner_of(item, around.people)
            was, now, evidence = _written(before, path), owner.value if owner else None, owner.evidence if owner else ()
        if was != now or path == "spec.definition":
            found.append(FieldDifference(path, was, now, evidence))
    return tuple(found)


def _written(before: Mapping[str, Any], path: str) -> Any:
    head, _, name = path.partition(".")
    return (before["document"].get(head) or {}).get(name)


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value in (None, "") else [value]


def facts_by_id(repositories: Mapping[str, RepositoryRow]) -> dict[str, RepositoryFacts]:
    return {id: facts_of(row.facts) for id, row in repositories.items()}
