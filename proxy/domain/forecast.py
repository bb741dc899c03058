"""Where a running period will end if it goes on as it did: a straight line, and nothing cleverer.

Its answers are labelled "linear" wherever they are shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.period import FOREVER_MS

if TYPE_CHECKING:
    from proxy.domain.period import Period

METHOD = "linear"
DAY_MS = 86_400_000
LEAST_MS = 3 * DAY_MS
"""Before three days have passed, a line through them says nothing."""


def linear(spent_micro_usd: int, period: Period, now_ms: int) -> int | None:
    """What a period will have cost at its end, in micro-USD, rounded half up.

    None if it is over, has not lasted three days yet, or never ends.
    """
    passed_ms = now_ms - period.start_ms
    if passed_ms < LEAST_MS or not period.holds(now_ms) or period.end_ms >= FOREVER_MS:
        return None
    length_ms = period.end_ms - period.start_ms
    return (2 * spent_micro_usd * length_ms + passed_ms) // (2 * passed_ms)
