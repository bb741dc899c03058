"""Ports of the real store that go away at a chosen moment, as a network does."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from proxy.domain.errors import StoreUnavailable
from proxy.domain.turn import TURN

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from proxy.domain.bucket import RateLimit
    from proxy.domain.ids import AttemptId, JobId, ProviderName
    from proxy.domain.job import Job
    from proxy.domain.moderation import Moderation
    from proxy.gateway.ports.admission import PeriodMoved
    from proxy.gateway.ports.hints import Heard, Hints
    from proxy.gateway.ports.jobs import (
        Gate,
        NextAttempt,
        NotBegun,
        Resolve,
        Slots,
        SlotState,
        SlotUse,
        Work,
    )
    from proxy.gateway.ports.ledger import Mandate
    from proxy.gateway.ports.lines import JobStand, Line, Lines, LineState, Overview
    from proxy.gateway.runtime import Runtime

_T = TypeVar("_T")


class Loss(StrEnum):
    """What is lost: the question, which then has no effect, or only its answer."""

    QUESTION = "question"
    ANSWER = "answer"


@dataclass
class Script:
    """What each operation meets, in turn; an empty queue is a store that works."""

    losses: dict[str, deque[Loss]] = field(default_factory=dict)
    interruptions: dict[str, Callable[[], Awaitable[object]]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def lose(self, operation: str, *losses: Loss) -> None:
        """Let the next calls of an operation fail."""
        self.losses.setdefault(operation, deque()).extend(losses)

    async def play(self, operation: str, call: Callable[[], Awaitable[_T]]) -> _T:
        """Make a call, or lose it."""
        self.calls.append(operation)
        interruption = self.interruptions.pop(operation, None)
        if interruption is not None:
            await interruption()
        losses = self.losses.get(operation)
        loss = losses.popleft() if losses else None
        if loss is Loss.QUESTION:
            raise StoreUnavailable(operation, retry_after_s=1)
        answer = await call()
        if loss is Loss.ANSWER:
            raise StoreUnavailable(operation, retry_after_s=1)
        return answer


def lossy(runtime: Runtime, script: Script) -> Runtime:
    """The worker's ports, over a store that goes away as scripted."""
    return replace(
        runtime,
        work=LossyWork(runtime.work, script),
        lines=LossyLines(runtime.lines, script),
        slots=LossySlots(runtime.slots, script),
    )


class LossyWork:
    """The worker's side of a store that goes away as scripted."""

    def __init__(self, inner: Work, script: Script) -> None:
        self._inner = inner
        self._script = script

    async def due(self, limit: int) -> tuple[list[JobId], float | None]:
        return await self._script.play("due", lambda: self._inner.due(limit))

    async def claim(self, jobs: Sequence[JobId], *, lease_s: float) -> list[Job]:
        return await self._script.play("claim", lambda: self._inner.claim(jobs, lease_s=lease_s))

    async def begin(
        self, job: Job, *, account: str, running_max: int, lease_s: float, cost: int = TURN
    ) -> Job | NotBegun:
        return await self._script.play(
            "begin",
            lambda: self._inner.begin(
                job, account=account, running_max=running_max, lease_s=lease_s, cost=cost
            ),
        )

    async def commit(
        self, before: Job, after: Job, *, due_in_s: float, keeps_lease: bool = False
    ) -> Job:
        return await self._script.play(
            f"commit:{after.state}",
            lambda: self._inner.commit(before, after, due_in_s=due_in_s, keeps_lease=keeps_lease),
        )

    async def finish(
        self,
        before: Job,
        after: Job,
        resolve: Resolve,
        *,
        mandate: Mandate | None = None,
        strike: Moderation | None = None,
    ) -> Job:
        return await self._script.play(
            "finish",
            lambda: self._inner.finish(before, after, resolve, mandate=mandate, strike=strike),
        )

    async def fail_over(
        self,
        before: Job,
        after: Job,
        resolve: Resolve,
        following: NextAttempt,
        *,
        wait_s: float,
        or_stay: bool = False,
    ) -> Job | PeriodMoved | None:
        return await self._script.play(
            "fail_over",
            lambda: self._inner.fail_over(
                before, after, resolve, following, wait_s=wait_s, or_stay=or_stay
            ),
        )


class LossyLines:
    """Lines of a store that goes away as scripted."""

    def __init__(self, inner: Lines, script: Script) -> None:
        self._inner = inner
        self._script = script

    async def counts(self) -> Mapping[Line, int]:
        return await self._script.play("counts", self._inner.counts)

    async def read(self, limits: Mapping[Line, int]) -> list[LineState]:
        return await self._script.play("lines", lambda: self._inner.read(limits))

    async def late(self, now_ms: int, *, limit: int) -> list[JobId]:
        return await self._script.play("late", lambda: self._inner.late(now_ms, limit=limit))

    async def overview(self) -> Overview:
        return await self._script.play("overview", self._inner.overview)

    async def stands(self, jobs: Sequence[Job]) -> list[JobStand | None]:
        return await self._script.play("stands", lambda: self._inner.stands(jobs))

    async def load(self, job: JobId, line: Line | None = None) -> Job | None:
        return await self._script.play("load", lambda: self._inner.load(job, line))


class LossySlots:
    """Slots of a store that goes away as scripted."""

    def __init__(self, inner: Slots, script: Script) -> None:
        self._inner = inner
        self._script = script

    async def look(self, provider: ProviderName, account: str) -> SlotUse:
        return await self._script.play("look", lambda: self._inner.look(provider, account))

    async def take(
        self,
        provider: ProviderName,
        account: str,
        attempt: AttemptId,
        *,
        slots: int,
        submit: RateLimit | None,
        lease_s: float,
        gate: Gate,
    ) -> SlotState:
        return await self._script.play(
            "take",
            lambda: self._inner.take(
                provider, account, attempt, slots=slots, submit=submit, lease_s=lease_s, gate=gate
            ),
        )

    async def renew(
        self,
        provider: ProviderName,
        account: str,
        attempt: AttemptId,
        *,
        lease_s: float,
        gate: Gate,
    ) -> None:
        await self._script.play(
            "renew",
            lambda: self._inner.renew(provider, account, attempt, lease_s=lease_s, gate=gate),
        )

    async def release(self, provider: ProviderName, account: str, attempt: AttemptId) -> None:
        await self._script.play("release", lambda: self._inner.release(provider, account, attempt))

    async def give_back(
        self,
        provider: ProviderName,
        account: str,
        attempt: AttemptId,
        *,
        submit: RateLimit | None,
        gate: Gate,
    ) -> None:
        await self._script.play(
            "give_back",
            lambda: self._inner.give_back(provider, account, attempt, submit=submit, gate=gate),
        )


class LostHints:
    """Hints of a store that is away."""

    async def hint(self, attempt: AttemptId, *, message: str, least_s: float) -> Heard:
        raise StoreUnavailable(message, retry_after_s=1)

    async def remember(
        self,
        provider: ProviderName,
        account: str,
        name: str,
        *,
        attempt: AttemptId,
        life_s: float,
    ) -> None:
        raise StoreUnavailable(name, retry_after_s=1)

    async def attempt(self, provider: ProviderName, account: str, name: str) -> AttemptId | None:
        raise StoreUnavailable(name, retry_after_s=1)


class Switch:
    """Hints that come and go: `now` answers, and `tries` counts."""

    def __init__(self, now: Hints) -> None:
        self.now = now
        self.tries = 0

    async def hint(self, attempt: AttemptId, *, message: str, least_s: float) -> Heard:
        self.tries += 1
        return await self.now.hint(attempt, message=message, least_s=least_s)

    async def remember(
        self,
        provider: ProviderName,
        account: str,
        name: str,
        *,
        attempt: AttemptId,
        life_s: float,
    ) -> None:
        self.tries += 1
        await self.now.remember(provider, account, name, attempt=attempt, life_s=life_s)

    async def attempt(self, provider: ProviderName, account: str, name: str) -> AttemptId | None:
        self.tries += 1
        return await self.now.attempt(provider, account, name)
