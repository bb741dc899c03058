"""The metrics of the catalog as live series in a registry of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from proxy.telemetry.catalog import METRICS, Kind, Metric

if TYPE_CHECKING:
    from collections.abc import Mapping

    Labels = tuple[str, ...]

_F = TypeVar("_F", Counter, Gauge, Histogram)


class Families:
    """Counts, sets and times the metrics of the catalog.

    Label children are looked up once and kept: that look-up is the expensive part of a count.
    `helps` replaces the help text of single metrics, by name.
    """

    def __init__(self, helps: Mapping[str, str]) -> None:
        # The only switch that prometheus-client has for `_created` is of the whole process.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # theirs
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._counters = self._families(Counter, Kind.COUNTER, helps)
        self._gauges = self._families(Gauge, Kind.GAUGE, helps)
        self._histograms = {
            metric.name: Histogram(
                metric.name,
                metric.help,
                metric.labels,
                buckets=metric.buckets,
                registry=self._registry,
            )
            for metric in METRICS
            if metric.kind is Kind.HISTOGRAM
        }
        self._counter_children: dict[tuple[str, Labels], Counter] = {}
        self._gauge_children: dict[tuple[str, Labels], Gauge] = {}
        self._histogram_children: dict[tuple[str, Labels], Histogram] = {}

    def count(self, metric: Metric, labels: Labels = (), amount: float = 1) -> None:
        """Add to a counter; an amount of 0 makes the series appear."""
        child = self._counter_children.get((metric.name, labels))
        if child is None:
            child = _child(self._counters[metric.name], labels)
            self._counter_children[metric.name, labels] = child
        child.inc(amount)

    def time(self, metric: Metric, labels: Labels, seconds: float) -> None:
        """Put a duration into a histogram."""
        child = self._histogram_children.get((metric.name, labels))
        if child is None:
            child = _child(self._histograms[metric.name], labels)
            self._histogram_children[metric.name, labels] = child
        child.observe(seconds)

    def set(self, metric: Metric, labels: Labels, value: float) -> None:
        """Set a gauge."""
        child = self._gauge_children.get((metric.name, labels))
        if child is None:
            child = _child(self._gauges[metric.name], labels)
            self._gauge_children[metric.name, labels] = child
        child.set(value)

    def replace(self, metric: Metric, values: Mapping[Labels, float]) -> None:
        """Set a gauge for exactly these labels; series of others disappear."""
        for name, labels in list(self._gauge_children):
            if name == metric.name and labels not in values:
                self._gauges[name].remove(*labels)
                del self._gauge_children[name, labels]
        for labels, value in values.items():
            self.set(metric, labels, value)

    def render(self) -> tuple[bytes, str]:
        """The exposition in Prometheus' text format, and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4

    def _families(self, kind: type[_F], name: Kind, helps: Mapping[str, str]) -> dict[str, _F]:
        return {
            metric.name: kind(
                metric.name,
                helps.get(metric.name, metric.help),
                metric.labels,
                registry=self._registry,
            )
            for metric in METRICS
            if metric.kind is name
        }


def _child(family: _F, labels: Labels) -> _F:
    return family.labels(*labels) if labels else family
