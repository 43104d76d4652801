"""Which of several routes that fit answers."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.kernel.web.routing import Match, Route, Router

PATHS = ("/things/{a}/{tab}", "/things/{a}/edit", "/things/{rest:path}", "/things/own", "/things/{a}")


async def _answer(request: Any) -> Any:
    raise AssertionError("nobody asks it")


@pytest.mark.parametrize("order", [PATHS, PATHS[::-1]])
@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/things/own", "/things/own"), ("/things/x", "/things/{a}"), ("/things/x/edit", "/things/{a}/edit"),
        ("/things/x/other", "/things/{a}/{tab}"), ("/things/x/y/z", "/things/{rest:path}"),
    ],
)  # fmt: skip
def test_the_route_that_says_more_answers_in_whatever_order_they_came(order, path, wanted):
    """So that a plugin can add a page below an address of another one."""
    found = Router([Route(path, _answer) for path in order]).find({"path": path}, "GET")
    assert isinstance(found, Match) and found.route.path == wanted


def test_of_routes_that_say_as_much_the_first_answers():
    """As before there was an order."""
    routes = [Route("/things/{a}", _answer, name="first"), Route("/things/{b}", _answer, name="second")]
    found = Router(routes).find({"path": "/things/x"}, "GET")
    assert isinstance(found, Match) and found.route.name == "first"
