"""After the loss of the store: what the ledger's files still tell is put into force again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from proxy.domain.errors import InvalidRequest, StateConflict, StoreUnavailable
from proxy.domain.ids import TeamId
from proxy.domain.instant import iso_ms
from proxy.domain.job import JobError, JobState, Work
from proxy.domain.ledger_file import id_order
from proxy.gateway.outcome import Outcome
from proxy.gateway.ports.jobs import LostLease, Release, Settle
from proxy.gateway.ports.ledger import Mandate
from proxy.gateway.ports.restore import Outlook
from proxy.gateway.restore.reading import Reading
from proxy.gateway.restore.survey import Condition, survey_of
from proxy.gateway.unknown import OUTCOME_UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.job import Job
    from proxy.domain.ledger import Entry
    from proxy.domain.recovery import Lift, Owner
    from proxy.gateway.ports.controls import Controls
    from proxy.gateway.ports.ledger import Ledger, NotPosted, Posted
    from proxy.gateway.ports.restore import Repairs
    from proxy.gateway.restore.survey import Survey
    from proxy.gateway.runtime import Runtime

ACTION = "restore"
STALE_TRIES = 40
OF_OVERRIDES = "finance"
"""The role that makes overrides: their entries name the actor only."""
LOST_RECORD = JobError(
    code=OUTCOME_UNKNOWN.code,
    message="the video ended after the last copy of the store was made; its record is lost",
)


class Queued(StrEnum):
    """What becomes of jobs that are queued in the store: of an older copy, they may be bought."""

    KEEP = "keep"
    """They are dispatched."""
    END = "end"
    """They end as the lost attempts do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a person decides; None is nothing said."""

    outlook: Outlook | None = None
    queued: Queued | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was found, and done: attempts by what became of them, and the jobs that were ended."""

    found: Survey
    attempts: Mapping[str, Posted | NotPosted]
    jobs: tuple[Job, ...]


class RestoreDesk:
    """Everything raises StoreUnavailable, ArtifactUnavailable or DamagedArchive.

    Each step is one script that acts once, and the store counts as whole only after the last:
    killed at any point and begun again, it ends the same.
    """

    def __init__(
        self, runtime: Runtime, repairs: Repairs, ledger: Ledger, controls: Controls
    ) -> None:
        self._runtime = runtime
        self._repairs = repairs
        self._ledger = ledger
        self._controls = controls

    async def survey(self) -> Survey:
        """What would be restored; nothing is changed.

        Raises:
            StateConflict: store and files contradict each other.
        """
        _, found = await self._look()
        return found

    async def restore(self, wanted: Wanted, mandate: Mandate) -> Restored:
        """Put the store right: balances, overrides, lost attempts, then the files are adopted.

        Raises:
            InvalidRequest: something must be decided, and nothing was said about it.
            StateConflict: store and files contradict each other; or queued jobs are to be ended
                that a worker may just be submitting.
        """
        reading, found = await self._look()
        await self._check(found, wanted)
        if found.condition is not Condition.WHOLE or found.changes:
            await self._rebuild(reading, found)
        jobs = [await self._overtake(job, reading) for job in found.overtaken]
        attempts = {
            entry.attempt: await self._end_lost(entry, wanted, mandate) for entry in found.lost
        }
        if wanted.queued is Queued.END:
            jobs += [await self._end_queued(job, wanted, mandate) for job in found.queued]
        if found.is_needed or any(jobs):
            await self._ledger.note(
                mandate,
                action=ACTION,
                target="ledger",
                before=reading.cut_at or "nothing",
                after=reading.files_end or "nothing",
            )
        await self._runtime.archive.adopt()
        await self._runtime.openings.start_over(self._runtime.live.snapshot)
        self._runtime.wake()
        ended = tuple(job for job in jobs if job is not None)
        return Restored(found=found, attempts=attempts, jobs=ended)

    async def _look(self) -> tuple[Reading, Survey]:
        reading = Reading(self._runtime.archive, self._repairs)
        await reading.begin()
        now_ms = await self._runtime.accounts.now_ms()
        _check_clock(reading.files_end, now_ms)
        return reading, await survey_of(reading, self._repairs, now_ms)

    async def _check(self, found: Survey, wanted: Wanted) -> None:
        is_doubtful = bool(found.queued) and found.condition is Condition.OLDER
        if is_doubtful and wanted.queued is None:
            message = (
                f"{len(found.queued)} jobs are queued in an older copy of the store, and may have"
                f" been bought since it was made: say what becomes of them, {' or '.join(Queued)}"
            )
            raise InvalidRequest(message, param="queued")
        ending = len(found.lost) + len(found.queued) * (wanted.queued is Queued.END)
        if ending and wanted.outlook is None:
            message = (
                f"{ending} attempts are open, and nobody will follow them: say what becomes of"
                f" their money, {' or '.join(Outlook)}"
            )
            raise InvalidRequest(message, param="open")
        if wanted.queued is Queued.END and found.condition is Condition.WHOLE:
            await self._check_frozen()

    async def _check_frozen(self) -> None:
        freezes = (await self._controls.in_force()).freezes
        if not any(each.team is None and each.provider is None for each in freezes):
            message = (
                "a worker may be submitting the jobs that are queued: freeze everything first,"
                " then end them"
            )
            raise StateConflict(message)

    async def _rebuild(self, reading: Reading, found: Survey) -> None:
        """Set every balance, and the overrides that live, each owner at one instant."""
        for lift in found.lifts:
            await self._note_lift(lift)
        now_ms = await self._runtime.accounts.now_ms()
        left, tries = list(reading.recovery.owners), 0
        while left:
            if await self._rebuild_one(left[0], reading, now_ms):
                del left[0]
                continue
            tries += 1
            if tries == STALE_TRIES:
                message = "the ledger moves on while it is read: freeze everything, and try again"
                raise StoreUnavailable(message, retry_after_s=1)
            await reading.catch_up()

    async def _rebuild_one(self, owner: Owner, reading: Reading, now_ms: int) -> bool:
        recovery = reading.recovery
        return await self._repairs.rebuild(
            TeamId(owner) if owner else None,
            recovery.sums[owner],
            recovery.lifts(owner, now_ms),
            as_of=reading.as_of,
        )

    async def _note_lift(self, lift: Lift) -> None:
        """Have an override that is put in force again on record, as it was when it was made."""
        as_made = Mandate(
            operation=lift.operation, actor=lift.actor, role=OF_OVERRIDES, reason=lift.reason
        )
        await self._ledger.note(
            as_made,
            action="override",
            target=lift.balance,
            before="0",
            after=str(lift.amount_micro_usd),
        )

    async def _overtake(self, job: Job, reading: Reading) -> Job | None:
        """End a job of an older copy as the ledger says that its attempt ended, once."""
        end = reading.recovery.ends[job.attempt_id]
        if not await self._repairs.overtake(job, end):
            return None
        after = replace(job, state=JobState.FAILED, error=LOST_RECORD, work=Work())
        try:
            # Its attempt is resolved: this moves no money.
            return await self._runtime.work.finish(job, after, Release(by=end.by))
        except LostLease:
            return None

    async def _end_lost(
        self, entry: Entry, wanted: Wanted, mandate: Mandate
    ) -> Posted | NotPosted:
        assert wanted.outlook is not None
        own = replace(mandate, operation=f"{ACTION}:{entry.attempt}")
        return await self._repairs.end_lost(entry, wanted.outlook, own)

    async def _end_queued(self, job: Job, wanted: Wanted, mandate: Mandate) -> Job | None:
        """End a job that an older copy would have bought again."""
        own = replace(mandate, operation=f"{ACTION}:{job.attempt_id}")
        by, charged = f"{ACTION}:{wanted.outlook}", job.attempt.reserved_micro_usd
        is_charged = wanted.outlook is Outlook.CHARGE and charged > 0
        resolve = Settle(charged_micro_usd=charged, by=by) if is_charged else Release(by=by)
        try:
            return await Outcome(self._runtime).fail(job, OUTCOME_UNKNOWN, resolve, mandate=own)
        except LostLease:
            return None


def _check_clock(files_end: str, now_ms: int) -> None:
    if files_end and now_ms < id_order(files_end)[0]:
        message = (
            f"the store's clock says {iso_ms(now_ms)}, which is before the end of the ledger's"
            " files: set it right first"
        )
        raise StateConflict(message)
