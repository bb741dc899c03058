"""Time and observation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from proxy.domain.events import Event


class Clock(Protocol):
    """Time. Wall time in Unix seconds; monotonic time for durations."""

    def now_s(self) -> float:
        """Unix seconds."""

    def monotonic_s(self) -> float:
        """Seconds of a clock that never steps back."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class Observer(Protocol):
    """Receives every event; must not block and must not raise."""

    def observe(self, event: Event) -> None:
        """Take note of one event."""
