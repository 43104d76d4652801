"""The face of proposals: values, errors, and the service behind pages, REST, commands and actions.

Nouns: a *scan* looks at one target (a folder, a repository, an organisation); a *proposal* is an entity that could be, with the
evidence for each of its fields; *evidence* is a reason in words with file and line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Mapping, Protocol, Sequence

from callboard.features.proposals.domain.values import CONFIDENCES, Confidence, Evidence
from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import ConflictError, InputError, NotFoundError

TargetKind = Literal["folder", "repository", "organisation", "files"]
Stage = Literal["waiting", "running", "done", "failed"]
State = Literal["open", "accepted", "ignored"]
STATES: tuple[State, ...] = ("open", "accepted", "ignored")
CONFIDENCE_VALUES = CONFIDENCES
EDITABLE = (
    "metadata.name", "metadata.title", "metadata.description", "spec.type", "spec.lifecycle", "spec.owner", "spec.system", "spec.dependsOn",
    "spec.providesApis", "spec.consumesApis", "metadata.tags",
)  # fmt: skip
"""Fields that a person may set on a proposal."""
LISTS = frozenset(["spec.dependsOn", "spec.providesApis", "spec.consumesApis", "metadata.tags"])
BULK_FIELDS = ("spec.owner", "spec.type", "spec.system", "spec.lifecycle")


class ProposalNotFound(NotFoundError):
    """No proposal has this id: the repository may have been forgotten, or what was found there is gone."""

    code = "proposals.proposal_not_found"


class ScanNotFound(NotFoundError):
    """No scan has this id."""

    code = "proposals.scan_not_found"


class TargetRefused(InputError):
    """The target is none that may be looked at; the message says which setting would allow it."""

    code = "proposals.target_refused"


class ProposalDecided(ConflictError):
    """The proposal was accepted meanwhile: change the entity instead."""

    code = "proposals.decided"


@dataclass(frozen=True, slots=True)
class Scan:
    """A look at a target. ``counts``: repositories, unchanged, described, failed, new, changed, gone.

    ``done`` of ``total`` repositories (0: not known yet), ``step`` is the one that is being read. ``notes`` are (repository, what was
    left out and why). ``repository_id`` is that of the one repository that was looked at; empty for an organisation.
    """

    id: str
    target: str
    kind: TargetKind
    stage: Stage
    created_at: datetime
    created_by: str
    ended_at: datetime | None = None
    done: int = 0
    total: int = 0
    step: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    notes: Sequence[tuple[str, str]] = ()
    error: str = ""
    repository_id: str = ""


@dataclass(frozen=True, slots=True)
class ScanPage:
    """Newest first."""

    items: Sequence[Scan]
    total: int


@dataclass(frozen=True, slots=True)
class ProposedField:
    """``value`` as it would be written; ``is_edited`` where a person set it, then ``found`` is what the files say.

    ``targets`` are, for relations, (ref, state): ``there`` in the catalog, ``proposed`` and waiting, ``left out`` (ignored or absent).
    """

    path: str
    value: Any
    confidence: Confidence
    evidence: tuple[Evidence, ...]
    is_edited: bool = False
    found: Any = None
    targets: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """What the files say now of an accepted proposal, and what they said when it was accepted."""

    path: str
    before: Any
    after: Any
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """``ref`` (lower-cased) is what it would be called. ``is_taken``: something visible stands under it already.

    ``rivals`` counts other open proposals of the same ref. ``missing`` are fields that its kind needs and nobody has given.
    ``differences`` stand on accepted ones whose evidence changed; ``is_gone``: the last scan no longer found it.
    """

    id: str
    key: str
    kind: str
    ref: str
    name: str
    title: str
    state: State
    confidence: Confidence
    repository: str
    repository_id: str
    repository_url: str
    folder: str
    evidence: tuple[Evidence, ...]
    fields: Mapping[str, ProposedField]
    found_at: datetime
    decided_at: datetime | None = None
    decided_by: str = ""
    is_taken: bool = False
    rivals: int = 0
    missing: tuple[str, ...] = ()
    differences: tuple[FieldDifference, ...] = ()
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class ProposalQuery:
    """``repository`` is its id, ``changed`` only accepted ones whose evidence changed, ``words`` must all occur."""

    state: State | None = "open"
    kind: str | None = None
    confidence: Confidence | None = None
    repository: str | None = None
    scan: str | None = None
    changed: bool = False
    words: str = ""
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True)
class ProposalPage:
    """``facets`` count by state, kind, confidence and repository (id, name) under the other filters."""

    items: Sequence[Proposal]
    total: int
    facets: Mapping[str, Sequence[tuple[str, str, int]]]


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a proposal. ``outcome``: accepted, ignored, open, changed, unchanged, conflict, refused, missing."""

    id: str
    ref: str
    outcome: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Choices:
    """What may be scanned: folders that the settings open (None: any, on a command line), hosts with their organisations."""

    folders: Sequence[str]
    owners: Sequence[tuple[str, str]]
    hosts: Sequence[str]


class ProposalService(Protocol):
    """Every call needs the permission to create entities; accepting is creating."""

    async def scan(self, target: str, *, again: bool = False, any_folder: bool = False, actor: Actor) -> Scan:
        """Put a target in line; the job reads it. ``again``: also what did not change. ``any_folder`` is for the command line.

        Raises ``TargetRefused``, ``LimitError`` with too many scans waiting.
        """

    async def scan_files(
        self, name: str, files: Mapping[str, str], *, paths: Sequence[str], url: str = "", actor: Actor
    ) -> Scan:
        """Texts that the caller read, looked at now. ``paths`` are all there are. Raises ``InputError``, ``LimitError``."""

    async def get_scan(self, id: str, *, actor: Actor) -> Scan: ...

    async def list_scans(self, *, limit: int = 25, offset: int = 0, actor: Actor) -> ScanPage: ...

    def choices(self, *, actor: Actor) -> Choices: ...

    async def list_proposals(self, query: ProposalQuery, *, actor: Actor) -> ProposalPage: ...

    async def get_proposal(self, id: str, *, actor: Actor) -> Proposal: ...

    async def change(self, ids: Sequence[str], values: Mapping[str, Any], *, actor: Actor) -> Sequence[Decision]:
        """Set fields of ``EDITABLE`` on open proposals; None goes back to what was found. Raises ``InputError`` for other fields."""

    async def accept(self, ids: Sequence[str], *, actor: Actor) -> Sequence[Decision]:
        """Make entities of them, in one transaction for those that can be made; each one's outcome is told."""

    async def ignore(self, ids: Sequence[str], *, actor: Actor) -> Sequence[Decision]: ...

    async def reopen(self, ids: Sequence[str], *, actor: Actor) -> Sequence[Decision]:
        """Of ignored ones; accepted ones only where their entity is gone."""

    async def update(self, id: str, *, actor: Actor) -> Decision:
        """Bring what changed in the files to the entity; a field that somebody changed there meanwhile is a conflict."""

    async def dismiss(self, id: str, *, actor: Actor) -> Decision:
        """What changed in the files is seen and not wanted."""

    async def descriptor(self, ids: Sequence[str], *, actor: Actor) -> str:
        """A catalog-info.yaml of proposals of one repository, in their order. Raises ``InputError`` when they are of several."""

    async def forget(self, repository: str, *, actor: Actor) -> int:
        """Drop a repository (by id) with all its proposals; entities stay. How many proposals went."""
