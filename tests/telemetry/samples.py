"""One of each event, with the fields a test wants changed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from proxy.domain import events, health_events, ledger_events
from proxy.domain.bucket import Decision
from proxy.domain.job import JobState, Resolution
from proxy.domain.notice import NoticeKind
from tests.builders import KLING, MARKETING, VERTEX, a_key
from tests.job_builders import a_candidate, a_job_id

if TYPE_CHECKING:
    from proxy.domain.events import Event
    from proxy.telemetry.metrics import Metrics

JOB = a_job_id(7)
KEY = a_key().id
MODEL = a_candidate().model

ONE_OF_EACH: tuple[Event, ...] = (
    events.Admitted(
        job=JOB,
        team=MARKETING,
        key=KEY,
        policy="cheapest",
        provider=KLING,
        model=MODEL,
        reserved_micro_usd=336_000,
        is_replay=False,
    ),
    events.Refused(team=MARKETING, key=KEY, code="budget_exceeded"),
    events.SlotTaken(job=JOB, provider=KLING, account="main"),
    events.Submitting(
        job=JOB,
        team=MARKETING,
        provider=KLING,
        account="main",
        model=MODEL,
        attempt=1,
        queued_s=0.25,
    ),
    events.ProviderCalled(
        job=JOB,
        provider=KLING,
        account="main",
        model=MODEL,
        operation="submit",
        outcome="throttled",
        took_s=0.2,
        upstream_code="1303",
        is_classified=False,
    ),
    events.Moved(
        job=JOB,
        team=MARKETING,
        provider=KLING,
        model=MODEL,
        before=JobState.SUBMITTING,
        after=JobState.RUNNING,
    ),
    events.Stored(job=JOB, provider=KLING, model=MODEL, size_bytes=5_000_000, took_s=1.5),
    events.Resolved(
        job=JOB,
        team=MARKETING,
        provider=KLING,
        model=MODEL,
        attempt=1,
        resolution=Resolution.SETTLED,
        reserved_micro_usd=336_000,
        charged_micro_usd=300_000,
        overage_micro_usd=0,
        is_wasted=False,
        offer_id="kling/kling-v3",
        is_made=True,
        code=None,
        by="reported",
    ),
    events.FailedOver(
        job=JOB,
        before=KLING,
        after=VERTEX,
        model=MODEL,
        reason="unavailable",
        reserved_micro_usd=400_000,
    ),
    events.Ended(
        job=JOB,
        team=MARKETING,
        state=JobState.COMPLETED,
        code=None,
        took_s=95.0,
        render_s=90.0,
        provider=KLING,
        model=MODEL,
        offer_id="kling/kling-v3",
        polls=6,
        seconds=9,
    ),
    events.CallbackReceived(
        provider=KLING, account="main", model=MODEL, job=JOB, outcome="hinted"
    ),
    events.OutcomeUnknown(job=JOB, provider=KLING, model=MODEL, reason="timeout"),
    health_events.RenderFailed(
        job=JOB,
        provider=KLING,
        account="main",
        model=MODEL,
        kind="failed_upstream",
        upstream_code="INTERNAL",
        is_classified=True,
    ),
    health_events.BreakerMoved(
        provider=KLING,
        account="main",
        model=MODEL,
        operation="submit",
        before="closed",
        after="open",
        cause="unavailable",
    ),
    health_events.ProbeBegan(
        job=JOB, provider=KLING, account="main", model=MODEL, operation="submit"
    ),
    events.ConfigReloaded(digest="0123456789abcdef", problems=0),
    events.StoreCalled(operation="admit", outcome="ok", took_s=0.0004),
    events.RecordSetAside(job=JOB),
    events.ChoreFailed(chore="gauges"),
    events.RequestServed(
        route="/v1/videos", method="POST", status=200, took_s=0.004, request_id="req_1"
    ),
    events.AnsweredStale(job=JOB, team=MARKETING, age_s=4.5),
    events.LimitChecked(
        team=MARKETING,
        key=KEY,
        limit_class="submit",
        mode="enforce",
        decision=Decision.ALLOWED,
    ),
    events.BudgetPassed(job=JOB, team=MARKETING, budget="monthly"),
    events.BudgetAlert(
        team=MARKETING,
        budget="monthly",
        kind=NoticeKind.BUDGET_THRESHOLD,
        level_percent=80,
        notice="msg_1",
    ),
    events.NoticeSent(
        notice="msg_1",
        kind="budget.threshold",
        receiver="0123456789abcdef",
        outcome="delivered",
        status=204,
        fault="",
        tries=1,
        took_s=0.1,
    ),
    events.UpkeepEnded(part="archive", outcome="ok", items=1),
    events.DecisionsLost(count=1),
    ledger_events.StoreJudged(is_whole=False),
    events.EndNoticed(job=JOB, provider=KLING, model=MODEL, lag_s=4.0),
    events.WorkerTurned(busy=2),
    ledger_events.LedgerVerified(at_s=1_790_000_000.0, entries=12, broken=0),
    ledger_events.OrphanCharged(
        provider=KLING, account="main", task="t-1", charged_micro_usd=336_000
    ),
    ledger_events.LookEnded(
        provider=KLING, account="main", outcome="ok", listed=3, orphans=1, unpriced=0
    ),
)


def totals(metrics: Metrics) -> Counter[str]:
    """Each sample's sum over all its labels."""
    found: Counter[str] = Counter()
    for family in text_string_to_metric_families(metrics.render()[0].decode()):
        for line in family.samples:
            found[line.name] += line.value  # type: ignore[assignment] # a Counter counts floats too
    return found
