"""How providers and their accounts stand, as metrics."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.domain import health_events
from proxy.telemetry.metrics import Metrics
from tests.builders import KLING, VERTEX, a_snapshot
from tests.telemetry.clocks import StillClock
from tests.telemetry.samples import MODEL
from tests.telemetry.test_metrics import OFFER, sample, value


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(StillClock(), version="1.2.3")


def test_breakers_show_how_they_stand_and_are_counted_once(metrics: Metrics) -> None:
    place = {"provider": KLING, "account": "main", "model": str(MODEL), "operation": "submit"}
    labels = (KLING, "main", str(MODEL), "submit")
    for state, shown in (("closed", 0), ("half_open", 1), ("open", 2), ("gone", 3)):
        metrics.set_health({labels: state}, {(KLING, "main"): state == "open"})
        assert shown == value(metrics, "greenlight_breaker_state", place)
        account = {"provider": KLING, "account": "main"}
        assert (state == "open") == value(metrics, "greenlight_account_drained", account)
    metrics.set_health({}, {})
    assert value(metrics, "greenlight_breaker_state", place) is None
    account = {"provider": KLING, "account": "main"}
    moved = sample(health_events.BreakerMoved)
    for after in ("open", "half_open", "open", "closed", "gone"):
        metrics.observe(replace(moved, after=after))
    metrics.observe(replace(moved, model=None))
    assert 4 == value(metrics, "greenlight_breaker_openings_total", account)
    metrics.observe(replace(sample(health_events.ProbeBegan), model=None))
    assert 1 == value(metrics, "greenlight_breaker_probes_total", account)


def test_offers_show_whether_videos_may_go_there(metrics: Metrics) -> None:
    metrics.set_offers({(KLING, str(MODEL)): True, (VERTEX, "veo"): False})
    assert 1 == value(metrics, "greenlight_offer_open", {"provider": KLING, "model": str(MODEL)})
    assert 0 == value(metrics, "greenlight_offer_open", {"provider": VERTEX, "model": "veo"})
    metrics.set_offers({})
    assert value(metrics, "greenlight_offer_open", {"provider": VERTEX, "model": "veo"}) is None


def test_counters_of_breakers_begin_at_zero(metrics: Metrics) -> None:
    metrics.set_catalog(a_snapshot())
    account = {"provider": KLING, "account": "main"}
    assert 0 == value(metrics, "greenlight_breaker_openings_total", account)
    assert 0 == value(metrics, "greenlight_breaker_probes_total", account)
    # An alert looks at an increase, and a counter that begins at 1 has none.
    assert 0 == value(metrics, "greenlight_orphans_total", account)


def test_a_render_that_fails_for_an_unknown_reason_is_counted(metrics: Metrics) -> None:
    failed = sample(health_events.RenderFailed)
    for is_classified in (True, False):
        metrics.observe(replace(failed, is_classified=is_classified))
    assert 2 == value(metrics, "greenlight_render_failures_total", OFFER)
    assert 1 == value(metrics, "greenlight_unclassified_failures_total", OFFER)
