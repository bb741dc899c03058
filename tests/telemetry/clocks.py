"""A clock that a test moves."""

from __future__ import annotations

from tests.builders import NOW_S


class StillClock:
    """Stands still until told otherwise; a sleep takes `late_s` longer than asked for."""

    def __init__(self, *, late_s: float = 0.0) -> None:
        self.at_s = NOW_S
        self.late_s = late_s

    def now_s(self) -> float:
        return self.at_s

    def monotonic_s(self) -> float:
        return self.at_s - NOW_S

    async def sleep(self, seconds: float) -> None:
        self.at_s += seconds + self.late_s
