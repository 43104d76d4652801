"""Location entities that stand for a target which was configured, registered or discovered."""

from __future__ import annotations

import hashlib
from typing import Any

from callboard.model.refs import LocationRef


def location_name(location: LocationRef) -> str:
    """``generated-<sha1 of type:target>``. Source: Backstage, ``locationSpecToMetadataName``."""
    return f"generated-{hashlib.sha1(str(location).encode(), usedforsecurity=False).hexdigest()}"


def location_entity(location: LocationRef, *, optional: bool = False) -> dict[str, Any]:
    """The document of such a Location. ``optional``: an absent file is no error."""
    spec: dict[str, Any] = {"type": location.type, "target": location.target}
    if optional:
        spec["presence"] = "optional"
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Location",
        "metadata": {
            "name": location_name(location),
            "namespace": "default",
            "annotations": {
                "backstage.io/managed-by-location": str(location),
                "backstage.io/managed-by-origin-location": str(location),
            },
        },
        "spec": spec,
    }
