"""Registered locations as people look at them: what each gives now, what goes with it, what a new one would bring."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, Sequence

from callboard.features.catalog.interface import Finding, Location
from callboard.kernel.auth.actor import Actor

PreviewOutcome = Literal["create", "change", "unchanged", "there", "conflict", "refused"]
"""``there``: another location brings the same document of the same file already; ``conflict``: its name is taken."""


@dataclass(frozen=True, slots=True)
class LocationState:
    """A registered location and what came of it, as far as the asker may see.

    ``by`` is who registered it ("" where nobody knows any more). ``read_at`` is when its files were last read, None when never.
    ``files`` and ``entities`` count what it gives, directly and by the Locations that it names; ``problems`` are errors of these.
    """

    location: Location
    created_at: datetime
    by: str
    read_at: datetime | None
    files: int
    entities: int
    problems: int


@dataclass(frozen=True, slots=True)
class LocationFile:
    """A file as last read. ``location`` is its address, ``error`` why it could not be read the last time."""

    location: str
    read_at: datetime | None
    error: str | None
    entities: int


@dataclass(frozen=True, slots=True)
class LocationLook:
    """One location with its files and what goes with it.

    ``going`` are refs of entities that nothing else gives, ``staying`` of those that something else gives, too. Both are cut at
    the limit asked for; the counts are whole. ``keeps_orphans``: what goes would stay as orphans (``catalog.orphanStrategy``).
    """

    state: LocationState
    files: Sequence[LocationFile]
    file_count: int
    going: Sequence[str]
    going_count: int
    staying: Sequence[str]
    staying_count: int
    findings: Sequence[Finding]
    keeps_orphans: bool


@dataclass(frozen=True, slots=True)
class PreviewEntity:
    """A document of a file. ``ref`` is None where it could not be told what it is.

    ``line`` is where it begins. ``held_by`` is the location that has the name; "" where the asker may not see it.
    """

    ref: str | None
    kind: str
    title: str
    outcome: PreviewOutcome
    line: int
    findings: Sequence[Finding] = ()
    held_by: str = ""


@dataclass(frozen=True, slots=True)
class PreviewFile:
    """A file that would be read. ``named_by`` is the ref of the Location in another file that names it, or None."""

    location: str
    entities: Sequence[PreviewEntity]
    findings: Sequence[Finding] = ()
    named_by: str | None = None


@dataclass(frozen=True, slots=True)
class LocationPreview:
    """What registering ``target`` would bring.

    ``exists`` is the id of the location with this target that is registered already. ``candidates`` are descriptors found in
    the repository that ``target`` is a page of: each may be registered; ``is_repository`` that it looks like one.
    ``is_cut``: there are more files than were read.
    """

    target: str
    exists: str | None
    files: Sequence[PreviewFile]
    candidates: Sequence[str] = ()
    is_repository: bool = False
    is_cut: bool = False

    def count(self, outcome: PreviewOutcome) -> int:
        return sum(1 for file in self.files for entity in file.entities if entity.outcome == outcome)

    @property
    def error_count(self) -> int:
        return sum(len(f.findings) + sum(len(e.findings) for e in f.entities) for f in self.files)


class Registrations(Protocol):
    """Reads alone; ``CatalogCommands`` registers and removes. What the asker may not see is as if it were not there."""

    async def list_states(
        self, *, limit: int, offset: int = 0, words: str = "", actor: Actor
    ) -> tuple[Sequence[LocationState], int]:
        """Latest first, and how many there are. ``words``: only those whose target has them. Needs ``READ_LOCATION``."""

    async def look(self, id: str, *, limit: int, actor: Actor) -> LocationLook:
        """Raises ``LocationNotFound``."""

    async def preview(self, target: str, *, actor: Actor) -> LocationPreview:
        """Read a URL and all that it leads to, without writing. Needs ``CREATE_LOCATION``.

        Raises ``InputError`` for what is no http(s) address. What cannot be read is a finding.
        """
