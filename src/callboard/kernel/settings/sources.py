"""Files and environment variables in, one merged tree out, with the layers kept so that each value's origin is known.

Order, later wins: the ``--config`` files as given, or else ``app-config.yaml``, ``app-config.<env>.yaml`` for each name in
``BACKSTAGE_ENV``, ``app-config.local.yaml``, ``app-config.<env>.local.yaml``; then ``APP_CONFIG_a_b=value``.
Objects merge, arrays and scalars replace, an explicit null hides what came before.
Source: Backstage ``@backstage/config-loader`` 1.11.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Sequence

from callboard.kernel.settings.errors import SettingsError
from callboard.kernel.settings.positions import find_position

ENV_PREFIX = "APP_CONFIG_"
_ENV_PART = re.compile(r"[a-z][a-z0-9]*(?:-[a-z][a-z0-9]*)*", re.IGNORECASE)
_SUBSTITUTION = re.compile(r"(?<!\$)\$\{([^{}]+)\}")
_YAML12_AT = re.compile(r" at byte \d+ line (\d+) column (\d+)")
_INCLUDES = ("$env", "$file", "$include")
_PREDICATES = frozenset({"$all", "$any", "$not", "$in", "$contains", "$exists", "$hasPrefix"})
"""Operators of entity filters, which settings may carry as data."""
_MISSING: Any = object()
_MAX_INCLUDE_DEPTH = 20
MAX_FILE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Layer:
    """One source: a file, or the environment (``file`` None). ``text`` is the file as read, for positions."""

    name: str
    file: Path | None
    text: str
    data: Mapping[str, Any]


def default_files(directory: Path, env: Mapping[str, str]) -> list[Path]:
    """The files read when none is named, as far as they exist."""
    environments = [name.strip() for name in env.get("BACKSTAGE_ENV", "").split(",") if name.strip()]
    names = ["app-config.yaml", *(f"app-config.{name}.yaml" for name in environments)]
    names += ["app-config.local.yaml", *(f"app-config.{name}.local.yaml" for name in environments)]
    return [directory / name for name in names if (directory / name).is_file()]


def read_layer(file: Path, env: Mapping[str, str]) -> Layer:
    """Read one file with its includes and substitutions done. Raises ``SettingsError``."""
    text = _read_text(file, field=None, by=None)
    data = parse_yaml(text, file)
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise SettingsError(
            "settings must be an object (key: value), not a list or a plain value", file=str(file), line=1
        )
    resolved = _Resolver(file, text, env).resolve(data, file.parent, ())
    return Layer(str(file), file, text, {} if resolved is _MISSING else resolved)


def read_environment(env: Mapping[str, str]) -> Layer | None:
    """``APP_CONFIG_backend_listen=:8080``: ``_`` nests, values are JSON where they parse as JSON, else text."""
    data: dict[str, Any] = {}
    for name in sorted(env):
        if not name.startswith(ENV_PREFIX):
            continue
        parts = name[len(ENV_PREFIX) :].split("_")
        if not all(_ENV_PART.fullmatch(part) for part in parts):
            raise SettingsError(f"environment variable {name} does not name a key; write APP_CONFIG_backend_listen")
        try:
            value = json.loads(env[name])
        except ValueError:
            value = env[name]
        target = data
        for part in parts[:-1]:
            target = target.setdefault(part, {})
            if not isinstance(target, dict):
                raise SettingsError(f"environment variable {name} goes below a value that another variable sets")
        if isinstance(target.get(parts[-1]), dict) and not isinstance(value, dict):
            raise SettingsError(f"environment variable {name} replaces an object that another variable fills")
        target[parts[-1]] = value
    return Layer("environment", None, "", data) if data else None


def merge(layers: Sequence[Layer]) -> dict[str, Any]:
    """The layers laid over each other, later ones on top."""
    merged: dict[str, Any] = {}
    for layer in layers:
        merged = _merge_objects(merged, layer.data)
    return merged


def parse_yaml(text: str, file: Path) -> Any:
    """One YAML 1.2 document as plain values. Raises ``SettingsError`` with line and column."""
    import yaml12

    if not text.strip():
        return None
    try:
        documents = yaml12.parse_yaml(text, multi=True)
    except ValueError as error:
        message, line, column = str(error), None, None
        if at := _YAML12_AT.search(message):
            message, line, column = message[: at.start()], int(at[1]), int(at[2])
        raise SettingsError(message, file=str(file), line=line, column=column) from None
    if len(documents) > 1:
        raise SettingsError("a settings file holds one document; this one has several (---)", file=str(file))
    data = documents[0] if documents else None
    _refuse_tags(data, text, file, ())
    return data


def _merge_objects(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merge_objects(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _refuse_tags(value: Any, text: str, file: Path, path: tuple[str | int, ...]) -> None:
    if isinstance(value, dict):
        for key, child in value.items():
            if not isinstance(key, (str, int, float, bool)):
                raise _error("keys must be plain text", text, file, path)
            _refuse_tags(child, text, file, (*path, str(key)))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            _refuse_tags(child, text, file, (*path, index))
    elif hasattr(value, "tag"):
        raise _error(f"the YAML tag {value.tag} means nothing in settings", text, file, path)


def _error(message: str, text: str, file: Path, path: Sequence[str | int]) -> SettingsError:
    line, column = find_position(text, path) or (None, None)
    return SettingsError(message, field=format_path(path) or None, file=str(file), line=line, column=column)


def format_path(path: Sequence[str | int]) -> str:
    """``('catalog', 'locations', 0, 'target')`` as ``catalog.locations[0].target``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else str(part))
    return text


def _read_text(file: Path, *, field: str | None, by: tuple[str, Path, Sequence[str | int]] | None) -> str:
    """The file as text. ``by`` is (text, file, path) of the key that asked for it, to blame when it cannot be read."""

    def problem(message: str) -> SettingsError:
        if by is not None:
            return _error(message, by[0], by[1], by[2])
        return SettingsError(message, file=str(file), field=field)

    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise problem(f"{file} is larger than {MAX_FILE_BYTES // 1024 // 1024} MiB")
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise problem(f"there is no file {file}") from None
    except UnicodeDecodeError:
        raise problem(f"{file} is not UTF-8 text") from None
    except OSError as error:
        raise problem(f"{file} cannot be read: {error.strerror or error}") from None


class _Resolver:
    """Includes and substitutions of one top-level file; ``path`` is that of the key in this file, for messages."""

    def __init__(self, file: Path, text: str, env: Mapping[str, str]) -> None:
        self.file = file
        self.text = text
        self.env = env

    def resolve(self, value: Any, base: Path, path: tuple[str | int, ...], depth: int = 0) -> Any:
        """``value`` with includes and substitutions done, or ``_MISSING`` where an unset variable removes it."""
        if depth > _MAX_INCLUDE_DEPTH:
            raise _error("includes are nested too deeply; do they include each other?", self.text, self.file, path)
        if isinstance(value, str):
            return self.substitute(value)
        if isinstance(value, list):
            items = [self.resolve(item, base, (*path, index), depth) for index, item in enumerate(value)]
            return [item for item in items if item is not _MISSING]
        if isinstance(value, dict):
            sigils = [key for key in value if isinstance(key, str) and key.startswith("$") and key not in _PREDICATES]
            if sigils:
                return self._include(value, sigils[0], base, path, depth)
            pairs = ((str(key), self.resolve(child, base, (*path, str(key)), depth)) for key, child in value.items())
            return {key: child for key, child in pairs if child is not _MISSING}
        return value

    def substitute(self, text: str) -> Any:
        """``${NAME}`` and ``${NAME:-default}`` replaced; ``_MISSING`` if a variable is unset and has no default."""
        missing = False

        def value_of(found: re.Match[str]) -> str:
            nonlocal missing
            name, colon, default = found[1].partition(":-")
            value = self.env.get(name.strip())
            if value is not None:
                value = value.strip()
            if colon and not value:
                return default.strip()
            missing = missing or value is None
            return value or ""

        replaced = _SUBSTITUTION.sub(value_of, text)
        return _MISSING if missing else replaced.replace("$${", "${")

    def _include(self, value: dict[Any, Any], key: str, base: Path, path: tuple[str | int, ...], depth: int) -> Any:
        if key not in _INCLUDES:
            raise _error(f"{key} is unknown; includes are $env, $file and $include", self.text, self.file, (*path, key))
        if len(value) > 1:
            raise _error(f"{key} must be the only key of its object", self.text, self.file, (*path, key))
        argument = value[key]
        if not isinstance(argument, str):
            raise _error(f"{key} takes text", self.text, self.file, (*path, key))
        argument = self.substitute(argument)
        if argument is _MISSING:
            return _MISSING
        if key == "$env":
            found = self.env.get(argument)
            return _MISSING if found is None else found.strip()
        blame = (self.text, self.file, (*path, key))
        if key == "$file":
            return _read_text(base / argument, field=None, by=blame).rstrip()
        return self._include_part(base, argument, path, blame, depth)

    def _include_part(
        self,
        base: Path,
        argument: str,
        path: tuple[str | int, ...],
        blame: tuple[str, Path, Sequence[str | int]],
        depth: int,
    ) -> Any:
        name, _, dotted = argument.partition("#")
        file = base / name
        if file.suffix not in (".json", ".yaml", ".yml"):
            raise _error("$include reads .json, .yaml and .yml files", *blame)
        part = parse_yaml(_read_text(file, field=None, by=blame), file)
        for step in dotted.split(".") if dotted else ():
            if not isinstance(part, dict) or step not in part:
                raise _error(f"{file} has no key {dotted}", *blame)
            part = part[step]
        return self.resolve(part, file.parent, path, depth + 1)
