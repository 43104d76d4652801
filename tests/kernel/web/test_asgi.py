"""The web application from outside: errors, headers, compression, limits, CSRF."""

from __future__ import annotations

import gzip
import re
from typing import Any

import pytest
from starlette.responses import Response, StreamingResponse

from callboard.kernel.auth.actor import SYSTEM
from callboard.kernel.errors import ConflictError, InputError, LimitError, UnavailableError
from callboard.kernel.logs import captured_logs
from callboard.kernel.web import csrf, raw
from callboard.kernel.web.responses import Json
from callboard.kernel.web.routing import RawRoute, Route

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"


async def _ok(request: Any) -> Response:
    return Json({"who": request.actor.subject})


async def _echo(request: Any) -> Response:
    return Json(await request.read_json())


async def _params(request: Any) -> Response:
    return Json(dict(request.path_params))


def _raising(error: Exception) -> Any:
    async def handler(request: Any) -> Response:
        raise error

    return handler


async def _big(request: Any) -> Response:
    return Json({"text": "abc " * 1000})


async def _events(request: Any) -> Response:
    async def chunks() -> Any:
        yield b"event: message\ndata: " + b"x" * 5000 + b"\n\n"

    return StreamingResponse(chunks(), media_type="text/event-stream")


async def _stream(request: Any) -> Response:
    async def chunks() -> Any:
        for _ in range(3):
            yield b"line of text\n" * 200

    return StreamingResponse(chunks(), media_type="text/plain")


async def _page(request: Any) -> Response:
    return Response(f"<p>{request.nonce}|{request.csrf_token}</p>", media_type="text/html")


async def _save(request: Any) -> Response:
    return Response("saved " + (await request.read_form()).get("name", ""))


async def _raw(scope: Any, receive: Any, send: Any) -> Any:
    if scope["path"].endswith("/broken"):
        raise ConflictError("It is there already.")
    actor = raw.authenticate(scope)
    if actor is None:
        return False
    return await raw.send_json(send, 200, b'{"raw":"' + actor.subject.encode() + b'"}', etag=True, scope=scope)


ROUTES = [
    Route("/api/things/list", _ok),
    Route("/api/things/echo", _echo, ("POST",)),
    Route("/api/things/input", _raising(InputError("Bad thing"))),
    Route("/api/things/fault", _raising(RuntimeError("the password is hunter2"))),
    Route("/api/things/limit", _raising(LimitError("Too much"))),
    Route("/api/things/away", _raising(UnavailableError("Not there"))),
    Route("/api/things/big", _big),
    Route("/api/things/events", _events),
    Route("/api/things/stream", _stream),
    Route("/api/things/named/{name}/of/{owner}", _params),
    Route("/api/things/v1/problem", _raising(InputError("Bad line", field="spec.owner", file="a.yaml", line=3))),
    Route("/api/things/raw/{rest:path}", _ok),
    Route("/page", _page, auth="public"),
    Route("/page", _save, ("POST",), auth="page"),
    Route("/secret", _page, auth="page"),
    Route("/broken", _raising(RuntimeError("nobody sees this")), auth="public"),
]
RAW = [RawRoute("/api/things/raw/", _raw)]


@pytest.fixture
def portal(make_small_portal: Any, guest_settings: Any) -> Any:
    return make_small_portal(guest_settings, routes=ROUTES, raw_routes=RAW)


async def test_an_input_error_has_backstages_body(portal: Any, bearer: Any) -> None:
    """Name, message, method, URL below the plugin as it was sent, status; and Express's weak ETag."""
    async with portal.client(headers=bearer) as client:
        answer = await client.get("/api/things/input?a=%20b")
    assert answer.status_code == 400
    assert answer.json() == {
        "error": {"name": "InputError", "message": "Bad thing"},
        "request": {"method": "GET", "url": "/input?a=%20b"},
        "response": {"statusCode": 400},
    }
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert re.fullmatch(r'W/"[0-9a-f]+-[A-Za-z0-9+/]{27}"', answer.headers["etag"])


async def test_our_own_paths_answer_with_a_problem(portal: Any, bearer: Any) -> None:
    """On ``/api/<feature>/v1`` an error is problem+json with code, field, file and line."""
    async with portal.client(headers=bearer) as client:
        answer = await client.get("/api/things/v1/problem")
    body = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert (body["code"], body["field"], body["file"], body["line"]) == ("input", "spec.owner", "a.yaml", 3)


async def test_an_unknown_fault_is_logged_once_and_not_told(portal: Any, bearer: Any) -> None:
    """The client gets an id of 20 hex digits; the text of the fault stays in one log line with that id."""
    with captured_logs() as lines:
        async with portal.client(headers=bearer) as client:
            answer = await client.get("/api/things/fault")
    told = re.fullmatch(r"An internal error occurred logId=([0-9a-f]{20})", answer.json()["error"]["message"])
    assert answer.status_code == 500
    assert told is not None
    assert "hunter2" not in answer.text
    assert len([line for line in lines if line.get("log_id") == told[1]]) == 1


@pytest.mark.parametrize(("path", "status"), [("limit", 413), ("away", 503)])
async def test_errors_map_to_their_status(portal: Any, bearer: Any, path: str, status: int) -> None:
    """The error tree speaks of the work; the mapper gives the status."""
    async with portal.client(headers=bearer) as client:
        assert (await client.get(f"/api/things/{path}")).status_code == status


@pytest.mark.parametrize("path", ["/api/things/nothing-here", "/api/nothing-here"])
async def test_an_unknown_api_path_is_a_bare_404(portal: Any, bearer: Any, path: str) -> None:
    """As Express: no body, no content type."""
    async with portal.client(headers=bearer) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.content, "content-type" in answer.headers) == (404, b"", False)


async def test_an_unknown_method_is_404_and_options_lists_what_there_is(portal: Any, bearer: Any) -> None:
    """As Express: PUT where there is none is a bare 404; OPTIONS names the methods."""
    async with portal.client(headers=bearer) as client:
        put = await client.put("/api/things/list")
        options = await client.options("/api/things/list")
        head = await client.head("/api/things/list")
    assert (put.status_code, put.content) == (404, b"")
    assert (options.status_code, options.text, options.headers["allow"]) == (200, "GET,HEAD", "GET,HEAD")
    assert options.headers["etag"] == 'W/"8-ZRAf8oNBS3Bjb/SU2GYZCmbtmXg"'
    assert (head.status_code, head.content) == (200, b"")


async def test_without_credentials_the_api_says_so(portal: Any) -> None:
    """401 with Backstage's message, for known and unknown paths of a plugin alike."""
    async with portal.client() as client:
        for path in ("/api/things/list", "/api/things/nothing-here"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["error"]["message"]) == (401, "Missing credentials")


async def test_an_encoded_slash_stays_inside_its_parameter(portal: Any, bearer: Any) -> None:
    """``%2F`` does not split a path parameter, and arrives decoded."""
    async with portal.client(headers=bearer) as client:
        answer = await client.get("/api/things/named/a%2Fb/of/c%20d")
    assert answer.json() == {"name": "a/b", "owner": "c d"}


async def test_api_headers_are_backstages_set(portal: Any, bearer: Any) -> None:
    """Every header of the recorded answers is there, on errors too."""
    async with portal.client(headers=bearer) as client:
        for path in ("/api/things/list", "/api/things/input", "/api/things/raw/x", "/api/nothing-here"):
            headers = (await client.get(path)).headers
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "SAMEORIGIN"
            assert headers["x-permitted-cross-domain-policies"] == "none"
            assert headers["x-dns-prefetch-control"] == "off"
            assert headers["x-download-options"] == "noopen"
            assert headers["x-xss-protection"] == "0"
            assert "frame-ancestors 'none'" in headers["content-security-policy"]


async def test_pages_allow_scripts_by_nonce_only(portal: Any) -> None:
    """The policy names the nonce of this page, no other host, nothing inline without it; the next page has another."""
    async with portal.client() as client:
        first, second = await client.get("/page"), await client.get("/page")
    policy = first.headers["content-security-policy"]
    nonce = first.text[3:].partition("|")[0]
    assert f"script-src 'self' 'nonce-{nonce}'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy
    assert nonce not in second.headers["content-security-policy"]


async def test_text_beyond_a_kilobyte_is_compressed_where_accepted(portal: Any, bearer: Any) -> None:
    """gzip for whom asks, plain for the rest, and an ETag that is the same for both."""
    async with portal.client(headers=bearer) as client:
        packed = await client.get("/api/things/big", headers={"accept-encoding": "gzip"})
        plain = await client.get("/api/things/big", headers={"accept-encoding": "identity"})
        small = await client.get("/api/things/list", headers={"accept-encoding": "gzip"})
        refused = await client.get("/api/things/big", headers={"accept-encoding": "gzip;q=0"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content)
    assert packed.json() == plain.json()
    assert packed.headers["etag"] == plain.headers["etag"]
    assert all("content-encoding" not in a.headers for a in (plain, small, refused))


async def test_streams_are_compressed_but_never_events(portal: Any, bearer: Any) -> None:
    """Text that streams is packed chunk by chunk; an event stream goes out as it is."""
    async with portal.client(headers={**bearer, "accept-encoding": "gzip"}) as client:
        async with client.stream("GET", "/api/things/stream") as answer:
            data = b"".join([chunk async for chunk in answer.aiter_raw()])
            assert answer.headers["content-encoding"] == "gzip"
        events = await client.get("/api/things/events")
    assert gzip.decompress(data) == b"line of text\n" * 600
    assert "content-encoding" not in events.headers


async def test_a_client_that_has_the_version_gets_304(portal: Any, bearer: Any) -> None:
    """If-None-Match is honoured on the ordinary and on the fast path; no body, no content type."""
    async with portal.client(headers=bearer) as client:
        for path in ("/api/things/list", "/api/things/raw/x"):
            tag = (await client.get(path)).headers["etag"]
            again = await client.get(path, headers={"if-none-match": f'"other", {tag}'})
            assert (again.status_code, again.content, "content-type" in again.headers) == (304, b"", False)


async def test_the_fast_path_answers_what_it_knows_and_leaves_the_rest(portal: Any, bearer: Any) -> None:
    """Credentials not seen before go the ordinary way once; nobody gets the ordinary 401; errors are mapped."""
    async with portal.client() as client:
        nobody = await client.get("/api/things/raw/x")
        first = await client.get("/api/things/raw/x", headers=bearer)
        second = await client.get("/api/things/raw/x", headers=bearer)
        broken = await client.get("/api/things/raw/broken", headers=bearer)
    assert nobody.json()["error"]["message"] == "Missing credentials"
    assert (first.json(), second.json()) == ({"who": "external:test"}, {"raw": "external:test"})
    assert (broken.status_code, broken.json()["error"]["name"]) == (409, "ConflictError")


async def test_a_large_body_is_refused_whether_or_not_its_length_is_told(portal: Any, bearer: Any) -> None:
    """100 KiB on API paths, as Express: 413 with its name."""
    data = b'{"a":"' + b"x" * 110_000 + b'"}'

    async def chunks() -> Any:
        for i in range(0, len(data), 10_000):
            yield data[i : i + 10_000]

    async with portal.client(headers={**bearer, "content-type": "application/json"}) as client:
        for content in (data, chunks()):
            answer = await client.post("/api/things/echo", content=content)
            assert answer.status_code == 413
            assert answer.json()["error"] == {"name": "PayloadTooLargeError", "message": "request entity too large"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{nope", "Expected property name or '}' in JSON at position 1 (line 1 column 2)"),
        (b"{", "Expected property name or '}' in JSON at position 1 (line 1 column 2)"),
    ],
)
async def test_broken_json_is_told_in_nodes_words(portal: Any, bearer: Any, body: bytes, message: str) -> None:
    """The recorded answers to broken bodies."""
    async with portal.client(headers={**bearer, "content-type": "application/json"}) as client:
        answer = await client.post("/api/things/echo", content=body)
    assert (answer.status_code, answer.json()["error"]) == (400, {"name": "InputError", "message": message})


async def test_pages_send_strangers_to_sign_in_and_back(portal: Any) -> None:
    """303 to the sign-in page with the way back; htmx is told to go there; a script's POST gets 401."""
    async with portal.client() as client:
        answer = await client.get("/secret?tab=1")
        fragment = await client.get("/secret", headers={"hx-request": "true"})
        post = await client.post("/page", data={"name": "x"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/secret%3Ftab%3D1")
    assert (fragment.status_code, fragment.headers["hx-redirect"]) == (401, "/sign-in?next=/secret")
    assert post.status_code == 401


async def test_an_unknown_page_is_a_page_and_says_nothing_of_faults(portal: Any) -> None:
    """404 and 500 for people are HTML; what went wrong inside is not on them."""
    async with portal.client() as client:
        missing, broken = await client.get("/no-such-page"), await client.get("/broken")
    assert (missing.status_code, broken.status_code) == (404, 500)
    assert all(a.headers["content-type"].startswith("text/html") for a in (missing, broken))
    assert "nobody sees this" not in broken.text


async def _signed_in(portal: Any) -> tuple[str, dict[str, str]]:
    """A session cookie and the CSRF secret that goes with it."""
    await portal.auth.users.create_user("ada", password=PASSWORD, actor=SYSTEM)
    session_id = await portal.auth.sessions.create_session("user:default/ada", provider="local")
    return session_id, {"cookie": f"callboard_session={session_id}"}


async def test_a_form_by_cookie_needs_its_token(portal: Any) -> None:
    """Without, with a made-up, or with somebody else's token the request is refused; with its own it passes."""
    session_id, cookie = await _signed_in(portal)
    async with portal.client(headers=cookie) as client:
        for wrong in (None, "x", csrf.make_token("another session")):
            data = {"name": "n"} if wrong is None else {"name": "n", "csrf_token": wrong}
            assert (await client.post("/page", data=data)).status_code == 403
        token = csrf.make_token(session_id)
        by_field = await client.post("/page", data={"name": "n", "csrf_token": token})
        by_header = await client.post("/page", data={"name": "m"}, headers={"x-csrf-token": token})
    assert (by_field.text, by_header.text) == ("saved n", "saved m")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"}, {"origin": "http://localhost:7008"}, {"origin": "http://[localhost:7007"},
    ],
)  # fmt: skip
async def test_a_request_from_another_site_is_refused_even_with_a_token(portal: Any, headers: dict[str, str]) -> None:
    """The browser's own word counts beside the token."""
    session_id, cookie = await _signed_in(portal)
    async with portal.client(headers={**cookie, "x-csrf-token": csrf.make_token(session_id)}) as client:
        assert (await client.post("/page", data={}, headers=headers)).status_code == 403
        same = {"origin": "http://localhost:7007", "sec-fetch-site": "same-origin"}
        assert (await client.post("/page", data={}, headers=same)).status_code == 200


async def test_json_by_cookie_needs_the_header_and_by_token_does_not(portal: Any, bearer: Any) -> None:
    """A session is ambient, so the API asks for the CSRF header; an Authorization header is proof in itself."""
    session_id, cookie = await _signed_in(portal)
    async with portal.client() as client:
        assert (await client.post("/api/things/echo", json={"a": 1}, headers=cookie)).status_code == 403
        with_header = {**cookie, "x-csrf-token": csrf.make_token(session_id)}
        assert (await client.post("/api/things/echo", json={"a": 1}, headers=with_header)).json() == {"a": 1}
        assert (await client.post("/api/things/echo", json={"a": 1}, headers=bearer)).json() == {"a": 1}


async def test_each_page_has_another_token_for_the_same_secret(portal: Any) -> None:
    """Masked anew, so that compressed pages leak nothing; all of them are valid."""
    async with portal.client() as client:
        first = await client.get("/page")
        second = await client.get("/page")
        secret = client.cookies["callboard_csrf"]
    tokens = [a.text.partition("|")[2].removesuffix("</p>") for a in (first, second)]
    assert tokens[0] != tokens[1]
    assert all(csrf.is_token(token, secret) for token in tokens)
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


async def test_a_restricted_token_keeps_to_its_plugins(make_small_portal: Any) -> None:
    """An external token with accessRestrictions is refused elsewhere, on the fast path too."""
    entry = {
        "type": "static", "options": {"token": "only-for-catalog", "subject": "ci"},
        "accessRestrictions": [{"plugin": "catalog"}],
    }  # fmt: skip
    settings = {"backend": {"auth": {"externalAccess": [entry]}}}
    portal = make_small_portal(settings, routes=[*ROUTES, Route("/api/catalog/x", _ok)], raw_routes=RAW)
    async with portal.client(headers={"authorization": "Bearer only-for-catalog"}) as client:
        assert (await client.get("/api/catalog/x")).status_code == 200
        for path in ("/api/things/list", "/api/things/raw/x", "/api/things/raw/x"):
            answer = await client.get(path)
            assert answer.status_code == 403
            assert answer.json()["error"]["message"] == "This token's access is restricted to plugin(s) 'catalog'"


async def test_requests_are_counted_by_route(portal: Any, bearer: Any) -> None:
    """The histogram names the route, not the path, so that names of things do not become labels."""
    async with portal.client(headers=bearer) as client:
        await client.get("/api/things/named/a/of/b")
    assert b'route="/api/things/named/{name}/of/{owner}"' in portal.metrics.format_text()
