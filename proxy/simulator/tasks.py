"""The tasks a vendor accepted: where each one stands now, and what it is invoiced for.

A task's state is a function of the clock. Only two things change it after its creation: the
caller deletes it, or another task's deletion lets it start earlier.
"""

import heapq
import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from proxy.simulator.directives import Plan

# A vendor shows `submitted` for the first fifth of the rendering, at most a second.
_SUBMITTED_SHARE, _SUBMITTED_S_MAX = 0.2, 1.0


class Phase(StrEnum):
    """Where a task stands; the words of the invoice."""

    THROTTLED = "throttled"
    SUBMITTED = "submitted"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    VANISHED = "vanished"


UNFINISHED = frozenset({Phase.THROTTLED, Phase.SUBMITTED, Phase.PROCESSING})


@dataclass(frozen=True)
class Order:
    """What a vendor agreed to render, in this simulator's own terms.

    Attributes:
        price_unit_micro_usd: The price is rounded to whole units, e.g. of a credit.
        failure_is_charged: Whether the plan's failure (or cancellation) costs the full price.
        concurrency: How many of the account's tasks of the model run at once; the rest wait.
        free_seconds: How many of the seconds are not billed: the caller had them before.
        prompt: What was asked for, where the vendor shows it again.
        input_id: The task this one remakes.
        output_uri: Where the caller wants the clips put, where it can choose.
    """

    provider: str
    account: str
    model: str
    external_id: str | None
    seconds: int  # of one clip
    width: int
    height: int
    clips: int
    micro_usd_per_s: int
    plan: Plan
    price_unit_micro_usd: int = 1
    failure_is_charged: bool = False
    concurrency: int | None = None
    free_seconds: int = 0
    prompt: str = ""
    input_id: str | None = None
    output_uri: str | None = None


@dataclass(frozen=True)
class Task:
    """One accepted order. Times are seconds of the simulator's clock.

    `queued_s` is how long it waits for room before its rendering begins; behind a task that
    never ends it is infinite.
    """

    task_id: str
    order: Order
    created_at_s: float
    render_s: float
    queued_s: float = 0.0
    deleted_at_s: float | None = None

    @property
    def started_at_s(self) -> float:
        """When the rendering begins."""
        return self.created_at_s + self.queued_s

    @property
    def ends_at_s(self) -> float:
        """When the rendering ends; meaningless for `outcome=hang`, which never ends."""
        return self.started_at_s + self.render_s

    @property
    def is_deleted(self) -> bool:
        """Whether the caller cancelled or deleted it: the vendor no longer shows it."""
        return self.deleted_at_s is not None

    def phase(self, now_s: float) -> Phase:
        """Return where the task stands at `now_s`; deleting an unfinished one cancels it."""
        if self.deleted_at_s is None:
            return self._undeleted(now_s)
        phase = self._undeleted(self.deleted_at_s)
        return Phase.CANCELLED if phase in UNFINISHED else phase

    def _undeleted(self, now_s: float) -> Phase:
        elapsed_s = now_s - self.started_at_s
        if elapsed_s < 0:
            return Phase.THROTTLED
        if elapsed_s < min(self.render_s * _SUBMITTED_SHARE, _SUBMITTED_S_MAX):
            return Phase.SUBMITTED
        if elapsed_s < self.render_s or self.order.plan.outcome == "hang":
            return Phase.PROCESSING
        return _ENDINGS[self.order.plan.outcome]

    def updated_at_s(self, now_s: float) -> float:
        """Return when the phase of `now_s` began."""
        phase = self.phase(now_s)
        if phase in {Phase.THROTTLED, Phase.SUBMITTED}:
            return self.created_at_s
        if phase is Phase.PROCESSING:
            submitted_s = min(self.render_s * _SUBMITTED_SHARE, _SUBMITTED_S_MAX)
            return self.started_at_s + submitted_s
        return self.ends_at_s

    def progress(self, now_s: float) -> float:
        """Return how much of the rendering is done, 0 to 1; below 1 until it ends."""
        if self.phase(now_s) not in UNFINISHED:
            return 1.0
        elapsed_s = max(0.0, now_s - self.started_at_s)
        return min(0.99, elapsed_s / self.render_s) if self.render_s else 0.0

    @property
    def billed_seconds(self) -> int:
        """New seconds of video over all clips of the order."""
        return (self.order.seconds - self.order.free_seconds) * self.order.clips

    @property
    def price_micro_usd(self) -> int:
        """The full price: seconds x rate x bill factor in whole units, half to even."""
        unit = self.order.price_unit_micro_usd
        exact = self.billed_seconds * self.order.micro_usd_per_s * self.order.plan.bill
        return round(exact / unit) * unit

    def invoiced_micro_usd(self, now_s: float) -> int:
        """Return what the vendor charges for the task as it stands at `now_s`.

        A clip that was rendered costs its full price, also when the vendor then lost the
        record (`vanish`) or the caller deleted it. Kling and Veo charge nothing for failed,
        blocked or filtered work.
        Source: https://ai.google.dev/gemini-api/docs/pricing ("only charged if the video is
        successfully generated"), 2026-11-22; at Kling the finished task's `billing[]` says it:
        https://kling.ai/document-api/api/video/3-0-omni/text-to-video, 2026-09-20.

        Runway charges moderated work in full, and refunds a cancelled task unless it was
        running. Source: https://docs.dev.runwayml.com/api-details/moderation and the docstring
        of `tasks.delete` in runwayml 5.24.0, both 2026-11-22.
        """
        phase = self.phase(now_s)
        if phase in UNFINISHED:
            return 0
        if phase in {Phase.SUCCEEDED, Phase.VANISHED}:
            return self.price_micro_usd
        charged = self.order.failure_is_charged
        if self.deleted_at_s is not None and phase is Phase.CANCELLED:
            before = self._undeleted(self.deleted_at_s)
            charged = before in {Phase.PROCESSING, Phase.CANCELLED}
        return self.price_micro_usd if charged else 0


_ENDINGS = {
    "ok": Phase.SUCCEEDED,
    "garbage": Phase.SUCCEEDED,  # rendered and billed; only its status cannot be read
    "internal": Phase.FAILED,
    "content_policy": Phase.FAILED,
    "filtered": Phase.FAILED,
    "cancelled": Phase.CANCELLED,
    "vanish": Phase.VANISHED,
}


class TaskBook:
    """All accepted tasks, by vendor and id."""

    def __init__(self, now: Callable[[], float], default_render_s: float) -> None:
        self._now = now
        self._default_render_s = default_render_s
        self._tasks: dict[tuple[str, str], Task] = {}
        self._ids_by_external_id: dict[tuple[str, str, str], str] = {}
        self._open_ids: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)

    def accept(self, task_id: str, order: Order) -> Task:
        """Create the task; the rendering begins now, or when the order's concurrency allows.

        A plan with `submit=concurrency` waits for at least as long as it then renders.
        """
        planned_s = order.plan.render_s
        render_s = self._default_render_s if planned_s is None else planned_s
        task = Task(task_id, order, created_at_s=self._now(), render_s=render_s)
        if order.concurrency is not None or _least_wait_s(task):
            task = replace(task, queued_s=math.inf)
        self._tasks[order.provider, task_id] = task
        self._open_ids[_room(task)].append(task_id)
        if order.external_id:
            key = order.provider, order.account, order.external_id
            self._ids_by_external_id[key] = task_id
        self._let_in(task)
        return self._tasks[order.provider, task_id]

    def delete(self, task: Task) -> None:
        """Cancel or delete the task; who waits for its room moves up."""
        gone = replace(task, deleted_at_s=self._now())
        self._tasks[task.order.provider, task.task_id] = gone
        self._let_in(gone)

    def get(self, provider: str, task_id: str) -> Task | None:
        """Return the task, also one whose record the vendor lost or the caller deleted."""
        return self._tasks.get((provider, task_id))

    def by_external_id(self, provider: str, account: str, external_id: str) -> Task | None:
        """Return the task the caller gave this id, which is unique in an account."""
        task_id = self._ids_by_external_id.get((provider, account, external_id))
        return None if task_id is None else self._tasks[provider, task_id]

    def unfinished(self, provider: str, account: str, model: str) -> int:
        """Count the account's tasks of a model that have not ended yet."""
        return sum(1 for _ in self._open((provider, account, model)))

    def all(self) -> tuple[Task, ...]:
        """Return every task, oldest first."""
        return tuple(self._tasks.values())

    def reset(self) -> None:
        """Forget every task."""
        self._tasks.clear()
        self._ids_by_external_id.clear()
        self._open_ids.clear()

    def _open(self, room: tuple[str, str, str]) -> Iterator[Task]:
        # An ended task never runs again, so each is looked at only until it ends.
        now_s = self._now()
        tasks = [self._tasks[room[0], task_id] for task_id in self._open_ids[room]]
        kept = [task for task in tasks if task.phase(now_s) in UNFINISHED]
        self._open_ids[room] = [task.task_id for task in kept]
        return iter(kept)

    def _let_in(self, changed: Task) -> None:
        """Give each waiting task of the room the moment when it will start, oldest first."""
        now_s = self._now()
        ends: list[float] = []
        for task in self._open(_room(changed)):
            if task.started_at_s > now_s:
                start_s = max(now_s, task.created_at_s + _least_wait_s(task))
                limit = task.order.concurrency
                while limit is not None and len(ends) >= limit:
                    start_s = max(start_s, heapq.heappop(ends))
                task = replace(task, queued_s=start_s - task.created_at_s)  # noqa: PLW2901
                self._tasks[task.order.provider, task.task_id] = task
            never_ends = task.order.plan.outcome == "hang"
            heapq.heappush(ends, math.inf if never_ends else task.ends_at_s)


def _room(task: Task) -> tuple[str, str, str]:
    return task.order.provider, task.order.account, task.order.model


def _least_wait_s(task: Task) -> float:
    return task.render_s if task.order.plan.submit == "concurrency" else 0.0
