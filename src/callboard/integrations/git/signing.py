"""Commits signed with an OpenPGP key, by git and the program gpg.

The key goes to gpg by a pipe, into a home of its own that nobody else may enter and that is gone when the commit is made: in memory
where the machine has a folder for that, else below the folder for temporary files. No agent outlives it.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import AsyncIterator, Mapping, Sequence

from callboard.integrations.git.command import Git
from callboard.kernel.errors import InputError, UnavailableError

_PREFIX = "callboard-sign-"
_LEFTOVER_AGE_S = 3600.0
_MEMORY = Path("/dev/shm")  # noqa: S108 -- each home in it is 0700 and has a name that cannot be guessed
_FINGERPRINT = re.compile(rb"^fpr:(?:[^:]*:){8}([0-9A-F]{40,64}):", re.MULTILINE)
_ARMOR = "-----BEGIN PGP PRIVATE KEY BLOCK-----"


@dataclass(frozen=True, slots=True)
class Signer:
    """What ``git`` and its subcommand are given to sign with, and the environment that both run in."""

    options: Sequence[str] = ()
    flags: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@asynccontextmanager
async def open_signer(key: str | None) -> AsyncIterator[Signer]:
    """Signs with ``key``, an armored private key without passphrase; not at all without one.

    Raises:
        InputError: it is no such key.
        UnavailableError: gpg is not installed.
    """
    if key is None:
        yield Signer()
        return
    program = shutil.which("gpg")
    if program is None:
        raise UnavailableError(
            "Commits are to be signed, and the program gpg is not installed here. Install it, or leave signCommit out."
        )
    # An environment variable or one line of a settings file may have it with `\\n` in place of line ends.
    armored = key.strip().replace("\\n", "\n")
    if not armored.startswith(_ARMOR):
        raise InputError(f"The key to sign commits with must be an armored OpenPGP private key: {_ARMOR} ….")
    home = await asyncio.to_thread(_make_home)
    environment = {"GNUPGHOME": str(home)}
    gpg = Git(program)
    try:
        try:
            await gpg.run("--import", stdin=armored.encode(), environment=environment)
            listed = await gpg.run("--with-colons", "--list-secret-keys", environment=environment)
        except UnavailableError:
            raise InputError(
                "gpg cannot read the key to sign commits with. Check commitSigningKey and scaffolder.defaultCommitSigningKey."
            ) from None  # what gpg says may repeat parts of what it was given
        found = _FINGERPRINT.search(listed)
        if found is None:
            raise InputError("The key to sign commits with holds no private key.")
        yield Signer(
            ("-c", "gpg.format=openpgp", "-c", f"gpg.program={program}"), (f"-S{found[1].decode()}",), environment
        )
    finally:
        await asyncio.shield(_remove(home))


def _make_home() -> Path:
    parent = _MEMORY if os.access(_MEMORY, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())
    for left in parent.glob(f"{_PREFIX}*"):  # of a process that was killed
        try:
            if left.stat().st_uid == os.getuid() and time.time() - left.stat().st_mtime > _LEFTOVER_AGE_S:
                shutil.rmtree(left, ignore_errors=True)
        except OSError:
            continue
    home = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))  # 0700
    (home / "gpg.conf").write_text("batch\nno-tty\npinentry-mode error\ntrust-model always\nno-auto-key-locate\n")
    return home


async def _remove(home: Path) -> None:
    """The agent that gpg has started ends before its folder goes."""
    if ender := shutil.which("gpgconf"):
        try:
            await Git(ender).run("--homedir", str(home), "--kill", "all")
        except UnavailableError:
            pass  # an agent ends by itself once its socket is gone
    await asyncio.to_thread(shutil.rmtree, home, True)
