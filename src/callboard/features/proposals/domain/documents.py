"""From fields to documents: for the portal's own store, and for a catalog-info.yaml at the root of the repository."""

from __future__ import annotations

from typing import Any, Final, Literal, Mapping

from callboard.features.proposals.domain import addresses
from callboard.features.proposals.domain.values import RepositoryFacts

Purpose = Literal["store", "file"]
API_VERSION: Final = "backstage.io/v1alpha1"
RELATIONS: Final = frozenset(["spec.dependsOn", "spec.providesApis", "spec.consumesApis", "spec.system"])
NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "Component": ("spec.type", "spec.lifecycle", "spec.owner"),
    "API": ("spec.type", "spec.lifecycle", "spec.owner"),
    "Resource": ("spec.type", "spec.owner"),
    "System": ("spec.owner",),
    "Group": ("spec.type",),
}
FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "Component": frozenset(["type", "lifecycle", "owner", "system", "dependsOn", "providesApis", "consumesApis"]),
    "API": frozenset(["type", "lifecycle", "owner", "system", "definition"]),
    "Resource": frozenset(["type", "owner", "system", "dependsOn"]),
    "System": frozenset(["owner"]),
    "Group": frozenset(["type"]),
}
_ANNOTATION: Final = "metadata.annotations."
_TECHDOCS: Final = "backstage.io/techdocs-ref"
_SOURCE: Final = "backstage.io/source-location"


def has_field(kind: str, path: str) -> bool:
    """Whether entities of this kind have the field."""
    head, _, name = path.partition(".")
    return head == "metadata" or name in FIELDS.get(kind, ())


def document_of(
    kind: str,
    values: Mapping[str, Any],
    facts: RepositoryFacts,
    folder: str,
    definition: str,
    purpose: Purpose,
) -> dict[str, Any]:
    """An entity. ``values`` by path, links already turned into refs; empty ones are left out. Lists of refs are sorted, as the
    catalog keeps them.
    """
    metadata: dict[str, Any] = {}
    annotations: dict[str, str] = {}
    spec: dict[str, Any] = {}
    for path, value in values.items():
        if value in (None, "", []) or not has_field(kind, path):
            continue
        if path.startswith(_ANNOTATION):
            key = path[len(_ANNOTATION) :]
            said = _annotation(key, value, facts, folder, purpose)
            if said:
                annotations[key] = said
        elif path.startswith("metadata."):
            metadata[path[len("metadata.") :]] = value
        else:
            is_refs = path in RELATIONS and isinstance(value, list)
            spec[path[len("spec.") :]] = sorted(set(value)) if is_refs else value
    if kind == "API" and "definition" in spec and (purpose == "store" or not isinstance(spec["definition"], dict)):
        spec["definition"] = definition
    if kind == "Group":
        spec["children"] = []
    ordered: dict[str, Any] = {key: metadata[key] for key in ("name", "title", "description") if key in metadata}
    if annotations:
        ordered["annotations"] = annotations
    ordered |= {key: metadata[key] for key in ("tags", "links") if key in metadata}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": ordered, "spec": spec}


def _annotation(key: str, value: str, facts: RepositoryFacts, folder: str, purpose: Purpose) -> str:
    if key == _TECHDOCS:
        if purpose == "file":
            return f"dir:./{folder}" if folder else "dir:."
        where = addresses.folder_url(facts, folder)
        return f"url:{where}" if where else ""
    if key == _SOURCE and purpose == "file" and not folder:
        return ""  # the catalog knows it from where the file lies
    return value


def dig(document: Mapping[str, Any], path: str) -> Any:
    """What stands at a path; None for nothing. Keys of annotations hold dots."""
    if path.startswith(_ANNOTATION):
        annotations = document["metadata"].get("annotations") or {}
        return annotations.get(path[len(_ANNOTATION) :])
    head, _, name = path.partition(".")
    return (document.get(head) or {}).get(name)


def editor_path(path: str) -> str:
    """The path as editing writes it: ``metadata.annotations["example.com/x"]``."""
    return f'metadata.annotations["{path[len(_ANNOTATION) :]}"]' if path.startswith(_ANNOTATION) else path
