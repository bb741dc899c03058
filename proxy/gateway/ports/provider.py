"""The interface every video provider is spoken to through."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from proxy.domain.failure import Failure
    from proxy.domain.ids import AttemptId, ProviderName
    from proxy.domain.job import Operation
    from proxy.domain.orphan import Listed
    from proxy.domain.video import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Still at work. `progress` in per cent where it is told; `retry_after_s` where asked for.

    `is_waiting`: surely not begun, so that a cancel costs nothing where only begun work is billed.
    """

    progress: int | None = None
    is_waiting: bool = False
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded:
    """Done. Never stored: after a crash `status` is asked again.

    `result` is what `download` needs (URLs, say); `inline_path` is a temporary file that holds the
    raw answer of a provider that sends the video inside it; `download` decodes and removes it.
    `charge_micro_usd` is the provider's own figure, None where it reports none.
    """

    result: dict[str, object]
    charge_micro_usd: int | None = None
    inline_path: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The provider ended the operation without a video."""

    failure: Failure
    charge_micro_usd: int | None = None


Status = Pending | Succeeded | Failed


class VideoProvider(Protocol):
    """One account at one provider. Every method raises ProviderError with a classified Failure."""

    async def submit(self, order: Order, attempt: AttemptId) -> Operation:
        """Start one video; returns the provider's handle."""

    async def status(self, operation: Operation) -> Status:
        """Ask how an accepted operation stands.

        An operation the provider no longer knows raises ProviderError of kind unknown_outcome.
        """

    def download(self, operation: Operation, result: Succeeded) -> AsyncIterator[bytes]:
        """Stream the finished file."""


@runtime_checkable
class FindsByAttempt(Protocol):
    """A provider that can look up what a lost submit did."""

    async def find(self, attempt: AttemptId) -> Operation | None:
        """Look an attempt up by its id: None when the provider surely has no operation for it."""


@runtime_checkable
class AnswersTogether(Protocol):
    """A provider that can be asked about many operations in one call."""

    @property
    def together_max(self) -> int:
        """How many operations one call may name."""

    async def status_many(self, operations: Sequence[Operation]) -> Sequence[Status | None]:
        """Ask how operations stand, at most `together_max`; the answers are in their order.

        None where the answer says nothing sure of an operation: it is then asked about alone.
        Raises ProviderError only for what concerns the call as a whole.
        """


@runtime_checkable
class Cancels(Protocol):
    """A provider that can stop an operation."""

    async def cancel(self, operation: Operation) -> None:
        """Ask the provider to stop an operation that `status` has just called pending.

        Asking twice does no harm. The job is followed to its end all the same: an operation that
        `status` no longer knows afterwards was cancelled.
        """


@runtime_checkable
class ListsOperations(Protocol):
    """A provider that lists what it has made for an account, whoever asked for it."""

    @property
    def lists_attempts(self) -> bool:
        """Whether a listed operation tells the id of the attempt that it was begun with."""

    def list_operations(self, *, since_s: float) -> AsyncIterator[Listed]:
        """Every operation that was begun since an instant (Unix seconds), in any order.

        Those that cannot be read are left out.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """What a provider's callback says: a hint, never a fact.

    `message` names it, the same whenever it is sent again. It is about our attempt, or about the
    operation that the provider calls `name`. `is_over`: it says that the work has ended.
    """

    message: str
    is_over: bool
    attempt: str | None = None
    name: str | None = None


class CallbackFault(StrEnum):
    """Why a callback is not listened to."""

    FORGED = "forged"
    STALE = "stale"
    UNREADABLE = "unreadable"


class CallbackRefused(Exception):
    """A callback that is not its provider's, too old, or cannot be read."""

    def __init__(self, fault: CallbackFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@runtime_checkable
class TakesCallbacks(Protocol):
    """A provider that tells by itself when an operation has ended."""

    @property
    def takes_callbacks(self) -> bool:
        """Whether this account is set up for them."""

    def callback_name(self, operation: Operation) -> str | None:
        """What callbacks call an operation; None where they tell our attempt."""

    def parse_callback(self, headers: Mapping[str, str], body: bytes) -> Callback:
        """Check and read a callback; names of headers are in lower case.

        Raises:
            CallbackRefused: it must not be listened to.
        """


class Providers(Protocol):
    """The live adapters by provider and account."""

    def get(self, provider: ProviderName, account: str) -> VideoProvider | None:
        """The adapter of an account, None when that account is not configured (any more)."""
