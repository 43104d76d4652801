"""Kinds that are declared in the browser: a model layer in the portal's own database, with its versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Mapping, Protocol, Sequence

from callboard.kernel.auth.actor import Actor
from callboard.kernel.errors import ConflictError
from callboard.kernel.permissions import Permission
from callboard.model.kinds import KindDefinition

MANAGE_KINDS = Permission("catalog.kind.manage", "update", None, "Declare kinds and fields of entities.")

KindOrigin = Literal["built-in", "plugin", "layers", "files", "kinds", "portal"]
"""``portal``: declared in the browser; the middle ones are parts of ``catalog.model`` in the settings."""
Layer = Sequence[Mapping[str, Any]]
"""Definitions and extensions as data, in the form of ``model.kinds``."""


class ModelMoved(ConflictError):
    """Somebody else changed the kinds since the version that a change was made from."""

    code = "catalog.model_moved"


class EntitiesRefused(ConflictError):
    """Standing entities would be refused by the new kinds; whoever wants that has to say so."""

    code = "catalog.entities_refused"

    def __init__(self, message: str, effect: ModelEffect) -> None:
        super().__init__(message)
        self.effect = effect


@dataclass(frozen=True, slots=True)
class KnownKind:
    """A kind that is valid here. ``origins`` are where it, its versions or its fields come from; ``entities`` counts what is visible."""

    definition: KindDefinition
    origins: Sequence[KindOrigin]
    entities: int
    is_extended: bool


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """``number`` is 0 for the empty layer that nobody declared yet; ``note`` says what changed."""

    number: int
    at: datetime | None
    by: str
    note: str


@dataclass(frozen=True, slots=True)
class RefusedEntity:
    """A standing entity that the new kinds would refuse, and why."""

    ref: str
    message: str
    field: str | None


@dataclass(frozen=True, slots=True)
class ModelEffect:
    """What a layer would do: how many standing entities of its kinds were judged, and which it would newly refuse.

    ``changes`` are (kind, field or None, added | changed | removed). ``refused`` is cut, ``refused_count`` is whole.
    """

    changes: Sequence[tuple[str, str | None, str]]
    judged: int
    refused_count: int
    refused: Sequence[RefusedEntity]


class KindModels(Protocol):
    """Who declares what. Reads of the layer and writes need ``MANAGE_KINDS``; the list of kinds is everybody's."""

    async def list_kinds(self, *, actor: Actor) -> Sequence[KnownKind]:
        """All kinds, with how many entities of each the actor sees."""

    async def get_layer(self, *, actor: Actor) -> tuple[Layer, ModelVersion]:
        """What is declared in the browser now."""

    async def list_versions(self, *, actor: Actor, limit: int = 50) -> Sequence[ModelVersion]:
        """Newest first."""

    async def preview(self, layer: Layer, *, actor: Actor) -> ModelEffect:
        """Judge all standing entities of the kinds that change; nothing is written.

        Raises ``InputError`` when the layer cannot be used.
        """

    async def save(
        self, layer: Layer, *, base: int, note: str = "", refuse_entities: bool = False, actor: Actor
    ) -> ModelVersion:
        """Have the layer hold from now on, in every process.

        Raises ``ModelMoved``, ``InputError``, and ``EntitiesRefused`` unless ``refuse_entities`` says that it is meant.
        """

    async def restore(self, number: int, *, base: int, refuse_entities: bool = False, actor: Actor) -> ModelVersion:
        """Save again what the version ``number`` was (0: nothing). Raises as ``save``, ``NotFoundError``."""
