"""Access tokens of outside APIs: kept until they are about to end, and asked for again then."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qsl

import pytest

from callboard.kernel.access_token import AccessToken, ask_client_token
from callboard.kernel.errors import UnavailableError
from callboard.kernel.http_client import HttpClient
from callboard.kernel.settings import Settings
from callboard.testing.http import FakeHttp

pytestmark = pytest.mark.anyio
URL = "https://login.example.com/token"


@pytest.fixture
async def wire(clock):
    """What is asked, and a client that asks it."""
    fake = FakeHttp()
    http = HttpClient(Settings.of({}), clock, fake)
    yield fake, http
    await http.close()


async def test_a_token_is_renewed_five_minutes_before_it_ends(clock):
    """One question an hour for a token of an hour."""
    asked = []

    async def renew():
        asked.append(clock.now())
        return f"token-{len(asked)}", clock.now() + timedelta(hours=1)

    token = AccessToken(renew, clock)
    assert [await token.get(), await token.get()] == ["token-1", "token-1"]
    clock.advance(timedelta(minutes=54, seconds=59))
    assert await token.get() == "token-1"
    clock.advance(1)
    assert await token.get() == "token-2"
    assert len(asked) == 2


async def test_a_renewal_that_fails_is_tried_again(clock):
    """Nothing is remembered of a failure."""
    answers = [UnavailableError("down"), ("token", clock.now() + timedelta(hours=1))]

    async def renew():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    token = AccessToken(renew, clock)
    with pytest.raises(UnavailableError):
        await token.get()
    assert await token.get() == "token"


async def test_client_credentials_are_posted_as_a_form(wire, clock):
    """The grant, what the host wants beside it, and the client in the header where the host wants it there."""
    fake, http = wire
    fake.add(URL, json={"access_token": "t", "expires_in": 3600}, method="POST")
    found = await ask_client_token(
        http, URL, form={"scope": "a b"}, now=clock.now(), refused="No token.", authorization="Basic eDp5"
    )
    assert found == ("t", clock.now() + timedelta(hours=1))
    (sent,) = fake.sent
    assert dict(parse_qsl(sent.body.decode())) == {"grant_type": "client_credentials", "scope": "a b"}
    assert sent.headers["authorization"] == "Basic eDp5"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, '{"error": "invalid_client"}'),
        (200, "<html>"),
        (200, "[]"),
        (200, '{"access_token": "t", "expires_in": "soon"}'),
    ],
)
async def test_an_answer_without_a_token_says_what_to_check(wire, clock, status, body):
    """Whatever came, it is no token; what was sent stays out of the message."""
    fake, http = wire
    fake.add(URL, body, status=status, method="POST")
    with pytest.raises(UnavailableError, match=rf"Check the client\. \({status}\)") as caught:
        await ask_client_token(
            http, URL, form={"client_secret": "s3cret"}, now=clock.now(), refused="Check the client."
        )
    assert "s3cret" not in str(caught.value)
