"""What one manifest of a package says, whatever its tool."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Sequence

from callboard.features.proposals.domain.values import Evidence, folder_of, line_of
from callboard.features.proposals.domain.words import say

Ecosystem = Literal["go", "cargo", "maven", "gradle", "dotnet", "python", "ruby", "php", "elixir", "npm"]
ECOSYSTEMS: Sequence[Ecosystem] = (
    "go", "cargo", "maven", "gradle", "dotnet", "python", "ruby", "php", "elixir", "npm"
)  # fmt: skip
"""The one that names a folder first stands first: many have a package.json for their tools."""
LANGUAGES = {
    "go": "go", "cargo": "rust", "maven": "java", "gradle": "java", "dotnet": "dotnet", "python": "python", "ruby": "ruby",
    "php": "php", "elixir": "elixir", "npm": "javascript",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TypeHint:
    """Something that speaks for a type: service, website, library, tool, mobile-app. ``weight`` 1 to 3."""

    type: str
    weight: int
    reason: str
    line: int | None = None


@dataclass(slots=True)
class Manifest:
    """``name`` as other packages write it (``@acme/checkout``). ``dependencies`` are names with their lines, ``local_paths`` folders
    relative to this one. ``members`` are globs of a workspace; ``is_aggregate``: it only holds others together.
    """

    path: str
    ecosystem: Ecosystem
    text: str = field(repr=False, default="")
    name: str = ""
    description: str = ""
    homepage: str = ""
    version: str = ""
    license: str = ""
    keywords: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    dependencies: dict[str, int | None] = field(default_factory=dict)
    local_paths: list[tuple[str, int | None]] = field(default_factory=list)
    members: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    hints: list[TypeHint] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    is_aggregate: bool = False
    is_private: bool = False

    @property
    def folder(self) -> str:
        return folder_of(self.path)

    @property
    def is_workspace(self) -> bool:
        return bool(self.members)

    def line(self, *needles: str) -> int | None:
        """The line of the first of ``needles`` that stands in the text."""
        return next((line for needle in needles if (line := line_of(self.text, needle)) is not None), None)

    def says(self, reason: str, *needles: str) -> Evidence:
        return Evidence(reason, self.path, self.line(*needles) if needles else None)

    def hint(self, type: str, weight: int, reason: str, *needles: str) -> None:
        self.hints.append(TypeHint(type, weight, reason, self.line(*needles) if needles else None))

    def depend(self, name: str, *needles: str) -> None:
        self.dependencies.setdefault(name, self.line(*needles) if needles else None)

    def hint_by_dependency(self, known: Sequence[tuple[str, str, int, str]]) -> None:
        """``known``: (name, type, weight, tag); the name may end in ``*``. At most two a type are told."""
        told: dict[str, int] = {}
        for wanted, type, weight, tag in known:
            for name in self.dependencies:
                if name != wanted and not (wanted.endswith("*") and name.startswith(wanted[:-1])):
                    continue
                if told.get(type, 0) < 2:
                    told[type] = told.get(type, 0) + 1
                    self.hints.append(
                        TypeHint(type, weight, say("proposals.why.depends", name=name), self.dependencies[name])
                    )
                if tag and tag not in self.tags:
                    self.tags.append(tag)
                break
