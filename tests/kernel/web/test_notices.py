"""What a form did is told once, on the next page, whatever a browser sends as its cookie."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.kernel.web.notices import COOKIE, MAX_COOKIE, Notice, leave_notice, read_notice
from callboard.kernel.web.responses import Empty

FULL = Notice(
    "editing.said.deleted",
    "editing.said.deleted_means",
    ("editing.said.bring_back", "/catalog/deleted"),
    {"name": "till"},
)


class _Request:
    """As much of a request as leaving a notice takes."""

    class portal:
        class auth:
            class settings:
                secure_cookies = True


def left(notice: Notice) -> str | None:
    """What the browser keeps."""
    response: Any = leave_notice(_Request, Empty(303), notice)  # type: ignore[arg-type]
    header = response.headers.get("set-cookie")
    if header is None:
        return None
    assert "HttpOnly" in header and "Secure" in header and "SameSite=lax" in header and "Max-Age=60" in header
    name, _, rest = header.partition("=")
    assert name == COOKIE
    return str(rest.partition(";")[0])


@pytest.mark.parametrize("notice", [FULL, Notice("a.b"), Notice("a.b", arguments={"name": "Ünï 🙂"})], ids=str)
def test_a_notice_comes_back_as_it_was_left(notice: Notice) -> None:
    assert read_notice(left(notice)) == notice


def test_what_is_long_is_cut_and_what_is_too_long_is_not_told() -> None:
    """A cookie stays small: browsers send it with each request."""
    cut = read_notice(left(Notice("a.b", arguments={"name": "x" * 500})))
    assert cut is not None and cut.arguments["name"] == "x" * 119 + "…"
    assert left(Notice("a.b", arguments={str(n): "y" * 100 for n in range(40)})) is None


@pytest.mark.parametrize("way", ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)", ""])
def test_a_way_leads_to_this_portal_alone(way: str) -> None:
    """A cookie may come from elsewhere in the domain: it sends nobody away."""
    forged = base64.urlsafe_b64encode(orjson.dumps(["a.b", "", ["c.d", way], {}])).decode()
    found = read_notice(forged)
    assert found is not None and found.way is None


@given(st.one_of(st.text(max_size=80), st.text("A", min_size=MAX_COOKIE + 1, max_size=MAX_COOKIE + 9)))
def test_no_cookie_breaks_a_page(cookie: str) -> None:
    found = read_notice(cookie)
    assert found is None or isinstance(found, Notice)


@pytest.mark.parametrize(
    "value", [None, 5, [], ["a"], ["a", "b", "c", {}], ["a", "b", None, {"n": 5}], [1, "", None, {}], {"a": 1}]
)
def test_what_another_release_wrote_is_passed_over(value: Any) -> None:
    assert read_notice(base64.urlsafe_b64encode(orjson.dumps(value)).decode()) is None
