"""The log of every request a vendor received, answered or not."""

from collections import deque
from dataclasses import dataclass

_KEPT_MAX = 500_000


@dataclass
class Call:
    """One request. It is logged when it arrives and completed when it is answered."""

    provider: str
    operation: str  # submit | status | find | download | cancel | delete | list | other | unknown
    at: float  # seconds of the simulator's clock
    task_id: str | None = None
    accepted: bool = False  # a submit that created a task
    status: int | None = None  # of HTTP; None: no answer was sent (yet)
    label: str = ""  # of a submit: what its prompt calls it


class CallLog:
    """The newest half a million calls, oldest first."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=_KEPT_MAX)

    def open(self, call: Call) -> Call:
        """Log `call` now; the caller completes it later."""
        self._calls.append(call)
        return call

    def all(self) -> tuple[Call, ...]:
        """Return the logged calls."""
        return tuple(self._calls)

    def reset(self) -> None:
        """Forget every call."""
        self._calls.clear()
