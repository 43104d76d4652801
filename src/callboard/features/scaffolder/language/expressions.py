"""From the tokens of a tag to expressions.

Loosest first: ``a if c else b``, ``or``, ``and``, ``not``, ``in``, ``is``, comparison, ``+ - ~``, ``* / // %``, ``**``,
``|``, sign, then members, subscripts and calls.
"""

from __future__ import annotations

from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.lexer import Token
from callboard.features.scaffolder.language.nodes.base import ArgumentList, Node
from callboard.features.scaffolder.language.nodes.expressions import (
    Call,
    FilterNode,
    Literal,
    Name,
    RegexLiteral,
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
from callboard.features.scaffolder.language.operands import CONSTANTS, OperandParser, Parse
from callboard.features.scaffolder.language.values import RESERVED, to_string

_EQUALITY = frozenset({"==", "===", "!=", "!=="})
_RELATION = frozenset({"<", "<=", ">", ">="})
_PRODUCT = frozenset({"*", "/", "//", "%"})


class ExpressionParser(OperandParser):
    """Parses expressions, and the parts of tags that are made of them."""

    # -- entrances

    def parse(self) -> Node:
        """One expression, and nothing behind it."""
        found: Node = self.run(self.expression())
        self.expect_end()
        return found

    def names(self) -> list[str]:
        """``a, b``: names that get a value."""
        found = [self.bindable()]
        while self.take(","):
            found.append(self.bindable())
        return found

    def bindable(self) -> str:
        token = self.expect("name")
        if token.value in CONSTANTS:
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
