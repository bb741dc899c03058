"""What persons change about money: on the right balances, once, and on record."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.job import JobState
from proxy.domain.ledger import Charge, EntryKind
from proxy.domain.standing import standings
from proxy.gateway.ports.jobs import Release, Settle
from proxy.gateway.ports.ledger import AuditEntry, NotPosted, Posted
from tests.builders import MARKETING
from tests.job_builders import a_mandate
from tests.store.dump import dump
from tests.store.stores import (
    a_balance,
    a_command,
    a_key_balance,
    an_organisation_balance,
)

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from proxy.domain.ledger import Entry
    from proxy.domain.standing import Standing
    from proxy.gateway.ports.ledger import Mandate
    from tests.store.stores import Store

QUOTE = 336_000
LEVELS = (a_key_balance(), a_balance(), an_organisation_balance())
NOVEMBER = "unattributed|month|2026-11"
HOUR_MS = 3_600_000


async def ended(store: Store, charged: int | None = QUOTE, *, number: int = 0) -> Standing:
    """An attempt that was settled (or released), as the ledger tells it."""
    job = await store.running(await store.admitted(a_command(number)))
    after = replace(job, state=JobState.COMPLETED)
    resolve = Settle(charged_micro_usd=charged, by="x") if charged else Release(by="x")
    await store.work.finish(job, after, resolve)
    return await standing_of(store, job)


async def standing_of(store: Store, job: Job) -> Standing:
    return standings([entry async for entry in store.ledger.entries()])[job.attempt_id]


async def last_entry(store: Store) -> Entry:
    return [entry async for entry in store.ledger.entries()][-1]


async def audited(store: Store) -> list[AuditEntry]:
    return [entry async for entry in store.ledger.audit()]


async def an_orphan(
    store: Store, mandate: Mandate, delta: int = 5, *, known: int = 0
) -> Posted | NotPosted:
    """Charge a task that no attempt explains."""
    charge = Charge(provider="kling", account="main", task="t-9", by="invoice")
    return await store.ledger.unattributed(
        charge, delta, mandate, known_micro_usd=known, balances=("org|all|now", NOVEMBER)
    )


async def test_an_adjustment_reaches_every_balance_of_its_attempt(store: Store) -> None:
    standing = await ended(store)
    posted = await store.ledger.adjust(standing, -1000, a_mandate())
    assert isinstance(posted, Posted)
    assert (-1000, -1000) == (posted.amount_micro_usd, posted.total_micro_usd)
    assert [(QUOTE - 1000, 0)] * 3 == await store.used(*LEVELS)
    entry = await last_entry(store)
    assert (posted.entry_id, EntryKind.ADJUST, "op-1", standing.attempt, MARKETING) == (
        entry.id,
        entry.kind,
        entry.operation,
        entry.attempt,
        entry.team,
    )
    assert (0, -1000) == (entry.reserved_micro_usd, entry.spent_micro_usd)
    assert ("fin1 (abcd2345)", "invoice 11") == (entry.actor, entry.reason)
    assert standing.charge == entry.charge
    assert set(standing.balances) == set(entry.balances)


async def test_the_balances_of_a_resolved_attempt_stand_in_the_ledger_alone(store: Store) -> None:
    job = await store.running()
    record = store.keys.job(job.id)
    assert (await store.client.read(("HGET", record, "a1"))).endswith(b"O|all|now")
    await store.work.finish(job, replace(job, state=JobState.COMPLETED), Release(by="x"))
    kept = await store.client.read(("HGET", record, "a1"))
    assert f"0|{QUOTE}|{job.attempt.reserved_at_ms}|".encode() == kept
    assert {each.name for each in LEVELS} == set((await standing_of(store, job)).balances)


async def test_a_change_is_on_record_with_who_why_before_and_after(store: Store) -> None:
    standing = await ended(store)
    await store.ledger.adjust(standing, 7, a_mandate())
    [entry] = await audited(store)
    assert entry == AuditEntry(
        id=entry.id,
        operation="op-1",
        actor="fin1 (abcd2345)",
        role="finance",
        action="adjust",
        target=standing.attempt,
        reason="invoice 11",
        before="0.336000",
        after="0.336007",
    )
    assert [] == [each async for each in store.ledger.audit(since_ms=entry.at_ms + 1)]


async def test_a_change_asked_for_again_is_made_once(store: Store) -> None:
    standing = await ended(store)
    first = await store.ledger.adjust(standing, -1, a_mandate())
    await store.ledger.adjust(
        replace(standing, adjusted_micro_usd=-1), -1, a_mandate("another operation")
    )
    before = await dump(store.client)
    assert first == await store.ledger.adjust(standing, -1, a_mandate())
    assert before == await dump(store.client)


async def test_two_that_correct_the_same_attempt_correct_it_once(store: Store) -> None:
    standing = await ended(store)
    results = await asyncio.gather(
        *(store.ledger.adjust(standing, 9, a_mandate(f"op-{number}")) for number in range(4))
    )
    assert [NotPosted.STALE] * 3 == [each for each in results if isinstance(each, NotPosted)]
    assert [(QUOTE + 9, 0)] * 3 == await store.used(*LEVELS)


async def test_adjustments_add_up(store: Store) -> None:
    standing = await ended(store)
    await store.ledger.adjust(standing, 9, a_mandate("1"))
    second = await store.ledger.adjust(replace(standing, adjusted_micro_usd=9), -4, a_mandate("2"))
    assert isinstance(second, Posted)
    assert 5 == second.total_micro_usd
    assert [(QUOTE + 5, 0)] * 3 == await store.used(*LEVELS)


async def test_a_released_attempt_can_be_charged_after_all(store: Store) -> None:
    standing = await ended(store, None)
    assert isinstance(await store.ledger.adjust(standing, 5, a_mandate()), Posted)
    assert [(5, 0)] * 3 == await store.used(*LEVELS)


async def test_a_forgotten_record_s_attempt_is_adjusted_by_what_the_ledger_says(
    store: Store,
) -> None:
    standing = await ended(store)
    job = standing.attempt.rpartition("-")[0]
    await store.client.call(("DEL", f"gl:{{main}}:job:{job}"))
    assert isinstance(await store.ledger.adjust(standing, -5, a_mandate()), Posted)
    assert [(QUOTE - 5, 0)] * 3 == await store.used(*LEVELS)


async def test_a_balance_that_was_opened_since_is_reached_too(store: Store) -> None:
    standing = await ended(store)
    opened = a_balance(id="opened")
    wider = replace(standing, balances=(*standing.balances, opened.name))
    await store.ledger.adjust(wider, 5, a_mandate())
    assert [(QUOTE + 5, 0), (5, 0)] == await store.used(a_balance(), opened)


async def test_an_attempt_that_is_open_is_not_adjusted(store: Store) -> None:
    job = await store.running()
    standing = await standing_of(store, job)
    before = await dump(store.client)
    assert NotPosted.OPEN is await store.ledger.adjust(standing, 5, a_mandate())
    assert NotPosted.OPEN is await store.ledger.write_off(standing, a_mandate())
    told_wrong = replace(standing, is_resolved=True)
    assert NotPosted.OPEN is await store.ledger.adjust(told_wrong, 5, a_mandate())
    assert NotPosted.OPEN is await store.ledger.write_off(told_wrong, a_mandate())
    assert before == await dump(store.client)


@pytest.mark.parametrize(
    ("known", "delta", "refusal"),
    [
        ({"charged_micro_usd": QUOTE - 1}, 5, NotPosted.STALE),
        ({}, -QUOTE - 1, NotPosted.BELOW_ZERO),
        ({}, 0, NotPosted.NOTHING),
    ],
)
async def test_a_refused_adjustment_changes_nothing(
    store: Store, known: dict[str, int], delta: int, refusal: NotPosted
) -> None:
    standing = replace(await ended(store), **known)  # type: ignore[arg-type] # figures only
    before = await dump(store.client)
    assert refusal is await store.ledger.adjust(standing, delta, a_mandate())
    assert before == await dump(store.client)


async def test_a_refusal_binds_nothing(store: Store) -> None:
    standing = await ended(store)
    stale = replace(standing, charged_micro_usd=1)
    assert NotPosted.STALE is await store.ledger.adjust(stale, 5, a_mandate())
    assert isinstance(await store.ledger.adjust(standing, 5, a_mandate()), Posted)


async def test_a_write_off_leaves_the_cost_with_the_organisation(store: Store) -> None:
    standing = await ended(store)
    await store.ledger.adjust(standing, 4, a_mandate("1"))
    adjusted = replace(standing, adjusted_micro_usd=4)
    posted = await store.ledger.write_off(adjusted, a_mandate("2"))
    assert isinstance(posted, Posted)
    assert (-QUOTE - 4, QUOTE + 4) == (posted.amount_micro_usd, posted.total_micro_usd)
    assert [(0, 0), (0, 0), (QUOTE + 4, 0)] == await store.used(*LEVELS)
    entry = await last_entry(store)
    assert (EntryKind.WRITE_OFF, MARKETING, -QUOTE - 4) == (
        entry.kind,
        entry.team,
        entry.spent_micro_usd,
    )
    assert {LEVELS[0].name, LEVELS[1].name} == set(entry.balances)


@pytest.mark.parametrize("charged", [QUOTE, None])
async def test_what_costs_its_team_nothing_is_not_written_off(
    store: Store, charged: int | None
) -> None:
    standing = await ended(store, charged)
    if charged:
        await store.ledger.write_off(standing, a_mandate("1"))
        assert NotPosted.STALE is await store.ledger.write_off(standing, a_mandate("2"))
        standing = replace(standing, written_off_micro_usd=QUOTE)
    assert NotPosted.NOTHING is await store.ledger.write_off(standing, a_mandate("3"))


async def test_what_was_written_off_is_adjusted_on_the_organisation_alone(store: Store) -> None:
    standing = await ended(store)
    await store.ledger.write_off(standing, a_mandate("1"))
    written = replace(standing, written_off_micro_usd=QUOTE)
    posted = await store.ledger.adjust(written, -6, a_mandate("2"))
    assert isinstance(posted, Posted)
    assert [(0, 0), (0, 0), (QUOTE - 6, 0)] == await store.used(*LEVELS)
    entry = await last_entry(store)
    assert ("", (LEVELS[2].name,)) == (entry.team, entry.balances)


async def test_a_task_nobody_explains_is_the_organisation_s(store: Store) -> None:
    posted = await an_orphan(store, a_mandate("1"))
    assert isinstance(posted, Posted)
    assert [(5, 0)] == await store.used(an_organisation_balance())
    entry = await last_entry(store)
    assert (EntryKind.UNATTRIBUTED, "", "", "t-9") == (
        entry.kind,
        entry.team,
        entry.attempt,
        entry.charge.task,
    )
    assert ("org|all|now", NOVEMBER) == entry.balances
    assert posted == await an_orphan(store, a_mandate("1"))
    assert NotPosted.STALE is await an_orphan(store, a_mandate("2"))


async def test_a_task_that_is_explained_after_all_is_taken_back(store: Store) -> None:
    await an_orphan(store, a_mandate("1"))
    assert NotPosted.BELOW_ZERO is await an_orphan(store, a_mandate("2"), -6, known=5)
    assert NotPosted.NOTHING is await an_orphan(store, a_mandate("2"), 0, known=5)
    posted = await an_orphan(store, a_mandate("2"), -5, known=5)
    assert isinstance(posted, Posted)
    assert 0 == posted.total_micro_usd
    assert [(0, 0)] == await store.used(an_organisation_balance())


async def test_a_person_s_decision_about_a_job_is_on_record(store: Store) -> None:
    job = await store.running()
    unknown = await store.work.commit(job, replace(job, state=JobState.UNKNOWN), due_in_s=60)
    failed = replace(unknown, state=JobState.FAILED)
    settle = Settle(charged_micro_usd=7, by="operator")
    stored = await store.work.finish(unknown, failed, settle, mandate=a_mandate())
    again = await store.work.finish(unknown, failed, settle, mandate=a_mandate())
    assert stored == again
    entry = await last_entry(store)
    assert ("op-1", "fin1 (abcd2345)", "invoice 11") == (
        entry.operation,
        entry.actor,
        entry.reason,
    )
    [audit] = await audited(store)
    assert ("resolve", job.id, "unknown", "settled 0.000007") == (
        audit.action,
        audit.target,
        audit.before,
        audit.after,
    )
