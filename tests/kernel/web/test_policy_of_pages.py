"""``backend.csp`` widens what pages may load, and opens nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.kernel.errors import InputError
from callboard.kernel.web.security import page_policy, read_policy


def _directives(policy: str) -> dict[str, list[str]]:
    """As browsers read it: of a directive that stands twice the first counts."""
    found: dict[str, list[str]] = {}
    for part in policy.split(";"):
        name, *sources = part.split()
        found.setdefault(name, sources)
    return found


def test_images_and_connections_can_be_opened() -> None:
    """In camel case and kebab case, as in Backstage's settings; our own sources stay."""
    more = read_policy(
        {"imgSrc": ["https://avatars.example", "https:"], "connect-src": ["'self'", "wss://live.example:8443"]}
    )
    found = _directives(page_policy("n", more))
    assert found["img-src"] == ["'self'", "data:", "https://avatars.example", "https:"]
    assert found["connect-src"] == ["'self'", "wss://live.example:8443"]
    assert found["script-src"] == ["'self'", "'nonce-n'"]


@pytest.mark.parametrize(
    "name", ["scriptSrc", "script-src", "styleSrc", "defaultSrc", "frameAncestors", "baseUri", "objectSrc"]
)
@pytest.mark.parametrize("value", [["*"], ["'unsafe-inline'"], False])
def test_what_protects_pages_cannot_be_opened(name: str, value: Any) -> None:
    """Scripts carry a nonce whatever the settings say."""
    assert page_policy("n", read_policy({name: value})) == page_policy("n")


@pytest.mark.parametrize("source", ["https://a.example; script-src *", "'unsafe-eval'", "a b", "", 7, "javascript:"])
def test_a_source_that_is_none_is_an_error_of_the_settings(source: Any) -> None:
    """It could end one directive and begin another."""
    with pytest.raises(InputError) as told:
        read_policy({"imgSrc": [source]})
    assert told.value.field == "backend.csp.imgSrc"
