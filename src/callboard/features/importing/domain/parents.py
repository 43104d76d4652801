"""Systems and domains that a sheet names and the catalog lacks: made beside its rows, so that nothing points at what is not there.

A system belongs to whom most of the rows that name it belong to. Rows that name a system and a domain tell the domain of
the system; of rows without a system the domain is a label only, and makes nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, Final, Iterable, Mapping, NamedTuple, Sequence

from callboard.features.importing.domain.cells import SheetReader
from callboard.features.importing.domain.drafts import API_VERSION
from callboard.features.importing.domain.naming import one_line
from callboard.features.importing.domain.owners import ref_of
from callboard.features.importing.domain.words import say
from callboard.features.importing.interface import PlannedEntity, Row, Surroundings
from callboard.model.refs import DEFAULT_NAMESPACE, EntityRef, RefError
from callboard.model.validation import is_dns_label, is_object_name
from callboard.ui.wording import joined

PATHS: Final[Mapping[str, str]] = {"spec.system": "System", "spec.domain": "Domain", "spec.subdomainOf": "Domain"}
"""Fields that name one of these, and its kind."""
_TAKEN: Final = ("create", "change", "unchanged")
MAX_TITLE: Final = 200


class Made(NamedTuple):
    """A system or domain as the sheet would have it, and in words where it comes from. Its owner is empty where no row has one."""

    ref: str
    entity: dict[str, Any]
    owner: str
    reason: str


class Parents(NamedTuple):
    """``made`` by ref; ``relied`` are refs that rows name and that somebody else gives."""

    made: Sequence[Made]
    relied: Sequence[str]


@dataclass(slots=True)
class _Said:
    """What rows say of one system or domain; each counts by how many rows say so."""

    texts: Counter[str] = field(default_factory=Counter)
    owners: Counter[str] = field(default_factory=Counter)
    domains: Counter[str] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        return self.texts.total()


def parent_ref(text: str, kind: str, namespace: str = DEFAULT_NAMESPACE) -> str | None:
    """The ref that ``text`` is, lower-cased; None where it is none, or one of another kind."""
    try:
        ref = EntityRef.parse(text.strip(), default_kind=kind, default_namespace=namespace)
    except RefError:
        return None
    is_right = ref.kind.lower() == kind.lower() and is_dns_label(ref.namespace.lower()) and is_object_name(ref.name)
    return str(ref).lower() if is_right else None


def parents_wanted(reader: SheetReader, rows: Iterable[Row]) -> set[str]:
    """Every ref of a system or domain that rows may come to point at."""
    columns = _columns(reader)
    if not columns:
        return set()
    said: set[tuple[str, str, str]] = set()
    for row in rows:
        namespace = reader.identify(row.cells).namespace
        for index, kind in columns:
            if raw := reader.raw(row.cells, index):
                said.add((raw, kind, namespace))
    found = (parent_ref(reader.part_name(raw), kind, namespace) for raw, kind, namespace in said)
    return {ref for ref in found if ref}


def find_parents(
    reader: SheetReader, planned: Sequence[PlannedEntity], around: Surroundings, *, taken: set[str], create: bool
) -> Parents:
    """What the systems and domains that ``planned`` points at come to.

    Args:
        taken: Refs of the sheet's own rows.
        create: Whether those that nothing stands under are made. Those that this source made before stay as long as they are named.
    """
    if not _columns(reader):
        return Parents((), ())
    said = _gather(reader, planned)
    made: list[Made] = []
    relied: list[str] = []

    def is_ours(ref: str) -> bool:
        """Whether it is made here; one that others give is relied on."""
        if ref in taken:
            return False
        standing = around.standing.get(ref)
        if standing is None:
            return create
        if standing.source and not standing.hidden:
            relied.append(ref)
        return not standing.source and ref in around.given

    for ref in sorted(ref for ref in said if ref.startswith("system:")):
        if is_ours(ref):
            system = _made(ref, said[ref])
            made.append(system)
            domain = system.entity["spec"].get("domain")
            if domain and system.owner:
                said[domain].owners[system.owner] += said[ref].rows
    needed = {one.entity["spec"].get("domain") for one in made}
    for ref in sorted(ref for ref in said if ref.startswith("domain:")):
        # of a row without a system its domain is a label: nothing points at the domain then
        if (ref in needed or _is_pointed_at(said[ref])) and is_ours(ref):
            made.append(_made(ref, said[ref]))
    return Parents(sorted(made), sorted(relied))


_LABEL: Final = "\0label"
"""Among the domains of a ``_Said`` of a domain: how many rows name it as a label alone."""


def _is_pointed_at(said: _Said) -> bool:
    return said.rows > said.domains[_LABEL]


def _gather(reader: SheetReader, planned: Sequence[PlannedEntity]) -> dict[str, _Said]:
    said: dict[str, _Said] = defaultdict(_Said)
    labelled = {column.column for _index, column in reader.columns if column.role == "domain"}
    for one in planned:
        if one.entity is None or one.action not in _TAKEN:
            continue
        namespace = str(one.entity["metadata"].get("namespace") or DEFAULT_NAMESPACE)
        spec = one.entity.get("spec")
        owner = spec.get("owner") if isinstance(spec, dict) else None
        owner = (ref_of(owner, namespace) or owner) if isinstance(owner, str) else ""
        system = domain = None
        for cell in one.cells:
            kind = PATHS.get(cell.path)
            if kind is None and cell.column in labelled and cell.path.startswith("metadata.labels."):
                domain = parent_ref(reader.part_name(cell.raw), "Domain", namespace)
                if domain:
                    said[domain].texts[one_line(cell.raw)] += 1
                    said[domain].domains[_LABEL] += 1
            elif kind is not None and isinstance(cell.value, str):
                ref = parent_ref(cell.value, kind, namespace)
                if ref:
                    said[ref].texts[one_line(cell.raw)] += 1
                    if owner:
                        said[ref].owners[owner] += 1
                    system = ref if kind == "System" else system
        if system and domain:
            said[system].domains[domain] += len(one.rows) or 1
    return said


def _made(ref: str, said: _Said) -> Made:
    kind, _, rest = ref.partition(":")
    namespace, _, name = rest.partition("/")
    text = _most(said.texts)
    metadata: dict[str, Any] = {"name": name, "namespace": namespace}
    if text != name and ":" not in text and "/" not in text:
        metadata["title"] = text[:MAX_TITLE]
    spec: dict[str, Any] = {}
    owner = _most(said.owners)
    if owner:
        spec["owner"] = owner
    rows = said.rows
    reasons = [say(f"importing.outcome.{kind}", n=rows, text=text)]
    if len(said.owners) > 1:
        reasons.append(say("importing.outcome.most_owner", owner=owner))
    domains = Counter({domain: rows for domain, rows in said.domains.items() if domain != _LABEL})
    if kind == "system" and domains:
        spec["domain"] = _most(domains)
        if len(domains) > 1:
            reasons.append(say("importing.outcome.most_domain", domain=spec["domain"]))
    entity = {"apiVersion": API_VERSION, "kind": kind.capitalize(), "metadata": metadata, "spec": spec}
    return Made(ref, entity, owner, joined(". ", reasons))


def _most(counts: Mapping[str, int]) -> str:
    """What is said most; of equals the first in the alphabet. Empty for nothing."""
    return min(counts, key=lambda one: (-counts[one], one), default="")


def _columns(reader: SheetReader) -> list[tuple[int, str]]:
    """Columns that name systems or domains: (index, kind)."""
    found = []
    for index, column in reader.columns:
        path = f"spec.{column.role}" if column.role in ("system", "domain") else column.key
        if column.role in ("system", "domain", "field") and path in PATHS:
            found.append((index, PATHS[path]))
    return found
