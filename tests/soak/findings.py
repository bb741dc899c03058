"""What came of all jobs: who completed despite a vendor, and what that cost."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from proxy.domain.job import JobState
from proxy.domain.money import format_usd
from tests.system.labels import label_in
from tests.system.money import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from proxy.domain.job import Attempt, Job
    from tests.soak.faults import Wish

CONTENT_POLICY = "content_policy"
NOT_THE_PRICE = ("bill=", "find=404")
"""After these an attempt's charge is not the vendor's: it bills what it does not report, or
says that it does not have what it bills."""


@dataclass(frozen=True, slots=True)
class Findings:
    """All jobs that were wished for, by label, and what the vendors bill."""

    wishes: Sequence[Wish]
    jobs: Mapping[str, Job]
    invoice: Sequence[Mapping[str, Any]]

    def failovers_after_content_policy(self) -> list[str]:
        """Jobs that went on after a vendor had refused their content."""
        return [
            job.id
            for job in self.jobs.values()
            if any(_code(attempt) == CONTENT_POLICY for attempt in job.attempts[:-1])
        ]

    def refused_for_content(self) -> int:
        """How many jobs a vendor refused for their content."""
        return sum(_code(job.attempt) == CONTENT_POLICY for job in self.jobs.values())

    def bought_twice(self) -> dict[str, int]:
        """Attempts that vendors accepted more than one submit of: how many, by job and vendor."""
        sent: Counter[str] = Counter()
        for label, job in self.jobs.items():
            for attempt in job.attempts:
                if attempt.submitted_at_ms is not None:
                    sent[f"{label} at {_provider(job, attempt)}"] += 1
        accepted = Counter(f"{task['label']} at {task['provider']}" for task in self.invoice)
        return dict(accepted - sent)

    def charges(self) -> tuple[int, list[str]]:
        """Compare each charge with the vendor's bill.

        Returns how many attempts were charged and billed the same, and those for which that is
        not so though it could be known.
        """
        by_task, by_id = self._bills()
        just, unjust = 0, []
        for wish in self.wishes:
            job = self.jobs[wish.label]
            is_told = not wish.fault or not any(
                word in wish.fault.directive for word in NOT_THE_PRICE
            )
            for attempt in job.attempts:
                place = _provider(job, attempt), attempt.task_id or ""
                name = f"{job.id}-{attempt.number}"
                billed = by_task[place] if attempt.operation else by_id[name]
                charged = attempt.charged_micro_usd or 0
                just += billed == charged > 0
                is_known = not (attempt.resolved_by or "").startswith(UNKNOWN)
                if is_known and is_told and billed != charged:
                    unjust.append(f"{wish}: {attempt}, billed {billed}")
        return just, unjust

    def _bills(self) -> tuple[Counter[tuple[str, str]], Counter[str]]:
        """What each task is billed, by vendor and its id, and by our id where one is known."""
        by_task: Counter[tuple[str, str]] = Counter()
        by_id: Counter[str] = Counter()
        for task in self.invoice:
            # Vertex calls a task by its whole name, of which the last part is kept as its id.
            by_task[task["provider"], task["task_id"].rpartition("/")[2]] += task["micro_usd"]
            by_id[task["external_id"] or ""] += task["micro_usd"]
        return by_task, by_id

    def lines(self) -> Iterator[str]:
        """Say what came of it all."""
        yield from self._endings()
        yield from self._shares()
        yield from self._spend()

    def _endings(self) -> Iterator[str]:
        ended: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for wish in self.wishes:
            family = wish.fault.family if wish.fault else "nothing"
            ended[family][_ending(self.jobs[wish.label])] += 1
        for family, endings in sorted(ended.items(), key=lambda each: -each[1].total()):
            yield f"  {family:10} {endings.total():5}: {_counted(endings)}"

    def _shares(self) -> Iterator[str]:
        faulty = [self.jobs[wish.label] for wish in self.wishes if wish.fault]
        yield _share("with a fault of the first vendor in their prompt", faulty)
        moved = [job for job in self.jobs.values() if _was_failed(job)]
        yield _share("that a vendor failed, refusals of content and input aside", moved)
        left = [job for job in self.jobs.values() if len(job.attempts) > 1]
        yield _share("that went on at another candidate", left)
        went = Counter(
            f"{candidates[attempt.candidate].model} at {candidates[attempt.candidate].provider}"
            for job in left
            for candidates in [job.plan.candidates]
            for attempt in job.attempts[1:]
        )
        yield f"  they went to {_counted(went)}"

    def _spend(self) -> Iterator[str]:
        everything = sum(job.charged_micro_usd for job in self.jobs.values())
        moved = [job for job in self.jobs.values() if len(job.attempts) > 1]
        made = [job for job in moved if job.state is JobState.COMPLETED]
        yield f"charged {format_usd(everything)} in all"
        for what, jobs in (("failed over", moved), ("failed over and were completed", made)):
            charged = sum(job.charged_micro_usd for job in jobs)
            first = sum(job.plan.candidates[0].quote_micro_usd for job in jobs)
            lost = sum(_charged_for_nothing(job) for job in jobs)
            yield (
                f"{len(jobs)} jobs that {what}: charged {format_usd(charged)}, their first"
                f" candidates would have cost {format_usd(first)}: extra"
                f" {format_usd(charged - first)}, {_percent(charged - first, everything)} of all;"
                f" of it attempts without a video {format_usd(lost)}"
            )
        lost = sum(_charged_for_nothing(job) for job in self.jobs.values())
        yield (
            f"all attempts that brought no video: charged {format_usd(lost)},"
            f" {_percent(lost, everything)} of all"
        )


def found(
    wishes: Sequence[Wish], jobs: Iterable[Job], invoice: Sequence[Mapping[str, Any]]
) -> Findings:
    """Bring jobs and wishes together by label."""
    return Findings(wishes, {label_in(job.request.prompt): job for job in jobs}, invoice)


def _provider(job: Job, attempt: Attempt) -> str:
    return job.plan.candidates[attempt.candidate].provider


def _code(attempt: Attempt) -> str | None:
    return attempt.error.code if attempt.error else None


def _ending(job: Job) -> str:
    if job.state is JobState.COMPLETED:
        return "completed, elsewhere" if len(job.attempts) > 1 else "completed"
    code = job.error.code if job.error else job.state.value
    return f"{code} ({job.stopped_by})" if job.stopped_by else code


def _was_failed(job: Job) -> bool:
    """Say whether an attempt failed for a reason of the vendor's own."""
    own_fault = {None, CONTENT_POLICY, "invalid_input", "deadline_exceeded", "cancelled"}
    return any(_code(attempt) not in own_fault for attempt in job.attempts)


def _charged_for_nothing(job: Job) -> int:
    """What a job's attempts cost that brought no video, in micro-USD."""
    brought = job.attempts[:-1] if job.state is JobState.COMPLETED else job.attempts
    return sum(attempt.charged_micro_usd or 0 for attempt in brought)


def _share(what: str, jobs: Sequence[Job]) -> str:
    completed = sum(job.state is JobState.COMPLETED for job in jobs)
    others = Counter(_ending(job) for job in jobs if job.state is not JobState.COMPLETED)
    share = f"{completed} completed, {_percent(completed, len(jobs))}"
    return f"{len(jobs)} jobs {what}: {share} ({_counted(others)})"


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counts.most_common())


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"
