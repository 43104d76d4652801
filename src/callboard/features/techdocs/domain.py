"""What an entity says of its documentation, as a plan of what to read. Values in, values out; nothing is read here.

Annotations: ``backstage.io/techdocs-ref`` (``dir:<folder beside its file>`` or ``url:<folder>``), ``backstage.io/techdocs-entity`` and
``techdocs-entity-path`` (another entity's site), ``backstage.io/adr-location`` (folder of decision records, as its plugin has it), and of
our own ``callboard.dev/runbooks-location``, ``callboard.dev/readme-location`` and ``callboard.dev/docs-location`` (other Markdown). The value
of a location is ``dir:…``, ``url:…``, a URL, or a path beside the entity's file.

Sources: Backstage techdocs-node 2.0 (``parseReferenceAnnotation``, ``transformDirLocation``); community ADR plugin (``getAdrLocationUrl``).
"""

from __future__ import annotations

import hashlib
import os
import posixpath
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Mapping, Protocol, Sequence

from callboard.features.techdocs.settings import SECRET_TOLD, SiteSettings, TechDocsSettings, holds_secret
from callboard.kernel.errors import InputError, NotAllowedError
from callboard.model.refs import EntityRef, LocationRef, RefError

TECHDOCS_REF = "backstage.io/techdocs-ref"
TECHDOCS_ENTITY = "backstage.io/techdocs-entity"
TECHDOCS_ENTITY_PATH = "backstage.io/techdocs-entity-path"
LOCATION = "backstage.io/managed-by-location"
ORIGIN = "backstage.io/managed-by-origin-location"
SOURCE_LOCATION = "backstage.io/source-location"

DocsType = Literal["docs", "adr", "runbook", "readme", "other"]
TYPED: Mapping[str, tuple[DocsType, str, str]] = {
    "backstage.io/adr-location": ("adr", "adr", "Decisions"),
    "callboard.dev/runbooks-location": ("runbook", "runbooks", "Runbooks"),
    "callboard.dev/readme-location": ("readme", "readme", "README"),
    "callboard.dev/docs-location": ("other", "more", "More"),
}
"""Annotation to (type, folder in the site, heading over it in the navigation)."""
ANNOTATIONS: tuple[str, ...] = (TECHDOCS_REF, TECHDOCS_ENTITY, *TYPED)


@dataclass(frozen=True, slots=True)
class Source:
    """Where files are read. ``place`` is an absolute path or a URL; of a folder nothing outside ``root`` is read."""

    kind: Literal["folder", "tree"]
    place: str
    root: str = ""


@dataclass(frozen=True, slots=True)
class Mount:
    """A source and its place in the site: ``name`` ``""`` is the site itself, else a folder of it under the heading ``title``."""

    name: str
    title: str
    type: DocsType
    source: Source


@dataclass(frozen=True, slots=True)
class SitePlan:
    """What to read for the site of an entity. ``title`` holds where mkdocs.yml names none; ``problem`` says why nothing can be read."""

    ref: str
    title: str
    description: str
    owner: str | None
    mounts: tuple[Mount, ...]
    settings: SiteSettings
    problem: str | None = None
    written: str = ""
    """namespace/kind/name in the letters of the entity: where stores that keep them have a published site."""

    @property
    def digest(self) -> str:
        """Differs when something else would be read, or it would be shown otherwise."""
        return hashlib.sha256(
            repr((self.title, self.description, self.mounts, self.settings, self.problem)).encode()
        ).hexdigest()

    @property
    def source_url(self) -> str | None:
        """The main source, where it is a URL that people may open."""
        place = self.mounts[0].source.place if self.mounts else ""
        return place if place.startswith(("https://", "http://")) else None


@dataclass(frozen=True, slots=True)
class Redirected:
    """The entity shows the site of another. ``path`` is where in it."""

    ref: str
    target: str
    path: str


class Resolver(Protocol):
    """The part of ``UrlReader`` that plans need."""

    def resolve(self, target: str, base: str) -> str: ...


class Places:
    """What was found out of folders on disk, for as long as many entities are looked at: thousands may lie in a few files."""

    def __init__(self) -> None:
        self.real = lru_cache(maxsize=None)(os.path.realpath)
        self.opened = lru_cache(maxsize=None)(_opened_by)


def plan_site(
    entity: Mapping[str, Any], settings: TechDocsSettings, readers: Resolver, places: Places | None = None
) -> SitePlan | Redirected | None:
    """What the entity's documentation is; None when it has none.

    Something that cannot be used is no exception: the plan then has no mounts and says why.
    """
    places = places or Places()
    ref = str(EntityRef.of(entity))
    annotations = _annotations(entity)
    row = settings.sites.get(ref)
    other = annotations.get(TECHDOCS_ENTITY)
    if other and row is None and TECHDOCS_REF not in annotations:
        return _redirected(ref, entity, other, annotations.get(TECHDOCS_ENTITY_PATH, ""))
    if row is None and not any(name in annotations for name in (TECHDOCS_REF, *TYPED)):
        return None
    metadata = entity["metadata"]
    title = (row.title if row else "") or str(metadata.get("title") or metadata.get("name") or "")
    mounts: list[Mount] = []
    problem = None
    try:
        if row is not None and row.source is not None:
            kind: Literal["folder", "tree"] = "folder" if row.is_folder else "tree"
            mounts.append(
                Mount(
                    "", title, "docs", Source(kind, row.source, os.path.realpath(row.source) if row.is_folder else "")
                )
            )
        elif TECHDOCS_REF in annotations:
            mounts.append(
                Mount(
                    "",
                    title,
                    "docs",
                    _source(annotations[TECHDOCS_REF], annotations, settings, readers, places, strict=True),
                )
            )
        for name, (type, folder, heading) in TYPED.items():
            if name in annotations:
                source = _source(annotations[name], annotations, settings, readers, places, strict=False)
                mounts.append(Mount(folder, heading, type, source))
    except (InputError, NotAllowedError) as error:
        problem = error.message
    return SitePlan(
        ref,
        title,
        str(metadata.get("description") or ""),
        owner_of(entity),
        tuple(mounts),
        row or SiteSettings(ref),
        problem,
        _written(entity),
    )


def _written(entity: Mapping[str, Any]) -> str:
    own = EntityRef.of(entity)
    return f"{own.namespace}/{own.kind}/{own.name}"


def _annotations(entity: Mapping[str, Any]) -> dict[str, str]:
    found = entity["metadata"].get("annotations") or {}
    return {key: value.strip() for key, value in found.items() if isinstance(value, str) and value.strip()}


def _redirected(ref: str, entity: Mapping[str, Any], other: str, path: str) -> Redirected | SitePlan:
    own = EntityRef.of(entity)
    try:
        target = str(EntityRef.parse(other, default_kind=own.kind, default_namespace=own.namespace))
    except RefError as error:
        return SitePlan(ref, own.name, "", owner_of(entity), (), SiteSettings(ref), f"{TECHDOCS_ENTITY}: {error}")
    return Redirected(ref, target, path.strip().strip("/"))


def owner_of(entity: Mapping[str, Any]) -> str | None:
    """Ref of the owner, as its relations say."""
    for relation in entity.get("relations") or ():
        if relation.get("type") == "ownedBy":
            return str(relation.get("targetRef") or "").lower() or None
    return None


def _source(
    value: str,
    annotations: Mapping[str, str],
    settings: TechDocsSettings,
    readers: Resolver,
    places: Places,
    *,
    strict: bool,
) -> Source:
    """``strict`` wants ``dir:`` or ``url:``, as Backstage does for ``techdocs-ref``."""
    if value.startswith("url:"):
        return Source("tree", _url(value[4:].strip(), settings))
    if value.startswith("dir:"):
        return _beside(value[4:].strip() or ".", annotations, settings, readers, places)
    if strict:
        raise InputError(
            f"{TECHDOCS_REF} is {value!r}. Write dir: and a folder beside the entity's file (dir:.), or url: and the address of a folder."
        )
    if "://" in value:
        return Source("tree", _url(value, settings))
    return _beside(value, annotations, settings, readers, places)


def _url(value: str, settings: TechDocsSettings) -> str:
    if value.lower().startswith("file:"):
        raise NotAllowedError(
            f"{value} is a folder of this machine, which annotations may not name. Use dir:, or a row of techdocs.sites."
        )
    if "://" not in value:
        raise InputError(f"{value!r} is no address. Write it in full, e.g. url:https://host/team/repository/tree/main.")
    if holds_secret(value):
        raise InputError(SECRET_TOLD)
    return value


def _beside(
    path: str, annotations: Mapping[str, str], settings: TechDocsSettings, readers: Resolver, places: Places
) -> Source:
    """A folder or file relative to where the entity comes from."""
    if "\0" in path or "\\" in path:
        raise InputError(f"{path!r} is not a path.")
    location = _location(annotations.get(SOURCE_LOCATION))
    given = _location(annotations.get(LOCATION))
    if location is not None and location.type == "url":
        base = location.target if location.target.endswith("/") or given is None else location.target + "/"
        return Source("tree", _resolve(path, base, readers))
    if given is None or given.type not in ("url", "file"):
        raise InputError(
            f"dir:{path} says nothing here: the entity comes from no file. Use url:, or a row of techdocs.sites in the settings."
        )
    if given.type == "url":
        return Source("tree", _resolve(path, given.target, readers))
    return _local(path, given.target, location, _location(annotations.get(ORIGIN)), settings, places)


def _location(text: str | None) -> LocationRef | None:
    if not text:
        return None
    try:
        return LocationRef.parse(text)
    except RefError:
        return None


def _resolve(path: str, base: str, readers: Resolver) -> str:
    plain = posixpath.normpath(path)
    return readers.resolve("./" if plain == "." else plain if plain.startswith(("/", "..")) else f"./{plain}", base)


def _local(
    path: str, file: str, source: LocationRef | None, origin: LocationRef | None, settings: TechDocsSettings, places: Places
) -> Source:  # fmt: skip
    folder = os.path.dirname(file)
    if source is not None and source.type == "file":
        # The entity says this itself, so it counts only inside what its file could reach anyway.
        folder = os.path.normpath(os.path.join(folder, source.target))
    trees = settings.file_roots or places.opened(file, origin)
    place = os.path.normpath(
        os.path.join(str(trees[0]), path.lstrip("/")) if path.startswith("/") else os.path.join(folder, path)
    )
    real = Path(places.real(place))
    tree = next((tree for tree in trees if real == tree or tree in real.parents), None)
    if tree is None:
        raise NotAllowedError(
            f"{place} lies outside {', '.join(map(str, trees))}, where the documentation of this entity may be read. "
            "Move the folder, or add it to catalog.fileRoots."
        )
    return Source("folder", place, str(tree))


def _opened_by(file: str, origin: LocationRef | None) -> tuple[Path, ...]:
    """The repository of the entity's file, or without one its folder; never more than what the settings opened."""
    opened = Path(os.path.realpath(os.path.dirname(file)))
    for candidate in (opened, *opened.parents):
        if (candidate / ".git").exists():
            return (candidate,)
    if origin is not None and origin.type == "file" and "*" not in origin.target:
        above = Path(os.path.realpath(os.path.dirname(origin.target)))
        if above in opened.parents:
            return (above,)
    return (opened,)


def safe_path(path: str) -> str | None:
    """A path within a site without ``.``, ``..`` and empty parts; None for one that leads out."""
    parts: list[str] = []
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part == ".." or "\0" in part or "\\" in part:
            return None
        parts.append(part)
    return "/".join(parts)


def triplet(ref: str) -> tuple[str, str, str]:
    """(namespace, kind, name) of a lower-cased ref: the order of TechDocs paths."""
    kind, _, rest = ref.partition(":")
    namespace, _, name = rest.partition("/")
    return namespace, kind, name


def docs_path(ref: str, path: str = "", anchor: str = "") -> str:
    """The address of a page in this portal."""
    return "/docs/" + "/".join(triplet(ref)) + (f"/{path}" if path else "") + (f"#{anchor}" if anchor else "")


def content_digest(files: Sequence[tuple[str, str]]) -> str:
    """Of a tree: (path, content hash) of each file."""
    digest = hashlib.sha256()
    for path, hash in sorted(files):
        digest.update(f"{path}\0{hash}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
