"""The month that docs/money.md works through: made here, so that its numbers stay true."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from proxy.domain.ledger import EntryKind
from proxy.domain.proof import Replay, Sums
from tests.ledger_entries import Book, a_charge

if TYPE_CHECKING:
    from collections.abc import Iterable

    from proxy.domain.ledger import Charge, Entry


def at(month: int, day: int, hour: int = 9) -> int:
    """An instant of 2026 in Unix ms."""
    return int(datetime(2026, month, day, hour, tzinfo=UTC).timestamp() * 1000)


def veo(outcome: str = "completed", *, task: str, by: str = "price_book") -> Charge:
    return a_charge(
        provider="vertex",
        model="veo-3.1-fast",
        price_id="vertex/veo-3.1-fast:720p",
        seconds=8,
        resolution="720p",
        outcome=outcome,
        task=task,
        by=by,
    )


def kling(*, task: str) -> Charge:
    return a_charge(model="kling-3.0", seconds=5, task=task, by="vendor")


def runway(outcome: str, *, task: str) -> Charge:
    return a_charge(
        provider="runway",
        model="gen4.5",
        price_id="runway/gen4.5:720p",
        seconds=5,
        resolution="720p",
        outcome=outcome,
        task=task,
    )


def november() -> Book:
    """What happened in November 2026, before any invoice came."""
    book = Book()
    for number in range(10):
        book.at_ms = at(11, 2 + number)
        book.attempt(f"veo{number}-1", quote=800_000, cost=800_000, charge=veo(task=f"v{number}"))
    book.at_ms = at(11, 16)
    book.attempt("overage-1", quote=560_000, cost=600_000, charge=kling(task="k0"))
    book.at_ms = at(11, 17)
    refused = runway("content_policy", task="r0")
    book.attempt("moderated-1", quote=600_000, cost=600_000, charge=refused)
    book.write_off("moderated-1", 600_000, refused)
    book.at_ms = at(11, 18)
    book.attempt("failed-1", quote=800_000, cost=None, charge=veo("provider_failed", task="v10"))
    book.attempt("failed-2", quote=560_000, cost=560_000, charge=kling(task="k1"))
    book.at_ms = at(11, 19)
    assumed = veo("outcome_unknown", task="", by="unknown:assume_charged")
    book.attempt("lost-1", quote=800_000, cost=800_000, charge=assumed)
    book.at_ms = at(11, 30, 23)
    lifted = book.add(EntryKind.OVERRIDE, charge=a_charge(by="override"), reason="trade fair")
    book.entries[-1] = replace(lifted, amount_micro_usd=1_000_000, until_ms=at(12, 1, 0))
    book.reserve("late-1", 800_000, veo(task=""))
    return book


def until_december() -> Book:
    """And on the first of December the last video was delivered."""
    book = november()
    book.at_ms = at(12, 1, 0)
    book.settle("late-1", 800_000, 800_000, veo(task="v11"))
    return book


INVOICES = {
    "vertex": "task_id,amount\n" + "".join(f"v{number},0.80\n" for number in range(10)),
    "kling": "external_id,task_id,amount\noverage-1,k0,0.60\nfailed-2,k1,0.56\n,k7,0.56\n",
    "runway": "task_id,amount\nr0,0.60\n",
}
"""What the vendors billed for it on 3 December. The last video is on December's invoice."""

NOVEMBER = at(11, 1, 0), at(12, 1, 0)
TEAM, ORGANISATION = "team:marketing|month|2026-11", "org|month|2026-11"
LIMIT_MICRO_USD, ALERT_PERCENT = 10_000_000, 80


def balances_after(entries: Iterable[Entry]) -> dict[str, Sums]:
    """Every balance that the entries moved. All attempts here were reserved in November."""
    replay = Replay()
    for entry in entries:
        team = () if entry.kind is EntryKind.UNATTRIBUTED else (TEAM,)
        shared = () if entry.kind in (EntryKind.WRITE_OFF, EntryKind.OVERRIDE) else (ORGANISATION,)
        own = (*team, *shared) if team else entry.balances
        replay.post(replace(entry, balances=own))
    assert [] == replay.violations
    return replay.sums
