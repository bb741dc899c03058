"""The store beside its model in Python, for the machine that works on both."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from hypothesis.stateful import RuleBasedStateMachine
from typing_extensions import override

from proxy.domain.balance import Bid
from proxy.domain.ids import KeyId, ProviderName, TeamId
from proxy.domain.job import Job, JobError, JobState
from proxy.gateway.ports.admission import Accepted, AdmitCommand, Frozen, OverBudget, Revoked
from proxy.gateway.ports.jobs import Release, Settle
from proxy.gateway.ports.ledger import NotPosted, Posted
from proxy.store.client import Client
from tests.job_builders import a_candidate, a_job, a_job_id, a_mandate, a_plan
from tests.store.money_model import (
    PROVIDERS,
    Choice,
    Life,
    Model,
    Try,
    balances_of,
    counted_by,
    late_balances_of,
)
from tests.store.stores import Store

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from proxy.domain.balance import Balance
    from proxy.domain.ledger import Entry
    from proxy.domain.standing import Standing
    from proxy.gateway.ports.jobs import Resolve
    from proxy.gateway.ports.ledger import Mandate
    from proxy.store.client import Command
    from proxy.store.connection import Reply

TEAMS = (TeamId("a"), TeamId("b"))
_T = TypeVar("_T")


class TapedClient(Client):
    """A client that remembers the last script it ran, to send it once more later."""

    last: Command = ()

    @override
    async def call(
        self, command: Command, *, resend: Command | None = None, operation: str | None = None
    ) -> Reply:
        if operation is not None:
            self.last = command
        return await super().call(command, resend=resend, operation=operation)


class Bench(RuleBasedStateMachine):
    """The store beside the model, and hands to work on both."""

    loop: asyncio.AbstractEventLoop
    client: TapedClient

    def __init__(self) -> None:
        super().__init__()
        self.store = Store.on(self.client)
        self.model = Model()
        self.real: dict[str, Job] = {}
        self.older: list[Job] = []
        self.tape: list[Command] = []
        self.epoch, self.epoch_start_ms = 0, 0
        self.number = 0
        self.do(self.client.call(("FLUSHALL",)))

    def do(self, step: Coroutine[object, object, _T]) -> _T:
        return self.loop.run_until_complete(step)

    def now_ms(self) -> int:
        return self.do(self.store.accounts.now_ms())

    def mandate(self) -> Mandate:
        self.number += 1
        return a_mandate(f"op-{self.number}")

    def moments(self, began_ms: int) -> list[int]:
        """Every instant of a step at which other overrides may have lived."""
        ended_ms = self.now_ms()
        ends = [until_ms for _, _, until_ms in self.model.overrides.values()]
        return [began_ms, *sorted(each for each in ends if began_ms < each <= ended_ms)]

    def key(self, team: TeamId, who: int) -> KeyId:
        return KeyId(f"k{team}{who // 2 % 2}")

    def balances(self, team: str, key: str) -> tuple[Balance, ...]:
        """Every budget that is in force and may count a job."""
        late = late_balances_of(team, key, self.epoch, self.epoch_start_ms)
        in_force = tuple(each for each in late if self.model.is_open(each.account))
        return (*balances_of(team, key, self.epoch), *in_force)

    def bids(
        self, balances: Sequence[Balance], offered: Sequence[tuple[int, int]]
    ) -> tuple[Bid, ...]:
        return tuple(
            Bid(candidate=n, quote_micro_usd=quote, balances=counted_by(balances, n))
            for n, quote in offered
        )

    def command(self, who: int, which: tuple[int, ...]) -> AdmitCommand:
        self.number += 1
        team = TEAMS[who % 2]
        key = self.key(team, who)
        offers = [
            a_candidate(ProviderName(provider), f"m{n}", quote_micro_usd=which[n])
            for n, provider in enumerate(PROVIDERS)
        ]
        job = a_job(
            id=a_job_id(self.number), team=team, key=key, plan=a_plan(*offers), attempts=()
        )
        balances = self.balances(team, key)
        return AdmitCommand(
            job=job,
            bids=self.bids(balances, list(enumerate(which))),
            balances=balances,
            buckets=(),
            queued_max=999,
            idempotency_key=None,
            sdk_try=0,
        )

    def said(self, result: object) -> tuple[object, ...]:
        """What admission answered, as the model says it."""
        match result:
            case Accepted(job=job, passed=passed):
                return "accepted", job.attempt.candidate, tuple(each.budget_id for each in passed)
            case OverBudget(balance=balance):
                used = (result.reserved_micro_usd, result.spent_micro_usd)
                lifted = result.lifted_micro_usd
                return "over", balance.name, result.quote_micro_usd, used, lifted
            case Frozen(what=what):
                return "frozen", what
            case _:
                assert isinstance(result, Revoked), result
                return ("revoked",)

    def judged(self, choice: Choice, now_ms: int) -> tuple[object, ...]:
        """What admission should answer."""
        if choice.candidate is not None:
            return "accepted", choice.candidate, choice.passed
        if choice.failed is None:
            return "frozen", "provider"
        name = choice.failed.name
        used = (self.model.reserved[name], self.model.spent[name])
        return "over", name, choice.quote, used, self.model.lifted(name, now_ms)

    def picked(self, which: int, *states: str) -> Job | None:
        """One of the jobs in a state, as it is now."""
        jobs = [
            job
            for name, job in self.real.items()
            if not states or self.model.jobs[job.id].state in states
        ]
        return jobs[which % len(jobs)] if jobs else None

    def tried(self, which: int) -> tuple[str, Life, Try] | None:
        """One of all attempts, with its name and its job."""
        tries = [
            (f"{job}-{number}", life, attempt)
            for job, life in self.model.jobs.items()
            for number, attempt in enumerate(life.tries, 1)
        ]
        return tries[which % len(tries)] if tries else None

    def moved(self, job: Job) -> None:
        """Take note of a job as it is now, and of those who know it as it was."""
        before = self.real[job.id]
        if (before.fence, len(before.attempts)) != (job.fence, len(job.attempts)) or (
            job.state.is_terminal
        ):
            self.older.append(before)
        self.real[job.id] = job
        self.tape.append(self.client.last)

    def resolved(self, life: Life, charged: int) -> None:
        self.model.resolve(life.last, charged)
        life.state = "over"

    def resolving(self, charged: int, *, is_settled: bool) -> Resolve:
        return Settle(charged_micro_usd=charged, by="x") if is_settled else Release(by="x")

    def failed(self, job: Job) -> Job:
        error = JobError(code="provider_failed", message="x")
        return replace(job, state=JobState.FAILED, error=error)

    def posted(self, result: Posted | NotPosted, amount: int, total: int) -> None:
        assert isinstance(result, Posted), result
        assert (amount, total) == (result.amount_micro_usd, result.total_micro_usd)
        self.tape.append(self.client.last)

    def team_of(self, balance: str) -> TeamId | None:
        scope = balance.partition("|")[0].partition("{")[0]
        if scope == "org":
            return None
        return TeamId(scope.removeprefix("team:") if scope.startswith("team:") else scope[5])

    async def stored(self) -> tuple[dict[str, tuple[int, int]], int]:
        """Every balance that is not zero, and the number of entries."""
        keys = self.store.keys
        _, balances = await self.store.ledger.balances()
        used = {
            name: (sums.reserved_micro_usd, sums.spent_micro_usd)
            for name, sums in balances.items()
            if sums.reserved_micro_usd or sums.spent_micro_usd
        }
        return used, await self.client.read(("XLEN", keys.ledger()))

    async def entries(self) -> list[Entry]:
        return [entry async for entry in self.store.ledger.entries()]

    def last_id(self) -> str:
        """The id of the ledger's last entry."""
        page = self.do(
            self.client.read(("XREVRANGE", self.store.keys.ledger(), "+", "-", "COUNT", 1))
        )
        return page[0][0].decode() if page else ""

    def reserved(self, balances: Sequence[Balance], candidate: int, quote: int) -> Try:
        """Note what was just reserved."""
        held = self.model.reserve(balances, candidate, quote, self.epoch)
        held.reserve_id = self.last_id()
        return held

    def amounts(self, standing: Standing) -> tuple[object, ...]:
        return (
            set(standing.balances),
            standing.charged_micro_usd,
            standing.adjusted_micro_usd,
            standing.written_off_micro_usd,
            standing.is_resolved,
        )
