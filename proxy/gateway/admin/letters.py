"""What was told of videos' ends and of trouble, and to whom: looked at, and told again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from proxy.domain.errors import JobNotFound, NotFound, StateConflict
from proxy.domain.ids import JobId, is_job_id
from proxy.domain.job import is_over
from proxy.gateway.announcements import Announcements
from proxy.gateway.ports.letters import Text, Wanted
from proxy.gateway.read import known_receivers
from proxy.gateway.views import LettersView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.job import Job
    from proxy.gateway.ports.ledger import Mandate
    from proxy.gateway.ports.letters import LetterState, ReceiverState
    from proxy.gateway.ports.notices import KnownReceiver
    from proxy.gateway.runtime import Runtime

AT_ONCE = 100
"""So many letters of a receiver are put back by one change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverLine:
    """A receiver and how it stands; `known` is None if the configuration has none like it."""

    state: ReceiverState
    known: KnownReceiver | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """How many letters were put back, and whether there are more like them."""

    letters: int
    has_more: bool = False


class LetterDesk:
    """Everything raises StoreUnavailable."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._letters = runtime.letters
        self._announcements = Announcements(runtime.live)

    async def undelivered(self, wanted: Wanted, limit: int) -> tuple[LettersView, bool]:
        """What nobody took, the latest first, and whether there is more."""
        found, has_more = await self._letters.undelivered(wanted, limit)
        return self._view(found), has_more

    async def waiting(self, wanted: Wanted, limit: int) -> tuple[LettersView, bool]:
        """What waits to be sent, and whether there is more."""
        found, has_more = await self._letters.waiting(wanted, limit)
        return self._view(found), has_more

    async def of_job(self, job_id: str) -> LettersView:
        """Who was told of a job's end. Raises JobNotFound."""
        job = await self._job(job_id)
        return self._view(await self._letters.of_job(job.id))

    async def receivers(self) -> tuple[ReceiverLine, ...]:
        """Every receiver of the configuration, then others that have letters."""
        known = known_receivers(self._runtime)
        states = await self._letters.receivers(tuple(known))
        return tuple(ReceiverLine(state=each, known=known.get(each.id)) for each in states)

    async def replay_job(self, job_id: str, mandate: Mandate) -> Replayed:
        """Tell a job's end again: to whom it was told, and whoever wants to know by now.

        Raises:
            JobNotFound: there is none.
            StateConflict: it is not over, or nobody wants to know.
        """
        job = await self._job(job_id)
        if not is_over(job):
            message = "the video has not ended: there is nothing to tell yet"
            raise StateConflict(message)
        texts = self._texts(job, await self._letters.of_job(job.id))
        count = await self._letters.put_back(texts, mandate, job.id)
        if count is None:
            message = "nobody wants to know: the team has no receiver, and there is no webhook_url"
            raise StateConflict(message)
        return Replayed(letters=count)

    async def replay_receiver(self, receiver: str, mandate: Mandate) -> Replayed:
        """Send a receiver what it has not taken, as much as is put back at once.

        Raises:
            NotFound: there is nothing that it has not taken.
        """
        wanted = Wanted(receiver=receiver)
        found, has_more = await self._letters.undelivered(wanted, AT_ONCE)
        texts = [letter.text for letter in found]
        count = await self._letters.put_back(texts, mandate, f"receiver:{receiver}")
        if count is None:
            message = f"there is nothing that a receiver {receiver[:64]!r} has not taken"
            raise NotFound(message, param="receiver")
        return Replayed(letters=count, has_more=has_more)

    def _texts(self, job: Job, letters: Sequence[LetterState]) -> list[Text]:
        """What is told of a job: whatever was not taken, and anew to those who want to know."""
        kept = {each.text.receiver: each.text for each in letters if each.text.body is not None}
        first = letters[0].text if letters else None
        charged = job.charged_micro_usd if job.is_settled else None
        announcement = self._announcements.of(job, charged_micro_usd=charged)
        if announcement is None:
            return list(kept.values())
        fresh = Text(
            message=announcement.message,
            receiver="",
            kind=announcement.kind,
            body=announcement.data,
            at_ms=first.at_ms if first else job.ended_at_ms or self._runtime.balances.now_ms(),
            sequence=first.sequence if first else 0,
            team=job.team,
        )
        anew = {
            each.receiver: replace(fresh, receiver=each.receiver, url=each.url)
            for each in announcement.addressees
        }
        return list((anew | kept).values())

    def _view(self, letters: Sequence[LetterState]) -> LettersView:
        return LettersView(letters=letters, known=known_receivers(self._runtime))

    async def _job(self, job_id: str) -> Job:
        job = await self._runtime.jobs.load(JobId(job_id)) if is_job_id(job_id) else None
        if job is None:
            message = f"there is no video {job_id[:64]!r}"
            raise JobNotFound(message, param="video_id")
        return job
