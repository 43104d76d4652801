"""Values of importing as JSON in the store and over REST, and back. ``orjson`` writes the dataclasses by itself.

The store keeps reasons as the messages that they are (``ui.wording``); over REST they are their English text.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any, Mapping

import orjson

from callboard.features.importing.interface import (
    ACTIONS,
    ROLES,
    CellNote,
    ColumnMapping,
    Drift,
    OwnerMatch,
    PlannedEntity,
    PlanSummary,
    SheetInfo,
    SheetMapping,
    SkippedRow,
)
from callboard.kernel.clock import format_time
from callboard.kernel.errors import InputError
from callboard.ui.wording import Wording, from_stored, to_stored


def dump(value: Any) -> str:
    """JSON of a value or dataclass, as text."""
    return dump_bytes(value).decode()


def dump_bytes(value: Any) -> bytes:
    return orjson.dumps(value, default=_plain, option=orjson.OPT_PASSTHROUGH_SUBCLASS)


def plain(value: Any) -> Any:
    """A dataclass as what JSON makes of it."""
    return orjson.loads(dump_bytes(value))


def to_wire(value: Any) -> Any:
    """For REST: dataclasses with names in camel case, times as text; what entities hold stays as it is."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {camel(field.name): to_wire(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, (list, tuple)):
        return [to_wire(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): to_wire(item) for key, item in value.items()}
    return format_time(value) if isinstance(value, datetime) else value


def _plain(value: Any) -> Any:
    if isinstance(value, Wording):
        return to_stored(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list):
        return list(value)
    if isinstance(value, int):
        return int(value)
    raise TypeError(type(value).__name__)


# ---- mappings ----------------------------------------------------------------------------------------------------------

_DEFAULTS = [field.name for field in dataclasses.fields(SheetMapping) if field.name != "columns"]


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


_NAMES = {camel(name): name for name in _DEFAULTS}


def mapping_of(value: Any) -> SheetMapping:
    """A mapping as ``dump`` wrote it, or as a client sends it.

    Raises:
        InputError: with the ``field`` that is not what it must be.
    """
    if not isinstance(value, Mapping):
        raise InputError("The mapping must be an object.", field="mapping")
    columns = value.get("columns")
    if not isinstance(columns, list):
        raise InputError("mapping.columns must be a list of {column, role, key}.", field="mapping.columns")
    named = {_NAMES.get(str(name), str(name)): given for name, given in value.items()}
    unknown = sorted(set(named) - {"columns", *_DEFAULTS})
    if unknown:
        raise InputError(f"A mapping has no {unknown[0]!r}.", field=f"mapping.{unknown[0]}")
    given = {name: _default_of(name, named[name]) for name in _DEFAULTS if name in named}
    return SheetMapping(tuple(_column_of(column, index) for index, column in enumerate(columns)), **given)


def _default_of(name: str, value: Any) -> Any:
    if name == "owner_refs":
        if not isinstance(value, Mapping) or not all(isinstance(ref, str) for ref in value.values()):
            raise InputError("mapping.ownerRefs must map texts to refs.", field="mapping.owner_refs")
        return {str(said): ref for said, ref in value.items()}
    wanted: type = bool if name in ("create_owners", "create_systems") else str
    if not isinstance(value, wanted):
        raise InputError(
            f"mapping.{name} must be {'true or false' if wanted is bool else 'text'}.", field=f"mapping.{name}"
        )
    return value


def _column_of(value: Any, index: int) -> ColumnMapping:
    where = f"mapping.columns[{index}]"
    if not isinstance(value, Mapping) or not isinstance(value.get("column"), str):
        raise InputError(f"{where} must be an object with column and role.", field=where)
    role, key = value.get("role"), value.get("key", "")
    if role not in ROLES:
        raise InputError(f"{where}.role must be one of {', '.join(ROLES)}, not {role!r}.", field=f"{where}.role")
    if not isinstance(key, str):
        raise InputError(f"{where}.key must be text.", field=f"{where}.key")
    return ColumnMapping(value["column"], role, key)


# ---- plans -------------------------------------------------------------------------------------------------------------


def planned_of(body: bytes | str) -> PlannedEntity:
    return _planned(orjson.loads(body))


def _planned(value: Mapping[str, Any]) -> PlannedEntity:
    return PlannedEntity(
        ref=value["ref"],
        action=value["action"],
        rows=tuple(value["rows"]),
        entity=value["entity"],
        diff=tuple(value["diff"]),
        reason=from_stored(value["reason"]),
        cells=tuple(CellNote(**{**cell, "note": from_stored(cell["note"])}) for cell in value["cells"]),
    )


def summary_of(body: str) -> PlanSummary:
    value = orjson.loads(body)
    return PlanSummary(
        **{
            **value,
            "owners": tuple(OwnerMatch(**{**one, "reason": from_stored(one["reason"])}) for one in value["owners"]),
            "skipped": tuple(SkippedRow(**row) for row in value["skipped"]),
            "leaving": tuple(value["leaving"]),
            "notes": tuple(value["notes"]),
            "relied": tuple(value.get("relied", ())),
        }
    )


def drift_of(body: bytes) -> Drift:
    value = orjson.loads(body)
    return Drift(
        checked_at=datetime.fromisoformat(value["checked_at"]),
        differing=[_planned(one) for one in value["differing"]],
        unnamed=value["unnamed"],
        total=value["total"],
    )


def sheets_of(body: str) -> tuple[SheetInfo, ...]:
    return tuple(SheetInfo(**sheet) for sheet in orjson.loads(body))


def counts_of(body: str) -> dict[Any, int]:
    """Counts by action in their order; actions that do not occur are 0. Nothing at all where there is no plan yet."""
    value = orjson.loads(body)
    return {action: int(value.get(action, 0)) for action in ACTIONS} if value else {}
