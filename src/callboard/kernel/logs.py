"""Log events: a fixed phrase with fields, ``log.info("provider refreshed", provider=name, added=12)``.

The call shape is structlog's; the layer is our own because importing structlog costs more than the rest of the start.
Nothing secret leaves: values named in ``configure_logs(secrets=…)``, fields whose name says so, bearer tokens and
passwords in URLs are replaced before a line is written. What ``logging`` gets (uvicorn, libraries) comes out the same way.

Context variables carry correlation (``request_id``, ``job_id``) and nothing that a decision depends on.
"""

from __future__ import annotations

import io
import json as json_module
import logging
import re
import sys
import traceback
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Callable, Iterable, Iterator, Mapping, TextIO

LEVELS = {"debug": 10, "info": 20, "warning": 30, "warn": 30, "error": 40, "critical": 50}
_NAMES = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}
SECRET = "<secret>"

_SECRET_FIELD = re.compile(
    r"(^|[_-])(authorization|cookie|set-cookie|password|passwd|secret|token|api[_-]?key|private[_-]?key|credentials?)$",
    re.IGNORECASE,
)
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"([a-z][a-z0-9+.-]*://[^\s/:@]*):[^\s/@]+@", re.IGNORECASE)

_correlation: ContextVar[Mapping[str, Any]] = ContextVar("callboard_log_correlation", default=MappingProxyType({}))

Sink = Callable[[dict[str, Any]], None]


class _Output:
    """Where lines go. One a process, as with ``logging``: two portals in it share the stream, not the fields."""

    def __init__(self) -> None:
        self.level = LEVELS["warning"]
        self.json = False
        self.stream: TextIO | None = None
        self.secrets: re.Pattern[str] | None = None
        self.sinks: list[Sink] = []

    def write(self, event: dict[str, Any]) -> None:
        for sink in self.sinks:
            sink(event)
        stream = self.stream or sys.stderr
        line = _format_json(event) if self.json else _format_console(event)
        try:
            stream.write(line + "\n")
            stream.flush()
        except (OSError, ValueError):
            pass  # a closed terminal must not take the server down


_output = _Output()


class Logger:
    """Writes events of one ``name``. ``bind`` gives a logger whose fields go into every event."""

    __slots__ = ("_fields", "name")

    def __init__(self, name: str, fields: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self._fields = dict(fields or {})

    def bind(self, **fields: Any) -> Logger:
        return Logger(self.name, {**self._fields, **fields})

    def debug(self, event: str, **fields: Any) -> None:
        self._log(10, event, fields)

    def info(self, event: str, **fields: Any) -> None:
        self._log(20, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        self._log(30, event, fields)

    def error(self, event: str, **fields: Any) -> None:
        self._log(40, event, fields)

    def critical(self, event: str, **fields: Any) -> None:
        self._log(50, event, fields)

    def exception(self, event: str, **fields: Any) -> None:
        """An error with the traceback of the exception now handled."""
        self._log(40, event, {"exc_info": True, **fields})

    def _log(self, level: int, event: str, fields: dict[str, Any]) -> None:
        if level < _output.level:
            return
        _emit(level, self.name, event, {**self._fields, **fields})


def get_logger(name: str) -> Logger:
    """A logger; ``name`` is the module's, without ``callboard.`` in front."""
    return Logger(name.removeprefix("callboard."))


def configure_logs(
    json: bool = False,
    level: str = "info",
    *,
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Say how lines look from now on. May be repeated; the last call wins.

    ``level``: debug, info, warning, error or critical (``ValueError`` otherwise). ``stream`` None is standard error.
    ``secrets`` are texts to replace wherever they appear.
    """
    if level.lower() not in LEVELS:
        raise ValueError(f"{level!r} is not a log level; use debug, info, warning, error or critical")
    _output.level = LEVELS[level.lower()]
    _output.json = json
    _output.stream = stream
    texts = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
    _output.secrets = re.compile("|".join(re.escape(text) for text in texts)) if texts else None
    _redirect_logging()


@contextmanager
def bound_context(**fields: Any) -> Iterator[None]:
    """Put ``fields`` into every event logged inside, also by tasks started inside."""
    token = _correlation.set({**_correlation.get(), **fields})
    try:
        yield
    finally:
        _correlation.reset(token)


@contextmanager
def captured_logs(level: str = "debug") -> Iterator[list[dict[str, Any]]]:
    """The events logged inside, redacted, as dictionaries: for tests. Nothing is written meanwhile."""
    events: list[dict[str, Any]] = []
    before = (_output.level, _output.stream, list(_output.sinks))
    _output.level, _output.stream = LEVELS[level], io.StringIO()
    _output.sinks.append(events.append)
    try:
        yield events
    finally:
        _output.level, _output.stream, _output.sinks = before


def redact(value: Any, field: str = "") -> Any:
    """``value`` as it may be logged under the name ``field``."""
    if field and value is not None and not isinstance(value, bool) and _SECRET_FIELD.search(field):
        return SECRET
    if isinstance(value, str):
        return _redact_text(value)
    if isinstance(value, bytes):
        return _redact_text(value.decode("utf-8", "replace"))
    if isinstance(value, Mapping):
        return {str(key): redact(child, str(key)) for key, child in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redact(child) for child in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return _redact_text(str(value))


def _redact_text(text: str) -> str:
    if _output.secrets is not None:
        text = _output.secrets.sub(SECRET, text)
    if "://" in text:
        text = _URL_PASSWORD.sub(rf"\1:{SECRET}@", text)
    if " " in text:
        text = _BEARER.sub(rf"\1 {SECRET}", text)
    return text


def _emit(level: int, name: str, event: str, fields: dict[str, Any]) -> None:
    exc_info = fields.pop("exc_info", None)
    now = datetime.now(UTC)
    line: dict[str, Any] = {
        "at": f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z",
        "level": _NAMES.get(level, str(level)),
        "logger": name,
        "event": _redact_text(event),
    }
    for key, value in {**_correlation.get(), **fields}.items():
        line[key if key not in line else f"{key}_"] = redact(value, key)
    if exc_info:
        error = exc_info if isinstance(exc_info, BaseException) else sys.exc_info()[1]
        if isinstance(exc_info, tuple):
            error = exc_info[1]
        if error is not None:
            line["exception"] = _redact_text("".join(traceback.format_exception(error)).rstrip())
    _output.write(line)


def _format_json(event: dict[str, Any]) -> str:
    return json_module.dumps(event, ensure_ascii=False, separators=(",", ":"))


def _format_console(event: dict[str, Any]) -> str:
    rest = {key: value for key, value in event.items() if key not in ("at", "level", "logger", "event", "exception")}
    fields = " ".join(f"{key}={_format_field(value)}" for key, value in rest.items())
    head = f"{event['at'][11:23]} {event['level']:<8} {_one_line(event['event'])}"
    line = f"{head}  {fields}  [{event['logger']}]" if fields else f"{head}  [{event['logger']}]"
    return f"{line}\n{event['exception']}" if "exception" in event else line


def _format_field(value: Any) -> str:
    if isinstance(value, str):
        plain = value and all(char > " " and char != '"' and char.isprintable() for char in value)
        return value if plain else json_module.dumps(value, ensure_ascii=False)
    return json_module.dumps(value, ensure_ascii=False, default=str)


def _one_line(text: str) -> str:
    """Without control characters, so that nobody forges a second line."""
    return (
        text if text.isprintable() else "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
    )


class _FromLogging(logging.Handler):
    """Brings what libraries log into our lines."""

    def emit(self, record: logging.LogRecord) -> None:
        level = max(number for number in _NAMES if number <= max(record.levelno, 10))
        if level >= _output.level:
            try:
                message = record.getMessage()
            except (TypeError, ValueError):
                message = str(record.msg)
            _emit(level, record.name, message, {"exc_info": record.exc_info} if record.exc_info else {})


_QUIET = {"uvicorn": logging.WARNING, "httpx2": logging.WARNING, "httpcore2": logging.WARNING, "asyncio": logging.WARNING,
          "alembic": logging.WARNING, "watchfiles": logging.WARNING}  # fmt: skip


def _redirect_logging() -> None:
    root = logging.getLogger()
    if not any(isinstance(handler, _FromLogging) for handler in root.handlers):
        root.addHandler(_FromLogging())
    root.setLevel(max(_output.level, logging.INFO))
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(max(level, _output.level))
