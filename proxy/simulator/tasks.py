"""The tasks a vendor accepted: where each one stands now, and what it is invoiced for.

A task never changes after its creation; its state is a function of the clock.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from proxy.simulator.directives import Plan

# A vendor shows `submitted` for the first fifth of the rendering, at most a second.
_SUBMITTED_SHARE, _SUBMITTED_S_MAX = 0.2, 1.0


class Phase(StrEnum):
    """Where a task stands; the words of the invoice."""

    SUBMITTED = "submitted"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    VANISHED = "vanished"


@dataclass(frozen=True)
class Order:
    """What a vendor agreed to render, in this simulator's own terms."""

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


@dataclass(frozen=True)
class Task:
    """One accepted order. Times are seconds of the simulator's clock."""

    task_id: str
    order: Order
    created_at_s: float
    render_s: float

    @property
    def ends_at_s(self) -> float:
        """When the rendering ends; meaningless for `outcome=hang`, which never ends."""
        return self.created_at_s + self.render_s

    def phase(self, now_s: float) -> Phase:
        """Return where the task stands at `now_s`."""
        elapsed_s = now_s - self.created_at_s
        if elapsed_s < min(self.render_s * _SUBMITTED_SHARE, _SUBMITTED_S_MAX):
            return Phase.SUBMITTED
        if elapsed_s < self.render_s or self.order.plan.outcome == "hang":
            return Phase.PROCESSING
        return _ENDINGS[self.order.plan.outcome]

    def updated_at_s(self, now_s: float) -> float:
        """Return when the phase of `now_s` began."""
        phase = self.phase(now_s)
        if phase is Phase.SUBMITTED:
            return self.created_at_s
        if phase is Phase.PROCESSING:
            submitted_s = min(self.render_s * _SUBMITTED_SHARE, _SUBMITTED_S_MAX)
            return self.created_at_s + submitted_s
        return self.ends_at_s

    @property
    def billed_seconds(self) -> int:
        """Seconds of video over all clips of the order."""
        return self.order.seconds * self.order.clips

    @property
    def price_micro_usd(self) -> int:
        """The full price: seconds x rate x bill factor, rounded half to even."""
        return round(self.billed_seconds * self.order.micro_usd_per_s * self.order.plan.bill)

    def invoiced_micro_usd(self, now_s: float) -> int:
        """Return what the vendor charges for the task as it stands at `now_s`.

        A clip that was rendered costs its full price, also when the vendor then lost the
        record (`vanish`). Kling and Veo charge nothing for failed, blocked or filtered work.
        Source: https://ai.google.dev/gemini-api/docs/pricing ("only charged if the video is
        successfully generated"), 2026-11-22; at Kling the finished task's `billing[]` says it:
        https://kling.ai/document-api/api/video/3-0-omni/text-to-video, 2026-09-20.
        """
        rendered = self.phase(now_s) in {Phase.SUCCEEDED, Phase.VANISHED}
        return self.price_micro_usd if rendered else 0


_ENDINGS = {
    "ok": Phase.SUCCEEDED,
    "garbage": Phase.SUCCEEDED,  # rendered and billed; only its status cannot be read
    "internal": Phase.FAILED,
    "content_policy": Phase.FAILED,
    "filtered": Phase.FAILED,
    "vanish": Phase.VANISHED,
}


class TaskBook:
    """All accepted tasks, by vendor and id."""

    def __init__(self, now: Callable[[], float], default_render_s: float) -> None:
        self._now = now
        self._default_render_s = default_render_s
        self._tasks: dict[tuple[str, str], Task] = {}
        self._by_external_id: dict[tuple[str, str, str], Task] = {}
        self._open: defaultdict[tuple[str, str, str], list[Task]] = defaultdict(list)

    def accept(self, task_id: str, order: Order) -> Task:
        """Create the task; the rendering begins now."""
        planned_s = order.plan.render_s
        render_s = self._default_render_s if planned_s is None else planned_s
        task = Task(task_id, order, created_at_s=self._now(), render_s=render_s)
        self._tasks[order.provider, task_id] = task
        self._open[order.provider, order.account, order.model].append(task)
        if order.external_id:
            self._by_external_id[order.provider, order.account, order.external_id] = task
        return task

    def get(self, provider: str, task_id: str) -> Task | None:
        """Return the task, also one whose record the vendor lost."""
        return self._tasks.get((provider, task_id))

    def by_external_id(self, provider: str, account: str, external_id: str) -> Task | None:
        """Return the task the caller gave this id, which is unique in an account."""
        return self._by_external_id.get((provider, account, external_id))

    def unfinished(self, provider: str, account: str, model: str) -> int:
        """Count the account's tasks of a model that have not ended yet."""
        key = provider, account, model
        now_s = self._now()
        # An ended task never runs again, so each is looked at only until it ends.
        running = {Phase.SUBMITTED, Phase.PROCESSING}
        self._open[key] = [task for task in self._open[key] if task.phase(now_s) in running]
        return len(self._open[key])

    def all(self) -> tuple[Task, ...]:
        """Return every task, oldest first."""
        return tuple(self._tasks.values())

    def reset(self) -> None:
        """Forget every task."""
        self._tasks.clear()
        self._by_external_id.clear()
        self._open.clear()
