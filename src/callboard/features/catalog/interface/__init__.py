"""The face of the catalog: what other features, pages, REST and plugins may rely on.

Nouns: an *entity* is a stitched document; a *provider* is a source of entities; a *location* is a file or URL that
holds descriptors; a *finding* is a problem that keeps an entity back (error) or not (warning).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, AsyncIterator, Literal, Mapping, Protocol, Sequence, runtime_checkable

from callboard.features.catalog.interface.parts import EntityAction as EntityAction
from callboard.features.catalog.interface.parts import EntityCard as EntityCard
from callboard.features.catalog.interface.parts import EntityTab as EntityTab
from callboard.features.catalog.interface.parts import HomeCard as HomeCard
from callboard.features.catalog.interface.parts import ListColumn as ListColumn
from callboard.features.catalog.interface.trees import TreeReader as TreeReader
from callboard.kernel import read_file
from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import ConflictError, NotFoundError
from callboard.kernel.permissions import Permission
from callboard.kernel.plugins.hooks import hookspec
from callboard.model.predicates import Predicate
from callboard.model.refs import EntityRef, LocationRef
from callboard.model.relations import Relation
from callboard.model.urls import HostKind

EntityDocument = dict[str, Any]

ENTITY = "catalog-entity"
READ_ENTITY = Permission("catalog.entity.read", "read", ENTITY, "See an entity.")
CREATE_ENTITY = Permission("catalog.entity.create", "create", None, "Bring entities in, by hand or by a new location.")
DELETE_ENTITY = Permission("catalog.entity.delete", "delete", ENTITY, "Remove an entity.")
REFRESH_ENTITY = Permission("catalog.entity.refresh", "update", ENTITY, "Have an entity read again from its source.")
UPDATE_ENTITY = Permission("catalog.entity.update", "update", ENTITY, "Edit an entity.")
VALIDATE_ENTITY = Permission("catalog.entity.validate", "read", None, "Ask whether a document would be accepted.")
READ_LOCATION = Permission("catalog.location.read", "read", None, "See the registered locations.")
CREATE_LOCATION = Permission("catalog.location.create", "create", None, "Register or change a location.")
DELETE_LOCATION = Permission("catalog.location.delete", "delete", None, "Remove a registered location.")
ANALYZE_LOCATION = Permission(
    "catalog.location.analyze", "read", None, "Look what a repository holds before registering it."
)
READ_INGESTION = Permission("catalog.ingestion.read", "read", None, "See entities that never came through, and why.")
MANAGE_INGESTION = Permission("catalog.ingestion.manage", "update", None, "Remove unprocessed entities.")

PERMISSIONS: tuple[Permission, ...] = (
    READ_ENTITY, CREATE_ENTITY, DELETE_ENTITY, REFRESH_ENTITY, UPDATE_ENTITY, VALIDATE_ENTITY, READ_LOCATION,
    CREATE_LOCATION, DELETE_LOCATION, ANALYZE_LOCATION, READ_INGESTION, MANAGE_INGESTION,
)  # fmt: skip


SOURCE_CHANGED = "catalog.source.changed"
"""Event: files of repositories changed, as a webhook told: {what, urls, branches, paths}; the last two None when not told."""


class EntityNotFound(NotFoundError):
    """No entity with this ref is visible to the caller; it may exist.

    ``suggestions``: (title, path) of visible ones that look like it, ``ways`` of other places to go, for the page that tells
    of the error.
    """

    code = "catalog.entity_not_found"

    def __init__(self, ref: EntityRef | str, message: str | None = None) -> None:
        self.ref = ref
        self.suggestions: Sequence[tuple[str, str]] = ()
        self.ways: Sequence[tuple[str, str]] = ()
        super().__init__(message or f"No entity {ref} is visible to you. Check kind and namespace, or ask its owner.")


class LocationNotFound(NotFoundError):
    """No registered location has this id."""

    code = "catalog.location_not_found"


class LocationExists(ConflictError):
    """A registered location has this type and target already."""

    code = "catalog.location_exists"


# ---- reading ----------------------------------------------------------------------------------------------------------


BY_TITLE = ":title"
BY_CHANGE = ":changed"
BY_FIRST = ":first:"
"""Before a search key: an entity with several values stands once, at its first, instead of at each."""


@dataclass(frozen=True, slots=True)
class Order:
    """Order by the lower-cased value of a search key. Entities without the key are left out.

    ``BY_TITLE`` (what pages call an entity) and ``BY_CHANGE`` (when it last changed) stand for a key and leave nothing out.
    """

    field: str
    direction: Literal["asc", "desc"] = "asc"


@dataclass(frozen=True, slots=True)
class EntityQuery:
    """What to list. ``predicate`` None is everything the actor may read.

    ``order`` None is the order of ids; ``by_ref`` orders by entity ref instead (``GET /entities`` with paging).
    ``by_ref`` with an ``order`` sorts by it, then by each of ``then``, then by ref, and keeps entities that lack a key, last;
    ``then`` means nothing otherwise. ``after`` and ``before`` are not for ``by_ref``.
    ``limit`` None is no limit. ``after`` is (order value, id) of the row before the page, ``before`` of the row after it.
    """

    predicate: Predicate | None = None
    order: Order | None = None
    by_ref: bool = False
    limit: int | None = None
    offset: int = 0
    after: tuple[str | None, int] | None = None
    before: tuple[str | None, int] | None = None
    want_total: bool = True
    then: tuple[Order, ...] = ()


@dataclass(frozen=True, slots=True)
class RawPage:
    """A page as stored bytes. ``positions`` are (order value, id) of the first and last item, None when empty.

    ``total`` counts all that match (with the order field present, when one is asked); None if not wanted.
    """

    items: Sequence[bytes]
    total: int | None
    first: tuple[str | None, int] | None
    last: tuple[str | None, int] | None
    has_more: bool
    has_previous: bool


@dataclass(frozen=True, slots=True)
class FacetValue:
    value: str
    count: int


class CatalogQueries(Protocol):
    """Reads. Everything hidden from ``actor`` is as if it were not there: in items, counts, facets, refs and errors."""

    async def list_raw(self, query: EntityQuery, *, actor: Actor) -> RawPage: ...

    async def count(self, predicate: Predicate | None, *, actor: Actor) -> int: ...

    def iter_raw(self, query: EntityQuery, *, actor: Actor) -> AsyncIterator[Sequence[bytes]]:
        """Every match in chunks (``limit`` and ``offset`` are ignored), from one snapshot."""

    async def find_raw(self, ref: str, *, actor: Actor) -> bytes | None:
        """The stored bytes of the entity with this lower-cased ref, or None if absent or hidden."""

    async def find_raw_by_uid(self, uid: str, *, actor: Actor) -> bytes | None: ...

    async def get_many_raw(
        self, refs: Sequence[str], *, predicate: Predicate | None = None, actor: Actor
    ) -> list[bytes | None]:
        """In the order of ``refs`` (compared as given), None for the absent, the hidden and those outside ``predicate``."""

    async def visible_among(self, refs: Sequence[str], *, actor: Actor) -> set[str]:
        """Those of ``refs`` that are there and not hidden. No document is touched, so that thousands cost little."""

    async def get_entity(self, ref: EntityRef, *, actor: Actor) -> EntityDocument:
        """Raises ``EntityNotFound``."""

    async def facets(
        self, keys: Sequence[str], predicate: Predicate | None = None, *, actor: Actor
    ) -> dict[str, list[FacetValue]]:
        """Per key, the values as written with how many matching entities have each, sorted by value."""

    async def ancestry(self, ref: EntityRef, *, actor: Actor) -> list[tuple[EntityDocument, list[str]]]:
        """The entity first, then its ancestors, each with the refs of its parents. Raises ``EntityNotFound``."""

    async def near_matches(self, ref: EntityRef, *, actor: Actor, limit: int = 5) -> list[str]:
        """Visible refs that look like this one, best first: for not-found pages."""

    async def findings(self, ref: EntityRef, *, actor: Actor) -> Sequence[Finding]: ...

    async def list_findings(
        self,
        *,
        severity: Literal["error", "warning"] | None = None,
        owner: Sequence[str] | None = None,
        limit: int = 50,
        offset: int = 0,
        actor: Actor,
    ) -> tuple[Sequence[Finding], int]:
        """Findings of all entities and sources that the actor may see, latest ``since`` first, and how many there are.

        ``owner``: only those of entities that one of these refs (lower-cased) owns.
        """

    async def history(
        self, ref: EntityRef, *, actor: Actor, limit: int = 50, before: int | None = None
    ) -> Sequence[HistoryEntry]: ...

    async def list_changes(self, *, actor: Actor, limit: int = 20) -> Sequence[HistoryEntry]:
        """The newest changes of visible entities, newest first, at most one an entity; ``diff`` may be left empty."""

    async def relations_of(self, refs: Sequence[str], *, actor: Actor) -> Sequence[Relation]:
        """The relations of these entities (lower-cased refs) to others that are there and that the actor may see, too.

        In no order, each once. Each pair is told by both of its ends, as in documents: ``ownedBy`` of one, ``ownerOf`` of the other.
        """

    async def list_hidden(self, refs: Sequence[str], *, actor: Actor) -> frozenset[str]:
        """Those of ``refs`` (lower-cased) that entities have which the actor may not see: for features with lists of their own."""

    async def changed_at(self, refs: Sequence[str], *, actor: Actor) -> list[datetime | None]:
        """When each of ``refs`` (lower-cased) last changed, in their order; None for the unknown and the hidden. One query."""


# ---- what went wrong, and what happened --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem with a document or source, as stored and shown.

    ``stage``: read, parse, envelope, preprocess, policy, kind, location, rules, relations, conflict, overlay, stitch.
    ``line`` and ``column`` count from 1 in ``file``; ``fix`` says what to do.
    """

    severity: Literal["error", "warning"]
    stage: str
    message: str
    name: str = "InputError"
    file: str | None = None
    line: int | None = None
    column: int | None = None
    field: str | None = None
    fix: str | None = None
    entity_ref: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One change of an entity. ``diff`` is a list of {"op", "path", "from"?, "to"?}; empty for created and deleted."""

    id: int
    ref: str
    at: datetime
    change: Literal["created", "updated", "deleted", "restored", "failed", "recovered"]
    source: str
    actor: str
    diff: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class WhyStep:
    """One step that a URL, file or ref went through: named, read, parsed, validated, placed, stitched."""

    name: str
    state: Literal["ok", "failed", "skipped", "waiting", "unknown"]
    detail: str
    at: datetime | None = None
    findings: Sequence[Finding] = ()


@dataclass(frozen=True, slots=True)
class WhySubject:
    """One document or source that the question touches, with its steps up to where it stopped."""

    title: str
    ref: str | None
    location: str | None
    steps: Sequence[WhyStep]
    stopped_at: str | None


@dataclass(frozen=True, slots=True)
class Why:
    """Answer to "what happened to this?". ``asked`` is the URL, file or ref; no subjects means nobody named it."""

    asked: str
    kind: Literal["ref", "location"]
    subjects: Sequence[WhySubject]
    suggestions: Sequence[str] = ()


# ---- sources -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeferredEntity:
    """An entity that a provider gives, with the location it stands for (``location_key``)."""

    entity: EntityDocument
    location_key: str | None = None


@dataclass(frozen=True, slots=True)
class FullMutation:
    """All that the source has; what it gave before and is not here goes away."""

    entities: Sequence[DeferredEntity]


@dataclass(frozen=True, slots=True)
class DeltaMutation:
    added: Sequence[DeferredEntity] = ()
    removed: Sequence[str] = ()
    """Entity refs, lower-cased."""


class ProviderConnection(Protocol):
    async def apply(self, mutation: FullMutation | DeltaMutation) -> None:
        """Write what the source has. Raises ``InputError`` when an entity has no envelope; nothing is written then."""

    async def refresh(self, keys: Sequence[str]) -> None:
        """Read again whatever depends on these keys (``url:https://…``)."""

    async def fail(self, error: Exception) -> None:
        """Say that the source could not be read now. What it gave before stays, marked stale."""


class EntityProvider(Protocol):
    """A named source of entities. ``run`` is called on the schedule ``every_s`` and raises when the source is unreachable."""

    name: str
    every_s: float

    async def run(self, connection: ProviderConnection) -> None: ...


@dataclass(frozen=True, slots=True)
class SourceChange:
    """Something at a source host changed, as its webhook told.

    ``what``: ``files`` (a push), ``repositories`` (made, removed, renamed, moved, archived …), ``people`` (teams, members).
    ``urls`` name the repositories or organisations by page or clone address; none means somewhere at hosts of this kind.
    """

    what: Literal["files", "repositories", "people"]
    kind: HostKind
    urls: Sequence[str] = ()
    branches: frozenset[str] | None = None
    """Branches and tags without ``refs/heads/``; None when not told."""
    paths: frozenset[str] | None = None
    """Files touched, from the root of the repository; None when not told: then any may be."""
    moved_paths: frozenset[str] | None = None
    """Those of ``paths`` that came or went."""
    default_branch: str = ""
    repository: tuple[str, str] | None = None
    """(project key, slug) where the host does not say its own address."""


@runtime_checkable
class SourceListener(Protocol):
    """An ``EntityProvider`` that is also run, at once, when a webhook tells of a change that may alter what it gives."""

    def is_affected(self, change: SourceChange) -> bool: ...


ReadFile = read_file.ReadFile
"""A file as read: absolute ``url``, ``content`` as bytes, ``etag`` or None. It stands below, where readers of source hosts are built."""

NotModified = read_file.NotModified
"""Raised by a reader: the source is as it was at the etag given."""


class UrlReader(Protocol):
    """Reads URLs of the hosts it knows. Errors: ``NotFoundError``, ``LimitError`` (with retry_after_s), ``UnavailableError``,
    ``NotAllowedError``; ``NotModified`` when ``etag`` still holds.
    """

    def handles(self, url: str) -> bool: ...

    async def read(self, url: str, *, etag: str | None = None) -> ReadFile: ...

    async def search(self, url: str, *, etag: str | None = None) -> Sequence[ReadFile]:
        """Files that a URL with ``*`` in its path names."""

    def resolve(self, target: str, base: str) -> str:
        """``target`` relative to the file at ``base``, as the host's own URL."""


# ---- writing -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Location:
    """A registered location. ``entity_ref`` is that of the Location entity it stands for."""

    id: str
    type: str
    target: str
    entity_ref: str


@dataclass(frozen=True, slots=True)
class LocationDryRun:
    location: Location
    entities: Sequence[EntityDocument]
    exists: bool


class CatalogCommands(Protocol):
    """Writes. Each checks permission, is audited, and may be repeated."""

    async def refresh(self, ref: EntityRef, *, actor: Actor) -> None:
        """Read the entity's source again now. Raises ``EntityNotFound``."""

    async def delete_by_uid(self, uid: str, *, actor: Actor) -> None:
        """Remove one entity; nothing happens when there is none. It comes back while a source still names it."""

    async def list_locations(self, *, actor: Actor) -> Sequence[Location]: ...

    async def get_location(self, id: str, *, actor: Actor) -> Location: ...

    async def get_location_by_entity(self, ref: EntityRef, *, actor: Actor) -> Location: ...

    async def create_location(
        self, location: LocationRef, *, on_conflict: Literal["refresh", "reject"], actor: Actor
    ) -> Location:
        """Raises ``LocationExists``, ``InputError`` for a type that may not be registered."""

    async def dry_run_location(self, location: LocationRef, *, actor: Actor) -> LocationDryRun: ...

    async def update_location(self, id: str, location: LocationRef, *, actor: Actor) -> Location: ...

    async def delete_location(self, id: str, *, actor: Actor) -> None: ...

    async def analyze_location(
        self, location: LocationRef, *, catalog_filename: str | None, actor: Actor
    ) -> Mapping[str, Any]: ...

    async def validate_entity(self, entity: Any, location: LocationRef, *, actor: Actor) -> Sequence[Finding]:
        """Errors that would keep the document out; empty when it is good."""

    async def list_unprocessed(
        self, state: Literal["failed", "pending"], *, owner: str | None, actor: Actor
    ) -> Sequence[Mapping[str, Any]]: ...

    async def delete_unprocessed(self, entity_id: str, *, actor: Actor) -> None: ...

    async def why(self, asked: str, *, actor: Actor) -> Why: ...


# ---- hooks -------------------------------------------------------------------------------------------------------------


class Processor(Protocol):
    """Looks at each document between reading and validation. Must be pure: same input, same output."""

    name: str
    priority: int

    def process(self, entity: EntityDocument, location: LocationRef) -> EntityDocument: ...


class CatalogHooks:
    """What plugins may add to the catalog."""

    @hookspec
    def register_catalog_providers(self, portal: Any) -> Sequence[EntityProvider]:
        """Sources of entities, run on their schedules. A name belongs to one provider for good: entities are kept by it."""

    @hookspec
    def register_catalog_processors(self, portal: Any) -> Sequence[Processor]:
        """Steps between reading and validation, in the order of their priority."""

    @hookspec
    def register_kinds(self) -> Sequence[Mapping[str, Any]]:
        """Model layers: kinds as data, in the form of ``model.kinds.KindDefinition``."""

    @hookspec
    def register_url_readers(self, portal: Any) -> Sequence[UrlReader]:
        """Readers of further hosts; the first that handles a URL reads it."""

    @hookspec
    def register_entity_tabs(self, portal: Any) -> Sequence[EntityTab]:
        """Tabs of the entity page."""

    @hookspec
    def register_entity_actions(self, portal: Any) -> Sequence[EntityAction]:
        """Buttons in the header of the entity page."""

    @hookspec
    def register_entity_cards(self, portal: Any) -> Sequence[EntityCard]:
        """Cards on the overview tab of the entity page."""

    @hookspec
    def register_list_columns(self, portal: Any) -> Sequence[ListColumn]:
        """Columns that people may choose for lists of entities, beside the fields that entities have."""

    @hookspec
    def register_home_cards(self, portal: Any) -> Sequence[HomeCard]:
        """Cards on the home page."""
