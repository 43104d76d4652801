"""What a request asks for, before anybody looks at it: an address that is too long or holds a NUL goes no further.

Node, in front of Backstage, refuses such requests as well; a NUL would be a matter of the database otherwise.
"""

from __future__ import annotations

from urllib.parse import quote_from_bytes

from callboard.kernel.errors import CallboardError, InputError, LimitError
from callboard.kernel.web.routing import Scope

MAX_PATH_CHARACTERS = 8_192
MAX_QUERY_BYTES = 65_536
_ASCII = "".join(map(chr, range(0x21, 0x7F)))


class UrlTooLong(LimitError):
    """The address is longer than any that a page or client makes."""

    code = "web.url_too_long"
    name = "URITooLongError"


def _is_no_text(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def find_fault(scope: Scope) -> CallboardError | None:
    """Why this address is not looked at, or None. Raw bytes in the query are percent-encoded on the way."""
    query: bytes = scope["query_string"]
    if len(query) > MAX_QUERY_BYTES or len(scope["path"]) > MAX_PATH_CHARACTERS:
        # told without the address itself, which every error answer repeats
        scope["query_string"], scope["path"] = b"", scope["path"][:100]
        scope["raw_path"] = scope["path"].encode("ascii", "replace")
        return UrlTooLong(f"The address is too long: a query has at most {MAX_QUERY_BYTES:,} bytes. Ask by POST.")
    if not scope["path"].startswith("/"):  # OPTIONS *
        scope["path"] = "/"
        return InputError("The address is not a path.")
    if b"%00" in query or b"\0" in query or "\0" in scope["path"]:
        return InputError("The address holds a NUL character (%00).")
    if not scope["path"].isascii() and _is_no_text(scope["path"]):
        return InputError("The address is not valid UTF-8.")
    if not query.isascii():
        scope["query_string"] = quote_from_bytes(query, safe=_ASCII).encode("ascii")
    return None
