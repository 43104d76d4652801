"""Dataclasses that write their methods late are what they would be anyway."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, replace
from typing import Any

import pytest

from callboard.cli.late_methods import late_methods

with late_methods():

    @dataclass(frozen=True, slots=True, order=True)
    class Point:
        x: int
        y: int = 2
        tags: list[str] = field(default_factory=list, compare=False)

    @dataclass(slots=True)
    class Sized:
        name: str
        size: int = field(init=False, default=0)

        def __post_init__(self) -> None:
            self.size = len(self.name)

    @dataclass
    class Named(Sized):
        title: str = "none"


def test_they_are_made_compared_hashed_shown_and_copied_as_ever():
    """Arguments, defaults, order, hashes, representation, replace, pickle and copies."""
    one = Point(1, tags=["a"])
    assert (one.x, one.y, one.tags) == (1, 2, ["a"]) and one == Point(1) and one != Point(2)
    assert hash(one) == hash(Point(1)) and one < Point(2) and not one >= Point(2)
    assert [repr(one) for _ in range(2)] == ["Point(x=1, y=2, tags=['a'])"] * 2
    assert replace(one, x=5) == Point(5) and dataclasses.asdict(one) == {"x": 1, "y": 2, "tags": ["a"]}
    assert pickle.loads(pickle.dumps(one)) == one == copy.deepcopy(one)
    assert Point.__init__.__qualname__ == "Point.__init__"


def test_frozen_ones_refuse_from_the_first_try_on():
    """Before and after the methods are written."""
    for _ in range(2):
        one: Any = Point(1)
        with pytest.raises(FrozenInstanceError):
            one.x = 3
        with pytest.raises(FrozenInstanceError):
            del one.x


def test_wrong_arguments_are_told_as_ever():
    """The error names the class and what is missing."""
    make: Any = Point
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        make()
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        make(1, z=1)


def test_a_class_over_another_has_methods_of_its_own():
    """A method that the class above wrote does not take the place of the one below."""
    named = Named("abc", "t")
    assert (named.name, named.size, named.title) == ("abc", 3, "t")
    sized = Sized("ab")
    assert sized.size == 2 and sized == Sized("ab") and named != sized
    assert Named("abc", "t") == named and Named("x").title == "none"


def test_afterwards_classes_are_made_as_before():
    """Nothing stays behind, also after an error inside."""
    before = vars(dataclasses).get("_create_fn")
    with pytest.raises(ValueError, match="stop"), late_methods():
        raise ValueError("stop")
    assert vars(dataclasses).get("_create_fn") is before
