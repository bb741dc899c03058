"""The store's outages as two log lines each: when one begins, and when it is over."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from proxy.domain.events import StoreCalled

if TYPE_CHECKING:
    from proxy.domain.events import Event
    from proxy.gateway.ports.runtime import Clock

QUIET_S = 1.0
"""An answer ends an outage if no call failed for so long before it: a store may also half work."""

_LOGGER = logging.getLogger("greenlight.store")


class StoreOutages:
    """An observer that tells of outages; the calls that fail meanwhile it only counts.

    Every step of every job fails while the store is away, several times a second.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began_s: float | None = None
        self._failed_s = 0.0
        self._failed = 0

    def observe(self, event: Event) -> None:
        """Take note of a call of the store."""
        if not isinstance(event, StoreCalled):
            return
        if event.unavailable is not None:
            self._count(event.unavailable)
        elif event.outcome == "ok" and self._began_s is not None:
            self._end(self._began_s)

    def _count(self, reason: str) -> None:
        self._failed_s = self._clock.monotonic_s()
        self._failed += 1
        if self._began_s is None:
            self._began_s = self._failed_s
            message = "%s; failed calls are counted until it is back, and not logged one by one"
            _LOGGER.error(message, reason)

    def _end(self, began_s: float) -> None:
        now_s = self._clock.monotonic_s()
        if now_s - self._failed_s < QUIET_S:
            return
        message = "the store answers again: %d calls failed in %.1f s"
        _LOGGER.warning(message, self._failed, now_s - began_s)
        self._began_s, self._failed = None, 0
