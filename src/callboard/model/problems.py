"""What is wrong with a document, as a value: processing returns problems, it does not raise them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Stage = Literal["parse", "envelope", "preprocess", "policy", "kind", "location", "rules", "relations"]
FieldPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why a document cannot be used.

    ``field`` is the path from the document's root; ``name`` the word of Backstage's error body; ``cause`` the (name,
    message) of the inner error where Backstage nests one. ``line`` and ``column`` count from 1 in the whole file and
    are None until somebody asked for them (``documents.locate``). ``fix`` says what to do.
    """

    stage: Stage
    message: str
    field: FieldPath = ()
    name: str = "InputError"
    cause: tuple[str, str] | None = None
    line: int | None = None
    column: int | None = None
    fix: str | None = None

    def at(self, line: int, column: int) -> Problem:
        """The same problem with its place in the file."""
        return replace(self, line=line, column=column)


def format_field(path: FieldPath) -> str:
    """``metadata.links[0].url``; names that hold dots or slashes are quoted."""
    out = ""
    for part in path:
        if isinstance(part, int):
            out += f"[{part}]"
        elif part.replace("_", "a").replace("-", "a").replace("$", "a").isalnum():
            out += f".{part}" if out else part
        else:
            out += f'["{part}"]'
    return out
