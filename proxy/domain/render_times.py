"""How long recent renders of an offer took, and what follows for those who ask again."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SAMPLES_MIN = 5
"""Fewer renders than this tell nothing."""
SAMPLES_MAX = 64
"""How many of an offer's latest renders are remembered."""

POLL_AFTER_MS = 1000
"""Before anything was learned: short, as a client's poll is one read of our store."""
POLL_AFTER_MS_MIN = 250
POLL_AFTER_MS_MAX = 15_000
LATE_POLLS = 20
"""Once a render may be done, clients ask about so many times in a typical render."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderSpread:
    """Quantiles of recent renders, from the accepted submit to the stored video, in seconds."""

    p20_s: float
    p50_s: float
    p95_s: float


def spread_of(samples_ms: Sequence[int]) -> RenderSpread | None:
    """The quantiles (nearest rank) of render times in ms; None for fewer than SAMPLES_MIN."""
    if len(samples_ms) < SAMPLES_MIN:
        return None
    ranked = sorted(samples_ms)

    def quantile_s(percent: int) -> float:
        return ranked[ceil(len(ranked) * percent / 100) - 1] / 1000

    return RenderSpread(p20_s=quantile_s(20), p50_s=quantile_s(50), p95_s=quantile_s(95))


def poll_after_ms(spread: RenderSpread | None, elapsed_s: float) -> int:
    """When a client should ask again about an unfinished job, in ms.

    Until four in five renders would still be running there is nothing to see; from then on the
    answer is at most a twentieth of a typical render old.

    Args:
        spread: what recent renders of the job's offer took, None when too few are known.
        elapsed_s: seconds since the provider accepted the job; 0 before that.
    """
    if spread is None:
        return POLL_AFTER_MS
    return max(_bounded_ms(spread.p20_s - elapsed_s), poll_every_ms(spread))


def poll_every_ms(spread: RenderSpread | None) -> int:
    """The interval for a client that asks at one pace from beginning to end, in ms."""
    return POLL_AFTER_MS if spread is None else _bounded_ms(spread.p50_s / LATE_POLLS)


def _bounded_ms(wait_s: float) -> int:
    return max(POLL_AFTER_MS_MIN, min(POLL_AFTER_MS_MAX, int(wait_s * 1000)))
