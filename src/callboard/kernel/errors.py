"""The one tree of errors. They speak of the work; ``kernel.web`` alone maps them to HTTP, ``cli`` to exit codes.

CallboardError
├── InputError            what was given cannot be used        (400; Backstage InputError)
├── AuthenticationError   nobody, or not who they claim to be  (401)
├── NotAllowedError       known, but may not                   (403)
├── NotFoundError         absent, or hidden from the caller    (404)
├── ConflictError         it clashes with what is there        (409)
├── LimitError            too large, too deep, too often       (413 or 429)
└── UnavailableError      something outside does not answer    (503)
"""

from __future__ import annotations

from typing import ClassVar


class CallboardError(Exception):
    """Base of all. ``code`` is stable and documented; ``name`` is the word that Backstage's error body carries.

    ``field``, ``file``, ``line`` (from 1) and ``column`` (from 1) say where, as far as it is known.
    """

    code: ClassVar[str] = "error"
    name: ClassVar[str] = "Error"

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.file = file
        self.line = line
        self.column = column


class InputError(CallboardError):
    """What was given cannot be used."""

    code = "input"
    name = "InputError"


class AuthenticationError(CallboardError):
    """No credentials, or ones that do not hold."""

    code = "authentication"
    name = "AuthenticationError"


class NotAllowedError(CallboardError):
    """The caller is known and may not do this."""

    code = "not_allowed"
    name = "NotAllowedError"


class NotFoundError(CallboardError):
    """Nothing by that name is visible to the caller; it may exist."""

    code = "not_found"
    name = "NotFoundError"


class ConflictError(CallboardError):
    """It clashes with what is there already."""

    code = "conflict"
    name = "ConflictError"


class LimitError(CallboardError):
    """Too large, too deep or too often. ``retry_after_s`` is set when waiting helps."""

    code = "limit"
    name = "LimitError"
    retry_after_s: float | None = None


class UnavailableError(CallboardError):
    """Something outside (a database, a host) does not answer. Nothing stored was lost."""

    code = "unavailable"
    name = "ServiceUnavailableError"
