"""Stopping in time: how long each part of it may take, and the end of patience."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from typing import TYPE_CHECKING, Self

from proxy.app.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable

REQUESTS = 0.25
"""For requests under way to end; as long again for them to leave when they are cancelled."""
STEPS = 0.65
"""Until when the worker's steps must have ended; the rest goes on at the next start."""
PROCESSES = 0.75
"""Until when the processes of a supervisor must have ended."""
STORE = 0.2
"""For our own store to end, which then has nothing more to do."""
LAST_WORDS = (
    b'{"level":"critical","logger":"greenlight","message":"stopping took too long: '
    b'the process ends as it stands; what was accepted goes on at the next start"}\n'
)


class Stop:
    """When the process was told to stop, and how much is left of the time it has for that.

    Nothing that a client, a provider or a disk does may take more: then the process ends at once,
    as if it had been killed, and loses no more than by that.

    Args:
        within_s: the whole time.
        end: ends the process at once; called in a thread of its own.
    """

    def __init__(self, within_s: float, *, end: Callable[[], None] | None = None) -> None:
        self._within_s = within_s
        self._clock = SystemClock()
        self._watchdog = threading.Timer(within_s, end or _end)
        self._watchdog.daemon = True
        self._until_s = 0.0
        self.asked = asyncio.Event()

    def __enter__(self) -> Self:
        """Begin; the block is what must have ended in time."""
        return self

    def __exit__(self, *_: object) -> None:
        """It has."""
        self._watchdog.cancel()

    def ask(self) -> None:
        """Tell the process to stop; the time runs from the first asking."""
        if not self.asked.is_set():
            self._until_s = self._clock.monotonic_s() + self._within_s
            self._watchdog.start()
            self.asked.set()

    def share_s(self, share: float) -> float:
        """A part of the whole time."""
        return share * self._within_s

    def left_s(self, share: float) -> float:
        """What is left of the first part of the time, which runs from now on if it did not yet."""
        self.ask()
        gone_s = self._clock.monotonic_s() - (self._until_s - self._within_s)
        return max(0.0, self.share_s(share) - gone_s)


def _end() -> None:
    os.write(sys.stderr.fileno(), LAST_WORDS)
    os._exit(1)
