"""Secrets at rest: AES-256-GCM under a key of the portal.

The key comes from ``scaffolder.secrets.key`` where that is set. Otherwise it is made once and kept: on SQLite in a file beside the
database that only its owner may read, on PostgreSQL in the database, which is all that replicas share; then whoever reads the
whole database can open what is sealed, and the setting is the better choice.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from pathlib import Path
from typing import Any

import orjson

from callboard.features.scaffolder.store import running as store
from callboard.kernel.db.interface import Database
from callboard.kernel.errors import UnavailableError

KEY_FILE = "scaffolder.key"
_MARK = b"\x00"
_NONCE_BYTES = 12
_NAME_BYTES = 4


class CannotOpen(UnavailableError):
    """Sealed with another key than the one at hand, or damaged."""

    code = "scaffolder.cannot_open"


class Sealer:
    """Seals and opens bytes. ``context`` says what they are; what is sealed for one thing does not open as another."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(key)
        self._name = hashlib.sha256(b"name of " + key).digest()[:_NAME_BYTES]

    def seal(self, body: bytes, context: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return _MARK + self._name + nonce + self._cipher.encrypt(nonce, body, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """Raises ``CannotOpen``."""
        from cryptography.exceptions import InvalidTag

        if not is_sealed(sealed) or sealed[1 : 1 + _NAME_BYTES] != self._name:
            raise CannotOpen("What was kept of this task was encrypted with another key; run the template anew.")
        rest = sealed[1 + _NAME_BYTES :]
        try:
            return self._cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], context.encode())
        except InvalidTag:
            raise CannotOpen("What was kept of this task is damaged; run the template anew.") from None

    def seal_json(self, value: Any, context: str) -> bytes:
        return self.seal(dump_json(value), context)

    def load_json(self, kept: bytes, context: str) -> Any:
        """A JSON value, sealed or not. Raises ``CannotOpen``."""
        return orjson.loads(self.open(kept, context) if is_sealed(kept) else kept)


def is_sealed(body: bytes) -> bool:
    """JSON never begins as sealed bytes do."""
    return body[:1] == _MARK


def dump_json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)


class Seals:
    """The sealer of a portal, made when it is first needed."""

    def __init__(self, db: Database, data_dir: Path, passphrase: str | None) -> None:
        self._db = db
        self._data_dir = data_dir
        self._passphrase = passphrase
        self._sealer: Sealer | None = None
        self._lock = asyncio.Lock()

    async def get(self) -> Sealer:
        """Raises ``UnavailableError`` when the key can be neither read nor kept."""
        async with self._lock:
            if self._sealer is None:
                self._sealer = Sealer(await self._read_key())
            return self._sealer

    async def _read_key(self) -> bytes:
        if self._passphrase is not None:
            return hashlib.scrypt(self._passphrase.encode(), salt=b"callboard scaffolder", n=2**14, r=8, p=1, dklen=32)
        if self._db.dialect == "sqlite":
            return read_key_file(self._data_dir / KEY_FILE)
        async with self._db.read() as tx:
            kept = await store.read_key(tx)
        if kept is None:
            async with self._db.write() as tx:
                kept = await store.ensure_key(tx, secrets.token_bytes(32))
        return kept


def read_key_file(path: Path) -> bytes:
    """The key in the file, which is made when it is missing. Raises ``UnavailableError``."""
    try:
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            key = path.read_bytes()
        else:
            key = secrets.token_bytes(32)
            with open(handle, "wb") as file:
                file.write(key)
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        raise UnavailableError(f"The key {path} cannot be read or written: {error.strerror or error}.") from error
    if len(key) != 32:
        raise UnavailableError(
            f"{path} is no key of 32 bytes. Remove it; tasks that wait with secrets are then to be run anew."
        )
    return key
