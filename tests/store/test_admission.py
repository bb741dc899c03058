"""One create is decided whole: accepted and all written, or refused and nothing changed."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.balance import Bid
from proxy.domain.errors import StoreUnavailable
from proxy.domain.job import JobState
from proxy.domain.policy import OnExceed
from proxy.gateway.ports.admission import (
    Accepted,
    BucketEmpty,
    OverBudget,
    PeriodMoved,
    TooManyOpen,
)
from proxy.store.address import EmbeddedAddress
from proxy.store.client import Client, Timeouts
from proxy.store.embedded import EmbeddedStore
from tests.builders import MARKETING, VERTEX
from tests.job_builders import a_candidate, a_job, a_job_id, a_plan
from tests.store.dump import dump
from tests.store.stores import (
    Store,
    a_balance,
    a_bucket,
    a_command,
    a_key_balance,
    an_organisation_balance,
    until_back,
)

if TYPE_CHECKING:
    from pathlib import Path

    from proxy.domain.balance import Balance

QUOTE = 336_000


async def test_an_accepted_job_is_stored_as_it_was_asked_for(store: Store) -> None:
    command = a_command()
    result = await store.admission.admit(command)
    assert isinstance(result, Accepted)
    assert replace(result.job, attempts=()) == command.job
    assert JobState.QUEUED is result.job.state
    attempt = result.job.attempt
    assert (1, 0, QUOTE) == (attempt.number, attempt.candidate, attempt.reserved_micro_usd)
    assert result.job == await store.jobs.load(command.job.id)


async def test_the_reservation_bears_the_time_of_the_store(store: Store) -> None:
    before_ms = await store.accounts.now_ms()
    job = await store.admitted()
    assert before_ms <= job.attempt.reserved_at_ms <= await store.accounts.now_ms()


async def test_the_quote_is_held_at_key_team_and_organisation(store: Store) -> None:
    balances = (an_organisation_balance(), a_key_balance(), a_balance())
    await store.admitted(a_command(balances=balances))
    assert [(0, QUOTE)] * 3 == await store.used(*balances)
    assert () == (await store.ledger.verify()).violations


async def test_a_balance_that_does_not_count_a_candidate_is_left_alone(store: Store) -> None:
    counted, other = a_balance(), a_balance(0, id="veo")
    bid = Bid(candidate=0, quote_micro_usd=QUOTE, balances=(0,))
    await store.admitted(a_command(balances=(counted, other), bids=(bid,)))
    assert [(0, QUOTE), (0, 0)] == await store.used(counted, other)


async def test_a_budget_may_be_used_up_exactly(store: Store) -> None:
    balance = a_balance(2 * QUOTE)
    await store.admitted(a_command(0, balances=(balance,)))
    await store.admitted(a_command(1, balances=(balance,)))
    result = await store.admission.admit(a_command(2, balances=(balance,)))
    assert isinstance(result, OverBudget)
    assert balance == result.balance
    assert (QUOTE, 0, 2 * QUOTE) == (
        result.quote_micro_usd,
        result.spent_micro_usd,
        result.reserved_micro_usd,
    )


@pytest.mark.parametrize(
    "tight", [a_key_balance(QUOTE - 1), a_balance(QUOTE - 1), an_organisation_balance(QUOTE - 1)]
)
async def test_a_full_budget_of_any_level_refuses(store: Store, tight: Balance) -> None:
    others = (a_key_balance(), a_balance(), an_organisation_balance())
    balances = tuple(tight if each.scope == tight.scope else each for each in others)
    result = await store.admission.admit(a_command(balances=balances))
    assert isinstance(result, OverBudget)
    assert tight == result.balance


async def test_next_goes_on_to_a_candidate_that_fits(store: Store) -> None:
    veo = a_balance(0, id="kling", on_exceed=OnExceed.NEXT)
    bids = (
        Bid(candidate=0, quote_micro_usd=QUOTE, balances=(0, 1)),
        Bid(candidate=1, quote_micro_usd=400_000, balances=(1,)),
    )
    job = await store.admitted(a_command(balances=(veo, a_balance()), bids=bids))
    assert 1 == job.attempt.candidate
    assert VERTEX == job.candidate.provider
    assert [(0, 0), (0, 400_000)] == await store.used(veo, a_balance())


async def test_one_deny_among_failing_budgets_refuses(store: Store) -> None:
    following = a_balance(0, id="next", on_exceed=OnExceed.NEXT)
    deny = a_balance(0, id="deny")
    bids = (
        Bid(candidate=0, quote_micro_usd=QUOTE, balances=(0, 1)),
        Bid(candidate=1, quote_micro_usd=400_000, balances=()),
    )
    result = await store.admission.admit(a_command(balances=(following, deny), bids=bids))
    assert isinstance(result, OverBudget)
    assert following == result.balance


async def test_when_none_fits_the_first_failure_of_the_first_candidate_is_named(
    store: Store,
) -> None:
    roomy = a_balance(QUOTE, id="roomy")
    first = a_balance(QUOTE - 1, id="first", on_exceed=OnExceed.NEXT)
    second = a_balance(0, id="second", on_exceed=OnExceed.NEXT)
    bids = (
        Bid(candidate=0, quote_micro_usd=QUOTE, balances=(0, 1)),
        Bid(candidate=1, quote_micro_usd=400_000, balances=(2,)),
    )
    command = a_command(balances=(roomy, first, second), bids=bids)
    result = await store.admission.admit(command)
    assert isinstance(result, OverBudget)
    assert (first, QUOTE) == (result.balance, result.quote_micro_usd)


async def test_a_job_without_balances_is_accepted(store: Store) -> None:
    job = await store.admitted(a_command(balances=()))
    assert QUOTE == job.reserved_micro_usd


async def test_a_balance_named_like_a_pattern_is_counted_exactly(store: Store) -> None:
    matched = a_balance(scope='team:marketing{"model":"veo-3.1*","policy":"%d|T[O]"}')
    await store.admitted(a_command(balances=(matched,)))
    assert [(0, QUOTE)] == await store.used(matched)
    assert () == (await store.ledger.verify()).violations


async def test_limits_near_the_largest_amount_are_exact(store: Store) -> None:
    huge = 2**53 - 2
    plan = a_plan(a_candidate(quote_micro_usd=huge))
    balance = a_balance(2**53 - 1)
    await store.admitted(
        a_command(job=a_job(plan=plan, attempts=()), balances=(balance,), buckets=())
    )
    assert [(0, huge)] == await store.used(balance)
    bid = Bid(candidate=0, quote_micro_usd=2, balances=(0,))
    refused = await store.admission.admit(a_command(1, balances=(balance,), bids=(bid,)))
    assert isinstance(refused, OverBudget)
    assert huge == refused.reserved_micro_usd


async def test_tokens_are_spent_only_when_accepted(store: Store) -> None:
    bucket, other = a_bucket(2), a_bucket(5, name="submit:k7f3q2ab")
    refused = await store.admission.admit(
        a_command(0, balances=(a_balance(0),), buckets=(bucket, other))
    )
    assert isinstance(refused, OverBudget)
    assert [2, 5] == [state.remaining for state in refused.buckets]
    accepted = await store.admission.admit(a_command(1, buckets=(bucket, other)))
    assert isinstance(accepted, Accepted)
    assert [1, 4] == [state.remaining for state in accepted.buckets]


async def test_an_empty_bucket_refuses_and_the_others_keep_their_tokens(store: Store) -> None:
    empty, full = a_bucket(1), a_bucket(5, name="submit:k7f3q2ab")
    await store.admitted(a_command(0, buckets=(empty,)))
    before = await dump(store.client)
    result = await store.admission.admit(a_command(1, buckets=(full, empty)))
    assert isinstance(result, BucketEmpty)
    assert [5, 0] == [state.remaining for state in result.buckets]
    assert result.buckets[0].retry_after_us == 0
    assert result.buckets[1].retry_after_us > 0
    assert before == await dump(store.client)


async def test_too_many_unfinished_jobs_refuse(store: Store) -> None:
    for number in range(2):
        await store.admitted(a_command(number, queued_max=2))
    result = await store.admission.admit(a_command(2, queued_max=2, buckets=(a_bucket(20),)))
    assert isinstance(result, TooManyOpen)
    assert 2 == result.open_jobs
    assert [18] == [state.remaining for state in result.buckets]


@pytest.mark.parametrize(("start_ms", "end_ms"), [(0, 1000), (2**52, 2**53 - 1)])
async def test_a_period_that_is_not_now_is_reported_and_nothing_is_done(
    store: Store, start_ms: int, end_ms: int
) -> None:
    balances = (a_balance(), a_balance(id="stale", start_ms=start_ms, end_ms=end_ms))
    before = await dump(store.client)
    result = await store.admission.admit(a_command(balances=balances))
    assert isinstance(result, PeriodMoved)
    assert abs(result.now_ms - await store.accounts.now_ms()) < 5000
    assert before == await dump(store.client)


async def test_a_create_that_nobody_waits_for_any_more_is_not_admitted(tmp_path: Path) -> None:
    server = EmbeddedStore(EmbeddedAddress(folder=str(tmp_path)))
    server.launch()
    server.wait_ready()
    assert server.pid is not None
    hasty = Store.on(Client(server.address, timeouts=Timeouts(answer_s=0.05)))
    patient = Store.on(Client(server.address))
    try:
        await patient.client.call(("SCRIPT", "LOAD", patient.admission.script.source))
        asked_at_ms = await patient.accounts.now_ms()
        command = replace(a_command(), asked_at_ms=asked_at_ms)
        os.kill(server.pid, signal.SIGSTOP)  # it stalls, both sendings reach it
        with pytest.raises(StoreUnavailable):
            await hasty.admission.admit(command)
        os.kill(server.pid, signal.SIGCONT)
        assert [] == await patient.waiting(10)
        assert await patient.jobs.load(command.job.id) is None
        await until_back(hasty.client)
        late = await hasty.admission.admit(command)
        assert isinstance(late, PeriodMoved)
        again = replace(command, asked_at_ms=late.now_ms)
        assert isinstance(await hasty.admission.admit(again), Accepted)
    finally:
        await hasty.client.close()
        await patient.client.close()
        server.stop()


async def test_a_refusal_by_a_budget_changes_nothing_at_all(store: Store) -> None:
    await store.admitted()
    before = await dump(store.client)
    job = replace(a_job(id=a_job_id(1), attempts=()), fingerprint="f" * 64)
    result = await store.admission.admit(a_command(job=job, balances=(a_balance(0),)))
    assert isinstance(result, OverBudget)
    assert before == await dump(store.client)


async def test_an_accepted_job_waits_in_its_queue_and_is_listed(store: Store) -> None:
    job = await store.admitted()
    assert [job] == await store.waiting(10)
    assert [1] == list((await store.lines.counts()).values())
    state = await store.accounts.team_state(MARKETING, (), ())
    assert (1, 0) == (state.open_jobs, state.running_jobs)
    page = await store.jobs.page(MARKETING, after=None, limit=10, is_ascending=False)
    assert ((job,), False) == (page.jobs, page.has_more)


async def test_the_ledger_tells_of_the_reservation(store: Store) -> None:
    job = await store.admitted()
    [entry] = [entry async for entry in store.ledger.entries()]
    assert ("reserve", job.attempt_id, QUOTE, 0) == (
        entry.kind,
        entry.attempt,
        entry.reserved_micro_usd,
        entry.spent_micro_usd,
    )
    charge = entry.charge
    assert (job.id, job.team, job.key) == (entry.job, entry.team, charge.key)
    assert ("kling", "kling-3.0", job.plan.policy) == (
        charge.provider,
        charge.model,
        charge.policy,
    )
    assert job.candidate.price_id == charge.price_id
    names = ("key:k7f3q2ab|key|now", "team:marketing|monthly|now", "org|all|now")
    assert names == entry.balances
