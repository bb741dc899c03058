"""Every event is counted, under the labels that are allowed and no others."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families

from proxy.domain import events, health_events
from proxy.domain.balance import balances_at
from proxy.domain.events import Event
from proxy.domain.failure import FailureKind
from proxy.domain.ids import ModelName, ProviderName, TeamId
from proxy.domain.job import JobState, Resolution
from proxy.gateway.ports.admission import BalanceState
from proxy.gateway.ports.census import Census, Standing
from proxy.telemetry.catalog import LABEL_SETS, METRICS, Kind
from proxy.telemetry.metrics import Metrics
from tests.builders import (
    KLING,
    MARKETING,
    NOW_MS,
    NOW_S,
    OPENAI,
    RETIRED_S,
    VERTEX,
    a_budget,
    a_provider,
    a_snapshot,
    an_account,
)
from tests.telemetry.clocks import StillClock
from tests.telemetry.samples import MODEL, ONE_OF_EACH

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeVar

    from proxy.gateway.ports.runtime import Observer

    _E = TypeVar("_E", bound=Event)

DOCS = Path(__file__).resolve().parents[2] / "docs"
OFFER = {"provider": KLING, "model": str(MODEL)}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(StillClock(), version="1.2.3")


def sample(kind: type[_E]) -> _E:
    return next(event for event in ONE_OF_EACH if isinstance(event, kind))


def exposition(metrics: Metrics) -> str:
    body, content_type = metrics.render()
    assert "text/plain; version=0.0.4; charset=utf-8" == content_type
    return body.decode()


def series(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (line.name, tuple(sorted(line.labels.items()))): line.value
        for family in text_string_to_metric_families(exposition(metrics))
        for line in family.samples
    }


def value(metrics: Metrics, name: str, labels: Mapping[str, str] | None = None) -> float | None:
    return series(metrics).get((name, tuple(sorted((labels or {}).items()))))


def test_every_event_is_counted(metrics: Metrics) -> None:
    observer: Observer = metrics
    assert set(get_args(Event)) == {type(event) for event in ONE_OF_EACH}
    for event in ONE_OF_EACH:
        before = {key: v for key, v in series(metrics).items() if key[0].startswith("greenlight")}
        observer.observe(event)
        after = {key: v for key, v in series(metrics).items() if key[0].startswith("greenlight")}
        assert before != after, event


def test_label_sets_are_the_allowed_ones() -> None:
    assert set() == {metric.labels for metric in METRICS} - LABEL_SETS


def test_live_labels_are_the_declared_ones(metrics: Metrics) -> None:
    metrics.set_catalog(a_snapshot())
    for event in ONE_OF_EACH:
        metrics.observe(event)
    declared = {metric.name.removesuffix("_total"): set(metric.labels) for metric in METRICS}
    for family in text_string_to_metric_families(exposition(metrics)):
        for line in family.samples:
            if family.name.startswith("greenlight"):
                assert declared[family.name] == set(line.labels) - {"le"}


def test_names_help_and_units_follow_the_convention() -> None:
    names = [metric.name for metric in METRICS]
    assert sorted(set(names)) == sorted(names)
    for metric in METRICS:
        assert re.fullmatch(r"greenlight_[a-z_]+", metric.name)
        assert (metric.kind is Kind.COUNTER) == metric.name.endswith("_total")
        assert (metric.kind is Kind.HISTOGRAM) == bool(metric.buckets)
        assert sorted(metric.buckets) == list(metric.buckets)
        assert metric.help.endswith(".")


def test_the_page_of_metrics_says_what_the_code_says() -> None:
    rows = re.findall(
        r"^\| `(greenlight_\w+)` \| (\w+) \| (.+?) \| (.+) \|$",
        (DOCS / "metrics.md").read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    expected = [
        (
            metric.name,
            metric.kind.value,
            ", ".join(f"`{label}`" for label in metric.labels) or "-",
            metric.help,
        )
        for metric in METRICS
    ]
    assert expected == rows


def test_no_created_series_and_the_version_in_the_help(metrics: Metrics) -> None:
    for event in ONE_OF_EACH:
        metrics.observe(event)
    text = exposition(metrics)
    assert "_created" not in text
    assert "# HELP greenlight_build_info Always 1; this process runs version 1.2.3." in text
    assert "process_resident_memory_bytes" in text


def test_money_is_counted_in_dollars(metrics: Metrics) -> None:
    resolved = sample(events.Resolved)
    metrics.observe(sample(events.Admitted))
    metrics.observe(resolved)
    metrics.observe(replace(resolved, charged_micro_usd=400_000, overage_micro_usd=64_000))
    metrics.observe(replace(resolved, charged_micro_usd=100_000, is_wasted=True))
    metrics.observe(replace(resolved, resolution=Resolution.RELEASED, charged_micro_usd=0))
    expected = {
        "greenlight_reserved_usd_total": 0.336,
        "greenlight_charged_usd_total": 0.8,
        "greenlight_overage_usd_total": 0.064,
        "greenlight_wasted_usd_total": 0.1,
        "greenlight_released_usd_total": 0.036 + 0.236 + 0.336,
    }
    for name, usd in expected.items():
        assert pytest.approx(usd) == value(metrics, name, OFFER)
    name = "greenlight_team_charged_usd_total"
    for outcome, usd in (("used", 0.7), ("wasted", 0.1)):
        labels = {"team": MARKETING, "outcome": outcome}
        assert pytest.approx(usd) == value(metrics, name, labels)


def test_admissions_are_counted_by_outcome(metrics: Metrics) -> None:
    metrics.observe(replace(sample(events.Admitted), is_replay=True))
    refused = sample(events.Refused)
    codes = {
        "rate_limit_exceeded": "rate_limited",
        "too_many_jobs": "too_many_jobs",
        "budget_exceeded": "budget_exceeded",
        "store_unavailable": "unavailable",
        "no_route": "invalid",
    }
    for code in codes:
        metrics.observe(replace(refused, code=code))
    for outcome in ("replayed", *codes.values()):
        labels = {"team": MARKETING, "outcome": outcome}
        assert 1 == value(metrics, "greenlight_admissions_total", labels)


def test_work_inside_a_state_is_no_move(metrics: Metrics) -> None:
    moved = sample(events.Moved)
    metrics.observe(moved)
    metrics.observe(replace(moved, before=moved.after))
    assert 1 == value(metrics, "greenlight_job_moves_total")


def test_only_completed_jobs_have_a_render_time(metrics: Metrics) -> None:
    ended = sample(events.Ended)
    metrics.observe(ended)
    metrics.observe(replace(ended, state=JobState.FAILED, code="content_policy"))
    assert 1 == value(metrics, "greenlight_render_seconds_count", OFFER)
    assert 2 == value(metrics, "greenlight_job_seconds_count")


def test_a_reload_that_fails_keeps_the_time_of_the_last_good_one(metrics: Metrics) -> None:
    reloaded = sample(events.ConfigReloaded)
    metrics.observe(reloaded)
    metrics.observe(replace(reloaded, problems=2))
    found = series(metrics)
    assert NOW_S == found["greenlight_config_last_reload_success_timestamp_seconds", ()]
    assert 0 == found["greenlight_config_last_reload_successful", ()]
    assert 1 == found["greenlight_config_reload_failures_total", ()]
    assert 2 == found["greenlight_config_reloads_total", ()]


def test_balances_replace_what_was_shown_before(metrics: Metrics) -> None:
    both = balances_at([a_budget(), a_budget(id="all", scope="org")], NOW_MS)
    state = [
        BalanceState(balance=balance, spent_micro_usd=1_250_000, reserved_micro_usd=336_000)
        for balance in both
    ]
    metrics.set_balances([(MARKETING, state[0]), ("", state[1])])
    team = {"team": MARKETING, "budget": "monthly"}
    organisation = {"team": "", "budget": "all"}
    assert 1.25 == value(metrics, "greenlight_budget_spent_usd", team)
    assert 0.336 == value(metrics, "greenlight_budget_reserved_usd", organisation)
    assert 5000.0 == value(metrics, "greenlight_budget_limit_usd", organisation)
    metrics.set_balances([("", state[1])])
    assert value(metrics, "greenlight_budget_limit_usd", team) is None
    assert 5000.0 == value(metrics, "greenlight_budget_limit_usd", organisation)


def test_the_catalog_shows_ends_and_slots_and_starts_counters_at_zero(metrics: Metrics) -> None:
    metrics.set_catalog(a_snapshot())
    name = "greenlight_offer_retirement_timestamp_seconds"
    assert RETIRED_S == value(metrics, name, {"provider": OPENAI, "model": "sora-2"})
    assert value(metrics, name, OFFER) is None
    assert 20 == value(metrics, "greenlight_slot_limit", {"provider": VERTEX, "account": "main"})
    assert 0 == value(metrics, "greenlight_wasted_usd_total", OFFER)
    smaller = a_snapshot(providers=[a_provider(accounts=[an_account("spare", slots=2)])])
    metrics.set_catalog(smaller)
    assert value(metrics, "greenlight_slot_limit", {"provider": KLING, "account": "main"}) is None
    assert 2 == value(metrics, "greenlight_slot_limit", {"provider": KLING, "account": "spare"})


def test_loop_lag_is_a_histogram(metrics: Metrics) -> None:
    metrics.observe_loop_lag(0.03)
    assert 1 == value(metrics, "greenlight_event_loop_lag_seconds_bucket", {"le": "0.05"})
    assert 0 == value(metrics, "greenlight_event_loop_lag_seconds_bucket", {"le": "0.025"})


def test_slots_and_whoever_waits_for_one(metrics: Metrics) -> None:
    metrics.set_slots(
        {("kling", "main"): 3, ("vertex", "main"): 0},
        {("marketing", "kling"): 2, ("research", "kling"): 5, ("research", "gone"): 1},
    )
    account = {"provider": "kling", "account": "main"}
    assert 3 == value(metrics, "greenlight_slots_used", account)
    for provider, count in ("kling", 7), ("vertex", 0), ("gone", 1):
        labels = {"provider": provider, "account": ""}
        assert count == value(metrics, "greenlight_jobs_waiting", labels)
    metrics.set_slots({("kling", "main"): 0}, {})
    left = {"provider": "gone", "account": ""}
    assert value(metrics, "greenlight_jobs_waiting", left) is None
    assert (
        value(metrics, "greenlight_slots_used", {"provider": "vertex", "account": "main"}) is None
    )


def test_teams_beyond_the_bound_count_as_other(metrics: Metrics) -> None:
    refused = sample(events.Refused)
    for number in range(250):
        metrics.observe(replace(refused, team=TeamId(f"team-{number}")))
    labels = {"team": "other", "outcome": "budget_exceeded"}
    assert 50 == value(metrics, "greenlight_admissions_total", labels)
    queued = Standing.QUEUED
    counts = {(TeamId("team-249"), queued): 2, (TeamId("team-248"), queued): 3}
    metrics.set_census(Census(counts=counts, oldest_s={queued: 12.5}))
    assert 5 == value(metrics, "greenlight_jobs", {"team": "other", "state": "queued"})
    oldest = {"team": "", "state": "queued"}
    assert 12.5 == value(metrics, "greenlight_jobs_oldest_age_seconds", oldest)
    states = [
        BalanceState(balance=balance, spent_micro_usd=0, reserved_micro_usd=0)
        for balance in balances_at([a_budget()], NOW_MS)
    ]
    metrics.set_balances([("team-249", states[0])])
    gone = {"team": "other", "budget": "monthly"}
    assert value(metrics, "greenlight_budget_limit_usd", gone) is None


def test_a_process_that_runs_has_read_its_configuration(metrics: Metrics) -> None:
    assert 1 == value(metrics, "greenlight_config_last_reload_successful", {})
    metrics.observe(events.ConfigReloaded(digest="0123456789abcdef", problems=2))
    assert 0 == value(metrics, "greenlight_config_last_reload_successful", {})


def test_forecasts_are_shown_where_there_are_any(metrics: Metrics) -> None:
    metrics.set_forecasts([("marketing", "monthly", 2_500_000), ("marketing", "daily", None)])
    monthly = {"team": "marketing", "budget": "monthly"}
    daily = {"team": "marketing", "budget": "daily"}
    assert 2.5 == value(metrics, "greenlight_budget_forecast_usd", monthly)
    assert value(metrics, "greenlight_budget_forecast_usd", daily) is None
    metrics.set_forecasts([])
    assert value(metrics, "greenlight_budget_forecast_usd", monthly) is None


def test_what_a_provider_reports_stands_beside_what_was_quoted(metrics: Metrics) -> None:
    resolved = sample(events.Resolved)
    for event in (
        resolved,
        replace(resolved, by="price_book"),
        replace(resolved, is_wasted=True),
        replace(resolved, charged_micro_usd=336_000),
    ):
        metrics.observe(event)
    offer = {"provider": resolved.provider, "model": resolved.model}
    assert value(metrics, "greenlight_reported_usd_total", offer) == pytest.approx(0.636)
    assert value(metrics, "greenlight_quoted_usd_total", offer) == pytest.approx(0.672)


def test_the_room_left_on_the_disk(metrics: Metrics) -> None:
    metrics.set_disk(25, 100)
    assert 25 == value(metrics, "greenlight_disk_free_bytes", {})
    assert 100 == value(metrics, "greenlight_disk_size_bytes", {})


TEAMS, OFFERS, BUDGETS_PER_TEAM = 200, 20, 4
ROUTES = 14
STATUSES = (200, 400, 404, 429, 500)
PROVIDER_OPERATIONS = ("submit", "status", "download", "find", "cancel")
STORE_OPERATIONS = 20


def fill_teams(metrics: Metrics) -> None:
    balances = balances_at([a_budget(id=f"b{n}") for n in range(BUDGETS_PER_TEAM)], NOW_MS)
    states = [
        BalanceState(balance=balance, spent_micro_usd=1, reserved_micro_usd=1)
        for balance in balances
    ]
    teams = [TeamId(f"team-{number}") for number in range(TEAMS)]
    metrics.set_balances([(team, state) for team in ("", *teams) for state in states])
    metrics.set_census(
        Census(
            counts={(team, standing): 1 for team in teams for standing in Standing},
            oldest_s=dict.fromkeys(Standing, 1.0),
        )
    )
    # Days and hours are over before anything could be forecast.
    lasting = states[: BUDGETS_PER_TEAM // 2]
    metrics.set_forecasts(
        [(team, state.balance.budget_id, 1) for team in ("", *teams) for state in lasting]
    )
    for team in teams:
        for is_replay in (False, True):
            metrics.observe(replace(sample(events.Admitted), team=team, is_replay=is_replay))
        for code in ("rate_limit_exceeded", "too_many_jobs", "budget_exceeded", "no_route"):
            metrics.observe(replace(sample(events.Refused), team=team, code=code))
        for is_wasted in (False, True):
            metrics.observe(replace(sample(events.Resolved), team=team, is_wasted=is_wasted))
        for state in (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED):
            metrics.observe(replace(sample(events.Ended), team=team, state=state))


def fill_offers(metrics: Metrics) -> None:
    outcomes = ["ok", *(kind.value for kind in FailureKind)]
    for number in range(OFFERS):
        provider, model = ProviderName(f"provider-{number % 4}"), ModelName(f"model-{number}")
        for event in ONE_OF_EACH:
            if isinstance(
                event,
                events.Admitted
                | events.Stored
                | events.OutcomeUnknown
                | health_events.RenderFailed,
            ):
                metrics.observe(replace(event, provider=provider, model=model))
        metrics.observe(replace(sample(events.Ended), provider=provider, model=model))
        metrics.observe(replace(sample(health_events.BreakerMoved), provider=provider))
        metrics.observe(replace(sample(health_events.ProbeBegan), provider=provider))
        called = replace(sample(events.ProviderCalled), provider=provider, model=model)
        for operation in PROVIDER_OPERATIONS:
            for outcome in outcomes:
                metrics.observe(replace(called, operation=operation, outcome=outcome))


def test_series_stay_bounded_with_200_teams_and_20_offers(metrics: Metrics) -> None:
    fill_teams(metrics)
    fill_offers(metrics)
    breakers = {
        (f"provider-{n % 4}", "main", f"model-{n}", operation): "open"
        for n in range(OFFERS)
        for operation in (*PROVIDER_OPERATIONS, "render")
    }
    metrics.set_health(breakers, {(f"provider-{n}", "main"): False for n in range(4)})
    metrics.set_offers({(f"provider-{n % 4}", f"model-{n}"): True for n in range(OFFERS)})
    for route in range(ROUTES):
        for status in STATUSES:
            served = replace(sample(events.RequestServed), route=f"/v1/r{route}", status=status)
            metrics.observe(served)
    for number in range(STORE_OPERATIONS):
        called = replace(sample(events.StoreCalled), operation=f"script-{number}")
        metrics.observe(called)
        metrics.observe(replace(called, outcome="error"))
    lines = exposition(metrics).splitlines()
    assert 5_000 < len([line for line in lines if not line.startswith("#")]) <= 10_000
