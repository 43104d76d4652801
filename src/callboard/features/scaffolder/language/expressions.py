"""From the tokens of a tag to expressions.

The methods are generators: what stands between brackets is yielded, and a loop with a stack of its own runs it. So the
depth of brackets costs no Python stack, and is bounded by the limit of depth alone.

Loosest first: ``a if c else b``, ``or``, ``and``, ``not``, ``in``, ``is``, comparison, ``+ - ~``, ``* / // %``, ``**``,
``|``, sign, then members, subscripts and calls.
"""

from __future__ import annotations

from typing import Any, Generator, NoReturn

from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.lexer import Token
from callboard.features.scaffolder.language.limits import Limits, too_much
from callboard.features.scaffolder.language.nodes.base import ArgumentList, Node
from callboard.features.scaffolder.language.nodes.expressions import (
    ArrayNode,
    Call,
    FilterNode,
    Group,
    Literal,
    Member,
    Name,
    ObjectNode,
    RegexLiteral,
    Slice,
    Test,
)
from callboard.features.scaffolder.language.nodes.operators import (
    And,
    Binary,
    Compare,
    Conditional,
    In,
    Or,
    Unary,
    negate,
)
from callboard.features.scaffolder.language.numbers import tidy
from callboard.features.scaffolder.language.values import RESERVED, to_string

Parse = Generator[Any, Any, Node]
Bounds = tuple[Node, Node, Node]

_CONSTANTS = {"true": True, "false": False, "none": None, "null": None}
_EQUALITY = frozenset({"==", "===", "!=", "!=="})
_RELATION = frozenset({"<", "<=", ">", ">="})
_PRODUCT = frozenset({"*", "/", "//", "%"})
COMPUTED = "[]"
"""Stands among the names of members for those that are worked out at run time."""


class Gathered:
    """What parsing one template gathers: how many nodes, what it reads, calls, filters with and sets."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.nodes = 0
        self.reads: list[tuple[tuple[str, ...], int]] = []
        self.calls: set[str] = set()
        self.filters: set[str] = set()
        self.roots: set[str] = set()
        self.bound: set[str] = set()
        self.members: set[str] = set()

    def count(self, node: Node) -> None:
        self.nodes += 1
        if self.nodes > self.limits.nodes:
            raise too_much("nodes", self.limits.nodes).at(node.at)
        if node.height > self.limits.depth:
            raise too_much("levels of nesting", self.limits.depth).at(node.at)


class ExpressionParser:
    """Parses one tag's tokens, from ``index`` on."""

    def __init__(self, tokens: list[Token], gathered: Gathered, index: int = 0) -> None:
        self.tokens = tokens
        self.index = index
        self.token = tokens[index]
        self.gathered = gathered

    # -- entrances

    def parse(self) -> Node:
        """One expression, and nothing behind it."""
        found: Node = self.run(self.expression())
        self.expect_end()
        return found

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

    def names(self) -> list[str]:
        """``a, b``: names that get a value."""
        found = [self.bindable()]
        while self.take(","):
            found.append(self.bindable())
        return found

    def bindable(self) -> str:
        token = self.expect("name")
        if token.value in _CONSTANTS:
            self.fail("This name cannot get a value.", token)
        self.check_name(token)
        self.gathered.bound.add(token.value)
        return token.value

    def signature(self) -> list[tuple[str, Node | None]]:
        """``a, b=1)``: the parameters of a macro, up to the closing bracket."""
        arguments: ArgumentList = self.run(self.arguments())
        parameters: list[tuple[str, Node | None]] = []
        for node in arguments.positional:
            if not isinstance(node, Name):
                raise Problem("The parameters of a macro are names.", kind="syntax", offset=node.at)
            parameters.append((node.name, None))
        parameters += arguments.named
        self.gathered.bound.update(name for name, _ in parameters)
        return parameters

    def filter_block(self, input: Node) -> Node:
        """``name(arguments)`` of ``{% filter %}``."""
        found: Node = self.run(self.filter(input))
        self.expect_end()
        return found

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

    # -- operators

    def expression(self) -> Parse:
        value = yield from self.either()
        if not self.take_name("if"):
            return value
        condition = yield from self.either()
        otherwise = None
        if self.take_name("else"):
            otherwise = yield from self.either()
        return self.made(Conditional(value.at, value, condition, otherwise))

    def either(self) -> Parse:
        left = yield from self.both()
        while self.take_name("or"):
            right = yield from self.both()
            left = self.made(Or(left.at, left, right))
        return left

    def both(self) -> Parse:
        left = yield from self.negation()
        while self.take_name("and"):
            right = yield from self.negation()
            left = self.made(And(left.at, left, right))
        return left

    def negation(self) -> Parse:
        negations = []
        while self.token.value == "not" and self.token.kind == "name":
            negations.append(self.advance().at)
        node = yield from self.membership()
        for at in reversed(negations):
            node = self.made(negate(node, at))
        return node

    def membership(self) -> Parse:
        left = yield from self.test()
        while self.token.kind == "name":
            at = self.token.at
            negated = self.token.value == "not" and self.next_is("in")
            if negated:
                self.advance()
            if not self.take_name("in"):
                break
            right = yield from self.test()
            left = self.made(In(left.at, left, right))
            if negated:
                left = self.made(Unary(at, "not", left))
        return left

    def test(self) -> Parse:
        left = yield from self.comparison()
        if not self.take_name("is"):
            return left
        negated = self.take_name("not")
        at, reads, called = self.token.at, len(self.gathered.reads), self.token.value in self.gathered.calls
        right = yield from self.comparison()
        name, arguments = _test_of(right)
        if not isinstance(right, Call):
            del self.gathered.reads[reads:]
        elif not called:
            self.gathered.calls.discard(name)
        if name in RESERVED:
            raise Problem(f'The name "{name}" is reserved.', kind="syntax", offset=at)
        node = self.made(Test(at, left, name, arguments))
        return self.made(Unary(at, "not", node)) if negated else node

    def comparison(self) -> Parse:
        left = yield from self.relation()
        rest = []
        while self.token.value in _EQUALITY and self.token.kind == "op":
            operator = self.advance().value
            rest.append((operator, (yield from self.relation())))
        return self.made(Compare(left.at, left, rest)) if rest else left

    def relation(self) -> Parse:
        left = yield from self.sum()
        rest = []
        while self.token.value in _RELATION and self.token.kind == "op":
            operator = self.advance().value
            rest.append((operator, (yield from self.sum())))
        return self.made(Compare(left.at, left, rest)) if rest else left

    def sum(self) -> Parse:
        left = yield from self.product()
        while self.token.kind == "op" and self.token.value in ("+", "-", "~"):
            operator = self.advance().value
            right = yield from self.product()
            left = self.made(Binary(left.at, operator, left, right))
        return left

    def product(self) -> Parse:
        first = yield from self.power()
        rest = []
        while self.token.value in _PRODUCT and self.token.kind == "op":
            operator = self.advance().value
            rest.append((operator, (yield from self.power())))
        return self.fold_product(first, rest) if rest else first

    def fold_product(self, first: Node, rest: list[tuple[str, Node]]) -> Node:
        """From left to right, except that ``//`` takes the ``%`` and ``//`` beside it first and rounds their result."""
        total: Node | None = None
        joined = ""
        group = [[first]]
        for operator, node in rest:
            if operator == "%":
                group[-1].append(node)
            elif operator == "//":
                group.append([node])
            else:
                total = self.join_factor(total, joined, group)
                joined, group = operator, [[node]]
        return self.join_factor(total, joined, group)

    def join_factor(self, total: Node | None, joined: str, group: list[list[Node]]) -> Node:
        """``total joined group``; in a group ``//`` stands between the lists and ``%`` within them."""
        head, *tail = group
        if not tail:
            first = head[0] if total is None else self.binary(joined, total, head[0])
            return self.remainders(first, head[1:])
        node = self.remainders(head[0], head[1:])
        for first, *others in tail:
            node = self.remainders(self.binary("/", node, first), others)
            node = self.made(Unary(node.at, "floor", node))
        return node if total is None else self.binary(joined, total, node)

    def remainders(self, node: Node, others: list[Node]) -> Node:
        for other in others:
            node = self.binary("%", node, other)
        return node

    def binary(self, operator: str, left: Node, right: Node) -> Node:
        return self.made(Binary(left.at, operator, left, right))

    def power(self) -> Parse:
        left = yield from self.filtered()
        while self.take("**"):
            right = yield from self.filtered()
            left = self.made(Binary(left.at, "**", left, right))
        return left

    def filtered(self) -> Parse:
        node = yield from self.signed()
        while self.take("|"):
            node = yield from self.filter(node)
        return node

    def filter(self, input: Node) -> Parse:
        first = self.expect("name")
        name = self.check_name(first)
        while self.take("."):
            name = f"{name}.{self.check_name(self.expect('name'))}"
        arguments = ArgumentList([], [])
        if self.take("("):
            arguments = yield from self.arguments()
        self.gathered.filters.add(name)
        return self.made(FilterNode(first.at, name, input, arguments))

    def signed(self) -> Parse:
        signs: list[Token] = []
        while self.token.kind == "op" and self.token.value in ("-", "+"):
            if signs and signs[-1].value == self.token.value:
                self.fail("A sign can stand only once.")
            signs.append(self.advance())
        node = yield from self.postfixed()
        for sign in reversed(signs):
            node = self.made(Unary(sign.at, sign.value, node))
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
            if token.value in _CONSTANTS:
                return self.made(Literal(token.at, _CONSTANTS[token.value]))
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
            if token.kind not in ("name", "string") or (token.kind == "name" and token.value in _CONSTANTS):
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


def _test_of(node: Node) -> tuple[str, ArgumentList | None]:
    """The test that stands after ``is``. What is neither a name nor a literal reads as ``undefined``, as in Nunjucks."""
    if isinstance(node, Call):
        return (_test_of(node.target)[0] if isinstance(node.target, (Name, Literal)) else "undefined"), node.arguments
    if isinstance(node, FilterNode):
        return node.name, ArgumentList([node.input, *node.arguments.positional], node.arguments.named)
    if isinstance(node, Name):
        return node.name, None
    if isinstance(node, Literal):
        return to_string(node.value), None
    if isinstance(node, RegexLiteral):
        return f"/{node.source}/{node.flags}", None
    return "undefined", None
