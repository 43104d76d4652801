"""Cells become fields: one reading for each role, the same for equal cells, and told to the letter what was made of them."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Callable, Final, Mapping, NamedTuple, Sequence

import orjson

from callboard.features.importing.domain import naming
from callboard.features.importing.domain.drafts import FORBIDDEN, LINKS, OWNER, TAGS, Path, Taken
from callboard.features.importing.domain.headers import is_export, key_of
from callboard.features.importing.domain.naming import short
from callboard.features.importing.domain.owners import CHAT_CHANNEL, ref_of, split_owners
from callboard.features.importing.domain.words import say
from callboard.features.importing.interface import ColumnMapping, OwnerMatch, Role, SheetMapping, Table
from callboard.model.refs import EntityRef, RefError
from callboard.model.validation import is_dns_label, is_kind, is_object_name
from callboard.ui.wording import joined

REPOSITORY: Final = "callboard.dev/repository"
"""Annotation for a repository that the sheet names and that no address could be made of."""
FURTHER_OWNERS: Final = "callboard.dev/further-owners"
SOURCE_LOCATION: Final = "backstage.io/source-location"
_SLUG_KEYS: Final = (
    ("github", "github.com/project-slug"),
    ("gitlab", "gitlab.com/project-slug"),
    ("bitbucket", "bitbucket.org/project-slug"),
)
_KNOWN_TYPES: Final = {
    "service": "service", "services": "service", "website": "website", "websites": "website", "library": "library",
    "libraries": "library",
}  # fmt: skip
_REMEMBERED: Final = 2_000
_SCRIPT: Final = re.compile(r"\s*(?:javascript|vbscript|data)\s*:", re.IGNORECASE)
_LIST_FIELDS: Final = frozenset(
    [
        "spec.children",
        "spec.members",
        "spec.memberOf",
        "spec.dependsOn",
        "spec.dependencyOf",
        "spec.providesApis",
        "spec.consumesApis",
    ]
)
"""Fields that hold lists, so that people may write names with commas between."""
_KEEPS_NO: Final[frozenset[Role]] = frozenset(["label", "annotation", "field"])


class Scope(NamedTuple):
    """What the meaning of a cell depends on besides its text: kind and namespace of its row."""

    kind: str
    namespace: str


class Identity(NamedTuple):
    """What a row is called. ``source`` is the index of the column that gave the name, -1 where none did.

    ``second`` is the name of another column, in case the first is taken, from the column ``second_source``.
    """

    kind: str
    namespace: str
    name: str
    note: str
    raw: str
    source: int
    implied_type: str = ""
    second: str = ""
    second_source: int = -1

    @property
    def is_rewritten(self) -> bool:
        """Whether the name is another text than the cell, not only a part of an address or ref in it."""
        return bool(self.note) and self.name.lower() not in re.split(r"[/:]", self.raw.lower().removesuffix(".git"))


Reading = tuple[int, ColumnMapping, dict[str, Taken] | None]
"""Index and meaning of a column, and its cells read so far by their text; None for what makes up the identity of a row."""


class SheetReader:
    """Reads the cells of one table under one mapping. Equal cells are read once.

    ``identify`` and ``owners_of`` need nothing else; ``read`` needs the owners that were matched and the names of all rows.
    """

    def __init__(self, table: Table, mapping: SheetMapping) -> None:
        self.mapping = mapping
        self.table = table
        self.export = is_export(table.columns)
        self.owners: Mapping[str, OwnerMatch] = {}
        self._chosen = {naming.one_line(text).casefold() for text in mapping.owner_refs}
        self.names: Mapping[str, Sequence[str]] = {}
        places = {column: index for index, column in enumerate(table.columns)}
        asked = [(places[column.column], column) for column in mapping.columns if column.column in places]
        self._names = [index for index, column in asked if column.role == "name"] or [
            index for role in ("repository", "title") for index, column in asked if column.role == role
        ]
        self.columns = sorted(asked, key=lambda one: one[0])
        self._kind = self._only("kind")
        self._namespace = self._only("namespace")
        self._owner = self._only("owner")
        self._repository_names = self._find_repository_names()
        self._types = self._find_types()
        self._readers: Mapping[str, Callable[[str, ColumnMapping, Scope], Taken]] = {
            "title": self._title, "description": self._description, "owner": self._read_owner, "type": self._type,
            "lifecycle": self._lifecycle, "system": self._system, "domain": self._domain, "repository": self._repository,
            "link": self._link, "tags": self._tags, "chat": self._chat, "depends_on": self._depends,
            "provides_apis": self._apis, "consumes_apis": self._apis, "annotation": self._annotation, "label": self._label,
            "field": self._field,
        }  # fmt: skip
        self._readings: dict[Scope, Sequence[Reading]] = {}

    def _only(self, role: Role) -> int:
        return next((index for index, column in self.columns if column.role == role), -1)

    def _find_repository_names(self) -> frozenset[int]:
        """Name columns that are repositories, too, where none says so itself: their headers speak of a repository."""
        if any(column.role == "repository" for _index, column in self.columns):
            return frozenset()
        words = {index: set(naming.words_of(self.table.columns[index])) for index in self._names}
        return frozenset(
            index for index, said in words.items() if said & {"repo", "repository", "repos", "github", "gitlab"}
        )

    def _find_types(self) -> Mapping[str, str]:
        """The most frequent spelling of each type, by its folded form; to the letter in an export."""
        index = self._only("type")
        if index < 0 or self.export:
            return {}
        spellings: dict[str, Counter[str]] = {}
        for row in self.table.rows:
            text = naming.one_line(row.cells[index])
            spellings.setdefault(text.casefold(), Counter())[text] += 1
        return {folded: _KNOWN_TYPES.get(folded, found.most_common(1)[0][0]) for folded, found in spellings.items()}

    # ---- what a row is -----------------------------------------------------------------------------------------------

    def raw(self, cells: Sequence[str], index: int) -> str:
        return cells[index] if 0 <= index < len(cells) else ""

    def is_empty(self, text: str, role: Role) -> bool:
        if not text:
            return True
        if self.export:
            return False
        return naming.is_blank(text) if role in _KEEPS_NO else naming.is_nothing(text)

    def identify(self, cells: Sequence[str]) -> Identity:
        kind_text = self.raw(cells, self._kind)
        kind, implied = self.mapping.kind, ""
        if not self.is_empty(kind_text, "kind"):
            kind, implied = (kind_text, "") if self.export else naming.clean_kind(kind_text)[:2]
            kind = kind or self.mapping.kind
        namespace_text = self.raw(cells, self._namespace)
        namespace = self.mapping.namespace
        if not self.is_empty(namespace_text, "namespace"):
            namespace = naming.clean_namespace(namespace_text)[0] or namespace
        found: list[tuple[int, str, str, str]] = []
        for index in self._names:
            text = self.raw(cells, index)
            if self.is_empty(text, "name"):
                continue
            name, note = self._name_of(text)
            if not found or name:
                found.append((index, name, note, text))
        if not found:
            return Identity(kind, namespace, "", "", "", -1, implied)
        first = next((one for one in found if one[1]), found[0])
        others = [one for one in found if one is not first and one[1] and one[1].lower() != first[1].lower()]
        second = others[0] if others else (-1, "", "", "")
        return Identity(kind, namespace, first[1], first[2], first[3], first[0], implied, second[1], second[0])

    def _name_of(self, text: str) -> tuple[str, str]:
        if not self.export and ":" in text:
            try:
                ref = EntityRef.parse(text)
            except RefError:
                return naming.clean_name(text)
            if is_kind(ref.kind) and is_dns_label(ref.namespace) and is_object_name(ref.name):
                return ref.name, say("importing.note.name_in", name=ref.name, text=text)
        return naming.clean_name(text)

    def identity_note(self, index: int, column: ColumnMapping, raw: str, identity: Identity) -> Taken:
        """What became of a cell that says name, kind or namespace."""
        if self.is_empty(raw, column.role):
            return _empty(raw)
        if column.role == "kind":
            kind, _implied, note = (raw, "", "") if self.export else naming.clean_kind(raw)
            if not kind:
                return Taken("rejected", "", None, say("importing.note.taken_for", note=note, kind=identity.kind))
            return Taken("cleaned" if note else "taken", "kind", kind, note)
        if column.role == "namespace":
            name, note = naming.clean_namespace(raw)
            return (
                Taken("cleaned" if note else "taken", "metadata.namespace", name, note)
                if name
                else Taken("rejected", note=note)
            )
        if index == identity.source:
            return Taken("cleaned" if identity.note else "taken", "metadata.name", identity.name, identity.note)
        return Taken("ignored", "", None, say("importing.note.other_name"))

    # ---- owners ------------------------------------------------------------------------------------------------------

    def owners_of(self, cells: Sequence[str], identity: Identity) -> str:
        """The owner that a row names, as it is matched; empty where it names none."""
        text = self.raw(cells, self._owner)
        return "" if self.is_empty(text, "owner") else self._first_owner(text, identity.namespace)

    def _first_owner(self, text: str, namespace: str) -> str:
        if self.export:
            return ref_of(text, namespace) or naming.one_line(text)
        whole = naming.one_line(text)
        if whole.casefold() in self._chosen:
            return whole
        parts = split_owners(text)
        return naming.one_line(parts[0]) if parts else whole

    def _read_owner(self, raw: str, column: ColumnMapping, scope: Scope) -> Taken:
        said = self._first_owner(raw, scope.namespace)
        match = self.owners.get(said)
        if match is None or not match.ref:
            return Taken("rejected", note=match.reason if match else say("importing.note.nobody", text=short(raw)))
        if scope.kind == "Group" and not self.export:
            return Taken("ignored", note=say("importing.note.group_owner"))
        is_its_name = ref_of(raw, scope.namespace) == match.ref
        value = raw if self.export and is_its_name else match.ref
        note = "" if is_its_name else say("importing.note.match", reason=match.reason, ref=match.ref)
        puts: tuple[tuple[Path, Any], ...] = ((OWNER, value),)
        others = split_owners(raw)[1:] if said != naming.one_line(raw) and not self.export else []
        if others:
            puts = (*puts, (("metadata", "annotations", FURTHER_OWNERS), ", ".join(others)))
            note = joined("; ", [note, say("importing.note.first_owner")])
        if scope.kind == "User" and not self.export:
            path: Path = ("spec", "memberOf")
            return Taken("cleaned" if note else "taken", "spec.memberOf", [value], note, (), ((path, (value,)),))
        return Taken("cleaned" if note else "taken", "spec.owner", value, note, puts)

    # ---- all the others ----------------------------------------------------------------------------------------------

    def readings(self, scope: Scope) -> Sequence[Reading]:
        """The columns in their order, each with what was read below it in rows of this kind and namespace."""
        found = self._readings.get(scope)
        if found is None:
            found = self._readings[scope] = [
                (index, column, None if column.role in ("name", "kind", "namespace") else {})
                for index, column in self.columns
            ]
        return found

    def read(self, column: ColumnMapping, raw: str, scope: Scope, seen: dict[str, Taken]) -> Taken:
        """What a cell of a role other than name, kind and namespace comes to."""
        taken = self._read(column, raw, scope)
        if len(seen) < _REMEMBERED:
            seen[raw] = taken  # columns whose values all differ gain nothing, and would fill the memory
        return taken

    def _read(self, column: ColumnMapping, raw: str, scope: Scope) -> Taken:
        if column.role == "ignore":
            return Taken("ignored" if raw else "empty")
        if self.is_empty(raw, column.role):
            return _empty(raw)
        return self._readers[column.role](raw, column, scope)

    def read_repository_name(self, index: int, raw: str, scope: Scope) -> Taken | None:
        """The repository that a name is as well; None where no address can be made of it."""
        if index not in self._repository_names or not raw:
            return None
        if not self.mapping.repository_host and not naming.is_repository_address(raw):
            return None
        taken = self._repository(raw, ColumnMapping("", "repository"), scope)
        return taken if any(path[-1] == SOURCE_LOCATION for path, _value in taken.puts) else None

    def _title(self, raw: str, column: ColumnMapping, scope: Scope) -> Taken:
        return _text("metadata.title", raw, raw if self.export else naming.one_line(raw))

    def _description(self, raw: str, column: ColumnMapping, scope: Scope) -> Taken:
        return _text("metadata.description", raw, raw)

    def _type(self, raw: str, column: ColumnMapping, scope: Scope) -> Taken:
        line = naming.one_line(raw)
        value = raw if self.export else self._types.get(line.casefold(), line)
        return _text("spec.type", raw, value)

    def _lifecycle(self, raw: str, column: ColumnMapping, scope: Scope) -> Taken:
        return _text("spec.lifecycle", raw, raw if self.export else naming.clean_lifecycle(raw)[0])

    def _system(self, raw: str, column: ColumnMapping, scope: Scope) -> Taken:
        if scope.kind in ("System", "Domain", "Group", "User") and not self.export:
            return Taken("ignored", note=say("importing.note.no_part", kind=scope.kind))
        return self._one_ref("spec.system", raw)

    def _domain(self, raw: str, column: ColumnMapping, scope: Scope) -> Taken:
        if scope.kind == "System" or self.export:
            return self._one_ref("spec.domain", raw)
        if scope.kind == "Domain":
            return self._one_ref("spec.subdomainOf", raw)
        return self._label(raw, ColumnMapping(column.column, "label", "domain"), scope)

    def part_name(self, raw: str) -> str:
        """A cell that names a system or domain, as a ref that can be written down; empty where none can be made of it."""
        return raw if self.export or is_ref(raw) else naming.clean_name(raw)[0]

    def _one_ref(self, path: str, raw: str) -> Taken:
        value = self.part_name(raw)
        return (
            _text(path, raw, value) if value else Taken("rejected", note=say("importing.note.no_name", text=short(raw)))
        )

    def _repository(self, raw: str, column: ColumnMapping, scope: Scope) -> Taken:
        parts = raw.split() if naming.find_links(raw)[0] else naming.split_cell(raw)
        parts = [part.strip(",;|") for part in parts if part.strip(",;|")] or [raw]
        puts: list[tuple[Path, Any]] = []
        main = naming.find_repository(parts[0], self.mapping.repository_host)
        url = main.url if main else naming.clean_url(parts[0])[0]
        if not url.startswith(("http://", "https://")):
            note = say("importing.note.no_repository")
            return _annotated(REPOSITORY, raw, note)
        puts.append((("metadata", "annotations", SOURCE_LOCATION), f"url:{url}/" if main else f"url:{url}"))
        if main:
            key = next((key for word, key in _SLUG_KEYS if word in main.host), None)
            if key:
                puts.append((("metadata", "annotations", key), main.slug))
        more = [naming.find_repository(part, self.mapping.repository_host) for part in parts[1:]]
        links = tuple({"url": one.url, "title": one.slug} for one in more if one)
        cleaned = len(parts) > 1 or url != raw
        told = say("importing.note.address", url=url) if cleaned else ""
        if len(parts) > 1:
            told = say("importing.note.first_source")
        return Taken(
            "cleaned" if cleaned else "taken", f"metadata.annotations.{SOURCE_LOCATION}", puts[0][1],
            told, tuple(puts), ((LINKS, links),) if links else (),
        )  # fmt: skip

    def _link(self, raw: str, column: ColumnMapping, scope: Scope) -> Taken:
        if self.export:
            if _SCRIPT.match(raw):
                return Taken("rejected", note=say("importing.note.script"))
            link = {"url": raw, "title": column.key} if column.key else {"url": raw}
            return Taken("taken", "metadata.links", raw, "", (), ((LINKS, (link,)),))
        if naming.is_no(raw):
            return Taken("empty", note=say("importing.note.says_none", text=raw))
        found, bad = naming.find_links(raw)
        notes = [say("importing.note.no_address", text=short(one)) for one in bad]
        if not found:
            return Taken("rejected", note=joined("; ", notes) or say("importing.note.no_address", text=short(raw)))
        links = tuple(_titled(link.url, link.title or column.key) for link in found)
        shown = [link.url for link in found]
        value = shown[0] if len(shown) == 1 else shown
        if not notes and value != raw:
            many = len(shown) > 1
            notes = [say("importing.note.links", n=len(shown)) if many else say("importing.note.address", url=shown[0])]
        return Taken(
            "cleaned" if notes else "taken", "metadata.links", value, joined("; ", notes), (), ((LINKS, links),)
        )

    def _tags(self, raw: str, column: ColumnMapping, scope: Scope) -> Taken:
        items = [part.strip() for part in raw.split(",")] if self.export else naming.split_cell(raw)
        tags, notes = [], []
        for item in items:
            tag, note = (item, "") if self.export else naming.clean_tag(item)
            if tag:
                tags.append(tag)
            if note:
                notes.append(note)
        if not tags:
            return Taken("rejected", note=joined("; ", notes) or say("importing.note.no_tag"))
        return Taken(
            "cleaned" if notes else "taken", "metadata.tags", tags, joined("; ", notes), (), ((TAGS, tuple(tags)),)
        )

    def _chat(self, raw: str, column: ColumnMapping, scope: Scope) -> Taken:
        found, _bad = naming.find_links(raw) if naming.is_url(raw) else ([], [])
        if found:
            link = _titled(found[0].url, found[0].title or "Chat")
            return Taken("taken", "metadata.links", found[0].url, "", (), ((LINKS, (link,)),))
        return _annotated(column.key or CHAT_CHANNEL, raw, "")

    def _depends(self, raw: str, column: ColumnMapping, scope: Scope) -> Taken:
        return self._refs("dependsOn", raw, lambda item: self._depended(item, scope))

    def _depended(self, item: str, scope: Scope) -> tuple[str, str]:
        if ":" in item and is_ref(item):
            return item, ""
        name = naming.clean_name(item)[0].lower()
        if not name:
            return "", say("importing.note.no_name", text=short(item))
        refs = self.names.get(name)
        if refs:
            near = next((ref for ref in refs if f":{scope.namespace}/" in ref), refs[0])
            return near, ""
        return f"component:{scope.namespace}/{name}", say("importing.note.no_row", name=name)

    def _apis(self, raw: str, column: ColumnMapping, scope: Scope) -> Taken:
        key = "providesApis" if column.role == "provides_apis" else "consumesApis"
        return self._refs(key, raw, lambda item: (item, "") if is_ref(item) else naming.clean_name(item))

    def _refs(self, key: str, raw: str, read: Callable[[str], tuple[str, str]]) -> Taken:
        path: Path = ("spec", key)
        if self.export:
            items = tuple(part.strip() for part in raw.split(","))
            return Taken("taken", f"spec.{key}", list(items), "", (), ((path, items),))
        refs: dict[str, None] = {}
        notes = []
        for item in naming.split_cell(raw):
            ref, note = read(item)
            if ref:
                refs[ref] = None
            if note:
                notes.append(note)
        if not refs:
            return Taken("rejected", note=joined("; ", notes) or say("importing.note.nothing"))
        cleaned = bool(notes) or ", ".join(refs) != raw
        return Taken(
            "cleaned" if cleaned else "taken",
            f"spec.{key}",
            list(refs),
            joined("; ", notes),
            (),
            ((path, tuple(refs)),),
        )

    def _annotation(self, raw: str, column: ColumnMapping, scope: Scope) -> Taken:
        return _annotated(column.key or key_of(column.column), raw, "")

    def _label(self, raw: str, column: ColumnMapping, scope: Scope) -> Taken:
        key = column.key or key_of(column.column)
        value, note = (raw, "") if self.export else naming.clean_label_value(raw)
        if not value:
            return Taken("rejected", note=note)
        return Taken(
            "cleaned" if note else "taken",
            f"metadata.labels.{key}",
            value,
            note,
            ((("metadata", "labels", key), value),),
        )

    def _field(self, raw: str, column: ColumnMapping, scope: Scope) -> Taken:
        path = tuple(column.key.split("."))
        if not column.key or "" in path:
            return Taken("rejected", note=say("importing.note.no_path"))
        if path in FORBIDDEN or path[0] in ("relations", "status") or path[:2] == ("metadata", "name"):
            return Taken("ignored", note=say("importing.note.forbidden", field=column.key))
        value = parse_field(raw)
        if isinstance(value, str) and not self.export and column.key in _LIST_FIELDS:
            value = naming.split_cell(value)
        if len(path) == 1 and path[0] in ("metadata", "spec") and not isinstance(value, dict):
            return Taken("rejected", note=say("importing.note.mapping", field=column.key, json="{}"))
        note = "" if value == raw else say("importing.note.read_as", value=short(orjson.dumps(value).decode()))
        return Taken("cleaned" if note else "taken", column.key, value, note, ((path, value),))


def parse_field(text: str) -> Any:
    """JSON where the text is JSON that can be stored, else the text itself."""
    if not text or text[0] not in '"{[-0123456789tfn':
        return text
    try:
        value = orjson.loads(text)
        orjson.dumps(value)  # deeper than what can be written is no value either
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return text
    return value


def is_ref(text: str) -> bool:
    """Whether a text can stand as a ref as it is: ``pay``, ``shop/pay``, ``api:shop/pay``."""
    try:
        ref = EntityRef.parse(text, default_kind="Component")
    except RefError:
        return False
    return is_kind(ref.kind) and is_dns_label(ref.namespace) and is_object_name(ref.name)


def _empty(raw: str) -> Taken:
    return Taken("empty", note=say("importing.note.for_nothing", text=short(raw)) if raw else "")


def _text(path: str, raw: str, value: str) -> Taken:
    note = "" if value == raw else say("importing.note.written", text=short(raw), value=short(value))
    return Taken("cleaned" if note else "taken", path, value, note, ((tuple(path.split(".")), value),))


def _annotated(key: str, raw: str, note: str) -> Taken:
    return Taken(
        "cleaned" if note else "taken",
        f"metadata.annotations.{key}",
        raw,
        note,
        ((("metadata", "annotations", key), raw),),
    )


def _titled(url: str, title: str) -> dict[str, str]:
    return {"url": url, "title": title} if title.strip() else {"url": url}
