"""A month of jobs, one event after the other, through the real decisions of the domain."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from proxy.domain.breaker import Breaker, Moment, after
from proxy.domain.conditions import Conditions
from proxy.domain.decision import ACCEPTED, Decision, wordless
from proxy.domain.errors import NoRoute
from proxy.domain.failure import REACTIONS, FailureKind
from proxy.domain.health import Health, Heard, Outlook, marks_of_render, marks_of_submit
from proxy.domain.ids import KeyId
from proxy.domain.plan import Plan
from proxy.domain.price import charge
from proxy.domain.render_times import SAMPLES_MAX, spread_of
from proxy.domain.route import asked_policy, plan
from proxy.domain.video import VideoJob
from tests.paper.bank import Bank, Held

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from proxy.domain.failure import Failure
    from proxy.domain.health import Marks
    from proxy.domain.ids import ProviderName, TeamId
    from proxy.domain.plan import Candidate
    from proxy.domain.policy import Snapshot
    from tests.paper.vendors import Vendors

RETRY_S = 1.0
ATTEMPTS_MAX = 3
ACCOUNT = "main"


@dataclass
class Paper:
    """One job and its current attempt."""

    number: int
    team: TeamId
    plan: Plan
    held: Held
    attempts: int = 1
    retries: int = 0
    begun_ms: int = 0
    charged_micro_usd: int = 0
    failed_at: list[str] = field(default_factory=list)
    end: str = ""

    @property
    def candidate(self) -> Candidate:
        return self.plan.candidates[self.held.place]


@dataclass
class Month:
    """Everything that happens, in the order of its time."""

    snapshot: Snapshot
    vendors: Vendors
    dice: Random
    now_s: float
    bank: Bank = field(default_factory=Bank)
    jobs: list[Paper] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    openings: int = 0
    _queue: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _sequence: int = 0
    _breakers: defaultdict[tuple[ProviderName, str], dict[str, Breaker]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    _renders: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    _latency_s: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.configure(self.snapshot)

    @property
    def now_ms(self) -> int:
        return int(self.now_s * 1000)

    def at(self, at_s: float, what: Callable[[], None]) -> None:
        """Have something happen."""
        self._sequence += 1
        heapq.heappush(self._queue, (at_s, self._sequence, what))

    def run(self) -> None:
        """Let everything happen."""
        while self._queue:
            self.now_s, _, what = heapq.heappop(self._queue)
            what()
            self.bank.check()

    def configure(self, snapshot: Snapshot) -> None:
        """Put another configuration in force."""
        self.snapshot = snapshot
        self.snapshots[snapshot.digest] = snapshot

    # --- a job's life -------------------------------------------------------------------------

    def create(self, team_id: TeamId, request: VideoJob) -> None:
        """A create: planned, decided, and on its way."""
        team, snapshot = self.snapshot.teams[team_id], self.snapshot
        conditions, budgets = self.conditions(), self.bank.uses(snapshot, team, self.now_ms)
        nothing = Plan(
            policy=asked_policy(request, team, snapshot),
            requested_model=request.model,
            substitute=request.substitute or team.substitute,
            candidates=(),
            skipped=(),
        )
        decision = Decision(
            id=f"video_{len(self.decisions)}",
            at_s=self.now_s,
            team=team_id,
            key=KeyId("paper234"),
            snapshot_digest=snapshot.digest,
            request=wordless(request),
            conditions=conditions,
            budgets=budgets,
            plan=nothing,
            outcome="no_route",
        )
        try:
            planned = plan(
                request, team, snapshot, self.now_s, budgets=budgets, conditions=conditions
            )
        except NoRoute as refusal:
            self.refused[team_id, "no_route"] += 1
            self.decisions.append(
                replace(decision, plan=replace(nothing, skipped=refusal.skipped))
            )
            return
        held = self.bank.reserve(
            snapshot,
            team,
            enumerate(planned.candidates),
            self.now_ms,
            policy=planned.policy,
            is_first=True,
        )
        if isinstance(held, str):
            self.refused[team_id, held] += 1
            self.decisions.append(replace(decision, plan=planned, outcome="budget_exceeded"))
            return
        self.decisions.append(replace(decision, plan=planned, outcome=ACCEPTED, chosen=held.place))
        job = Paper(number=len(self.jobs), team=team_id, plan=planned, held=held)
        self.jobs.append(job)
        self.submit(job)

    def submit(self, job: Paper) -> None:
        """Send the current attempt; a closed offer hands it on."""
        candidate = job.candidate
        offer = self.snapshot.offer(candidate.offer_id)
        outlook = Outlook(self.health(), self.snapshot, self.now_ms)
        is_closed = offer is None or outlook.at_account(offer, ACCOUNT) is not None
        if is_closed and self.go_on(job, FailureKind.UNAVAILABLE, 0):
            return
        job.begun_ms = self.now_ms
        failure = self.vendors.submit(candidate.provider, candidate.model, self.now_s)
        self.hear(job, marks_of_submit(self.heard(job), failure))
        if failure is None:
            took_s, outcome = self.vendors.render(candidate.provider)
            self.at(self.now_s + took_s, lambda: self.rendered(job, outcome, took_s))
        elif REACTIONS[failure.kind].same_provider_again and not job.retries:
            job.retries += 1
            self.at(self.now_s + RETRY_S, lambda: self.submit(job))
        else:
            job.failed_at.append(candidate.provider)
            if not self.go_on(job, failure.kind, 0):
                self.bank.settle(job.held, 0)
                job.end = "failed"

    def rendered(self, job: Paper, failure: Failure | None, took_s: float) -> None:
        """An accepted attempt has ended."""
        candidate = job.candidate
        self.hear(job, marks_of_render(self.heard(job), failure))
        if failure is None:
            samples = self._renders[candidate.offer_id]
            samples.append(int(took_s * 1000))
            del samples[:-SAMPLES_MAX]
            if (spread := spread_of(samples)) is not None:
                self._latency_s[candidate.offer_id] = round(spread.p50_s, 1)
            self.settle(job, candidate.quote_micro_usd, "completed")
            return
        offer = self.snapshot.offer(candidate.offer_id)
        assert offer is not None
        is_refused = failure.kind is FailureKind.CONTENT_POLICY
        billing = offer.bills_on.filtered if is_refused else offer.bills_on.failed
        cost = charge(
            billing, reserved_micro_usd=candidate.quote_micro_usd, reported_micro_usd=None
        )
        job.failed_at.append(candidate.provider)
        if REACTIONS[failure.kind].next_candidate and self.go_on(job, failure.kind, cost):
            return
        self.settle(job, cost, "refused" if is_refused else "failed")

    def go_on(self, job: Paper, kind: FailureKind, cost_micro_usd: int) -> bool:
        """Take the first candidate left that is open and fits; False if there is none."""
        assert REACTIONS[kind].next_candidate
        if job.attempts >= ATTEMPTS_MAX:
            return False
        closed = self.conditions().closed
        left = [
            (place, candidate)
            for place, candidate in enumerate(job.plan.candidates)
            if place > job.held.place and candidate.offer_id not in closed
        ]
        team = self.snapshot.teams[job.team]
        held = self.bank.reserve(
            self.snapshot, team, left, self.now_ms, policy=job.plan.policy, is_first=False
        )
        if isinstance(held, str):
            return False
        self.bank.settle(job.held, cost_micro_usd)
        job.charged_micro_usd += cost_micro_usd
        job.held, job.attempts, job.retries = held, job.attempts + 1, 0
        self.at(self.now_s, lambda: self.submit(job))
        return True

    def settle(self, job: Paper, cost_micro_usd: int, end: str) -> None:
        """End a job."""
        assert not job.end
        self.bank.settle(job.held, cost_micro_usd)
        job.charged_micro_usd += cost_micro_usd
        job.end = end

    # --- how things stand ---------------------------------------------------------------------

    def health(self) -> Health:
        return Health(breakers=self._breakers)

    def conditions(self) -> Conditions:
        return Conditions(
            closed=Outlook(self.health(), self.snapshot, self.now_ms).closures(),
            latency_s=dict(self._latency_s),
        )

    def heard(self, job: Paper) -> Heard:
        return Heard(
            upstream=job.candidate.upstream,
            attempt=f"{job.number}-{job.attempts}",
            begun_ms=job.begun_ms,
            digest=self.snapshot.digest,
            throttle_ms=5_000,
        )

    def hear(self, job: Paper, marks: Marks) -> None:
        """Let the breakers hear of an outcome."""
        rules = self.snapshot.engine.breaker
        mine = self._breakers[job.candidate.provider, ACCOUNT]
        for name, outcome in marks:
            before = mine.get(name, Breaker())
            moment = Moment(self.now_ms, self.dice.randrange(100))
            mine[name] = after(before, outcome, rules, moment)
            self.openings += mine[name].openings > before.openings
