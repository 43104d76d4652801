"""From the pieces of a template to its tree.

Open tags lie on a list, not on Python's stack, so their nesting is bounded by the limit of depth alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable

from callboard.features.scaffolder.language.expressions import ExpressionParser
from callboard.features.scaffolder.language.faults import Problem
from callboard.features.scaffolder.language.gathered import Gathered
from callboard.features.scaffolder.language.lexer import Piece, Token, pieces_of
from callboard.features.scaffolder.language.limits import too_much
from callboard.features.scaffolder.language.nodes.base import Node
from callboard.features.scaffolder.language.nodes.expressions import Call, Literal, Member, Name
from callboard.features.scaffolder.language.nodes.loops import For
from callboard.features.scaffolder.language.nodes.statements import (
    Block,
    Body,
    CallBlock,
    Capture,
    If,
    MacroNode,
    Output,
    Set,
    Statement,
    Switch,
    Text,
)
from callboard.features.scaffolder.language.options import Options

_BLANKS = " \t\n\r\xa0"
_LOADING = frozenset({"include", "import", "from", "extends"})


@dataclass(slots=True)
class _Open:
    """A tag whose end has not come yet. ``body`` is where statements go at present."""

    name: str
    at: int
    weight: int = 1
    body: Body = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    value: Node | None = None
    arms: list[tuple[Node, Body]] = field(default_factory=list)
    first: Body | None = None
    last: Body | None = None
    parameters: list[tuple[str, Node | None]] = field(default_factory=list)
    parser: ExpressionParser | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template and what was gathered on the way."""

    body: Body
    gathered: Gathered


def parse_template(source: str, options: Options) -> Template:
    """Raises ``Problem`` where the source is no template, or larger or deeper than the limits."""
    if len(source) > options.limits.source_chars:
        raise too_much("characters of source", options.limits.source_chars).at(0)
    return _TemplateParser(source, options).parse()


class _TemplateParser:
    def __init__(self, source: str, options: Options) -> None:
        self.source = source
        self.options = options
        self.gathered = Gathered(options.limits)
        self.root = _Open("", 0)
        self.open = [self.root]
        self.starts: dict[str, Callable[[ExpressionParser, Token], None]] = {
            "if": self.start_if,
            "for": self.start_for,
            "set": self.start_set,
            "macro": self.start_macro,
            "call": self.start_call,
            "filter": self.start_filter,
            "block": self.start_block,
            "switch": self.start_switch,
        }
        self.blocks: set[str] = set()

    def parse(self) -> Template:
        for piece in pieces_of(self.source, self.options):
            if piece.kind == "text":
                self.add(Text(piece.at, piece.text))
            elif piece.kind == "output":
                before = self.gathered.nodes
                expression = ExpressionParser(piece.tokens, self.gathered).parse()
                self.add(Output(piece.at, self.weight_since(before), expression))
            else:
                self.tag(piece)
        top = self.open[-1]
        if top is not self.root:
            raise self.problem(f"'{top.name}' has no end: 'end{top.name}' is missing.", top.at)
        return Template(self.root.body, self.gathered)

    # -- what all tags need

    def problem(self, message: str, at: int) -> Problem:
        return Problem(message, kind="syntax", offset=at)

    def weight_since(self, nodes: int) -> int:
        return self.gathered.nodes - nodes + 1

    def add(self, statement: Statement) -> None:
        self.count(statement)
        self.open[-1].body.append(statement)

    def count(self, statement: Statement) -> None:
        self.gathered.nodes += 1
        if self.gathered.nodes > self.options.limits.nodes:
            raise too_much("nodes", self.options.limits.nodes).at(statement.at)
        if statement.height > self.options.limits.depth:
            raise too_much("levels of nesting", self.options.limits.depth).at(statement.at)

    def push(self, tag: _Open) -> None:
        self.open.append(tag)
        if len(self.open) > self.options.limits.depth:
            raise too_much("levels of nesting", self.options.limits.depth).at(tag.at)

    def tag(self, piece: Piece) -> None:
        token = piece.tokens[0]
        if token.kind != "name":
            raise self.problem("A tag begins with its name.", piece.at)
        parser = ExpressionParser(piece.tokens, self.gathered, 1)
        name = token.value
        start = self.starts.get(name)
        if start is not None:
            start(parser, token)
        elif name in ("elif", "elseif", "else"):
            self.alternative(name, parser, token)
        elif name in ("case", "default"):
            self.case(name, parser, token)
        elif name.startswith("end") and name[3:] in self.starts:
            self.end(name[3:], parser, token)
        elif name in _LOADING:
            raise self.problem(f"'{name}' is not available: a template cannot load another one.", piece.at)
        else:
            raise self.problem(f"There is no tag '{name}'.", piece.at)

    def require_open(self, names: tuple[str, ...], token: Token) -> _Open:
        top = self.open[-1]
        if top.name not in names:
            inside = f"inside '{top.name}'" if top.name else "with nothing open"
            raise self.problem(f"'{token.value}' does not belong here, {inside}.", token.at)
        return top

    # -- tags that open

    def start_if(self, parser: ExpressionParser, token: Token) -> None:
        before = self.gathered.nodes
        tag = _Open("if", token.at, value=parser.parse())
        tag.weight = self.weight_since(before)
        self.push(tag)

    def start_for(self, parser: ExpressionParser, token: Token) -> None:
        before = self.gathered.nodes
        targets = parser.names()
        joint = parser.token
        if joint.kind != "name" or joint.value != "in" or not self.stands_alone(joint):
            raise self.problem("'for' needs 'in' between its names and what it goes through.", joint.at)
        if targets == ["loop"]:
            raise self.problem("A loop's only name cannot be 'loop'.", token.at)
        parser.advance()
        self.gathered.bound.add("loop")
        tag = _Open("for", token.at, targets=targets, value=parser.parse())
        tag.weight = self.weight_since(before)
        self.push(tag)

    def stands_alone(self, token: Token) -> bool:
        around = self.source[token.at - 1] + self.source[token.end : token.end + 1]
        return all(character in _BLANKS for character in around)

    def start_set(self, parser: ExpressionParser, token: Token) -> None:
        before = self.gathered.nodes
        targets = parser.names()
        if not parser.take("="):
            parser.expect_end()
            self.push(_Open("set", token.at, targets=targets))
            return
        value = parser.parse()
        self.add(Set(token.at, self.weight_since(before), targets, value, []))

    def start_macro(self, parser: ExpressionParser, token: Token) -> None:
        name = parser.bindable()
        parser.expect_operator("(")
        parameters = parser.signature()
        parser.expect_end()
        self.refuse_macro_in_capture(token)
        self.push(_Open("macro", token.at, targets=[name], parameters=parameters))

    def refuse_macro_in_capture(self, token: Token) -> None:
        for tag in self.open:
            if tag.name in ("set", "filter"):
                raise self.problem(f"A macro cannot be declared inside '{tag.name}'.", token.at)

    def start_call(self, parser: ExpressionParser, token: Token) -> None:
        before = self.gathered.nodes
        parameters = parser.signature() if parser.take("(") else []
        call = parser.parse()
        if not isinstance(call, Call) or not _is_static(call.target):
            raise self.problem("'call' needs the call of a macro.", token.at)
        self.gathered.bound.add("caller")
        tag = _Open("call", token.at, value=call, parameters=parameters)
        tag.weight = self.weight_since(before)
        self.push(tag)

    def start_filter(self, parser: ExpressionParser, token: Token) -> None:
        if parser.token.kind != "name":
            parser.fail("The name of a filter is expected here")
        self.push(_Open("filter", token.at, parser=parser))

    def start_block(self, parser: ExpressionParser, token: Token) -> None:
        name = parser.bindable()
        parser.expect_end()
        if name in self.blocks:
            raise self.problem(f"There is a block '{name}' already.", token.at)
        self.blocks.add(name)
        self.push(_Open("block", token.at, targets=[name]))

    def start_switch(self, parser: ExpressionParser, token: Token) -> None:
        before = self.gathered.nodes
        tag = _Open("switch", token.at, value=parser.parse())
        tag.weight = self.weight_since(before)
        tag.first = tag.body
        self.push(tag)

    # -- tags in between

    def alternative(self, name: str, parser: ExpressionParser, token: Token) -> None:
        tag = self.require_open(("if",) if name != "else" else ("if", "for"), token)
        if tag.last is not None:
            raise self.problem(f"'{name}' cannot follow 'else'.", token.at)
        if tag.name == "for":
            parser.expect_end()
            tag.first, tag.body = tag.body, []
            tag.last = tag.body
            return
        assert tag.value is not None
        tag.arms.append((tag.value, tag.body))
        tag.body = []
        if name == "else":
            parser.expect_end()
            tag.last = tag.body
            return
        before = self.gathered.nodes
        tag.value = parser.parse()
        tag.weight += self.weight_since(before)

    def case(self, name: str, parser: ExpressionParser, token: Token) -> None:
        tag = self.require_open(("switch",), token)
        if tag.last is not None:
            raise self.problem(f"'{name}' cannot follow 'default'.", token.at)
        if tag.body is tag.first and tag.body:
            raise self.problem("Nothing can stand between 'switch' and its first case.", tag.body[0].at)
        tag.body = []
        if name == "default":
            parser.expect_end()
            tag.last = tag.body
            return
        before = self.gathered.nodes
        tag.arms.append((parser.parse(), tag.body))
        tag.weight += self.weight_since(before)

    # -- tags that close

    def end(self, name: str, parser: ExpressionParser, token: Token) -> None:
        tag = self.require_open((name,), token)
        if name == "block" and parser.token.kind == "name" and parser.token.value == tag.targets[0]:
            parser.advance()
        parser.expect_end()
        self.open.pop()
        self.add(self.finished(tag))

    def finished(self, tag: _Open) -> Statement:
        if tag.name == "if":
            assert tag.value is not None
            if tag.last is None:
                tag.arms.append((tag.value, tag.body))
            return If(tag.at, tag.weight, tag.arms, tag.last or [])
        if tag.name == "for":
            assert tag.value is not None
            body = tag.body if tag.first is None else tag.first
            uses_loop = "loop" in self.gathered.roots
            return For(tag.at, tag.weight, tag.targets, tag.value, body, tag.last or [], uses_loop=uses_loop)
        if tag.name == "set":
            return Set(tag.at, 1, tag.targets, None, tag.body)
        if tag.name == "macro":
            return MacroNode(tag.at, tag.targets[0], tag.parameters, tag.body)
        if tag.name == "call":
            assert isinstance(tag.value, Call)
            return CallBlock(tag.at, tag.weight, tag.value, MacroNode(tag.at, "caller", tag.parameters, tag.body))
        if tag.name == "filter":
            assert tag.parser is not None
            return Output(tag.at, 2, tag.parser.filter_block(Capture(tag.at, tag.body)))
        if tag.name == "block":
            return Block(tag.at, tag.targets[0], tag.body)
        return self.switch(tag)

    def switch(self, tag: _Open) -> Statement:
        assert tag.value is not None
        if not tag.arms and tag.last is None:
            raise self.problem("'switch' needs a case or a default.", tag.at)
        return Switch(tag.at, tag.weight, tag.value, tag.arms, tag.last)


def _is_static(node: Node) -> bool:
    """A name, or members of one that are written out."""
    while isinstance(node, Member):
        if not isinstance(node.key, Literal):
            return False
        node = node.target
    return isinstance(node, Name)
