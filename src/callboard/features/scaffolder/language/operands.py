"""From tokens to operands: literals, names, brackets, members, subscripts, calls.

The methods are generators: what stands between brackets is yielded, and a loop with a stack of its own runs it. So the
depth of brackets costs no Python stack, and is bounded by the limit of depth alone.
"""

from __future__ import annotations

from typing import Any, Generator, NoReturn

from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.gathered import Gathered
from callboard.features.scaffolder.language.lexer import Token
from callboard.features.scaffolder.language.limits import too_much
from callboard.features.scaffolder.language.nodes.base import ArgumentList, Node
from callboard.features.scaffolder.language.nodes.expressions import (
    ArrayNode,
    Call,
    Group,
    Literal,
    Member,
    Name,
    ObjectNode,
    RegexLiteral,
    Slice,
)
from callboard.features.scaffolder.language.numbers import tidy
from callboard.features.scaffolder.language.values import RESERVED, to_string

Parse = Generator[Any, Any, Node]
Bounds = tuple[Node, Node, Node]

CONSTANTS = {"true": True, "false": False, "none": None, "null": None}
COMPUTED = "[]"
"""Stands among the names of members for those that are worked out at run time."""


class OperandParser:
    """Reads one tag's tokens from ``index`` on; ``expression`` is what stands between brackets."""

    def __init__(self, tokens: list[Token], gathered: Gathered, index: int = 0) -> None:
        self.tokens = tokens
        self.index = index
        self.token = tokens[index]
        self.gathered = gathered

    def run(self, first: Generator[Any, Any, Any]) -> Any:
        """Run a parse; what it yields is run before it goes on."""
        stack = [first]
        value: Any = None
        depth = self.gathered.limits.depth
        while stack:
            try:
                inner = stack[-1].send(value)
            except StopIteration as done:
                stack.pop()
                value = done.value
                continue
            if len(stack) > depth:
                raise too_much("levels of nesting", depth).at(self.token.at)
            stack.append(inner)
            value = None
        return value

    def expression(self) -> Parse:
        raise NotImplementedError

    # -- tokens

    def advance(self) -> Token:
        token = self.token
        if token.kind != "end":
            self.index += 1
            self.token = self.tokens[self.index]
        return token

    def next_is(self, value: str) -> bool:
        return self.index + 1 < len(self.tokens) and self.tokens[self.index + 1].value == value

    def take(self, operator: str) -> bool:
        if self.token.value != operator or self.token.kind != "op":
            return False
        self.advance()
        return True

    def take_name(self, name: str) -> bool:
        if self.token.value != name or self.token.kind != "name":
            return False
        self.advance()
        return True

    def expect(self, kind: str) -> Token:
        if self.token.kind != kind:
            self.fail(f"A {kind} is expected here")
        return self.advance()

    def expect_operator(self, operator: str) -> None:
        if not self.take(operator):
            self.fail(f"'{operator}' is expected here")

    def expect_end(self) -> None:
        if self.token.kind != "end":
            self.fail("The tag should end here")

    def fail(self, message: str, token: Token | None = None) -> NoReturn:
        at = token or self.token
        found = "" if message.endswith(".") else f", not {at.value!r}." if at.kind != "end" else ", and the tag ends."
        raise Problem(message + found, kind="syntax", offset=at.at)

    def check_name(self, token: Token) -> str:
        if token.value in RESERVED:
            self.fail(f'The name "{token.value}" is reserved.', token)
        return token.value

    def made(self, node: Node) -> Node:
        self.gathered.count(node)
        return node

    # -- operands

    def postfixed(self) -> Parse:
        node = yield from self.primary()
        path = [node.name] if isinstance(node, Name) else []
        at = node.at
        while self.token.kind == "op":
            if self.take("."):
                token = self.expect("name")
                node = self.member(node, Literal(token.at, self.check_name(token)), token.at)
                if path:
                    path.append(token.value)
            elif self.take("["):
                bracket = self.token.at
                subscript = yield self.subscript()
                self.expect_operator("]")
                key = subscript.value if isinstance(subscript, Literal) else None
                if isinstance(key, str) and path and key not in RESERVED:
                    path.append(key)
                else:
                    self.read(path, at)
                    path = []
                node = self.subscripted(node, subscript, bracket)
            elif self.take("("):
                if isinstance(node, Name):
                    self.gathered.calls.add(node.name)
                else:
                    self.read(path[:-1], at)
                path = []
                arguments = yield from self.arguments()
                node = self.made(Call(node.at, node, arguments))
            else:
                break
        self.read(path, at)
        return node

    def subscripted(self, target: Node, subscript: Node | Bounds, at: int) -> Node:
        if isinstance(subscript, tuple):
            return self.made(Slice(at, target, list(subscript)))
        if isinstance(subscript, Literal) and isinstance(subscript.value, str) and subscript.value in RESERVED:
            raise Problem(f'The name "{subscript.value}" is reserved.', kind="syntax", offset=at)
        return self.member(target, subscript, at)

    def member(self, target: Node, key: Node, at: int) -> Node:
        self.gathered.members.add(to_string(key.value) if isinstance(key, Literal) else COMPUTED)
        return self.made(Member(at, target, key))

    def read(self, path: list[str], at: int) -> None:
        """Note a path as read."""
        if path:
            self.gathered.reads.append((tuple(path), at))

    def subscript(self) -> Generator[Any, Any, Node | Bounds]:
        at = self.token.at
        start: Node = Literal(at, None)
        given = self.token.value != ":" or self.token.kind != "op"
        if given:
            if self.token.value == "]" and self.token.kind == "op":
                self.fail("A subscript is expected here")
            start = yield self.expression()
        if not self.take(":"):
            return start
        stop: Node = Literal(at, None)
        step: Node = Literal(at, 1)
        if not self.at_bound():
            stop = yield self.expression()
        if self.take(":") and not (self.token.kind == "op" and self.token.value == "]"):
            step = yield self.expression()
        return start, stop, step

    def at_bound(self) -> bool:
        return self.token.kind == "op" and self.token.value in (":", "]")

    def primary(self) -> Parse:
        token = self.token
        if token.kind == "name":
            self.advance()
            if token.value in CONSTANTS:
                return self.made(Literal(token.at, CONSTANTS[token.value]))
            self.gathered.roots.add(self.check_name(token))
            return self.made(Name(token.at, token.value))
        if token.kind == "string":
            self.advance()
            return self.made(Literal(token.at, token.value))
        if token.kind == "number":
            self.advance()
            return self.made(Literal(token.at, tidy(float(token.value))))
        if token.kind == "regex":
            self.advance()
            source, _, flags = token.value.rpartition("/")
            return self.made(RegexLiteral(token.at, source, flags))
        if self.take("("):
            items = yield from self.items(")")
            if not items:
                self.fail("An expression is expected between the brackets.", token)
            return self.made(Group(token.at, items))
        if self.take("["):
            items = yield from self.items("]")
            return self.made(ArrayNode(token.at, items))
        if self.take("{"):
            pairs = yield from self.pairs()
            return self.made(ObjectNode(token.at, pairs))
        self.fail("An expression is expected here")

    def items(self, closing: str) -> Generator[Any, Any, list[Node]]:
        items: list[Node] = []
        if self.take(closing):
            return items
        while True:
            items.append((yield self.expression()))
            if not self.take(","):
                break
        self.expect_operator(closing)
        return items

    def pairs(self) -> Generator[Any, Any, list[tuple[str, Node]]]:
        pairs: list[tuple[str, Node]] = []
        if self.take("}"):
            return pairs
        while True:
            token = self.token
            if token.kind not in ("name", "string") or (token.kind == "name" and token.value in CONSTANTS):
                self.fail("The key of an object is a name or a string.")
            self.check_name(self.advance())
            self.expect_operator(":")
            pairs.append((token.value, (yield self.expression())))
            if not self.take(","):
                break
        self.expect_operator("}")
        return pairs

    def arguments(self) -> Generator[Any, Any, ArgumentList]:
        found = ArgumentList([], [])
        if self.take(")"):
            return found
        while True:
            if self.token.kind == "name" and self.next_is("=") and self.tokens[self.index + 1].kind == "op":
                name = self.check_name(self.advance())
                self.advance()
                found.named.append((name, (yield self.expression())))
            else:
                found.positional.append((yield self.expression()))
            if not self.take(","):
                break
        self.expect_operator(")")
        return found
