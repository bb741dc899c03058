"""The log of every request a vendor received, answered or not."""

from collections import deque
from dataclasses import dataclass, field

_KEPT_MAX = 500_000


@dataclass(frozen=True)
class Inputs:
    """What a submit carried beside its prompt.

    A picture is the SHA-256 of its bytes, or its URL where only that was sent; so is the video
    that is started from, or else it is the vendor's own name of it.
    """

    first_frame: str | None = None
    last_frame: str | None = None
    reference_images: tuple[str, ...] = ()
    negative_prompt: str | None = None
    seed: int | None = None
    video: str | None = None

    def sent(self) -> dict[str, object]:
        """Return what there is, by name."""
        return {name: value for name, value in vars(self).items() if value not in (None, ())}


@dataclass
class Call:
    """One request. It is logged when it arrives and completed when it is answered."""

    provider: str
    # submit | status | find | download | cancel | delete | list | other | unknown, or callback,
    # which the vendor sends: then `status` is what it was answered
    operation: str
    at: float  # seconds of the simulator's clock
    task_id: str | None = None
    accepted: bool = False  # a submit that created a task
    status: int | None = None  # of HTTP; None: no answer was sent (yet)
    label: str = ""  # of a submit: what its prompt calls it
    traceparent: str = ""  # the header, as it was sent
    inputs: Inputs = field(default_factory=Inputs)  # of a submit the vendor found valid


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
