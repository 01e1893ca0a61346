"""What is counted, in Prometheus' form."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """One registry per app, so that several apps in a process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.start_latency = Histogram(
            "hoplite_job_start_latency_seconds",
            "From the request to start a job to its process",
            buckets=_FAST,
            registry=self.registry,
        )
        self.request_latency = Histogram(
            "hoplite_request_latency_seconds",
            "Time to answer a request, long polls and streams left out",
            ["method", "route", "status"],
            buckets=_FAST,
            registry=self.registry,
        )
        self._latency_of: dict[tuple[str, str, int], Histogram] = {}
        self.commit_time = Histogram(
            "hoplite_journal_commit_seconds",
            "Time of one write to the journal, fsync included",
            buckets=_FAST,
            registry=self.registry,
        )
        self.planning_time = Histogram(
            "hoplite_planning_seconds",
            "Time of one look for the jobs that are to start, or of planning all anew",
            buckets=_FAST,
            registry=self.registry,
        )
        self.commit_size = Histogram(
            "hoplite_journal_commit_changes",
            "Commands that shared one write to the journal",
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=self.registry,
        )

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """A number that is read when somebody asks."""
        Gauge(name, text, registry=self.registry).set_function(read)

    def jobs(self, counts: Callable[[], dict[tuple[str, str], int]]) -> None:
        """Jobs kept, by state and outcome."""
        self.registry.register(_Jobs(counts))

    def text(self) -> bytes:
        return generate_latest(self.registry)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request."""
        key = method, route, status
        histogram = self._latency_of.get(key)
        if histogram is None:
            # Found anew each time it would cost more than counting does.
            histogram = self._latency_of[key] = self.request_latency.labels(*key)
        histogram.observe(seconds)

    def committed(self, seconds: float, commands: int) -> None:
        """One write to the journal."""
        self.commit_time.observe(seconds)
        self.commit_size.observe(commands)


class _Jobs(Collector):
    def __init__(self, counts: Callable[[], dict[tuple[str, str], int]]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            "hoplite_jobs", "Jobs kept, by state and outcome", labels=["state", "outcome"]
        )
        for (state, outcome), count in sorted(self._counts().items()):
            family.add_metric([state, outcome], count)
        yield family
