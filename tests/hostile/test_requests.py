"""Requests that no client would send: each is refused or harmless, none is a 500, and the portal stays well and quick."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from tests.faults.serving import Server
from tests.hostile.raw import Answer, build, exchange

pytestmark = pytest.mark.slow
CATALOG = "/api/catalog"
BY_QUERY = f"{CATALOG}/entities/by-query"
BY_REFS = f"{CATALOG}/entities/by-refs"
FACETS = f"{CATALOG}/entity-facets"
LOCATIONS = f"{CATALOG}/locations/by-query"
SLOW_S = 3.0
JUNK = (
    "%00",
    "%ff%fe",
    "%ed%a0%80",
    "%C2%B2",
    "-1",
    "9" * 400,
    "%d9%a3",
    "..%2f..%2fetc%2fpasswd",
    "%3Cscript%3E",
    "%0d%0aX-Evil:%201",
    "a" * 60_000,
)


def ask(server: Server, request: bytes, *, refused: bool | None = None) -> Answer:
    """The answer, which is quick, no error of ours, and without a header that came from the request.

    ``refused``: True for one that must be a 4xx, False for one that must be answered.
    """
    answer = exchange(server.url, request)
    shown = f"{request[:120]!r}: {answer.status} {answer.body[:200]!r}"
    assert answer.status < 500, shown
    assert answer.seconds < SLOW_S, f"{answer.seconds:.1f} s: {shown}"
    assert not any(line.lower().startswith((b"x-evil", b"set-cookie: evil")) for line in answer.headers), answer.head
    if refused is True:
        assert 400 <= answer.status < 500, shown
        assert answer.body or answer.status == 404, shown  # Backstage's own answer to an unknown route is a bare 404
    elif refused is False:
        assert 200 <= answer.status < 400, shown
    return answer


def message_of(answer: Answer) -> str:
    body = orjson.loads(answer.body)
    return str(body["error"]["message"] if "error" in body else body["detail"])


# ---- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        *((BY_QUERY, name) for name in ("filter", "orderField", "cursor", "fields", "limit", "offset", "fullTextFilterTerm", "totalItems")),
        *((f"{CATALOG}/entities", name) for name in ("filter", "order", "after", "fields", "limit", "offset")),
        (FACETS, "facet"),
        (f"{CATALOG}/v1/why", "asked"),
        (f"{CATALOG}/v1/history", "ref"),
        (f"{CATALOG}/v1/findings", "ref"),
        (f"{CATALOG}/v1/export", "filter"),
        (f"{CATALOG}/v1/find", "q"),
        *(("/catalog", name) for name in ("q", "kind", "tag", "owner", "after", "before", "size", "sort", "start")),
        ("/catalog.csv", "q"),
        ("/catalog/why", "asked"),
        ("/catalog/problems", "offset"),
        ("/catalog/default/component/shop/relations", "start"),
        ("/catalog/default/component/shop/history", "before"),
        ("/sign-in", "next"),
        ("/api/audit/v1/events", "cursor"),
    ],
)  # fmt: skip
def test_junk_in_a_parameter_is_refused_or_finds_nothing(server: Server, path: str, parameter: str) -> None:
    """NUL, invalid UTF-8, surrogates, digits of other scripts, numbers without end, line ends, tags."""
    for value in JUNK:
        ask(server, build("GET", f"{path}?{parameter}={value}"))
        ask(server, build("GET", f"{path}?{parameter}={value}&{value}={parameter}"))


@pytest.mark.parametrize(
    "path",
    [
        f"{CATALOG}/entities/by-uid/JUNK", f"{CATALOG}/entities/by-name/JUNK/default/shop", f"{CATALOG}/entities/by-name/component/JUNK/shop",
        f"{CATALOG}/entities/by-name/component/default/JUNK/ancestry", f"{CATALOG}/locations/JUNK", f"{CATALOG}/JUNK", "/api/JUNK/x",
        "/catalog/default/component/JUNK", "/catalog/default/component/shop/JUNK", "/static/JUNK", "/JUNK", "/.backstage/JUNK",
        "/api/user-settings/buckets/JUNK/keys/a", f"{CATALOG}/.well-known/JUNK",
    ],
)  # fmt: skip
def test_junk_in_a_path_is_not_found(server: Server, path: str) -> None:
    """The same in every part of a path."""
    for value in JUNK:
        ask(server, build("GET", path.replace("JUNK", value[:4_000])), refused=True)


@pytest.mark.parametrize("size", [70_000, 1_000_000, 20_000_000])
def test_an_address_without_end_is_refused_before_it_is_read(server: Server, size: int) -> None:
    """A filter of a million characters, and a path."""
    for target in (f"{BY_QUERY}?filter=kind=" + "a" * size, "/catalog?q=" + "a" * size, "/" + "a" * size):
        assert ask(server, build("GET", target), refused=True).status in (400, 414, 431)


def test_a_head_without_end_is_refused_before_it_is_read(server: Server) -> None:
    """One header of megabytes, and a hundred thousand of them."""
    for headers in (
        {"x-a": "a" * 5_000_000},
        {"cookie": "session=" + "a" * 500_000},
        {f"x-{n}": "a" for n in range(100_000)},
    ):
        answer = ask(server, build("GET", "/catalog", headers=headers), refused=True)
        assert answer.status == 431
        assert b"131,072" in answer.body


def test_many_filters_are_answered_or_refused_with_the_limit(server: Server) -> None:
    """Up to a thousand conditions work, whichever way they are put; more are refused, and the limit is told."""
    few = "&".join(f"filter=k{n}=v" for n in range(900)) + "&filter=kind=component"
    assert orjson.loads(ask(server, build("GET", f"{BY_QUERY}?{few}"), refused=False).body)["totalItems"] == 1
    values = ",".join(f"metadata.name=v{n}" for n in range(2_500)) + ",metadata.name=shop"
    assert orjson.loads(ask(server, build("GET", f"{BY_QUERY}?filter={values}"), refused=False).body)["totalItems"] == 1
    many = "&".join(f"filter=k{n}=v" for n in range(4_000))
    assert "1,000 conditions" in message_of(ask(server, build("GET", f"{BY_QUERY}?{many}"), refused=True))
    assert "1,000 conditions" in message_of(ask(server, build("GET", f"{CATALOG}/entities?{many}"), refused=True))
    wide = {"$any": [{f"k{n}": "v"} for n in range(900)] + [{"kind": "component"}]}
    assert orjson.loads(ask(server, _post(BY_QUERY, {"query": wide}), refused=False).body)["totalItems"] == 1
    wider = {"$any": [{f"k{n}": "v"} for n in range(5_000)]}
    assert "1,000 conditions" in message_of(ask(server, _post(BY_QUERY, {"query": wider}), refused=True))


def test_asking_for_everything_at_once_is_refused(server: Server) -> None:
    """Thousands of fields, facets and fields to look for text in; paths with thousands of parts; keys of dots alone."""
    many = ",".join(f"f{n}" for n in range(8_000))
    ask(server, build("GET", f"{BY_QUERY}?fields={many}"), refused=True)
    ask(server, build("GET", f"{BY_QUERY}?fields={'metadata.' * 6_000}x"), refused=True)
    ask(server, build("GET", f"{FACETS}?" + "&".join(f"facet=f{n}" for n in range(5_000))), refused=True)
    ask(server, build("GET", f"{BY_QUERY}?fullTextFilterTerm=a&fullTextFilterFields={many}"), refused=True)
    ask(server, build("GET", f"{BY_QUERY}?filter={'a.' * 30_000}=true"), refused=False)
    ask(server, build("GET", f"{FACETS}?facet={'a.' * 30_000}"), refused=False)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../../../../../../etc/passwd", "/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/static/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/static/..%5c..%5c..%5cetc%5cpasswd", "/static//etc/passwd", "/static/%252e%252e/%252e%252e/etc/passwd", "/static/css/../../../app.py",
    ],
)  # fmt: skip
def test_static_files_come_from_their_folder_alone(server: Server, path: str) -> None:
    """No spelling of dots and slashes leads out of it."""
    answer = ask(server, build("GET", path), refused=True)
    assert b"root:" not in answer.body
    assert b"from __future__" not in answer.body


# ---- bodies -----------------------------------------------------------------------------------------------------------


def _post(path: str, body: Any) -> bytes:
    return build("POST", path, body if isinstance(body, bytes) else orjson.dumps(body))


def _nested(levels: int, opening: bytes, inner: bytes, closing: bytes) -> bytes:
    return opening * levels + inner + closing * levels


@pytest.mark.parametrize("levels", [101, 1_000, 10_000])
@pytest.mark.parametrize("path", [BY_QUERY, BY_REFS, FACETS, LOCATIONS])
def test_a_predicate_nested_without_end_is_refused(server: Server, path: str, levels: int) -> None:
    """``$not`` in ``$not``, and lists in lists."""
    rest = b'"entityRefs":[],' if path == BY_REFS else b'"facets":["kind"],' if path == FACETS else b""
    for query in (
        _nested(levels, b'{"$not":', b'{"kind":"a"}', b"}"),
        _nested(levels // 2, b'{"$any":[', b'{"kind":"a"}', b"]}"),
    ):
        answer = ask(server, _post(path, b"{" + rest + b'"query":' + query + b"}"), refused=levels > 101 or None)
        if answer.status != 200:
            assert "deep" in message_of(answer) or "depth" in message_of(answer) or answer.status == 413


def test_a_predicate_nested_within_reason_is_answered(server: Server) -> None:
    """As deep as is allowed, on both sides of the odd and even number of negations."""
    for levels, wanted in ((97, 0), (98, 1)):
        query = _nested(levels, b'{"$not":', b'{"metadata.name":"shop"}', b"}")
        answer = ask(server, _post(BY_QUERY, b'{"query":{"$all":[{"kind":"component"},' + query + b"]}}"), refused=None)
        if answer.status == 200:
            assert orjson.loads(answer.body)["totalItems"] == wanted


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 50_000, b"[" * 40_000 + b"]" * 40_000, b'{"a":' * 10_000 + b"1" + b"}" * 10_000, b'{"query":{"kind":"\xff\xfe"}}',
        b'{"query":{"kind":"\\ud800"}}', b'{"query":{"\\udfff":"a"}}', b'{"query":{"kind":NaN}}', b'{"limit":-1}', b'{"limit":1.5}', b'{"limit":"x"}',
        b'{"orderBy":[{"field":5}]}', b'{"orderBy":"x"}', b'{"fields":[5]}', b'{"query":[]}', b'{"query":{"$not":[]}}', b'{"query":{"$in":5}}',
        b'{"query":{"kind":{"$in":[[]]}}}', b'{"query":{"kind":{"$hasPrefix":{}}}}', b'{"cursor":"%%%"}', b'{"cursor":5}', b"\0", b"\xef\xbb\xbf{}x", b"{}{}",
        b'{"fullTextFilter":{"term":{}}}', b'{"query":{"relations":{"$contains":{"type":5}}}}', b'"text"', b"5",
    ],
)  # fmt: skip
def test_a_body_that_is_no_query_is_refused(server: Server, body: bytes) -> None:
    """JSON that is none, too deep, of the wrong shape, or holds what is no text."""
    ask(server, _post(BY_QUERY, body), refused=True)


@pytest.mark.parametrize("text", ["\0", "a\0b", "\U0010ffff", "\ufeff", "'\"`;--", "%_", "\x01", "A" * 50_000])
def test_odd_text_in_a_query_finds_nothing(server: Server, text: str) -> None:
    """As value, key, prefix, order and ref; marks of SQL and of its patterns have no meaning."""
    for body in (
        {"query": {"kind": text}}, {"query": {text: "a"}}, {"query": {"metadata.name": {"$hasPrefix": text}}},
        {"query": {"kind": {"$in": [text, "component"]}, "metadata.name": text}}, {"orderBy": [{"field": text}]},
        {"fullTextFilter": {"term": text, "fields": ["metadata.title"]}}, {"query": {text: {"$exists": True}}},
    ):  # fmt: skip
        answer = ask(server, _post(BY_QUERY, body))
        if answer.status == 200:
            assert orjson.loads(answer.body)["items"] == []
    answer = ask(server, _post(BY_REFS, {"entityRefs": [text, f"component:default/{text}", ":/", ""]}))
    assert answer.status == 400 or orjson.loads(answer.body)["items"] == [None] * 4


def test_a_body_without_end_is_refused_before_it_is_read(server: Server) -> None:
    """Fifty megabytes, said beforehand or in pieces, as JSON, form or file; compressed ones are not unpacked."""
    body = b'{"entityRefs":["' + b"a" * 50_000_000 + b'"]}'
    for path in (
        BY_QUERY,
        BY_REFS,
        f"{CATALOG}/locations",
        f"{CATALOG}/validate-entity",
        f"{CATALOG}/analyze-location",
        "/api/permission/authorize",
    ):
        assert ask(server, _post(path, body), refused=True).status == 413
    pieces = b"10000\r\n" + b"a" * 65_536 + b"\r\n"
    request = build("POST", BY_QUERY, pieces * 400 + b"0\r\n\r\n", headers={"transfer-encoding": "chunked"})
    assert ask(server, request, refused=True).status == 413
    form = {"content-type": "application/x-www-form-urlencoded"}
    ask(server, build("POST", "/sign-in", b"a=b&" * 12_000_000, headers=form, anonymous=True), refused=True)
    many = {"content-type": "multipart/form-data; boundary=x"}
    ask(server, build("POST", "/sign-in", b"--x\r\n" * 50_000, headers=many, anonymous=True), refused=True)
    packed = build(
        "POST",
        BY_QUERY,
        gzip.compress(b"a" * 50_000_000),
        headers={"content-encoding": "gzip", "content-type": "application/json"},
    )
    ask(server, packed, refused=True)


# ---- cursors ----------------------------------------------------------------------------------------------------------

_CURSOR: dict[str, Any] = {
    "orderFields": [], "isPrevious": False, "orderFieldValues": ["5"], "firstSortFieldValues": ["1"], "totalItems": 50,
}  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"orderFieldValues": ["-5"]}, {"orderFieldValues": ["9" * 30]}, {"orderFieldValues": [5]}, {"orderFieldValues": ["1", "2", "3"]},
        {"orderFieldValues": {}}, {"orderFields": [{"field": "a\0"}]}, {"orderFields": "x"}, {"orderFields": [{"field": "kind", "order": "up"}]},
        {"totalItems": -1}, {"totalItems": 10**18}, {"totalItems": "5"}, {"isPrevious": "no"}, {"query": 5}, {"query": {"$not": []}},
        {"query": {"$any": [{f"k{n}": "v"} for n in range(3_000)]}}, {"fullTextFilter": {"term": 5}}, {"fullTextFilter": {"term": "x", "fields": [5]}},
        {"firstSortFieldValues": ["x"]}, {"orderFieldValues": ["٣"]},
    ],
)  # fmt: skip
def test_a_cursor_that_was_tampered_with_is_refused(server: Server, changes: dict[str, Any]) -> None:
    """Wrong types, places outside of the list, queries that would be refused by themselves."""
    cursor = base64.b64encode(orjson.dumps({**_CURSOR, **changes})).decode()
    answer = ask(server, build("GET", f"{BY_QUERY}?cursor={quote(cursor)}"), refused=True)
    assert message_of(answer)
    ask(server, _post(BY_QUERY, {"cursor": cursor}), refused=True)


def test_bytes_of_a_cursor_that_were_changed_do_no_harm(server: Server) -> None:
    """Every byte of a good cursor in turn, cut short, and nonsense."""
    good = base64.b64encode(orjson.dumps(_CURSOR)).decode()
    for at in range(0, len(good), 3):
        ask(server, build("GET", f"{BY_QUERY}?cursor={quote(good[:at] + '~' + good[at + 1 :])}"))
        ask(server, build("GET", f"{BY_QUERY}?cursor={quote(good[:at] + 'A' + good[at + 1 :])}"))
        ask(server, build("GET", f"{BY_QUERY}?cursor={quote(good[: at + 1])}"))
    for text in (
        b'{"limit":"x"}',
        b'{"limit":-1}',
        b'{"limit":1e300,"offset":1e300}',
        b"[]",
        b"\xff",
        b'{"limit":5,"offset":-3}',
        b'{"limit":true}',
    ):
        ask(server, build("GET", f"{CATALOG}/entities?after={quote(base64.b64encode(text))}"), refused=True)
        ask(server, _post(LOCATIONS, {"cursor": base64.b64encode(text).decode()}), refused=True)


def test_a_cursor_shows_no_more_than_its_owner_may_see(server: Server) -> None:
    """A cursor is a question like any other: one with a query of everything gives what the asker may see, to nobody nothing."""
    cursor = quote(
        base64.b64encode(orjson.dumps({**_CURSOR, "orderFieldValues": ["0"], "query": {"kind": {"$exists": True}}}))
    )
    assert ask(server, build("GET", f"{BY_QUERY}?cursor={cursor}"), refused=False).status == 200
    assert ask(server, build("GET", f"{BY_QUERY}?cursor={cursor}", anonymous=True), refused=True).status == 401


# ---- the protocol -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00" + b"\0" * 100, b"GET /\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET\r\n\r\n",
        build("BREW", "/catalog"), build("A" * 10_000, "/"), build("TRACE", "/catalog"), build("OPTIONS", "*"),
        build("GET", b"/catalog?q=\xe9\xff"), build("GET", b"/\xff\xfe"), build("GET", b"/a\rb"), build("GET", "http://evil.example.com/catalog"),
        build("GET", "/catalog", headers={"x-request-id": b"\xff\x00\x01"}), build("GET", "/catalog", headers={"x-a": b"b\r\n\r\nGET /x HTTP/1.1"}),
        build("POST", BY_QUERY, b"{}", headers={"content-length": "-5"}), build("POST", BY_QUERY, b"{}", headers={"content-length": "2, 5"}),
        build("POST", BY_QUERY, b"{}", headers={"content-length": "9" * 30}), build("POST", BY_QUERY, b"zz\r\n", headers={"transfer-encoding": "chunked"}),
        build("POST", BY_QUERY, b"0\r\n\r\nGET /x HTTP/1.1\r\n\r\n", headers={"transfer-encoding": "chunked", "content-length": "4"}),
        build("POST", BY_QUERY, b"{}", headers={"transfer-encoding": "xchunked"}), build("GET", "/catalog", headers={"host": "<script>.example.com"}),
        build("GET", "/static/css/base.css", headers={"range": "bytes=0-1," * 5_000}), build("GET", "/catalog", headers={"accept-encoding": "gzip;q=" * 5_000}),
        build("GET", "/catalog", headers={"accept-language": "a-" * 30_000}), build("GET", "/catalog", headers={"cookie": "; ".join(f"a{n}=b" for n in range(5_000))}),
        build("GET", FACETS + "?facet=kind", headers={"if-none-match": ", ".join(['W/"a"'] * 5_000)}),
        build("GET", "/catalog", headers={"x-forwarded-proto": "javascript", "x-forwarded-host": "evil\"><script>", "x-forwarded-for": "<script>"}),
    ],
    ids=lambda request: repr(request[:24]),
)  # fmt: skip
def test_what_is_hardly_http_does_no_harm(server: Server, request_bytes: bytes) -> None:
    """Other protocols, methods, lengths that contradict each other, headers that end lines, heads that try to be two."""
    answer = ask(server, request_bytes)
    assert b"<script>.example.com" not in answer.head


@pytest.mark.parametrize(
    "token",
    [
        b"\xff\xfe\x80", b"a." * 20_000, b"eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c2VyOmRlZmF1bHQvcm9vdCJ9.", b"eyJhbGciOiJFUzI1NiIsImtpZCI6Ii4uLy4uLyJ9.e30.AA",
        b"e30.e30.e30", b"....", b"cb_" + b"a" * 10_000, b"null", b"{}", b" ",
    ],
)  # fmt: skip
def test_tokens_that_are_none_are_refused(server: Server, token: bytes) -> None:
    """Bytes, dots without end, algorithm none, keys by path: 401 in a few milliseconds."""
    request = build("GET", f"{CATALOG}/entities", anonymous=True, headers={"authorization": b"Bearer " + token})
    assert ask(server, request, refused=True).status in (400, 401)


def test_line_ends_never_reach_a_header(server: Server) -> None:
    """Wherever an answer repeats what was asked in a header: links, redirects, file names, request ids."""
    evil = "%0d%0aX-Evil:%201%0d%0a%0d%0a%3Cscript%3E"
    for target in (
        f"{CATALOG}/entities?limit=1&filter=kind%2Ckind={evil}", f"{CATALOG}/v1/export?format=csv{evil}", f"/sign-in?next=/{evil}",
        f"/catalog/default/component/shop{evil}", f"/catalog/why?asked={evil}", f"/{evil}", f"/catalog.csv?q={evil}",
    ):  # fmt: skip
        ask(server, build("GET", target))
        ask(server, build("GET", target, anonymous=True))


def test_signing_in_never_leads_elsewhere(server: Server) -> None:
    """``next`` is a path of this portal, however it is written."""
    for where in (
        "https://evil.example.com",
        "//evil.example.com",
        "/\\evil.example.com",
        "javascript:alert(1)",
        "/%09/evil.example.com",
        "\thttps://evil.example.com",
        "/%2F/evil.example.com",
    ):
        answer = ask(server, build("GET", f"/sign-in?next={quote(where)}", anonymous=True))
        location = answer.header("location") or b""
        assert b"evil.example.com" not in location or location.startswith(b"/sign-in")
        assert b'value="https://evil' not in answer.body
        assert b'value="//evil' not in answer.body
        assert b'href="javascript:' not in answer.body


def test_errors_tell_nothing_of_the_inside(server: Server) -> None:
    """No traceback, path of a source file or SQL in any of the answers above: a sample of them."""
    for request in (
        _post(BY_QUERY, b"["),
        build("GET", f"{BY_QUERY}?limit=x"),
        build("GET", "/nowhere"),
        build("GET", f"{CATALOG}/v1/why?asked=%00"),
    ):
        body = ask(server, request, refused=True).body
        for word in (b"Traceback", b".py", b"SELECT ", b"site-packages", b"apsw"):
            assert word not in body
    assert json.loads(ask(server, build("GET", f"{BY_QUERY}?limit=x")).body)["error"]["name"] == "InputError"
