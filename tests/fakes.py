"""Real classes that stand in for the outside: a scripted provider, a recording observer."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from proxy.domain.errors import ProviderError
from proxy.domain.failure import Failure, FailureKind
from proxy.gateway.ports.provider import (
    Callback,
    CallbackFault,
    CallbackRefused,
    Pending,
    Status,
    Succeeded,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from proxy.domain.events import Event
    from proxy.domain.ids import AttemptId, ProviderName
    from proxy.domain.job import Operation
    from proxy.domain.video import Order
    from proxy.gateway.ports.notices import KnownReceiver
    from proxy.gateway.ports.provider import VideoProvider

EventT = TypeVar("EventT")
VIDEO = b"a finished video"


def failing(
    kind: FailureKind, *, retry_after_s: float | None = None, message: str = "scripted"
) -> ProviderError:
    """A classified provider error."""
    return ProviderError(Failure(kind=kind, message=message, retry_after_s=retry_after_s))


@dataclass
class ScriptedProvider:
    """Plays what each queue holds, in order; an empty queue plays the happy path.

    A submit is accepted (and remembered for `find`) unless an error was scripted.
    """

    submits: deque[ProviderError] = field(default_factory=deque)
    statuses: deque[Status | ProviderError] = field(default_factory=deque)
    downloads: deque[ProviderError | list[bytes]] = field(default_factory=deque)
    hold_submit: asyncio.Event | None = None
    hold_download: asyncio.Event | None = None
    orders: list[Order] = field(default_factory=list)
    accepted: list[AttemptId] = field(default_factory=list)
    status_calls: int = 0
    download_calls: int = 0

    async def submit(self, order: Order, attempt: AttemptId) -> Operation:
        """Accept the order, or raise what was scripted."""
        self.orders.append(order)
        if self.hold_submit is not None:
            await self.hold_submit.wait()
        if self.submits:
            raise self.submits.popleft()
        self.accepted.append(attempt)
        return {"task": attempt}

    async def status(self, operation: Operation) -> Status:
        """Answer what was scripted, else success."""
        self.status_calls += 1
        if not self.statuses:
            return Succeeded(result={})
        answer = self.statuses.popleft()
        if isinstance(answer, ProviderError):
            raise answer
        return answer

    async def download(self, operation: Operation, result: Succeeded) -> AsyncIterator[bytes]:
        """Stream the video, or what was scripted."""
        self.download_calls += 1
        if self.hold_download is not None:
            await self.hold_download.wait()
        answer = self.downloads.popleft() if self.downloads else [VIDEO]
        if isinstance(answer, ProviderError):
            raise answer
        for chunk in answer:
            yield chunk


@dataclass
class FindingProvider(ScriptedProvider):
    """A scripted provider that can look attempts up."""

    finds: deque[bool | ProviderError] = field(default_factory=deque)

    async def find(self, attempt: AttemptId) -> Operation | None:
        """Find the attempt as scripted (True: there it is); an empty queue finds nothing."""
        answer = self.finds.popleft() if self.finds else False
        if isinstance(answer, ProviderError):
            raise answer
        return {"task": attempt} if answer else None


@dataclass
class CancellingProvider(ScriptedProvider):
    """A scripted provider that can stop what it makes, and then answers with `denials`.

    An error that was scripted for a cancel is raised; `stops_all_the_same` stops it even so.
    """

    cancels: deque[ProviderError] = field(default_factory=deque)
    cancelled: list[Operation] = field(default_factory=list)
    denials: list[ProviderError] = field(
        default_factory=lambda: [failing(FailureKind.UNKNOWN_OUTCOME)]
    )
    hold_cancel: asyncio.Event | None = None
    stops_all_the_same: bool = False

    async def cancel(self, operation: Operation) -> None:
        """Stop the operation, or raise what was scripted."""
        error = self.cancels.popleft() if self.cancels else None
        if error is None or self.stops_all_the_same:
            self.cancelled.append(operation)
            self.statuses = deque(self.denials)
        if self.hold_cancel is not None:
            await self.hold_cancel.wait()
        if error is not None:
            raise error


@dataclass
class TogetherProvider(FindingProvider):
    """A scripted provider that can be asked about many operations at once.

    Each answer to a batch is worked out by `answer` from its operations; without one, all that
    were asked about have succeeded.
    """

    together_max: int = 50
    answer: Callable[[Sequence[Operation]], Sequence[Status | None]] | None = None
    batches: list[list[Operation]] = field(default_factory=list)

    async def status_many(self, operations: Sequence[Operation]) -> Sequence[Status | None]:
        """Answer as told; a ProviderError that was told to be raised is."""
        self.batches.append(list(operations))
        if self.answer is None:
            return [Succeeded(result={}) for _ in operations]
        return self.answer(operations)


@dataclass
class CallingProvider(FindingProvider):
    """A scripted provider that calls back: the body is `word attempt`, or `word ?name`.

    The word is "end", "news", or a fault; callbacks tell our attempt unless it `names` its own.
    """

    takes_callbacks: bool = True
    names: bool = False

    def callback_name(self, operation: Operation) -> str | None:
        """The operation's own name, if it has one."""
        return str(operation["task"]).upper() if self.names else None

    def parse_callback(self, headers: Mapping[str, str], body: bytes) -> Callback:
        """Read the words."""
        word, _, about = body.decode().partition(" ")
        if word not in ("end", "news"):
            raise CallbackRefused(CallbackFault(word))
        name = about[1:] if about.startswith("?") else None
        return Callback(
            message=headers.get("id", "1"),
            is_over=word == "end",
            attempt=None if name is not None else about,
            name=name,
        )


@dataclass
class ScriptedProviders:
    """Adapters by provider and account."""

    adapters: Mapping[tuple[str, str], VideoProvider]

    def get(self, provider: ProviderName, account: str) -> VideoProvider | None:
        """The adapter, if there is one."""
        return self.adapters.get((provider, account))


@dataclass
class FakeAddresses:
    """Receivers that are known, and URLs to which nothing can be sent, with the reason."""

    known: tuple[KnownReceiver, ...] = ()
    faults: dict[str, str] = field(default_factory=dict)

    def fault_of(self, url: str) -> str | None:
        """Why nothing can be sent to a URL."""
        return self.faults.get(url)


@dataclass
class RecordingObserver:
    """Keeps every event."""

    events: list[Event] = field(default_factory=list)

    def observe(self, event: Event) -> None:
        """Keep one event."""
        self.events.append(event)

    def of(self, kind: type[EventT]) -> list[EventT]:
        """The events of one type, in order."""
        return [event for event in self.events if isinstance(event, kind)]


PENDING = Pending()
