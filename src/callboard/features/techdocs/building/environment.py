"""An environment of Python with ``mkdocs-techdocs-core``, made once below the data folder and used by every build."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import venv
from pathlib import Path
from typing import Callable, Sequence

from callboard.kernel.errors import InputError, UnavailableError

PACKAGE = "mkdocs-techdocs-core"
VERSION = "1.7.1"
"""What a build uses unless told otherwise. Released 2026."""
INSTALL_TIMEOUT_S = 600.0
MAX_TOLD = 4_000
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[A-Za-z0-9,._-]+\])?(?:[<>=!~]=?[A-Za-z0-9.*,<>=!~ -]+)?")


def environment_path(data: Path, version: str, plugins: Sequence[str] = ()) -> Path:
    import hashlib

    more = f"-{hashlib.sha256(repr(sorted(plugins)).encode()).hexdigest()[:8]}" if plugins else ""
    return data / "techdocs" / f"mkdocs-{version}{more}"


def ensure_environment(
    data: Path, *, version: str = VERSION, plugins: Sequence[str] = (), tell: Callable[[str], None], index_url: str | None = None
) -> Path:  # fmt: skip
    """The Python of the environment, made if it is not there yet. ``plugins`` are further packages, as pip names them.

    Raises ``InputError`` for names that are none, ``UnavailableError`` when pip cannot get the packages.
    """
    for name in (version, *plugins):
        if not _REQUIREMENT.fullmatch(name):
            raise InputError(f"{name!r} is no version or package.")
    place = environment_path(data, version, plugins)
    python = place / "bin" / "python"
    if (place / ".ready").is_file() and python.exists():
        return python
    place.parent.mkdir(parents=True, exist_ok=True)
    tell(f"Making an environment with {PACKAGE} {version} in {place} (once)")
    # Aside first, so that one that was broken off is never taken for whole.
    if place.exists():
        shutil.rmtree(place)
    try:
        venv.EnvBuilder(with_pip=True, symlinks=True).create(place)
        _install(python, [f"{PACKAGE}=={version}", *plugins], index_url)
        (place / ".ready").write_text(f"{PACKAGE}=={version}\n", encoding="utf-8")
    except (OSError, subprocess.SubprocessError) as error:
        shutil.rmtree(place, ignore_errors=True)
        raise UnavailableError(f"The environment for mkdocs cannot be made: {error}") from None
    except UnavailableError:
        shutil.rmtree(place, ignore_errors=True)
        raise
    return python


def _install(python: Path, packages: Sequence[str], index_url: str | None) -> None:
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet", *packages]
    if index_url:
        command += ["--index-url", index_url]
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("PIP_", "SSL_", "REQUESTS_"))
        or name.lower().endswith("_proxy")
        or name in ("PATH", "HOME", "LANG", "TMPDIR")
    }
    try:
        done = subprocess.run(
            command, env=kept, capture_output=True, timeout=INSTALL_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise UnavailableError(
            f"pip did not get {packages[0]} within {INSTALL_TIMEOUT_S:g} s. Is the package index reachable?"
        ) from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()[-MAX_TOLD:]
        raise UnavailableError(
            f"pip could not get {', '.join(packages)}. A build needs the package index once (or PIP_INDEX_URL for a mirror); "
            f"reading docs in Callboard needs no build. pip said: {said}"
        )


def clean_environment(home: str) -> dict[str, str]:
    """What a build sees: no secrets of who started it."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TZ") if name in os.environ}
    return {
        **kept,
        "HOME": home,
        "TMPDIR": home,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "NO_COLOR": "1",
        "NO_MKDOCS_2_WARNING": "true",
    }


def work_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="callboard-docs-build-")
