"""What a restore changes: each once, whatever becomes of the reply."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.ids import attempt_id
from proxy.domain.proof import Sums
from proxy.domain.recovery import End, Lift
from proxy.gateway.ports.ledger import NotPosted, Posted
from proxy.gateway.ports.restore import Outlook
from proxy.store.repairs import RedisRepairs
from tests.builders import KLING, MARKETING
from tests.job_builders import a_job_id, a_mandate
from tests.store.stores import Store, a_balance, a_command

if TYPE_CHECKING:
    from tests.store.losing import Losing


def repairs(far: Store) -> RedisRepairs:
    return RedisRepairs(far.client, far.keys, far.ledger)


@pytest.mark.loses("rebuild")
@pytest.mark.breaks("a balance")
async def test_rebuild(losing: Losing) -> None:
    lift = Lift(
        operation="op-1",
        balance=a_balance().name,
        amount_micro_usd=9,
        until_ms=2**50,
        actor="fin1",
        reason="the fair",
    )
    for number, lifts in enumerate(([lift], [])):
        await losing.store.admitted(a_command(number))
        await rebuilt(losing, lifts)
    for as_of in ("", "1-1"):
        assert not await repairs(losing.store).rebuild(MARKETING, {}, [], as_of=as_of)


async def rebuilt(losing: Losing, lifts: list[Lift]) -> None:
    """Set a balance and its overrides; they are as they were set."""
    balance = a_balance()
    sums = {balance.name: Sums(reserved_micro_usd=4, spent_micro_usd=7)}
    *_, last = [each async for each in losing.store.ledger.entries()]
    assert await losing.once(
        lambda far: repairs(far).rebuild(MARKETING, sums, lifts, as_of=last.id)
    )
    [found] = (await losing.store.accounts.team_state(MARKETING, (balance,), ())).balances
    assert (7, 4, sum(lift.amount_micro_usd for lift in lifts)) == (
        found.spent_micro_usd,
        found.reserved_micro_usd,
        found.lifted_micro_usd,
    )


@pytest.mark.loses("end_lost")
@pytest.mark.parametrize("outlook", Outlook)
async def test_ending_a_lost_attempt(losing: Losing, outlook: Outlook) -> None:
    job = await losing.store.admitted()
    [reserve] = [each async for each in losing.store.ledger.entries()]
    assert NotPosted.NOTHING is await repairs(losing.store).end_lost(
        reserve, outlook, a_mandate("early")
    )
    keys = losing.store.keys
    for key in (keys.job(job.id), keys.waiting(MARKETING, KLING), keys.lines()):
        await losing.store.client.call(("DEL", key))
    ended = await losing.once(lambda far: repairs(far).end_lost(reserve, outlook, a_mandate()))
    assert isinstance(ended, Posted)
    charged = reserve.reserved_micro_usd if outlook is Outlook.CHARGE else 0
    assert charged == ended.amount_micro_usd
    assert [(charged, 0)] == await losing.store.used(a_balance())
    assert 1 == len([entry async for entry in losing.store.ledger.audit()])


@pytest.mark.loses("overtake")
@pytest.mark.breaks("the record of a job")
async def test_overtake(losing: Losing) -> None:
    job = await losing.store.running()
    end = End(is_settled=True, charged_micro_usd=5, overage_micro_usd=0, by="vendor")
    assert not await repairs(losing.store).overtake(replace(job, fence=9), end)
    assert await losing.once(lambda far: repairs(far).overtake(job, end))
    [resolved] = (await losing.store.jobs.load(job.id) or job).attempts
    assert ("vendor", 5) == (resolved.resolved_by, resolved.charged_micro_usd)
    other = replace(end, is_settled=False)
    assert not await repairs(losing.store).overtake(job, other)


async def test_what_is_unfinished_and_recorded(store: Store) -> None:
    jobs = [
        await store.admitted(a_command(0)),
        await store.running(await store.admitted(a_command(1))),
    ]
    assert jobs[::-1] == list(await repairs(store).unfinished())
    known = [job.attempt_id for job in jobs]
    strange = [attempt_id(jobs[0].id, 2), attempt_id(a_job_id(7), 1)]
    assert set(known) == await repairs(store).recorded([*known, *strange])


@pytest.mark.breaks("records of jobs")
async def test_a_record_that_cannot_be_read_is_left_alone(store: Store) -> None:
    jobs = [await store.admitted(a_command(number)) for number in range(2)]
    await store.client.call(("HSET", store.keys.job(jobs[0].id), "d", "?"))
    await store.client.call(("SET", store.keys.job(jobs[1].id), "?"))
    assert [] == await repairs(store).unfinished()
    attempts = {job.attempt_id for job in jobs}
    assert attempts == await repairs(store).recorded(attempts)
    await store.client.call(("DEL", store.keys.job(jobs[1].id)))
