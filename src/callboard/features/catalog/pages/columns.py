"""Columns of the list: which there are, which suit a kind, and what stands in a cell.

A column is one of ``OWN`` (what a row has of itself), one that a plugin offers (``ListColumn``), or any search key: a path into
the document (``spec.tier``, ``metadata.labels.team``) or a type of relation (``relations.dependson``). All are told in the
address, so a list can be handed on with its columns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Callable, Final, Iterable, Mapping, Sequence

from callboard.features.catalog.interface import ListColumn
from callboard.features.catalog.pages.links import links_of, related, safe_href
from callboard.model.kinds import KindDefinition
from callboard.model.terms import SKIPPED, terms_of, text_of_scalar
from callboard.ui.messages import Translator
from callboard.ui.parts import EntityLink

OWN: Final = (
    "name", "kind", "owner", "type", "lifecycle", "system", "tags", "description", "namespace", "health", "changed",
)  # fmt: skip
"""Columns that every row can fill, in the order in which they are offered."""
_NOT_SORTED: Final = frozenset(("tags", "health"))
MAX_COLUMNS: Final = 14
MAX_VALUES: Final = 6
MAX_TEXT: Final = 300
MAX_OFFERED: Final = 400
_KEY: Final = re.compile(r"(kind|apiversion|(metadata|spec|relations)\.[\x21-\x2b\x2d-\x7e]{1,180})", re.IGNORECASE)
_ID: Final = re.compile(r"[a-z][a-z0-9-]{0,40}")

DEFAULTS: Final[Mapping[str, tuple[str, ...]]] = {
    "": ("name", "owner", "type", "lifecycle", "system", "tags", "changed"),
    "component": ("name", "owner", "type", "lifecycle", "system", "tags", "changed"),
    "api": ("name", "owner", "type", "lifecycle", "system", "relations.apiProvidedBy", "changed"),
    "resource": ("name", "owner", "type", "system", "relations.dependencyOf", "tags", "changed"),
    "system": ("name", "owner", "relations.partOf", "description", "tags", "changed"),
    "domain": ("name", "owner", "description", "relations.hasPart", "tags", "changed"),
    "group": ("name", "type", "relations.childOf", "description", "spec.profile.email", "changed"),
    "user": ("name", "spec.profile.email", "relations.memberOf", "changed"),
    "template": ("name", "owner", "type", "description", "tags", "changed"),
    "location": ("name", "type", "spec.target", "health", "changed"),
}
"""By kind; ``""`` is all kinds."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a cell: links, or texts (``href`` for a single one that is an address), or what a plugin rendered."""

    texts: Sequence[str] = ()
    links: Sequence[EntityLink] = ()
    href: str | None = None
    html: Any = None
    more: int = 0


@dataclass(frozen=True, slots=True)
class ShownColumn:
    """A column as chosen. ``key`` is the search key, None for what no key holds; ``css`` its class where not the id."""

    id: str
    title: str
    key: str | None = None
    css: str | None = None
    sorts: bool = True
    plugin: ListColumn | None = None

    @property
    def relation(self) -> str | None:
        """The type of relation that it shows, in lower case."""
        key = (self.key or "").lower()
        return key.removeprefix("relations.") if key.startswith("relations.") else None

    def refs_of(self, entity: Mapping[str, Any]) -> list[str]:
        return related(entity, self.relation)[:MAX_VALUES] if self.relation else []


def is_key(text: str) -> bool:
    """Whether ``text`` has the form of a search key that a column may show."""
    return _KEY.fullmatch(text) is not None


def read_columns(given: Iterable[str]) -> tuple[str, ...]:
    """Ids out of parameters, each a list with commas; what can be none is left out, and repeats (any case)."""
    found: dict[str, str] = {}
    for part in given:
        for id in part[:4000].split(","):
            id = id.strip()
            if id.lower() not in found and (id in OWN or is_key(id) or _ID.fullmatch(id)):
                found[id.lower()] = id
    return tuple(found.values())[:MAX_COLUMNS]


class ColumnChoice:
    """The columns of one portal: plugins' among them, and what its own kinds declare."""

    def __init__(
        self, find_definition: Callable[[str], KindDefinition | None], offered: Sequence[ListColumn] = ()
    ) -> None:
        self._find_definition = find_definition
        self._offered = {one.id: one for one in offered}

    @property
    def plugin_ids(self) -> Sequence[str]:
        return tuple(self._offered)

    def defaults(self, kind: str | None) -> tuple[str, ...]:
        """What suits the kind. Of a kind of one's own: its fields, those that it requires first."""
        known = DEFAULTS.get((kind or "").lower())
        if known is not None:
            return known
        definition = self._find_definition(kind or "")
        return _of_own_kind(definition) if definition is not None else DEFAULTS[""]

    def shown(self, ids: Sequence[str], kind: str | None, t: Translator) -> list[ShownColumn]:
        """The columns ``ids``, or the defaults of the kind without any. What nobody offers (any more) is left out."""
        wanted = ids or self.defaults(kind)
        found = [column for id in wanted if (column := self.find(id, t)) is not None]
        return found or [column for id in self.defaults(kind) if (column := self.find(id, t)) is not None]

    def find(self, id: str, t: Translator) -> ShownColumn | None:
        if id in OWN:
            return ShownColumn(id, t(f"catalog.column.{id}"), sorts=id not in _NOT_SORTED)
        if id in self._offered:
            one = self._offered[id]
            return ShownColumn(id, t.title(one.title), css="more", sorts=False, plugin=one)
        return ShownColumn(id, key_title(id, t), id, "more") if is_key(id) else None


def _of_own_kind(definition: KindDefinition) -> tuple[str, ...]:
    version = definition.versions[-1]
    relations = {field.path: field for field in version.relation_fields}
    spec = version.schema.get("properties", {}).get("spec", {})
    properties = spec.get("properties", {}) if isinstance(spec, Mapping) else {}
    required = [str(name) for name in spec.get("required", ())] if isinstance(spec, Mapping) else []
    columns = ["name"]
    for name in [*(n for n in required if n in properties), *(n for n in properties if n not in required)]:
        related_by = relations.get(("spec", name))
        if related_by is not None:
            columns.append("owner" if related_by.relation == "ownedBy" else f"relations.{related_by.relation}")
        elif name in ("type", "lifecycle"):
            columns.append(name)
        elif _is_short(properties[name]) and is_key(f"spec.{name}"):
            columns.append(f"spec.{name}")
    return (*tuple(dict.fromkeys(columns))[:7], "changed")


def _is_short(schema: Any) -> bool:
    """Whether a field of this schema fits a cell: a scalar, or a list of them."""
    if not isinstance(schema, Mapping):
        return False
    if schema.get("type") == "array":
        return _is_short(schema.get("items"))
    return "enum" in schema or schema.get("type") in ("string", "number", "integer", "boolean")


def key_title(key: str, t: Translator) -> str:
    """What a search key is called: the end of it, in words."""
    root, _, rest = key.partition(".")
    if root.lower() == "relations":
        id = f"catalog.relation.{rest.lower()}"
        return t(id) if t.has(id) else _words(rest)
    section, _, below = rest.partition(".")
    if section.lower() in ("labels", "annotations") and below:
        rest = below.rpartition("/")[2]
    return _words(rest or key)


def _words(text: str) -> str:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", re.sub(r"[._/-]+", " ", text)).strip()
    words = [word if word.isupper() and len(word) > 1 else word.lower() for word in spaced.split()]
    said = " ".join(words)
    return said[:1].upper() + said[1:]


def dig(value: Any, key: str) -> list[Any]:
    """What lies at ``key`` (lower-cased, parts joined by dots) in a document, as search terms see it: any case, lists spread."""
    if isinstance(value, dict):
        found: list[Any] = []
        for name, child in value.items():
            lowered = name.lower()
            if lowered == key:
                found += _spread(child)
            elif key.startswith(lowered + "."):
                found += dig(child, key[len(lowered) + 1 :])
        return found
    if isinstance(value, list):
        named = any(isinstance(item, str) and item.lower() == key for item in value)
        return [True] * named + [found for item in value for found in dig(item, key)]
    return []


def _spread(value: Any) -> list[Any]:
    return [inner for item in value for inner in _spread(item)] if isinstance(value, list) else [value]


def cell_of(column: ShownColumn, entity: Mapping[str, Any], known: Mapping[str, Any]) -> Cell:
    """The cell of a search key."""
    if column.relation:
        refs = related(entity, column.relation)
        return Cell(links=links_of(refs[:MAX_VALUES], known), more=max(0, len(refs) - MAX_VALUES))
    values = dig(entity, (column.key or "").lower())
    texts = [text for v in values if (text := _text_of(v))]
    href = safe_href(texts[0]) if len(texts) == 1 else None
    return Cell(texts=texts[:MAX_VALUES], href=href, more=max(0, len(texts) - MAX_VALUES))


def _text_of(value: Any) -> str:
    if value is None or isinstance(value, (dict, list)):
        return ""
    text = value if isinstance(value, str) else text_of_scalar(value)
    text = " ".join(text.split())
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def keys_in(entities: Sequence[Mapping[str, Any]]) -> list[str]:
    """Search keys that these entities have, for somebody to choose from; not those that lists and long texts make."""
    found: set[str] = set()
    for entity in entities:
        for key, values in terms_of(entity).items():
            if is_key(key) and key not in SKIPPED and None not in values and values != {"true": "true"}:
                found.add(key)
    return sorted(found)[:MAX_OFFERED]
