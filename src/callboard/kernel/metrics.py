"""Counters, gauges and histograms of one portal, shown at ``/metrics`` in Prometheus' text form.

Recording is a dictionary update, so that the fast paths can afford it; ``prometheus-client`` is loaded only when somebody
asks for the text. Plugins with collectors of their own add them to ``Metrics.registry``.
No metric has entity names, refs or users as labels: what may not be seen must not be counted in public.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any, Callable, Iterable, Mapping, Sequence, TypeVar

DEFAULT_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
TEXT_TYPE = "text/plain; version=1.0.0; charset=utf-8"
Labels = tuple[str, ...]


class Counter:
    """Only grows. ``name`` has no ``_total``: the text form adds it."""

    __slots__ = ("_values", "help", "labels", "name")

    def __init__(self, name: str, help: str, labels: Sequence[str] = ()) -> None:
        self.name, self.help, self.labels = name.removesuffix("_total"), help, tuple(labels)
        self._values: dict[Labels, float] = {} if labels else {(): 0.0}

    def inc(self, *labels: str, by: float = 1.0) -> None:
        self._values[labels] = self._values.get(labels, 0.0) + by

    def reach(self, value: float, *labels: str) -> None:
        """Take over what was counted elsewhere; it never falls."""
        self._values[labels] = max(value, self._values.get(labels, 0.0))

    def value(self, *labels: str) -> float:
        return self._values.get(labels, 0.0)

    def samples(self) -> Iterable[tuple[Labels, float]]:
        return list(self._values.items())


class Gauge:
    """Goes up and down; set, or read from ``read`` when the text is made."""

    __slots__ = ("_read", "_values", "help", "labels", "name")

    def __init__(
        self, name: str, help: str, labels: Sequence[str] = (), read: Callable[[], float] | None = None
    ) -> None:
        self.name, self.help, self.labels, self._read = name, help, tuple(labels), read
        self._values: dict[Labels, float] = {}

    def set(self, value: float, *labels: str) -> None:
        self._values[labels] = value

    def replace(self, values: Mapping[Labels, float]) -> None:
        """Set all at once; label sets that are not among them are gone."""
        self._values = dict(values)

    def inc(self, *labels: str, by: float = 1.0) -> None:
        self._values[labels] = self._values.get(labels, 0.0) + by

    def value(self, *labels: str) -> float:
        return self._read() if self._read is not None else self._values.get(labels, 0.0)

    def samples(self) -> Iterable[tuple[Labels, float]]:
        return [((), self._read())] if self._read is not None else list(self._values.items())


class Histogram:
    """How values spread over ``buckets`` (upper bounds, rising)."""

    __slots__ = ("_counts", "_sums", "buckets", "help", "labels", "name")

    def __init__(
        self, name: str, help: str, labels: Sequence[str] = (), buckets: Sequence[float] = DEFAULT_BUCKETS_S
    ) -> None:
        self.name, self.help, self.labels, self.buckets = name, help, tuple(labels), tuple(buckets)
        self._counts: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = {}

    def observe(self, value: float, *labels: str) -> None:
        counts = self._counts.get(labels)
        if counts is None:
            counts = self._counts[labels] = [0] * (len(self.buckets) + 1)
            self._sums[labels] = 0.0
        counts[bisect_left(self.buckets, value)] += 1
        self._sums[labels] += value

    def count(self, *labels: str) -> int:
        return sum(self._counts.get(labels, ()))

    def samples(self) -> Iterable[tuple[Labels, list[tuple[str, float]], float]]:
        """Per label set: cumulative (upper bound, count) pairs, and the sum of the values."""
        for labels, counts in list(self._counts.items()):
            total = 0.0
            pairs = []
            for bound, count in zip((*self.buckets, float("inf")), counts, strict=True):
                total += count
                pairs.append(("+Inf" if bound == float("inf") else repr(bound), total))
            yield labels, pairs, self._sums[labels]


M = TypeVar("M", Counter, Gauge, Histogram)


class Metrics:
    """The registry of one portal. Asking twice for the same name gives the same metric."""

    def __init__(self) -> None:
        self._metrics: dict[str, Counter | Gauge | Histogram] = {}
        self._registry: Any = None

    def counter(self, name: str, help: str, labels: Sequence[str] = ()) -> Counter:
        return self._ensure(name.removesuffix("_total"), Counter, lambda: Counter(name, help, labels))

    def gauge(self, name: str, help: str, labels: Sequence[str] = (), read: Callable[[], float] | None = None) -> Gauge:
        return self._ensure(name, Gauge, lambda: Gauge(name, help, labels, read))

    def histogram(
        self, name: str, help: str, labels: Sequence[str] = (), buckets: Sequence[float] = DEFAULT_BUCKETS_S
    ) -> Histogram:
        return self._ensure(name, Histogram, lambda: Histogram(name, help, labels, buckets))

    def _ensure(self, name: str, type_: type[M], make: Callable[[], M]) -> M:
        metric = self._metrics.get(name)
        if metric is None:
            self._metrics[name] = metric = make()
        if not isinstance(metric, type_):
            raise ValueError(f"the metric {name} is a {type(metric).__name__.lower()}, not a {type_.__name__.lower()}")
        return metric

    @property
    def registry(self) -> Any:
        """The ``prometheus_client.CollectorRegistry`` of this portal, with our metrics and those of the process."""
        if self._registry is None:
            from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

            registry = CollectorRegistry(auto_describe=False)
            ProcessCollector(registry=registry)
            PlatformCollector(registry=registry)
            registry.register(self)
            self._registry = registry
        return self._registry

    def describe(self) -> list[Any]:
        """Nothing: names are known only when the text is made. Part of prometheus-client's collector protocol."""
        return []

    def collect(self) -> Iterable[Any]:
        """Our metrics as families. Part of prometheus-client's collector protocol."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        for metric in list(self._metrics.values()):
            if isinstance(metric, Histogram):
                histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
                for labels, buckets, total in metric.samples():
                    histogram.add_metric(labels, buckets, total)
                yield histogram
                continue
            family = CounterMetricFamily if isinstance(metric, Counter) else GaugeMetricFamily
            plain = family(metric.name, metric.help, labels=metric.labels)
            for labels, value in metric.samples():
                plain.add_metric(labels, value)
            yield plain

    def format_text(self) -> bytes:
        """Prometheus' text exposition, as ``/metrics`` sends it with ``TEXT_TYPE``."""
        from prometheus_client import generate_latest

        return generate_latest(self.registry)
