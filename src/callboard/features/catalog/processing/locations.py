"""Where a Location entity points: its targets, resolved beside its own file.

Source: Backstage catalog-backend 4.0.0, ``toAbsoluteUrl`` and the processing of ``kind: Location``.
"""

from __future__ import annotations

import json
import posixpath
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from callboard.model.problems import FieldPath, Problem
from callboard.model.refs import LocationRef
from callboard.model.urls import Hosts, UrlError, resolve_url


@dataclass(frozen=True, slots=True)
class LocationTarget:
    """A place to read. ``is_glob``: the target names all files that match it; ``required``: finding nothing is an error."""

    type: str
    target: str
    required: bool = True
    is_glob: bool = False
    field: FieldPath = ()

    @property
    def ref(self) -> LocationRef:
        return LocationRef(self.type, self.target)


def location_targets(
    entity: Mapping[str, Any], location: LocationRef, *, allowed_types: Sequence[str] | None, hosts: Hosts
) -> tuple[list[LocationTarget], list[Problem]]:
    """The targets of a valid Location entity that came from ``location``, in order, and what is wrong with others.

    ``allowed_types`` None allows all; the type of ``location`` itself is always allowed.
    """
    spec = entity["spec"]
    kind = spec.get("type") or location.type
    if kind != location.type and allowed_types is not None and kind not in allowed_types:
        message = (
            f"Registered locations must be of an allowed type {json.dumps(list(allowed_types), separators=(',', ':'))}"
        )
        fix = f"Leave type out, or use {' or '.join(allowed_types)}."
        return [], [Problem("location", message, ("spec", "type"), fix=fix)]
    required = spec.get("presence") != "optional"
    named: list[tuple[FieldPath, str]] = []
    if spec.get("target"):
        named.append((("spec", "target"), spec["target"]))
    named.extend((("spec", "targets", i), target) for i, target in enumerate(spec.get("targets") or ()))
    targets: list[LocationTarget] = []
    problems: list[Problem] = []
    for path, target in named:
        if kind == "file" and target.endswith("/"):
            message = f'A "file" location cannot have the target {target} that ends with a path separator'
            problems.append(Problem("location", message, path, fix="Name a file, or files by a glob such as ./*.yaml."))
            continue
        resolved = absolute_target(kind, target, location, hosts)
        targets.append(LocationTarget(kind, resolved, required, is_glob(kind, resolved), path))
    return targets, problems


def absolute_target(kind: str, target: str, base: LocationRef, hosts: Hosts) -> str:
    """``target`` as seen from ``base``. What cannot be resolved passes as it is; reading it says why it fails."""
    if base.type != kind:
        return target
    if kind == "file":
        return (
            posixpath.normpath(posixpath.join(posixpath.dirname(base.target), target))
            if target.startswith(".")
            else target
        )
    if kind == "url":
        try:
            return resolve_url(target, base.target, hosts)
        except UrlError:
            return target
    return target


def is_glob(kind: str, target: str) -> bool:
    """Whether the target names files by a pattern: ``*`` in the path of a URL, any glob mark in a file path."""
    if kind == "url":
        return "*" in target.split("?", 1)[0].split("#", 1)[0]
    return kind == "file" and any(mark in target for mark in "*?[{")
