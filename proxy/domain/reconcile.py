"""A vendor's invoice against the ledger: what is equal, what differs, what only one side knows.

A line belongs to the attempt its external id names, else to the one whose vendor's task id it
names, at the same provider. Several lines of an attempt are parts of its price; a line that
repeats both ids and the amount of an earlier one is a duplicate, to be disputed, never posted.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from proxy.domain.ledger import Charge, Entry, EntryKind
from proxy.domain.standing import standings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from proxy.domain.invoice import Invoice, InvoiceLine
    from proxy.domain.standing import Standing

Task = tuple[str, str]
"""A provider and its own id of a task."""


_ENDINGS = frozenset({EntryKind.SETTLE, EntryKind.RELEASE})


class Verdict(StrEnum):
    """What became of a part of an invoice, or of a charge that it does not name."""

    EQUAL = "equal"
    DIFFERING = "differing"
    """An attempt was charged another amount: `adjust` makes them equal."""
    NOT_INVOICED = "not_invoiced"
    """An attempt was charged in the invoice's window, and the invoice does not name it."""
    NOT_OURS = "not_ours"
    """No attempt of ours explains a line: it is charged to `unattributed`."""
    MISATTRIBUTED = "misattributed"
    """A task was charged to `unattributed`, and an attempt explains it after all."""
    OPEN = "open"
    """The attempt is not resolved yet; reconcile again when it is."""
    DUPLICATE = "duplicate"
    """A line repeats another: to be disputed with the vendor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unattributed:
    """A vendor's task that nobody explains: what it was charged so far, on which balances.

    `first_id` and `last_id` are the entries that charged it first and last, "" if none did.
    """

    charge: Charge
    first_id: str = ""
    last_id: str = ""
    charged_micro_usd: int = 0
    balances: tuple[str, ...] = ()
    is_covered: bool = False
    """Whether it was charged in the invoice's window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One comparison, amounts in micro-USD. `lines` are the invoice's; none for NOT_INVOICED.

    `charged_micro_usd` is what the ledger holds for the attempt, or for the unattributed task.
    `standing` is the attempt's; else `unattributed` is what was charged to nobody so far.
    """

    verdict: Verdict
    provider: str
    attempt: str
    task: str
    charged_micro_usd: int
    invoiced_micro_usd: int
    lines: tuple[int, ...] = ()
    standing: Standing | None = None
    unattributed: Unattributed | None = None

    @property
    def last_id(self) -> str:
        """The last entry about it, "" if none: whatever is posted makes it another one."""
        about = self.standing or self.unattributed
        return about.last_id if about else ""

    @property
    def missing_micro_usd(self) -> int:
        """What the ledger lacks to agree with the invoice; below 0 where it has too much."""
        if self.verdict is Verdict.DUPLICATE:
            return 0
        return self.invoiced_micro_usd - self.charged_micro_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """The whole comparison. `findings` has everything but what is equal, which is counted."""

    invoice: str
    lines: int
    invoiced_micro_usd: int
    equal: int
    equal_micro_usd: int
    findings: tuple[Finding, ...]

    @property
    def difference_micro_usd(self) -> int:
        """Ledger minus invoice, disputed duplicates left out; 0 when they agree in sum."""
        return -sum(finding.missing_micro_usd for finding in self.findings)

    def of(self, verdict: Verdict) -> tuple[Finding, ...]:
        """The findings of one kind."""
        return tuple(finding for finding in self.findings if finding.verdict is verdict)


class Relevant:
    """Chooses the entries that an invoice needs, so that only those are kept.

    `window` [since, until) in Unix ms is the time that the invoice covers; without one, nothing
    is said to be not invoiced.
    """

    def __init__(self, invoice: Invoice, window: tuple[int, int] | None) -> None:
        self._window = window
        self._providers = invoice.providers
        self._tasks = {(line.provider, line.task) for line in invoice.lines if line.task}
        self.attempts = {line.external_id for line in invoice.lines if line.external_id}

    def note(self, entry: Entry) -> None:
        """Learn from an entry which attempts matter; all entries come here first."""
        if not entry.attempt or entry.charge.provider not in self._providers:
            return
        is_named = (entry.charge.provider, entry.charge.task) in self._tasks
        if is_named or (entry.kind in _ENDINGS and self.is_covered(entry)):
            self.attempts.add(entry.attempt)

    def keeps(self, entry: Entry) -> bool:
        """Say whether an entry is needed for the comparison."""
        if entry.kind is EntryKind.UNATTRIBUTED:
            return entry.charge.provider in self._providers
        return entry.attempt in self.attempts

    def is_covered(self, entry: Entry) -> bool:
        """Say whether an entry stands in the time that the invoice covers."""
        return self._window is not None and self._window[0] <= entry.at_ms < self._window[1]


def reconcile(invoice: Invoice, relevant: Relevant, entries: Sequence[Entry]) -> Reconciliation:
    """Compare an invoice with the entries that `relevant` kept, oldest first."""
    providers = invoice.providers
    known = {
        name: standing
        for name, standing in standings(entries).items()
        if standing.charge.provider in providers
    }
    nobodys = _unattributed(relevant, entries)
    groups = _groups(invoice, known)
    findings = [_of_attempt(known[attempt], lines) for attempt, lines in groups.attempts.items()]
    findings += [
        _of_nobody(
            nobodys.get(task) or Unattributed(charge=Charge(provider=task[0], task=task[1])), lines
        )
        for task, lines in groups.tasks.items()
    ]
    findings += _misattributed(groups, known, nobodys)
    covered = {
        entry.attempt for entry in entries if entry.kind in _ENDINGS and relevant.is_covered(entry)
    }
    findings += [
        _finding(Verdict.NOT_INVOICED, known[attempt], ())
        for attempt in sorted(covered & known.keys() - groups.attempts.keys())
        if known[attempt].cost_micro_usd
    ]
    findings += [_duplicate(line) for line in groups.duplicates]
    equal = [finding for finding in findings if finding.verdict is Verdict.EQUAL]
    return Reconciliation(
        invoice=invoice.digest,
        lines=len(invoice.lines),
        invoiced_micro_usd=sum(line.amount_micro_usd for line in invoice.lines),
        equal=len(equal),
        equal_micro_usd=sum(finding.invoiced_micro_usd for finding in equal),
        findings=tuple(finding for finding in findings if finding.verdict is not Verdict.EQUAL),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Groups:
    attempts: dict[str, list[InvoiceLine]]
    tasks: dict[Task, list[InvoiceLine]]
    duplicates: list[InvoiceLine]


def _groups(invoice: Invoice, known: Mapping[str, Standing]) -> _Groups:
    by_task = {
        (standing.charge.provider, standing.charge.task): name
        for name, standing in known.items()
        if standing.charge.task
    }
    groups = _Groups(attempts={}, tasks={}, duplicates=[])
    seen = set()
    for line in invoice.lines:
        named = (line.provider, line.external_id, line.task)
        if any(named[1:]) and (*named, line.amount_micro_usd) in seen:
            groups.duplicates.append(line)
            continue
        seen.add((*named, line.amount_micro_usd))
        attempt = line.external_id
        if attempt not in known or known[attempt].charge.provider != line.provider:
            attempt = by_task.get((line.provider, line.task), "")
        if attempt:
            groups.attempts.setdefault(attempt, []).append(line)
        else:
            name = line.task or line.external_id or f"invoice {invoice.digest} line {line.number}"
            groups.tasks.setdefault((line.provider, name), []).append(line)
    return groups


def _of_attempt(standing: Standing, lines: Sequence[InvoiceLine]) -> Finding:
    if not standing.is_resolved:
        verdict = Verdict.OPEN
    elif standing.cost_micro_usd == sum(line.amount_micro_usd for line in lines):
        verdict = Verdict.EQUAL
    else:
        verdict = Verdict.DIFFERING
    return _finding(verdict, standing, lines)


def _of_nobody(known: Unattributed, lines: Sequence[InvoiceLine]) -> Finding:
    invoiced_micro_usd = sum(line.amount_micro_usd for line in lines)
    is_equal = invoiced_micro_usd == known.charged_micro_usd
    verdict = Verdict.EQUAL if is_equal else Verdict.NOT_OURS
    return _of_task(verdict, known, invoiced_micro_usd, lines)


def _misattributed(
    groups: _Groups, known: Mapping[str, Standing], nobodys: Mapping[Task, Unattributed]
) -> Iterable[Finding]:
    """What was charged to nobody although an attempt, or no line at all, explains it."""
    explained = {
        (standing.charge.provider, name)
        for attempt, standing in known.items()
        for name in (
            attempt,
            standing.charge.task,
            *(line.task for line in groups.attempts.get(attempt, ())),
        )
        if name
    }
    for task, charged in nobodys.items():
        if not charged.charged_micro_usd or task in groups.tasks:
            continue
        if task in explained:
            yield _of_task(Verdict.MISATTRIBUTED, charged, 0, ())
        elif charged.is_covered:
            yield _of_task(Verdict.NOT_INVOICED, charged, 0, ())


def _unattributed(relevant: Relevant, entries: Iterable[Entry]) -> Mapping[Task, Unattributed]:
    found: dict[Task, Unattributed] = {}
    for entry in entries:
        if entry.kind is EntryKind.UNATTRIBUTED:
            task = entry.charge.provider, entry.charge.task
            before = found.get(task) or Unattributed(charge=entry.charge)
            found[task] = Unattributed(
                charge=entry.charge,
                first_id=before.first_id or entry.id,
                last_id=entry.id,
                charged_micro_usd=before.charged_micro_usd + entry.spent_micro_usd,
                balances=before.balances or entry.balances,
                is_covered=before.is_covered or relevant.is_covered(entry),
            )
    return found


def _of_task(
    verdict: Verdict, known: Unattributed, invoiced_micro_usd: int, lines: Sequence[InvoiceLine]
) -> Finding:
    return Finding(
        verdict=verdict,
        provider=known.charge.provider,
        attempt="",
        task=known.charge.task,
        charged_micro_usd=known.charged_micro_usd,
        invoiced_micro_usd=invoiced_micro_usd,
        lines=tuple(line.number for line in lines),
        unattributed=known,
    )


def _finding(verdict: Verdict, standing: Standing, lines: Sequence[InvoiceLine]) -> Finding:
    return Finding(
        verdict=verdict,
        provider=standing.charge.provider,
        attempt=standing.attempt,
        task=standing.charge.task,
        charged_micro_usd=standing.cost_micro_usd,
        invoiced_micro_usd=sum(line.amount_micro_usd for line in lines),
        lines=tuple(line.number for line in lines),
        standing=standing,
    )


def _duplicate(line: InvoiceLine) -> Finding:
    return Finding(
        verdict=Verdict.DUPLICATE,
        provider=line.provider,
        attempt=line.external_id,
        task=line.task,
        charged_micro_usd=0,
        invoiced_micro_usd=line.amount_micro_usd,
        lines=(line.number,),
    )
