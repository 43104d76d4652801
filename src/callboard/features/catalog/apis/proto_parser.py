"""A parser of ``.proto`` files: proto2, proto3 and editions, as far as what a reader of an API wants to know.

Options are passed over but for ``deprecated``. It never raises anything but ``ProtoError``, and neither nesting nor length makes it
slow: one pass over the text. Grammar: protobuf.dev, "Language specification".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Iterator, NamedTuple, Sequence

MAX_DEPTH: Final = 64
MAX_LENGTH: Final = 2_000_000
_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
    r"""|(?P<word>[A-Za-z_.][\w.]*)|(?P<number>[+-]?(?:0[xX][0-9a-fA-F]+|\d[\w.+-]*))|(?P<mark>[{}()\[\]<>;=,:/|+-])""",
    re.DOTALL,
)


class ProtoError(Exception):
    """What cannot be read, with its place from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class Token(NamedTuple):
    kind: str
    text: str
    at: int
    told: str
    """The comment that stands right before."""


@dataclass(slots=True)
class ProtoField:
    """``label``: repeated, optional, required, map or nothing. ``oneof``: the choice that it is one of."""

    name: str
    type: str
    number: int
    label: str = ""
    oneof: str = ""
    description: str = ""
    is_deprecated: bool = False


@dataclass(slots=True)
class ProtoMessage:
    """``name`` with all that it stands in, the package included. ``reserved``: numbers as ranges, and names."""

    name: str
    description: str = ""
    fields: list[ProtoField] = field(default_factory=list)
    reserved: list[tuple[int, int]] = field(default_factory=list)
    reserved_names: list[str] = field(default_factory=list)
    is_deprecated: bool = False


@dataclass(slots=True)
class ProtoEnum:
    name: str
    description: str = ""
    values: dict[str, int] = field(default_factory=dict)
    deprecated: set[str] = field(default_factory=set)
    reserved: list[tuple[int, int]] = field(default_factory=list)


@dataclass(slots=True)
class ProtoRpc:
    name: str
    request: str
    response: str
    sends_stream: bool = False
    gets_stream: bool = False
    description: str = ""
    is_deprecated: bool = False


@dataclass(slots=True)
class ProtoService:
    name: str
    description: str = ""
    rpcs: list[ProtoRpc] = field(default_factory=list)


@dataclass(slots=True)
class ProtoFile:
    syntax: str = "proto2"
    package: str = ""
    imports: list[str] = field(default_factory=list)
    messages: dict[str, ProtoMessage] = field(default_factory=dict)
    enums: dict[str, ProtoEnum] = field(default_factory=dict)
    services: dict[str, ProtoService] = field(default_factory=dict)


def parse_proto(text: str) -> ProtoFile:
    """Raises ``ProtoError``."""
    if len(text) > MAX_LENGTH:
        raise ProtoError(f"The file has {len(text):,} characters; up to {MAX_LENGTH:,} are read", 1, 1)
    return _Parser(text).file()


def place_of(text: str, at: int) -> tuple[int, int]:
    """Line and column of an offset, from 1."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def _tokens(text: str) -> Iterator[Token]:
    at, told = 0, ""
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ProtoError(f"{text[at]!r} is not expected here", *place_of(text, at))
        kind = str(match.lastgroup)
        if kind == "comment":
            told = f"{told}\n{_comment(match[0])}" if told else _comment(match[0])
        elif kind == "space":
            if match[0].count("\n") > 1:
                told = ""  # a comment that stands apart belongs to nothing
        else:
            yield Token(kind, match[0], at, told)
            told = ""
        at = match.end()


def _comment(text: str) -> str:
    if text.startswith("//"):
        return text.lstrip("/").strip()
    lines = (line.strip().removeprefix("*").strip() for line in text[2:-2].split("\n"))
    return "\n".join(lines).strip()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: Sequence[Token] = list(_tokens(text))
        self._n = 0
        self._file = ProtoFile()

    # ---- tokens ---------------------------------------------------------------------------------------------------

    def _fail(self, message: str) -> ProtoError:
        at = self._tokens[self._n].at if self._n < len(self._tokens) else len(self._text.rstrip())
        return ProtoError(message, *place_of(self._text, at))

    def _peek(self) -> str:
        return self._tokens[self._n].text if self._n < len(self._tokens) else ""

    def _next(self) -> Token:
        if self._n >= len(self._tokens):
            raise self._fail("The file ends in the middle of something; is a } missing?")
        token = self._tokens[self._n]
        self._n += 1
        return token

    def _take(self, text: str) -> bool:
        if self._peek() != text:
            return False
        self._n += 1
        return True

    def _want(self, text: str) -> None:
        if not self._take(text):
            raise self._fail(f"{text} is expected here" + (f", not {self._peek()[:40]}" if self._peek() else ""))

    def _word(self, what: str) -> str:
        if self._n >= len(self._tokens) or self._tokens[self._n].kind != "word":
            raise self._fail(f"{what} is expected here" + (f", not {self._peek()[:40]}" if self._peek() else ""))
        return self._next().text

    def _number(self) -> int:
        sign = -1 if self._take("-") else 1
        token = self._next()
        try:
            return sign * (int(token.text, 8) if re.fullmatch(r"0[0-7]+", token.text) else int(token.text, 0))
        except ValueError:
            self._n -= 1
            raise self._fail(f"A number is expected here, not {token.text[:40]}") from None

    def _skip_statement(self) -> None:
        """To the next ``;`` or past a block, whatever stands in it."""
        depth = 0
        while True:
            text = self._next().text
            if text in "{[(":
                depth += 1
            elif text in "}])":
                depth -= 1
                if depth <= 0 and text == "}":
                    self._take(";")
                    return
            elif text == ";" and depth <= 0:
                return

    def _options(self) -> bool:
        """``[…]`` behind a field; whether it says deprecated."""
        if not self._take("["):
            return False
        depth, is_deprecated, before = 1, False, ("", "")
        while depth:
            text = self._next().text
            depth += (text in "[{") - (text in "]}")
            is_deprecated = is_deprecated or (*before, text) == ("deprecated", "=", "true")
            before = (before[1], text)
        return is_deprecated

    def _block_option(self) -> bool:
        """``option …;`` in a block; whether it says deprecated."""
        start = self._n
        self._skip_statement()
        return [t.text for t in self._tokens[start : start + 3]] == ["deprecated", "=", "true"]

    # ---- statements -----------------------------------------------------------------------------------------------

    def file(self) -> ProtoFile:
        file = self._file
        while self._n < len(self._tokens):
            token = self._next()
            match token.text:
                case "syntax" | "edition":
                    self._want("=")
                    told = self._next().text.strip("\"'")
                    file.syntax = told if token.text == "syntax" else f"edition {told}"
                    self._want(";")
                case "package":
                    file.package = self._word("A package name")
                    self._want(";")
                case "import":
                    if self._peek() in ("public", "weak", "option"):
                        self._next()
                    file.imports.append(self._next().text.strip("\"'"))
                    self._want(";")
                case ";":
                    pass
                case "option":
                    self._skip_statement()
                case "message" | "enum" | "service" | "extend":
                    self._definition(token, file.package, 0)
                case _:
                    self._n -= 1
                    raise self._fail(f"{token.text[:40]} begins nothing that a proto file holds")
        return file

    def _definition(self, token: Token, scope: str, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise self._fail("Messages are nested too deeply")
        name = self._word("A name")
        full = f"{scope}.{name}" if scope else name
        if token.text == "message":
            self._message(full, token.told, depth)
        elif token.text == "enum":
            self._enum(full, token.told)
        elif token.text == "service":
            self._service(full, token.told)
        else:
            self._skip_statement()

    def _message(self, name: str, told: str, depth: int) -> None:
        message = self._file.messages.setdefault(name, ProtoMessage(name, told))
        self._want("{")
        self._fields(message, "", depth)

    def _fields(self, message: ProtoMessage, oneof: str, depth: int) -> None:
        while not self._take("}"):
            token = self._next()
            following = self._tokens[self._n].kind if self._n < len(self._tokens) else ""
            after = self._tokens[self._n + 1].text if self._n + 1 < len(self._tokens) else ""
            match token.text:
                case ";":
                    pass
                case "option":
                    message.is_deprecated = self._block_option() or message.is_deprecated
                case "reserved" if after != "=":
                    self._reserved(message.reserved, message.reserved_names)
                case "extensions" if after != "=":
                    self._skip_statement()
                case "message" | "enum" | "extend" if following == "word" and after == "{":
                    self._definition(token, message.name, depth + 1)
                case "oneof" if following == "word" and after == "{":
                    name = self._word("A name")
                    self._want("{")
                    self._fields(message, name, depth)
                case _:
                    self._field(token, message, oneof, depth)

    def _field(self, token: Token, message: ProtoMessage, oneof: str, depth: int) -> None:
        label, told = "", token.told
        if token.text in ("repeated", "optional", "required") and self._peek() != "=":
            label, token = token.text, self._next()
        if token.kind != "word":
            self._n -= 1
            raise self._fail(f"A field is expected here, not {token.text[:40]}")
        type = token.text
        if type == "map" and self._take("<"):
            key = self._word("A type")
            self._want(",")
            type, label = f"map<{key}, {self._word('A type')}>", "map"
            self._want(">")
        if type == "group":
            name = self._word("A name")
            type = f"{message.name}.{name}"
        else:
            name = self._word("A name for the field")
        self._want("=")
        number = self._number()
        is_deprecated = self._options()
        message.fields.append(ProtoField(name, type, number, label, oneof, told, is_deprecated))
        if self._peek() == "{":  # a group, in proto2
            if depth > MAX_DEPTH:
                raise self._fail("Messages are nested too deeply")
            self._message(f"{message.name}.{name}", told, depth + 1)
        else:
            self._want(";")

    def _reserved(self, ranges: list[tuple[int, int]], names: list[str]) -> None:
        while not self._take(";"):
            token = self._next()
            if token.kind == "number" or token.text == "-":
                self._n -= 1
                low = self._number()
                high = low
                if self._take("to"):
                    high = 2**31 - 1 if self._take("max") else self._number()
                ranges.append((low, high))
            elif token.kind in ("text", "word"):
                names.append(token.text.strip("\"'"))
            elif token.text != ",":
                self._n -= 1
                raise self._fail(f"A number or a name is expected here, not {token.text[:40]}")

    def _enum(self, name: str, told: str) -> None:
        enum = self._file.enums.setdefault(name, ProtoEnum(name, told))
        self._want("{")
        while not self._take("}"):
            token = self._next()
            if token.text == ";":
                continue
            if token.text == "option" and self._peek() != "=":
                self._skip_statement()
            elif token.text == "reserved" and self._peek() != "=":
                self._reserved(enum.reserved, [])
            elif token.kind == "word":
                self._want("=")
                enum.values[token.text] = self._number()
                if self._options():
                    enum.deprecated.add(token.text)
                self._want(";")
            else:
                self._n -= 1
                raise self._fail(f"A value is expected here, not {token.text[:40]}")

    def _service(self, name: str, told: str) -> None:
        service = self._file.services.setdefault(name, ProtoService(name, told))
        self._want("{")
        while not self._take("}"):
            token = self._next()
            if token.text == "rpc":
                service.rpcs.append(self._rpc(token.told))
            elif token.text != ";":
                self._skip_statement()

    def _rpc(self, told: str) -> ProtoRpc:
        name = self._word("A name")
        request, sends = self._message_name()
        if not self._take("returns"):
            raise self._fail("returns is expected here")
        response, gets = self._message_name()
        rpc = ProtoRpc(name, request, response, sends, gets, told)
        if self._take("{"):
            while not self._take("}"):
                if self._next().text == "option":
                    rpc.is_deprecated = self._block_option() or rpc.is_deprecated
        else:
            self._want(";")
        return rpc

    def _message_name(self) -> tuple[str, bool]:
        self._want("(")
        name = self._word("A message")
        is_stream = name == "stream" and self._peek() != ")"
        if is_stream:
            name = self._word("A message")
        self._want(")")
        return name, is_stream
