"""From the text of a template to pieces: plain text, ``${{ }}`` and ``{% %}`` tags; and from a tag to its tokens.

A tag ends at the first end mark that does not stand in a string or a regular expression, braces or not: ``}}`` closes
``${{ {a: {b: 1}} }}`` early, in Backstage as here.
"""

from __future__ import annotations

import re
from typing import Iterator, NamedTuple

from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.options import Options
from callboard.features.scaffolder.language.regex import compile_pattern
from callboard.features.scaffolder.language.text import WHITESPACE

MAX_PATTERN = 16_384
_BLANK = re.compile("[ \t\n\r\xa0]*")
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_MEMBER_NAME = re.compile("[0-9]*[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?")
_STRING = re.compile(r""""[^"\\]*(?:\\[\s\S][^"\\]*)*"|'[^'\\]*(?:\\[\s\S][^'\\]*)*'""")
_ESCAPE = re.compile(r"\\([\s\S])")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}
_OPERATOR = re.compile(r"===|!==|\*\*|//|==|!=|<=|>=|[()\[\]{}.,:|~+\-*/%<>=]")
_SPACE_CLASS = "[" + re.escape(WHITESPACE) + "]"
_SPACES = re.compile(_SPACE_CLASS + "*")
_RAW_MARK = {
    name: re.compile(r"\{%" + _SPACE_CLASS + "*(end)?" + name + _SPACE_CLASS + r"*%\}") for name in ("raw", "verbatim")
}
_MARKS = {
    False: re.compile(r"\$\{\{|\{%|\{#|#\}"),
    True: re.compile(r"\{\{|\{%|\{#|#\}"),
}
_CLOSING = {"{%": "%}", "{#": "#}"}


class Token(NamedTuple):
    """``kind`` is name, number, string, regex, op or end. A regex has ``source/flags`` as its value."""

    kind: str
    value: str
    at: int
    end: int


class Piece(NamedTuple):
    """``kind`` is text, output or tag; text has ``text``, the others ``tokens``, which end with one of kind end."""

    kind: str
    at: int
    text: str
    tokens: list[Token]


def pieces_of(source: str, options: Options) -> Iterator[Piece]:
    """The pieces of a template in order, with white space dropped where its tags say so.

    Raises:
        Problem: A tag, comment or raw region has no end, or something in a tag is no token.
    """
    return _Scanner(source, options).pieces()


class _Scanner:
    def __init__(self, source: str, options: Options) -> None:
        self.source = source
        self.options = options
        self.at = 0
        self.pending = ""
        self.pending_at = 0
        self.line_seen = 0
        self.line_has_content = False
        self.tokens_left = options.limits.tokens

    def pieces(self) -> Iterator[Piece]:
        source = self.source
        mark_pattern = _MARKS[self.options.cookiecutter]
        while True:
            mark = mark_pattern.search(source, self.at)
            if mark is None:
                self.add_text(self.at, len(source))
                break
            if mark[0] == "#}":
                raise Problem("A comment ends here that never began.", kind="syntax", offset=mark.start())
            self.add_text(self.at, mark.start())
            if mark[0] == "{%" and self.options.lstrip_blocks:
                self.strip_indent(mark.start())
            at = mark.end()
            if source.startswith("-", at):
                self.pending = self.pending.rstrip(WHITESPACE)
                at += 1
            yield from self.text_piece()
            yield from self.comment(mark.start(), at) if mark[0] == "{#" else self.tag(mark[0], mark.start(), at)
        yield from self.text_piece()

    def add_text(self, start: int, end: int) -> None:
        if not self.pending:
            self.pending_at = start
        self.pending += self.source[start:end]

    def text_piece(self) -> Iterator[Piece]:
        if self.pending:
            yield Piece("text", self.pending_at, self.pending, [])
            self.pending = ""

    def strip_indent(self, at: int) -> None:
        """Blanks before a tag that stands first in its line go."""
        passed = self.source[self.line_seen : at]
        newline = passed.rfind("\n")
        if newline >= 0:
            self.line_has_content = False
        self.line_has_content = self.line_has_content or passed[newline + 1 :].strip(WHITESPACE) != ""
        self.line_seen = at
        start = self.pending.rfind("\n") + 1
        if not self.line_has_content and not self.pending[start:].strip(WHITESPACE):
            self.pending = self.pending[:start]

    def comment(self, start: int, at: int) -> Iterator[Piece]:
        end = self.source.find("#}", at)
        if end < 0:
            raise Problem("This comment has no end: '#}' is missing.", kind="syntax", offset=start)
        self.at = end + 2
        if self.source[end - 1] == "-":
            self.skip_spaces()
        yield from ()

    def skip_spaces(self) -> None:
        found = _SPACES.match(self.source, self.at)
        assert found is not None
        self.at = found.end()

    def skip_newline(self) -> None:
        for newline in ("\r\n", "\n"):
            if self.source.startswith(newline, self.at):
                self.at += len(newline)
                return

    def tag(self, opening: str, start: int, at: int) -> Iterator[Piece]:
        closing = _CLOSING.get(opening, "}}")
        tokens, end = tokens_of(self.source, start, at, closing, self.tokens_left)
        self.tokens_left -= len(tokens)
        self.at = end + len(closing)
        trims = self.source[end - 1] == "-"
        if opening == "{%" and tokens[0].value in _RAW_MARK and tokens[0].kind == "name":
            self.raw(tokens, trims)
            return
        yield Piece("tag" if opening == "{%" else "output", start, "", tokens)
        if trims:
            self.skip_spaces()
        elif opening == "{%" and self.options.trim_blocks:
            self.skip_newline()

    def raw(self, tokens: list[Token], trims: bool) -> None:
        """Everything up to the matching end mark is text; regions of the same name may stand inside."""
        name = tokens[0].value
        if tokens[1].kind != "end":
            raise Problem(f"'{name}' takes nothing.", kind="syntax", offset=tokens[1].at)
        if self.options.trim_blocks:
            self.skip_newline()
        depth = 1
        for mark in _RAW_MARK[name].finditer(self.source, self.at):
            depth += -1 if mark[1] else 1
            if depth:
                continue
            if "\n" in mark[0]:
                raise Problem(f"The 'end{name}' tag must stand in one line.", kind="syntax", offset=mark.start())
            self.add_text(self.at, mark.start())
            self.at = mark.end()
            if trims:
                self.skip_spaces()
            return
        raise Problem(f"'{name}' has no end: 'end{name}' is missing.", kind="syntax", offset=tokens[0].at)


def tokens_of(source: str, start: int, at: int, closing: str, most: int) -> tuple[list[Token], int]:
    """The tokens, at most ``most``, from ``at`` to ``closing``, and where that stands; ``start``: where the tag begins."""
    tokens: list[Token] = []
    size = len(source)
    while True:
        blank = _BLANK.match(source, at)
        at = blank.end() if blank else at
        if source.startswith(closing, at):
            tokens.append(Token("end", "", at, at))
            return tokens, at
        if len(tokens) >= most:
            raise Problem("The template has too many tokens. Simplify it.", kind="limit", offset=at)
        if at >= size:
            raise Problem(f"This tag has no end: '{closing}' is missing.", kind="syntax", offset=start)
        if source[at] == "-" and source.startswith(closing, at + 1):
            tokens.append(Token("end", "", at, at))
            return tokens, at + 1
        token = _token(source, at, tokens[-1] if tokens else None)
        tokens.append(token)
        at = token.end


def _token(source: str, at: int, previous: Token | None) -> Token:
    after_dot = previous is not None and previous.kind == "op" and previous.value == "."
    name = (_MEMBER_NAME if after_dot else _NAME).match(source, at)
    if name:
        if name[0] == "r" and source.startswith("/", name.end()):
            return _regex(source, at)
        return Token("name", name[0], at, name.end())
    character = source[at]
    number = _NUMBER.match(source, at)
    if number:
        follower = source[number.end() : number.end() + 1]
        if follower.isascii() and (follower.isalpha() or follower == "_"):
            raise Problem("This is not a number.", kind="syntax", offset=at)
        return Token("number", number[0], at, number.end())
    if character in ('"', "'"):
        string = _STRING.match(source, at)
        if not string:
            raise Problem("This string has no end.", kind="syntax", offset=at)
        value = string[0][1:-1]
        if "\\" in value:
            value = _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), value)
        return Token("string", value, at, string.end())
    operator = _OPERATOR.match(source, at)
    if not operator:
        raise Problem(f"Unexpected {character!r}.", kind="syntax", offset=at)
    if (
        character == "."
        and source[at + 1 : at + 2] in _DIGITS
        and source[at + 1 : at + 2]
        and not _ends_operand(previous)
    ):
        raise Problem("A number begins with a digit.", kind="syntax", offset=at)
    return Token("op", operator[0], at, operator.end())


_DIGITS = "0123456789"


def _ends_operand(token: Token | None) -> bool:
    return token is not None and (token.kind != "op" or token.value in (")", "]", "}"))


def _regex(source: str, at: int) -> Token:
    """``r/…/flags``; a slash inside has a backslash before it."""
    backslashes = 0
    index = at + 2
    while index < len(source):
        character = source[index]
        if character == "/" and backslashes % 2 == 0:
            if backslashes:
                raise Problem("It is not clear whether this '/' ends the regular expression.", kind="syntax", offset=at)
            break
        backslashes = backslashes + 1 if character == "\\" else 0
        index += 1
        if index - at - 2 > MAX_PATTERN:
            raise Problem(f"A regular expression has at most {MAX_PATTERN:,} characters.", kind="syntax", offset=at)
    else:
        raise Problem("This regular expression has no end: '/' is missing.", kind="syntax", offset=at)
    end = index + 1
    while end < len(source) and source[end] in "gimy":
        end += 1
    flags = source[index + 1 : end]
    if len(set(flags)) != len(flags) or (source[end : end + 1].isascii() and source[end : end + 1].isalpha()):
        raise Problem("The flags of a regular expression are g, i, m and y, each once.", kind="syntax", offset=at)
    pattern = source[at + 2 : index]
    try:
        compile_pattern(pattern, flags)
    except Problem as problem:
        raise problem.at(at) from None
    return Token("regex", f"{pattern}/{flags}", at, end)
