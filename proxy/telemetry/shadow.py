"""What limits in shadow would have refused, as a log line now and then."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from proxy.domain.bucket import Decision, LimitMode
from proxy.domain.events import LimitChecked

if TYPE_CHECKING:
    from proxy.domain.events import Event
    from proxy.gateway.ports.runtime import Clock

EVERY_S = 60.0

_LOGGER = logging.getLogger("greenlight.limits")


class ShadowRefusals:
    """An observer that tells of them: a line at most every minute for each team and class.

    The first is told at once, those that follow with the next line.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: dict[tuple[str, str], tuple[float, int]] = {}

    def observe(self, event: Event) -> None:
        """Take note of a limit's decision."""
        if not isinstance(event, LimitChecked) or event.mode != LimitMode.SHADOW:
            return
        if event.decision is not Decision.REFUSED:
            return
        now_s, place = self._clock.monotonic_s(), (event.team, event.limit_class)
        told_s, untold = self._told.get(place, (float("-inf"), 0))
        if now_s - told_s < EVERY_S:
            self._told[place] = (told_s, untold + 1)
            return
        self._told[place] = (now_s, 0)
        _LOGGER.info(
            "a limit in shadow, %s of team %s, would have refused %d requests, the last of key %s",
            event.limit_class,
            event.team,
            untold + 1,
            event.key,
        )
