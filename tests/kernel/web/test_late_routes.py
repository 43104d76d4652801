"""Routes that are made when one of them is first asked for."""

from __future__ import annotations

import pytest

from callboard.kernel.web.openapi import openapi_routes
from callboard.kernel.web.routing import LateRoutes, Match, NoMatch, Route, Router


async def _ok(request):
    raise AssertionError("not asked here")


def _find(router, path, method="GET"):
    return router.find({"path": path}, method)


@pytest.fixture
def made():
    """The prefixes whose routes were made, in that order."""
    return []


@pytest.fixture
def router(made):
    def late(*routes, prefixes):
        def make():
            made.append(prefixes[0])
            return routes

        return LateRoutes(prefixes, make)

    return Router(
        [Route("/catalog/edit", _ok)],
        [
            late(Route("/docs", _ok, name="docs"), Route("/docs/{path:path}", _ok), prefixes=["/docs"]),
            late(Route("/catalog/{name}", _ok), Route("/api/ui/v1", _ok), prefixes=["/catalog", "/api/ui"]),
            late(Route("/", _ok, name="home"), prefixes=["/"]),
        ],
    )


def test_only_what_is_asked_for_is_made_and_once(router, made):
    """A path makes those that may answer it; the front page is not the beginning of all paths."""
    assert isinstance(_find(router, "/other"), NoMatch) and isinstance(_find(router, "/docsx"), NoMatch)
    assert made == []
    assert isinstance(_find(router, "/docs/a/b"), Match) and isinstance(_find(router, "/docs/"), Match)
    assert made == ["/docs"]
    assert isinstance(_find(router, "/"), Match) and made == ["/docs", "/"]


def test_they_stand_among_the_others_as_if_they_had_been_there(router):
    """Exact paths win over parameters, and methods are told."""
    assert _find(router, "/catalog/edit").route.path == "/catalog/edit"
    assert _find(router, "/catalog/x").route.path == "/catalog/{name}"
    assert _find(router, "/catalog/x", "POST").allowed == ("GET",)
    assert router.plugins == {"ui"}


def test_a_name_finds_its_path_before_the_route_is_made(router):
    """Links may lead to what nobody opened yet."""
    assert router.url_for("docs") == "/docs"
    with pytest.raises(KeyError):
        router.url_for("nothing")


def test_a_route_outside_its_prefixes_is_refused():
    """Nobody would find it: that is told where it is made."""
    with pytest.raises(ValueError, match="/elsewhere"):
        _ = LateRoutes(["/docs"], lambda: [Route("/docs", _ok), Route("/elsewhere", _ok)]).routes


@pytest.mark.anyio
async def test_a_document_tells_of_them_and_makes_them_no_sooner(made):
    """``/api/<plugin>/openapi.json`` holds what is put off, too."""

    def late():
        made.append("late")
        return [Route("/api/ui/v1/late", _ok, openapi={"summary": "late"})]

    told = openapi_routes([Route("/api/ui/v1", _ok, openapi={"summary": "early"})], "t", late)
    assert [one.path for one in told] == ["/openapi.json", "/api/ui/openapi.json"] and made == []
    assert b'"/v1/late"' in (await told[1].handler(None)).body and made == ["late"]
