"""From the text of a pattern to a tree: ECMAScript's grammar without the ``u`` flag, its web extensions included."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.regex.charset import (
    DIGIT,
    LINE_ENDS,
    SPACE,
    WORD,
    Ranges,
    inverted,
)

_MAX_NESTING = 100
_MAX_COUNT = 2**31
_QUANTIFIER = re.compile(r"\{([0-9]+)(?:(,)([0-9]*))?\}")
_GROUP_NAME = re.compile(r"<([A-Za-z_$][A-Za-z0-9_$]*)>")
_CLASS_ESCAPES: dict[str, Ranges] = {
    "d": DIGIT,
    "D": inverted(DIGIT),
    "w": WORD,
    "W": inverted(WORD),
    "s": SPACE,
    "S": inverted(SPACE),
}
_CONTROL_ESCAPES = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13}


@dataclass(slots=True)
class One:
    """One character out of a set."""

    ranges: Ranges
    negated: bool = False


@dataclass(slots=True)
class Assertion:
    """``^ $ b B``."""

    kind: str


@dataclass(slots=True)
class Look:
    body: Node
    behind: bool
    negative: bool
    first_group: int
    last_group: int


@dataclass(slots=True)
class Group:
    body: Node
    number: int


@dataclass(slots=True)
class Back:
    """A back reference, by number, or by name until the whole pattern is known."""

    target: int | str


@dataclass(slots=True)
class Repeat:
    body: Node
    low: int
    high: int | None
    greedy: bool
    first_group: int
    last_group: int


@dataclass(slots=True)
class Sequence:
    items: list[Node]


@dataclass(slots=True)
class Choice:
    items: list[Node]


Node = One | Assertion | Look | Group | Back | Repeat | Sequence | Choice


@dataclass(slots=True)
class Parsed:
    root: Node
    groups: int
    """Capturing groups; numbers begin at 1."""
    names: dict[str, int] = field(default_factory=dict)


def parse_pattern(source: str) -> Parsed:
    """Raises ``Problem`` (syntax) with what is wrong with the pattern."""
    return _Parser(source).parse()


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.groups = 0
        self.names: dict[str, int] = {}
        self.depth = 0
        self.total_groups, self.has_names = _count_groups(source)

    def parse(self) -> Parsed:
        root = self.choice()
        if self.at < len(self.source):
            self.fail("Unmatched ')'")
        self.resolve(root)
        return Parsed(root, self.groups, self.names)

    def fail(self, message: str) -> None:
        raise Problem(f"Invalid regular expression: {message}.", kind="syntax")

    def peek(self) -> str:
        return self.source[self.at : self.at + 1]

    def take(self, text: str) -> bool:
        if self.source.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def choice(self) -> Node:
        items = [self.sequence()]
        while self.take("|"):
            items.append(self.sequence())
        return items[0] if len(items) == 1 else Choice(items)

    def sequence(self) -> Node:
        items: list[Node] = []
        while self.at < len(self.source) and self.peek() not in "|)":
            items.append(self.term())
        return items[0] if len(items) == 1 else Sequence(items)

    def term(self) -> Node:
        first_group = self.groups
        character = self.peek()
        if character in ("^", "$"):
            self.at += 1
            return Assertion(character)
        if self.take("\\b") or self.take("\\B"):
            return Assertion(self.source[self.at - 1])
        atom = self.atom()
        if isinstance(atom, Look) and atom.behind:
            if self.peek() and (self.peek() in "*+?" or _QUANTIFIER.match(self.source, self.at)):
                self.fail("Nothing to repeat")
            return atom
        return self.quantified(atom, first_group)

    def quantified(self, atom: Node, first_group: int) -> Node:
        low, high = 1, 1
        unbounded = False
        if self.take("*"):
            low, unbounded = 0, True
        elif self.take("+"):
            unbounded = True
        elif self.take("?"):
            low = 0
        else:
            found = _QUANTIFIER.match(self.source, self.at)
            if not found:
                return atom
            self.at = found.end()
            low = _count(found[1])
            unbounded = bool(found[2]) and not found[3]
            high = _count(found[3]) if found[3] else low
            if not unbounded and high < low:
                self.fail("numbers out of order in {} quantifier")
        greedy = not self.take("?")
        return Repeat(atom, low, None if unbounded else high, greedy, first_group, self.groups)

    def atom(self) -> Node:
        character = self.peek()
        if character == "(":
            return self.group()
        if character == "[":
            return self.char_class()
        if character == "\\":
            return self.escape()
        if character in "*+?" or _QUANTIFIER.match(self.source, self.at):
            self.fail("Nothing to repeat")
        self.at += 1
        if character == ".":
            return One(LINE_ENDS, negated=True)
        return _literal(character)

    def group(self) -> Node:
        self.at += 1
        self.depth += 1
        if self.depth > _MAX_NESTING:
            self.fail("groups are nested too deeply")
        first = self.groups
        number = None
        look = None
        if self.take("?"):
            for opening, behind, negative in (("=", 0, 0), ("!", 0, 1), ("<=", 1, 0), ("<!", 1, 1)):
                if self.take(opening):
                    look = bool(behind), bool(negative)
                    break
            else:
                if not self.take(":"):
                    number = self.named()
        else:
            self.groups += 1
            number = self.groups
        body = self.choice()
        if not self.take(")"):
            self.fail("Unterminated group")
        self.depth -= 1
        if look is not None:
            return Look(body, look[0], look[1], first, self.groups)
        return body if number is None else Group(body, number)

    def named(self) -> int:
        found = _GROUP_NAME.match(self.source, self.at)
        if not found:
            self.fail("Invalid group")
        assert found is not None
        if found[1] in self.names:
            self.fail("Duplicate capture group name")
        self.at = found.end()
        self.groups += 1
        self.names[found[1]] = self.groups
        return self.groups

    def escape(self) -> Node:
        self.at += 1
        character = self.peek()
        if not character:
            self.fail("\\ at end of pattern")
        if character in "123456789":
            found = re.compile("[0-9]+").match(self.source, self.at)
            assert found is not None
            if len(found[0]) < 6 and int(found[0]) <= self.total_groups:
                self.at = found.end()
                return Back(int(found[0]))
        if character == "k" and self.has_names:
            named = _GROUP_NAME.match(self.source, self.at + 1)
            if not named:
                self.fail("Invalid named reference")
            assert named is not None
            self.at = named.end()
            return Back(named[1])
        found_set = _CLASS_ESCAPES.get(character)
        if found_set:
            self.at += 1
            return One(found_set)
        return _of_code(self.character_escape(in_class=False))

    def character_escape(self, *, in_class: bool) -> int:
        """The code unit of the escape that begins after the backslash."""
        character = self.source[self.at]
        self.at += 1
        if character in _CONTROL_ESCAPES:
            return _CONTROL_ESCAPES[character]
        if character == "c":
            letter = self.peek()
            if letter.isascii() and (letter.isalpha() or (in_class and letter and (letter.isdigit() or letter == "_"))):
                self.at += 1
                return ord(letter) % 32
            self.at -= 1
            return ord("\\")
        if character in "01234567":
            found = re.compile("[0-3][0-7]{0,2}|[4-7][0-7]?").match(self.source, self.at - 1)
            assert found is not None
            self.at = found.end()
            return int(found[0], 8)
        for letter, width in (("x", 2), ("u", 4)):
            if character == letter:
                digits = self.source[self.at : self.at + width]
                if len(digits) == width and all(c in "0123456789abcdefABCDEF" for c in digits):
                    self.at += width
                    return int(digits, 16)
        return ord(character)

    def char_class(self) -> Node:
        self.at += 1
        negated = self.take("^")
        ranges: list[tuple[int, int]] = []
        while not self.take("]"):
            low = self.class_atom()
            if self.peek() == "-" and self.source[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                high = self.class_atom()
                if isinstance(low, int) and isinstance(high, int):
                    if high < low:
                        self.fail("Range out of order in character class")
                    ranges.append((low, high))
                    continue
                ranges.extend([*_as_ranges(low), (45, 45), *_as_ranges(high)])
                continue
            ranges.extend(_as_ranges(low))
        return One(tuple(ranges), negated)

    def class_atom(self) -> int | Ranges:
        character = self.peek()
        if not character:
            self.fail("Unterminated character class")
        self.at += 1
        if character != "\\":
            return ord(character)
        escaped = self.peek()
        if not escaped:
            self.fail("\\ at end of pattern")
        if escaped in _CLASS_ESCAPES:
            self.at += 1
            return _CLASS_ESCAPES[escaped]
        if escaped == "b":
            self.at += 1
            return 8
        return self.character_escape(in_class=True)

    def resolve(self, root: Node) -> None:
        """Named references become numbers, now that all names are known."""
        pending = [root]
        while pending:
            node = pending.pop()
            if isinstance(node, (Sequence, Choice)):
                pending.extend(node.items)
            elif isinstance(node, (Group, Repeat, Look)):
                pending.append(node.body)
            elif isinstance(node, Back) and isinstance(node.target, str):
                if node.target not in self.names:
                    self.fail("Invalid named capture referenced")
                node.target = self.names[node.target]


def _count_groups(source: str) -> tuple[int, bool]:
    """Capturing groups in the whole pattern, and whether one has a name; back references depend on both."""
    count, named, in_class, at = 0, False, False, 0
    while at < len(source):
        character = source[at]
        if character == "\\":
            at += 1
        elif in_class:
            in_class = character != "]"
        elif character == "[":
            in_class = True
        elif character == "(":
            if source[at + 1 : at + 2] != "?":
                count += 1
            elif _GROUP_NAME.match(source, at + 2):
                count += 1
                named = True
        at += 1
    return count, named


def _count(digits: str) -> int:
    return min(int(digits[:12]), _MAX_COUNT)


def _literal(character: str) -> One:
    return _of_code(ord(character))


def _of_code(code: int) -> One:
    return One(((code, code),))


def _as_ranges(atom: int | Ranges) -> Ranges:
    return ((atom, atom),) if isinstance(atom, int) else atom
