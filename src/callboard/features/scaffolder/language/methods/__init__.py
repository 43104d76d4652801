"""Methods of strings, numbers and arrays: a closed list by kind of value, each written here."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from callboard.features.scaffolder.language.methods.arrays import ARRAY_METHODS, COOKIECUTTER_ARRAY_METHODS
from callboard.features.scaffolder.language.methods.numbers import NUMBER_METHODS
from callboard.features.scaffolder.language.methods.objects import OBJECT_METHODS, REGEX_METHODS
from callboard.features.scaffolder.language.methods.strings import STRING_METHODS
from callboard.features.scaffolder.language.runtime import Builtin, Run
from callboard.features.scaffolder.language.values import Regex, Safe

Implementation = Callable[[Any, list[Any], Run], Any]
Signature = tuple[int, float, Implementation]
"""Fewest arguments, most arguments, what it does."""

CHANGING = frozenset(
    ["append", "copyWithin", "fill", "insert", "pop", "push", "remove", "reverse", "shift", "sort", "splice", "unshift"]
)
"""Methods that change what they are called on."""


class Method(Builtin):
    """A method with what it was looked up on."""

    __slots__ = ("name", "receiver", "signature")

    def __init__(self, receiver: Any, name: str, signature: Signature) -> None:
        self.receiver = receiver
        self.name = name
        self.signature = signature

    @property
    def label(self) -> str:  # type: ignore[override]
        return f"{self.name}()"

    def arity(self, run: Run) -> tuple[int, float]:
        if self.name == "pop" and run.cookiecutter:
            return 0, 1
        return self.signature[:2]

    def call(self, run: Run, arguments: list[Any]) -> Any:
        receiver = self.receiver
        run.refuse_functions([receiver])
        if isinstance(receiver, Safe):
            receiver = receiver.text
        if isinstance(receiver, str):
            run.meter.expect_text(len(receiver))
        elif isinstance(receiver, list):
            run.meter.charge(len(receiver) >> 3)
        return self.signature[2](receiver, arguments, run)


def find_method(value: Any, name: str, *, cookiecutter: bool) -> Method | None:
    """The method of that name that such a value has."""
    signature = _methods_of(value, cookiecutter=cookiecutter).get(name)
    return Method(value, name, signature) if signature is not None else None


_NONE: Mapping[str, Signature] = {}


def _methods_of(value: Any, *, cookiecutter: bool) -> Mapping[str, Signature]:
    kind = type(value)
    if kind is str or kind is Safe:
        return STRING_METHODS
    if kind is list:
        return COOKIECUTTER_ARRAY_METHODS if cookiecutter else ARRAY_METHODS
    if kind is int or kind is float:
        return NUMBER_METHODS
    if kind is dict:
        return OBJECT_METHODS if cookiecutter else _NONE
    return REGEX_METHODS if kind is Regex else _NONE
