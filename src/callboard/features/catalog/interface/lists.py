"""The filters of the catalog list, for features that act on what it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, Sequence

from callboard.model.predicates import Predicate


@dataclass(frozen=True, slots=True)
class ListedEntities:
    """What an address of the list shows. ``predicate`` None: everything.

    ``params`` are the query parameters that say so, ``words`` the filters as people read them; ``href`` leads to the list.
    """

    predicate: Predicate | None
    params: Sequence[tuple[str, str]]
    words: Sequence[str]
    href: str


class EntityLists(Protocol):
    def parse(self, params: Any) -> ListedEntities:
        """Read the query parameters of a list (a multi-dict). What it does not understand is left out."""
