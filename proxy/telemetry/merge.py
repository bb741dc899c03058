"""Adds up the metrics of several processes into one exposition.

Counters and histograms are summed. Gauges come from the store and are the same in every process,
so the largest is shown; those about the processes themselves have a rule of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from prometheus_client import Metric

    Rule = Callable[[float, float], float]


def _add(left: float, right: float) -> float:
    return left + right


GAUGES: dict[str, Rule] = {
    "greenlight_event_streams": _add,
    "process_resident_memory_bytes": _add,
    "process_virtual_memory_bytes": _add,
    "process_open_fds": _add,
    "process_start_time_seconds": min,
}
"""Gauges that are not simply the largest of all processes'."""

Place = tuple[str, tuple[tuple[str, str], ...]]


class _Merged(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    @override
    def collect(self) -> Iterator[Metric]:
        yield from self._families


def merge(expositions: Sequence[bytes]) -> tuple[bytes, str]:
    """Merge expositions in Prometheus' text format; returns one, with its content type."""
    merged: dict[str, tuple[Metric, dict[Place, float]]] = {}
    for exposition in expositions:
        for family in text_string_to_metric_families(exposition.decode()):
            _, values = merged.setdefault(family.name, (family, {}))
            rule = GAUGES.get(family.name, max) if family.type == "gauge" else _add
            for sample in family.samples:
                place = (sample.name, tuple(sorted(sample.labels.items())))
                known = values.get(place)
                values[place] = sample.value if known is None else rule(known, sample.value)
    registry = CollectorRegistry()
    registry.register(_Merged([_family(family, values) for family, values in merged.values()]))
    return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4


def _family(family: Metric, values: dict[Place, float]) -> Metric:
    family.samples = []
    for (name, labels), value in values.items():
        family.add_sample(name, dict(labels), value)
    return family
