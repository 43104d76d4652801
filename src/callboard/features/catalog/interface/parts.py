"""What plugins put on the page of an entity. Import it from ``catalog.interface``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from callboard.model.predicates import Predicate


@dataclass(frozen=True, slots=True)
class EntityTab:
    """A tab of the entity page. ``title`` is a message key or plain text, ``shown`` a predicate over the entity's terms.

    ``await render(entity, request)`` gives the body as ``markupsafe.Markup``; any other text is escaped. ``request.actor`` is who looks.
    """

    id: str
    title: str
    render: Any
    shown: Predicate | None = None
    rank: int = 100


@dataclass(frozen=True, slots=True)
class EntityCard:
    """A card on the overview tab, in the main column, at the side, or over both (``wide``). ``render`` and ``shown`` as in ``EntityTab``.

    One that gives an empty text is left out. In the main column a ``rank`` below 50 stands over the relations.
    """

    id: str
    title: str
    render: Any
    column: Literal["main", "side", "wide"] = "side"
    shown: Predicate | None = None
    rank: int = 100


@dataclass(frozen=True, slots=True)
class HomeCard:
    """A card on the home page: over everything, in the main column or at the side; lower ``rank`` stands higher.

    ``await render(request)`` gives the body as ``markupsafe.Markup`` (any other text is escaped), or None for no card this time.
    """

    id: str
    title: str
    render: Any
    column: Literal["top", "main", "side"] = "main"
    rank: int = 100


@dataclass(frozen=True, slots=True)
class ListColumn:
    """A column of lists that no field of the entity holds. ``id`` has no dot; ``title`` is a message key or plain text.

    ``await cells(refs, request)`` gives the cells of a page of rows by ref (lower-cased), as ``markupsafe.Markup`` or text that is
    escaped; one call for all rows, and what has no cell stays empty.
    """

    id: str
    title: str
    cells: Any


@dataclass(frozen=True, slots=True)
class EntityAction:
    """A button in the header of the entity page: ``offer(entity, request)`` gives a ``ui.parts.LinkItem``, or None for no button.

    ``offer`` may be asynchronous.
    """

    id: str
    offer: Any
