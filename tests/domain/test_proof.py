"""Every law of the ledger, broken once, and found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.domain.export.tied import TiedExport
from proxy.domain.ledger import Charge, Entry, EntryKind
from proxy.domain.proof import Law, Replay, Sums, Verification, Violation, Whereabouts
from tests.domain.export.test_tied import Forgetful

if TYPE_CHECKING:
    from collections.abc import Mapping

TEAM, ORG = "team:marketing|month|2026-11", "org|month|2026-11"
JOB, ATTEMPT = "video_a", "video_a-1"


def an_entry(
    kind: EntryKind,
    held: int = 0,
    spent: int = 0,
    *,
    at_ms: int = 1000,
    attempt: str = ATTEMPT,
    amount: int = 0,
    until_ms: int = 0,
    task: str = "",
) -> Entry:
    return Entry(
        id=f"{at_ms}-0",
        kind=kind,
        operation="op",
        attempt=attempt,
        team="marketing",
        balances=(TEAM, ORG),
        reserved_micro_usd=held,
        spent_micro_usd=spent,
        amount_micro_usd=amount,
        until_ms=until_ms,
        charge=Charge(provider="kling", account="main", task=task),
    )


RESERVE = an_entry(EntryKind.RESERVE, held=5)
SETTLE = an_entry(EntryKind.SETTLE, held=-5, spent=5)
RELEASE = an_entry(EntryKind.RELEASE, held=-5)
OVERAGE = an_entry(EntryKind.OVERAGE, spent=2)
ADJUST = an_entry(EntryKind.ADJUST, spent=-1)


def replay(*entries: Entry, limits: Mapping[str, int] | None = None) -> Replay:
    found = Replay(limits)
    for entry in entries:
        found.post(entry)
    return found


def broken(found: Replay) -> list[tuple[Law, str]]:
    return [(violation.law, violation.subject) for violation in found.violations]


def test_a_whole_life_breaks_no_law() -> None:
    found = replay(RESERVE, SETTLE, OVERAGE, ADJUST)
    found.compare({TEAM: Sums(spent_micro_usd=6), ORG: Sums(spent_micro_usd=6)})
    found.resolved(ATTEMPT, 7)
    assert [] == broken(found)
    assert (4, {}, {ATTEMPT: 7}) == (found.entries, found.held, found.charged)


def test_an_open_attempt_knows_its_team_and_provider() -> None:
    found = replay(RESERVE)
    assert ({ATTEMPT: 5}, ("marketing", "kling")) == (found.held, found.owner_of(ATTEMPT))


def test_a_balance_that_is_not_its_sum_is_found() -> None:
    found = replay(RESERVE)
    found.compare({TEAM: Sums(reserved_micro_usd=5), "org|day|x": Sums(spent_micro_usd=1)})
    assert [(Law.SUMS, "org|day|x"), (Law.SUMS, ORG)] == broken(found)
    message = "the entries say 5 reserved and 0 spent, the balance 0 reserved and 0 spent"
    assert message == found.violations[1].message


@pytest.mark.parametrize(
    "wrong",
    [
        (RESERVE, RESERVE),
        (RESERVE, SETTLE, RESERVE),
        (RESERVE, SETTLE, RELEASE, RESERVE),
        (an_entry(EntryKind.SETTLE),),
        (RESERVE, an_entry(EntryKind.RELEASE, held=-4)),
        (RESERVE, OVERAGE),
        (RESERVE, an_entry(EntryKind.WRITE_OFF)),
    ],
)
def test_an_attempt_is_reserved_once_and_resolved_once(wrong: tuple[Entry, ...]) -> None:
    assert (Law.ONCE, ATTEMPT) in broken(replay(*wrong))


@pytest.mark.parametrize(
    "wrong",
    [
        (RESERVE, RELEASE, an_entry(EntryKind.RELEASE, held=-5)),
        (RESERVE, RELEASE, ADJUST, ADJUST),
    ],
)
def test_below_zero_is_found_once_for_each_balance(wrong: tuple[Entry, ...]) -> None:
    found = replay(*wrong, an_entry(EntryKind.UNATTRIBUTED, spent=9, attempt=""))
    laws = [item for item in broken(found) if item[0] is Law.LIMITS]
    assert [(Law.LIMITS, TEAM), (Law.LIMITS, ORG)] == laws


def test_a_reserve_beyond_its_limit_is_found() -> None:
    assert [] == broken(replay(RESERVE, limits={TEAM: 5}))
    assert [(Law.LIMITS, TEAM)] == broken(replay(RESERVE, limits={TEAM: 4}))


@pytest.mark.parametrize(("at_ms", "is_lifted"), [(1999, True), (2000, False)])
def test_an_override_lifts_a_limit_until_it_ends(at_ms: int, *, is_lifted: bool) -> None:
    lifted = an_entry(EntryKind.OVERRIDE, attempt="", amount=3, until_ms=2000)
    reserve = an_entry(EntryKind.RESERVE, held=8, at_ms=at_ms)
    found = replay(lifted, reserve, limits={TEAM: 5})
    assert is_lifted == (broken(found) == [])


def test_a_revoked_override_lifts_nothing() -> None:
    lifted = an_entry(EntryKind.OVERRIDE, attempt="", amount=3, until_ms=2000)
    revoked = an_entry(EntryKind.OVERRIDE, attempt="", amount=-3, until_ms=2000)
    found = replay(lifted, revoked, an_entry(EntryKind.RESERVE, held=8), limits={TEAM: 5})
    assert [(Law.LIMITS, TEAM)] == broken(found)


def test_overage_passes_a_limit_and_is_no_reserve() -> None:
    assert [] == broken(replay(RESERVE, SETTLE, OVERAGE, limits={TEAM: 5}))


def seen(*, is_over: bool = False, attempt: str = ATTEMPT, queues: int = 1) -> Whereabouts:
    return Whereabouts(is_over=is_over, attempt=attempt, queues=queues)


@pytest.mark.parametrize(
    ("where", "law"),
    [
        (seen(), None),
        (None, (Law.ALIVE, ATTEMPT)),
        (seen(is_over=True), (Law.ALIVE, ATTEMPT)),
        (seen(attempt="video_a-2"), (Law.ALIVE, ATTEMPT)),
        (seen(queues=0), (Law.QUEUED, JOB)),
        (seen(queues=2), (Law.QUEUED, JOB)),
    ],
)
def test_what_is_held_belongs_to_a_job_that_lives(
    where: Whereabouts | None, law: tuple[Law, str] | None
) -> None:
    found = replay(RESERVE)
    found.seek({JOB: where})
    assert ([law] if law else []) == broken(found)


def test_jobs_that_moved_on_or_were_not_looked_for_say_nothing() -> None:
    found = replay(RESERVE)
    found.seek({JOB: None}, moved={JOB})
    found.seek({})
    found.queued(["video_b"], moved=["video_b"])
    assert [] == broken(found)


def test_a_queue_holds_unfinished_jobs_only() -> None:
    found = replay(RESERVE)
    found.queued([JOB, "video_b"])
    assert [(Law.QUEUED, "video_b")] == broken(found)


@pytest.mark.parametrize("charged", [4, None])
def test_a_record_that_says_something_else_is_found(charged: int | None) -> None:
    found = replay(RESERVE, SETTLE)
    found.resolved(ATTEMPT, charged)
    assert [(Law.FINAL, ATTEMPT)] == broken(found)


def test_a_task_of_two_attempts_is_found() -> None:
    """Each reserve and each end is right by itself: only the vendor's id tells."""
    other = an_entry(EntryKind.RESERVE, held=5, attempt="video_b-1")
    twice = an_entry(EntryKind.SETTLE, held=-5, spent=5, attempt="video_b-1", task="t-1")
    settled = an_entry(EntryKind.SETTLE, held=-5, spent=5, task="t-1")
    found = replay(RESERVE, settled, other, twice)
    assert [(Law.SUBMITS, "video_b-1")] == broken(found)
    assert "the task kling/main/t-1 is that of video_a-1" == found.violations[0].message


def test_an_attempt_of_two_tasks_is_found() -> None:
    settled = an_entry(EntryKind.SETTLE, held=-5, spent=5, task="t-1")
    over = an_entry(EntryKind.OVERAGE, spent=2, task="t-2")
    found = replay(RESERVE, settled, over)
    assert [(Law.SUBMITS, ATTEMPT)] == broken(found)
    message = "is the task kling/main/t-1, and kling/main/t-2 by 1000-0"
    assert message == found.violations[0].message


def test_an_attempt_keeps_its_task_through_every_change() -> None:
    kinds = (EntryKind.OVERAGE, EntryKind.ADJUST, EntryKind.WRITE_OFF)
    settled = an_entry(EntryKind.SETTLE, held=-5, spent=5, task="t-1")
    changes = [an_entry(kind, task="t-1") for kind in kinds]
    nobody = an_entry(EntryKind.UNATTRIBUTED, spent=3, attempt="", task="t-1")
    assert [] == broken(replay(RESERVE, settled, *changes, nobody))


def test_what_exports_bill_is_held_against_the_ledger() -> None:
    found = replay(RESERVE, SETTLE, OVERAGE, ADJUST)
    found.exported()
    assert [] == broken(found)


def test_an_export_that_bills_something_else_is_found() -> None:
    found = Replay(export=TiedExport(Forgetful))
    for entry in (RESERVE, SETTLE, OVERAGE):
        found.post(entry)
    found.exported()
    assert [(Law.EXPORTED, "1970-01")] == broken(found)
    assert "the entries spent 7, an export bills 0" == found.violations[0].message


def test_opening_and_unattributed_money_need_no_attempt() -> None:
    opened = an_entry(EntryKind.OPEN, held=1, spent=2, attempt="")
    assert [] == broken(replay(opened, an_entry(EntryKind.UNATTRIBUTED, spent=9, attempt="")))


def test_a_verification_is_sound_without_violations() -> None:
    violation = Violation(law=Law.SUMS, subject=ORG, message="1 is not 2")
    for violations in ((), (violation,)):
        found = Verification(entries=1, balances=1, open_attempts=0, violations=violations)
        assert found.is_sound == (violations == ())
