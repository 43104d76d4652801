"""Real files give the verdicts that the real Backstage gives."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="module")
def report(shared: Path):  # type: ignore[no-untyped-def]
    """The comparison of ``bench/corpus.py``, run once."""
    sys.path.insert(0, str(ROOT / "bench"))
    try:
        import corpus
    finally:
        sys.path.pop(0)
    return corpus.run(shared / "corpus" / "catalog")


@pytest.mark.parametrize("criterion", ["verdict", "stage", "ref", "relations", "location_targets"])
def test_real_files_agree_with_backstage(report, criterion: str) -> None:  # type: ignore[no-untyped-def]
    """At least 99% of the documents on each criterion."""
    assert report.documents >= 600
    assert report.share(criterion) >= 0.99


def test_every_difference_is_explained(report) -> None:  # type: ignore[no-untyped-def]
    """A difference that nobody explained is a mistake."""
    assert [d for d in report.differences if d["why"] is None] == []
