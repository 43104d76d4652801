"""Two entities that are one: the survivor takes what is chosen of the other, whose name then leads to it. It can be taken back."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, replace
from typing import Any, Iterable, Literal, Mapping, Sequence

import orjson

from callboard.features.catalog.interface import DELETE_ENTITY, EntityQuery
from callboard.features.catalog.interface.held import CatalogSources, Given, SourceMoved, SourceWrite
from callboard.features.editing.interface import FieldChange
from callboard.features.ownership.parts import Parts
from callboard.features.ownership.store import names
from callboard.features.ownership.store.names import MergeRow
from callboard.kernel.auth.actor import Actor
from callboard.kernel.clock import format_time
from callboard.kernel.db.interface import Transaction
from callboard.kernel.errors import ConflictError, InputError, NotAllowedError, NotFoundError
from callboard.model.predicates import conjoin, has_value
from callboard.model.problems import format_field
from callboard.model.refs import EntityRef

Choice = Literal["survivor", "other", "both"]
MAX_GROUPS = 100
_LEFT_OUT = frozenset(("name", "namespace", "uid", "etag", "generation", "annotations", "labels"))
_GENERATED = (
    "backstage.io/managed-by",
    "backstage.io/orphan",
    "backstage.io/view-url",
    "backstage.io/edit-url",
    "backstage.io/source-location",
)
_REPOSITORY = (
    "github.com/project-slug",
    "gitlab.com/project-slug",
    "bitbucket.org/project-slug",
    "backstage.io/source-location",
)
_FILLER = re.compile(r"(^|-)(service|svc|app|application|api|component)(?=-|$)")


class MergeNotFound(NotFoundError):
    """No merge of this ref is visible to the caller."""

    code = "ownership.merge_not_found"


@dataclass(frozen=True, slots=True)
class MergeField:
    """A field in which the two differ, or that one of them lacks. ``can_unite``: both are lists. ``choice`` is what would stand."""

    path: str
    survivor: Any
    other: Any
    can_unite: bool
    choice: Choice


@dataclass(frozen=True, slots=True)
class MergePlan:
    """``refused`` says why the chosen values cannot be written, or the other cannot go; empty when they can."""

    survivor: str
    other: str
    fields: Sequence[MergeField]
    values: Mapping[str, Any]
    refused: str


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Entities of a kind that may be one. ``reason`` is a message id below ``ownership.duplicates``, ``value`` what they share."""

    refs: Sequence[str]
    reason: Literal["repository", "name"]
    value: str


class Merging:
    """Who merges may change the survivor and delete the other."""

    def __init__(self, parts: Parts, sources: CatalogSources) -> None:
        self._parts = parts
        self._sources = sources

    # ---- looking -----------------------------------------------------------------------------------------------------

    async def plan(
        self, survivor: str, other: str, *, choices: Mapping[str, Choice] | None = None, actor: Actor
    ) -> MergePlan:
        """Raises ``InputError`` for two that cannot be one, ``EntityNotFound``, ``NotAllowedError``."""
        parts, survivor, other = self._parts, survivor.lower(), other.lower()
        if survivor == other:
            raise InputError("These are the same entity already.", field="other")
        kinds = {ref.partition(":")[0] for ref in (survivor, other)}
        if len(kinds) > 1 or "location" in kinds:
            raise InputError("Only two entities of one kind can be one, and no Locations.", field="other")
        kept = (await parts.require_entities([survivor], actor=actor, to_update=True))[survivor]
        gone = (await parts.require_entities([other], actor=actor, to_update=False))[other]
        if not parts.may(actor, DELETE_ENTITY, gone):
            raise NotAllowedError(
                f"You may not remove {other} ({DELETE_ENTITY.name}), which goes when the two are one."
            )
        fields = list(differences(kept, gone, choices or {}))
        values = {f.path: _chosen(f) for f in fields if f.choice != "survivor"}
        return MergePlan(survivor, other, fields, values, await self._refused(survivor, values, actor))

    async def _refused(self, survivor: str, values: Mapping[str, Any], actor: Actor) -> str:
        if not values:
            return ""
        (result,) = await self._parts.editing.preview_changes([FieldChange(survivor, values)], actor=actor)
        if result.outcome in ("changed", "unchanged"):
            return ""
        return result.message or f"{survivor} cannot be changed: {result.outcome}."

    async def list_duplicates(self, *, actor: Actor) -> Sequence[Duplicates]:
        """By what the index counts: one repository, or one name but for words that say nothing. A few questions in all."""
        parts = self._parts
        found: dict[tuple[str, ...], Duplicates] = {}
        for key in _REPOSITORY:
            counted = await parts.queries.facets([f"metadata.annotations.{key}"], self._ownable(), actor=actor)
            shared = [v.value for v in counted[f"metadata.annotations.{key}"] if v.count > 1][:MAX_GROUPS]
            for refs, value in await self._share(f"metadata.annotations.{key}", shared, actor):
                if len(refs) == 2:  # more are parts of one repository
                    found.setdefault(tuple(refs), Duplicates(refs, "repository", value))
        counted = await parts.queries.facets(["metadata.name"], self._ownable(), actor=actor)
        alike: dict[str, list[str]] = {}
        for name in counted["metadata.name"]:
            alike.setdefault(plain_name(name.value), []).append(name.value)
        several = {plain: written for plain, written in alike.items() if plain and len(written) > 1}
        for plain, written in list(several.items())[:MAX_GROUPS]:
            for refs, _ in await self._share("metadata.name", written, actor, as_one=True):
                found.setdefault(tuple(refs), Duplicates(refs, "name", plain))
        return list(found.values())[:MAX_GROUPS]

    def _ownable(self) -> Any:
        return has_value("kind", self._parts.kinds)

    async def _share(
        self, key: str, values: Sequence[str], actor: Actor, *, as_one: bool = False
    ) -> list[tuple[list[str], str]]:
        """(refs of one kind, value) of those that share a value, or any of them."""
        if not values:
            return []
        query = EntityQuery(conjoin(self._ownable(), has_value(key, values)), limit=5 * MAX_GROUPS, want_total=False)
        page = await self._parts.queries.list_raw(query, actor=actor)
        groups: dict[tuple[str, str], list[str]] = {}
        for raw in page.items:
            entity = orjson.loads(raw)
            annotations = entity["metadata"].get("annotations") or {}
            shared = "" if as_one else str(annotations.get(key.removeprefix("metadata.annotations."), ""))
            groups.setdefault((str(entity["kind"]).lower(), shared.lower()), []).append(str(EntityRef.of(entity)))
        return [(sorted(refs), value) for (_, value), refs in groups.items() if len(refs) > 1]

    # ---- doing it ----------------------------------------------------------------------------------------------------

    async def merge(
        self, survivor: str, other: str, *, choices: Mapping[str, Choice] | None = None, note: str = "", actor: Actor
    ) -> MergePlan:
        """Raises as ``plan``, and ``ConflictError`` when what was chosen cannot be written; then nothing is merged."""
        parts = self._parts
        self._sources.require_writable()
        plan = await self.plan(survivor, other, choices=choices, actor=actor)
        if plan.refused:
            raise ConflictError(f"{plan.refused} Let the survivor's values stand, or change it there first.")
        source, given = await self._held(plan.other)
        before: Mapping[str, Any] = {}
        if plan.values:
            why = f"{plan.other} is merged into it." + (f" {note}" if note else "")
            (result,) = await parts.editing.change_fields(
                [FieldChange(plan.survivor, plan.values)], actor=actor, why=why
            )
            if result.outcome not in ("changed", "unchanged"):
                raise ConflictError(result.message or f"{plan.survivor} cannot be changed: {result.outcome}.")
            before = result.before
        row = MergeRow(
            uuid.uuid4().hex, plan.survivor, plan.other, source, given, before, plan.values, note.strip()[:2_000],
            format_time(parts.clock.now()), actor.subject,
        )  # fmt: skip
        write = None
        if given is not None:
            write = SourceWrite(source, removed=[plan.other], expected={plan.other: given.mark})
        prepared = await self._sources.prepare(write) if write is not None else None
        try:
            async with parts.db.write() as tx:
                if prepared is not None:
                    await self._sources.write(tx, prepared, actor=actor.subject)
                await parts.aliases.put(tx, plan.other, plan.survivor, reason="merged", note=row.note, actor=actor)
                await names.insert_merge(tx, row)
                await self._record(tx, "merge", row, actor)
                tx.after_commit(parts.jobs.wake)
        except SourceMoved:
            raise ConflictError(f"{plan.other} changed meanwhile. Look at it again.") from None
        return plan

    async def _held(self, ref: str) -> tuple[str, Given | None]:
        """The held source that gives the ref, with what it gives; nothing where another does."""
        async with self._parts.db.read() as tx:
            givers = (await self._sources.list_givers(tx, [ref])).get(ref, ())
            for name in givers:
                if name in await self._sources.list_names(tx, name):
                    found = (await self._sources.list_given(tx, name, [ref])).get(ref)
                    if found is not None:
                        return name, found
        return "", None

    async def unmerge(self, other: str, *, actor: Actor) -> str:
        """Let the two be two again; the survivor's ref. Fields that nobody changed since get back what they said.

        Raises ``MergeNotFound``, ``NotAllowedError``, ``ConflictError``.
        """
        parts, other = self._parts, other.lower()
        async with parts.db.read() as tx:
            row = await names.find_merge(tx, other)
        alias = await parts.aliases.resolve(other, actor=actor)
        if row is None or alias is None:
            raise MergeNotFound(f"{other} is not merged into anything that you may see.")
        row = replace(row, survivor=alias.new)  # it may have another name since, or be merged itself
        await parts.require_entities([row.survivor], actor=actor, to_update=True)
        self._sources.require_writable()
        write = SourceWrite(row.source, restored=[row.given]) if row.given is not None else None
        prepared = await self._sources.prepare(write) if write is not None else None
        try:
            async with parts.db.write() as tx:
                if not await names.note_unmerged(tx, row.id, at=format_time(parts.clock.now()), by=actor.subject):
                    raise ConflictError("Somebody else took it back meanwhile.")
                await parts.aliases.remove(tx, other, actor=actor)
                if prepared is not None:
                    await self._sources.write(tx, prepared, actor=actor.subject)
                await self._record(tx, "unmerge", row, actor)
                tx.after_commit(parts.jobs.wake)
        except SourceMoved:
            raise ConflictError(f"Something else is called {other} by now. Rename it first.") from None
        if row.after:
            change = FieldChange(row.survivor, {path: row.before.get(path) for path in row.after}, row.after)
            await parts.editing.change_fields([change], actor=actor, why=f"{other} is no longer merged into it.")
        return row.survivor

    async def _record(self, tx: Transaction, what: str, row: MergeRow, actor: Actor) -> None:
        await self._parts.audit.record(
            tx, "ownership-merge", actor=actor, severity="high", plugin="ownership",
            meta={"actionType": what, "entityRef": row.survivor, "other": row.other, "source": row.source, "note": row.note},
        )  # fmt: skip


def differences(
    kept: Mapping[str, Any], gone: Mapping[str, Any], choices: Mapping[str, Choice]
) -> Iterable[MergeField]:
    """Fields in which the two differ. Unless chosen otherwise the survivor's value stands, a field it lacks is taken over, and
    lists are united.
    """
    for path in _paths(kept, gone):
        mine, theirs = _at(kept, path), _at(gone, path)
        if theirs is None or mine == theirs:
            continue
        can_unite = isinstance(mine, list) and isinstance(theirs, list)
        if can_unite and all(one in mine for one in theirs):
            continue
        usual: Choice = "both" if can_unite else "other" if mine is None else "survivor"
        name = format_field(path)
        choice = choices.get(name, usual)
        yield MergeField(name, mine, theirs, can_unite, choice if can_unite or choice != "both" else usual)


def _paths(*entities: Mapping[str, Any]) -> list[tuple[str, ...]]:
    found: dict[tuple[str, ...], None] = {}
    for entity in entities:
        metadata = entity["metadata"]
        found |= dict.fromkeys(("metadata", key) for key in metadata if key not in _LEFT_OUT)
        for part in ("labels", "annotations"):
            inner = metadata.get(part)
            keys = inner if isinstance(inner, dict) else {}
            found |= dict.fromkeys(("metadata", part, key) for key in keys if not key.startswith(_GENERATED))
        spec = entity.get("spec")
        found |= dict.fromkeys(("spec", key) for key in (spec if isinstance(spec, dict) else {}))
    return list(found)


def _at(entity: Mapping[str, Any], path: Sequence[str]) -> Any:
    at: Any = entity
    for part in path:
        at = at.get(part) if isinstance(at, Mapping) else None
    return at


def _chosen(field: MergeField) -> Any:
    if field.choice == "both":
        return [*field.survivor, *(one for one in field.other if one not in field.survivor)]
    return field.other


def plain_name(name: str) -> str:
    """A name without what people vary in it: ``Pay_Service``, ``pay-svc`` and ``pay`` are alike."""
    return _FILLER.sub("", re.sub(r"[_.\s]+", "-", name.lower())).replace("-", "")
