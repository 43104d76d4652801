"""``callboard doctor``: is everything in order, and if not, what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Iterator, Literal, Sequence

from callboard.cli.output import OK, PROBLEMS, UNAVAILABLE, print_json
from callboard.cli.serve import parse_listen
from callboard.cli.store import Target, open_server
from callboard.kernel.errors import CallboardError, UnavailableError

if TYPE_CHECKING:
    from callboard.app import Portal
    from callboard.kernel.settings import Settings

State = Literal["ok", "warn", "fail"]
MIN_FREE_BYTES = 500 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. ``fix`` says what to do when it is not ok."""

    name: str
    state: State
    detail: str
    fix: str | None = None


async def run_doctor(target: Target, *, as_json: bool) -> int:
    """Look, print, and give the exit code: 1 if anything failed, 3 if a server does not answer."""
    checks = await check_server(target) if target.url is not None else await check_store(target)
    if as_json:
        print_json({"ok": not _has_failed(checks), "checks": [asdict(check) for check in checks]})
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            print(f"{check.state:<4}  {check.name:<{width}}  {check.detail}")
            if check.fix and check.state != "ok":
                print(f"      {'':<{width}}  -> {check.fix}")
    if target.url is not None and checks[0].state == "fail":
        return UNAVAILABLE
    return PROBLEMS if _has_failed(checks) else OK


def _has_failed(checks: Sequence[Check]) -> bool:
    return any(check.state == "fail" for check in checks)


async def check_server(target: Target) -> list[Check]:
    """A server from outside: does it answer, is it ready, does it know the token."""
    checks = []
    async with open_server(target) as server:
        try:
            status = await server.status_of("/.backstage/health/v1/readiness")
        except UnavailableError as error:
            return [Check("server", "fail", str(error), "Is it running, and is the address right?")]
        ready: State = "ok" if status == 200 else "fail"
        checks.append(
            Check("server", ready, "ready" if status == 200 else f"not ready (status {status})", "Look at its logs.")
        )
        if target.token:
            status = await server.status_of("/api/actions/v1/actions")
            known = status == 200
            checks.append(
                Check(
                    "token",
                    "ok" if known else "fail",
                    "accepted" if known else f"refused (status {status})",
                    "Make a new one.",
                )
            )
    return checks


async def check_store(target: Target) -> list[Check]:
    """The local store, its settings and this machine. Goes as far as it can: without settings there is no database."""
    from callboard.kernel.logs import configure_logs
    from callboard.kernel.settings import Settings, SettingsError

    configure_logs(level="critical")
    checks = [_check_folder(target), *_check_disk(target)]
    try:
        settings = Settings.load(target.config)
    except SettingsError as error:
        return [
            Check("settings", "fail", str(error), "Correct the file; nothing else can be looked at before."),
            *checks,
        ]
    portal: Portal | None = None
    try:
        from callboard.app import create_portal

        portal = await create_portal(settings, data_dir=target.data)
    except CallboardError as error:
        checks.append(_failed_start(error))
    if portal is None:
        return [*_check_settings(settings), *checks, *_check_safety(settings), _check_git()]
    try:
        checks = [*_check_settings(portal.settings), *checks]
        for look in (_check_database, _check_migrations):
            checks.append(await _guarded(look, portal))
        checks += _check_plugins(portal)
        checks += _check_policy(portal)
        checks += _check_safety(portal.settings)
        checks.append(_check_git())
        return checks
    finally:
        await portal.close()


async def _guarded(look: Callable[[Portal], Awaitable[Check]], portal: Portal) -> Check:
    try:
        return await look(portal)
    except CallboardError as error:
        return Check(look.__name__.removeprefix("_check_"), "fail", str(error), "See the message.")


def _failed_start(error: CallboardError) -> Check:
    if isinstance(error, UnavailableError):
        return Check("database", "fail", str(error), "Is the database running, and is backend.database right?")
    return Check("start", "fail", str(error), "Correct what the message names; the portal does not start like this.")


def _check_settings(settings: Settings) -> Iterator[Check]:
    if not settings.has_file:
        yield Check("settings", "warn", "no settings file; defaults hold", "`callboard init` writes one to begin with.")
    else:
        yield Check("settings", "ok", ", ".join(settings.files))
    for warning in settings.warnings:
        yield Check("settings", "warn", warning, "Correct or remove the key.")


def _check_folder(target: Target) -> Check:
    folder = target.data
    fix = "Make it writable for the user that runs Callboard, or choose another with --data."
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-"):
            pass
    except OSError as error:
        return Check("data folder", "fail", f"{folder}: {error.strerror or error}", fix)
    return Check("data folder", "ok", f"{folder} can be written")


def _check_disk(target: Target) -> Iterator[Check]:
    try:
        free = shutil.disk_usage(target.data).free
    except OSError:
        return
    state: State = "ok" if free >= MIN_FREE_BYTES else "warn"
    yield Check("disk", state, f"{free // 1024 // 1024} MiB free", "Make room: a full disk stops every write.")


async def _check_database(portal: Portal) -> Check:
    async with portal.db.read() as tx:
        if portal.db.dialect == "sqlite":
            version = await tx.fetch_value("SELECT sqlite_version()")
            verdict = await tx.fetch_value("PRAGMA quick_check(1)")
            if verdict != "ok":
                return Check("database", "fail", f"SQLite says: {verdict}", "Restore the file from a backup.")
            return Check("database", "ok", f"SQLite {version}")
        version = await tx.fetch_value("SHOW server_version")
    return Check("database", "ok", f"PostgreSQL {version}")


async def _check_migrations(portal: Portal) -> Check:
    from callboard.kernel.db.migrations import check

    pending = await check(portal.db, portal.migrations)
    if not pending:
        return Check("migrations", "ok", "up to date")
    names = ", ".join(f"{one.name} lacks {len(one.versions)}" for one in pending)
    return Check(
        "migrations", "warn", names, "`callboard serve` applies them at its start, `callboard db upgrade` now."
    )


def _check_plugins(portal: Portal) -> Iterator[Check]:
    portal.plugins.check_manifests()
    for problem in portal.plugins.problems:
        state: State = "fail" if problem.severity == "error" else "warn"
        fix = f"Update or remove it, or switch it off: plugins.disabled: [{problem.plugin}]"
        yield Check("plugins", state, f"{problem.plugin}: {problem.message}", fix)
    others = [plugin.name for plugin in portal.plugins.plugins if plugin.is_enabled and not plugin.is_builtin]
    yield Check("plugins", "ok", f"in use: {', '.join(others)}" if others else "none besides the built-in features")


def _check_policy(portal: Portal) -> Iterator[Check]:
    for problem in portal.permissions.find_problems():
        yield Check("policy", "warn", problem, "Correct permission.policy.")


def _check_safety(settings: Settings) -> Iterator[Check]:
    """Settings that open more than most people mean to."""
    found = list(_unsafe(settings))
    yield from found
    if not found:
        yield Check("safety", "ok", "nothing is open that should not be")


def _unsafe(settings: Settings) -> Iterator[Check]:
    def flag(path: str) -> bool:
        return settings.get(path) in (True, "true")

    try:
        address = parse_listen(settings)
    except CallboardError as error:
        yield Check("safety", "fail", str(error), "Correct backend.listen.")
        return
    if flag("backend.auth.dangerouslyDisableDefaultAuthPolicy"):
        yield Check(
            "safety", "warn" if address.is_loopback else "fail", "backend.auth.dangerouslyDisableDefaultAuthPolicy lets everybody in",
            "Remove it; clients get tokens by `callboard token create`.",
        )  # fmt: skip
    if flag("auth.providers.guest.dangerouslyAllowOutsideDevelopment") and not address.is_loopback:
        yield Check(
            "safety",
            "warn",
            "guests may enter from other machines",
            "Remove auth.providers.guest unless that is meant.",
        )
    if settings.get("permission.enabled") in (False, "false") and not address.is_loopback:
        yield Check("safety", "warn", "permission.enabled is false: whoever signs in may do everything", "Remove it.")
    base_url = str(settings.get("app.baseUrl") or settings.get("backend.baseUrl") or "")
    if not address.is_loopback and base_url.startswith("http://"):
        yield Check(
            "safety",
            "warn",
            f"{base_url} is not encrypted",
            "Put a proxy with TLS in front and use https in app.baseUrl.",
        )
    for entry in settings.sections("backend.auth.externalAccess"):
        token = entry.get("options.token")
        if isinstance(token, str) and len(token) < 16:
            name = entry.get("options.subject", "a token")
            yield Check(
                "safety", "warn", f"the static token of {name} has only {len(token)} characters", "Use 32 random ones."
            )
    for name in settings.files:
        if settings.secrets and _is_readable_by_others(name):
            yield Check(
                "safety", "warn", f"{name} holds secrets and anybody on this machine can read it", f"chmod 640 {name}"
            )


def _is_readable_by_others(name: str) -> bool:
    try:
        return bool(os.stat(name).st_mode & 0o004)
    except OSError:
        return False


def _check_git() -> Check:
    git = shutil.which("git")
    if git is None:
        return Check("git", "warn", "not found", "Install git to read catalogs from git repositories.")
    try:
        told: Any = subprocess.run([git, "--version"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return Check("git", "warn", str(error), "Repair the installation of git.")
    return Check("git", "ok", told.stdout.strip().removeprefix("git version "))
