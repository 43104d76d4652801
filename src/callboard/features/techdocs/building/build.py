"""One build: the site's own files, a configuration that runs none of them, ``mkdocs build``, and the metadata of what came out."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Sequence

import orjson

from callboard.features.techdocs.building.config import build_config
from callboard.features.techdocs.building.environment import clean_environment, work_folder
from callboard.features.techdocs.interface import Problem
from callboard.features.techdocs.published.reading import METADATA
from callboard.features.techdocs.settings import SourceLimits
from callboard.features.techdocs.sources.folder import SiteFolder
from callboard.features.techdocs.sources.selecting import CONFIGS, find_config
from callboard.kernel.clock import SystemClock
from callboard.kernel.errors import InputError, UnavailableError

TIMEOUT_S = 600.0
MAX_LINES = 400
MAX_LINE = 1_000
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What a terminal would obey: a site may say anything through mkdocs."""
MEMORY_BYTES = 4 * 1024**3


@dataclass(frozen=True, slots=True)
class Built:
    """``files`` as in the metadata; ``problems`` are what was left out of the configuration."""

    files: Sequence[str]
    problems: Sequence[Problem]


def build(
    source: Path, out: Path, python: Path, *, site_name: str, tell: Callable[[str], None], etag: str = "",
    plugins: frozenset[str] = frozenset(), keys: frozenset[str] = frozenset(), timeout_s: float = TIMEOUT_S,
    limits: SourceLimits | None = None,
) -> Built:  # fmt: skip
    """Build the site in ``source`` into ``out``, which is replaced as a whole once the build was good.

    ``tell`` is called with each line that mkdocs says, cut. Raises ``InputError`` where the site cannot be built,
    ``UnavailableError`` where it takes too long.
    """
    folder = SiteFolder(str(source), str(source), limits or SourceLimits(), docs_dir=None, all_below=False)
    files, problems = folder.read()
    config = find_config(files.keys())
    text, refused = build_config(
        files[config].decode("utf-8", "replace") if config else None, site_name=site_name, plugins=plugins, keys=keys
    )
    with work_folder() as work:
        place, site = Path(work, "source"), Path(work, "site")
        for path, content in files.items():
            if path in CONFIGS:
                continue
            file = place / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        _ensure_index(place, text)
        (place / "mkdocs.yml").write_text(text, encoding="utf-8")
        _run(
            [str(python), "-m", "mkdocs", "build", "-f", str(place / "mkdocs.yml"), "-d", str(site)],
            work,
            tell,
            timeout_s,
        )
        found = _write_metadata(site, text, etag)
        _replace(out, site)
    return Built(found, [*problems, *refused])


def _ensure_index(place: Path, config: str) -> None:
    """README.md stands in for a first page. Source: techdocs-node ``legacyCopyReadmeMdToIndexMd``."""
    from callboard.features.techdocs.sources.selecting import docs_dir_of

    docs = place / (docs_dir_of(config) or "docs")
    docs.mkdir(parents=True, exist_ok=True)
    if (docs / "index.md").exists():
        return
    for candidate in (docs / "README.md", docs / "readme.md", place / "README.md", place / "readme.md"):
        if candidate.is_file():
            shutil.copyfile(candidate, docs / "index.md")
            return


def _run(command: Sequence[str], work: str, tell: Callable[[str], None], timeout_s: float) -> None:
    process = subprocess.Popen(
        command, cwd=work, env=clean_environment(work), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True, preexec_fn=_limit,  # noqa: PLW1509 -- a command of one thread starts it
    )  # fmt: skip
    assert process.stdout is not None
    is_late = threading.Event()

    def end() -> None:
        is_late.set()
        _kill(process)

    timer = threading.Timer(timeout_s, end)
    timer.start()
    last: list[str] = []
    try:
        for count, raw in enumerate(process.stdout, start=1):
            line = _CONTROLS.sub("", raw[: MAX_LINE * 4].decode("utf-8", "replace")).rstrip()[:MAX_LINE]
            if count <= MAX_LINES:
                tell(line)
            elif count == MAX_LINES + 1:
                tell("… more was said; it is left out")
            last = [*last[-19:], line]
        status = process.wait()
    finally:
        timer.cancel()
        if process.poll() is None:
            _kill(process)
            process.wait()
        process.stdout.close()
    if is_late.is_set():
        raise UnavailableError(f"mkdocs did not finish within {timeout_s:g} s.")
    if status != 0:
        raise InputError("mkdocs could not build the site: " + ("\n".join(last) or f"it ended with {status}"))


def _kill(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _limit() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _write_metadata(site: Path, config: str, etag: str) -> Sequence[str]:
    """Source: techdocs-node ``createOrUpdateMetadata``, ``addBuildTimestampMetadata``, ``storeEtagMetadata``."""
    import yaml

    said = yaml.load(config, Loader=_NamesAsText)  # noqa: S506 -- a safe loader that knows two more tags
    found = sorted(
        path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file() and path.name != METADATA
    )
    metadata = {
        "site_name": said.get("site_name") or "",
        "site_description": said.get("site_description") or "",
        "build_timestamp": int(SystemClock().now().timestamp() * 1000),
        "files": [*found, METADATA],
        **({"etag": etag} if etag else {}),
    }
    (site / METADATA).write_bytes(orjson.dumps(metadata, option=orjson.OPT_INDENT_2))
    return [*found, METADATA]


def _loader() -> type:
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, suffix, node: suffix)
    return Loader


_NamesAsText = _loader()


def _replace(out: Path, site: Path) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.exists():
            if any(out.iterdir()) and not (out / METADATA).is_file():
                raise InputError(f"{out} holds something that is no built site. Name another folder with --out.")
            shutil.rmtree(out)
        shutil.copytree(site, out)
    except OSError as error:
        raise UnavailableError(f"{out} cannot be written: {error.strerror or error}.") from None
