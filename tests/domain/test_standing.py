"""An attempt's entries, summed up."""

from __future__ import annotations

from proxy.domain.ledger import Charge, Entry, EntryKind
from proxy.domain.standing import Standing, standings

TEAM, ORG, LATER = "team:marketing|month|2026-11", "org|month|2026-11", "team:marketing|day|x"


def an_entry(
    kind: EntryKind,
    *,
    held: int = 0,
    spent: int = 0,
    attempt: str = "video_a-1",
    balances: tuple[str, ...] = (TEAM, ORG),
    by: str = "",
) -> Entry:
    return Entry(
        id="1790000000000-0",
        kind=kind,
        operation="op",
        attempt=attempt,
        team="marketing",
        balances=balances,
        reserved_micro_usd=held,
        spent_micro_usd=spent,
        charge=Charge(by=by),
    )


def test_an_open_attempt_holds_its_quote() -> None:
    found = standings([an_entry(EntryKind.RESERVE, held=5)])
    expected = Standing(
        attempt="video_a-1",
        team="marketing",
        reserve_id="1790000000000-0",
        last_id="1790000000000-0",
        balances=(TEAM, ORG),
        held_micro_usd=5,
    )
    assert {"video_a-1": expected} == found


def test_what_nobody_explains_costs_no_attempt_anything() -> None:
    entries = [an_entry(kind, spent=5) for kind in EntryKind]
    [standing] = standings(
        [each for each in entries if each.kind in (EntryKind.UNATTRIBUTED, EntryKind.OPEN)]
    ).values()
    assert (0, False) == (standing.cost_micro_usd, standing.is_resolved)


def test_everything_that_happened_to_an_attempt_is_summed() -> None:
    [standing] = standings(
        [
            an_entry(EntryKind.RESERVE, held=5),
            an_entry(EntryKind.SETTLE, held=-5, spent=5, balances=(TEAM, ORG, LATER)),
            an_entry(EntryKind.OVERAGE, spent=2),
            an_entry(EntryKind.ADJUST, spent=-3),
            an_entry(EntryKind.WRITE_OFF, spent=-4, balances=(TEAM,), by="x"),
            an_entry(EntryKind.ADJUST, spent=1, balances=(ORG,), by="invoice"),
        ]
    ).values()
    assert standing.is_resolved
    assert (TEAM, ORG, LATER) == standing.balances
    assert (0, 7, -2, 4, 5) == (
        standing.held_micro_usd,
        standing.charged_micro_usd,
        standing.adjusted_micro_usd,
        standing.written_off_micro_usd,
        standing.cost_micro_usd,
    )
    assert "invoice" == standing.charge.by


def test_attempts_are_told_apart_and_other_entries_are_no_attempt_s() -> None:
    found = standings(
        [
            an_entry(EntryKind.RESERVE, held=5, attempt="video_a-1"),
            an_entry(EntryKind.RELEASE, held=-5, attempt="video_a-1"),
            an_entry(EntryKind.RESERVE, held=6, attempt="video_a-2"),
            an_entry(EntryKind.UNATTRIBUTED, spent=9, attempt=""),
        ]
    )
    assert [("video_a-1", 0, True), ("video_a-2", 6, False)] == [
        (name, each.held_micro_usd, each.is_resolved) for name, each in found.items()
    ]
