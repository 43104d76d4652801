"""Who holds a lease: the host, the process, and a word of its own for each time that it starts."""

from __future__ import annotations

import os
import socket
import uuid


def make_owner() -> str:
    """A name for this process' leases, unlike any before it."""
    return f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex}"


def is_gone(owner: str, *, me: str) -> bool:
    """Whether the process behind ``owner`` is certainly no more. False where that cannot be told from here.

    Only for processes that share a machine with this one, as those on one SQLite file do.
    """
    host, _, rest = owner.partition("/")
    process = rest.partition("/")[0]
    if owner == me or host != socket.gethostname() or not process.isdigit():
        return False
    if int(process) == os.getpid():
        return True  # it had the number that is ours now, as after the restart of a container
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
