"""The price book: what an offer costs at the resolved shape, and what an attempt really cost."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from proxy.domain.source import Verb

if TYPE_CHECKING:
    from collections.abc import Iterable

    from proxy.domain.source import Source
    from proxy.domain.video import Shape


class Billing(StrEnum):
    """Whether a provider charges for an attempt that brought no video."""

    NONE = "none"
    FULL = "full"
    AS_REPORTED = "as_reported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """One row of the price book; `audio` None is a row for both.

    `verbs` is what it prices. `is_of_whole`: an extension pays for its source's seconds as well.
    `least_micro_usd` is what any one video costs at least.
    """

    id: str
    resolution: str
    audio: bool | None
    per_second_micro_usd: int
    verbs: frozenset[Verb] = frozenset({Verb.CREATE})
    is_of_whole: bool = False
    least_micro_usd: int = 0

    def fits(self, shape: Shape, verb: Verb = Verb.CREATE) -> bool:
        """Say whether this row prices a shape, made in this manner."""
        is_shape = self.resolution == shape.resolution and self.audio in (None, shape.audio)
        return is_shape and verb in self.verbs

    def name(self, verb: Verb) -> str:
        """What the books call it: a verb of its own is told, as if it had a row of its own."""
        if verb is Verb.CREATE:
            return self.id
        row, at, date = self.id.rpartition("@")
        return f"{row}/{verb}{at}{date}" if at else f"{date}/{verb}"

    def of(self, seconds: int) -> int:
        """Micro-USD of so many billed seconds."""
        return max(self.per_second_micro_usd * seconds, self.least_micro_usd)


@dataclass(frozen=True, slots=True, kw_only=True)
class BillsOn:
    """How an offer bills attempts that brought no video."""

    failed: Billing = Billing.NONE
    filtered: Billing = Billing.NONE
    cancelled: Billing = Billing.FULL
    expired: Billing = Billing.FULL


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What an attempt will be reserved at, and the price row it came from."""

    micro_usd: int
    price_id: str


def quote(prices: Iterable[Price], shape: Shape, source: Source | None = None) -> Quote | None:
    """Price a shape, and what is done; None when no row fits: nothing is free by ignorance."""
    verb = Verb.CREATE if source is None else source.verb
    for price in prices:
        if price.fits(shape, verb):
            before = source.seconds_before if source is not None and price.is_of_whole else 0
            micro_usd = price.of(shape.seconds + before)
            return Quote(micro_usd=micro_usd, price_id=price.name(verb))
    return None


def charge(billing: Billing, *, reserved_micro_usd: int, reported_micro_usd: int | None) -> int:
    """What an attempt without a video is charged, in micro-USD.

    The provider's own figure wins wherever it reports one. `as_reported` without a report charges
    nothing: the invoice will say otherwise if it must, and reconciliation adjusts it.
    """
    if reported_micro_usd is not None:
        return reported_micro_usd
    return reserved_micro_usd if billing is Billing.FULL else 0
