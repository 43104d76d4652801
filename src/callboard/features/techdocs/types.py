"""Media types of files of documentation."""

from __future__ import annotations

import mimetypes
import re

_RISKY = re.compile(r"\.(?:htm|xml|svg|appcache|manifest|mathml|owl|rdf|rng|vtt|xht|xsd|xsl)", re.IGNORECASE)
"""Endings that a browser may run. Source: Backstage techdocs-node ``getHeadersForFileExtension``."""


def media_type_of(path: str) -> str:
    """By the ending; what is no known one is only bytes. Markdown is plain text."""
    lowered = path.lower()
    if lowered.endswith((".md", ".markdown")):
        return "text/plain; charset=utf-8"
    found = mimetypes.guess_type(lowered, strict=False)[0] or "application/octet-stream"
    return f"{found}; charset=utf-8" if found.startswith("text/") or found == "application/json" else found


def wire_type_of(path: str) -> str:
    """As Backstage serves files of sites: what a browser may run is text for the reader to fetch."""
    ending = "." + path.rpartition("/")[2].rpartition(".")[2] if "." in path.rpartition("/")[2] else ""
    return "text/plain; charset=utf-8" if _RISKY.match(ending) else media_type_of(path)
