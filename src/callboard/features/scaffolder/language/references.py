"""What a template refers to, for those who look at it before it runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that the template does not set itself, with the members that are written behind it.

    ``parameters.owner.name`` is ``("parameters", "owner", "name")``; a subscript that is computed ends the path, and the
    name of a method that is called is not part of it.
    """

    path: tuple[str, ...]
    line: int
    column: int

    def __str__(self) -> str:
        return ".".join(self.path)
