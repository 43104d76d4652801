"""Annotations that say where an entity comes from: location, origin, and where to view and edit its file.

Source: Backstage catalog-backend 4.0.0, ``AnnotateLocationEntityProcessor`` and ``ProcessorOutputCollector``.
"""

from __future__ import annotations

from typing import Any, Mapping

from callboard.model.refs import LocationRef
from callboard.model.urls import Hosts, UrlError, find_edit_url, host_kind, resolve_url

LOCATION = "backstage.io/managed-by-location"
ORIGIN = "backstage.io/managed-by-origin-location"
VIEW_URL = "backstage.io/view-url"
EDIT_URL = "backstage.io/edit-url"
SOURCE_LOCATION = "backstage.io/source-location"
REJECTED_URL = "https://backstage.io/annotation-rejected-for-security-reasons"


def forced_annotations(location: LocationRef, origin: LocationRef) -> dict[str, str]:
    """What overrides the file: nobody may claim to come from elsewhere."""
    return {LOCATION: str(location), ORIGIN: str(origin)}


def default_annotations(location: LocationRef, hosts: Hosts) -> dict[str, str]:
    """What the file may override: links to its source, for ``url`` locations only.

    Of a plain HTTP host nobody knows where its files are edited, or what lies beside them: recorded answers of Backstage
    give the first of the three alone.
    """
    if location.type != "url":
        return {}
    out = {VIEW_URL: location.target}
    if host_kind(location.target, hosts) is None:
        return out
    edit_url = find_edit_url(location.target, hosts)
    if edit_url is not None:
        out[EDIT_URL] = edit_url
    try:
        out[SOURCE_LOCATION] = f"url:{resolve_url('./', location.target, hosts)}"
    except UrlError:
        pass  # a target that is no URL has no folder; reading it fails with a message of its own
    return out


def annotate(metadata: dict[str, Any], defaults: Mapping[str, str], forced: Mapping[str, str]) -> None:
    """Put the annotations into ``metadata`` (changed in place); script URLs are replaced."""
    own = metadata.get("annotations")
    if own is not None and not isinstance(own, dict):
        return  # a policy refuses it with its field
    merged = {**defaults, **own, **forced} if own else {**defaults, **forced}
    for key in (VIEW_URL, EDIT_URL):
        url = merged.get(key)
        if isinstance(url, str) and is_script_url(url):
            merged[key] = REJECTED_URL
    metadata["annotations"] = merged


def is_script_url(url: str) -> bool:
    """Whether a browser would run the URL as a script; it drops control characters and blanks before it looks."""
    head = url[:200]
    if "s" not in head.lower():
        return False
    return "".join(c for c in head if c > " ").lower().startswith("javascript:")
