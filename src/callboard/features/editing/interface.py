"""The face of editing: what pages, REST, actions and other features may rely on."""

from __future__ import annotations

from dataclasses import dataclass, field
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
class Editable:
    """An entity as text. ``mark`` is what a change has to name as its base; empty for what another source gives."""

    ref: str
    text: str
    mark: str
    giver: Giver
    may_update: bool
    may_delete: bool
    document: Mapping[str, Any]


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
    """Entities of the portal's own store. What a caller may not see is as if it were not there."""

    async def find_editable(self, ref: EntityRef, *, actor: Actor) -> Editable | None:
        """The entity as text, also when another source gives it; None when nothing by that ref is visible."""

    async def judge(self, text: str, *, actor: Actor) -> Judgement:
        """What would keep the text out, whatever stands under its ref. Needs the permission to validate."""

    async def save(
        self, text: str, *, ref: EntityRef | None = None, base_mark: str | None = None, actor: Actor
    ) -> Saved:
        """Create the entity, or change ``ref`` from the version ``base_mark``. The same text again changes nothing.

        Raises ``TextRefused``, ``EditConflict``, ``GivenElsewhere``, ``EntityNotFound``, ``InputError`` when a change would
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
