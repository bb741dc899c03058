"""The ledger is the truth: balances are its sum, and a balance that is not is found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.domain.job import JobState
from proxy.gateway.ports.jobs import Settle
from proxy.store.ledger import Difference
from tests.builders import MARKETING
from tests.store.stores import a_command, a_key_balance, an_organisation_balance

if TYPE_CHECKING:
    from tests.store.stores import Store

QUOTE = 336_000


async def test_an_empty_ledger_verifies(store: Store) -> None:
    assert () == await store.ledger.verify()
    assert [] == [entry async for entry in store.ledger.entries()]


async def test_each_entry_tells_the_whole_story(store: Store) -> None:
    job = await store.running()
    after = replace(job, state=JobState.COMPLETED)
    await store.work.finish(job, after, Settle(charged_micro_usd=QUOTE + 1, by="reported"))
    reserve, settle = [entry async for entry in store.ledger.entries()]
    assert ("", "") == (reserve.operation, reserve.account)
    assert (job.id, "settle", QUOTE, QUOTE + 1, "main", "reported") == (
        settle.job,
        settle.kind,
        settle.reserved_micro_usd,
        settle.charged_micro_usd,
        settle.account,
        settle.by,
    )
    assert settle.operation
    assert settle.team_balances == reserve.team_balances
    assert job.snapshot_digest == settle.snapshot_digest
    assert reserve.at_ms <= settle.at_ms


async def test_a_balance_that_was_tampered_with_is_found(store: Store) -> None:
    await store.admitted()
    field = "|monthly|now|r"
    await store.client.call(("HINCRBY", store.keys.team(MARKETING), field, -1))
    found = Difference(
        owner=MARKETING, field=field, ledger_micro_usd=QUOTE, balance_micro_usd=QUOTE - 1
    )
    assert (found,) == await store.ledger.verify()


async def test_money_nobody_entered_is_found(store: Store) -> None:
    await store.client.call(("HSET", store.keys.organisation(), "|all|now|s", 5))
    [found] = await store.ledger.verify()
    assert ("organisation", 0, 5) == (
        found.owner,
        found.ledger_micro_usd,
        found.balance_micro_usd,
    )


async def test_a_lost_balance_is_found(store: Store) -> None:
    await store.admitted(a_command(balances=(a_key_balance(), an_organisation_balance())))
    await store.client.call(("DEL", store.keys.organisation()))
    [found] = await store.ledger.verify()
    assert (QUOTE, 0) == (found.ledger_micro_usd, found.balance_micro_usd)


async def test_a_long_ledger_is_read_in_pages(store: Store) -> None:
    await store.admitted()
    [entry] = await store.client.read(("XRANGE", store.keys.ledger(), "-", "+"))
    for _ in range(2100):
        await store.client.call(("XADD", store.keys.ledger(), "*", *entry[1]))
    assert 2101 == len([each async for each in store.ledger.entries()])
    assert await store.ledger.verify()
