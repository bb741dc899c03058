"""The laws of the ledger, and their proof: every entry once more, from the first to the last."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from proxy.domain.export.tied import TiedExport
from proxy.domain.ledger import EntryKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from proxy.domain.ledger import Entry


class Law(StrEnum):
    """What must always hold; docs/store.md says it with the same numbers."""

    SUMS = "I1"
    """A balance is the sum of its entries."""
    LIMITS = "I2"
    """No reserve passes a limit, and nothing spent or reserved is ever below zero."""
    ONCE = "I3"
    """An attempt is reserved once, resolved at most once, and changed by hand only then."""
    ALIVE = "I4"
    """What is held belongs to the current attempt of an unfinished job."""
    QUEUED = "I5"
    """An unfinished job stands in exactly one queue, and nothing else stands in one."""
    SUBMITS = "I6"
    """An attempt is one task of a vendor, and a task is of one attempt."""
    FINAL = "I7"
    """A job that ended says what the ledger says, for good."""
    EXPORTED = "I11"
    """What an export bills for a month is what the ledger spent in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One law that does not hold. `subject` is a balance, an attempt or a job."""

    law: Law
    subject: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was looked at, as counts, and everything that was found wrong."""

    entries: int
    balances: int
    open_attempts: int
    violations: tuple[Violation, ...]

    @property
    def is_sound(self) -> bool:
        """Say whether every law holds."""
        return not self.violations


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What a balance holds, in micro-USD."""

    reserved_micro_usd: int = 0
    spent_micro_usd: int = 0

    @property
    def text(self) -> str:
        """Both in words."""
        return f"{self.reserved_micro_usd} reserved and {self.spent_micro_usd} spent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """A job as the store has it: its current attempt, and the queues it stands in."""

    is_over: bool
    attempt: str
    queues: int


_Task = tuple[str, str, str]
"""A provider, its account, and its own id of a task."""


class Replay:
    """Adds entries up, oldest first, and notes what could not have been.

    Args:
        limits: micro-USD by balance name, of budgets whose limit never changed.
        export: what holds the exports of these entries against them.
    """

    def __init__(
        self, limits: Mapping[str, int] | None = None, *, export: TiedExport | None = None
    ) -> None:
        self.sums: dict[str, Sums] = {}
        self.held: dict[str, int] = {}
        self.charged: dict[str, int] = {}
        self.violations: list[Violation] = []
        self.entries = 0
        self._owners: dict[str, tuple[str, str]] = {}
        self._limits = limits or {}
        self._overrides: dict[str, list[tuple[int, int]]] = {}
        self._below_zero: set[str] = set()
        self._tasks: dict[str, _Task] = {}
        self._attempts: dict[_Task, str] = {}
        self._export = export or TiedExport()

    def post(self, entry: Entry) -> None:
        """Take the next entry."""
        self.entries += 1
        self._export.add(entry)
        self._identify(entry)
        for name in entry.balances:
            before = self.sums.get(name, Sums())
            self.sums[name] = Sums(
                reserved_micro_usd=before.reserved_micro_usd + entry.reserved_micro_usd,
                spent_micro_usd=before.spent_micro_usd + entry.spent_micro_usd,
            )
            self._weigh(name, entry)
        match entry.kind:
            case EntryKind.RESERVE:
                self._reserve(entry)
            case EntryKind.SETTLE | EntryKind.RELEASE:
                self._resolve(entry)
            case EntryKind.OVERAGE | EntryKind.ADJUST | EntryKind.WRITE_OFF:
                self._change(entry)
            case EntryKind.OVERRIDE:
                for name in entry.balances:
                    lifted = (entry.amount_micro_usd, entry.until_ms)
                    self._overrides.setdefault(name, []).append(lifted)
            case _:
                pass

    def owner_of(self, attempt: str) -> tuple[str, str]:
        """The team that an open attempt is of, and its provider."""
        return self._owners[attempt]

    def compare(self, stored: Mapping[str, Sums]) -> None:
        """Compare the sums with what the store holds, by balance name."""
        for name in sorted(self.sums.keys() | stored.keys()):
            expected, found = self.sums.get(name, Sums()), stored.get(name, Sums())
            if expected != found:
                message = f"the entries say {expected.text}, the balance {found.text}"
                self._note(Law.SUMS, name, message)

    def exported(self) -> None:
        """Compare what exports bill for each month with what its entries spent."""
        for month, owed, billed in self._export.differences():
            message = f"the entries spent {owed}, an export bills {billed}"
            self._note(Law.EXPORTED, month, message)

    def seek(self, jobs: Mapping[str, Whereabouts | None], *, moved: Collection[str] = ()) -> None:
        """Compare open attempts with their jobs, by job id; None is a job without a record.

        `moved` are jobs of which later entries speak: where they stand says nothing.
        """
        for attempt, amount in self.held.items():
            job = attempt.rpartition("-")[0]
            if job in moved or job not in jobs:
                continue
            seen = jobs[job]
            if seen is None or seen.is_over or seen.attempt != attempt:
                current = "gone" if seen is None else f"at {seen.attempt}"
                ended = " and over" if seen is not None and seen.is_over else ""
                self._note(Law.ALIVE, attempt, f"holds {amount}, its job is {current}{ended}")
            elif seen.queues != 1:
                self._note(Law.QUEUED, job, f"stands in {seen.queues} queues, not in one")

    def queued(self, jobs: Iterable[str], *, moved: Collection[str] = ()) -> None:
        """Compare what stands in the queues with the open attempts."""
        alive = {attempt.rpartition("-")[0] for attempt in self.held}
        for job in sorted(set(jobs) - alive - set(moved)):
            self._note(Law.QUEUED, job, "stands in a queue, though nothing is held for it")

    def resolved(self, attempt: str, charged_micro_usd: int | None) -> None:
        """Compare a resolved attempt with what its job's record says; None is "not resolved"."""
        if charged_micro_usd != self.charged[attempt]:
            message = f"the entries say {self.charged[attempt]} charged, the job"
            self._note(Law.FINAL, attempt, f"{message} {charged_micro_usd}")

    def _identify(self, entry: Entry) -> None:
        charge = entry.charge
        if not (entry.attempt and charge.task):
            return
        task = charge.provider, charge.account, charge.task
        known = self._tasks.setdefault(entry.attempt, task)
        owner = self._attempts.setdefault(task, entry.attempt)
        if known != task:
            message = f"is the task {_text(known)}, and {_text(task)} by {entry.id}"
            self._note(Law.SUBMITS, entry.attempt, message)
        elif owner != entry.attempt:
            self._note(Law.SUBMITS, entry.attempt, f"the task {_text(task)} is that of {owner}")

    def _weigh(self, name: str, entry: Entry) -> None:
        now = self.sums[name]
        below = min(now.reserved_micro_usd, now.spent_micro_usd) < 0
        if below and name not in self._below_zero:
            self._below_zero.add(name)
            self._note(Law.LIMITS, name, f"{now.text} after {entry.id}")
        if entry.kind is EntryKind.RESERVE and name in self._limits:
            lifted = sum(
                amount
                for amount, until_ms in self._overrides.get(name, ())
                if until_ms > entry.at_ms
            )
            limit = self._limits[name] + lifted
            if now.reserved_micro_usd + now.spent_micro_usd > limit:
                self._note(
                    Law.LIMITS, name, f"{now.text} by {entry.attempt}, the limit is {limit}"
                )

    def _reserve(self, entry: Entry) -> None:
        if entry.attempt in self.held or entry.attempt in self.charged:
            self._note(Law.ONCE, entry.attempt, f"reserved again by {entry.id}")
        self.held[entry.attempt] = entry.reserved_micro_usd
        self._owners[entry.attempt] = entry.team, entry.charge.provider

    def _resolve(self, entry: Entry) -> None:
        held = self.held.pop(entry.attempt, None)
        self._owners.pop(entry.attempt, None)
        if held is None:
            self._note(Law.ONCE, entry.attempt, f"resolved by {entry.id}, though not open")
        elif held != -entry.reserved_micro_usd:
            given = -entry.reserved_micro_usd
            self._note(Law.ONCE, entry.attempt, f"held {held}, {entry.id} gives back {given}")
        self.charged.setdefault(entry.attempt, entry.spent_micro_usd)

    def _change(self, entry: Entry) -> None:
        if entry.attempt not in self.charged:
            self._note(Law.ONCE, entry.attempt, f"{entry.kind} {entry.id} before it was resolved")
        elif entry.kind is EntryKind.OVERAGE:
            self.charged[entry.attempt] += entry.spent_micro_usd

    def _note(self, law: Law, subject: str, message: str) -> None:
        self.violations.append(Violation(law=law, subject=subject, message=message))


def _text(task: _Task) -> str:
    return "/".join(task)
