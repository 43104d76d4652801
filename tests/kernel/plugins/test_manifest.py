"""Version ranges of manifests."""

from __future__ import annotations

import pytest

from callboard.kernel.plugins.manifest import is_version_in


@pytest.mark.parametrize(
    ("version", "range_", "expected"),
    [
        ("0.1.0", "", True), ("0.1.0", ">=0.1", True), ("0.1.0", ">=0.1,<1", True), ("1.0", ">=0.1,<1", False), ("0.10", ">=0.9", True),
        ("0.1.5", "~=0.1.2", True), ("0.2", "~=0.1.2", False), ("1.9", "~=1.2", True), ("2.0", "~=1.2", False), ("1.0.0", "==1", True),
        ("1.0", "!=1.0", False), ("0.1.0.dev3", ">0.0.9", True), ("0.1", "<=0.1.0", True),
    ],
)  # fmt: skip
def test_a_version_lies_in_a_range_or_not(version: str, range_: str, expected: bool) -> None:
    """Numbers compare as numbers, missing parts count as zero, and ~= keeps all but the last part."""
    assert is_version_in(version, range_) is expected
