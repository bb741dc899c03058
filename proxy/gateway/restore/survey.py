"""What a restore finds: how the store differs from what the ledger's entries say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from proxy.domain.ids import AttemptId
from proxy.domain.job import JobState
from proxy.domain.ledger_file import id_order, start_ms
from proxy.domain.proof import Sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.job import Job
    from proxy.domain.ledger import Entry
    from proxy.domain.ledger_file import ArchivedDay
    from proxy.domain.recovery import Lift, Owner
    from proxy.gateway.ports.restore import Repairs
    from proxy.gateway.restore.reading import Reading


class Condition(StrEnum):
    """What the store is, by the files."""

    WHOLE = "whole"
    """It knows all that the files hold."""
    EMPTY = "empty"
    """It was lost: it has no entry that the files hold."""
    OLDER = "older"
    """It is a copy from before the end of the files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A balance that holds something else than its entries say."""

    owner: Owner
    balance: str
    stored: Sums
    expected: Sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """The time whose entries are surely lost: [since, until), Unix ms of the store's clock."""

    since_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a restore finds.

    `lost` are the reserves of attempts that nothing ended and whose jobs are gone; `overtaken`
    jobs that go on although the files know their end; `queued` jobs that wait to be bought;
    `lifts` overrides that live by the ledger. `last_ms` is when the last known entry was written.
    """

    condition: Condition
    days: Sequence[ArchivedDay]
    entries: int
    last_ms: int | None
    gap: Gap | None
    balances: int
    changes: tuple[Change, ...]
    lifts: tuple[Lift, ...]
    lost: tuple[Entry, ...]
    overtaken: tuple[Job, ...]
    queued: tuple[Job, ...]

    @property
    def is_needed(self) -> bool:
        """Say whether there is anything to restore."""
        return self.condition is not Condition.WHOLE or bool(self.changes or self.lost)


async def survey_of(reading: Reading, repairs: Repairs, now_ms: int) -> Survey:
    """Compare a reading with the store. Raises StoreUnavailable."""
    recovery, condition = reading.recovery, _condition_of(reading)
    recorded = await repairs.recorded([AttemptId(attempt) for attempt in recovery.open])
    # In a store that is whole a job may end between two looks: only its own end counts.
    overtaken = [
        job
        for job in reading.jobs
        if condition is not Condition.WHOLE and job.attempt_id in recovery.ends
    ]
    gone = {job.id for job in overtaken}
    return Survey(
        condition=condition,
        days=reading.days,
        entries=recovery.entries,
        last_ms=id_order(recovery.last_id)[0] if recovery.last_id else None,
        gap=None if condition is Condition.WHOLE else _gap(reading, now_ms),
        balances=sum(map(len, recovery.sums.values())),
        changes=_changes(reading),
        lifts=tuple(lift for owner in recovery.owners for lift in recovery.lifts(owner, now_ms)),
        lost=tuple(entry for entry in recovery.open.values() if entry.attempt not in recorded),
        overtaken=tuple(overtaken),
        queued=tuple(
            job for job in reading.jobs if job.state is JobState.QUEUED and job.id not in gone
        ),
    )


def _condition_of(reading: Reading) -> Condition:
    if reading.is_whole:
        return Condition.WHOLE
    return Condition.OLDER if reading.is_older else Condition.EMPTY


def _changes(reading: Reading) -> tuple[Change, ...]:
    return tuple(
        Change(owner=owner, balance=name, stored=stored, expected=expected)
        for owner, sums in sorted(reading.recovery.sums.items())
        for name, expected in sorted(sums.items())
        if (stored := reading.stored.get(name, Sums())) != expected
    )


def _gap(reading: Reading, now_ms: int) -> Gap:
    following = date.fromisoformat(reading.days[-1].day) + timedelta(days=1)
    until_ms = reading.first_new_ms
    return Gap(since_ms=start_ms(following), until_ms=now_ms if until_ms is None else until_ms)
