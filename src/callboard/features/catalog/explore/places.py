"""What a Location's page and a resource's page say about where things are: targets, the next reading, addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Mapping, Sequence

from callboard.features.catalog.pages.links import safe_href, spec_of, text
from callboard.ui.moments import Moment
from callboard.ui.parts import EntityLink

MAX_ADDRESSES: Final = 12
MAX_TARGETS: Final = 20
_OUR_OWN: Final = ("backstage.io/", "callboard.dev/", "callboard/")


@dataclass(frozen=True, slots=True)
class Address:
    """An annotation that says where the thing is. ``label`` is the end of its key; ``href`` for what is an address of the web."""

    label: str
    key: str
    value: str
    href: str | None


@dataclass(frozen=True, slots=True)
class LocationFacts:
    """``explore_parts.location``.

    ``registered_href`` leads to the registered location that it is, ``root_href`` to the one that it came by; ``parents`` are
    the Locations that name it, ``givers`` the sources that do, "settings" for the configured ones. ``next_minutes``: until it is
    looked at again, None where nothing is planned; ``remove_href``: where leaving the catalog is offered.
    """

    type: str
    targets: Sequence[str]
    more_targets: int
    parents: Sequence[EntityLink]
    givers: Sequence[str]
    registered_href: str | None
    root_href: str | None
    root: str | None
    read: Moment | None
    next_minutes: int | None
    is_watched: bool
    refresh_href: str | None
    remove_href: str | None


def addresses_of(entity: Mapping[str, Any]) -> list[Address]:
    """Annotations that other systems gave, which is where a resource says what and where it is; the catalog's own left out."""
    annotations = entity["metadata"].get("annotations")
    found = []
    for key, raw in annotations.items() if isinstance(annotations, dict) else ():
        value = text(raw)
        if value and not str(key).startswith(_OUR_OWN) and "\n" not in value:
            label = str(key).rpartition("/")[2].replace("-", " ").replace("_", " ")
            found.append(Address(label[:1].upper() + label[1:], str(key), value[:300], safe_href(value)))
    return found[:MAX_ADDRESSES]


def targets_of(entity: Mapping[str, Any]) -> list[str]:
    """What the Location names, as written."""
    spec = spec_of(entity)
    many = spec.get("targets")
    named = [spec.get("target"), *(many if isinstance(many, list) else [])]
    return [target for target in named if isinstance(target, str) and target]
