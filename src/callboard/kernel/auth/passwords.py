"""Password hashes: argon2id with the parameters of RFC 9106's second choice (64 MiB, 3 passes, 4 lanes).

Hashing runs in a thread, at most two at a time, so that a burst of sign-ins takes neither the event loop nor the memory.
"""

from __future__ import annotations

import asyncio
import functools
from typing import Any

from callboard.kernel.errors import InputError

MIN_LENGTH = 10
MAX_LENGTH = 512
_COMMON = frozenset(
    ("password123", "1234567890", "0123456789", "qwertyuiop", "callboard1", "changeme123", "password1234", "letmein123")
)


class WeakPassword(InputError):
    """The password is too short, too long or one of the first that anybody tries."""

    code = "auth.weak_password"


def require_good_password(password: str, *, name: str) -> None:
    """Raise ``WeakPassword`` unless ``password`` has 10 to 512 characters, is not well known and not the user's name."""
    if len(password) < MIN_LENGTH:
        raise WeakPassword(
            f"The password has {len(password)} characters; give it at least {MIN_LENGTH}.", field="password"
        )
    if len(password) > MAX_LENGTH:
        raise WeakPassword(f"The password is longer than {MAX_LENGTH} characters.", field="password")
    if password.lower() in _COMMON or password.lower() == name.lower() or len(set(password)) < 4:
        raise WeakPassword("The password is among the first that anybody would try; choose another.", field="password")


@functools.cache
def _hasher() -> Any:
    from argon2 import PasswordHasher  # 20 ms that a start without sign-in does not spend

    return PasswordHasher()


@functools.cache
def _decoy() -> str:
    return str(_hasher().hash("nobody has this password"))


class Passwords:
    """Hash and verify. An unknown user costs as much time as a wrong password."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(2)

    async def hash(self, password: str) -> str:
        async with self._slots:
            return await asyncio.to_thread(lambda: str(_hasher().hash(password)))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether ``password`` gives ``stored``; with None the same work is done and the answer is no."""
        if len(password) > MAX_LENGTH:
            return False
        async with self._slots:
            return await asyncio.to_thread(_verify, stored, password)

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with weaker parameters than today's."""
        return bool(_hasher().check_needs_rehash(stored))


def _verify(stored: str | None, password: str) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        ok = _hasher().verify(stored or _decoy(), password)
    except (VerificationError, InvalidHashError):
        return False
    return bool(ok) and stored is not None
