"""What is wrong with a JSON text, in the words of V8 (JavaScript's engine), which Backstage's clients are shown.

Source: V8's messages ``kJsonParse…`` as Node 24 prints them; only run after a parser has refused the text.
"""

from __future__ import annotations

import re

_STRING_PART = re.compile(r'[^"\\\x00-\x1f]*')
_CONTEXT = 10  # characters shown on either side of an unexpected token; sources up to twice that are shown whole
_SPACE = " \t\n\r"


class _Fault(Exception):
    def __init__(self, text: str) -> None:
        self.text = text


def explain_json(text: str) -> str | None:
    """The message V8 gives for ``text``, or None where the text is valid JSON."""
    try:
        _Scanner(text).scan()
    except _Fault as fault:
        return fault.text
    return None


class _Scanner:
    """Walks the text once, without recursion, so that deep nesting costs no stack."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def scan(self) -> None:
        stack: list[str] = []
        self._spaces()
        while True:
            opened = self._value(stack)
            if opened:
                continue
            while stack:
                self._spaces()
                if self._separator(stack):
                    break
                stack.pop()
            else:
                self._spaces()
                if self.at < len(self.text):
                    raise _Fault(self._placed("Unexpected non-whitespace character after", "JSON"))
                return

    def _value(self, stack: list[str]) -> bool:
        """Read a value at the cursor; True where it opened an object or array that is not empty."""
        char = self._peek()
        if char == "{":
            self.at += 1
            self._spaces()
            if self._peek() == "}":
                self.at += 1
                return False
            stack.append("}")
            self._name("Expected property name or '}'")
            return True
        if char == "[":
            self.at += 1
            self._spaces()
            if self._peek() == "]":
                self.at += 1
                return False
            stack.append("]")
            return True
        if char == '"':
            self._string()
        elif char == "-" or self._digit():
            self._number()
        else:
            self._word()
        return False

    def _separator(self, stack: list[str]) -> bool:
        """After a value inside ``stack[-1]``: True where another value follows, False where it closed."""
        char, closing = self._peek(), stack[-1]
        if char == closing:
            self.at += 1
            return False
        if char != ",":
            what = "'}' after property value" if closing == "}" else "']' after array element"
            raise _Fault(self._placed(f"Expected ',' or {what}"))
        self.at += 1
        self._spaces()
        if closing == "}":
            self._name("Expected double-quoted property name")
        return True

    def _name(self, complaint: str) -> None:
        if self._peek() != '"':
            raise _Fault(self._placed(complaint))
        self._string()
        self._spaces()
        if self._peek() != ":":
            raise _Fault(self._placed("Expected ':' after property name"))
        self.at += 1
        self._spaces()

    def _string(self) -> None:
        self.at += 1
        while True:
            match = _STRING_PART.match(self.text, self.at)
            self.at = match.end() if match else self.at
            char = self._peek()
            if char == "":
                raise _Fault(self._placed("Unterminated string"))
            if char == '"':
                self.at += 1
                return
            if char != "\\":
                raise _Fault(self._placed("Bad control character in string literal"))
            self.at += 1
            escape = self._peek()
            if escape == "":
                raise _Fault("Unexpected end of JSON input")
            if escape == "u":
                self._unicode_escape()
            elif escape in '"\\/bfnrt':
                self.at += 1
            else:
                raise _Fault(self._placed("Bad escaped character"))

    def _unicode_escape(self) -> None:
        for _ in range(4):
            self.at += 1
            char = self._peek()
            if char == "" or char not in "0123456789abcdefABCDEF":
                raise _Fault(self._placed("Bad Unicode escape"))
        self.at += 1

    def _number(self) -> None:
        if self._peek() == "-":
            self.at += 1
            if not self._digit():
                raise _Fault(self._placed("No number after minus sign"))
        if self._peek() == "0":
            self.at += 1
            if self._digit():
                raise _Fault(self._placed("Unexpected number"))
        self._digits()
        if self._peek() == ".":
            self.at += 1
            if not self._digit():
                raise _Fault(self._placed("Unterminated fractional number"))
            self._digits()
        if self._peek() in ("e", "E"):
            self.at += 1
            if self._peek() in ("+", "-"):
                self.at += 1
            if not self._digit():
                raise _Fault(self._placed("Exponent part is missing a number"))
            self._digits()

    def _word(self) -> None:
        for word in ("true", "false", "null"):
            if self._peek() == word[0]:
                for expected in word:
                    if self._peek() != expected:
                        raise _Fault(self._unexpected())
                    self.at += 1
                return
        raise _Fault(self._unexpected())

    def _unexpected(self) -> str:
        char = self._peek()
        if char == "":
            return "Unexpected end of JSON input"
        if self.text == "undefined":  # V8 takes it for a variable that was never set
            return '"undefined" is not valid JSON'
        if self._digit() or char == "-":
            return self._placed("Unexpected number")
        if char == '"':
            return self._placed("Unexpected string")
        size, at = len(self.text), self.at
        if size <= 2 * _CONTEXT:
            shown = f'"{self.text}"'
        elif at < _CONTEXT:
            shown = f'"{self.text[: at + _CONTEXT]}"...'
        elif at < size - _CONTEXT:
            shown = f'..."{self.text[at - _CONTEXT : at + _CONTEXT]}"...'
        else:
            shown = f'..."{self.text[at - _CONTEXT :]}"'
        return f"Unexpected token '{char}', {shown} is not valid JSON"

    def _placed(self, complaint: str, joint: str = "in JSON") -> str:
        line = self.text.count("\n", 0, self.at) + 1
        column = self.at - (self.text.rfind("\n", 0, self.at) + 1) + 1
        return f"{complaint} {joint} at position {self.at} (line {line} column {column})"

    def _peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""

    def _digit(self) -> bool:
        char = self._peek()
        return char != "" and char in "0123456789"

    def _digits(self) -> None:
        while self._digit():
            self.at += 1

    def _spaces(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in _SPACE:
            self.at += 1
