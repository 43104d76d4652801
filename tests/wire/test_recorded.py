"""Each recorded request, asked of us: the answer is Backstage's, but for the differences listed here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from callboard.testing.portal import PortalForTest, portal_client
from tests.wire.peer import TOKEN, Files, component
from tests.wire.recordings import Comparison, read_exchanges

pytestmark = pytest.mark.anyio

GROUPS = (
    "01-catalog-entities",
    "02-catalog-by-query",
    "03-catalog-by-refs-facets",
    "04-catalog-locations",
    "05-catalog-analyze-validate",
)

# Backstage's order, where none is asked for, is that of random uids; ours is that in which entities came.
UNORDERED = frozenset(
    (
        "01.1 all, no limit",
        "01.6 and: two conditions in one filter",
        "01.7 or: two filters",
        "01.8 or: same key twice in one filter",
        "01.9 exists",
        "01.10 label",
        "01.12 relation",
        "01.13 case of key and value",
        "02.6 default limit",
        "02.8 order by two fields",
        "02.10 order by a field some lack",
        "02.12 full text, named fields",
        "02.20 huge limit",
        "02.26 POST with $hasPrefix",
        "02.27 POST with fullTextFilter",
    )
)
CHANCE = frozenset(
    (
        "01.46 one location",  # the first by ref, which is a hash of a path
        "02.14 totalItems=exclude",
        "02.25 POST with $all $any $not $in $exists",
    )
)

_MESSAGE = "$.error.message"
ALLOWED = {
    "02.28 POST with an unknown operator": (
        _MESSAGE,
        "one sentence with the place, where Backstage lists what each form would need",
    ),
    "04.3 dry run of bad yaml": (_MESSAGE, "the words are those of another YAML parser; line and column are told too"),
}
"""Exchanges that differ on purpose: where in the body, and why. All else of them has to be as recorded."""


@pytest.mark.parametrize("group", GROUPS)
async def test_answers_are_as_recorded(
    group: str, peer: PortalForTest, files: Files, shared: Path, peer_catalog: Path, peer_template: Path
) -> None:
    """Status, headers that clients may look at, and the body, key for key."""
    text = (shared / "facts" / "backstage-responses" / f"{group}.http").read_text()
    folders = {
        "/tmp/peer-backstage/catalogs/20": str(peer_catalog),
        "/tmp/peer-backstage/app/template": str(peer_template.parent),
    }
    comparison = Comparison(folders)
    files.put("one.yaml", component("from-url", "first"))
    files.put("bad-yaml.yaml", "a: [1, 2\n b: }")
    files.put("bad-entity.yaml", component("Not A Name!", "x"))
    files.put_nothing("missing.yaml")
    problems: dict[str, list[str]] = {}
    async with portal_client(peer.portal) as client:
        for exchange in read_exchanges(group, text):
            if exchange.key == "04.24 refresh":
                files.put("one.yaml", component("from-url", "second"))
            headers = {name: value for name, value in exchange.headers.items() if name != "authorization"}
            if "authorization" in exchange.headers:
                headers["authorization"] = f"Bearer {TOKEN}"
            reply = await client.request(
                exchange.method,
                comparison.ours(exchange.target),
                headers={"accept-encoding": "identity", **headers},
                content=exchange.body.encode() if exchange.body is not None else None,
            )
            if exchange.method == "POST":  # the recorder did not wait after PUT and DELETE
                await peer.jobs.run_due()
            found = comparison.differences(
                exchange,
                reply.status_code,
                _plain(reply.headers),
                reply.text,
                is_unordered=exchange.key in UNORDERED,
                is_chance=exchange.key in CHANCE,
            )
            if exchange.key in ALLOWED:
                place, _ = ALLOWED[exchange.key]
                rest = [line for line in found if not line.startswith(place)]
                assert rest != found, f"{exchange.key} does not differ there any more: take it out of ALLOWED"
                found = rest
            if found:
                problems[exchange.key] = found
    assert not problems, "\n".join(f"{key}\n    " + "\n    ".join(lines) for key, lines in problems.items())


def _plain(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
