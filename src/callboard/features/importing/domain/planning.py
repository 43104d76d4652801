"""What an import would do, decided before anything is written: every row becomes part of an entity or says why not.

In order: rows are named, owners matched, cells read, rows that say the same put together and rows that only share a name told
apart, documents written, judged, and compared with what stands.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from functools import reduce
from typing import Any, Callable, Final, Mapping, Sequence

import orjson

from callboard.features.importing.domain.cells import Identity, Scope, SheetReader
from callboard.features.importing.domain.comparing import diff_standing
from callboard.features.importing.domain.drafts import NEEDS_OWNER, NO_DEFINITION, TITLE, Draft
from callboard.features.importing.domain.naming import one_line
from callboard.features.importing.domain.owners import NEW, made_entity, made_ref, match_owners, ref_of
from callboard.features.importing.domain.parents import find_parents, parents_wanted
from callboard.features.importing.domain.words import quoted_list, say
from callboard.features.importing.interface import (
    ACTIONS,
    Action,
    CellNote,
    OwnerMatch,
    Plan,
    PlannedEntity,
    Row,
    SheetMapping,
    Surroundings,
    Table,
)
from callboard.ui.wording import Wording, joined

EVERY: Final = 500
"""Rows between two calls of ``progress``."""
MAX_TITLE: Final = 200


def wanted_refs(table: Table, mapping: SheetMapping) -> set[str]:
    """Every ref under which something may be planned: rows by each of their names, owners, systems and domains that may be made.

    What stands under them, and under all that the source gave before, belongs into ``Surroundings.standing``.
    """
    reader = SheetReader(table, mapping)
    refs = parents_wanted(reader, table.rows)
    owners: set[tuple[str, str]] = {(one_line(mapping.owner), mapping.namespace)} if mapping.owner else set()
    for row in table.rows:
        identity = reader.identify(row.cells)
        for name in (identity.name, identity.second):
            if name:
                refs.add(f"{identity.kind}:{identity.namespace}/{name}".lower())
        said = reader.owners_of(row.cells, identity)
        if said:
            owners.add((said, mapping.namespace))
    for said, namespace in owners:
        ref = ref_of(said, namespace) if ":" in said else made_ref(said, namespace)
        if ref:
            refs.add(ref)
    for chosen in mapping.owner_refs.values():
        ref = ref_of(chosen, mapping.namespace) if chosen != NEW else None
        if ref:
            refs.add(ref)
    return refs


def plan_table(
    table: Table,
    mapping: SheetMapping,
    around: Surroundings,
    *,
    validate: Callable[[dict[str, Any]], Sequence[str]],
    progress: Callable[[int, int], None] | None = None,
) -> Plan:
    """The plan for a table. Pure but for ``progress(done, total)``, called every few hundred rows; the same input gives the same plan.

    Args:
        around: ``standing`` holds what is there under ``wanted_refs`` and under ``given``; ``people`` all groups and users.
        validate: What is wrong with a document, in words; empty for a good one.

    Returns:
        Entities in the order of their first rows, then owners that the sheet makes, by ref, then systems and domains. A row without a name is
        ``rejected`` under the empty ref; a row that contradicts an earlier one is ``rejected`` under the same ref.
    """
    return _Planning(table, mapping, around, validate, progress or _quiet).plan()


def _quiet(_done: int, _total: int) -> None:
    return None


class _Planning:
    """One run over one table."""

    def __init__(
        self,
        table: Table,
        mapping: SheetMapping,
        around: Surroundings,
        validate: Callable[[dict[str, Any]], Sequence[str]],
        progress: Callable[[int, int], None],
    ) -> None:
        self.table = table
        self.mapping = mapping
        self.around = around
        self.validate = validate
        self.progress = progress
        self.reader = SheetReader(table, mapping)
        self.identities = [self.reader.identify(row.cells) for row in table.rows]
        self.places = {row.number: place for place, row in enumerate(table.rows)}
        self.matches: Mapping[str, OwnerMatch] = {}
        self.default_owner = ""

    def plan(self) -> Plan:
        self._match_owners()
        self.reader.names = self._names()
        drafts = self._drafts()
        kept, refused = self._settle(drafts)
        planned: list[PlannedEntity] = []
        total = len(kept)
        for done, draft in enumerate(kept):
            if done % EVERY == 0:
                self.progress(
                    len(self.table.rows) // 2 + done * len(self.table.rows) // (2 * max(total, 1)), len(self.table.rows)
                )
            planned.append(self._judge(draft))
        planned.extend(refused)
        planned.sort(key=lambda entity: entity.rows[0])
        taken = {entity.ref for entity in planned if entity.action != "rejected"}
        parents = find_parents(self.reader, planned, self.around, taken=taken, create=self.mapping.create_systems)
        planned.extend(self._made_owners(taken))
        planned.extend(
            self._compared(one.ref, (), one.entity, (), one.reason)
            if one.owner
            else PlannedEntity(one.ref, "rejected", (), one.entity, (), say("importing.outcome.no_owner"))
            for one in parents.made
        )
        self.progress(len(self.table.rows), len(self.table.rows))
        named = {entity.ref for entity in planned}
        leaving = tuple(sorted(ref for ref in self.around.given if ref not in named))
        owners = tuple(sorted(self.matches.values(), key=lambda match: (-match.rows, match.said)))
        counts: dict[Action, int] = {action: 0 for action in ACTIONS}
        for entity in planned:
            counts[entity.action] += 1
        digest = _digest(planned, owners, leaving)
        return Plan(tuple(planned), owners, leaving, digest, counts, tuple(parents.relied))

    # ---- owners ------------------------------------------------------------------------------------------------------

    def _match_owners(self) -> None:
        said = [
            self.reader.owners_of(row.cells, identity)
            for row, identity in zip(self.table.rows, self.identities, strict=True)
        ]
        default = one_line(self.mapping.owner)
        if default:
            said = [one or default for one in said]
        people = {**self._own_people(), **self.around.people}
        given = [one for one in said if one]
        if default and default not in given:
            given.append(default)
        self.matches = match_owners(
            given,
            people,
            create=self.mapping.create_owners,
            namespace=self.mapping.namespace,
            chosen=self.mapping.owner_refs,
            exact=self.reader.export,
        )
        self.reader.owners = self.matches
        if default:
            self.default_owner = self.matches[default].ref

    def _own_people(self) -> dict[str, list[str]]:
        """Groups and users that are rows of this sheet."""
        found: dict[str, list[str]] = {}
        for identity in self.identities:
            if identity.kind in ("Group", "User") and identity.name:
                found.setdefault(
                    f"{identity.kind}:{identity.namespace}/{identity.name}".lower(), [identity.name, identity.raw]
                )
        return found

    def _made_owners(self, taken: set[str]) -> list[PlannedEntity]:
        """Owners that the sheet makes, or made before: as long as it names them they stay."""
        said: dict[str, list[OwnerMatch]] = defaultdict(list)
        for match in self.matches.values():
            if match.ref and (match.is_new or match.ref in self.around.given) and match.ref not in taken:
                said[match.ref].append(match)
        planned = []
        for ref in sorted(said):
            matches = sorted(said[ref], key=lambda match: (-match.rows, match.said))
            rows = sum(match.rows for match in matches)
            reason = say("importing.outcome.owner", n=rows, texts=quoted_list([match.said for match in matches[:3]]))
            planned.append(self._compared(ref, (), made_entity(ref, [match.said for match in matches]), (), reason))
        return planned

    # ---- rows --------------------------------------------------------------------------------------------------------

    def _names(self) -> dict[str, list[str]]:
        """The refs of rows by their names, lower-cased, for cells that point at rows."""
        names: dict[str, dict[str, None]] = defaultdict(dict)
        for identity in self.identities:
            for name in (identity.name, identity.second):
                if name:
                    names[name.lower()][f"{identity.kind}:{identity.namespace}/{name}".lower()] = None
        return {
            name: sorted(refs, key=lambda ref: (not ref.startswith("component:"), ref)) for name, refs in names.items()
        }

    def _drafts(self) -> list[Draft]:
        drafts = []
        total = len(self.table.rows)
        for done, (row, identity) in enumerate(zip(self.table.rows, self.identities, strict=True)):
            if done % EVERY == 0:
                self.progress(done // 2, total)
            drafts.append(self._draft(row, identity))
        return drafts

    def _draft(self, row: Row, identity: Identity) -> Draft:
        draft = Draft(
            [row.number], identity.kind, identity.namespace, identity.name, identity.second, identity.implied_type
        )
        reader = self.reader
        scope = Scope(identity.kind, identity.namespace)
        named = reader.raw(row.cells, identity.source)
        repository = reader.read_repository_name(identity.source, named, scope)
        if repository is not None:
            draft.put(repository)
        number, texts, notes = row.number, row.cells, draft.cells
        for index, column, seen in reader.readings(scope):
            raw = texts[index]
            if seen is None:
                taken = reader.identity_note(index, column, raw, identity)
            else:
                known = seen.get(raw)
                taken = known if known is not None else reader.read(column, raw, scope, seen)
                if taken.puts or taken.adds:
                    draft.put(taken)
            notes.append(CellNote(number, column.column, raw, taken.state, taken.path, taken.value, taken.note))
        if not reader.export:
            self._entitle(draft, row, identity)
        return draft

    def _entitle(self, draft: Draft, row: Row, identity: Identity) -> None:
        """What people wrote where a name has to be plainer stays as the title; so does a second name that is not needed."""
        if identity.second and TITLE not in draft.fields:
            raw = row.cells[identity.second_source]
            draft.derived = one_line(raw)[:MAX_TITLE]
            column = self.table.columns[identity.second_source]
            why = say("importing.note.title_instead")
            draft.note(column, "taken", "metadata.title", draft.derived, why)
        elif identity.is_rewritten:
            draft.derived = one_line(identity.raw)[:MAX_TITLE]

    # ---- rows of one name --------------------------------------------------------------------------------------------

    def _settle(self, drafts: Sequence[Draft]) -> tuple[list[Draft], list[PlannedEntity]]:
        """Drafts with a ref each of their own, and the rows that could have none."""
        refused = [self._nameless(draft) for draft in drafts if not draft.name]
        named = [draft for draft in drafts if draft.name]
        for group in _by_ref(named).values():
            if len(group) > 1:
                self._tell_apart(group)
        kept: list[Draft] = []
        for group in _by_ref(named).values():
            first = group[0]
            kept.append(first)
            for draft in group[1:]:
                said = draft.rows[0]
                conflict = first.find_conflict(draft)
                if conflict:
                    reason = say("importing.outcome.taken", row=str(first.rows[0]), name=first.name, conflict=conflict)
                    refused.append(PlannedEntity(draft.ref, "rejected", (said,), None, (), reason, tuple(draft.cells)))
                else:
                    first.join(draft)
        return kept, refused

    def _tell_apart(self, group: Sequence[Draft]) -> None:
        """Rows of one name whose other name column differs are different things, called by that."""
        seconds = Counter(draft.second.lower() for draft in group if draft.second)
        if not seconds:
            return
        first = next((draft for draft in group if not draft.second), None)
        if len(seconds) == 1 and (first is None or all(not first.find_conflict(draft) for draft in group)):
            return
        for draft in group:
            if draft.second:
                self._rename(draft)

    def _rename(self, draft: Draft) -> None:
        number = draft.rows[0]
        identity = self._identity_of(number)
        old, draft.name = draft.name, draft.second
        raw = one_line(self.table.rows[self.places[number]].cells[identity.second_source])
        draft.derived = "" if raw == draft.name else raw[:MAX_TITLE]
        column, other = self.table.columns[identity.source], self.table.columns[identity.second_source]
        draft.note(column, "ignored", "", None, say("importing.note.several", name=old, column=other))
        state: Any = "taken" if raw == draft.name else "cleaned"
        draft.note(other, state, "metadata.name", draft.name, say("importing.note.tells_apart"))

    def _identity_of(self, number: int) -> Identity:
        return self.identities[self.places[number]]

    def _nameless(self, draft: Draft) -> PlannedEntity:
        identity = self._identity_of(draft.rows[0])
        names = [column.column for _index, column in self.reader.columns if column.role == "name"]
        if isinstance(identity.note, Wording):
            reason = identity.note.capitalized()
        elif names:
            reason = say("importing.outcome.nameless", columns=reduce(_either, names))
        else:
            reason = say("importing.outcome.no_name_column")
        return PlannedEntity("", "rejected", tuple(draft.rows), None, (), reason, tuple(draft.cells))

    # ---- documents ---------------------------------------------------------------------------------------------------

    def _judge(self, draft: Draft) -> PlannedEntity:
        owner = self.default_owner
        entity = draft.to_entity(self.mapping, owner)
        rows, cells = tuple(sorted(draft.rows)), tuple(draft.cells)
        spec = entity.get("spec")
        if draft.kind in NEEDS_OWNER and not (isinstance(spec, dict) and spec.get("owner")):
            return PlannedEntity(draft.ref, "rejected", rows, entity, (), say("importing.outcome.no_owner"), cells)
        is_bare = isinstance(spec, dict) and spec.get("definition") == NO_DEFINITION
        told = say("importing.outcome.no_definition") if is_bare else ""
        return self._compared(draft.ref, rows, entity, cells, told)

    def _compared(
        self, ref: str, rows: tuple[int, ...], entity: dict[str, Any], cells: tuple[CellNote, ...], reason: str
    ) -> PlannedEntity:
        wrong = self.validate(entity)
        if wrong:
            return PlannedEntity(ref, "rejected", rows, entity, (), joined("; ", wrong), cells)
        standing = self.around.standing.get(ref)
        if standing is None:
            return PlannedEntity(ref, "create", rows, entity, (), reason, cells)
        diff = tuple(diff_standing(standing.entity, entity))
        if not diff:
            also = say("importing.outcome.same", source=standing.source) if standing.source else reason
            return PlannedEntity(ref, "unchanged", rows, entity, (), also, cells)
        if standing.source:
            reason = say("importing.outcome.conflict", ref=ref, source=standing.source)
            return PlannedEntity(ref, "conflict", rows, entity, diff, reason, cells)
        return PlannedEntity(ref, "change", rows, entity, diff, reason, cells)


def _either(one: str, other: str) -> str:
    return say("importing.either", one=one, other=other)


def _by_ref(drafts: Sequence[Draft]) -> dict[str, list[Draft]]:
    groups: dict[str, list[Draft]] = defaultdict(list)
    for draft in drafts:
        groups[draft.ref].append(draft)
    return groups


def _digest(entities: Sequence[PlannedEntity], owners: Sequence[OwnerMatch], leaving: Sequence[str]) -> str:
    """SHA-256 over all that a plan says, piece by piece: a plan of 20,000 rows is not written out in memory."""
    digest = hashlib.sha256()
    for part in (*entities, *owners, list(leaving)):
        digest.update(orjson.dumps(part, option=orjson.OPT_SORT_KEYS))
        digest.update(b"\n")
    return digest.hexdigest()
