"""How often recent attempts at an offer brought a video."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

FORGOTTEN_S = 86_400
"""Older outcomes say nothing: an offer that failed yesterday has another chance today."""
GOOD_BEFORE, ALL_BEFORE = 9, 10
"""Counted before the first outcome, so that a single one does not decide."""


@dataclass(frozen=True, slots=True)
class Record:
    """How many of an offer's recent attempts brought a video, of how many."""

    good: int
    all: int

    @property
    def share(self) -> float:
        """The share for ranking: near 0.9 at first, ever nearer to what was seen."""
        return (self.good + GOOD_BEFORE) / (self.all + ALL_BEFORE)


def sample_of(at_s: float, *, is_good: bool) -> int:
    """One outcome as a number: when (s), and in the last bit whether it was good."""
    return int(at_s) * 2 + is_good


def record_of(samples: Iterable[int], now_s: float) -> Record | None:
    """The record of outcomes that are recent enough; None if there are none."""
    recent = [sample for sample in samples if now_s - sample // 2 < FORGOTTEN_S]
    return Record(sum(sample % 2 for sample in recent), len(recent)) if recent else None
