"""Entities without a descriptor file: Locations that stand for a target, and what sources give by themselves."""

from __future__ import annotations

import hashlib
from typing import Any, Mapping

from callboard.model.refs import LocationRef


def location_name(location: LocationRef) -> str:
    """``generated-<sha1 of type:target>``. Source: Backstage, ``locationSpecToMetadataName``."""
    return f"generated-{hashlib.sha1(str(location).encode(), usedforsecurity=False).hexdigest()}"


def location_entity(location: LocationRef, *, optional: bool = False) -> dict[str, Any]:
    """The document of such a Location. ``optional``: an absent file is no error."""
    spec: dict[str, Any] = {"type": location.type, "target": location.target}
    if optional:
        spec["presence"] = "optional"
    return given_entity("Location", location_name(location), location, spec=spec)


def given_entity(
    kind: str,
    name: str,
    location: LocationRef,
    *,
    spec: Mapping[str, Any],
    namespace: str = "default",
    annotations: Mapping[str, str] | None = None,
    description: str | None = None,
) -> dict[str, Any]:
    """A document as a source gives it that has no files: it is managed by ``location``. An empty description is left out."""
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": namespace,
        "annotations": {
            "backstage.io/managed-by-location": str(location),
            "backstage.io/managed-by-origin-location": str(location),
            **(annotations or {}),
        },
    }
    if description:
        metadata["description"] = description
    return {"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": dict(spec)}
