"""Where the files of what was made lie: as its run recorded it, never as the entity says by itself.

An annotation can be changed by whoever describes the entity, and the portal reads and pushes with credentials of its own. If the annotation
counted, its owner could have the portal read, or write a branch to, any repository that the portal may. Where a run recorded no address,
somebody who answers for templates names it once.
"""

from __future__ import annotations

from typing import Any, Mapping

from callboard.features.scaffolder.updates.store import MadeRow
from callboard.kernel.errors import InputError
from callboard.model.urls import Hosts, find_repository


class PlaceUnknown(InputError):
    """The run recorded no address. ``suggested`` is what the entity says of it; empty where it says nothing."""

    code = "scaffolder.update_place_unknown"

    def __init__(self, entity_ref: str, suggested: str) -> None:
        super().__init__(
            f"The run that made {entity_ref} recorded no address of its files. Somebody with the permission "
            "scaffolder.template.management names it on the page of the update; or use `callboard template update` in a checkout.",
            field="contents",
        )
        self.suggested = suggested


def place_of(row: MadeRow, entity: Mapping[str, Any], hosts: Hosts) -> str:
    """The address of the files: the recorded one; the entity's own where it lies in the repository that was recorded.

    Raises ``PlaceUnknown``.
    """
    if row.contents:
        return row.contents
    said = _said_by(entity)
    if said and row.remote and _is_same(row.remote, said, hosts):
        return said
    raise PlaceUnknown(row.entity_ref, said)


def _said_by(entity: Mapping[str, Any]) -> str:
    said = (entity.get("metadata", {}).get("annotations") or {}).get("backstage.io/source-location", "")
    kind, _, target = str(said).partition(":")
    return target if kind == "url" else ""


def _is_same(remote: str, contents: str, hosts: Hosts) -> bool:
    """Only where both are known for certain."""
    one, other = find_repository(remote, hosts), find_repository(contents, hosts)
    return (
        one is not None
        and other is not None
        and (one.host, one.owner.lower(), one.name.lower()) == (other.host, other.owner.lower(), other.name.lower())
    )
