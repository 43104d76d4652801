"""Judge descriptor files on disk as the catalog would, without a server, a database or the network."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, Literal, Mapping
from urllib.parse import unquote

import orjson

from callboard.features.catalog.processing.pipeline import Processed, ProcessingContext, process_document
from callboard.features.catalog.processing.placeholders import Content
from callboard.features.catalog.processing.rules import Rules
from callboard.model.documents import DEFAULT_LIMITS, Document, Limits, iter_documents, locate
from callboard.model.kinds import KindRegistry
from callboard.model.problems import Problem, format_field
from callboard.model.refs import LocationRef
from callboard.model.relations import Relation
from callboard.model.urls import DEFAULT_HOSTS, Hosts, UrlError, parse_url
from callboard.model.validation import EntityValidator

ReadUrl = Callable[[str], Content]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one document. ``problems`` is empty for a valid one, but for targets that cannot be read."""

    file: str
    index: int
    ref: str | None
    verdict: Literal["valid", "invalid"]
    problems: tuple[Problem, ...] = ()
    relations: tuple[Relation, ...] = ()
    location_targets: tuple[str, ...] = ()
    placeholder_reads: tuple[str, ...] = ()
    entity: Mapping[str, Any] | None = field(default=None, repr=False)

    def as_json(self) -> dict[str, Any]:
        """The line of ``callboard catalog validate --json``. Stable: keys are added, never renamed."""
        first = self.problems[0] if self.problems else None
        return {
            "file": self.file,
            "index": self.index,
            "ref": self.ref,
            "verdict": self.verdict,
            "stage": first.stage if first else None,
            "message": first.message if first else None,
            "line": first.line if first else None,
            "column": first.column if first else None,
            "field": format_field(first.field) if first and first.field else None,
            "fix": first.fix if first else None,
            "relations": [relation._asdict() for relation in sorted(self.relations)],
            "location_targets": list(self.location_targets),
        }


class ReadsError(ValueError):
    """The map of reads cannot be used; the message says why."""


class ReadsMap:
    """Answers reads from a map of URL to file (relative to the map), None being a read error.

    What the map does not name is a read error too, unless a default file answers it.
    """

    def __init__(self, files: Mapping[str, str | None], folder: Path, default: Path | None = None) -> None:
        self._files, self._folder, self._default = files, folder, default

    @classmethod
    def load(cls, path: Path | None, default: Path | None = None) -> ReadsMap:
        """From MAP.json; no map at all is an empty one.

        Raises:
            ReadsError: unreadable, or not an object from URL to text or null.
        """
        if default is not None and not default.is_file():
            raise ReadsError(f"{default}: no such file")
        if path is None:
            return cls({}, Path(), default)
        try:
            data = orjson.loads(path.read_bytes())
        except (OSError, orjson.JSONDecodeError) as error:
            raise ReadsError(f"{path}: {error}") from error
        if not isinstance(data, dict) or not all(v is None or isinstance(v, str) for v in data.values()):
            raise ReadsError(f"{path}: must be an object from URL to file or null")
        return cls(data, path.parent, default)

    def __call__(self, url: str) -> Content:
        if url in self._files:
            name = self._files[url]
            return FileNotFoundError(url) if name is None else _read_path(self._folder / name)
        return FileNotFoundError(url) if self._default is None else _read_path(self._default)


def _read_path(path: Path) -> Content:
    try:
        return path.read_bytes()
    except OSError as error:
        return error


class _BesideFile:
    """Reads what lies beside the file on disk; for a base URL, what the URL names below the folder of that URL."""

    def __init__(self, file: Path, base_url: str | None) -> None:
        self._folder = file.resolve().parent
        self._base = _url_path(base_url) if base_url else None

    def __call__(self, url: str) -> Content:
        if self._base is None:
            if "://" in url:
                return PermissionError(f"{url}: validate does not use the network; answer it with --reads")
            return _read_path(Path(url))
        path = _url_path(url)
        if path is None or path[0] != self._base[0]:
            return PermissionError(f"{url}: validate does not use the network; answer it with --reads")
        relative = posixpath.relpath(path[1], posixpath.dirname(self._base[1]))
        return _read_path(self._folder / relative)


def _url_path(url: str) -> tuple[str, str] | None:
    """Host and path with ``blob`` and ``tree`` taken for the same; None for no URL."""
    try:
        parsed = parse_url(url)
    except UrlError:
        return None
    return parsed.host, unquote(parsed.path.replace("/blob/", "/tree/", 1))


def validate_files(
    files: Iterable[Path | str],
    *,
    base_url: str | None = None,
    read: ReadUrl | None = None,
    kinds: KindRegistry | None = None,
    rules: Rules | None = None,
    hosts: Hosts = DEFAULT_HOSTS,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[Verdict]:
    """A verdict on every document of ``files``, in order, each problem with its line and column.

    ``base_url`` is where the one file is said to lie; ``read`` answers placeholder reads (by default what lies beside
    the file). A file that cannot be read or holds no document raises nothing: the first gives a verdict, the second none.
    """
    validator = EntityValidator(kinds or KindRegistry.built_in())
    for name in files:
        path = Path(name)
        yield from _validate_file(
            str(name), path, validator, base_url, read or _BesideFile(path, base_url), rules, hosts, limits
        )


def _validate_file(
    name: str, path: Path, validator: EntityValidator, base_url: str | None, read: ReadUrl, rules: Rules | None,
    hosts: Hosts, limits: Limits,
) -> Iterator[Verdict]:  # fmt: skip
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= limits.max_bytes else b""
    except OSError as error:
        yield Verdict(
            name, 0, None, "invalid", (Problem("parse", f"Cannot read the file: {error.strerror}", line=1, column=1),)
        )
        return
    if size > limits.max_bytes:
        message = f"The file has {size:,} bytes, more than the {limits.max_bytes:,} allowed"
        yield Verdict(
            name, 0, None, "invalid", (Problem("parse", message, line=1, column=1, fix="Split it into several files."),)
        )
        return
    location = LocationRef("url", base_url) if base_url else LocationRef("file", str(path.resolve()))
    allowed = ("url",) if base_url else None
    context = ProcessingContext(validator, location, rules=rules, hosts=hosts, allowed_location_types=allowed)
    for document in iter_documents(content, limits):
        yield judge(name, document, context, read)


def judge(file: str, document: Document, context: ProcessingContext, read: ReadUrl) -> Verdict:
    """The verdict on one document, its placeholder reads answered by ``read``."""
    if document.problem is not None:
        return Verdict(file, document.index, None, "invalid", (document.problem,))
    plan = context.plan_chunk(document.chunk, document.value)
    contents = {url: read(url) for url in plan.urls}
    result = process_document(document.value, context, contents, plan)
    problems = tuple(_placed(problem, document) for problem in result.problems)
    reads = tuple(result.placeholder_reads)
    if not isinstance(result, Processed):
        return Verdict(file, document.index, result.ref, "invalid", problems, placeholder_reads=reads)
    return Verdict(
        file, document.index, result.ref, "valid", problems, tuple(result.relations),
        tuple(str(target.ref) for target in result.location_targets), reads, result.entity,
    )  # fmt: skip


def _placed(problem: Problem, document: Document) -> Problem:
    return problem if problem.line is not None else problem.at(*locate(document.chunk, problem.field))
