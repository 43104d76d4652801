"""What people decide of proposals: change, accept, ignore, open again, bring changes to what was accepted."""

from __future__ import annotations

import re
from typing import Any, Mapping, Sequence

import orjson

from callboard.features.editing.interface import ChangeResult, FieldChange
from callboard.features.proposals import store
from callboard.features.proposals.codec import dump
from callboard.features.proposals.domain.documents import dig, editor_path, has_field
from callboard.features.proposals.interface import EDITABLE, LISTS, Decision, ProposalDecided, ProposalNotFound
from callboard.features.proposals.parts import Parts
from callboard.features.proposals.queue import (
    Around,
    Item,
    accepted_of,
    changed_paths,
    document_for,
    facts_by_id,
    proposal_of,
    ref_of,
)
from callboard.features.proposals.scanning import words_of
from callboard.kernel.auth.actor import SYSTEM, Actor
from callboard.kernel.db.interface import Transaction
from callboard.kernel.errors import InputError
from callboard.model.refs import EntityRef, RefError
from callboard.model.validation import is_dns_label, is_kind, is_object_name, is_tag

MAX_TEXT = 2_000
MAX_ITEMS = 200
_REF_KINDS: Mapping[str, str] = {
    "spec.owner": "Group", "spec.system": "System", "spec.dependsOn": "Component", "spec.providesApis": "API", "spec.consumesApis": "API",
}  # fmt: skip


class Deciding:
    """The writing half of ``ProposalService``. Whoever calls has asked for permission."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def load(
        self, ids: Sequence[str], actor: Actor, *, whole: bool = False, fresh: bool = False
    ) -> tuple[list[Item], Around]:
        """Items in the order of their repositories, and what is around them. Raises ``ProposalNotFound`` when one is missing."""
        async with self._parts.db.read() as tx:
            rows = await store.get_items(tx, ids, whole=whole)
        missing = [id for id in ids if id not in rows]
        if missing or not ids:
            raise ProposalNotFound(
                f"{len(missing)} of these proposals are not there any more: a later scan did not find them. Look at the list again."
                if missing
                else "Choose at least one proposal."
            )
        items = [Item.of(row) for row in rows.values()]
        return items, await self._parts.queue.around(items, actor, fresh=fresh)

    # ---- fields ----------------------------------------------------------------------------------------------------------

    async def change(self, ids: Sequence[str], values: Mapping[str, Any], actor: Actor) -> list[Decision]:
        cleaned = {path: clean_value(path, value) for path, value in values.items()}
        if "metadata.name" in cleaned and len(ids) > 1:
            raise InputError("A name is given to one proposal at a time.", field="metadata.name")
        items, _ = await self.load(ids, actor)
        told: list[Decision] = []
        async with self._parts.db.write() as tx:
            rows = await store.get_items(tx, ids)
            for item in items:
                row = rows.get(item.row.id)
                if row is None or row.state == "accepted":
                    told.append(
                        Decision(
                            item.row.id, item.row.ref, "refused", "It was accepted already: change the entity instead."
                        )
                    )
                    continue
                told.append(await self._edit(tx, Item.of(row), cleaned))
            changed = [one.ref for one in told if one.outcome == "changed"]
            if changed:
                await self._audit(tx, "change", actor, changed, fields=sorted(cleaned))
        return told

    async def _edit(self, tx: Transaction, item: Item, values: Mapping[str, Any]) -> Decision:
        row, edits = item.row, dict(item.edits)
        for path, value in values.items():
            if not has_field(row.kind, path):
                continue
            if value is None:
                edits.pop(path, None)
            else:
                edits[path] = value
        if edits == item.edits:
            return Decision(row.id, row.ref, "unchanged")
        name = str(edits.get("metadata.name") or item.draft.name)
        ref = ref_of(row.kind, name)
        await store.update_item(tx, row.id, edits=dump(edits), ref=ref, words=words_of(item.draft, name))
        return Decision(row.id, ref, "changed")

    # ---- accepting -------------------------------------------------------------------------------------------------------

    async def accept(self, ids: Sequence[str], actor: Actor) -> list[Decision]:
        items, around = await self.load(ids, actor, whole=True, fresh=True)
        told: dict[str, Decision] = {}
        wanted: list[Item] = []
        seen: dict[str, str] = {}
        for item in items:
            refusal = _refusal(item, around, seen)
            if refusal is not None:
                told[item.row.id] = refusal
                continue
            seen[item.row.ref] = item.row.id
            wanted.append(item)
        made = await self._create(wanted, around, actor)
        told |= {decision.id: decision for decision, _ in made}
        accepted = [(decision, kept) for decision, kept in made if kept is not None]
        if accepted:
            await self._note_accepted(accepted, actor)
        return [told[id] for id in ids]

    async def _create(
        self, items: Sequence[Item], around: Around, actor: Actor
    ) -> list[tuple[Decision, Mapping[str, Any] | None]]:
        """Decisions, with what is to be remembered of those that were accepted."""
        if not items:
            return []
        facts = facts_by_id(around.repositories)
        included = {item.row.id for item in items}
        documents = []
        left: dict[str, list[str]] = {}
        for item in items:
            document, left_out = document_for(item, around, facts[item.row.repository_id], "store", included)
            documents.append(document)
            left[item.row.id] = left_out
        results: Sequence[ChangeResult] = await self._parts.editing.create_many(documents, actor=actor)
        told: list[tuple[Decision, Mapping[str, Any] | None]] = []
        for item, document, result in zip(items, documents, results, strict=True):
            if result.outcome in ("changed", "unchanged"):
                kept = accepted_of(item.draft, document, left[item.row.id])
                told.append((Decision(item.row.id, result.ref or item.row.ref, "accepted"), kept))
            else:
                told.append((Decision(item.row.id, item.row.ref, result.outcome, result.message), None))
        return told

    async def _note_accepted(self, accepted: Sequence[tuple[Decision, Mapping[str, Any] | None]], actor: Actor) -> None:
        now = self._parts.now()
        async with self._parts.db.write() as tx:
            for decision, kept in accepted:
                await store.update_item(
                    tx, decision.id, state="accepted", accepted_body=dump(kept), accepted_ref=decision.ref, is_changed=0,
                    decided_at=now, decided_by=actor.subject,
                )  # fmt: skip
            await self._note_relations(tx, [decision.id for decision, _ in accepted])
            await self._audit(tx, "accept", actor, [decision.ref for decision, _ in accepted])
        self._parts.directory.forget()  # groups may have been made

    async def _note_relations(self, tx: Transaction, ids: Sequence[str]) -> None:
        """Accepted ones of the same repositories that left out a relation to one of these: it can be brought to them now."""
        rows = await store.get_items(tx, ids)
        for repository in sorted({row.repository_id for row in rows.values()}):
            keys = {row.key for row in rows.values() if row.repository_id == repository}
            for row in await store.list_of_repository(tx, repository):
                if row.state != "accepted" or row.is_changed or not row.accepted_body:
                    continue
                if keys & set(orjson.loads(row.accepted_body)["leftOut"]):
                    await store.update_item(tx, row.id, is_changed=1)

    # ---- the other decisions ---------------------------------------------------------------------------------------------

    async def ignore(self, ids: Sequence[str], actor: Actor) -> list[Decision]:
        return await self._set_state(ids, "ignored", ("open", "ignored"), actor)

    async def reopen(self, ids: Sequence[str], actor: Actor) -> list[Decision]:
        items, _ = await self.load(ids, actor)
        refs = sorted({item.row.accepted_ref for item in items if item.row.state == "accepted"})
        bodies = await self._parts.queries.get_many_raw(refs, actor=SYSTEM) if refs else []
        gone = {ref for ref, body in zip(refs, bodies, strict=True) if body is None}
        allowed = [item.row.id for item in items if item.row.state != "accepted" or item.row.accepted_ref in gone]
        told = (
            {one.id: one for one in await self._set_state(allowed, "open", ("open", "ignored", "accepted"), actor)}
            if allowed
            else {}
        )
        refused = "Its entity is in the catalog. Delete that first."
        return [told.get(item.row.id) or Decision(item.row.id, item.row.ref, "refused", refused) for item in items]

    async def _set_state(
        self, ids: Sequence[str], state: str, from_states: Sequence[str], actor: Actor
    ) -> list[Decision]:
        await self.load(ids, actor)
        told: list[Decision] = []
        async with self._parts.db.write() as tx:
            rows = await store.get_items(tx, ids)
            for id in ids:
                row = rows.get(id)
                if row is None:
                    continue
                if row.state not in from_states:
                    told.append(Decision(id, row.ref, "refused", "It was accepted already: delete the entity instead."))
                    continue
                decided = None if state == "open" else self._parts.now()
                await store.update_item(
                    tx, id, state=state, decided_at=decided, decided_by=actor.subject if decided else "", accepted_body=None,
                    accepted_ref="", is_changed=0,
                )  # fmt: skip
                told.append(Decision(id, row.ref, state))
            await self._audit(
                tx,
                "ignore" if state == "ignored" else "reopen",
                actor,
                [one.ref for one in told if one.outcome == state],
            )
        return told

    # ---- what changed since ----------------------------------------------------------------------------------------------

    async def update(self, id: str, actor: Actor) -> Decision:
        items, around = await self.load([id], actor, whole=True, fresh=True)
        item = items[0]
        before = _accepted_body(item)
        facts = facts_by_id(around.repositories)[item.row.repository_id]
        document, left_out = document_for(item, around, facts, "store")
        values, expected = {}, {}
        for path in changed_paths(item, before, around.targets):
            was, now = dig(before["document"], path), dig(document, path)
            if was != now:
                values[editor_path(path)], expected[editor_path(path)] = now, was
        result = ChangeResult(item.row.accepted_ref, "unchanged")
        if values:
            change = FieldChange(item.row.accepted_ref, values, expected)
            why = "Its repository says so since it was accepted as a proposal"
            result = (await self._parts.editing.change_fields([change], actor=actor, why=why))[0]
        if result.outcome in ("changed", "unchanged"):
            await self._see(item, accepted_of(item.draft, document, left_out), "update", actor)
        return Decision(id, item.row.accepted_ref, result.outcome, result.message)

    async def dismiss(self, id: str, actor: Actor) -> Decision:
        items, _ = await self.load([id], actor, whole=True)
        item = items[0]
        before = _accepted_body(item)
        await self._see(item, accepted_of(item.draft, before["document"], ()), "dismiss", actor)
        return Decision(id, item.row.accepted_ref, "unchanged")

    async def _see(self, item: Item, kept: Mapping[str, Any], action: str, actor: Actor) -> None:
        async with self._parts.db.write() as tx:
            await store.update_item(tx, item.row.id, accepted_body=dump(kept), is_changed=0)
            await self._audit(tx, action, actor, [item.row.accepted_ref])

    async def _audit(self, tx: Transaction, action: str, actor: Actor, refs: Sequence[str], **meta: Any) -> None:
        await self._parts.audit.record(
            tx, "proposal-mutate", actor=actor, plugin="proposals",
            meta={"actionType": action, "count": len(refs), "refs": list(refs)[:50], **meta},
        )  # fmt: skip


def _accepted_body(item: Item) -> Mapping[str, Any]:
    if item.row.state != "accepted" or not item.row.accepted_body:
        raise ProposalDecided("This proposal is not accepted, so there is no entity to bring changes to.")
    found: Mapping[str, Any] = orjson.loads(item.row.accepted_body)
    return found


def _refusal(item: Item, around: Around, seen: Mapping[str, str]) -> Decision | None:
    """Why it cannot be accepted as it stands, as far as is known before it is tried."""
    row = item.row
    if row.state == "accepted":
        return Decision(row.id, row.accepted_ref, "unchanged", "It was accepted already.")
    if row.state == "ignored":
        return Decision(row.id, row.ref, "refused", "It is ignored. Open it again first.")
    if row.ref in seen:
        return Decision(
            row.id,
            row.ref,
            "conflict",
            f"Another one of these is called {row.ref}, too. Give one of them another name.",
        )
    missing = proposal_of(item, around).missing
    if missing:
        names = " and ".join(path.rpartition(".")[2] for path in missing)
        return Decision(row.id, row.ref, "refused", f"It has no {names} yet, and a {row.kind} needs one. Set it first.")
    return None


def clean_value(path: str, value: Any) -> Any:
    """A value that a person gives to a field. Raises ``InputError`` with the field."""
    if path not in EDITABLE:
        raise InputError(f"{path} is no field that can be set here: {', '.join(EDITABLE)}.", field=path)
    if value is None:
        return None
    if path in LISTS:
        if not isinstance(value, list) or len(value) > MAX_ITEMS or not all(isinstance(one, str) for one in value):
            raise InputError(f"{path} must be a list of at most {MAX_ITEMS} texts.", field=path)
        items = [one.strip() for one in value if one.strip()]
        if path == "metadata.tags":
            bad = next((one for one in items if not is_tag(one)), None)
            if bad is not None:
                raise InputError(f"{bad!r} is no tag: small letters, digits, : + and #, with - between.", field=path)
            return list(dict.fromkeys(items))
        return list(dict.fromkeys(_clean_ref(path, one) for one in items))
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise InputError(f"{path} must be a text of at most {MAX_TEXT} characters.", field=path)
    value = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "", value).strip()
    if path == "metadata.name":
        if not is_object_name(value):
            raise InputError(
                f"{value!r} is no name: letters, digits, -, _ and . between them, at most 63 characters.", field=path
            )
        return value
    if path in _REF_KINDS:
        return _clean_ref(path, value) if value else ""
    return value


def _clean_ref(path: str, value: str) -> str:
    try:
        ref = EntityRef.parse(value, default_kind=_REF_KINDS[path], default_namespace="default")
    except RefError as error:
        raise InputError(f"{value!r} is no entity ref: {error}. Write kind:namespace/name.", field=path) from None
    if not (is_object_name(ref.name) and is_dns_label(ref.namespace.lower()) and is_kind(ref.kind)):
        raise InputError(f"{value!r} is no entity ref. Write kind:namespace/name.", field=path)
    return str(ref)
