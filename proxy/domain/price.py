"""The price book: what an offer costs at the resolved shape, and what an attempt really cost."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from proxy.domain.video import Shape


class Billing(StrEnum):
    """Whether a provider charges for an attempt that brought no video."""

    NONE = "none"
    FULL = "full"
    AS_REPORTED = "as_reported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """One row of the price book; `audio` None is a row for both."""

    id: str
    resolution: str
    audio: bool | None
    per_second_micro_usd: int

    def fits(self, shape: Shape) -> bool:
        """Say whether this row prices a shape."""
        return self.resolution == shape.resolution and self.audio in (None, shape.audio)


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


def quote(prices: Iterable[Price], shape: Shape) -> Quote | None:
    """Price a shape; None when no row fits: nothing is free by ignorance."""
    for price in prices:
        if price.fits(shape):
            return Quote(micro_usd=price.per_second_micro_usd * shape.seconds, price_id=price.id)
    return None


def charge(billing: Billing, *, reserved_micro_usd: int, reported_micro_usd: int | None) -> int:
    """What an attempt without a video is charged, in micro-USD.

    The provider's own figure wins wherever it reports one. `as_reported` without a report charges
    nothing: the invoice will say otherwise if it must, and reconciliation adjusts it.
    """
    if reported_micro_usd is not None:
        return reported_micro_usd
    return reserved_micro_usd if billing is Billing.FULL else 0
