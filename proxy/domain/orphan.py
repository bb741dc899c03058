"""Orphans: what a vendor has made, or is making, on our account and no attempt of ours explains.

A vendor's list says what it has; the ledger and unfinished jobs say what we know of. An operation
that bears the id of an attempt is ours for certain. Any other one may be somebody else's, unless
the account is said to be ours alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from proxy.domain.ids import job_of_attempt
from proxy.domain.ledger import Charge, EntryKind
from proxy.domain.orphan_rule import OrphanRule
from proxy.domain.price import Billing, quote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from proxy.domain.job import Job
    from proxy.domain.ledger import Entry
    from proxy.domain.policy import Offer
    from proxy.domain.video import Shape

SKEW_MS = 300_000
"""How far the clocks of a vendor and of the store may be apart."""
DOUBTFUL = ("unknown:", "restore:", "operator")
"""`by` of a charge without a task begins so where nobody knows whether there is one."""


class Fate(StrEnum):
    """How a listed operation stands."""

    PENDING = "pending"
    MADE = "made"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One operation as its vendor lists it, whoever began it.

    `task` is the vendor's id, `external_id` what was sent along by whoever began it, where the
    vendor keeps that. `charge_micro_usd` is the vendor's own figure; `upstream` and `shape` are
    for the price book where there is none.
    """

    task: str
    created_at_ms: int
    fate: Fate
    external_id: str | None = None
    charge_micro_usd: int | None = None
    upstream: str | None = None
    shape: Shape | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A listed operation that nothing explains, and what it costs; None if nobody can say."""

    listed: Listed
    charge: Charge
    micro_usd: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cover:
    """An attempt that may have bought one operation, though nobody knows which."""

    model: str
    from_ms: int
    until_ms: int | None = None
    charged_micro_usd: int = 0


class Explanations:
    """Collects what explains the listed operations of one account.

    Jobs are noted first, then entries, oldest first: what is begun meanwhile is too young.
    """

    def __init__(self, provider: str, account: str, listed: Iterable[Listed]) -> None:
        self._provider = provider
        self._account = account
        self._listed = sorted(listed, key=lambda each: each.created_at_ms)
        self._tasks = {each.task for each in self._listed}
        self._names = {each.external_id for each in self._listed if each.external_id}
        self._known: set[str] = set()
        self._sure: set[str] = set()
        self._covers: dict[str, _Cover] = {}

    def note_job(self, job: Job) -> None:
        """Learn from an unfinished job."""
        for attempt in job.attempts:
            name = f"{job.id}-{attempt.number}"
            self._known |= {name, attempt.task_id or name} & (self._names | self._tasks)
        current = job.attempt
        if current.submitted_at_ms is None or current.task_id is not None:
            # Either not sent, or explained by its own task.
            self._sure.add(job.attempt_id)

    def note(self, entry: Entry) -> None:
        """Learn from an entry of the ledger."""
        of = entry.charge
        if of.provider != self._provider or of.account not in ("", self._account):
            self._covers.pop(entry.attempt, None)
            return
        self._known |= {entry.attempt, of.task} & (self._names | self._tasks)
        self._cover(entry)

    def unexplained(self, rule: OrphanRule, models: Mapping[str, str]) -> Sequence[Listed]:
        """What nothing explains, oldest first; `models` are ours by the vendor's names."""
        covers = [cover for name, cover in self._covers.items() if name not in self._sure]
        return [
            each
            for each in self._listed
            if not self._known & {each.task, each.external_id}
            and _may_be_ours(each, rule)
            and (is_attempt(each.external_id) or not _take(covers, each, models))
        ]

    def strangers(self, rule: OrphanRule) -> int:
        """How many operations the rule leaves to whoever else uses the account."""
        return sum(
            not self._known & {each.task, each.external_id} and not _may_be_ours(each, rule)
            for each in self._listed
        )

    def _cover(self, entry: Entry) -> None:
        attempt = entry.attempt
        if entry.kind is EntryKind.RESERVE:
            self._covers[attempt] = _Cover(model=entry.charge.model, from_ms=entry.at_ms)
        elif attempt in self._covers:
            cover = replace(
                self._covers[attempt],
                until_ms=self._covers[attempt].until_ms or entry.at_ms,
                charged_micro_usd=self._covers[attempt].charged_micro_usd + entry.spent_micro_usd,
            )
            is_doubtful = not entry.charge.task and entry.charge.by.startswith(DOUBTFUL)
            if is_doubtful and cover.charged_micro_usd > 0:
                self._covers[attempt] = cover
            else:
                del self._covers[attempt]


def is_attempt(external_id: str | None) -> bool:
    """Say whether an id is of the form that attempts have."""
    try:
        job_of_attempt(external_id or "")
    except ValueError:
        return False
    return True


def _may_be_ours(listed: Listed, rule: OrphanRule) -> bool:
    return rule is OrphanRule.ALL or is_attempt(listed.external_id)


def _take(covers: list[_Cover], listed: Listed, models: Mapping[str, str]) -> bool:
    """Use up the first attempt that may have begun an operation; False if none may."""
    model = models.get(listed.upstream or "")
    for place, cover in enumerate(covers):
        until_ms = cover.until_ms or listed.created_at_ms
        is_in_time = cover.from_ms - SKEW_MS <= listed.created_at_ms <= until_ms + SKEW_MS
        if is_in_time and model in (None, cover.model):
            del covers[place]
            return True
    return False


def orphan_of(provider: str, account: str, listed: Listed, offers: Collection[Offer]) -> Orphan:
    """Price an operation: the vendor's own figure, else the price book; free if it failed so."""
    offer = next(_sold(offers, provider, listed), None)
    shape = listed.shape
    priced = quote(offer.prices, shape) if offer is not None and shape is not None else None
    is_reported = listed.charge_micro_usd is not None
    return Orphan(
        listed=listed,
        charge=Charge(
            provider=provider,
            account=account,
            model=offer.model if offer else "",
            price_id=priced.price_id if priced and not is_reported else "",
            by="orphan:reported" if is_reported else "orphan:price_book",
            seconds=shape.seconds if shape else 0,
            resolution=shape.resolution if shape else "",
            task=listed.task,
        ),
        micro_usd=_cost(listed, offer, priced.micro_usd if priced else None),
    )


def _sold(offers: Collection[Offer], provider: str, listed: Listed) -> Iterator[Offer]:
    return (
        offer
        for offer in offers
        if (offer.provider, offer.upstream) == (provider, listed.upstream)
    )


def _cost(listed: Listed, offer: Offer | None, priced_micro_usd: int | None) -> int | None:
    if listed.charge_micro_usd is not None:
        return listed.charge_micro_usd
    is_billed = offer is not None and offer.bills_on.failed is Billing.FULL
    return priced_micro_usd if listed.fate is Fate.MADE or is_billed else 0
