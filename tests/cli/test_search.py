"""``callboard search``: the same near and far."""

from __future__ import annotations

import time

import pytest

from tests.cli.calls import run, run_json

Capture = pytest.CaptureFixture[str]


def test_a_search_is_the_same_near_and_far(capsys: Capture, door: tuple[str, ...]):
    """JSON with kind, name, location and reasons; terms of a thousand characters; filters; what cannot be used is exit status 2."""
    until = time.monotonic() + 10  # a server that has just begun is still reading its catalog
    while not run_json(capsys, "search", "payments", *door)["items"] and time.monotonic() < until:
        time.sleep(0.1)
    asked = ("search", "please tell me " * 60 + "about paymnets", "--limit", "1")
    (item,) = run_json(capsys, *asked, *door)["items"]
    assert (item["kind"], item["name"], item["ref"]) == ("Component", "payments", "component:default/payments")
    assert item["location"] == "/catalog/default/component/payments" and item["reasons"]
    code, out, _ = run(capsys, "search", "payments", "--filter", "kind=Component", "--facet", "kind", *door)
    assert code == 0 and out.startswith("Payments\n") and "kind: Component 1" in out
    assert run(capsys, "search", "zzyzx", *door)[1] == "Nothing found.\n"
    for bad in (("x" * 1001,), ("x", "--type", "films"), ("x", "--filter", "kind")):
        assert run(capsys, "search", *bad, *door)[0] == 2, bad
