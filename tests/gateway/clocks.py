"""Clocks that disagree with the store's."""

from __future__ import annotations

import asyncio

from typing_extensions import override

from proxy.app.clock import SystemClock


class ShiftedClock(SystemClock):
    """The machine's clock, off by so many seconds; `jump_s` more at each look."""

    def __init__(self, ahead_s: float = 0.0, *, jump_s: float = 0.0) -> None:
        self.ahead_s = ahead_s
        self.jump_s = jump_s

    @override
    def now_s(self) -> float:
        """Unix seconds, wrong."""
        self.ahead_s += self.jump_s
        return super().now_s() + self.ahead_s


class SteppedClock(SystemClock):
    """The machine's clock, whose monotonic time is moved by hand."""

    def __init__(self) -> None:
        self._at_s = 100.0

    @override
    def monotonic_s(self) -> float:
        """Seconds, which pass only in `advance`."""
        return self._at_s

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._at_s += seconds


class TickingClock(SystemClock):
    """Whoever sleeps goes on at once; sleeps are counted."""

    def __init__(self) -> None:
        self._ticks = 0

    @override
    async def sleep(self, seconds: float) -> None:
        """Let the others run."""
        self._ticks += 1
        await asyncio.sleep(0)

    async def ticked(self, count: int) -> None:
        """Wait until somebody has slept so many times more."""
        goal = self._ticks + count
        while self._ticks < goal:
            await asyncio.sleep(0)
