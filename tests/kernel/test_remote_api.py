"""GET on outside APIs: what is kept, and how pages are followed."""

from __future__ import annotations

from typing import Any, Mapping

import pytest

from callboard.kernel.errors import LimitError, UnavailableError
from callboard.kernel.http_client import HttpResponse
from callboard.kernel.rate_budget import RateBudget
from callboard.kernel.remote_api import ConditionalCache, RemoteApi, Reply, next_link

pytestmark = pytest.mark.anyio


class Answers:
    """Outbound HTTP that answers from a list, and keeps what was asked."""

    def __init__(self, *answers: HttpResponse | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, Mapping[str, str]]] = []

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None, max_bytes: int = 0) -> HttpResponse:
        self.asked.append((url, headers or {}))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def post(
        self, url: str, *, content: bytes | None = None, headers: Any = None, max_bytes: int = 0
    ) -> HttpResponse:
        return await self.get(url, headers=headers)


def answer(body: bytes = b"[]", status: int = 200, **headers: str) -> HttpResponse:
    return HttpResponse(status, {k.replace("_", "-"): v for k, v in headers.items()}, body, "https://a.example/x")


def api(clock: Any, *answers: HttpResponse | Exception) -> tuple[RemoteApi, Answers]:
    async def headers() -> Mapping[str, str]:
        return {"authorization": "Bearer t"}

    http = Answers(*answers)
    return RemoteApi(http, name="Host", budget=RateBudget("h", clock), headers=headers, how_to_allow="x"), http


async def test_an_unchanged_answer_is_given_from_memory(clock: Any):
    """With its headers, so that paging goes on where it went on before."""
    one, http = api(clock, answer(b"[1]", etag='"1"', link='<https://a.example/x?2>; rel="next"'), answer(b"[2]"),
                    answer(b"", 304), answer(b"[3]"))  # fmt: skip
    assert await one.list_items("https://a.example/x") == [1, 2]
    assert await one.list_items("https://a.example/x") == [1, 3]
    assert http.asked[2][1]["if-none-match"] == '"1"'
    assert http.asked[0][1]["authorization"] == "Bearer t"


@pytest.mark.parametrize("error", [TimeoutError(), ConnectionResetError("reset"), OSError("no route")])
async def test_a_broken_connection_is_unavailable(clock: Any, error: Exception):
    """Whatever the transport says."""
    one, _ = api(clock, error)
    with pytest.raises(UnavailableError):
        await one.get("https://a.example/x")


@pytest.mark.parametrize("link", ["https://a.example/x", "https://b.example/x", "http://a.example/x"])
async def test_paging_in_circles_or_elsewhere_is_a_failure(clock: Any, link: str):
    """The same page again, another host, or an unencrypted one: none gives a whole listing."""
    one, http = api(clock, answer(link=f'<{link}>; rel="next"'), answer())
    with pytest.raises(UnavailableError):
        await one.list_items("https://a.example/x")
    assert len(http.asked) == 1


async def test_a_304_that_nobody_asked_for_is_a_failure(clock: Any):
    """There is no content to stand for."""
    one, _ = api(clock, answer(b"", 304))
    with pytest.raises(UnavailableError):
        await one.get("https://a.example/x")


async def test_background_use_shares_the_budget(clock: Any):
    """One credential, one limit."""
    one, _ = api(clock, answer(b"{}", 429, retry_after="5"))
    with pytest.raises(LimitError):
        await one.in_background().get("https://a.example/x")
    with pytest.raises(LimitError):
        await one.get("https://a.example/x")


def test_the_cache_stays_within_its_size():
    """Least recently used answers go first; one that is too large is not kept."""
    cache = ConditionalCache(max_bytes=100)
    for name in "abcde":
        cache.keep(name, "", Reply(200, {}, b"x" * 24, name))
        cache.find("a", "")
    assert cache.find("b", "") is None
    assert cache.find("a", "") is not None
    cache.keep("big", "", Reply(200, {}, b"x" * 26, "big"))
    assert cache.find("big", "") is None
    assert cache.size_bytes <= 100


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ('<https://a/2>; rel="next", <https://a/9>; rel="last"', "https://a/2"),
        ('<https://a/1>; rel="prev", <https://a/3>; rel=next', "https://a/3"),
        ('<https://a/9>; rel="last"', None),
        ("", None),
    ],
)
def test_the_next_page_is_found_in_link_headers(header: str, target: str | None):
    """In any order, quoted or not."""
    assert next_link(header) == target
