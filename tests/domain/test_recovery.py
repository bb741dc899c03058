"""What a store must hold again follows from the entries alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.domain.ledger import Charge, Entry, EntryKind, is_of_organisation
from proxy.domain.proof import Sums
from proxy.domain.recovery import End, Lift, Recovery

TEAM, KEY, ORG = "team:marketing|month|2026-11", "key:k7f3q2ab|total|total", "org|month|2026-11"
NOBODY = "unattributed|month|2026-11"
UNTIL_MS = 5_000


def an_entry(
    kind: EntryKind,
    *,
    reserved: int = 0,
    spent: int = 0,
    attempt: str = "v-1",
    team: str = "marketing",
    balances: tuple[str, ...] = (TEAM, KEY, ORG),
    by: str = "",
) -> Entry:
    return Entry(
        id="1000-0",
        kind=kind,
        operation="op-1",
        attempt=attempt,
        team=team,
        balances=balances,
        reserved_micro_usd=reserved,
        spent_micro_usd=spent,
        charge=Charge(by=by),
        actor="fin1",
        reason="the fair",
    )


RESERVED = an_entry(EntryKind.RESERVE, reserved=10)
SETTLED = an_entry(EntryKind.SETTLE, reserved=-10, spent=10, by="vendor")
OVERAGE = an_entry(EntryKind.OVERAGE, spent=3)
RELEASED = an_entry(EntryKind.RELEASE, reserved=-10, by="unavailable")
LIFTED = replace(
    an_entry(EntryKind.OVERRIDE, attempt="", balances=(TEAM,), by="override"),
    amount_micro_usd=7,
    until_ms=UNTIL_MS,
)
LIFT = Lift(
    operation="op-1",
    balance=TEAM,
    amount_micro_usd=7,
    until_ms=UNTIL_MS,
    actor="fin1",
    reason="the fair",
)


def read(*entries: Entry, asked: tuple[str, ...] = ("v-1",)) -> Recovery:
    recovery = Recovery(asked)
    for entry in entries:
        recovery.post(entry)
    return recovery


def test_balances_are_summed_for_whoever_holds_them() -> None:
    recovery = read(
        RESERVED, SETTLED, OVERAGE, an_entry(EntryKind.RESERVE, attempt="v-2", reserved=4)
    )
    sums = Sums(reserved_micro_usd=4, spent_micro_usd=13)
    assert {"marketing": {TEAM: sums, KEY: sums}, "": {ORG: sums}} == recovery.sums
    assert ("", "marketing") == recovery.owners
    assert (4, "1000-0") == (recovery.entries, recovery.last_id)


@pytest.mark.parametrize(
    ("name", "is_shared"),
    [(ORG, True), ('org{"model":"veo*"}|day|2026-11-22', True), (NOBODY, True), (TEAM, False),
     (KEY, False), ("organisation|x", False)],
)  # fmt: skip
def test_whose_a_balance_is_stands_in_its_name(name: str, is_shared: bool) -> None:
    assert is_shared is is_of_organisation(name)


def test_what_nothing_resolved_is_open() -> None:
    assert {"v-1": RESERVED} == read(RESERVED).open
    assert {} == read(RESERVED, RELEASED).open


def ended(charged: int, overage: int = 0, *, is_settled: bool = True) -> End:
    by = "vendor" if is_settled else "unavailable"
    return End(is_settled=is_settled, charged_micro_usd=charged, overage_micro_usd=overage, by=by)


@pytest.mark.parametrize(
    ("entries", "end"),
    [
        ((SETTLED,), ended(10)),
        ((SETTLED, OVERAGE), ended(13, 3)),
        ((RELEASED,), ended(0, is_settled=False)),
    ],
)
def test_how_an_attempt_ended_is_kept_if_it_was_asked_about(
    entries: tuple[Entry, ...], end: End
) -> None:
    assert {"v-1": end} == read(RESERVED, *entries).ends
    assert {} == read(RESERVED, *entries, asked=()).ends


def test_overrides_live_until_they_end_or_are_revoked() -> None:
    recovery = read(LIFTED)
    assert (LIFT,) == recovery.lifts("marketing", UNTIL_MS - 1)
    assert () == recovery.lifts("marketing", UNTIL_MS)
    assert () == recovery.lifts("", UNTIL_MS - 1)
    revoked = replace(LIFTED, operation="op-2", charge=Charge(by="revokes:op-1"))
    for recovery in (read(LIFTED, revoked), read(revoked)):
        assert () == recovery.lifts("marketing", 0)


def test_other_entries_move_balances_only() -> None:
    recovery = read(an_entry(EntryKind.UNATTRIBUTED, team="", balances=(ORG, NOBODY), spent=2))
    spent = Sums(spent_micro_usd=2)
    assert {"": {ORG: spent, NOBODY: spent}} == recovery.sums
    assert ({}, {}) == (recovery.open, recovery.ends)
