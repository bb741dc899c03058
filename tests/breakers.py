"""The rules of circuit breakers as shipped."""

from __future__ import annotations

from typing import Final

from proxy.domain.breaker import BreakerRules

BREAKER_RULES: Final = BreakerRules(
    failures=5,
    ratio_percent=50,
    ratio_of_at_least=10,
    window_ms=60_000,
    open_min_ms=30_000,
    open_max_ms=600_000,
)
