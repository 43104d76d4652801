"""What stands behind a dot: members of values, and their methods."""

from __future__ import annotations

from typing import Any

from callboard.features.scaffolder.language.functions import Cycler
from callboard.features.scaffolder.language.methods import find_method
from callboard.features.scaffolder.language.values import RESERVED, UNDEFINED, Function, has_member, own_member


def get_member(holder: Any, key: str, *, cookiecutter: bool) -> Any:
    """A member of its own, else a method, else UNDEFINED; of null and undefined always UNDEFINED."""
    if holder is None or holder is UNDEFINED:
        return UNDEFINED
    if isinstance(holder, Function):
        return holder.member(key) if isinstance(holder, Cycler) else UNDEFINED
    found = own_member(holder, key)
    if found is not UNDEFINED or key in RESERVED or has_member(holder, key):
        return found
    method = find_method(holder, key, cookiecutter=cookiecutter)
    return UNDEFINED if method is None else method
