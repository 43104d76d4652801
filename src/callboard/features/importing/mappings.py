"""Whether a mapping can be used, in words for whoever chose it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import Mapping, Sequence

from callboard.features.importing.interface import ONCE, ROLES, ColumnMapping, SheetMapping, Table
from callboard.kernel.errors import InputError
from callboard.model.kinds import KindRegistry
from callboard.model.refs import EntityRef, RefError
from callboard.model.urls import split_http
from callboard.model.validation import is_dns_label, is_label_key

_FIELD = re.compile(r"(?:spec|metadata)(?:\.[^.\s]+)*|apiVersion")
_OF_COLUMN = ("annotation", "label", "field", "link")
"""Roles that take a key."""


def override(mapping: SheetMapping, columns: Sequence[str], given: Mapping[str, str]) -> SheetMapping:
    """``mapping`` with the word of a person on some columns: ``role`` or ``role:key`` by column.

    Columns whose role is taken away by that are ignored. Column names count without case and blanks around them.

    Raises:
        InputError: a column or role that does not exist, or a key where there is none.
    """
    known = {" ".join(column.lower().split()): column for column in columns}
    said: dict[str, ColumnMapping] = {}
    for name, text in given.items():
        column = known.get(" ".join(str(name).lower().split()))
        if column is None:
            raise InputError(f"The sheet has no column {name!r}. It has {', '.join(columns)}.", field=str(name))
        role, _, key = str(text).partition(":")
        role, key = role.strip().replace("-", "_"), key.strip()
        if role not in ROLES:
            raise InputError(f"{role!r} is no role of a column. Choose one of {', '.join(ROLES)}.", field=str(name))
        if key and role not in _OF_COLUMN:
            raise InputError(f"A column that is {role} has no key ({key}).", field=str(name))
        said[column] = ColumnMapping(column, role, key)
    taken = {column.role for column in said.values() if column.role in ONCE or column.role == "name"}
    rest = [
        ColumnMapping(column.column, "ignore") if column.role in taken else column
        for column in mapping.columns
        if column.column not in said
    ]
    return replace(mapping, columns=(*said.values(), *rest))


def fit_to_table(kept: SheetMapping, table: Table, guessed: SheetMapping) -> SheetMapping:
    """A remembered mapping in the words and the order of this table: its columns may be written or ordered otherwise."""

    def plain_name(text: str) -> str:
        return " ".join(text.lower().split())

    by_name = {plain_name(guess.column): guess for guess in guessed.columns}
    columns = [
        replace(column, column=by_name.pop(plain_name(column.column)).column)
        for column in kept.columns
        if plain_name(column.column) in by_name
    ]
    return replace(kept, columns=(*columns, *by_name.values()))


def require_usable(mapping: SheetMapping, columns: Sequence[str], kinds: KindRegistry) -> None:
    """Raises ``InputError`` whose ``field`` names the column, or the default, that cannot be as it is."""
    roles = Counter(column.role for column in mapping.columns)
    known = set(columns)
    for name, times in Counter(column.column for column in mapping.columns).items():
        if name not in known:
            raise InputError(f"The sheet has no column {name!r}.", field=name)
        if times > 1:
            raise InputError(f"The column {name!r} is mapped twice.", field=name)
    if not roles["name"]:
        raise InputError("Say which column holds the name: without one nothing can be made.", field="name")
    if roles["name"] > 2:
        extra = mapping.of("name")[2].column
        raise InputError("At most two columns can be names; set the others to ignore or title.", field=extra)
    for column in mapping.columns:
        if column.role in ONCE and roles[column.role] > 1:
            first = mapping.of(column.role)[0].column
            if column.column != first:
                raise InputError(
                    f"{first!r} and {column.column!r} are both {column.role}; only one column can be.",
                    field=column.column,
                )
        if column.role in ("annotation", "label"):
            if not column.key.strip():
                raise InputError(f"{column.column!r} needs a key, such as example.com/hosting.", field=column.column)
            if not is_label_key(column.key):
                raise InputError(
                    f"{column.key!r} is no key of {'an' if column.role == 'annotation' else 'a'} {column.role}: letters,"
                    " digits, '-', '_' and '.', and before it a domain with '/' if wanted.",
                    field=column.column,
                )
        if column.role == "field" and not _FIELD.fullmatch(column.key):
            raise InputError(
                f"{column.key!r} is no field of an entity: write its path, such as spec.parent.", field=column.column
            )
    keys: Counter[tuple[str, str]] = Counter(
        (c.role, c.key) for c in mapping.columns if c.role in ("annotation", "label", "field")
    )
    for column in mapping.columns:
        if keys[column.role, column.key] > 1:
            raise InputError(f"Several columns have the {column.role} key {column.key!r}.", field=column.column)
    _require_defaults(mapping, kinds)


def _require_defaults(mapping: SheetMapping, kinds: KindRegistry) -> None:
    if mapping.kind.lower() not in {definition.kind.lower() for definition in kinds.definitions}:
        raise InputError(f"There is no kind {mapping.kind!r} in this catalog.", field="kind")
    if not is_dns_label(mapping.namespace):
        raise InputError(
            f"{mapping.namespace!r} is no namespace: up to 63 lower-case letters, digits and '-'.", field="namespace"
        )
    if mapping.owner:
        try:
            EntityRef.parse(mapping.owner, default_kind="group")
        except RefError as error:
            raise InputError(str(error), field="owner") from None
    if mapping.repository_host and split_http(mapping.repository_host) is None:
        raise InputError(
            f"{mapping.repository_host!r} is no address. Write it as https://github.com/acme.", field="repository_host"
        )
