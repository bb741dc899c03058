"""Every operation on money in any order, replayed and reordered, against a model in Python.

10,000 steps in the suite, always the same; `MACHINE_EXAMPLES` asks for others, drawn anew.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test
from typing_extensions import override as overriding

from proxy.domain.ids import ProviderName
from proxy.domain.job import Job, JobState
from proxy.domain.standing import standings
from proxy.gateway.ports.admission import Accepted, PeriodMoved, Revoked
from proxy.gateway.ports.jobs import AlreadyEnded, LostLease, NextAttempt, NotBegun, Release
from proxy.gateway.ports.ledger import NotPosted, Posted
from tests.store.money_accounts import Accounts
from tests.store.money_bench import TEAMS, TapedClient
from tests.store.money_model import PROVIDERS, Life

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from proxy.store.address import Address

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "0"))
SUITE_EXAMPLES, STEPS = 201, 50
HOUR_MS = 3_600_000
SOON_MS = 15
QUOTES = (3, 5, 8)
picks = st.integers(0, 999)
quotes = st.tuples(*[st.sampled_from([0, 3, 5, 8])] * len(PROVIDERS))


class MoneyMachine(Accounts):
    """One step each: on the store, then on the model, and what was answered compared."""

    # --- jobs

    @rule(who=picks, which=quotes)
    def admit(self, who: int, which: tuple[int, ...]) -> None:
        command = self.command(who, which)
        began_ms = self.now_ms()
        result = self.do(self.store.admission.admit(command))
        said = self.said(result)
        team, key = command.job.team, command.job.key
        if (team, f"revoked:{key}") in self.model.flags:
            assert ("revoked",) == said
        elif what := self.model.frozen(team):
            assert ("frozen", what) == said
        else:
            judged = {}
            for now_ms in self.moments(began_ms):
                choice = self.model.choose(
                    command.balances, enumerate(which), now_ms, deny_ends=True
                )
                judged[self.judged(choice, now_ms)] = choice
            assert said in judged
            if isinstance(result, Accepted):
                candidate = result.job.attempt.candidate
                held = self.reserved(command.balances, candidate, which[candidate])
                self.model.jobs[result.job.id] = Life(team, key, which, [held])
                self.real[result.job.id] = result.job
                self.tape.append(self.client.last)

    @rule(who=picks, which=quotes, is_over=st.booleans())
    def admit_in_another_period(self, who: int, which: tuple[int, ...], is_over: bool) -> None:
        command = self.command(who, which)
        now_ms = self.now_ms()
        first, *others = command.balances
        period = replace(
            first.period,
            start_ms=0 if is_over else now_ms + 60_000,
            end_ms=now_ms if is_over else now_ms + 120_000,
        )
        moved = replace(command, balances=(replace(first, period=period), *others))
        result = self.do(self.store.admission.admit(moved))
        revoked = (command.job.team, f"revoked:{command.job.key}") in self.model.flags
        assert isinstance(result, Revoked if revoked else PeriodMoved)

    @rule(which=picks)
    def begin(self, which: int) -> None:
        if (job := self.picked(which, "queued")) is None:
            self.admit(which, QUOTES)
            return
        life = self.model.jobs[job.id]
        begun = self.do(self.store.work.begin(job, account="x", running_max=99, lease_s=60))
        if self.model.frozen(life.team) or self.model.is_frozen_at(life.last.candidate):
            assert begun is NotBegun.FROZEN
            return
        assert isinstance(begun, Job)
        life.state = "begun"
        self.moved(begun)

    @rule(which=picks, more=st.sampled_from([-8, -1, 0, 1, 7]), is_settled=st.booleans())
    def finish(self, which: int, more: int, is_settled: bool) -> None:
        if (job := self.picked(which, "begun", "queued")) is None:
            self.admit(which, QUOTES)
            return
        life = self.model.jobs[job.id]
        charged = max(0, life.last.quote + more) if is_settled else 0
        resolve = self.resolving(charged, is_settled=is_settled)
        mandate = self.mandate() if more == 1 else None
        ended = self.do(self.store.work.finish(job, self.failed(job), resolve, mandate=mandate))
        expected = JobState.CANCELLED if life.is_cancelled else JobState.FAILED
        assert expected is ended.state
        self.resolved(life, charged)
        self.moved(ended)

    @rule(which=picks, more=st.sampled_from([-8, 0, 2]), is_settled=st.booleans())
    def fail_over(self, which: int, more: int, is_settled: bool) -> None:
        if (job := self.picked(which, "begun")) is None:
            self.begin(which)
            return
        life = self.model.jobs[job.id]
        charged = max(0, life.last.quote + more) if is_settled else 0
        balances = self.balances(job.team, job.key)
        left = [(n, q) for n, q in enumerate(life.quotes) if n > life.last.candidate]
        following = NextAttempt(bids=self.bids(balances, left), balances=balances)
        began_ms = self.now_ms()
        stored = self.do(
            self.store.work.fail_over(
                job,
                self.failed(job),
                self.resolving(charged, is_settled=is_settled),
                following,
                wait_s=0,
            )
        )
        assert isinstance(stored, Job)
        self.resolved(life, charged)
        self.moved(stored)
        found = stored.attempt.candidate if stored.state is JobState.QUEUED else None
        expected = {
            self.model.choose(balances, left, now_ms, deny_ends=False).candidate
            for now_ms in self.moments(began_ms)
        }
        assert found in ({None} if life.is_cancelled else expected)
        if found is not None:
            life.tries.append(self.reserved(balances, found, life.quotes[found]))
            life.state = "queued"

    @rule(which=picks, is_forgotten=st.booleans())
    def cancel(self, which: int, is_forgotten: bool) -> None:
        if (job := self.picked(which)) is None:
            self.admit(which, QUOTES)
            return
        life = self.model.jobs[job.id]
        cancelled = self.do(self.store.jobs.cancel(job, is_forgotten=is_forgotten)).job
        if life.state != "over":
            life.is_cancelled = True
        if life.state == "queued":
            self.resolved(life, 0)
        self.moved(cancelled)

    @rule(which=picks, how=st.sampled_from(["begin", "finish", "fail_over"]))
    def come_too_late(self, which: int, how: str) -> None:
        """A step by somebody who knows the job as it was before."""
        if not self.older:
            self.begin(which)
            return
        job = self.older[which % len(self.older)]
        work = self.store.work
        if how == "begin":
            begun = self.do(work.begin(job, account="x", running_max=99, lease_s=60))
            assert isinstance(begun, NotBegun)
            return
        failed, release = self.failed(job), Release(by="late")
        nothing = NextAttempt(bids=(), balances=())
        steps: dict[str, Callable[[], Coroutine[object, object, object]]] = {
            "finish": partial(work.finish, job, failed, release),
            "fail_over": partial(work.fail_over, job, failed, release, nothing, wait_s=0),
        }
        step = steps[how]()
        with pytest.raises((LostLease, AlreadyEnded)):
            self.do(step)

    # --- persons

    @rule(which=picks, delta=st.integers(-9, 9), is_stale=st.booleans())
    def adjust(self, which: int, delta: int, is_stale: bool) -> None:
        if (found := self.tried(which)) is None:
            self.admit(which, QUOTES)
            return
        name, life, attempt = found
        is_stale = is_stale and attempt.is_amended
        standing = attempt.standing(name, life)
        if is_stale:
            standing = replace(standing, adjusted_micro_usd=standing.adjusted_micro_usd + 1)
        result = self.do(self.store.ledger.adjust(standing, delta, self.mandate()))
        if attempt.is_open:
            assert NotPosted.OPEN is result
        elif not delta:
            assert NotPosted.NOTHING is result
        elif is_stale:
            assert NotPosted.STALE is result
        elif attempt.charged + attempt.adjusted + delta < 0:
            assert NotPosted.BELOW_ZERO is result
        else:
            self.model.adjust(life, attempt, delta)
            self.posted(result, delta, attempt.adjusted)

    @rule(which=picks)
    def write_off(self, which: int) -> None:
        if (found := self.tried(which)) is None:
            self.admit(which, QUOTES)
            return
        name, life, attempt = found
        standing = attempt.standing(name, life)
        result = self.do(self.store.ledger.write_off(standing, self.mandate()))
        if attempt.is_open:
            assert NotPosted.OPEN is result
        elif attempt.written_off or not attempt.charged + attempt.adjusted:
            assert NotPosted.NOTHING is result
        else:
            cost = self.model.write_off(life, attempt)
            self.posted(result, -cost, cost)

    @rule(which=picks, who=picks, amount=st.integers(0, 20), is_brief=st.booleans())
    def override(self, which: int, who: int, amount: int, is_brief: bool) -> None:
        team = TEAMS[who % 2]
        balances = self.balances(team, self.key(team, who))
        balance = balances[which % len(balances)]
        began_ms = self.now_ms()
        until_ms = began_ms + (SOON_MS if is_brief else HOUR_MS)
        mandate = self.mandate()
        result = self.do(
            self.store.ledger.override(
                balance.name,
                None if balance.is_organisation else team,
                mandate,
                micro_usd=amount,
                until_ms=until_ms,
            )
        )
        if not amount:
            assert NotPosted.BELOW_ZERO is result
        elif result is NotPosted.EXPIRED:
            assert until_ms <= self.now_ms()
        else:
            assert isinstance(result, Posted)
            moments = self.moments(began_ms)
            totals = {self.model.lifted(balance.name, now_ms) + amount for now_ms in moments}
            assert result.total_micro_usd in totals
            self.model.overrides[mandate.operation] = (balance.name, amount, until_ms)
            self.model.entries += 1
            self.tape.append(self.client.last)

    @rule(which=picks)
    def revoke_override(self, which: int) -> None:
        if not self.model.overrides:
            self.admit(which, QUOTES)
            return
        names = list(self.model.overrides)
        operation = names[which % len(names)]
        balance, amount, until_ms = self.model.overrides[operation]
        team = self.team_of(balance)
        began_ms = self.now_ms()
        result = self.do(self.store.ledger.revoke_override(operation, team, self.mandate()))
        if isinstance(result, Posted):
            assert began_ms < until_ms
            assert -amount == result.amount_micro_usd
            del self.model.overrides[operation]
            self.model.entries += 1
            self.tape.append(self.client.last)
        else:
            assert NotPosted.UNKNOWN is result
            assert until_ms <= self.now_ms()

    @rule(who=picks, where=st.sampled_from(["team", "all", *PROVIDERS[:2]]), is_up=st.booleans())
    def freeze(self, who: int, where: str, is_up: bool) -> None:
        team = TEAMS[who % 2] if where == "team" else None
        provider = ProviderName(where) if where in PROVIDERS else None
        flag = (team or "", f"freeze:{where}" if provider else "freeze")
        ledger = self.store.ledger
        change = ledger.freeze if is_up else ledger.thaw
        changed = self.do(change(self.mandate(), team=team, provider=provider))
        assert changed == (is_up != (flag in self.model.flags))
        (self.model.flags.add if is_up else self.model.flags.discard)(flag)
        self.tape.append(self.client.last)

    @rule(who=st.integers(0, 40))
    def revoke_key(self, who: int) -> None:
        if who > 1:  # rarely: a key that is revoked stays so
            self.begin(who)
            return
        team = TEAMS[who]
        key = self.key(team, 0)
        changed = self.do(self.store.ledger.revoke_key(team, key, self.mandate()))
        assert changed == ((team, f"revoked:{key}") not in self.model.flags)
        self.model.flags.add((team, f"revoked:{key}"))

    # --- the world

    @rule(which=picks)
    def send_again(self, which: int) -> None:
        """Any earlier step that had an effect has none when it is sent again."""
        if not self.tape:
            self.admit(which, QUOTES)
            return
        self.do(self.client.read(self.tape[which % len(self.tape)]))

    @rule()
    def begin_a_period(self) -> None:
        last_ms = int(self.last_id().partition("-")[0] or 0)
        while self.now_ms() <= last_ms:
            pass
        self.epoch, self.epoch_start_ms = self.epoch + 1, self.now_ms()

    @rule()
    def let_overrides_end(self) -> None:
        """Wait until those that end soon have ended."""
        soon = self.now_ms() + SOON_MS
        ends = [until for _, _, until in self.model.overrides.values() if until <= soon]
        while ends and self.now_ms() <= max(ends):
            pass

    @invariant()
    def the_store_holds_what_the_model_holds(self) -> None:
        assert (self.model.used(), self.model.entries) == self.do(self.stored())
        assert min(self.model.reserved.values(), default=0) >= 0
        assert min(self.model.spent.values(), default=0) >= 0

    @overriding
    def something_happens(self, who: int) -> None:
        if who % 3:
            self.finish(who, 1, True)
        else:
            self.admit(who, QUOTES)

    @overriding
    def teardown(self) -> None:
        """Prove the whole ledger, and each attempt in it."""
        self.check_accounts()
        found = self.do(self.store.ledger.verify())
        assert () == found.violations
        told = standings(self.do(self.entries()))
        expected = {
            f"{job}-{number}": attempt.standing(f"{job}-{number}", life)
            for job, life in self.model.jobs.items()
            for number, attempt in enumerate(life.tries, 1)
        }
        assert {name: self.amounts(each) for name, each in expected.items()} == {
            name: self.amounts(each) for name, each in told.items()
        }
        is_open = [each.is_open for life in self.model.jobs.values() for each in life.tries]
        assert sum(is_open) == found.open_attempts


@pytest.fixture
def machine(redis_address: Address) -> Iterator[type[MoneyMachine]]:
    """The machine on the session's server, in a loop of its own."""
    loop = asyncio.new_event_loop()
    client = TapedClient(redis_address)
    yield type("Machine", (MoneyMachine,), {"loop": loop, "client": client})
    loop.run_until_complete(client.call(("FLUSHALL",)))
    loop.run_until_complete(client.close())
    loop.close()


def test_ten_thousand_steps(machine: type[MoneyMachine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES or SUITE_EXAMPLES,
            stateful_step_count=STEPS,
            derandomize=not EXAMPLES,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # Shrinking takes longer than a test may; a run of one's own has the time.
            phases=[Phase.generate, Phase.shrink] if EXAMPLES else [Phase.generate],
        ),
    )
