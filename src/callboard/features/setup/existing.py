"""A Backstage's app-config.yaml, of which the catalog's part is taken over.

Values stay as written (``${NAME}`` is not looked up). What would break by standing in another file is mended: relative paths
become absolute. A secret written out is not copied: a variable takes its place, and its name is told.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterable, Sequence

from callboard.kernel.errors import InputError, NotFoundError, UnavailableError
from callboard.kernel.settings import Setting, Settings
from callboard.kernel.settings.sources import parse_yaml

MAX_BYTES = 4 * 1024 * 1024
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class Existing:
    """What is taken over. ``replaced`` are the variables that stand for secrets written out in the file."""

    file: str
    catalog: dict[str, Any]
    integrations: dict[str, Any]
    replaced: Sequence[str] = ()
    missing: Sequence[str] = ()
    """``file`` targets that do not exist here."""

    @property
    def places(self) -> int:
        """Locations and providers."""
        providers = self.catalog.get("providers")
        locations = self.catalog.get("locations")
        return (len(providers) if isinstance(providers, dict) else 0) + (
            len(locations) if isinstance(locations, list) else 0
        )


def read_existing(path: str, working_dir: Path, rows: Iterable[Setting] = ()) -> Existing:
    """The catalog's part of the settings at ``path``. ``rows`` tell which settings are secret.

    Raises ``NotFoundError``, ``UnavailableError`` or ``InputError`` (``SettingsError`` with its line), saying what to do.
    """
    file = working_dir / path
    try:
        if file.is_dir():
            raise InputError(f"{file} is a folder. Name the file in it, for example {file}/app-config.yaml.")
        if not file.is_file():
            raise NotFoundError(f"There is no file {file}.")
        if file.stat().st_size > MAX_BYTES:
            raise InputError(f"{file} is larger than {MAX_BYTES // 1024 // 1024} MiB, too large for settings.")
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{file} is not UTF-8 text.") from None
    except (OSError, ValueError) as error:
        raise UnavailableError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    data = parse_yaml(text, file)
    if not isinstance(data, dict):
        raise InputError(f"{file} holds no settings: it must be an object (key: value).")
    catalog, integrations = data.get("catalog"), data.get("integrations")
    if not isinstance(catalog, dict) or not catalog:
        raise InputError(f"{file} has no catalog part. Name the file that has one.")
    part = {"catalog": catalog, "integrations": integrations if isinstance(integrations, dict) else {}}
    mover = _Mover(file.resolve().parent, Settings.of(part).checked(rows).secrets)
    moved = mover.move(part, ())
    missing = _rebase(moved["catalog"], file.resolve().parent)
    return Existing(str(file), moved["catalog"], moved["integrations"], tuple(mover.replaced), tuple(missing))


class _Mover:
    def __init__(self, folder: Path, secrets: Iterable[str]) -> None:
        self._folder = folder
        self._secrets = tuple(secret for secret in secrets if "${" not in secret)
        self.replaced: list[str] = []

    def move(self, value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            if len(value) == 1 and (key := next(iter(value))) in ("$env", "$file", "$include"):
                named = value[key]
                is_path = key != "$env" and isinstance(named, str)
                return {key: os.path.normpath(self._folder / named) if is_path else named}
            return {str(key): self.move(child, (*path, str(key))) for key, child in value.items()}
        if isinstance(value, list):
            return [self.move(child, (*path, str(n))) for n, child in enumerate(value)]
        if isinstance(value, str) and any(secret in value for secret in self._secrets):
            name = _NOT_PLAIN.sub("_", "_".join(path)).strip("_").upper()
            self.replaced.append(name)
            return f"${{{name}}}"
        return value


def _rebase(catalog: dict[str, Any], folder: Path) -> list[str]:
    """Make ``file`` targets absolute, in place; those that do not exist.

    Backstage resolves them against its working directory, mostly ``packages/backend`` beside the file; ours is another.
    """
    missing = []
    locations = catalog.get("locations")
    for location in locations if isinstance(locations, list) else []:
        target = location.get("target") if isinstance(location, dict) and location.get("type") == "file" else None
        if not isinstance(target, str) or "${" in target:
            continue
        places = [os.path.normpath(base / target) for base in (folder, folder / "packages" / "backend")]
        location["target"] = next((place for place in places if _is_there(place)), places[0])
        if not _is_there(location["target"]):
            missing.append(location["target"])
    return missing


def _is_there(place: str) -> bool:
    return os.path.exists(re.split(r"[*?\[{]", place)[0] if re.search(r"[*?\[{]", place) else place)
