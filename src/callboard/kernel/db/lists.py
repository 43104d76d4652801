"""Lists as one argument of a statement, in the words of each engine. Behind ``Transaction.any_of`` and its neighbours."""

from __future__ import annotations

from typing import Any, Iterable, Literal

import orjson

from callboard.kernel.db.interface import Dialect

ElementType = Literal["text", "bigint"]


def any_of(dialect: Dialect, column: str, parameter: int, type: ElementType) -> str:
    if dialect == "sqlite":
        return f"{column} IN (SELECT value FROM json_each(${parameter}))"
    return f"{column} = ANY(${parameter}::{type}[])"


def each_of(dialect: Dialect, parameter: int, type: ElementType) -> str:
    if dialect == "sqlite":
        return (
            f"SELECT value FROM json_each(${parameter}) WHERE true"  # without it ON CONFLICT would read as a join's ON
        )
    return f"SELECT unnest(${parameter}::{type}[])"


def list_arg(dialect: Dialect, values: Iterable[Any]) -> Any:
    listed = values if isinstance(values, list) else list(values)
    return orjson.dumps(listed).decode() if dialect == "sqlite" else listed
