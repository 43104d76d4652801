"""The face of editing: what pages, REST, actions and other features may rely on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Mapping, Protocol, Sequence

from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import ConflictError, InputError
from callboard.model.refs import EntityRef

SOURCE = "portal:entities"
"""Name of the held source, and location of its entities."""

Outcome = Literal["created", "changed", "unchanged"]


@dataclass(frozen=True, slots=True)
class TextFinding:
    """What keeps a text from being an entity. ``line`` and ``column`` count from 1; ``field`` is a path (``spec.owner``)."""

    message: str
    line: int | None = None
    column: int | None = None
    field: str | None = None
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """``document`` is what the text says, None where it is no mapping; ``ref`` (lower-cased) what it would be called."""

    findings: Sequence[TextFinding]
    document: Mapping[str, Any] | None = None
    ref: str | None = None

    @property
    def is_good(self) -> bool:
        return not self.findings


@dataclass(frozen=True, slots=True)
class Giver:
    """Where an entity comes from. ``location`` and ``origin`` are location refs, ``edit_url`` is where it can be edited there.

    ``names`` are the sources and Location entities that name it, as far as the asker may see them: each brings it back.
    """

    is_own: bool
    location: str = ""
    origin: str = ""
    edit_url: str = ""
    names: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class LaidField:
    """A field that the portal lays over an entity, by ``by`` at ``at``.

    ``value`` None: the field is taken away. ``source`` is what the source says now, ``base`` what it said then.
    """

    path: str
    value: Any
    source: Any
    base: Any
    by: str
    at: datetime

    @property
    def is_moved(self) -> bool:
        """Whether the source says something else than it did, and than the portal."""
        return self.source not in (self.base, self.value)


@dataclass(frozen=True, slots=True)
class EntityOverlay:
    """What the portal lays over an entity. ``mark`` is the base of the next change.

    ``problem`` says why it is not applied now. ``is_dormant``: no source gives the entity, the overlay waits for it.
    """

    ref: str
    mark: str
    fields: Sequence[LaidField]
    problem: str | None = None
    is_dormant: bool = False
    may_update: bool = False


@dataclass(frozen=True, slots=True)
class HiddenEntity:
    """An entity that is kept out of the catalog by decision. ``title`` and ``location`` are as its source gave them last."""

    ref: str
    title: str
    location: str
    by: str
    at: datetime
    why: str
    is_dormant: bool
    may_show: bool


@dataclass(frozen=True, slots=True)
class Version:
    """An entity as it was after one change. ``text`` is what people would have written of it, ``now`` what stands.

    ``mark`` is the base of bringing it back. ``id`` numbers the change in the history.
    """

    ref: str
    id: int
    at: datetime
    actor: str
    change: str
    text: str
    now: str
    mark: str
    may_restore: bool


@dataclass(frozen=True, slots=True)
class DeletedEntity:
    """An entity that was deleted from the portal's own store. ``id`` numbers the deletion in the history."""

    ref: str
    id: int
    title: str
    by: str
    at: datetime
    text: str
    may_restore: bool


@dataclass(frozen=True, slots=True)
class Editable:
    """An entity as text. ``mark`` is what a change has to name as its base. ``laid`` are fields laid over what its source gives."""

    ref: str
    text: str
    mark: str
    giver: Giver
    may_update: bool
    may_delete: bool
    document: Mapping[str, Any]
    laid: Sequence[LaidField] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """``mark`` is the base of the next change."""

    ref: str
    mark: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class FieldChange:
    """Fields of one entity to be set, whoever gives it. ``ref`` is lower-cased.

    ``values`` maps paths (``spec.owner``, ``metadata.tags``, ``metadata.annotations["example.com/x"]``) to new values; None takes
    the field away, a list is one value. ``expected`` are values that must stand there now (None: nothing may), else it is a
    conflict.
    """

    ref: str
    values: Mapping[str, Any]
    expected: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """What became of a ``FieldChange``, or would.

    ``way``: written into the entity's own text, or laid over what its source gives. ``message`` says why it was refused or is in
    conflict. ``before`` and ``after`` are the values of the fields, by path as it was given.
    """

    ref: str
    outcome: Literal["changed", "unchanged", "conflict", "refused", "missing"]
    way: Literal["text", "overlay"] | None = None
    message: str = ""
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


class TextRefused(InputError):
    """The text is no entity that the catalog takes; ``findings`` say why and where."""

    code = "editing.text_refused"

    def __init__(self, findings: Sequence[TextFinding]) -> None:
        first = findings[0]
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        super().__init__(f"{first.message}{more}", field=first.field, line=first.line, column=first.column)
        self.findings = tuple(findings)


class EditConflict(ConflictError):
    """What stands is not what the change was made from. ``mine`` is the text that was to be saved, ``theirs`` what stands.

    ``theirs`` is None when the entity was deleted meanwhile, or is not the caller's to see.
    """

    code = "editing.conflict"

    def __init__(self, message: str, *, ref: str, mine: str, theirs: Editable | None) -> None:
        super().__init__(message)
        self.ref = ref
        self.mine = mine
        self.theirs = theirs


class GivenElsewhere(ConflictError):
    """Another source gives the entity: it is changed and removed there."""

    code = "editing.given_elsewhere"

    def __init__(self, ref: str, giver: Giver | None) -> None:
        place = f" {giver.location}" if giver is not None and giver.location else ""
        super().__init__(
            f"{ref} comes from another source{place or ' that you may not see'}. Change it there, or choose another name."
        )
        self.ref = ref
        self.giver = giver


class Editing(Protocol):
    """Entities of the portal's own store, and what it lays over those of other sources.

    What a caller may not see is as if it were not there.
    """

    async def find_editable(self, ref: EntityRef, *, actor: Actor) -> Editable | None:
        """The entity as text, also when another source gives it; None when nothing by that ref is visible."""

    async def judge(self, text: str, *, ref: EntityRef | None = None, actor: Actor) -> Judgement:
        """What would keep the text out, whatever stands under its ref. Needs the permission to validate.

        ``ref`` is the entity that is edited: of another source's, what can be laid over it is asked.
        """

    async def save(
        self, text: str, *, ref: EntityRef | None = None, base_mark: str | None = None, actor: Actor, why: str = ""
    ) -> Saved:
        """Create the entity, or change ``ref`` from the version ``base_mark``. The same text again changes nothing.

        Of an entity that another source gives, what differs from what the source says becomes its overlay. ``why`` goes into the audit log. Raises ``TextRefused``, ``EditConflict``, ``GivenElsewhere``, ``EntityNotFound``, ``InputError`` when a change would
        give the entity another ref, ``NotAllowedError`` (also for ``catalog.readonly``).
        """

    async def delete(self, ref: EntityRef, *, base_mark: str | None = None, actor: Actor) -> None:
        """Remove it from the store; ``base_mark`` None takes whatever stands. Errors as ``save``."""

    async def preview_changes(self, changes: Sequence[FieldChange], *, actor: Actor) -> Sequence[ChangeResult]:
        """What ``change_fields`` would do now, in the order given. Writes nothing."""

    async def change_fields(
        self, changes: Sequence[FieldChange], *, actor: Actor, why: str = ""
    ) -> Sequence[ChangeResult]:
        """Set fields of many entities, in one transaction for all that can be changed; each result in the order given.

        ``why`` goes into the audit log. What somebody changes meanwhile is looked at again: without ``expected`` the change is
        made to what stands by then. Raises ``InputError`` when a ref is named twice, ``LimitError``, ``NotAllowedError`` for
        ``catalog.readonly``.
        """

    async def create_many(self, documents: Sequence[Mapping[str, Any]], *, actor: Actor) -> Sequence[ChangeResult]:
        """New entities of the portal's own store, in one transaction for all that can be made: "changed".

        A ref that stands already is a "conflict" ("unchanged" if it stands in the store just so); what is no good entity is
        "refused". Errors as ``change_fields``, and ``NotAllowedError`` without the permission to create.
        """

    # ---- overlays

    async def find_overlay(self, ref: EntityRef, *, actor: Actor) -> EntityOverlay | None:
        """What is laid over an entity (no fields: nothing), or waits for it; None when nothing by that ref is visible."""

    async def set_overlay(
        self,
        ref: EntityRef,
        fields: Mapping[str, Any],
        *,
        base_mark: str | None,
        actor: Actor,
        kept: Sequence[str] = (),
    ) -> EntityOverlay:
        """Have these fields alone laid over the entity, by path; none: it is the source's alone again.

        ``base_mark`` None takes whatever stands. Of fields in ``kept`` it is noted that the source's present value is known.
        Raises ``TextRefused``, ``EditConflict``, ``EntityNotFound``, ``NotAllowedError``, and ``InputError`` for an entity of the
        portal's own store, which is changed itself.
        """

    async def list_overlays(self, *, actor: Actor, after: str = "", limit: int = 50) -> Sequence[EntityOverlay]:
        """Overlays of entities that the actor may see, in the order of their refs, which follow ``after``."""

    # ---- keeping out

    async def hide(self, ref: EntityRef, *, why: str, actor: Actor) -> None:
        """Keep an entity of another source out of the catalog until ``show``. Needs the permission to delete it."""

    async def show(self, ref: EntityRef, *, actor: Actor) -> None:
        """Let it in again. Raises ``EntityNotFound`` for what is not kept out, or not the actor's to see."""

    async def list_hidden(self, *, actor: Actor, after: str = "", limit: int = 50) -> Sequence[HiddenEntity]: ...

    # ---- earlier versions

    async def find_version(self, ref: EntityRef, id: int, *, actor: Actor) -> Version | None:
        """The entity as it was after the change of that number; None when it cannot be told any more."""

    async def restore(self, ref: EntityRef, id: int, *, base_mark: str, actor: Actor) -> Saved:
        """Have the entity say again what people wrote of it then. Errors as ``save``."""

    async def list_deleted(
        self, *, actor: Actor, before: int | None = None, limit: int = 50
    ) -> Sequence[DeletedEntity]:
        """Entities deleted from the portal's own store whose ref is free, last ones first, before the deletion ``before``."""

    async def restore_deleted(self, ref: EntityRef, *, actor: Actor) -> Saved:
        """Create a deleted entity of the portal's own store anew, as it was. Errors as ``save``."""


class EntityNames(Protocol):
    """Names of entities of the portal's own store."""

    async def check(self, ref: EntityRef, name: str, *, actor: Actor) -> str:
        """The ref that the entity would have by that name. Raises as ``rename``, and writes nothing."""

    async def rename(self, ref: EntityRef, name: str, *, note: str = "", actor: Actor) -> str:
        """Give it another name; the old one stays its alias. The new ref; uid, text and comments stay.

        Raises ``EntityNotFound``, ``NotAllowedError``, ``GivenElsewhere``, ``InputError`` when the name is taken, ``TextRefused``
        when it is none, ``ConflictError``.
        """
