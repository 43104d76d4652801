"""``Settings``: look-ups with types, defaults and origins."""

from __future__ import annotations

import copy
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterable, Mapping, Sequence

from callboard.kernel.settings.durations import parse_duration
from callboard.kernel.settings.errors import SettingsError
from callboard.kernel.settings.positions import find_position
from callboard.kernel.settings.sources import Layer, default_files, format_path, merge, read_environment, read_layer

if TYPE_CHECKING:
    from callboard.kernel.settings.known import Setting

_REQUIRED: Any = object()
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_SECRET_NAME = re.compile(
    r"(token|secret|password|passwd|passphrase|privatekey|apikey|accountkey|signingkey|sharedkey|connectionstring|secretaccesskey"
    r"|encryptionkey|eventskey|integrationkey|servicekey|licensekey)$",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/:@]*:([^\s/@]+)@", re.IGNORECASE)
_MIN_SECRET_LENGTH = 6
"""Shorter values are not redacted: they would blank out half of every log line."""
_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}


@dataclass(frozen=True, slots=True)
class SettingSource:
    """Where a value was set. ``file`` is ``environment`` for an ``APP_CONFIG_`` variable; line and column from 1."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


def names_secret(path: Sequence[str | int]) -> bool:
    """Whether what stands at ``path`` goes by a name such as token or password, or below one."""
    return any(isinstance(part, str) and _SECRET_NAME.search(part) for part in path)


class Settings:
    """Read-only view of the merged settings, or of one section of them.

    Paths are dotted (``backend.listen.port``), list items have an index (``catalog.locations[0].target``), and a
    path may be given as a sequence where a key has dots. An explicit null counts as absent.
    """

    __slots__ = ("_data", "_declared", "_layers", "_path", "_warnings", "has_file", "strict")

    def __init__(
        self,
        data: Mapping[str, Any],
        *,
        layers: Sequence[Layer] = (),
        path: tuple[str | int, ...] = (),
        warnings: Sequence[str] = (),
        declared: frozenset[str] = frozenset(),
        strict: bool = False,
        has_file: bool = False,
    ) -> None:
        object.__setattr__(self, "_data", data)
        object.__setattr__(self, "_layers", tuple(layers))
        object.__setattr__(self, "_path", path)
        object.__setattr__(self, "_warnings", tuple(warnings))
        object.__setattr__(self, "_declared", declared)
        object.__setattr__(self, "strict", strict)
        object.__setattr__(self, "has_file", has_file)

    strict: bool
    has_file: bool
    _data: Mapping[str, Any]
    _layers: tuple[Layer, ...]
    _path: tuple[str | int, ...]
    _warnings: tuple[str, ...]
    _declared: frozenset[str]

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("settings cannot be changed")

    @classmethod
    def load(
        cls,
        config_files: Sequence[Path] = (),
        env: Mapping[str, str] | None = None,
        strict: bool = False,
        *,
        directory: Path | None = None,
    ) -> Settings:
        """Read ``config_files`` in order, or the default files of ``directory`` (the working directory) if none is named.

        Nothing there at all is fine: the settings are empty and ``has_file`` is False.

        Raises:
            SettingsError: a named file is missing, or one cannot be understood; with file, line and column.
        """
        env = os.environ if env is None else env
        for file in config_files:
            if str(file).startswith(("http:/", "https:/")):
                raise SettingsError(f"--config {file}: settings are read from files; download it first")
        files = [Path(file) for file in config_files] or default_files(directory or Path.cwd(), env)
        layers = [read_layer(file, env) for file in files]
        from_env = read_environment(env)
        if from_env is not None:
            layers.append(from_env)
        return cls(merge(layers), layers=layers, strict=strict, has_file=bool(files))

    @classmethod
    def of(cls, mapping: Mapping[str, Any] | None = None, *, has_file: bool = True, strict: bool = False) -> Settings:
        """Settings given in code, for tests and programs. Dotted keys are not expanded."""
        return cls(copy.deepcopy(dict(mapping or {})), has_file=has_file, strict=strict)

    def overlaid(self, mapping: Mapping[str, Any], *, name: str) -> Settings:
        """The same settings with ``mapping`` merged over them; ``name`` says where it came from (``command line``)."""
        layers = [*self._layers, Layer(name, None, "", mapping)] if self._layers else [
            Layer("settings", None, "", self._data), Layer(name, None, "", mapping)
        ]  # fmt: skip
        return Settings(
            merge(layers), layers=layers, warnings=self._warnings, declared=self._declared, strict=self.strict,
            has_file=self.has_file,
        )  # fmt: skip

    # ---- looking up --------------------------------------------------------------------------------------------------

    def get(self, path: str | Sequence[str | int], default: Any = None) -> Any:
        """The value at ``path`` as plain data (a copy), or ``default``."""
        value = self._find(path)
        return default if value is None else copy.deepcopy(value) if isinstance(value, (dict, list)) else value

    def has(self, path: str | Sequence[str | int]) -> bool:
        return self._find(path) is not None

    def get_str(self, path: str, default: Any = _REQUIRED) -> Any:
        """Text; numbers are written out. Without a default an absent key raises ``SettingsError``."""
        value = self._value(path, default)
        if value is default:
            return value
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise self.error(path, f"{path} must be text, not {_describe(value)}")
        return str(value)

    def get_int(self, path: str, default: Any = _REQUIRED) -> Any:
        value = self._value(path, default)
        if value is default:
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value == int(value):
            return int(value)
        if isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d+\s*", value):
            return int(value)
        raise self.error(path, f"{path} must be a whole number, not {_describe(value)}")

    def get_bool(self, path: str, default: Any = _REQUIRED) -> Any:
        value = self._value(path, default)
        if value is default or isinstance(value, bool):
            return value
        word = str(value).strip().lower() if isinstance(value, (str, int)) else ""
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        raise self.error(path, f"{path} must be true or false, not {_describe(value)}")

    def get_duration(self, path: str, default: Any = _REQUIRED) -> Any:
        """``{hours: 1}``, ``PT1H`` or ``30m`` as a ``timedelta``; a default may be written in those forms, too."""
        value = self._value(path, default)
        if value is None and default is None:
            return None
        try:
            return parse_duration(value)
        except ValueError as error:
            raise self.error(path, f"{path}: {error}") from None

    def get_list(self, path: str, default: Any = ()) -> list[Any]:
        """A list of plain values; a single text counts as a list of one, or of its comma-separated parts."""
        value = self._value(path, default)
        if isinstance(value, (list, tuple)):
            return copy.deepcopy(list(value))
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        raise self.error(path, f"{path} must be a list, not {_describe(value)}")

    def section(self, path: str | Sequence[str | int]) -> Settings:
        """The object at ``path`` as settings of their own; empty when absent. Raises ``SettingsError`` for other values."""
        value = self._find(path)
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise self.error(path, f"{_text(path)} must be an object, not {_describe(value)}")
        return self._at(value, (*self._path, *_steps(path)))

    def sections(self, path: str) -> list[Settings]:
        """The objects listed at ``path``, each as settings of its own; none when absent."""
        items = self._value(path, [])
        if isinstance(items, dict):
            items = [items]
        if not isinstance(items, (list, tuple)):
            raise self.error(path, f"{path} must be a list of objects, not {_describe(items)}")
        return [self.section((*_steps(path), index)) for index in range(len(items))]

    def keys(self) -> list[str]:
        return list(self._data)

    def as_dict(self) -> dict[str, Any]:
        """Everything in this view as plain data (a copy). It contains secrets: not for logs."""
        return copy.deepcopy(dict(self._data))

    # ---- origins, warnings, secrets ----------------------------------------------------------------------------------

    @property
    def path(self) -> str:
        """Dotted path of this view in the whole; empty for the whole."""
        return format_path(self._path)

    @property
    def files(self) -> list[str]:
        """The files read, in the order in which they were laid over each other."""
        return [layer.name for layer in self._layers if layer.file is not None]

    @property
    def warnings(self) -> list[str]:
        return list(self._warnings)

    def source_of(self, path: str | Sequence[str | int]) -> SettingSource | None:
        """Where the value at ``path`` was set last, or None where nothing set it or it came from code."""
        steps = (*self._path, *_steps(path))
        for layer in reversed(self._layers):
            if _dig(layer.data, steps) is None:
                continue
            line, column = find_position(layer.text, steps) or (None, None) if layer.file else (None, None)
            return SettingSource(layer.name, line, column)
        return None

    def error(self, path: str | Sequence[str | int], message: str) -> SettingsError:
        """An error about the value at ``path``, to be raised; it carries key, file, line and column."""
        source = self.source_of(path)
        field = format_path((*self._path, *_steps(path)))
        if source is None:
            return SettingsError(message, field=field)
        return SettingsError(message, field=field, file=source.file, line=source.line, column=source.column)

    def checked(self, rows: Iterable[Setting] = ()) -> Settings:
        """The same settings with a warning for each key that neither ``rows`` nor Backstage knows.

        Raises ``SettingsError`` for the first of them if the settings were loaded with ``strict``.
        """
        from callboard.kernel.settings.known import find_unknown_keys

        rows = tuple(rows)
        warnings = []
        for unknown in find_unknown_keys(self, rows):
            source = self.source_of(unknown.path)
            if self.strict:
                raise self.error(unknown.path, unknown.message.replace(", ignored", ""))
            warnings.append(f"{source}: {unknown.message}" if source else unknown.message)
        declared: set[str] = set()
        for row in rows:
            if row.type == "secret":
                _collect_declared(self._data, row.key.replace("[]", ".[]").split("."), declared)
        return Settings(
            self._data,
            layers=self._layers,
            path=self._path,
            warnings=warnings,
            declared=frozenset(declared),
            strict=self.strict,
            has_file=self.has_file,
        )

    @property
    def secrets(self) -> frozenset[str]:
        """Values that must not appear in logs: those under names like token or password, passwords inside URLs, and
        what ``checked`` was told is secret. Values shorter than six characters are left out.
        """
        found: set[str] = set(self._declared)
        _collect_secrets(self._data, False, found)
        return frozenset(found)

    def redacted(self) -> dict[str, Any]:
        """Everything as plain data with ``<secret>`` in place of secret values."""
        shown: dict[str, Any] = _redact(self._data, self.secrets)
        return shown

    def __repr__(self) -> str:
        return f"Settings({self.path or 'all'}: {', '.join(self._data) or 'empty'})"

    def _at(self, data: Mapping[str, Any], path: tuple[str | int, ...]) -> Settings:
        return Settings(
            data, layers=self._layers, path=path, declared=self._declared, strict=self.strict, has_file=self.has_file
        )

    def _find(self, path: str | Sequence[str | int]) -> Any:
        return _dig(self._data, _steps(path))

    def _value(self, path: str, default: Any) -> Any:
        value = self._find(path)
        if value is not None:
            return value
        if default is _REQUIRED:
            raise SettingsError(f"{format_path((*self._path, *_steps(path)))} is required and not set", field=path)
        return default


def _steps(path: str | Sequence[str | int]) -> tuple[str | int, ...]:
    if not isinstance(path, str):
        return tuple(path)
    return tuple(name or int(index) for name, index in _STEP.findall(path))


def _text(path: str | Sequence[str | int]) -> str:
    return path if isinstance(path, str) else format_path(path)


def _dig(value: Any, steps: Sequence[str | int]) -> Any:
    for step in steps:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step] if step < len(value) else None
        else:
            return None
    return value


def _describe(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, (list, tuple)):
        return "a list"
    return f"{type(value).__name__} {value!r}" if not isinstance(value, str) else f"the text {value!r}"


def _collect_secrets(value: Any, secret: bool, found: set[str]) -> None:
    if isinstance(value, dict):
        for key, child in value.items():
            _collect_secrets(child, secret or bool(_SECRET_NAME.search(str(key))), found)
    elif isinstance(value, (list, tuple)):
        for child in value:
            _collect_secrets(child, secret, found)
    elif isinstance(value, str):
        found.update(password for password in _URL_PASSWORD.findall(value) if len(password) >= _MIN_SECRET_LENGTH)
        if secret and len(value) >= _MIN_SECRET_LENGTH:
            found.add(value)


def _collect_declared(value: Any, parts: Sequence[str], found: set[str]) -> None:
    if not parts:
        if isinstance(value, str) and len(value) >= _MIN_SECRET_LENGTH:
            found.add(value)
        return
    children: list[Any] = []
    if isinstance(value, dict):
        children = list(value.values()) if parts[0] == "*" else [value[parts[0]]] if parts[0] in value else []
    elif isinstance(value, list) and parts[0] == "[]":
        children = value
    for child in children:
        _collect_declared(child, parts[1:], found)


def _redact(value: Any, secrets: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {key: _redact(child, secrets) for key, child in value.items()}
    if isinstance(value, list):
        return [_redact(child, secrets) for child in value]
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, "<secret>")
    return value
