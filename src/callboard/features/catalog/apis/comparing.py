"""Two definitions of one format compared: ``compare(old, new)``."""

from __future__ import annotations

from callboard.features.catalog.apis.changes import Comparison, Found
from callboard.features.catalog.apis.comparing_http import compare_asyncapi, compare_openapi
from callboard.features.catalog.apis.comparing_names import compare_graphql, compare_proto
from callboard.features.catalog.apis.model import Api
from callboard.kernel.errors import InputError

_COMPARERS = {
    "openapi": compare_openapi, "asyncapi": compare_asyncapi, "graphql": compare_graphql, "proto": compare_proto,
}  # fmt: skip


def compare(old: Api, new: Api) -> Comparison:
    """What differs, from ``old`` to ``new``. Pure; large ones take a second.

    Raises:
        InputError: they are of different formats, which have nothing in common.
    """
    if old.format != new.format:
        raise InputError(
            f"{old.dialect} and {new.dialect} cannot be compared: choose two definitions of one format.", field="with"
        )
    found = Found()
    _COMPARERS[old.format](old, new, found)
    return found.comparison(old.format)


__all__ = ["compare"]
