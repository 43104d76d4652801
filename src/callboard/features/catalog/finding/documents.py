"""An entity as a document of search, with the fields that Backstage's ``software-catalog`` documents have."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Iterator, Mapping, Sequence

from callboard.features.catalog.processing.annotate import LOCATION
from callboard.features.search.interface import SearchDocument
from callboard.model.refs import EntityRef

TYPE = "software-catalog"
_SILENT = ("backstage.io/", "callboard.io/source", "callboard.io/managed")
"""Annotations about where an entity comes from: nobody looks for an entity by them."""
MAX_RELATED = 50


def document_of(entity: Mapping[str, Any], changed_at: datetime | None = None) -> SearchDocument:
    ref = EntityRef.of(entity)
    metadata, spec = entity["metadata"], entity.get("spec") or {}
    name, namespace = metadata["name"], metadata.get("namespace", "default")
    given = spec.get("profile")
    profile: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    title = _text(metadata.get("title")) or name
    shown = _text(profile.get("displayName"))
    text = " : ".join(part for part in (_text(metadata.get("description")), shown, _text(profile.get("email"))) if part)
    type = _text(spec.get("type"))
    owner, lifecycle = _text(spec.get("owner")), _text(spec.get("lifecycle"))
    location = f"/catalog/{namespace}/{ref.kind}/{name}".lower()
    wire = {
        "componentType": type or "other", "type": type or "other", "namespace": namespace, "kind": entity["kind"],
        "lifecycle": lifecycle, "owner": owner,
    }  # fmt: skip
    relations = entity.get("relations") or ()
    return SearchDocument(
        id=str(ref), title=title, location=location, text=text,
        names=list(dict.fromkeys(one for one in (name, shown, *_former(metadata)) if one and one != title)),
        keywords=list(_keywords(entity, metadata, spec)), resource=str(ref),
        fields={
            "kind": entity["kind"], "namespace": namespace, "name": name, "type": type, "componentType": type,
            "lifecycle": lifecycle, "owner": _targets(relations, "ownedBy") or ([owner] if owner else []),
            "source": _text((metadata.get("annotations") or {}).get(LOCATION)),
            "system": _targets(relations, "partOf"), "tags": [str(tag) for tag in metadata.get("tags") or ()],
        },
        wire=wire, changed_at=changed_at, popularity=len(relations),
    )  # fmt: skip


def _former(metadata: Mapping[str, Any]) -> Iterator[str]:
    """The repository that it stands for, as people call it."""
    slug = (metadata.get("annotations") or {}).get("github.com/project-slug")
    if isinstance(slug, str) and slug:
        yield slug.rpartition("/")[2]


def _keywords(entity: Mapping[str, Any], metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> Iterator[str]:
    yield entity["kind"]
    if entity["kind"] == "Component":
        yield "repository"  # what people ask for when they mean a piece of software
    for key in ("type", "lifecycle", "role"):
        if isinstance(spec.get(key), str):
            yield spec[key]
    for tag in metadata.get("tags") or ():
        yield str(tag)
    related: dict[str, None] = {}
    for relation in entity.get("relations") or ():
        if relation["type"] not in ("hasPart", "ownerOf", "parentOf", "hasMember", "dependencyOf"):
            related[relation["targetRef"].rpartition("/")[2]] = None
    yield from list(related)[:MAX_RELATED]
    for key in ("owner", "system", "domain", "parent", "subcomponentOf"):
        value = spec.get(key)
        if isinstance(value, str) and value.rpartition("/")[2].lower() not in related:
            yield value.rpartition("/")[2]
    for key, value in (metadata.get("labels") or {}).items():
        yield f"{_last(key)} {value}"
    for key, value in (metadata.get("annotations") or {}).items():
        if not key.startswith(_SILENT) and isinstance(value, str) and "://" not in value:
            yield f"{_last(key)} {value}"
    for link in metadata.get("links") or ():
        yield _text(link.get("title"))
        yield _text(link.get("url")).removeprefix("https://").removeprefix("http://").removeprefix("www.")


def _last(key: str) -> str:
    return key.rpartition("/")[2]


def _targets(relations: Sequence[Mapping[str, Any]], type: str) -> list[str]:
    return [relation["targetRef"] for relation in relations if relation["type"] == type]


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
