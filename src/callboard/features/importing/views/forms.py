"""What the forms of importing send, as values. Nothing of it is trusted: the service judges the result."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping, Sequence

from callboard.features.importing.interface import (
    ROLES,
    ColumnGuess,
    ColumnMapping,
    OwnerMatch,
    Role,
    SheetMapping,
)
from callboard.features.importing.pages.plan import owner_key

MAX_KEY = 200
MAX_TEXT = 500
NEW_OWNER = "new"
_KEYED: tuple[Role, ...] = ("annotation", "label", "link")


def read_mapping(form: Mapping[str, Any], guesses: Sequence[ColumnGuess], before: SheetMapping) -> SheetMapping:
    """The mapping that a form of columns says. Fields it lacks stay as ``before``; an unknown role leaves its column as guessed.

    Fields: ``role-N`` and ``key-N`` for the Nth column, and the defaults by their names. ``create_owners`` and ``create_systems`` are
    boxes: their absence says no, once the form is known to be the whole one (``whole``).
    """
    standing = {column.column: column for column in before.columns}
    columns = []
    for n, guess in enumerate(guesses):
        was = standing.get(guess.mapping.column, guess.mapping)
        said = _text(form, f"role-{n}", 40)
        role: Role = next((role for role in ROLES if role == said), was.role)
        key = _text(form, f"key-{n}", MAX_KEY) if f"key-{n}" in form else was.key
        columns.append(ColumnMapping(guess.mapping.column, role, key if role in _KEYED else ""))

    def default(name: str, value: str) -> str:
        return _text(form, name, MAX_TEXT) if name in form else value

    return replace(
        before,
        columns=tuple(columns),
        kind=default("kind", before.kind) or before.kind,
        namespace=default("namespace", before.namespace) or before.namespace,
        type=default("type", before.type),
        lifecycle=default("lifecycle", before.lifecycle),
        owner=default("owner", before.owner),
        repository_host=default("repository_host", before.repository_host),
        create_owners="create_owners" in form if "whole" in form else before.create_owners,
        create_systems="create_systems" in form if "whole" in form else before.create_systems,
    )


def read_owners(form: Mapping[str, Any], owners: Sequence[OwnerMatch], before: SheetMapping) -> SheetMapping:
    """``before`` with what people said of owners: ``owner-N`` is a ref, ``new``, or empty for what matching finds."""
    said = dict(before.owner_refs)
    for n, match in enumerate(owners):
        if f"owner-{n}" not in form:
            continue
        wanted, key = _text(form, f"owner-{n}", MAX_TEXT), owner_key(match.said)
        if wanted:
            said[key] = NEW_OWNER if wanted.casefold() == NEW_OWNER else wanted
        else:
            said.pop(key, None)
    return replace(before, owner_refs=said)


def read_row(form: Mapping[str, Any], rows: int) -> int:
    """Which data row to show, from 0; the first for anything that is none."""
    said = _text(form, "row", 8)
    return min(int(said), max(rows - 1, 0)) if said.isascii() and said.isdigit() else 0


def _text(form: Mapping[str, Any], name: str, longest: int) -> str:
    value = form.get(name)
    return value.strip()[:longest] if isinstance(value, str) else ""
