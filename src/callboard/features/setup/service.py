"""Use cases of set-up: let one browser in, keep a draft, finish.

Invariant: finishing leaves either a settings file and an administrator, or neither. The file is written beside its place
first, the administrator is created, and only then the file gets its name, which fails where there is one already.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import secrets
import shlex
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from callboard.features.catalog.interface import CatalogQueries
from callboard.features.setup import store
from callboard.features.setup.checks import Checks
from callboard.features.setup.domain import (
    draft_of,
    draft_values,
    format_settings,
    logo_of,
    variables_of,
    without_tokens,
)
from callboard.features.setup.interface import Draft, Outcome, SetupClosed, SetupTokenRefused
from callboard.kernel.auth.actor import ANONYMOUS, SYSTEM
from callboard.kernel.auth.settings import listen_host
from callboard.kernel.auth.throttle import SignInThrottle
from callboard.kernel.clock import format_time, parse_time
from callboard.kernel.errors import CallboardError, ConflictError, UnavailableError
from callboard.kernel.policy import ADMIN_ROLE
from callboard.ui.look.logos import Logo

LIFETIME = timedelta(hours=24)
FILE_NAME = "app-config.yaml"
LOGO_NAME = "callboard-logo"
MAX_LOGOS = 100


class SettingsFileExists(ConflictError):
    """There is a file where the settings would be written; it stays as it is."""

    code = "setup.file_exists"


class Setup:
    """The ``SetupService`` of a portal, and what its pages need."""

    def __init__(self, portal: Any, checks: Checks, *, folder: Path) -> None:
        self._portal = portal
        self._checks = checks
        self._working_dir = folder
        self._throttle = SignInThrottle(portal.clock)
        self._finishing = asyncio.Lock()
        self._is_closed = bool(portal.demo or portal.settings.has_file)

    # ---- who may ---------------------------------------------------------------------------------------------------

    async def is_open(self) -> bool:
        """Whether there is anything to set up: no settings file, no user, no entity, no demo. Once closed, always closed."""
        if self._is_closed:
            return False
        has_users = bool(await self._portal.auth.users.list_users(actor=SYSTEM))
        self._is_closed = has_users or await self._portal.service(CatalogQueries).count(None, actor=SYSTEM) > 0
        return not self._is_closed

    async def make_token(self) -> str | None:
        if not await self.is_open():
            return None
        token = secrets.token_urlsafe(32)
        until = format_time(self._portal.clock.now() + LIFETIME)
        async with self._portal.db.write() as tx:
            await store.put_token(tx, _hash(token), until)
        return token

    async def exchange(self, token: str, *, address: str) -> str:
        """The session id for the cookie of whoever has the token; the browser that had one before is out.

        Raises ``SetupClosed``, ``SetupTokenRefused``, or ``LimitError`` after too many wrong ones from ``address``.
        """
        if not await self.is_open():
            raise SetupClosed
        key = f"setup {address}"
        self._throttle.require_free(key)
        state = await self._state()
        if state is None or self._is_over(state) or not hmac.compare_digest(state.token_hash, _hash(token)):
            self._throttle.failed(key)
            await self._portal.audit.record(None, "set-up-token", actor=ANONYMOUS, severity="medium", status="failed")
            raise SetupTokenRefused
        self._throttle.succeeded(key)
        session = secrets.token_urlsafe(32)
        async with self._portal.db.write() as tx:
            await store.put_session(tx, _hash(session))
            await self._portal.audit.record(tx, "set-up-begin", actor=ANONYMOUS, severity="medium")
        return session

    async def find_draft(self, session: str | None) -> Draft | None:
        """The draft, for the session that may see it; None for anybody else. Raises ``SetupClosed``."""
        if not await self.is_open():
            raise SetupClosed
        state = await self._state()
        if state is None or session is None or state.session_hash is None or self._is_over(state):
            return None
        return draft_of(state.draft) if hmac.compare_digest(state.session_hash, _hash(session)) else None

    async def _state(self) -> store.State | None:
        async with self._portal.db.read() as tx:
            return await store.find_state(tx)

    def _is_over(self, state: store.State) -> bool:
        return state.finished_at is not None or parse_time(state.expires_at) <= self._portal.clock.now()

    # ---- the draft -------------------------------------------------------------------------------------------------

    async def keep(self, draft: Draft) -> None:
        async with self._portal.db.write() as tx:
            await store.put_draft(tx, draft_values(without_tokens(draft)))

    @property
    def file(self) -> Path:
        """In the working directory, where a start looks for it; beside the data folder where that cannot be written."""
        if os.access(self._working_dir, os.W_OK):
            return self._working_dir / FILE_NAME
        return Path(os.path.abspath(self._portal.data_dir)).parent / FILE_NAME

    @property
    def command(self) -> str:
        """Starts the portal with what was written."""
        parts = ["callboard", "serve"]
        if self.file.parent != self._working_dir:
            parts += ["--config", str(self.file)]
        if self._portal.data_dir != Path("callboard-data"):
            parts += ["--data", str(self._portal.data_dir)]
        return shlex.join(parts)

    async def format(self, draft: Draft) -> str:
        """The settings file that finishing would write. Raises ``CallboardError`` where an existing one cannot be taken over."""
        existing = await self._checks.read_existing(draft) if draft.source == "backstage" else None
        settings = self._portal.settings
        port = settings.get("backend.listen.port") if isinstance(settings.get("backend.listen"), dict) else None
        return format_settings(
            draft,
            base_url=settings.get_str("app.baseUrl", settings.get_str("backend.baseUrl", "http://localhost:7007")),
            host=listen_host(settings),
            port=int(port or 7007),
            target=self._checks.target_of(draft) if draft.source == "folder" else "",
            existing=existing,
            folder=self._checks.folder_of(draft) if self._portal.plugins.has("proposals") else "",
            logo=logo.name if (logo := self._logo_file(draft)) else "",
        )

    def _logo_file(self, draft: Draft) -> Path | None:
        """Where the logo goes: beside the settings, under a name that is free or has this logo already."""
        logo = logo_of(draft)
        if logo is None:
            return None
        for n in range(1, MAX_LOGOS):
            path = self.file.with_name(f"{LOGO_NAME}{f'-{n}' if n > 1 else ''}{logo.suffix}")
            if not os.path.lexists(path) or _holds(path, logo):
                return path
        raise SettingsFileExists(f"There is no free name for the logo in {self.file.parent}.")

    # ---- the end ---------------------------------------------------------------------------------------------------

    async def finish(
        self, draft: Draft, *, session: str, name: str, password: str, display_name: str, request: Any = None
    ) -> Outcome:
        """Write the settings, create the administrator, void the token.

        Raises ``InputError`` (a bad name, a weak password), ``SettingsFileExists``, ``UnavailableError``, ``SetupClosed``;
        then nothing was done.
        """
        async with self._finishing:
            if not await self.is_open():
                raise SetupClosed
            text, file = await self.format(draft), self.file
            names = list(variables_of(draft))
            if draft.source == "backstage":
                names += (await self._checks.read_existing(draft)).replaced
            async with self._portal.db.write() as tx:
                if not await store.claim(tx, _hash(session), format_time(self._portal.clock.now())):
                    raise SetupClosed
            try:
                user = await self._write_all(file, text, draft, name=name, password=password, display_name=display_name)
            except BaseException:
                async with self._portal.db.write() as tx:
                    await store.release(tx)
                raise
            outcome = Outcome(str(file), self.command, user.ref, draft.source, tuple(self._checks.unset(names)))
            meta = {"file": str(file), "source": draft.source, "administrator": user.ref}
            async with self._portal.db.write() as tx:
                await store.put_outcome(tx, asdict(outcome))
                await self._portal.audit.record(
                    tx, "set-up-finish", actor=ANONYMOUS, severity="high", meta=meta, request=request
                )
            self._is_closed = True
            return outcome

    async def _write_all(
        self, file: Path, text: str, draft: Draft, *, name: str, password: str, display_name: str
    ) -> Any:
        staged = await asyncio.to_thread(_stage, file, text)
        users, drawn = self._portal.auth.users, None
        try:
            drawn = await asyncio.to_thread(_write_logo, self._logo_file(draft), logo_of(draft))
            user = await users.create_user(
                name, password=password, display_name=display_name or None, roles=(ADMIN_ROLE,), actor=SYSTEM
            )
            try:
                await asyncio.to_thread(_put_in_place, staged, file)
            except BaseException:
                await users.delete_user(user.name, actor=SYSTEM)
                raise
        except BaseException:
            if drawn is not None:
                with suppress(OSError):
                    drawn.unlink()
            raise
        finally:
            with suppress(OSError):
                staged.unlink()
        return user

    async def find_outcome(self, subject: str) -> Outcome | None:
        """What came of it, for the administrator who was made by it."""
        state = await self._state()
        if state is None or state.outcome is None or state.outcome.get("administrator") != subject:
            return None
        return Outcome(**{**state.outcome, "unset": tuple(state.outcome.get("unset", ()))})

    def begin_restart(self) -> None:
        """Let the portal run with what was written, where whoever started it can do that."""
        self._portal.restarting.begin(self.file)

    @property
    def is_restarting(self) -> bool:
        return bool(self._portal.restarting.has_begun)

    @property
    def restart_fault(self) -> str:
        """Why the settings that were written could not be started with; empty if they could, or were not tried."""
        return str(self._portal.restarting.fault)

    @property
    def is_in_effect(self) -> bool:
        """Whether the portal was started with a settings file."""
        return bool(self._portal.settings.has_file)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _stage(file: Path, text: str) -> Path:
    """The text in a file beside ``file``, on disk for good."""
    if os.path.lexists(file):
        raise _exists(file)
    staged = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        with staged.open("x", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        with suppress(OSError):
            staged.unlink()
        raise UnavailableError(
            f"{file} cannot be written: {error.strerror or error}. Start the portal in a folder that it may write to."
        ) from None
    return staged


def _holds(path: Path, logo: Logo) -> bool:
    with suppress(OSError):
        return path.is_file() and path.stat().st_size == len(logo.content) and path.read_bytes() == logo.content
    return False


def _write_logo(path: Path | None, logo: Logo | None) -> Path | None:
    """Write it; the file if it was not there before."""
    if path is None or logo is None or os.path.lexists(path):
        return None
    try:
        with path.open("xb") as out:
            out.write(logo.content)
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        raise UnavailableError(f"{path} cannot be written: {error.strerror or error}.") from None
    return path


def _put_in_place(staged: Path, file: Path) -> None:
    """Give the file its name; one that is there stays."""
    try:
        os.link(staged, file)
    except FileExistsError:
        raise _exists(file) from None
    except OSError:  # a file system without hard links
        try:
            with file.open("x", encoding="utf-8") as out:
                out.write(staged.read_text(encoding="utf-8"))
        except FileExistsError:
            raise _exists(file) from None
        except OSError as error:
            raise UnavailableError(f"{file} cannot be written: {error.strerror or error}.") from None


def _exists(file: Path) -> CallboardError:
    return SettingsFileExists(
        f"{file} is there already, and is not overwritten. Start the portal with it, or move it away and finish again."
    )
