"""Results in the shapes of REST and the command line."""

from __future__ import annotations

import base64
import binascii
import uuid
from typing import Any, Mapping, Sequence

from callboard.features.search.interface import Hit, IndexState, SearchDocument, SearchResults
from callboard.kernel.errors import InputError

DEFAULT_PAGE = 25
INDEXING_HEADER = "X-Callboard-Indexing"
_TAG = uuid.uuid4()
PRE_TAG, POST_TAG = f"<{_TAG}>", f"</{_TAG}>"
"""Around what matches, on Backstage's wire: no text has them, so they can be replaced after the text was escaped."""


def decode_cursor(cursor: str | None) -> int:
    """The number of the page, from 0. Raises ``InputError``."""
    if not cursor:
        return 0
    try:
        page = int(base64.b64decode(cursor, validate=True).decode("ascii"))
    except (binascii.Error, ValueError):
        raise InputError("Invalid page cursor") from None
    if not 0 <= page < 1_000_000:
        raise InputError("Invalid page cursor")
    return page


def encode_cursor(page: int) -> str:
    return base64.b64encode(str(page).encode()).decode()


def results_wire(found: SearchResults, *, page: int, limit: int) -> dict[str, Any]:
    """As Backstage's ``SearchResultSet``. ``rank`` counts from 1 over all pages."""
    answer: dict[str, Any] = {
        "results": [
            {
                "type": hit.type,
                "document": document_wire(hit.document),
                "highlight": {"preTag": PRE_TAG, "postTag": POST_TAG, "fields": _marked(hit)},
                "rank": page * limit + at,
            }
            for at, hit in enumerate(found.hits, 1)
            if is_safe(hit.document.location)
        ]
    }
    if found.has_more:
        answer["nextPageCursor"] = encode_cursor(page + 1)
    if page:
        answer["previousPageCursor"] = encode_cursor(page - 1)
    if found.total is not None:
        answer["numberOfResults"] = found.total
    return answer


def document_wire(document: SearchDocument) -> dict[str, Any]:
    return {"title": document.title, "text": document.text, "location": location_of(document), **document.wire}


def location_of(document: SearchDocument) -> str:
    """With the place in the page, once: collators may give it with the location or by ``anchor`` alone."""
    is_told = not document.anchor or "#" in document.location
    return document.location if is_told else f"{document.location}#{document.anchor}"


def _marked(hit: Hit) -> dict[str, str]:
    return {part: tagged(pieces) for part, pieces in hit.marked.items() if any(is_match for _, is_match in pieces)}


def tagged(pieces: Sequence[tuple[str, bool]], pre: str = PRE_TAG, post: str = POST_TAG) -> str:
    return "".join(f"{pre}{text}{post}" if is_match else text for text, is_match in pieces)


def is_safe(location: str) -> bool:
    """Whether it can be linked to: an address that runs as script is shown to nobody."""
    scheme = "".join(char for char in location.partition(":")[0] if char.isprintable() and not char.isspace())
    return scheme.lower() not in ("javascript", "data", "vbscript") or ":" not in location


def own_wire(found: SearchResults, *, offset: int, indexing: IndexState | None = None) -> dict[str, Any]:
    """With all that is known of each result, for people and programs of ours. ``totalItems`` null: more than were counted.

    ``indexing`` null: the index is complete.
    """
    return {
        "items": [
            _hit_wire(hit, at) for at, hit in enumerate(found.hits, offset + 1) if is_safe(hit.document.location)
        ],
        "totalItems": found.total,
        "hasMore": found.has_more,
        "corrected": found.corrected,
        "indexing": None if indexing is None else indexing_wire(indexing),
        "facets": {
            key: [{"value": value, "count": count} for value, count in values] for key, values in found.facets.items()
        },
    }


def indexing_wire(state: IndexState) -> dict[str, Any]:
    """``types`` is empty for who does not see everything."""
    return {
        "types": {
            part.type: {"indexed": part.indexed, "known": part.known, "unread": part.unread} for part in state.parts
        }
    }


def indexing_headers(state: IndexState | None) -> dict[str, str]:
    """For answers in Backstage's form: there only while results are not complete. ``techdocs=120/231, software-catalog=494/494``."""
    if state is None:
        return {}
    counts = [f"{part.type}={part.indexed}/{part.known}" for part in state.parts]
    return {INDEXING_HEADER: ", ".join(counts) or "incomplete"}


def _hit_wire(hit: Hit, rank: int) -> dict[str, Any]:
    document = hit.document
    fields: Mapping[str, Any] = document.fields
    return {
        "rank": rank,
        "type": hit.type,
        "title": document.title,
        "location": location_of(document),
        "path": document.wire.get("path") or fields.get("path"),
        "file": document.wire.get("file") or fields.get("file") or document.wire.get("path"),
        "ref": document.resource,
        "source": fields.get("source"),
        "kind": fields.get("kind"),
        "namespace": fields.get("namespace"),
        "name": fields.get("name"),
        "headings": list(document.headings),
        "text": "".join(text for text, _ in hit.marked["text"]),
        "highlight": {part: [[text, is_match] for text, is_match in pieces] for part, pieces in hit.marked.items()},
        "reasons": [
            {"part": reason.part, "how": reason.how, "asked": reason.asked, "found": reason.found}
            for reason in hit.reasons
        ],
        "fields": {key: value if isinstance(value, str) else list(value) for key, value in fields.items()},
    }
