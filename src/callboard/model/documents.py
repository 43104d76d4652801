"""Bytes of a descriptor file to documents: split at ``---``, parse as YAML 1.2 core, refuse what is hostile.

Invariant: a chunk's bytes alone decide its value, so a chunk whose hash is known need not be parsed again.

Differences from PyYAML, all as Backstage reads YAML: ``on``, ``NO``, dates and ``1_000`` are text, ``012`` is 12, merge
keys (``<<``) are plain keys, a key given twice is an error, 1.0 is 1, integers beyond 2**53 lose digits as they do in
JavaScript, and unknown tags are ignored. NaN and infinities become null, as in JSON.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Iterator

import yaml12
import yaml_rs

from callboard.model import yaml_scan
from callboard.model.problems import FieldPath, Problem

_MARKER = re.compile(rb"^(---|\.\.\.)(?=[ \t\r\n]|\Z)", re.MULTILINE)
_TEXT_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_DIRECTIVE = re.compile(rb"^%[^\n]*$", re.MULTILINE)
_POSITION = re.compile(r"^(?:YAML parse error: )?(.*?) at byte \d+ line (\d+) column (\d+)$", re.DOTALL)
_BOM = b"\xef\xbb\xbf"
_MAX_SAFE = 2**53
_MANY_MARKS = re.compile(r"(?:[-?:][ \t]+){20}")
"""Collections opened one in the other on a single line: thousands of them overflow the parser's stack, so they are
counted by events first."""
_QUICK_LENGTH = 65_536
_TEXT_ONLY = -1
_UNALIKE_TEXTS = ("&", "*", "!", "%", "\r", "<<", "- - -", "? ", "?\n")
"""What the quick parser may read differently (anchors, tags, complex keys), or could not stand (many sequences on one
line). A text with any of it goes to the careful one, and so does one in which the quick parser found a number: it has
more ways to write them. Most texts have none of that. Plain searches: one pattern for all took longer than the parsing."""
_LARGE = 1024 * 1024  # from here on the number of values is counted before they are made
_NUL_ESCAPE = re.compile(r"\\(?:0|x00|u0000|U00000000)")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may hold. ``max_nodes`` counts the scalars and collections of one document, aliases written out."""

    max_bytes: int = 10 * 1024 * 1024
    max_depth: int = 100
    max_nodes: int = 500_000
    max_documents: int = 200_000


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Chunk:
    """One document as it stands in its file. ``line`` (from 1) is the line that ``data`` begins on."""

    data: bytes
    line: int

    @property
    def hash(self) -> bytes:
        """16 bytes that change when the document does, wherever it stands in the file."""
        return blake2b(self.data, digest_size=16).digest()

    @property
    def text(self) -> str:
        text = self.data.decode("utf-8")
        return text.replace("\r\n", "\n") if "\r" in text else text


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed chunk: its number among the file's documents, and its value or its problem."""

    index: int
    chunk: Chunk
    value: dict[str, Any] | None
    problem: Problem | None


def split_documents(content: bytes | str, limits: Limits = DEFAULT_LIMITS) -> list[Chunk] | Problem:
    """The documents of a file in order, without the empty ones; a ``Problem`` when the file as a whole is unusable.

    Costs one pass over the bytes. Markers count at the beginning of a line only, as YAML has it; directives are dropped.
    """
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    if len(data) > limits.max_bytes:
        return _file_problem(
            f"The file has {len(data):,} bytes, more than the {limits.max_bytes:,} allowed",
            "Split it into several files.",
        )
    if data.startswith(_BOM):
        data = data[3:]
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        return _file_problem("The file is not valid UTF-8", "Save it as UTF-8.", line, column)
    nul = data.find(b"\0")
    if nul != -1:
        line = data.count(b"\n", 0, nul) + 1
        column = nul - (data.rfind(b"\n", 0, nul) + 1) + 1
        return _file_problem("The file holds a NUL character", "Remove it; is this a text file?", line, column)
    chunks: list[Chunk] = []
    start, line = 0, 1
    for marker in _MARKER.finditer(data):
        _add(chunks, data[start : marker.start()], line)
        line += data.count(b"\n", start, marker.end())
        start = marker.end()
    _add(chunks, data[start:], line)
    if len(chunks) > limits.max_documents:
        return _file_problem(
            f"The file has {len(chunks):,} documents, more than the {limits.max_documents:,} allowed",
            "Split it into several files.",
        )
    return chunks


def _add(chunks: list[Chunk], data: bytes, line: int) -> None:
    if not is_blank(data):
        chunks.append(Chunk(data, line))


def is_blank(data: bytes) -> bool:
    """Whether a chunk holds nothing: blanks, comments, directives or a written null. Such documents are not counted."""
    stripped = data.lstrip()
    if stripped and stripped[0] not in b"#~nN%":
        return False
    lines = (_DIRECTIVE.sub(b"", line).split(b"#", 1)[0].strip() for line in data.split(b"\n"))
    return b" ".join(filter(None, lines)).decode("utf-8", "replace") in _TEXT_NULLS


def _file_problem(message: str, fix: str, line: int = 1, column: int = 1) -> Problem:
    return Problem("parse", message, name="InputError", line=line, column=column, fix=fix)


def iter_documents(content: bytes | str, limits: Limits = DEFAULT_LIMITS) -> Iterator[Document]:
    """Every document of a file with its number. A file that cannot be used as a whole is one document with a problem."""
    chunks = split_documents(content, limits)
    if isinstance(chunks, Problem):
        yield Document(0, Chunk(b"", 1), None, chunks)
        return
    index = 0
    for chunk in chunks:
        value = parse_document(chunk, limits)
        if value is None:
            continue
        if isinstance(value, Problem):
            yield Document(index, chunk, None, value)
        else:
            yield Document(index, chunk, value, None)
        index += 1


def parse_values(content: bytes | str, limits: Limits = DEFAULT_LIMITS) -> list[Any] | Problem:
    """The values of a YAML file whatever they are, nulls left out, or the first problem in it."""
    chunks = split_documents(content, limits)
    if isinstance(chunks, Problem):
        return chunks
    values: list[Any] = []
    for chunk in chunks:
        value = parse_text(chunk.text, chunk.line, limits)
        if isinstance(value, Problem):
            return value
        if value is not None:
            values.append(value)
    return values


def parse_document(chunk: Chunk, limits: Limits = DEFAULT_LIMITS) -> dict[str, Any] | Problem | None:
    """The mapping that a chunk holds, a ``Problem`` with line and column, or None for a null document. Never raises."""
    text = chunk.text
    value = parse_text(text, chunk.line, limits)
    if value is None or isinstance(value, Problem) or type(value) is dict:
        return value
    kind = "array" if isinstance(value, list) else _js_type(value)
    blank_lines = text[: len(text) - len(text.lstrip())].count("\n")
    return Problem(
        "parse",
        f"Expected object at root, got {kind}",
        name="TypeError",
        line=chunk.line + blank_lines,
        column=1,
        fix="A descriptor begins with keys such as apiVersion and kind.",
    )


def _js_type(value: Any) -> str:
    return "boolean" if isinstance(value, bool) else "number" if isinstance(value, (int, float)) else "string"


def parse_text(text: str, line: int = 1, limits: Limits = DEFAULT_LIMITS) -> Any:
    """Any one YAML document (also a list or a scalar) as JSON-like values, or a ``Problem``. Never raises.

    ``line`` is where ``text`` begins in its file. Aliases are counted before they are written out, so that a few
    hundred bytes cannot become gigabytes.
    """
    at = _CONTROL.search(text)
    if at is not None:
        row, column = yaml_scan.position(text, at.start())
        return Problem(
            "parse", f"Control character {ord(at.group()):#04x} is not allowed in YAML at line {line + row}, column {column}",
            name="YAMLParseError", line=line + row, column=column, fix="Remove it, or write it as an escape in double quotes.",
        )  # fmt: skip
    if "\\" in text and (at := _NUL_ESCAPE.search(text)) is not None:
        value = parse_carefully(text, line, limits)
        if isinstance(value, Problem) or not holds_nul(value):  # the escape stands in a comment, or in no double quotes
            return value
        row, column = yaml_scan.position(text, at.start())
        return _at("A text holds a NUL character", line + row, column, "Remove the escape: no database can store it.")
    if len(text) <= _QUICK_LENGTH and not _is_unalike(text):
        value = parse_quickly(text, limits)
        if value is not None:
            return value
    return parse_carefully(text, line, limits)


def holds_nul(value: Any) -> bool:
    """Whether a text or key anywhere in JSON-like ``value`` holds U+0000, which PostgreSQL cannot store."""
    todo = [value]
    while todo:
        value = todo.pop()
        if isinstance(value, str):
            if "\0" in value:
                return True
        elif isinstance(value, dict):
            todo += value.keys()
            todo += value.values()
        elif isinstance(value, list):
            todo += value
    return False


def parse_carefully(text: str, line: int = 1, limits: Limits = DEFAULT_LIMITS) -> Any:
    """``parse_text`` by the parser whose reading is the rule here, with every look for what is hostile."""
    if (
        _MANY_MARKS.search(text) is not None
        or len(text) > _LARGE
        or yaml_scan.may_hold_aliases(text)
        or yaml_scan.may_hold_duplicates(text)
    ):
        fault = yaml_scan.scan(text, max_nodes=limits.max_nodes, max_depth=limits.max_depth)
        if fault is not None:
            return _at(fault.message, line + fault.row, fault.column, fault.fix)
    try:
        value = yaml12.parse_yaml(text)
    except ValueError as error:
        return _syntax_problem(str(error), text, line)
    except RecursionError:
        return _at("The document is nested too deeply", line, 1, "Flatten it.")
    kind = type(value)
    if kind is str or value is None:
        return value
    try:
        budget = [limits.max_nodes]
        if kind is dict or kind is list:
            return _clean_collection(value, limits.max_depth, budget)
        return _clean(value, limits.max_depth, budget)
    except _TooMuch as error:
        return _at(str(error), line, 1, "Flatten it, or split it into several documents.")


def _is_unalike(text: str) -> bool:
    return any(part in text for part in _UNALIKE_TEXTS)


def parse_quickly(text: str, limits: Limits = DEFAULT_LIMITS) -> dict[str, Any] | None:
    """An ordinary mapping at half the cost; None for whatever is not ordinary, errors included.

    ``yaml_rs`` rejects keys given twice, which ``yaml12`` does not, so the look for them is saved as well. Measured and
    compared on every document of the corpus: ``tests/model/test_documents.py``.
    """
    try:
        value = yaml_rs.loads(text, parse_datetime=False)
    except ValueError:
        return None
    if type(value) is not dict:
        return None
    try:
        _clean_collection(value, limits.max_depth, [limits.max_nodes, _TEXT_ONLY])
    except (_TooMuch, _NotText):
        return None
    return value


def _at(message: str, line: int, column: int, fix: str | None) -> Problem:
    return Problem(
        "parse", f"{message} at line {line}, column {column}", name="YAMLParseError", line=line, column=column, fix=fix
    )


def _syntax_problem(error: str, text: str, line: int) -> Problem:
    match = _POSITION.match(error)
    message, row, column = (match[1], int(match[2]), int(match[3])) if match else (error, 1, 1)
    last = text.count("\n") + 1
    if row > last:
        row, column = last, 1
    fix = None
    at = text.split("\n")[row - 1]
    if "{%" in at or "{{" in at:
        fix = "This looks like the skeleton of a template. Register the file that it makes, not the skeleton."
    elif "mapping values are not allowed" in message:
        fix = "Quote the text if it holds ': ', or check the indentation."
    elif "unexpected character" in message:
        fix = "Quote the value."
    elif "unknown anchor" in message:
        fix = "Quote the value if it begins with *."
    if "recursion limit" in message:
        message, fix = "The document is nested too deeply", "Flatten it."
    return _at(message[:1].upper() + message[1:], line + row - 1, column, fix)


# ---- from YAML's values to JSON's --------------------------------------------------------------------------------------


class _TooMuch(Exception):
    pass


class _NotText(Exception):
    """A number, or a key that is not text: the careful parser's to read."""


def _clean_collection(value: Any, depth: int, budget: list[int]) -> Any:
    """``value`` in place, with text keys and JSON numbers. Most values are text and cost nothing but a look."""
    if depth <= 0:
        raise _TooMuch("The document is nested too deeply")
    budget[0] -= len(value)
    if budget[0] < 0:
        raise _TooMuch("The document holds too many values")
    if type(value) is dict:
        odd = False
        for key, child in value.items():
            if type(key) is not str:
                odd = True
            kind = type(child)
            if kind is str:
                continue
            if kind is dict or kind is list:
                _clean_collection(child, depth - 1, budget)
            elif child is not None and kind is not bool:
                value[key] = _clean(child, depth - 1, budget)
        if odd:
            if len(budget) > 1:
                raise _NotText
            renamed = {_key_text(key): child for key, child in value.items()}
            value.clear()
            value.update(renamed)
        return value
    for index, child in enumerate(value):
        kind = type(child)
        if kind is str:
            continue
        if kind is dict or kind is list:
            _clean_collection(child, depth - 1, budget)
        elif child is not None and kind is not bool:
            value[index] = _clean(child, depth - 1, budget)
    return value


def _clean(value: Any, depth: int, budget: list[int]) -> Any:
    kind = type(value)
    if len(budget) > 1 and kind is not dict and kind is not list:
        raise _NotText
    if kind is float:
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) < 2**63 else value  # larger integers cannot be written
    if kind is int:
        return value if -_MAX_SAFE <= value <= _MAX_SAFE else _clean(float(value), depth, budget)
    if kind is yaml12.Yaml:
        return _clean(value.value, depth, budget)
    if kind is dict or kind is list:
        return _clean_collection(value, depth, budget)
    return value


def _key_text(key: Any) -> str:
    """A key as JavaScript's ``toJSON`` of the ``yaml`` package writes it: numbers and booleans as text, null as empty."""
    if isinstance(key, str):
        return key
    if key is None:
        return ""
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, yaml12.Yaml):
        return _key_text(key.value) if not isinstance(key.value, (dict, list)) else _flow(key.value)
    if isinstance(key, float) and math.isfinite(key) and key.is_integer() and abs(key) < 1e21:
        return str(int(key))
    return str(key)


def _flow(value: Any, depth: int = 0) -> str:
    if depth > 100:
        raise _TooMuch("The document is nested too deeply")
    if isinstance(value, yaml12.Yaml):
        value = value.value
    if isinstance(value, dict):
        inner = (_flow(k, depth + 1) + ("" if v is None else f": {_flow(v, depth + 1)}") for k, v in value.items())
        return "{ " + ", ".join(inner) + " }"
    if isinstance(value, (list, tuple)):
        return "[ " + ", ".join(_flow(v, depth + 1) for v in value) + " ]"
    return _key_text(value)


# ---- where in the file -------------------------------------------------------------------------------------------------


def locate(chunk: Chunk, path: FieldPath) -> tuple[int, int]:
    """Line and column (from 1, in the whole file) of the value at ``path``, or of the nearest parent that exists.

    Meant for the unhappy case: it composes the document a second time. Where that fails it searches the text.
    """
    row, column = yaml_scan.find_path(chunk.text, path)
    return chunk.line + row, column
