"""Overrides and flags: set and ended by a person, once, on record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.domain.ledger import EntryKind
from proxy.gateway.ports.ledger import NotPosted, Posted
from proxy.store.changes import OVERRIDES_MAX
from tests.builders import KLING, MARKETING, a_key
from tests.job_builders import a_mandate
from tests.store.dump import dump
from tests.store.stores import a_balance, an_organisation_balance
from tests.store.test_changes import audited, last_entry

if TYPE_CHECKING:
    from tests.store.stores import Store

HOUR_MS = 3_600_000


async def test_an_override_is_an_entry_without_a_movement(store: Store) -> None:
    until_ms = await store.accounts.now_ms() + HOUR_MS
    balance = a_balance()
    posted = await store.ledger.override(
        balance.name, MARKETING, a_mandate(), micro_usd=50, until_ms=until_ms
    )
    assert isinstance(posted, Posted)
    entry = await last_entry(store)
    assert (EntryKind.OVERRIDE, (balance.name,), 50, until_ms, 0, 0) == (
        entry.kind,
        entry.balances,
        entry.amount_micro_usd,
        entry.until_ms,
        entry.reserved_micro_usd,
        entry.spent_micro_usd,
    )
    assert (MARKETING, "override", "invoice 11") == (entry.team, entry.charge.by, entry.reason)


async def test_overrides_of_a_balance_add_up_and_end_one_by_one(store: Store) -> None:
    until_ms = await store.accounts.now_ms() + HOUR_MS
    name = an_organisation_balance().name
    totals = []
    for number, micro_usd in enumerate((50, 7)):
        posted = await store.ledger.override(
            name, None, a_mandate(f"add {number}"), micro_usd=micro_usd, until_ms=until_ms
        )
        assert isinstance(posted, Posted)
        totals.append(posted.total_micro_usd)
    await store.ledger.override(
        "org|other|now", None, a_mandate("other"), micro_usd=1000, until_ms=until_ms
    )
    ended = await store.ledger.revoke_override("add 0", None, a_mandate("revoke"))
    assert isinstance(ended, Posted)
    assert ([50, 57], -50, 7) == (totals, ended.amount_micro_usd, ended.total_micro_usd)
    entry = await last_entry(store)
    assert ((name,), -50, until_ms, "revokes:add 0") == (
        entry.balances,
        entry.amount_micro_usd,
        entry.until_ms,
        entry.charge.by,
    )
    assert [
        ("override", "0.000000", "0.000050"),
        ("override", "0.000050", "0.000057"),
        ("revoke_override", "0.000057", "0.000007"),
    ] == [
        (each.action, each.before, each.after)
        for each in await audited(store)
        if each.operation != "other"
    ]
    again = await store.ledger.revoke_override("add 0", None, a_mandate("revoke again"))
    assert NotPosted.UNKNOWN is again


async def test_the_last_override_leaves_no_field_behind(store: Store) -> None:
    until_ms = await store.accounts.now_ms() + HOUR_MS
    await store.ledger.override(
        a_balance().name, MARKETING, a_mandate("1"), micro_usd=5, until_ms=until_ms
    )
    await store.ledger.revoke_override("1", MARKETING, a_mandate("2"))
    assert [] == await store.client.read(("HGETALL", store.keys.team(MARKETING)))


@pytest.mark.parametrize(("micro_usd", "in_ms"), [(5, 0), (0, HOUR_MS), (-5, HOUR_MS)])
async def test_an_override_that_is_none_is_refused(
    store: Store, micro_usd: int, in_ms: int
) -> None:
    until_ms = await store.accounts.now_ms() + in_ms
    refused = await store.ledger.override(
        a_balance().name, MARKETING, a_mandate(), micro_usd=micro_usd, until_ms=until_ms
    )
    assert (NotPosted.EXPIRED if not in_ms else NotPosted.BELOW_ZERO) is refused
    assert {} == await dump(store.client)


async def test_there_may_not_be_any_number_of_overrides(store: Store) -> None:
    now_ms = await store.accounts.now_ms()
    lines = "\n".join(f"x{n} 1 {now_ms + HOUR_MS} |monthly|now" for n in range(OVERRIDES_MAX))
    team = store.keys.team(MARKETING)
    await store.client.call(("HSET", team, "v", lines))
    refused = await store.ledger.override(
        a_balance().name, MARKETING, a_mandate(), micro_usd=5, until_ms=now_ms + HOUR_MS
    )
    assert NotPosted.TOO_MANY is refused
    await store.client.call(("HSET", team, "v", lines.replace(str(now_ms + HOUR_MS), "1")))
    posted = await store.ledger.override(
        a_balance().name, MARKETING, a_mandate(), micro_usd=5, until_ms=now_ms + HOUR_MS
    )
    assert isinstance(posted, Posted)
    kept = await store.client.read(("HGET", team, "v"))
    assert 1 == len(kept.splitlines())


async def test_a_freeze_is_set_and_ended_once(store: Store) -> None:
    changed = [
        await store.ledger.freeze(a_mandate("1"), team=MARKETING),
        await store.ledger.freeze(a_mandate("2"), team=MARKETING),
        await store.ledger.thaw(a_mandate("3"), team=MARKETING),
        await store.ledger.thaw(a_mandate("4"), team=MARKETING),
        await store.ledger.freeze(a_mandate("1"), team=MARKETING),
    ]
    assert [True, False, True, False, True] == changed
    assert [] == await store.client.read(("HGETALL", store.keys.team(MARKETING)))
    assert [
        ("freeze", "free", "frozen"),
        ("freeze", "frozen", "frozen"),
        ("thaw", "frozen", "free"),
        ("thaw", "free", "free"),
    ] == [(each.action, each.before, each.after) for each in await audited(store)]


async def test_flags_stand_beside_one_another(store: Store) -> None:
    await store.ledger.freeze(a_mandate("1"))
    await store.ledger.freeze(a_mandate("2"), provider=KLING)
    await store.ledger.revoke_key(MARKETING, a_key().id, a_mandate("3"))
    await store.ledger.freeze(a_mandate("4"), team=MARKETING)
    flags = [
        (await store.client.read(("HGET", key, "z"))).decode().splitlines()
        for key in (store.keys.organisation(), store.keys.team(MARKETING))
    ]
    assert [["freeze", "freeze:kling"], [f"revoked:{a_key().id}", "freeze"]] == flags
    assert ["everything", "provider:kling", f"marketing/{a_key().id}", "team:marketing"] == [
        each.target for each in await audited(store)
    ]
