"""The face of importing: the values that reading, guessing, planning, storing and pages hand to each other.

Rows and columns are told as people count them: rows from 1 as in the sheet, columns by their header.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Mapping, Protocol, Sequence

from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import ConflictError, InputError, LimitError, NotFoundError

# ---- what a file holds -------------------------------------------------------------------------------------------------

Format = Literal["csv", "tsv", "xlsx", "ods", "xls"]


class UnreadableSheet(InputError):
    """The file is no sheet that can be read; the message says what it is instead and what to do."""

    code = "importing.unreadable_sheet"


class SheetTooLarge(LimitError):
    """The file, or what it unpacks to, is over a limit of reading; the message says which and what to do."""

    code = "importing.sheet_too_large"


@dataclass(frozen=True, slots=True)
class Row:
    """``number`` counts from 1 as the sheet shows it; ``cells`` are texts, one a column, trimmed, line breaks kept.

    Numbers, booleans and dates are written as a person would write them: ``12``, ``false``, ``2026-11-23``.
    """

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SkippedRow:
    """A row with something in it that is no data, and why: above the header, a total, a heading, a repeated header."""

    number: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Table:
    """One tab with its header found.

    ``columns`` are unique texts: of two header rows both (``Team / Name``), ``Column D`` where the header is empty,
    ``name (2)`` where it repeats. Every row of the tab that has something in it is in ``rows`` or in ``skipped``.
    """

    sheet: str
    header_row: int
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    skipped: tuple[SkippedRow, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Workbook:
    """A file as read. ``digest`` is the SHA-256 of its bytes; ``notes`` are what was assumed (an encoding, a separator)."""

    filename: str
    format: Format
    digest: str
    tables: tuple[Table, ...]
    notes: tuple[str, ...] = ()


# ---- what columns mean -------------------------------------------------------------------------------------------------

Role = Literal[
    "name", "title", "description", "owner", "kind", "type", "lifecycle", "system", "domain", "namespace", "repository",
    "link", "tags", "chat", "depends_on", "provides_apis", "consumes_apis", "annotation", "label", "field", "ignore",
]  # fmt: skip
ROLES: tuple[Role, ...] = Role.__args__  # type: ignore[attr-defined]
ONCE: frozenset[Role] = frozenset(
    ["title", "description", "owner", "kind", "type", "lifecycle", "system", "domain", "namespace", "repository"]
)
"""Roles that one column at most can have. ``name`` may stand twice: the second is used where the first is no name of its own."""


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """What one column means. ``key`` is the annotation or label key, the title of a link, or the dotted path of a ``field``
    (``spec.parent``: JSON where the cell is JSON, else its text); empty for other roles.
    """

    column: str
    role: Role
    key: str = ""


@dataclass(frozen=True, slots=True)
class ColumnGuess:
    """``confidence`` from 0 to 1; ``reason`` in words for people; ``others`` are further roles that fit, best first."""

    mapping: ColumnMapping
    confidence: float
    reason: str
    samples: tuple[str, ...] = ()
    others: tuple[Role, ...] = ()


@dataclass(frozen=True, slots=True)
class SheetMapping:
    """How a table becomes entities. Defaults stand where a row says nothing.

    ``repository_host`` turns slugs into URLs (``https://github.com/alphagov``). The order of ``columns`` is the order
    in which ``name`` columns are asked.
    ``create_owners`` and ``create_systems`` make what rows name and the catalog lacks: owners; systems and domains.
    ``owner_refs`` is a person's word on owners: what the sheet says (trimmed, compared without case) to the ref it means, or to
    ``new`` for one that is to be made; it wins over every matching.
    """

    columns: tuple[ColumnMapping, ...]
    kind: str = "Component"
    namespace: str = "default"
    type: str = "service"
    lifecycle: str = "production"
    owner: str = ""
    repository_host: str = ""
    create_owners: bool = True
    create_systems: bool = True
    owner_refs: Mapping[str, str] = field(default_factory=dict)

    def of(self, role: Role) -> tuple[ColumnMapping, ...]:
        return tuple(column for column in self.columns if column.role == role)


# ---- what would happen -------------------------------------------------------------------------------------------------

Action = Literal["create", "change", "unchanged", "conflict", "rejected"]
ACTIONS: tuple[Action, ...] = ("create", "change", "unchanged", "conflict", "rejected")


@dataclass(frozen=True, slots=True)
class CellNote:
    """What became of one cell. ``path`` is the field of the entity (``spec.owner``), empty where it went nowhere."""

    row: int
    column: str
    raw: str
    state: Literal["taken", "cleaned", "empty", "ignored", "rejected"]
    path: str = ""
    value: Any = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class PlannedEntity:
    """What becomes of one entity. ``rows`` may be several (repeats that say the same) or none (an owner, system or domain that is made).

    ``diff`` is a list of {"op", "path", "from"?, "to"?} against what stands; ``reason`` says why for a conflict or a
    refusal, and where it was made from for one that no row names. What another source gives just so already is ``unchanged``,
    and ``reason`` names that source. ``ref`` is empty for a row without a name; refused rows may repeat the ref of a good one.
    """

    ref: str
    action: Action
    rows: tuple[int, ...]
    entity: Mapping[str, Any] | None
    diff: tuple[Mapping[str, Any], ...] = ()
    reason: str = ""
    cells: tuple[CellNote, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnerMatch:
    """``said`` is what the sheet says; ``ref`` the group or user it was taken for; ``is_new`` where that is to be made."""

    said: str
    ref: str
    is_new: bool
    confidence: float
    reason: str
    rows: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything an import would do. ``digest`` changes with anything that it says; ``leaving`` are refs that the same
    source gave before and the sheet no longer names. Every data row of the table is in one of ``entities``.
    ``relied`` are systems and domains that rows name and that others give.
    """

    entities: tuple[PlannedEntity, ...]
    owners: tuple[OwnerMatch, ...]
    leaving: tuple[str, ...]
    digest: str
    counts: Mapping[Action, int] = field(default_factory=dict)
    relied: tuple[str, ...] = ()


# ---- what the catalog looks like to a plan -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """An entity that stands already under a ref a row wants. ``source`` names who gives it; empty: this same source.

    ``hidden``: whoever plans may not see it, and ``entity`` tells nothing of it.
    """

    ref: str
    entity: Mapping[str, Any]
    source: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What planning needs to know of the catalog: entities under wanted refs, and all groups and users by ref.

    ``people`` maps ref to the texts that name it: name, title, display name, e-mail, chat channel.
    ``given`` are the refs that this source gave so far.
    """

    standing: Mapping[str, Standing] = field(default_factory=dict)
    people: Mapping[str, Sequence[str]] = field(default_factory=dict)
    given: frozenset[str] = frozenset()


# ---- imports as people meet them -----------------------------------------------------------------------------------------

Stage = Literal["draft", "planning", "planned", "applying", "applied", "undone", "failed"]
"""``draft``: columns are being chosen. ``planning`` and ``applying``: a job is at it. ``failed``: see ``ImportRecord.error``."""


class ImportNotFound(NotFoundError):
    """No import has this id, or it is another person's draft, or its upload is gone (kept for 7 days)."""

    code = "importing.import_not_found"


class PlanChanged(ConflictError):
    """The catalog, the mapping or the file is no longer what the plan was made of: it has to be made again and looked at."""

    code = "importing.plan_changed"


class NotReady(ConflictError):
    """The import is not at the stage that this needs; the message says at which it is and what to do first."""

    code = "importing.not_ready"


class UndoRefused(ConflictError):
    """A later import or edit stands on top of this one; the message names it."""

    code = "importing.undo_refused"


@dataclass(frozen=True, slots=True)
class SheetInfo:
    """A tab of an upload: its name, data rows and columns."""

    name: str
    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: ``done`` of ``total`` rows (total 0: not known yet)."""

    step: Literal["reading", "planning", "writing"]
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class SheetSource:
    """A sheet that gives entities to the catalog: ``name`` is its source (``sheet:repos``), ``entities`` how many it gives now."""

    name: str
    title: str
    entities: int
    imported_at: datetime


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """One upload on its way into the catalog, or there.

    ``source`` is the name under which the catalog will know what it gives; ``updates`` tells that this source gives entities
    already. ``counts`` are those of the plan, or of what was applied. ``created_by``, ``applied_by`` and ``undone_by`` are subjects.
    ``can_undo`` holds for the newest applied import of its source as long as nothing stands on top;
    ``undo_refusal`` says in words why not, where it was applied and cannot be undone.
    ``expires_at`` is when the uploaded bytes go; drift and planning need them, undo does not.
    """

    id: str
    filename: str
    format: Format
    size_bytes: int
    sheets: tuple[SheetInfo, ...]
    sheet: str
    mapping: SheetMapping
    stage: Stage
    source: str
    updates: bool
    created_at: datetime
    created_by: str
    expires_at: datetime
    counts: Mapping[Action, int] = field(default_factory=dict)
    progress: Progress | None = None
    error: str = ""
    applied_at: datetime | None = None
    applied_by: str = ""
    undone_at: datetime | None = None
    undone_by: str = ""
    can_undo: bool = False
    undo_refusal: str = ""

    @property
    def rows(self) -> int:
        return next((info.rows for info in self.sheets if info.name == self.sheet), 0)


@dataclass(frozen=True, slots=True)
class ImportPage:
    """Newest first. ``total`` counts all that the actor may see."""

    items: Sequence[ImportRecord]
    total: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a tab could mean: a guess for each column, in their order.

    ``mapping`` is what was chosen before for this import, else the remembered one of a sheet with the same columns
    (``remembered`` is then the name of that file), else the one that the guesses make.
    ``notes`` are those of the file and of the tab; ``skipped`` are rows that are no data.
    """

    sheet: str
    header_row: int
    rows: int
    guesses: tuple[ColumnGuess, ...]
    mapping: SheetMapping
    remembered: str = ""
    notes: tuple[str, ...] = ()
    skipped: tuple[SkippedRow, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """A plan without its entities. ``kinds`` counts what is to be created, by kind.

    Every data row is in one of ``rows_taken`` (of an entity that is created, changed or stands already), ``rows_conflicting``
    and ``rows_rejected``: they add up to ``rows``. ``skipped`` rows are no data and are not in ``rows``.
    ``relied``: systems and domains of others that rows name.
    """

    digest: str
    counts: Mapping[Action, int]
    kinds: Mapping[str, int]
    rows: int
    rows_taken: int
    rows_conflicting: int
    rows_rejected: int
    owners: tuple[OwnerMatch, ...] = ()
    leaving: tuple[str, ...] = ()
    skipped: tuple[SkippedRow, ...] = ()
    notes: tuple[str, ...] = ()
    relied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedPage:
    entities: Sequence[PlannedEntity]
    total: int


@dataclass(frozen=True, slots=True)
class Drift:
    """The stored sheet against the catalog as it is now.

    ``differing`` are entities as a new plan has them: ``create`` for what the sheet names and the catalog lacks, ``change``
    for fields that differ (diff: from what the catalog says to what the sheet says), ``conflict`` for what another source gives now.
    ``unnamed`` are refs that the source gives and the sheet does not name. Both are cut to 500 at most; ``total`` counts all.
    """

    checked_at: datetime
    differing: Sequence[PlannedEntity]
    unnamed: Sequence[str]
    total: int


@dataclass(frozen=True, slots=True)
class DriftState:
    """What is known of how a sheet and the catalog differ, as the person who asks sees both.

    ``none``: not asked yet. ``computing``: a job is at it, see ``progress``. ``drift`` is the last answer, also meanwhile.
    """

    state: Literal["none", "computing", "computed", "failed"]
    progress: Progress | None = None
    error: str = ""
    drift: Drift | None = None


class ImportService(Protocol):
    """Everything that pages, REST and CLI do with spreadsheets. Implementation: ``service.Imports``.

    Every call needs ``catalog.entity.create`` (``NotAllowedError``). Drafts are seen by who made them; applied imports by all
    who may import. An unknown id raises ``ImportNotFound``.
    """

    async def upload(self, content: bytes, filename: str, *, actor: Actor) -> ImportRecord:
        """Read and keep a file. The tab with the most rows is chosen, the mapping is that of its ``propose``.

        Raises ``UnreadableSheet``, and ``LimitError`` for what is too large; nothing is kept then.
        """

    async def list_imports(self, *, limit: int = 25, offset: int = 0, actor: Actor) -> ImportPage: ...

    async def list_sources(self, *, actor: Actor) -> Sequence[SheetSource]:
        """Sheets that give entities now, by title."""

    async def get_import(self, id: str, *, actor: Actor) -> ImportRecord: ...

    async def propose(self, id: str, *, sheet: str | None = None, actor: Actor) -> Proposal:
        """For ``sheet``, or the tab chosen so far. Raises ``InputError`` for a tab that the file does not have."""

    async def preview(
        self, id: str, *, sheet: str, mapping: SheetMapping, first: int = 0, limit: int = 1, actor: Actor
    ) -> Sequence[PlannedEntity]:
        """What a few data rows (``first`` from 0) become under ``mapping``, at once and without looking for duplicates.

        Meant for each change of a select: within 50 ms for a sheet that was read before. Owners that would be made are left out.
        """

    async def choose(
        self, id: str, *, sheet: str, mapping: SheetMapping, source: str | None = None, actor: Actor
    ) -> ImportRecord:
        """Keep the choices. ``source`` is one of ``list_sources``, ``new`` for one of its own, None for what it was.

        A plan made before is dropped when anything changed. Raises ``InputError`` (``field`` names the column or the
        default) for a mapping that cannot be: no name, a role twice that may stand once, an annotation without a key;
        ``NotReady`` once applied.
        """

    async def plan(self, id: str, *, wait_s: float = 1.0, actor: Actor) -> ImportRecord:
        """Plan in a job; waits at most ``wait_s`` for it. Stage ``planned``, ``failed`` or still ``planning`` afterwards."""

    async def get_summary(self, id: str, *, actor: Actor) -> PlanSummary:
        """Of the plan, also after it was applied. Raises ``NotReady`` before there is one."""

    async def list_planned(
        self, id: str, *, action: Action | None = None, q: str = "", limit: int = 25, offset: int = 0, actor: Actor
    ) -> PlannedPage:
        """In the order of their rows, owners that are made last. ``q`` looks in ref, title and reason, or is a row's number."""

    async def apply(
        self,
        id: str,
        *,
        digest: str,
        leaving: Literal["keep", "remove"] = "remove",
        wait_s: float = 2.0,
        actor: Actor,
    ) -> ImportRecord:
        """Write it in one transaction, as a job; waits at most ``wait_s``. The same plan applied twice is applied once.

        ``leaving``: what becomes of entities that this source gave and the sheet no longer names.
        Raises ``PlanChanged`` when ``digest`` is not that of the plan, or the catalog moved under it.
        """

    async def undo(self, id: str, *, actor: Actor) -> ImportRecord:
        """Put back what stood before, in one transaction. Raises ``UndoRefused``, ``NotReady``."""

    async def start_again(self, id: str, *, sheet: str | None = None, actor: Actor) -> ImportRecord:
        """A new draft over the same upload: for another tab, or with the choices of this import for the same one.

        Raises ``ImportNotFound`` once the upload is gone, ``InputError`` for a tab that the file does not have.
        """

    async def discard(self, id: str, *, actor: Actor) -> None:
        """Forget an import that was not applied, with its upload. Raises ``NotReady`` for one that was."""

    async def get_drift(self, id: str, *, limit: int = 100, actor: Actor) -> DriftState:
        """What was last found. Raises ``NotReady`` unless applied and not undone."""

    async def compute_drift(self, id: str, *, limit: int = 100, wait_s: float = 1.0, actor: Actor) -> DriftState:
        """Compare anew, as a job; waits at most ``wait_s`` for it.

        Raises ``NotReady`` unless applied and not undone, ``ImportNotFound`` once the upload is gone.
        """
