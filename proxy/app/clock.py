"""The real clock and the worker's bell; everything else is handed a Clock."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """The machine's clocks."""

    def now_s(self) -> float:
        """Unix seconds."""
        return time.time()  # noqa: TID251 - the one clock of the product

    def monotonic_s(self) -> float:
        """Seconds of a clock that never steps back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class Bell:
    """Wakes the worker of this process before its pause is over."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """End the present pause, or the next one before it begins."""
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Pause until the bell rings, at most so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return
        finally:
            self._rung.clear()
