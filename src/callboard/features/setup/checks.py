"""Connection checks: is the place there, may it be read, is there anything in it? Each names what is wrong."""

from __future__ import annotations

import asyncio
import glob
import os
from pathlib import Path
from typing import Iterable, Mapping, Sequence

from callboard.features.catalog.interface.checks import FileLook, SourceCheck
from callboard.features.setup.existing import Existing, read_existing
from callboard.features.setup.interface import Draft, Verdict
from callboard.kernel.errors import CallboardError, NotAllowedError, NotFoundError
from callboard.kernel.http_client import BlockedAddress
from callboard.kernel.settings import Setting

PATIENCE_S = 20.0
SHOWN_MISSING = 5
DESCRIPTORS = "**/catalog-info.yaml"


class Checks:
    """Checks of a draft. Dependencies arrive here; ``environ`` is where tokens are looked up, ``rows`` tell what is secret."""

    def __init__(
        self,
        files: FileLook,
        hosts: Sequence[SourceCheck],
        *,
        folder: Path,
        environ: Mapping[str, str],
        rows: Sequence[Setting] = (),
    ) -> None:
        self._files = files
        self._hosts = {check.kind: check for check in hosts}
        self._folder = folder
        self._environ = environ
        self._rows = rows

    @property
    def kinds(self) -> Iterable[str]:
        """Kinds of hosts that can be asked."""
        return self._hosts.keys()

    def target_of(self, draft: Draft) -> str:
        """The ``file`` target of a folder, absolute: all descriptors below it where a folder is named."""
        path = os.path.normpath(self._folder / os.path.expanduser(draft.folder_path))
        return os.path.join(glob.escape(path), DESCRIPTORS) if os.path.isdir(path) else path

    def folder_of(self, draft: Draft) -> str:
        """The absolute path of the folder named; empty where a file or a pattern is."""
        path = os.path.normpath(self._folder / os.path.expanduser(draft.folder_path))
        return path if draft.source == "folder" and os.path.isdir(path) else ""

    async def read_existing(self, draft: Draft) -> Existing:
        """What is taken over from a Backstage's settings; raises as ``existing.read_existing``."""
        path = os.path.expanduser(draft.backstage_path)
        return await asyncio.to_thread(read_existing, path, self._folder, self._rows)

    def unset(self, names: Iterable[str]) -> list[str]:
        """Those of ``names`` that the portal's environment does not have."""
        return [name for name in names if not self._environ.get(name)]

    async def check(self, draft: Draft) -> Verdict:
        """Look at the place that ``draft`` names. Never raises ``CallboardError``: what is wrong is the answer."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                match draft.source:
                    case "folder":
                        return await self._check_folder(draft)
                    case "backstage":
                        return await self._check_existing(draft)
                    case "github":
                        return await self._check_host(
                            "github", draft.github_host, draft.github_owner, draft.github_token
                        )
                    case "gitlab":
                        return await self._check_host(
                            "gitlab", draft.gitlab_host, draft.gitlab_owner, draft.gitlab_token
                        )
                    case _:
                        return Verdict("ok", "setup.check.nothing")
        except TimeoutError:
            return Verdict("bad", "setup.check.slow", [("n", int(PATIENCE_S))])
        except CallboardError as error:
            return Verdict("bad", "setup.check.failed", lines=[told_by(error)])

    async def _check_folder(self, draft: Draft) -> Verdict:
        target = self.target_of(draft)
        path = os.path.normpath(self._folder / os.path.expanduser(draft.folder_path))
        is_folder, named = target != path, [("path", path)]
        if not is_folder and not os.path.lexists(path) and not any(mark in path for mark in "*?[{"):
            return Verdict("bad", "setup.check.no_path", named)
        if not os.access(path, os.R_OK | (os.X_OK if is_folder else 0)) and os.path.lexists(path):
            return Verdict("bad", "setup.check.unreadable", named)
        found = await self._files.look(target)
        if not found.files and not found.problems:
            return (
                Verdict("warn", "setup.check.no_yaml", named)
                if is_folder
                else Verdict("bad", "setup.check.no_match", named)
            )
        count = sum(found.entities.values())
        if not count:
            return Verdict("bad", "setup.check.no_entity", [("n", found.files)], found.problems)
        kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(found.entities.items()))
        return Verdict(
            "warn" if found.problems else "ok",
            "setup.check.entities",
            [("n", count), ("files", found.files)],
            [kinds, *found.problems],
        )

    async def _check_existing(self, draft: Draft) -> Verdict:
        found = await self.read_existing(draft)
        lines = [f"{name}: {found.file}" for name in found.replaced]
        named: list[tuple[str, str | int]] = [("n", found.places), ("path", found.file)]
        if found.missing:
            return Verdict("warn", "setup.check.existing_missing", named, [*found.missing[:SHOWN_MISSING], *lines])
        if found.replaced:
            return Verdict("warn", "setup.check.existing_secrets", named, lines)
        return Verdict("ok", "setup.check.existing", named)

    async def _check_host(self, kind: str, host: str, owner: str, variable: str) -> Verdict:
        named: list[tuple[str, str | int]] = [("owner", owner), ("host", host), ("variable", variable)]
        if kind not in self._hosts:
            return Verdict("bad", "setup.check.no_integration", [("kind", kind)])
        if variable and self.unset([variable]):
            return Verdict("bad", "setup.check.unset", named)
        token = self._environ[variable].strip() if variable else None
        try:
            found = await self._hosts[kind].check(host=host, owner=owner, token=token)
        except BlockedAddress:
            return Verdict("bad", "setup.check.blocked", named)
        except NotAllowedError:
            return Verdict("bad", "setup.check.refused" if variable else "setup.check.refused_anonymous", named)
        except NotFoundError:
            return Verdict("bad", f"setup.check.unknown_{kind}", named)
        if found.repositories is None:
            return Verdict("ok", "setup.check.owner", [("name", found.name)])
        return Verdict("ok", "setup.check.owner_with", [("name", found.name), ("n", found.repositories)])


def told_by(error: CallboardError) -> str:
    """What an error says, with file and line where it knows the line."""
    return error.message if error.line is None else f"{error.file}:{error.line}: {error.message}"
