"""What the worker is told: its durations and bounds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from proxy.domain.bucket import LimitMode

if TYPE_CHECKING:
    from proxy.domain.breaker import BreakerRules
    from proxy.domain.orphan_rule import OrphanTimes

PATIENCE_SPARE_S = 3600.0
"""The sendings between the pauses take time, too."""


class UnknownThen(StrEnum):
    """What becomes of an outcome that no look-up could settle."""

    ASSUME_CHARGED = "assume_charged"
    RELEASE = "release"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Durations (in seconds) and bounds of the worker.

    `concurrency` is how many jobs a process works on at once, `account_concurrency` how many of
    these may be asked about, or downloaded, at one provider account. `notify_after_s` are the
    pauses before a notice that was not taken is sent again; after the last it is given up.
    `breaker_cache_s` is how often the shared circuit breakers are read; in shadow they keep nobody
    away.
    """

    lease_s: float
    tick_s: float
    concurrency: int
    account_concurrency: int
    max_attempts: int
    max_queue_wait_s: float
    throttle_wait_s: float
    retry_wait_s: float
    status_retries: int
    upkeep_every_s: float
    alert_every_s: float
    notify_after_s: tuple[float, ...]
    notify_timeout_s: float
    archive_after_s: float
    download_retries: int
    decisions_kept: int
    verify_every_s: float
    orphans: OrphanTimes
    look_up_after_s: tuple[float, ...]
    unknown_then: UnknownThen
    breaker: BreakerRules
    breaker_cache_s: float
    breaker_mode: LimitMode = LimitMode.ENFORCE

    @property
    def notify_patience_s(self) -> float:
        """How long a letter is tried, whatever keeps it from being sent: all pauses together."""
        return sum(self.notify_after_s) + PATIENCE_SPARE_S
