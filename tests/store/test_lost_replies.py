"""Every changing script, its reply lost after the server ran it: sent again, it has acted once.

And what was sent first, held up on the way, does nothing when it comes after all that followed.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from proxy.domain.errors import StoreUnavailable
from proxy.domain.ids import KeyId, attempt_id
from proxy.domain.job import Job, JobState, Work
from proxy.domain.moderation import Moderation
from proxy.domain.takeover import Takeover
from proxy.gateway.ports.accounts import Opened
from proxy.gateway.ports.admission import Accepted, Replayed
from proxy.gateway.ports.hints import Heard
from proxy.gateway.ports.jobs import Release, Settle
from proxy.gateway.ports.ledger import Posted
from proxy.store.archive import RedisLedgerStream
from proxy.store.flags import refusals_of
from proxy.store.registry import RedisAccountRegistry
from proxy.store.script import Script
from tests.builders import MARKETING
from tests.job_builders import a_job_id, a_mandate
from tests.store.stores import KEY, Store, a_balance, a_bucket, a_command
from tests.store.test_changes import an_orphan, ended
from tests.store.test_fail_over import following, given_up

if TYPE_CHECKING:
    from tests.store.losing import Losing


@pytest.mark.loses("admit")
async def test_admit(losing: Losing) -> None:
    command = a_command()
    result = await losing.once(lambda far: far.admission.admit(command))
    assert isinstance(result, Accepted)
    assert result.job == await losing.store.jobs.load(command.job.id)
    assert 1 == len([entry async for entry in losing.store.ledger.entries()])
    await losing.store.cancelled(result.job, is_forgotten=True)


@pytest.mark.loses("admit")
async def test_admit_replaying_an_earlier_create(losing: Losing) -> None:
    jobs = [await losing.store.admitted(a_command(number)) for number in range(2)]
    again = a_command(2, sdk_try=1)
    result = await losing.once(lambda far: far.admission.admit(again))
    assert isinstance(result, Replayed)
    assert jobs[1] == result.job


@pytest.mark.loses("admit")
async def test_admit_consuming_a_refusal(losing: Losing) -> None:
    await losing.store.admitted(a_command(0))
    await losing.store.admission.admit(a_command(1, queued_max=1))
    again = a_command(2, sdk_try=1)
    result = await losing.once(lambda far: far.admission.admit(again))
    assert isinstance(result, Accepted)
    assert again.job.id == result.job.id


@pytest.mark.loses("note_refusal")
@pytest.mark.parametrize("sdk_try", [0, 1])
async def test_note_refusal(losing: Losing, sdk_try: int) -> None:
    job = await losing.store.admitted(a_command(0))
    for number in range(sdk_try + 1):
        note = partial(_refused_early, job=job, sdk_try=number)
        await losing.once(note)
    again = await losing.store.admission.admit(a_command(1, sdk_try=sdk_try + 1))
    assert isinstance(again, Accepted)
    again = await losing.store.admission.admit(a_command(2, sdk_try=sdk_try + 1))
    assert isinstance(again, Replayed)


async def _refused_early(far: Store, *, job: Job, sdk_try: int) -> None:
    await far.admission.note_refusal(job.key, job.fingerprint, sdk_try=sdk_try, retry_after_s=5)


@pytest.mark.loses("spend", late=("spend",))  # a token at most
async def test_spend(losing: Losing) -> None:
    await losing.once(lambda far: far.jobs.spend(MARKETING, [a_bucket(3)], key=KEY))
    [state] = await losing.store.jobs.spend(MARKETING, [a_bucket(3)], key=KEY)
    assert 1 == state.remaining


@pytest.mark.loses("spend", late=("spend",))
async def test_spend_as_admin(losing: Losing) -> None:
    bucket = a_bucket(3, name="admin:x")
    await losing.once(lambda far: far.jobs.spend_as_admin([bucket]))
    [state] = await losing.store.jobs.spend_as_admin([bucket])
    assert 1 == state.remaining


@pytest.mark.loses("spend", late=("spend",))
async def test_read(losing: Losing) -> None:
    job = await losing.store.admitted()
    answer = await losing.once(
        lambda far: far.jobs.read(MARKETING, job.id, [a_bucket(3)], key=KEY)
    )
    assert isinstance(answer, tuple)
    assert job == answer[0]


@pytest.mark.loses("fetched")
async def test_mark_fetched(losing: Losing) -> None:
    job = await losing.store.admitted()
    await losing.once(lambda far: far.jobs.mark_fetched(job))


@pytest.mark.loses("begin")
async def test_begin(losing: Losing) -> None:
    job = await losing.store.admitted()
    begun = await losing.once(
        lambda far: far.work.begin(job, account="main", running_max=1, lease_s=30)
    )
    assert isinstance(begun, Job)
    assert begun == await losing.store.jobs.load(job.id)
    # Sent back to its queue, it waits for another submit, not for this one.
    queued = replace(begun, state=JobState.QUEUED)
    await losing.store.work.commit(begun, queued, due_in_s=60)


@pytest.mark.loses("commit")
async def test_commit(losing: Losing) -> None:
    job = await losing.store.running()
    after = replace(job, work=Work(polls=1))
    assert after == await losing.once(lambda far: far.work.commit(job, after, due_in_s=0))
    [claimed] = await losing.store.work.claim([job.id], lease_s=30)
    await losing.store.work.commit(claimed, replace(claimed, work=Work(polls=2)), due_in_s=60)


@pytest.mark.loses("claim")
async def test_claim(losing: Losing) -> None:
    job = await losing.store.running()
    claimed = await losing.once(lambda far: far.work.claim([job.id], lease_s=30))
    assert [replace(job, fence=job.fence + 1)] == claimed
    [mine] = claimed
    await losing.store.work.commit(mine, replace(mine, work=Work(polls=1)), due_in_s=60)


@pytest.mark.loses("finish")
@pytest.mark.parametrize("resolve", [Settle(charged_micro_usd=5, by="x"), Release(by="x")])
async def test_finish(losing: Losing, resolve: Settle | Release) -> None:
    job = await losing.store.running()
    after = replace(job, state=JobState.COMPLETED)
    ended = await losing.once(lambda far: far.work.finish(job, after, resolve))
    assert ended == await losing.store.jobs.load(job.id)
    assert () == (await losing.store.ledger.verify()).violations


@pytest.mark.loses("finish")
async def test_finish_with_a_strike(losing: Losing) -> None:
    job = await losing.store.running()
    rule = Moderation(refusals=5, within_ms=60_000, cool_down_ms=60_000)
    await losing.once(
        lambda far: far.work.finish(job, given_up(job), Release(by="x"), strike=rule)
    )
    record = await losing.store.client.read(
        ("HGET", losing.store.keys.team(MARKETING), f"m|{KEY}")
    )
    assert 1 == len(refusals_of(record).refused_at_ms)


@pytest.mark.loses("end_cooldown")
async def test_end_cool_down(losing: Losing) -> None:
    await losing.store.client.call(("HSET", losing.store.keys.team(MARKETING), f"m|{KEY}", "9 1"))
    mandate = a_mandate()
    assert await losing.once(lambda far: far.ledger.end_cool_down(MARKETING, KEY, mandate))
    assert 1 == len([entry async for entry in losing.store.ledger.audit()])


@pytest.mark.loses("fail_over")
@pytest.mark.parametrize("or_stay", [True, False])
async def test_fail_over(losing: Losing, or_stay: bool) -> None:
    job = await losing.store.running()
    queued = await losing.once(
        lambda far: far.work.fail_over(
            job,
            given_up(job),
            Release(by="unavailable"),
            following(),
            wait_s=0,
            or_stay=or_stay,
        )
    )
    assert isinstance(queued, Job)
    assert (JobState.QUEUED, 2) == (queued.state, len(queued.attempts))
    assert queued == await losing.store.jobs.load(job.id)
    assert () == (await losing.store.ledger.verify()).violations
    await losing.store.begun(queued)


@pytest.mark.loses("cancel")
@pytest.mark.parametrize("is_running", [True, False])
async def test_cancel(losing: Losing, is_running: bool) -> None:
    job = await losing.store.admitted()
    await losing.store.jobs.mark_fetched(job)
    job = replace(job, is_fetched=True)
    if is_running:
        job = await losing.store.running(job)
    await losing.once(lambda far: far.jobs.cancel(job, is_forgotten=True))
    assert () == (await losing.store.ledger.verify()).violations


@pytest.mark.loses("put_off", late=("put_off",))  # it is due that much later
async def test_put_off(losing: Losing) -> None:
    job = await losing.store.running()
    script, due = Script.load("put_off"), losing.store.keys.due()
    answer = await losing.once(
        lambda far: script.run(far.client, [due], [job.id, 60_000]), renewing=due
    )
    assert 1 == answer


@pytest.mark.loses("hint")
@pytest.mark.parametrize("is_claimed", [True, False])
async def test_hint(losing: Losing, is_claimed: bool) -> None:
    job = await losing.store.running(due_in_s=0.0 if is_claimed else 60.0)
    if is_claimed:
        assert await losing.store.work.claim([job.id], lease_s=30)
    heard = await losing.once(lambda far: far.hints.hint(job.attempt_id, message="m", least_s=5))
    assert (Heard.NOTED if is_claimed else Heard.HINTED) is heard


@pytest.mark.loses("hint")
async def test_hint_of_a_job_that_is_gone(losing: Losing) -> None:
    attempt = attempt_id(a_job_id(7), 1)
    assert Heard.IDLE is await losing.once(
        lambda far: far.hints.hint(attempt, message="m", least_s=5)
    )


@pytest.mark.loses("learn", late=("learn",))  # a sample of many counts twice
async def test_learn(losing: Losing) -> None:
    await losing.store.render_times.exchange({"kling/v3": [1]})
    known = await losing.once(lambda far: far.render_times.exchange({"kling/v3": [2]}))
    assert {"kling/v3": [1, 2]} == known


@pytest.mark.parametrize(
    "change",
    [pytest.param(change, marks=pytest.mark.loses(change)) for change in ("adjust", "write_off")],
)
async def test_amending_an_attempt(losing: Losing, change: str) -> None:
    standing = await ended(losing.store)

    async def amend(far: Store) -> object:
        if change == "adjust":
            return await far.ledger.adjust(standing, 5, a_mandate())
        return await far.ledger.write_off(standing, a_mandate())

    assert isinstance(await losing.once(amend), Posted)


@pytest.mark.loses("unattributed")
async def test_unattributed(losing: Losing) -> None:
    assert isinstance(await losing.once(lambda far: an_orphan(far, a_mandate())), Posted)


@pytest.mark.loses("override")
async def test_overriding_and_revoking(losing: Losing) -> None:
    until_ms = await losing.store.accounts.now_ms() + 600_000
    for act in (
        lambda far: far.ledger.override(
            "org|all|now", None, a_mandate("1"), micro_usd=5, until_ms=until_ms
        ),
        lambda far: far.ledger.revoke_override("1", None, a_mandate("2")),
    ):
        assert isinstance(await losing.once(act), Posted)


@pytest.mark.loses("flag")
async def test_freezing_thawing_and_revoking_a_key(losing: Losing) -> None:
    for act in (
        lambda far: far.ledger.freeze(a_mandate("1"), team=MARKETING),
        lambda far: far.ledger.thaw(a_mandate("2"), team=MARKETING),
        lambda far: far.ledger.revoke_key(MARKETING, KeyId("k7f3q2ab"), a_mandate("3")),
    ):
        assert True is await losing.once(act)


@pytest.mark.loses("note")
async def test_note(losing: Losing) -> None:
    await losing.once(
        lambda far: far.ledger.note(
            a_mandate(), action="reload", target="config", before="a", after="b"
        )
    )
    assert 1 == len([entry async for entry in losing.store.ledger.audit()])


@pytest.mark.loses("cancel")
@pytest.mark.parametrize("is_running", [True, False])
async def test_cancel_by_a_person(losing: Losing, is_running: bool) -> None:
    job = await losing.store.running() if is_running else await losing.store.admitted()
    await losing.store.jobs.mark_fetched(job)
    job = replace(job, is_fetched=True)
    await losing.once(lambda far: far.jobs.cancel(job, is_forgotten=False, mandate=a_mandate()))
    assert 1 == len([entry async for entry in losing.store.ledger.audit()])


@pytest.mark.loses("finish")
async def test_finish_by_a_person(losing: Losing) -> None:
    job = await losing.store.running()
    after = replace(job, state=JobState.FAILED)
    settle = Settle(charged_micro_usd=5, by="operator")
    await losing.once(lambda far: far.work.finish(job, after, settle, mandate=a_mandate()))
    assert 1 == len([entry async for entry in losing.store.ledger.audit()])


@pytest.mark.loses("admit")
async def test_two_losses_are_told(losing: Losing, store: Store) -> None:
    command = a_command()
    with pytest.raises(StoreUnavailable):
        await losing.twice(lambda far: far.admission.admit(command))
    assert command.job.id in {job.id for job in await store.waiting(9)}


@pytest.mark.loses("open")
async def test_open(losing: Losing) -> None:
    await losing.store.admitted()
    [entry] = [each async for each in losing.store.ledger.entries()]
    takeover = Takeover(a_balance(id="new"))
    takeover.add(entry)
    opened = await losing.once(
        lambda far: RedisAccountRegistry(far.client, far.keys).open(
            "team:marketing|new", MARKETING, takeover, timezone="UTC", as_of=entry.id
        )
    )
    assert Opened.NOW is opened
    assert [(0, takeover.open_attempts[0].held_micro_usd)] == await losing.store.used(
        takeover.balance
    )


@pytest.mark.loses("rezone", "close")
async def test_close_and_rezone(losing: Losing) -> None:
    registry = RedisAccountRegistry(losing.store.client, losing.store.keys)
    await registry.open(
        "team:marketing|new", MARKETING, Takeover(a_balance(id="new")), timezone="UTC", as_of=""
    )
    name = "team:marketing|new"
    known = (await registry.registered())[name]
    moved = replace(known, timezone="Asia/Tokyo", before="UTC", until_ms=5)
    await losing.once(
        lambda far: RedisAccountRegistry(far.client, far.keys).rezone(name, known, moved)
    )
    assert {name: moved} == await registry.registered()
    await losing.once(lambda far: RedisAccountRegistry(far.client, far.keys).close({name: moved}))
    assert {name: replace(moved, is_closed=True)} == await registry.registered()


@pytest.mark.loses("trim", "adopt")
@pytest.mark.breaks
async def test_trim_and_adopt(losing: Losing) -> None:
    await losing.store.admitted()
    [entry] = [each async for each in losing.store.ledger.entries()]
    is_cut = await losing.once(
        lambda far: RedisLedgerStream(far.client, far.keys).trim(
            entry.id, before_ms=entry.at_ms + 1
        )
    )
    assert is_cut
    assert [] == [each async for each in losing.store.ledger.entries()]
    adopted = await losing.once(
        lambda far: RedisLedgerStream(far.client, far.keys).adopt(f"{entry.at_ms + 1}-0")
    )
    assert f"{entry.at_ms + 1}-0" == adopted
