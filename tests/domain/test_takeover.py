"""What a new account takes over, entry by entry."""

from __future__ import annotations

import pytest

from proxy.domain.balance import Balance
from proxy.domain.ledger import Charge, Entry, EntryKind
from proxy.domain.period import Period
from proxy.domain.policy import Match, OnExceed
from proxy.domain.takeover import OpenAttempt, Takeover

START_MS, END_MS = 1_000, 2_000
NOVEMBER = Period(id="2026-11", start_ms=START_MS, end_ms=END_MS)


def a_takeover(scope: str = "team:marketing", match: Match | None = None) -> Takeover:
    return Takeover(
        Balance(
            budget_id="new",
            scope=scope,
            account=f"{scope}|month",
            period=NOVEMBER,
            limit_micro_usd=1,
            on_exceed=OnExceed.DENY,
            match=match,
        )
    )


def an_entry(
    kind: EntryKind,
    *,
    reserved: int = 0,
    spent: int = 0,
    at_ms: int = START_MS,
    attempt: str = "a-1",
    team: str = "marketing",
    model: str = "kling-3.0",
) -> Entry:
    return Entry(
        id=f"{at_ms}-0",
        kind=kind,
        operation="",
        attempt=attempt,
        team=team,
        balances=(),
        reserved_micro_usd=reserved,
        spent_micro_usd=spent,
        charge=Charge(key="k7f3q2ab", model=model, provider="kling"),
    )


RESERVED = an_entry(EntryKind.RESERVE, reserved=10)
SETTLED = an_entry(EntryKind.SETTLE, reserved=-10, spent=8, at_ms=END_MS + 5)


def taken(takeover: Takeover, *entries: Entry) -> tuple[int, int]:
    """Spent and held after entries."""
    for entry in entries:
        takeover.add(entry)
    return takeover.spent_micro_usd, sum(each.held_micro_usd for each in takeover.open_attempts)


def test_an_open_attempt_is_named() -> None:
    takeover = a_takeover()
    takeover.add(RESERVED)
    assert (
        OpenAttempt(attempt="a-1", team="marketing", held_micro_usd=10),
    ) == takeover.open_attempts


@pytest.mark.parametrize(
    ("entries", "held_and_spent"),
    [
        ((RESERVED,), (0, 10)),
        ((RESERVED, SETTLED), (8, 0)),
        ((RESERVED, an_entry(EntryKind.RELEASE, reserved=-10)), (0, 0)),
        ((RESERVED, SETTLED, an_entry(EntryKind.OVERAGE, spent=3)), (11, 0)),
        ((RESERVED, SETTLED, an_entry(EntryKind.ADJUST, spent=-2)), (6, 0)),
        ((SETTLED, an_entry(EntryKind.ADJUST, spent=5)), (0, 0)),
        ((an_entry(EntryKind.RESERVE, reserved=10, at_ms=START_MS - 1), SETTLED), (0, 0)),
        ((an_entry(EntryKind.RESERVE, reserved=10, at_ms=END_MS),), (0, 0)),
        ((an_entry(EntryKind.RESERVE, reserved=10, team="research"),), (0, 0)),
        ((an_entry(EntryKind.OVERRIDE), an_entry(EntryKind.OPEN, reserved=5, spent=5)), (0, 0)),
    ],
)
def test_an_attempt_belongs_to_the_period_of_its_reserve(
    entries: tuple[Entry, ...], held_and_spent: tuple[int, int]
) -> None:
    assert held_and_spent == taken(a_takeover(), *entries)


@pytest.mark.parametrize(
    ("scope", "spent"), [("team:marketing", 0), ("key:k7f3q2ab", 0), ("org", 9)]
)
def test_what_was_written_off_stays_with_the_organisation(scope: str, spent: int) -> None:
    """Also what the vendor corrects afterwards."""
    written_off = an_entry(EntryKind.WRITE_OFF, spent=-8)
    adjusted = an_entry(EntryKind.ADJUST, spent=1)
    assert (spent, 0) == taken(a_takeover(scope), RESERVED, SETTLED, written_off, adjusted)


@pytest.mark.parametrize(
    ("scope", "match", "spent"),
    [
        ("org", None, 7),
        ("org", Match(provider="kling"), 7),
        ("org", Match(provider="vertex"), 0),
        ("team:marketing", None, 0),
    ],
)
def test_what_nobody_explains_is_the_organisations(
    scope: str, match: Match | None, spent: int
) -> None:
    stranger = an_entry(EntryKind.UNATTRIBUTED, spent=7, attempt="", team="")
    assert (spent, 0) == taken(a_takeover(scope, match), stranger)


def test_a_match_covers_its_own() -> None:
    veo = an_entry(EntryKind.RESERVE, reserved=20, attempt="b-1", model="veo-3.1")
    assert (0, 20) == taken(a_takeover(match=Match(model="veo*")), RESERVED, veo)
