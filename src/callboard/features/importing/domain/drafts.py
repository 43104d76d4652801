"""A row on its way to an entity: what its cells say, put together with rows that say more of the same, then written out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Mapping, NamedTuple

from callboard.features.importing.domain.naming import short
from callboard.features.importing.domain.words import say
from callboard.features.importing.interface import CellNote, SheetMapping

Path = tuple[str, ...]

API_VERSION: Final = "backstage.io/v1alpha1"
NEEDS_OWNER: Final = frozenset(["Component", "API", "Resource", "System", "Domain"])
NO_DEFINITION: Final = "No definition has been given yet.\n"
"""Of an API whose row gives none: its kind asks for one."""

OWNER: Final[Path] = ("spec", "owner")
TYPE: Final[Path] = ("spec", "type")
LINKS: Final[Path] = ("metadata", "links")
TAGS: Final[Path] = ("metadata", "tags")
TITLE: Final[Path] = ("metadata", "title")
FORBIDDEN: Final = frozenset(
    [("kind",), ("metadata", "name"), ("metadata", "namespace"), ("metadata", "uid"), ("metadata", "etag")]
)
"""Fields that a ``field`` column cannot set: they have roles of their own, or the catalog makes them."""


class Taken(NamedTuple):
    """What one cell comes to: its note, single values (``puts``) and list items (``adds``) by path."""

    state: Any
    path: str = ""
    value: Any = None
    note: str = ""
    puts: tuple[tuple[Path, Any], ...] = ()
    adds: tuple[tuple[Path, tuple[Any, ...]], ...] = ()


@dataclass(slots=True)
class Draft:
    """One row, or several that say the same. ``second`` is what another name column says, in the form of a name.

    ``derived`` is a title that comes from the name itself: it never sets two rows apart. ``cells`` are row by row, in the order of columns.
    """

    rows: list[int]
    kind: str
    namespace: str
    name: str
    second: str = ""
    implied_type: str = ""
    derived: str = ""
    fields: dict[Path, Any] = field(default_factory=dict)
    lists: dict[Path, list[Any]] = field(default_factory=dict)
    cells: list[CellNote] = field(default_factory=list)

    @property
    def ref(self) -> str:
        return f"{self.kind}:{self.namespace}/{self.name}".lower() if self.name else ""

    def put(self, taken: Taken) -> None:
        for path, value in taken.puts:
            if isinstance(value, dict) and isinstance(self.fields.get(path), dict):
                value = {**self.fields[path], **value}
            self.fields[path] = value
        for path, items in taken.adds:
            have = self.lists.setdefault(path, [])
            have.extend(item for item in items if item not in have)

    def note(self, column: str, state: Any, path: str, value: Any, note: str) -> None:
        """Tell something else of what became of the cell of ``column``."""
        for place, cell in enumerate(self.cells):
            if cell.column == column:
                self.cells[place] = CellNote(cell.row, column, cell.raw, state, path, value, note)

    def find_conflict(self, other: Draft) -> str:
        """The first field of which the two say different things; empty when they go together."""
        for path, value in other.fields.items():
            if path in self.fields and self.fields[path] != value:
                there, here = short(str(self.fields[path]), 40), short(str(value), 40)
                return say("importing.outcome.differs", field=".".join(path), there=there, here=here)
        return ""

    def join(self, other: Draft) -> None:
        """Take over what another row says of the same entity."""
        self.rows.extend(other.rows)
        self.cells.extend(other.cells)
        for path, value in other.fields.items():
            self.fields.setdefault(path, value)
        for path, items in other.lists.items():
            have = self.lists.setdefault(path, [])
            have.extend(item for item in items if item not in have)
        self.derived = self.derived or other.derived
        self.implied_type = self.implied_type or other.implied_type

    def to_entity(self, mapping: SheetMapping, owner: str) -> dict[str, Any]:
        """The document, with the defaults of its kind where the row says nothing."""
        metadata: dict[str, Any] = {"name": self.name, "namespace": self.namespace}
        spec: dict[str, Any] = {}
        entity: dict[str, Any] = {"apiVersion": API_VERSION, "kind": self.kind, "metadata": metadata, "spec": spec}
        if self.derived and TITLE not in self.fields:
            metadata["title"] = self.derived
        # short paths first, so that what a longer one says is merged into the mappings they bring
        for path in sorted(self.fields, key=len):
            _set(entity, path, self.fields[path])
        for path, items in self.lists.items():
            _set(entity, path, items)
        metadata = entity["metadata"]
        metadata.update(name=self.name, namespace=self.namespace)
        entity["metadata"] = {key: metadata[key] for key in sorted(metadata, key=_place)}
        spec = entity["spec"]
        if isinstance(spec, dict):
            for key, value in self._defaults(mapping, owner).items():
                spec.setdefault(key, value)
            if not spec and ("spec",) not in self.fields:
                del entity["spec"]
        return entity

    def _defaults(self, mapping: SheetMapping, owner: str) -> Mapping[str, Any]:
        own = self.kind == mapping.kind
        values: dict[str, Any] = {}
        if self.kind == "Component":
            values = {"type": self.implied_type or (own and mapping.type) or "service", "lifecycle": mapping.lifecycle}
        elif self.kind == "API":
            type_ = mapping.type if own and mapping.type != "service" else "openapi"
            values = {"type": self.implied_type or type_, "lifecycle": mapping.lifecycle, "definition": NO_DEFINITION}
        elif self.kind == "Resource":
            values = {"type": self.implied_type or (mapping.type if own and mapping.type != "service" else "other")}
        elif self.kind == "Group":
            values = {"type": "team", "children": []}
        elif self.kind == "User":
            values = {"memberOf": []}
        if owner and self.kind in NEEDS_OWNER:
            values["owner"] = owner
        return {key: value for key, value in values.items() if value != ""}


_ORDER: Final = {
    key: place
    for place, key in enumerate(("name", "namespace", "title", "description", "labels", "annotations", "tags", "links"))
}


def _place(key: str) -> int:
    """Where people look for a field of the metadata."""
    return _ORDER.get(key, len(_ORDER))


def _set(entity: dict[str, Any], path: Path, value: Any) -> None:
    at: Any = entity
    for step in path[:-1]:
        below = at.get(step)
        if not isinstance(below, dict):
            below = at[step] = {}
        at = below
    last = path[-1]
    have = at.get(last)
    if isinstance(have, dict) and isinstance(value, dict):
        at[last] = _merged(have, value)
    elif isinstance(have, list) and isinstance(value, list):
        at[last] = [*have, *(item for item in value if item not in have)]
    else:
        at[last] = _copied(value)


def _copied(value: Any) -> Any:
    """Apart from what other rows have: equal cells share what was read of them."""
    if isinstance(value, dict):
        return {key: _copied(below) for key, below in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(one)
    for key, value in other.items():
        have = out.get(key)
        out[key] = _merged(have, value) if isinstance(have, dict) and isinstance(value, dict) else _copied(value)
    return out
