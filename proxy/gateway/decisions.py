"""Keeps routing decisions on record, beside the requests and never in their way."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.domain.decision import ACCEPTED, Decision, wordless
from proxy.domain.drill import Drilling
from proxy.domain.errors import NotFound, StoreUnavailable
from proxy.domain.events import DecisionsLost
from proxy.domain.ids import ModelName
from proxy.domain.plan import Plan
from proxy.domain.route import asked_policy

if TYPE_CHECKING:
    from proxy.domain.conditions import Conditions
    from proxy.domain.drill import Drill
    from proxy.domain.errors import NoRoute
    from proxy.domain.ids import JobId
    from proxy.domain.job import Job
    from proxy.domain.policy import Snapshot
    from proxy.domain.usage import BudgetUse
    from proxy.domain.video import VideoJob
    from proxy.gateway.live import Live
    from proxy.gateway.ports.decisions import DecisionLog, DecisionQuery
    from proxy.gateway.ports.runtime import Clock, Observer
    from proxy.gateway.views import Caller

SHARE_S = 1.0
"""How often what was decided here is written down."""
BATCH_MAX = 200
WAITING_MAX = 5_000
"""Without the store so many are kept here; then the oldest are lost, and counted."""


class Decisions:
    """What this process decided and has not written down yet."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._waiting: deque[Decision] = deque()
        self._batch: list[Decision] = []

    def note(self, decision: Decision) -> None:
        """Take note of a decision: an append in memory."""
        self._waiting.append(decision)
        if len(self._waiting) > WAITING_MAX:
            self._waiting.popleft()
            self._observer.observe(DecisionsLost(count=1))

    async def share(self, log: DecisionLog, live: Live, clock: Clock) -> None:
        """Write down what was decided, now and then, and once more when cancelled."""
        try:
            while True:
                await clock.sleep(SHARE_S)
                await self.write(log, live)
        finally:
            await self.write(log, live)

    async def write(self, log: DecisionLog, live: Live) -> None:
        """Write down what waits; without the store it goes on waiting.

        A batch stays what it is until it surely is on record: that is how the record knows one
        whose reply was lost.
        """
        while self._batch or self._waiting:
            if not self._batch:
                count = min(BATCH_MAX, len(self._waiting))
                self._batch = [self._waiting.popleft() for _ in range(count)]
            try:
                await log.append(self._batch, keep=live.snapshot.engine.decisions_kept)
            except StoreUnavailable:
                return
            self._batch = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """What a plan is made from, beside the request and the configuration."""

    at_s: float
    conditions: Conditions
    budgets: tuple[BudgetUse, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One create that is being decided."""

    id: JobId
    caller: Caller
    request: VideoJob
    snapshot: Snapshot
    premises: Premises

    def accepted(self, job: Job) -> Decision:
        """The decision behind the admitted job."""
        return self._decision(job.plan, ACCEPTED, job.attempts[0].candidate)

    def refused(self, plan: Plan, code: str) -> Decision:
        """The decision if there was a plan, and the job was not admitted."""
        return self._decision(plan, code)

    def routeless(self, refusal: NoRoute) -> Decision:
        """The decision if no offer was left."""
        team = self.caller.team
        nothing = Plan(
            policy=asked_policy(self.request, team, self.snapshot),
            requested_model=self.request.model,
            substitute=self.request.substitute or team.substitute,
            candidates=(),
            skipped=refusal.skipped,
        )
        return self._decision(nothing, refusal.code)

    def _decision(self, plan: Plan, outcome: str, chosen: int | None = None) -> Decision:
        return Decision(
            id=self.id,
            at_s=self.premises.at_s,
            team=self.caller.team.id,
            key=self.caller.key.id,
            snapshot_digest=self.snapshot.digest,
            request=wordless(self.request),
            conditions=self.premises.conditions,
            budgets=self.premises.budgets,
            plan=plan,
            outcome=outcome,
            chosen=chosen,
        )


class DecisionDesk:
    """What operators ask of the record. Everything raises StoreUnavailable."""

    def __init__(self, log: DecisionLog, live: Live) -> None:
        self._log = log
        self._live = live

    async def find(self, query: DecisionQuery) -> tuple[list[Decision], bool]:
        """The latest decisions that are meant, and whether there are more."""
        found: list[Decision] = []
        aliases = self._live.snapshot.aliases
        decisions = self._log.read(query.since_ms, query.until_ms, is_latest_first=True)
        async for decision in decisions:
            if not query.wants(decision, aliases):
                continue
            if len(found) == query.limit:
                return found, True
            found.append(decision)
        return found, False

    async def retire(self, model: str, since_ms: int | None, until_ms: int | None) -> Drill:
        """What the videos of a time would have become without a model.

        Raises:
            NotFound: the catalog has no such model.
        """
        snapshot = self._live.snapshot
        name = snapshot.aliases.get(model, ModelName(model))
        if name not in snapshot.models:
            known = ", ".join(sorted(snapshot.models))
            message = f"no model {model!r}; known: {known}"
            raise NotFound(message, param="model")
        drilling = Drilling(snapshot, name)
        page: list[Decision] = []
        async for decision in self._log.read(since_ms, until_ms):
            page.append(decision)
            if len(page) == BATCH_MAX:
                await asyncio.to_thread(drilling.add, page)
                page = []
        await asyncio.to_thread(drilling.add, page)
        return drilling.found()
