"""Numbers in, Prometheus' text out."""

from __future__ import annotations

import pytest

from callboard.kernel.metrics import Metrics


def test_the_text_has_every_kind_of_metric() -> None:
    """Counters, gauges and cumulative histogram buckets, with labels, beside those of the process."""
    metrics = Metrics()
    metrics.counter("callboard_reads_total", "Reads.", ["door"]).inc("rest", by=3)
    metrics.gauge("callboard_entities", "Entities.", read=lambda: 7.0)
    seconds = metrics.histogram("callboard_seconds", "Time.", buckets=(0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 5.0):
        seconds.observe(value)
    lines = metrics.format_text().decode().splitlines()
    assert 'callboard_reads_total{door="rest"} 3.0' in lines
    assert "callboard_entities 7.0" in lines
    assert [line for line in lines if line.startswith("callboard_seconds")] == [
        'callboard_seconds_bucket{le="0.1"} 2.0',
        'callboard_seconds_bucket{le="1.0"} 3.0',
        'callboard_seconds_bucket{le="+Inf"} 4.0',
        "callboard_seconds_count 4.0",
        "callboard_seconds_sum 5.65",
    ]
    assert any(line.startswith("process_resident_memory_bytes") for line in lines)


def test_one_name_is_one_metric() -> None:
    """Asking again gives the same one; asking for another kind is a mistake."""
    metrics = Metrics()
    assert metrics.counter("a_total", "A.") is metrics.counter("a_total", "A.")
    with pytest.raises(ValueError, match="is a counter"):
        metrics.gauge("a", "A.")


def test_portals_count_apart() -> None:
    """Two in one process have a registry each."""
    one, two = Metrics(), Metrics()
    one.counter("a_total", "A.").inc()
    two.counter("a_total", "A.")
    assert "a_total 1.0" in one.format_text().decode()
    assert "a_total 0.0" in two.format_text().decode()
