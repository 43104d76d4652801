"""The program git: no shell, no hooks, no prompts, no configuration but ours, time limits, and no child left behind.

Credentials go in by the environment, so they stand neither on the command line nor in a URL.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
from dataclasses import dataclass, field
from typing import Mapping

from callboard.kernel.errors import LimitError, UnavailableError

COMMAND_TIMEOUT_S = 20.0
MAX_OUTPUT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SshAccess:
    """A private key and the keys of known hosts, both files. Without a key the agent of the environment is asked."""

    key_file: str | None = None
    known_hosts_file: str | None = None

    def command(self) -> str:
        """For ``GIT_SSH_COMMAND``, which git hands to a shell."""
        parts = ["ssh", "-F", os.devnull, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]
        if self.known_hosts_file:
            parts += ["-o", f"UserKnownHostsFile={self.known_hosts_file}"]
        if self.key_file:
            parts += ["-i", self.key_file, "-o", "IdentitiesOnly=yes"]
        return shlex.join(parts)


@dataclass(frozen=True, slots=True)
class Access:
    """How a command may reach out: transports (``none``, or names with colons), and with what."""

    protocols: str = "none"
    header: str | None = field(default=None, repr=False)
    ssh: SshAccess | None = None


OFFLINE = Access()


class Git:
    def __init__(self, executable: str = "git") -> None:
        self._executable = executable

    async def run(
        self,
        *arguments: str,
        access: Access = OFFLINE,
        timeout_s: float = COMMAND_TIMEOUT_S,
        max_bytes: int = MAX_OUTPUT_BYTES,
        stdin: bytes | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> bytes:
        """Standard output. Raises ``UnavailableError`` whose message ends in the exit status in brackets."""
        try:
            process = await asyncio.create_subprocess_exec(
                self._executable,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={**_environment(access), **(environment or {})},
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise UnavailableError("The program git is not installed, and integrations.git needs it.") from error
        try:
            async with asyncio.timeout(timeout_s):
                out, said, _ = await asyncio.gather(
                    _read(process.stdout, max_bytes),
                    _read(process.stderr, 65_536, cut=True),
                    _feed(process.stdin, stdin),
                )
                status = await process.wait()
        except TimeoutError as error:
            raise UnavailableError(f"git did not finish within {timeout_s:g} s.") from error
        finally:
            await _end(process)
        if status != 0:
            text = " ".join(said.decode("utf-8", "replace").split())[:500]
            raise UnavailableError(f"git failed: {text or 'no message'} ({status})")
        return out


def _environment(access: Access) -> dict[str, str]:
    """A fresh environment: neither the machine's nor the user's git settings count."""
    pairs = [
        ("safe.directory", "*"),  # whose files may be read is decided by integrations.git, not by file owners
        ("core.hooksPath", os.devnull),
        ("core.fsmonitor", "false"),
        ("gc.auto", "0"),
        ("maintenance.auto", "false"),
        ("credential.helper", ""),
        ("http.followRedirects", "false"),
        ("http.lowSpeedLimit", "1000"),
        ("http.lowSpeedTime", "30"),
        ("protocol.allow", "never" if access.protocols == "none" else "user"),
    ]
    if access.header:
        pairs.append(("http.extraHeader", f"Authorization: {access.header}"))
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "HOME": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_ALLOW_PROTOCOL": access.protocols,
        "GIT_CONFIG_COUNT": str(len(pairs)),
    }
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO"):
        if name in os.environ:
            environment[name] = os.environ[name]
    if access.ssh is not None:
        environment["GIT_SSH_COMMAND"] = access.ssh.command()
        if "SSH_AUTH_SOCK" in os.environ and not access.ssh.key_file:
            environment["SSH_AUTH_SOCK"] = os.environ["SSH_AUTH_SOCK"]
    for index, (key, value) in enumerate(pairs):
        environment[f"GIT_CONFIG_KEY_{index}"] = key
        environment[f"GIT_CONFIG_VALUE_{index}"] = value
    return environment


async def _read(stream: asyncio.StreamReader | None, max_bytes: int, *, cut: bool = False) -> bytes:
    assert stream is not None
    chunks = bytearray()
    while chunk := await stream.read(65_536):
        if len(chunks) + len(chunk) <= max_bytes:
            chunks += chunk
        elif not cut:
            raise LimitError(f"git gave more than {max_bytes} bytes.")
    return bytes(chunks)


async def _feed(stream: asyncio.StreamWriter | None, content: bytes | None) -> None:
    if stream is None or content is None:
        return
    try:
        stream.write(content)
        await stream.drain()
    except (BrokenPipeError, ConnectionResetError):
        pass  # git ended early; its status says why
    finally:
        stream.close()


async def _end(process: asyncio.subprocess.Process) -> None:
    """Leave no child behind: git's own helpers are in its process group."""
    if process.returncode is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        await process.wait()
