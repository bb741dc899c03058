"""The ledger is the truth: balances are its sum, and a balance that is not is found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.job import JobError, JobState
from proxy.domain.ledger import Charge, EntryKind
from proxy.domain.proof import Law, Violation
from proxy.gateway.ports.jobs import Release, Settle
from tests.builders import KLING, MARKETING
from tests.job_builders import a_job, a_job_id, a_request
from tests.store.stores import a_balance, a_command, a_key_balance, an_organisation_balance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from proxy.domain.job import Job
    from proxy.domain.ledger import Entry
    from tests.store.stores import Store

QUOTE = 336_000
FIELDS = (
    *("kind", "unattributed", "op", "x", "attempt", "", "reserved", "0", "spent", "0"),
    *("balances", "", "facts", ""),
)


async def ended(store: Store) -> Job:
    job = await store.running()
    after = replace(job, state=JobState.COMPLETED)
    return await store.work.finish(job, after, Settle(charged_micro_usd=QUOTE, by="x"))


async def found_by(store: Store) -> list[tuple[Law, str]]:
    found = (await store.ledger.verify()).violations
    return [(violation.law, violation.subject) for violation in found]


async def each(entries: Iterable[Entry]) -> AsyncIterator[Entry]:
    for entry in entries:
        yield entry


async def test_an_empty_ledger_verifies(store: Store) -> None:
    assert () == (await store.ledger.verify()).violations
    assert [] == [entry async for entry in store.ledger.entries()]


async def test_each_entry_tells_the_whole_story(store: Store) -> None:
    job = await store.running()
    after = replace(job, state=JobState.COMPLETED)
    await store.work.finish(job, after, Settle(charged_micro_usd=QUOTE + 1, by="reported"))
    reserve, settle, overage = [entry async for entry in store.ledger.entries()]
    kinds = [entry.kind for entry in (reserve, settle, overage)]
    assert [EntryKind.RESERVE, EntryKind.SETTLE, EntryKind.OVERAGE] == kinds
    assert [(QUOTE, 0), (-QUOTE, QUOTE), (0, 1)] == [
        (entry.reserved_micro_usd, entry.spent_micro_usd) for entry in (reserve, settle, overage)
    ]
    assert "" == reserve.operation
    assert settle.operation == overage.operation != ""
    assert {job.attempt_id} == {entry.attempt for entry in (reserve, settle, overage)}
    names = {balance.name for balance in a_command().balances}
    assert [names] * 3 == [set(entry.balances) for entry in (reserve, settle, overage)]
    assert reserve.at_ms <= settle.at_ms


async def test_an_entry_says_what_was_bought(store: Store) -> None:
    request = a_request(metadata={"title": 'a "b"\nc\\', "project": "x"})
    job = replace(a_job(id=a_job_id(), attempts=()), request=request, cost_center="47 11")
    running = await store.running(await store.admitted(a_command(job=job)))
    after = replace(running, state=JobState.COMPLETED)
    await store.work.finish(running, after, Settle(charged_micro_usd=QUOTE, by="reported"))
    reserve, settle = [entry async for entry in store.ledger.entries()]
    reserved = Charge(
        key=job.key,
        policy=job.plan.policy,
        provider=KLING,
        model="kling-3.0",
        price_id="720p-any@2026-11-22",
        snapshot_digest=job.snapshot_digest[:16],
        cost_center="47 11",
        metadata=request.metadata,
    )
    assert reserved == reserve.charge
    assert settle.charge == replace(
        reserved,
        account="main",
        by="reported",
        seconds=4,
        resolution="720p",
        outcome="completed",
        task="t-1",
    )
    assert [MARKETING] * 2 == [reserve.team, settle.team]
    assert ("", "", 0, 0) == (
        settle.actor,
        settle.reason,
        settle.amount_micro_usd,
        settle.until_ms,
    )


@pytest.mark.parametrize(
    ("is_cancelled", "outcome"), [(False, "provider_failed"), (True, "cancelled")]
)
async def test_the_outcome_of_an_attempt_is_its_job_s(
    store: Store, outcome: str, *, is_cancelled: bool
) -> None:
    job = await store.running()
    if is_cancelled:
        await store.jobs.cancel(job, is_forgotten=False)
    error = JobError(code="provider_failed", message="INTERNAL")
    after = replace(job, state=JobState.FAILED, error=error)
    await store.work.finish(job, after, Release(by="bills_on:none"))
    *_, release = [entry async for entry in store.ledger.entries()]
    assert (EntryKind.RELEASE, outcome) == (release.kind, release.charge.outcome)


async def test_entries_are_read_from_one_instant_to_another(store: Store) -> None:
    for at_ms in (1000, 1999, 2000):
        await store.client.call(("XADD", store.keys.ledger(), f"{at_ms}-5", *FIELDS))
    assert [1000, 1999] == [e.at_ms async for e in store.ledger.entries(1000, 2000)]
    assert [1999, 2000] == [e.at_ms async for e in store.ledger.entries(1001)]
    assert [1000] == [e.at_ms async for e in store.ledger.entries(until_ms=1999)]


@pytest.mark.breaks("a balance")
async def test_a_balance_that_was_tampered_with_is_found(store: Store) -> None:
    await store.admitted()
    await store.client.call(("HINCRBY", store.keys.team(MARKETING), "|monthly|now|r", -1))
    message = (
        f"the entries say {QUOTE} reserved and 0 spent,"
        f" the balance {QUOTE - 1} reserved and 0 spent"
    )
    found = Violation(law=Law.SUMS, subject="team:marketing|monthly|now", message=message)
    assert (found,) == (await store.ledger.verify()).violations


@pytest.mark.breaks("a balance")
async def test_money_nobody_entered_is_found(store: Store) -> None:
    await store.client.call(("HSET", store.keys.organisation(), "|all|now|s", 5))
    [found] = (await store.ledger.verify()).violations
    assert (Law.SUMS, "org|all|now") == (found.law, found.subject)


@pytest.mark.breaks("a balance")
async def test_a_lost_balance_is_found(store: Store) -> None:
    await store.admitted(a_command(balances=(a_key_balance(), an_organisation_balance())))
    await store.client.call(("DEL", store.keys.organisation()))
    [found] = (await store.ledger.verify()).violations
    assert (Law.SUMS, "org|all|now") == (found.law, found.subject)


@pytest.mark.breaks("a job")
async def test_money_held_for_a_job_that_is_gone_is_found(store: Store) -> None:
    job = await store.running()
    await store.client.call(("DEL", store.keys.job(job.id)))
    assert [(Law.ALIVE, job.attempt_id)] == await found_by(store)


@pytest.mark.breaks("jobs")
async def test_what_is_no_record_at_all_is_as_good_as_gone(store: Store) -> None:
    done, job = await ended(store), await store.admitted(a_command(1))
    for each_job in (done, job):
        await store.client.call(("SET", store.keys.job(each_job.id), "x"))
    assert [(Law.ALIVE, job.attempt_id)] == await found_by(store)
    await store.client.call(("FLUSHALL",))


@pytest.mark.breaks("a job")
async def test_a_job_that_stands_in_no_queue_or_in_two_is_found(store: Store) -> None:
    job = await store.running()
    await store.client.call(("ZREM", store.keys.due(), job.id))
    assert [(Law.QUEUED, job.id)] == await found_by(store)
    for queue in (store.keys.due(), store.keys.waiting(MARKETING, KLING)):
        await store.client.call(("ZADD", queue, 1, job.id))
    assert [(Law.QUEUED, job.id)] == await found_by(store)


@pytest.mark.breaks("a queue")
async def test_a_job_that_ended_and_is_still_queued_is_found(store: Store) -> None:
    job = await ended(store)
    await store.client.call(("ZADD", store.keys.due(), 1, job.id))
    assert [(Law.QUEUED, job.id)] == await found_by(store)


@pytest.mark.breaks("a job")
@pytest.mark.parametrize("resolution", ["s|5|0|x", ""])
async def test_a_record_that_says_something_else_is_found(store: Store, resolution: str) -> None:
    job = await ended(store)
    await store.client.call(("HSET", store.keys.job(job.id), "r1", resolution))
    assert [(Law.FINAL, job.attempt_id)] == await found_by(store)


async def test_a_limit_is_proven_where_it_is_given(store: Store) -> None:
    balance = a_balance()
    await store.admitted(a_command(balances=(balance,)))
    assert (await store.ledger.verify(limits={balance.name: QUOTE})).is_sound
    [found] = (await store.ledger.verify(limits={balance.name: QUOTE - 1})).violations
    assert (Law.LIMITS, balance.name) == (found.law, found.subject)


async def test_archived_entries_are_part_of_the_proof(store: Store) -> None:
    await ended(store)
    running = await store.running(await store.admitted(a_command(1)))
    archived = [entry async for entry in store.ledger.entries()][:2]
    await store.client.call(("XTRIM", store.keys.ledger(), "MAXLEN", 1))
    assert not (await store.ledger.verify()).is_sound
    found = await store.ledger.verify(earlier=each(archived))
    assert () == found.violations
    assert (3, 3, 1) == (found.entries, found.balances, found.open_attempts)
    for entry in archived:
        assert entry.job != running.id
    await store.client.call(("FLUSHALL",))


@pytest.mark.breaks("the ledger")
async def test_a_long_ledger_is_read_in_pages(store: Store) -> None:
    await store.admitted()
    [entry] = await store.client.read(("XRANGE", store.keys.ledger(), "-", "+"))
    for _ in range(2100):
        await store.client.call(("XADD", store.keys.ledger(), "*", *entry[1]))
    assert 2101 == len([each async for each in store.ledger.entries()])
    assert not (await store.ledger.verify()).is_sound
