"""What persons set is obeyed by the very scripts that reserve: freezes, keys, overrides."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.balance import Bid
from proxy.domain.errors import Unauthenticated
from proxy.domain.job import JobState, StoppedBy
from proxy.domain.policy import OnExceed
from proxy.gateway.ports.admission import Accepted, Frozen, OverBudget, Replayed, Revoked
from proxy.gateway.ports.jobs import NotBegun
from tests.builders import KLING, MARKETING, VERTEX
from tests.job_builders import a_mandate
from tests.store.dump import dump
from tests.store.stores import (
    KEY,
    a_balance,
    a_bucket,
    a_command,
    a_key_balance,
    an_organisation_balance,
)
from tests.store.test_fail_over import FIRST, SECOND, failed_over, following

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.balance import Balance
    from proxy.domain.ids import ProviderName, TeamId
    from proxy.gateway.ports.admission import AdmitResult
    from tests.store.stores import Store

HOUR_MS = 3_600_000


async def lift(store: Store, balance: Balance, micro_usd: int, *, number: int = 0) -> None:
    """Let a balance be used beyond its limit for an hour."""
    await store.ledger.override(
        balance.name,
        None if balance.is_organisation else MARKETING,
        a_mandate(f"lift {number}"),
        micro_usd=micro_usd,
        until_ms=await store.accounts.now_ms() + HOUR_MS,
    )


async def admitted_under(store: Store, *balances: Balance, number: int = 0) -> AdmitResult:
    bids = (Bid(candidate=0, quote_micro_usd=FIRST, balances=tuple(range(len(balances)))),)
    return await store.admission.admit(a_command(number, balances=balances, bids=bids))


@pytest.mark.parametrize(("team", "what"), [(MARKETING, "team"), (None, "all")])
async def test_a_freeze_refuses_creates_and_changes_nothing(
    store: Store, team: TeamId | None, what: str
) -> None:
    await store.ledger.freeze(a_mandate("1"), team=team)
    before = await dump(store.client)
    assert Frozen(what=what) == await store.admission.admit(a_command())
    assert before == await dump(store.client)
    await store.ledger.thaw(a_mandate("2"), team=team)
    assert isinstance(await store.admission.admit(a_command()), Accepted)


async def test_without_a_balance_of_the_organisation_its_freeze_holds_too(store: Store) -> None:
    await store.ledger.freeze(a_mandate())
    assert Frozen(what="all") == await admitted_under(store, a_balance())


async def test_another_team_s_freeze_concerns_nobody_else(store: Store) -> None:
    await store.client.call(("HSET", store.keys.team(MARKETING), "z", "freezer\nrevoked:x"))
    assert isinstance(await store.admission.admit(a_command()), Accepted)


async def test_a_frozen_team_s_replays_are_answered(store: Store) -> None:
    job = await store.admitted(a_command(0, idempotency_key="a"))
    await store.ledger.freeze(a_mandate(), team=MARKETING)
    again = await store.admission.admit(a_command(1, idempotency_key="a"))
    assert isinstance(again, Replayed)
    assert job.id == again.job.id


@pytest.mark.parametrize(
    ("providers", "candidate"), [([KLING], 1), ([VERTEX], 0), ([KLING, VERTEX], None)]
)
async def test_bids_of_a_frozen_provider_are_passed_over(
    store: Store, providers: Sequence[ProviderName], candidate: int | None
) -> None:
    for number, provider in enumerate(providers):
        await store.ledger.freeze(a_mandate(str(number)), provider=provider)
    result = await store.admission.admit(a_command())
    if candidate is None:
        assert Frozen(what="provider") == result
    else:
        assert isinstance(result, Accepted)
        assert candidate == result.job.attempt.candidate


async def test_over_budget_says_more_than_a_frozen_provider(store: Store) -> None:
    await store.ledger.freeze(a_mandate(), provider=KLING)
    balances = (a_balance(SECOND - 1),)
    result = await store.admission.admit(a_command(balances=balances))
    assert isinstance(result, OverBudget)
    assert SECOND == result.quote_micro_usd


@pytest.mark.parametrize("scope", ["team", "provider", "all"])
async def test_a_frozen_job_is_held_in_its_queue(store: Store, scope: str) -> None:
    job = await store.admitted()
    team = MARKETING if scope == "team" else None
    provider = KLING if scope == "provider" else None
    await store.ledger.freeze(a_mandate("1"), team=team, provider=provider)
    begun = await store.work.begin(job, account="main", running_max=9, lease_s=30)
    assert NotBegun.FROZEN is begun
    assert job == await store.jobs.load(job.id)
    await store.ledger.thaw(a_mandate("2"), team=team, provider=provider)
    assert JobState.SUBMITTING is (await store.begun(job)).state


async def test_a_freeze_elsewhere_holds_no_job(store: Store) -> None:
    await store.ledger.freeze(a_mandate(), provider=VERTEX)
    assert JobState.SUBMITTING is (await store.begun(await store.admitted())).state


async def test_a_frozen_team_s_job_fails_over_into_the_queue(store: Store) -> None:
    job = await store.running()
    await store.ledger.freeze(a_mandate(), team=MARKETING)
    queued = await failed_over(store, job)
    assert JobState.QUEUED is queued.state
    begun = await store.work.begin(queued, account="main", running_max=9, lease_s=30)
    assert NotBegun.FROZEN is begun


async def test_no_job_fails_over_to_a_frozen_provider(store: Store) -> None:
    job = await store.running()
    await store.ledger.freeze(a_mandate(), provider=VERTEX)
    ended = await failed_over(store, job)
    assert (JobState.FAILED, StoppedBy.BUDGET_EXCEEDED) == (ended.state, ended.stopped_by)


async def test_a_revoked_key_creates_and_reads_nothing(store: Store) -> None:
    command = a_command(0, idempotency_key="a")
    job = await store.admitted(command)
    await store.ledger.revoke_key(MARKETING, KEY, a_mandate())
    before = await dump(store.client)
    assert Revoked() == await store.admission.admit(a_command(1))
    assert Revoked() == await store.admission.admit(a_command(1, idempotency_key="a"))
    for buckets in ([], [a_bucket()]):
        with pytest.raises(Unauthenticated):
            await store.jobs.spend(MARKETING, buckets, key=KEY)
        with pytest.raises(Unauthenticated):
            await store.jobs.read(MARKETING, job.id, buckets, key=KEY)
    assert before == await dump(store.client)
    again = await store.admission.admit(command)
    assert isinstance(again, Accepted)
    assert job == again.job


async def test_a_key_that_is_not_the_revoked_one_goes_on(store: Store) -> None:
    await store.client.call(("HSET", store.keys.team(MARKETING), "z", f"revoked:{KEY}x"))
    assert isinstance(await store.admission.admit(a_command()), Accepted)
    assert 1 == len(await store.jobs.spend(MARKETING, [a_bucket()], key=KEY))


@pytest.mark.parametrize(
    "balance", [a_key_balance(FIRST), a_balance(FIRST), an_organisation_balance(FIRST)]
)
async def test_an_override_is_room_and_no_more(store: Store, balance: Balance) -> None:
    assert isinstance(await admitted_under(store, balance), Accepted)
    await lift(store, balance, FIRST - 1)
    refused = await admitted_under(store, balance, number=1)
    assert isinstance(refused, OverBudget)
    assert (FIRST, FIRST - 1) == (refused.balance.limit_micro_usd, refused.lifted_micro_usd)
    await lift(store, balance, 1, number=1)
    assert isinstance(await admitted_under(store, balance, number=2), Accepted)
    state = await store.accounts.team_state(MARKETING, (balance,), ())
    assert (FIRST, 2 * FIRST, 0) == (
        state.balances[0].lifted_micro_usd,
        state.balances[0].limit_micro_usd,
        state.balances[0].left_micro_usd,
    )
    assert (await store.ledger.verify(limits={balance.name: FIRST})).is_sound


async def test_an_override_of_one_balance_lifts_no_other(store: Store) -> None:
    tight = a_balance(FIRST - 1)
    for number, other in enumerate((a_balance(id="other"), an_organisation_balance())):
        await lift(store, other, FIRST, number=number)
    assert isinstance(await admitted_under(store, tight, an_organisation_balance()), OverBudget)


async def test_an_override_that_ended_lifts_nothing(store: Store) -> None:
    balance = a_balance(FIRST - 1)
    now_ms = await store.accounts.now_ms()
    line = f"x 1000 {now_ms - 1} |monthly|now"
    await store.client.call(("HSET", store.keys.team(MARKETING), "v", line))
    assert isinstance(await admitted_under(store, balance), OverBudget)
    state = await store.accounts.team_state(MARKETING, (balance,), ())
    assert 0 == state.balances[0].lifted_micro_usd


async def test_an_override_is_room_for_the_next_attempt_too(store: Store) -> None:
    job = await store.running()
    balances = (a_balance(SECOND - 1), an_organisation_balance(SECOND - 1))
    for number, balance in enumerate(balances):
        await lift(store, balance, 1, number=number)
    queued = await failed_over(store, job, following(balances))
    assert JobState.QUEUED is queued.state


async def test_a_budget_that_allows_counts_and_never_refuses(store: Store) -> None:
    soft = replace(a_balance(FIRST), on_exceed=OnExceed.ALLOW)
    hard = a_balance(id="hard")
    command = a_command(1, balances=(hard, soft, an_organisation_balance()))
    first = await admitted_under(store, hard, soft, number=0)
    assert isinstance(first, Accepted)
    assert () == first.passed
    second = await store.admission.admit(command)
    assert isinstance(second, Accepted)
    assert (soft,) == second.passed
    again = await store.admission.admit(command)
    assert isinstance(again, Accepted)
    assert (second.job, second.passed) == (again.job, again.passed)
    assert [(0, 2 * FIRST)] * 2 == await store.used(soft, hard)


async def test_a_soft_budget_does_not_hide_a_hard_one(store: Store) -> None:
    soft = replace(a_balance(1), on_exceed=OnExceed.ALLOW)
    hard = a_balance(FIRST - 1, id="hard")
    refused = await admitted_under(store, soft, hard)
    assert isinstance(refused, OverBudget)
    assert hard == refused.balance


async def test_a_team_s_state_says_what_is_frozen(store: Store) -> None:
    async def state() -> tuple[str, frozenset[ProviderName]]:
        found = await store.accounts.team_state(MARKETING, (), ())
        return found.frozen, found.frozen_providers

    assert ("", frozenset()) == await state()
    await store.ledger.freeze(a_mandate("1"), provider=KLING)
    await store.ledger.freeze(a_mandate("2"))
    assert ("all", frozenset({KLING})) == await state()
    await store.ledger.freeze(a_mandate("3"), team=MARKETING)
    assert ("team", frozenset({KLING})) == await state()
