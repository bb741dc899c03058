"""A recording stand-in for the use cases: jobs in a dictionary, answers that a test can set."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from proxy.domain.errors import (
    Forbidden,
    JobNotFound,
    ModelNotFound,
    StoreUnavailable,
    Unauthenticated,
    VideoNotReady,
)
from proxy.domain.job import JobState, Resolution
from proxy.domain.route import plan
from proxy.domain.video import Artifact
from proxy.domain.wait import Wait, WaitsFor
from proxy.gateway.ports.admission import TeamState
from proxy.gateway.views import (
    BudgetView,
    Caller,
    ContentView,
    JobsView,
    JobView,
    LettersView,
    ModelsView,
    ModelView,
    Patience,
    QuotedCandidate,
    QuoteView,
    Start,
)
from tests.builders import MARKETING, NOW_MS, NOW_S, PRINTED_KEY, a_snapshot
from tests.http.buckets import a_bucket
from tests.http.followed import a_letters_view, followed
from tests.http.intake import Intake
from tests.job_builders import a_job, an_attempt
from tests.source_builders import begun

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from proxy.domain.bucket import BucketState
    from proxy.domain.errors import ProxyError
    from proxy.domain.ids import JobId
    from proxy.domain.job import Job
    from proxy.domain.policy import Offer, Scope, Snapshot
    from proxy.domain.video import VideoJob
    from proxy.gateway.following import Reader
    from tests.http.followed import ScriptedFollowing

READ_ONLY_KEY = "gl_readonly_" + "r" * 43
VIDEO_BYTES = bytes(range(256)) * 1000
NEXT = Wait(position=1, waits_for=WaitsFor.SLOT, starts_in_s=40)


class StillClock:
    """A clock that stands at NOW_S until a test moves it; monotonic time runs with it."""

    def __init__(self) -> None:
        self.at_s = NOW_S

    def now_s(self) -> float:
        return self.at_s

    def monotonic_s(self) -> float:
        return self.at_s

    async def sleep(self, seconds: float) -> None:
        self.at_s += seconds


@dataclass
class RecordingVideos(Intake):
    """The use cases, in memory. `refusal` is raised by every call; `calls` tells what came.

    Pictures are kept as `Intake` says.
    """

    snapshot: Snapshot = field(default_factory=a_snapshot)
    content_bytes: bytes = VIDEO_BYTES
    quote_refusal: ProxyError | None = None
    is_replay: bool = False
    budget_warnings: tuple[str, ...] = ()
    offer: Offer | None = None
    team_state: TeamState | None = None
    cut_at: int | None = None
    is_gone: bool = False
    completes_at_poll: int | None = None
    hold: asyncio.Event | None = None
    waiting: int = 0
    opened: int = 0
    closed: int = 0
    is_drained: bool = False
    news: asyncio.Queue[Job | str | None] = field(default_factory=asyncio.Queue)
    authenticated: int = 0

    def authenticate(self, presented: str, scope: Scope) -> Caller:
        self.authenticated += 1
        key = next(iter(self.snapshot.keys.values()))
        if presented == READ_ONLY_KEY:
            if scope != "read":
                message = "this API key lacks the scope 'submit'"
                raise Forbidden(message)
        elif presented != PRINTED_KEY:
            message = "the API key is unknown, expired or revoked"
            raise Unauthenticated(message)
        return Caller(key=key, team=self.snapshot.teams[MARKETING])

    async def create(
        self,
        caller: Caller,
        request: VideoJob,
        *,
        fingerprint: str,
        idempotency_key: str | None,
        sdk_try: int,
        patience: Patience | None = None,
        start: Start | None = None,
        job_id: JobId | None = None,
        trace: str = "",
    ) -> JobView:
        self.note(
            "create",
            request=request,
            fingerprint=fingerprint,
            idempotency_key=idempotency_key,
            sdk_try=sdk_try,
            wait_s=None if patience is None else patience.wait_s,
            **({} if start is None else {"start": start}),
        )
        request = begun(request, start, self._find)
        planned = plan(request, caller.team, self.snapshot, NOW_S)
        quote = planned.candidates[0].quote_micro_usd
        job = a_job(
            id=job_id or self.new_id(),
            request=request,
            plan=planned,
            attempts=[an_attempt(reserved_micro_usd=quote)],
        )
        self.jobs[job.id] = job
        return self._view(job, wait=NEXT, has_waited=patience is not None)

    def _view(self, job: Job, *, wait: Wait | None = None, has_waited: bool = False) -> JobView:
        return JobView(
            job=job,
            buckets=(a_bucket(),),
            offer=self.offer,
            wait=wait,
            poll_after_ms=50,
            poll_every_ms=40,
            is_replay=self.is_replay,
            budget_warnings=self.budget_warnings,
            has_waited=has_waited,
        )

    def _find(self, job_id: str) -> Job:
        job = self.jobs.get(job_id)
        if job is None:
            message = "no such video"
            raise JobNotFound(message)
        return job

    async def quote(
        self, caller: Caller, request: VideoJob, *, start: Start | None = None
    ) -> QuoteView:
        self.note("quote", request=request, **({} if start is None else {"start": start}))
        request = begun(request, start, self._find)
        planned = plan(request, caller.team, self.snapshot, NOW_S)
        balances = self.team_state.balances if self.team_state else ()
        candidates = tuple(
            QuotedCandidate(
                candidate=item,
                fits=True,
                left_after=[(s, s.left_micro_usd - item.quote_micro_usd) for s in balances],
            )
            for item in planned.candidates
        )
        return QuoteView(
            plan=planned,
            candidates=candidates,
            chosen=None if self.quote_refusal else planned.candidates[0],
            refusal=self.quote_refusal,
            buckets=(a_bucket("poll"),),
        )

    async def get(
        self, caller: Caller, job_id: str, *, patience: Patience | None = None
    ) -> JobView:
        wait_s = None if patience is None else patience.wait_s
        self.note("get", team=caller.team.id, job_id=job_id, wait_s=wait_s)
        if patience is not None and self.hold is not None:
            self.waiting += 1
            while not (self.hold.is_set() or patience.is_gone()):
                await asyncio.sleep(0.005)
            self.waiting -= 1
        if [name for name, _ in self.calls].count("get") == self.completes_at_poll:
            self.complete(job_id)
        return self._view(self._find(job_id), has_waited=patience is not None)

    def follow(
        self, caller: Caller, job_id: str, reader: Reader
    ) -> AbstractAsyncContextManager[ScriptedFollowing]:
        self.note("follow", team=caller.team.id, job_id=job_id)
        return followed(self, self._view(self._find(job_id)), reader)

    async def letters(self, caller: Caller, job_id: str) -> LettersView:
        self.note("letters", team=caller.team.id, job_id=job_id)
        return a_letters_view(self._find(job_id), a_bucket("poll"))

    def drain(self) -> None:
        self.is_drained = True
        if self.hold is not None:
            self.hold.set()

    async def page(
        self,
        caller: Caller,
        *,
        after: str | None,
        limit: int,
        is_ascending: bool,
        status: str | None,
    ) -> JobsView:
        self.note(
            "page",
            team=caller.team.id,
            after=after,
            limit=limit,
            is_ascending=is_ascending,
            status=status,
        )
        jobs = sorted(self.jobs.values(), key=lambda job: job.id, reverse=not is_ascending)
        ids: list[str] = [job.id for job in jobs]
        start = ids.index(after) + 1 if after in ids else 0
        chosen = tuple(jobs[start : start + limit])
        more = start + limit < len(jobs)
        last = chosen[-1].id if chosen else None
        return JobsView(jobs=chosen, has_more=more, last=last, buckets=(a_bucket("poll"),))

    async def cancel(self, caller: Caller, job_id: str) -> JobView:
        self.note("cancel", team=caller.team.id, job_id=job_id)
        self.jobs[job_id] = replace(self._find(job_id), cancel_requested=True)
        return self._view(self.jobs[job_id])

    async def delete(self, caller: Caller, job_id: str) -> tuple[BucketState, ...]:
        self.note("delete", team=caller.team.id, job_id=job_id)
        self.jobs.pop(job_id, None)
        return (a_bucket("poll"),)

    async def content(self, caller: Caller, job_id: str) -> ContentView:
        self.note("content", team=caller.team.id, job_id=job_id)
        return self._content(job_id, (a_bucket("content"),))

    async def linked_content(self, job_id: str) -> ContentView:
        self.note("linked_content", job_id=job_id)
        return self._content(job_id, ())

    async def linked_source(self, job_id: str) -> ContentView:
        self.note("linked_source", job_id=job_id)
        return self._content(job_id, ())

    def _content(self, job_id: str, buckets: tuple[BucketState, ...]) -> ContentView:
        job = self._find(job_id)
        if job.artifact is None:
            message = "the video is not ready"
            raise VideoNotReady(message)
        return ContentView(
            job=job,
            size_bytes=len(self.content_bytes),
            sha256=hashlib.sha256(self.content_bytes).hexdigest(),
            media_type="video/mp4",
            open=self._open,
            buckets=buckets,
        )

    async def _open(self, start: int, length: int) -> AsyncIterator[bytes]:
        self.opened += 1
        if self.is_gone:
            raise FileNotFoundError
        try:
            end = min(start + length, len(self.content_bytes))
            for at in range(start, end, 2**16):
                if self.cut_at is not None and at >= self.cut_at:
                    message = "the disk is gone"
                    raise OSError(message)
                yield self.content_bytes[at : min(at + 2**16, end)]
        finally:
            self.closed += 1

    async def budget(self, caller: Caller) -> BudgetView:
        self.note("budget", team=caller.team.id)
        empty = TeamState(balances=(), buckets=(), open_jobs=0, running_jobs=0)
        state = self.team_state or empty
        return BudgetView(team=caller.team, state=state, buckets=(a_bucket("poll"),))

    async def models(self, caller: Caller) -> ModelsView:
        self.note("models", team=caller.team.id)
        offers = self.snapshot.offers
        views = tuple(
            ModelView(model=model, offers=tuple(o for o in offers if o.model == model.name))
            for model in self.snapshot.models.values()
        )
        return ModelsView(
            models=views,
            policies=tuple(self.snapshot.policies.values()),
            default_policy=caller.team.use.default,
            now_s=NOW_S,
            buckets=(a_bucket("poll"),),
        )

    async def model(self, caller: Caller, name: str) -> ModelsView:
        view = await self.models(caller)
        models = tuple(item for item in view.models if name in (item.model.name, "an-alias"))[:1]
        policies = tuple(policy for policy in view.policies if policy.name == name)
        if not models and not policies:
            message = f"no model {name!r}"
            raise ModelNotFound(message, param="model")
        return replace(view, models=models, policies=policies)

    async def check(self, caller: Caller, request: VideoJob) -> None:
        self.note("check", request=request)
        plan(request, caller.team, self.snapshot, NOW_S)

    async def refused_early(
        self,
        caller: Caller,
        refusal: StoreUnavailable,
        *,
        fingerprint: str,
        idempotency_key: str | None,
        sdk_try: int,
    ) -> StoreUnavailable:
        self.note(
            "refused_early",
            team=caller.team.id,
            fingerprint=fingerprint,
            idempotency_key=idempotency_key,
            sdk_try=sdk_try,
        )
        return StoreUnavailable(
            refusal.message, retry_after_s=refusal.retry_after_s, should_retry=False
        )

    def complete(self, job_id: str) -> Job:
        """Let a job end with the artifact that `content` serves."""
        job = self.jobs[job_id]
        paid = replace(
            job.attempts[-1],
            resolution=Resolution.SETTLED,
            charged_micro_usd=job.attempts[-1].reserved_micro_usd,
        )
        self.jobs[job_id] = replace(
            job,
            state=JobState.COMPLETED,
            attempts=(*job.attempts[:-1], paid),
            artifact=Artifact(
                sha256=hashlib.sha256(self.content_bytes).hexdigest(),
                size_bytes=len(self.content_bytes),
                media_type="video/mp4",
            ),
            artifact_expires_at_ms=NOW_MS + 30 * 86_400_000,
            ended_at_ms=NOW_MS + 60_000,
        )
        return self.jobs[job_id]
