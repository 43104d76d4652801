"""Small tables and plans for tests of importing's decisions."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from callboard.features.importing.domain import guess_columns, mapping_from, plan_table
from callboard.features.importing.interface import (
    ColumnGuess,
    ColumnMapping,
    Plan,
    PlannedEntity,
    Row,
    SheetMapping,
    Standing,
    Surroundings,
    Table,
)
from callboard.model.kinds import KindRegistry
from callboard.model.validation import EntityValidator

_VALIDATOR = EntityValidator(KindRegistry.built_in())


def judge(entity: dict[str, Any]) -> list[str]:
    """What the catalog says is wrong with a document."""
    metadata = entity["metadata"]
    ref = f"{entity['kind']}:{metadata['namespace']}/{metadata['name']}".lower()
    return [problem.message for problem in _VALIDATOR.validate(entity, ref)[1]]


def table(columns: str | Sequence[str], *rows: str | Sequence[str]) -> Table:
    """``table("name|team", "pay|Money")``: header in row 1, data from row 2."""
    names = tuple(columns.split("|")) if isinstance(columns, str) else tuple(columns)
    cells = [tuple(row.split("|")) if isinstance(row, str) else tuple(row) for row in rows]
    return Table("Sheet", 1, names, tuple(Row(number, row) for number, row in enumerate(cells, 2)))


def mapping(*columns: str, **defaults: Any) -> SheetMapping:
    """``mapping("name=name", "Docs=link:Docs", owner="team")``."""
    found = []
    for text in columns:
        column, _, meaning = text.partition("=")
        role, _, key = meaning.partition(":")
        found.append(ColumnMapping(column, role, key))  # type: ignore[arg-type]
    return SheetMapping(tuple(found), **defaults)


def plan(table: Table, mapping: SheetMapping | None = None, **around: Any) -> Plan:
    """The plan in an empty catalog unless ``standing``, ``people`` or ``given`` say otherwise."""
    if mapping is None:
        mapping = mapping_from(guess_columns(table))
    return plan_table(table, mapping, Surroundings(**around), validate=judge)


def after(done: Plan) -> dict[str, Any]:
    """What stands around a sheet once this plan has been applied."""
    standing = {e.ref: Standing(e.ref, e.entity) for e in done.entities if e.entity is not None}
    people = {
        ref: [one.entity["metadata"]["name"], *one.entity["metadata"].get("annotations", {}).values()]
        for ref, one in standing.items()
        if one.entity["kind"] in ("Group", "User")
    }
    return {"standing": standing, "people": people, "given": frozenset(standing)}


def by_ref(done: Plan) -> Mapping[str, PlannedEntity]:
    """The planned entities that are not refused."""
    return {e.ref: e for e in done.entities if e.action != "rejected"}


def only(done: Plan, kind: str = "Component") -> PlannedEntity:
    """The one planned entity of this kind."""
    (found,) = [e for e in done.entities if e.entity is not None and e.entity["kind"] == kind]
    return found


def roles(guesses: Sequence[ColumnGuess]) -> dict[str, str]:
    """``{"Team": "owner", "tier": "label:tier"}``."""
    return {g.mapping.column: g.mapping.role + (f":{g.mapping.key}" if g.mapping.key else "") for g in guesses}
