"""Events as Prometheus metrics, and the gauges that are set from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from proxy.domain import events, health_events, ledger_events
from proxy.domain.job import JobState, Resolution
from proxy.domain.money import MICRO_USD_PER_USD
from proxy.domain.notice import NoticeKind
from proxy.domain.video_event import ENDS
from proxy.telemetry import catalog
from proxy.telemetry.families import Families
from proxy.telemetry.zeros import begin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from proxy.domain.policy import Snapshot
    from proxy.gateway.ports.admission import BalanceState
    from proxy.gateway.ports.census import Census
    from proxy.gateway.ports.runtime import Clock

ORGANISATION = ""
EVERY_TEAM = ""
ANY = ""
"""Account of those that wait: whichever has a slot."""
REPORTED = "reported"
"""Who says what an attempt cost: the provider itself."""
TEAMS_MAX = 200
OTHER_TEAM = "other"
"""Stands for the teams beyond TEAMS_MAX, so that series are bounded whatever is configured."""

_REFUSALS = {
    "rate_limit_exceeded": "rate_limited",
    "too_many_jobs": "too_many_jobs",
    "moderation_cooldown": "cooling_down",
    "budget_exceeded": "budget_exceeded",
    "spending_frozen": "frozen",
    "store_unavailable": "unavailable",
}
_BREAKER_STATES = {"closed": 0.0, "half_open": 1.0, "open": 2.0, "gone": 3.0}
_NOTICES_END = ("delivered", "failed", "given_up", "silenced", "withdrawn")


class Metrics:
    """An observer that counts every event. For one event loop; never blocks, never raises."""

    def __init__(self, clock: Clock, *, version: str) -> None:
        self._clock = clock
        self._teams = {ORGANISATION}
        # A label would be one more label set than the catalog allows.
        named = {catalog.BUILD.name: f"Always 1; this process runs version {version}."}
        self._families = Families(named)
        self._families.set(catalog.BUILD, (), 1)
        # A process that runs has read its configuration; 0 would be an edit that was refused.
        self._families.set(catalog.CONFIG_SUCCESSFUL, (), 1)
        self._families.set(catalog.CONFIG_SUCCESS_TIME, (), clock.now_s())
        # A counter that begins at 1 has no increase for Prometheus.
        self._families.count(catalog.BUDGET_ALERTS, amount=0)
        for kind in (*NoticeKind, *ENDS):
            for outcome in _NOTICES_END:
                self._families.count(catalog.NOTIFICATIONS, (kind, outcome), 0)
        self._handlers: dict[type, Callable[[Any], None]] = {
            events.Admitted: self._admitted,
            events.Refused: self._refused,
            events.SlotTaken: self._slot_taken,
            events.Submitting: self._submitting,
            events.ProviderCalled: self._provider_called,
            events.Moved: self._moved,
            events.Stored: self._stored,
            events.Resolved: self._resolved,
            events.FailedOver: self._failed_over,
            events.Ended: self._ended,
            events.OutcomeUnknown: self._outcome_unknown,
            health_events.RenderFailed: self._render_failed,
            health_events.BreakerMoved: self._breaker_moved,
            health_events.ProbeBegan: self._probe_began,
            events.CallbackReceived: self._callback_received,
            events.ConfigReloaded: self._config_reloaded,
            events.StoreCalled: self._store_called,
            events.RecordSetAside: self._record_set_aside,
            events.ChoreFailed: self._chore_failed,
            events.RequestServed: self._request_served,
            events.LimitChecked: self._limit_checked,
            events.AnsweredStale: self._answered_stale,
            events.BudgetPassed: self._budget_passed,
            events.BudgetAlert: self._budget_alert,
            events.NoticeSent: self._notice_sent,
            events.UpkeepEnded: self._upkeep_ended,
            events.DecisionsLost: self._decisions_lost,
            ledger_events.OrphanCharged: self._orphan_charged,
            ledger_events.LookEnded: self._look_ended,
            ledger_events.StoreJudged: self._store_judged,
            events.EndNoticed: self._end_noticed,
            events.WorkerTurned: self._worker_turned,
            ledger_events.LedgerVerified: self._ledger_verified,
        }

    def observe(self, event: events.Event) -> None:
        """Count one event."""
        self._handlers[type(event)](event)

    def render(self) -> tuple[bytes, str]:
        """The exposition in Prometheus' text format, and its content type."""
        return self._families.render()

    def set_balances(self, rows: Iterable[tuple[str, BalanceState]]) -> None:
        """Show how budgets stand: pairs of a team ("" for the organisation) and a balance.

        Replaces what was shown before. Every replica shows the same: aggregate with max, not sum.
        """
        limit: dict[tuple[str, ...], float] = {}
        spent: dict[tuple[str, ...], float] = {}
        reserved: dict[tuple[str, ...], float] = {}
        for team, state in rows:
            labels = (self._team(team), state.balance.budget_id)
            if labels[0] == OTHER_TEAM:
                continue
            limit[labels] = _usd(state.limit_micro_usd)
            spent[labels] = _usd(state.spent_micro_usd)
            reserved[labels] = _usd(state.reserved_micro_usd)
        self._families.replace(catalog.BUDGET_LIMIT, limit)
        self._families.replace(catalog.BUDGET_SPENT, spent)
        self._families.replace(catalog.BUDGET_RESERVED, reserved)

    def set_forecasts(self, rows: Iterable[tuple[str, str, int | None]]) -> None:
        """Show where budgets will end: team, budget, micro-USD or None where nobody can say."""
        known: dict[tuple[str, ...], float] = {
            (self._team(team), budget): _usd(micro_usd)
            for team, budget, micro_usd in rows
            if micro_usd is not None
        }
        self._families.replace(
            catalog.BUDGET_FORECAST,
            {labels: usd for labels, usd in known.items() if labels[0] != OTHER_TEAM},
        )

    def set_census(self, census: Census) -> None:
        """Show unfinished jobs by team and state, and the oldest; what was shown before goes."""
        summed: dict[tuple[str, ...], float] = {}
        for (team, state), count in census.counts.items():
            labels = (self._team(team), state.value)
            summed[labels] = summed.get(labels, 0) + count
        self._families.replace(catalog.JOBS, summed)
        oldest: dict[tuple[str, ...], float] = {
            (EVERY_TEAM, state.value): age_s for state, age_s in census.oldest_s.items()
        }
        self._families.replace(catalog.JOBS_OLDEST, oldest)

    def set_slots(
        self, used: Mapping[tuple[str, str], int], waiting: Mapping[tuple[str, str], int]
    ) -> None:
        """Show slots held by (provider, account), and jobs waiting for one by (team, provider)."""
        self._families.replace(catalog.SLOTS_USED, {place: used[place] for place in used})
        queued: dict[tuple[str, ...], float] = {(provider, ANY): 0 for provider, _ in used}
        for (_, provider), count in waiting.items():
            queued[provider, ANY] = queued.get((provider, ANY), 0) + count
        self._families.replace(catalog.WAITING, queued)

    def set_disk(self, free_bytes: int, size_bytes: int) -> None:
        """Show the room that is left for videos."""
        self._families.set(catalog.DISK_FREE, (), free_bytes)
        self._families.set(catalog.DISK_SIZE, (), size_bytes)

    def set_streams(self, count: int) -> None:
        """Show how many streams of events this process serves."""
        self._families.set(catalog.EVENT_STREAMS, (), count)

    def set_health(
        self,
        states: Mapping[tuple[str, str, str, str], str],
        drained: Mapping[tuple[str, str], bool],
    ) -> None:
        """Show breakers (provider, account, model, operation) and accounts (provider, account).

        Replaces what was shown before. Every replica shows the same: aggregate with max, not sum.
        """
        self._families.replace(
            catalog.BREAKER_STATE,
            {labels: _BREAKER_STATES[state] for labels, state in states.items()},
        )
        self._families.replace(
            catalog.DRAINED, {labels: float(is_so) for labels, is_so in drained.items()}
        )

    def set_offers(self, offers: Mapping[tuple[str, str], bool]) -> None:
        """Show whether new videos may go to offers, by provider and model."""
        self._families.replace(catalog.OFFER_OPEN, {of: float(may) for of, may in offers.items()})

    def set_catalog(self, snapshot: Snapshot) -> None:
        """Show a configuration's retirement dates and slots; its counters begin at 0."""
        begin(self._families, snapshot, {team: self._team(team) for team in snapshot.teams})
        sunsets = {(o.provider, o.model): o.lifecycle.sunset_s for o in snapshot.offers}
        self._families.replace(
            catalog.RETIREMENT,
            {labels: sunset_s for labels, sunset_s in sunsets.items() if sunset_s is not None},
        )
        self._families.replace(
            catalog.SLOT_LIMIT,
            {
                (provider.name, account.name): account.slots
                for provider in snapshot.providers.values()
                for account in provider.accounts
            },
        )

    def observe_loop_lag(self, lag_s: float) -> None:
        """Count how late the event loop woke a timer, in seconds."""
        self._families.time(catalog.LOOP_LAG, (), lag_s)

    def _team(self, team: str) -> str:
        if team not in self._teams:
            if len(self._teams) > TEAMS_MAX:
                return OTHER_TEAM
            self._teams.add(team)
        return team

    def _admitted(self, event: events.Admitted) -> None:
        outcome = "replayed" if event.is_replay else "accepted"
        self._families.count(catalog.ADMISSIONS, (self._team(event.team), outcome))
        self._families.count(
            catalog.RESERVED_USD, (event.provider, event.model), _usd(event.reserved_micro_usd)
        )

    def _refused(self, event: events.Refused) -> None:
        outcome = _REFUSALS.get(event.code, "invalid")
        self._families.count(catalog.ADMISSIONS, (self._team(event.team), outcome))

    def _slot_taken(self, event: events.SlotTaken) -> None:
        self._families.count(catalog.SLOTS_TAKEN, (event.provider, event.account))

    def _submitting(self, event: events.Submitting) -> None:
        self._families.time(catalog.QUEUE_WAIT, (), event.queued_s)

    def _provider_called(self, event: events.ProviderCalled) -> None:
        self._families.count(
            catalog.PROVIDER_CALLS,
            (event.provider, event.model, event.operation, event.outcome),
        )
        self._families.time(
            catalog.PROVIDER_CALL,
            (event.provider, event.account, event.model, event.operation),
            event.took_s,
        )
        if not event.is_classified:
            self._families.count(catalog.UNCLASSIFIED, (event.provider, event.model))

    def _moved(self, event: events.Moved) -> None:
        if event.after is not event.before:
            self._families.count(catalog.JOB_MOVES)

    def _stored(self, event: events.Stored) -> None:
        offer = (event.provider, event.model)
        self._families.count(catalog.ARTIFACT_BYTES, offer, event.size_bytes)
        self._families.time(catalog.ARTIFACT_STORE, offer, event.took_s)

    def _resolved(self, event: events.Resolved) -> None:
        offer = (event.provider, event.model)
        if event.resolution is Resolution.RELEASED:
            self._families.count(catalog.RELEASED_USD, offer, _usd(event.reserved_micro_usd))
            return
        charged_usd = _usd(event.charged_micro_usd)
        unused_micro_usd = max(0, event.reserved_micro_usd - event.charged_micro_usd)
        self._families.count(catalog.RELEASED_USD, offer, _usd(unused_micro_usd))
        self._families.count(catalog.CHARGED_USD, offer, charged_usd)
        self._families.count(catalog.OVERAGE_USD, offer, _usd(event.overage_micro_usd))
        if event.is_wasted:
            self._families.count(catalog.WASTED_USD, offer, charged_usd)
        elif event.by == REPORTED:
            self._families.count(catalog.REPORTED_USD, offer, charged_usd)
            self._families.count(catalog.QUOTED_USD, offer, _usd(event.reserved_micro_usd))
        outcome = "wasted" if event.is_wasted else "used"
        self._families.count(
            catalog.TEAM_CHARGED_USD, (self._team(event.team), outcome), charged_usd
        )

    def _failed_over(self, event: events.FailedOver) -> None:
        self._families.count(catalog.FAILOVERS, (event.before, event.after, event.reason))
        self._families.count(
            catalog.RESERVED_USD, (event.after, event.model), _usd(event.reserved_micro_usd)
        )

    def _ended(self, event: events.Ended) -> None:
        self._families.count(catalog.JOBS_ENDED, (self._team(event.team), event.state.value))
        self._families.time(catalog.JOB_LIFE, (), event.took_s)
        if event.polls:
            self._families.time(catalog.POLLS_PER_JOB, (), event.polls)
        if event.state is JobState.COMPLETED and event.render_s is not None:
            offer = (event.provider, event.model)
            self._families.time(catalog.RENDER, offer, event.render_s)
            self._families.time(catalog.RENDER_RATIO, offer, event.render_s / event.seconds)

    def _outcome_unknown(self, event: events.OutcomeUnknown) -> None:
        self._families.count(catalog.UNKNOWN_OUTCOMES, (event.provider, event.model))

    def _render_failed(self, event: health_events.RenderFailed) -> None:
        self._families.count(catalog.RENDER_FAILURES, (event.provider, event.model))
        if not event.is_classified:
            self._families.count(catalog.UNCLASSIFIED, (event.provider, event.model))

    def _breaker_moved(self, event: health_events.BreakerMoved) -> None:
        has_opened = event.after in ("open", "gone")
        account = (event.provider, event.account)
        self._families.count(catalog.BREAKER_OPENINGS, account, has_opened)

    def _probe_began(self, event: health_events.ProbeBegan) -> None:
        self._families.count(catalog.BREAKER_PROBES, (event.provider, event.account))

    def _callback_received(self, event: events.CallbackReceived) -> None:
        self._families.count(
            catalog.CALLBACKS,
            (event.provider or "", event.model or "", "callback", event.outcome),
        )

    def _config_reloaded(self, event: events.ConfigReloaded) -> None:
        self._families.count(catalog.CONFIG_RELOADS)
        self._families.set(catalog.CONFIG_SUCCESSFUL, (), 0 if event.problems else 1)
        if event.problems:
            self._families.count(catalog.CONFIG_RELOAD_FAILURES)
        else:
            self._families.set(catalog.CONFIG_SUCCESS_TIME, (), self._clock.now_s())

    def _store_called(self, event: events.StoreCalled) -> None:
        self._families.time(catalog.STORE_CALL, (event.operation, event.outcome), event.took_s)

    def _record_set_aside(self, _: events.RecordSetAside) -> None:
        self._families.count(catalog.RECORDS_SET_ASIDE)

    def _budget_passed(self, event: events.BudgetPassed) -> None:
        self._families.count(catalog.BUDGET_WARNINGS, (self._team(event.team), event.budget))

    def _budget_alert(self, _: events.BudgetAlert) -> None:
        self._families.count(catalog.BUDGET_ALERTS)

    def _notice_sent(self, event: events.NoticeSent) -> None:
        self._families.count(catalog.NOTIFICATIONS, (event.kind, event.outcome))

    def _upkeep_ended(self, event: events.UpkeepEnded) -> None:
        labels = (event.part, event.outcome)
        self._families.count(catalog.UPKEEP_RUNS, labels)
        self._families.count(catalog.UPKEEP_ITEMS, labels, event.items)

    def _decisions_lost(self, event: events.DecisionsLost) -> None:
        self._families.count(catalog.DECISIONS_LOST, (), event.count)

    def _orphan_charged(self, event: ledger_events.OrphanCharged) -> None:
        account = (event.provider, event.account)
        self._families.count(catalog.ORPHANS, account)
        self._families.count(catalog.ORPHANS_USD, account, _usd(event.charged_micro_usd))

    def _look_ended(self, event: ledger_events.LookEnded) -> None:
        self._families.count(catalog.ORPHAN_LOOKS, ("list", event.outcome))

    def _store_judged(self, event: ledger_events.StoreJudged) -> None:
        self._families.set(catalog.RESTORE_NEEDED, (), 0 if event.is_whole else 1)

    def _end_noticed(self, event: events.EndNoticed) -> None:
        self._families.time(catalog.DETECTION_LAG, (), event.lag_s)

    def _worker_turned(self, _: events.WorkerTurned) -> None:
        self._families.count(catalog.WORKER_TURNS)

    def _ledger_verified(self, event: ledger_events.LedgerVerified) -> None:
        self._families.set(catalog.LEDGER_VERIFIED, (), event.at_s)
        self._families.set(catalog.LEDGER_BROKEN, (), event.broken)

    def _chore_failed(self, _: events.ChoreFailed) -> None:
        self._families.count(catalog.CHORE_FAILURES)

    def _request_served(self, event: events.RequestServed) -> None:
        self._families.time(
            catalog.HTTP_REQUEST, (event.route, event.method, str(event.status)), event.took_s
        )

    def _answered_stale(self, _: events.AnsweredStale) -> None:
        self._families.count(catalog.STALE_ANSWERS)

    def _limit_checked(self, event: events.LimitChecked) -> None:
        self._families.count(
            catalog.LIMIT_DECISIONS, (event.limit_class, event.mode, event.decision.value)
        )


def _usd(micro_usd: int) -> float:
    """Dollars for graphs; the ledger is the truth."""
    return micro_usd / MICRO_USD_PER_USD
