"""The front of the gateway: one method for each thing a client may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.ids import new_job_id
from proxy.domain.policy import RouteClass
from proxy.gateway import identity, models, read
from proxy.gateway.create import (
    CreateRequest,
    buckets_for,
    check,
    create,
    observing_refusals,
    refused_early,
)
from proxy.gateway.derive import derive, linked_source, with_source
from proxy.gateway.following import follow
from proxy.gateway.pictures import PictureIntake
from proxy.gateway.quote import quote
from proxy.gateway.views import BudgetView, Caller

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from proxy.domain.bucket import BucketState
    from proxy.domain.errors import StoreUnavailable
    from proxy.domain.ids import JobId
    from proxy.domain.policy import Scope
    from proxy.domain.video import InputFile, VideoJob
    from proxy.gateway.following import Following, Reader
    from proxy.gateway.runtime import Runtime
    from proxy.gateway.views import (
        ContentView,
        JobsView,
        JobView,
        LettersView,
        ModelsView,
        Patience,
        QuoteView,
        Start,
    )


class Videos:
    """What clients may ask; every method but the first needs the caller it returned."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._pictures = PictureIntake(runtime)

    def authenticate(self, presented: str, scope: Scope) -> Caller:
        """Find the caller behind a key. Raises Unauthenticated or Forbidden."""
        runtime = self._runtime
        return identity.authenticate(
            presented, scope, runtime.live.snapshot, runtime.clock.now_s()
        )

    async def check(self, caller: Caller, request: VideoJob) -> None:
        """Refuse what no offer can make, before its pictures are taken in."""
        await check(self._runtime, caller, request)

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
        """Admit a video, or replay the job an equal request made; with patience, see it end.

        With `start` it is made from a finished video of the team. `job_id` is the `new_id` that
        its pictures were kept for, `trace` the traceparent of the request.
        """
        asked = CreateRequest(
            video=request,
            fingerprint=fingerprint,
            idempotency_key=idempotency_key,
            sdk_try=sdk_try,
            job_id=job_id,
            trace=trace,
        )
        if start is None:
            view = await create(self._runtime, caller, asked)
        else:
            view = await derive(self._runtime, caller, asked, start)
        return await read.hold(self._runtime, view, patience)

    async def refused_early(
        self,
        caller: Caller,
        refusal: StoreUnavailable,
        *,
        fingerprint: str,
        idempotency_key: str | None,
        sdk_try: int,
    ) -> StoreUnavailable:
        """What to answer to a create whose pictures could not be stored."""
        return await refused_early(
            self._runtime,
            caller,
            refusal,
            fingerprint=fingerprint,
            idempotency_key=idempotency_key,
            sdk_try=sdk_try,
        )

    async def quote(
        self, caller: Caller, request: VideoJob, *, start: Start | None = None
    ) -> QuoteView:
        """Say what a create would do and cost now; with `start`, a remix, edit or extension."""
        if start is not None:
            request = await with_source(self._runtime, caller, request, start)
        return await quote(self._runtime, caller, request)

    async def get(
        self, caller: Caller, job_id: str, *, patience: Patience | None = None
    ) -> JobView:
        """Answer how a job stands; with patience, once it is over."""
        return await read.get(self._runtime, caller, job_id, patience=patience)

    def follow(
        self, caller: Caller, job_id: str, reader: Reader
    ) -> AbstractAsyncContextManager[Following]:
        """Follow a job until its end."""
        return follow(self._runtime, caller, job_id, reader)

    def drain(self) -> None:
        """Answer whoever waits, and let nobody wait any more."""
        self._runtime.waiters.drain()

    async def page(
        self,
        caller: Caller,
        *,
        after: str | None,
        limit: int,
        is_ascending: bool,
        status: str | None,
    ) -> JobsView:
        """List the team's jobs."""
        return await read.page(
            self._runtime,
            caller,
            after=after,
            limit=limit,
            is_ascending=is_ascending,
            status=status,
        )

    async def cancel(self, caller: Caller, job_id: str) -> JobView:
        """Cancel a job."""
        return await read.cancel(self._runtime, caller, job_id)

    async def delete(self, caller: Caller, job_id: str) -> tuple[BucketState, ...]:
        """Forget a job, cancelling it first if need be."""
        return await read.delete(self._runtime, caller, job_id)

    async def content(self, caller: Caller, job_id: str) -> ContentView:
        """Open a finished video."""
        return await read.content(self._runtime, caller, job_id)

    async def letters(self, caller: Caller, job_id: str) -> LettersView:
        """Who was told of a video's end, and what came of it."""
        return await read.letters(self._runtime, caller, job_id)

    async def linked_content(self, job_id: str) -> ContentView:
        """Open a finished video for the holder of a signed link."""
        return await read.linked_content(self._runtime, job_id)

    async def linked_source(self, job_id: str) -> ContentView:
        """Open the video that a job starts from, for the provider that was given a signed link."""
        return await linked_source(self._runtime, job_id)

    async def budget(self, caller: Caller) -> BudgetView:
        """The team's accounts at every level, its limits and its job counts."""
        runtime = self._runtime
        spent = await read.spend(runtime, caller, RouteClass.POLL)
        asked = [
            bucket
            for route_class in (RouteClass.SUBMIT, RouteClass.POLL, RouteClass.CONTENT)
            for bucket in buckets_for(caller, route_class)
        ]
        balances = runtime.balances.of(runtime.live.snapshot, caller.team, caller.key)
        state = await runtime.accounts.team_state(caller.team.id, balances, asked)
        return BudgetView(team=caller.team, state=state, buckets=spent)

    async def models(self, caller: Caller) -> ModelsView:
        """Models and policies the team may use."""
        return await models.usable(self._runtime, caller)

    async def model(self, caller: Caller, name: str) -> ModelsView:
        """The one model or policy behind a name or an alias."""
        return await models.named(self._runtime, caller, name)

    def new_id(self) -> JobId:
        """Draw the id of a video whose pictures are to be kept before it is created."""
        return new_job_id(self._runtime.random_bytes)

    async def save_input(
        self,
        caller: Caller,
        chunks: AsyncIterator[bytes],
        media_type: str,
        *,
        param: str,
        job_id: JobId,
    ) -> InputFile:
        """Keep a caller's file for a video that is about to be created."""
        with observing_refusals(self._runtime, caller):
            return await self._pictures.save(caller, chunks, media_type, param=param, job=job_id)

    async def fetch_input(
        self, caller: Caller, url: str, *, param: str, job_id: JobId
    ) -> InputFile:
        """Keep the picture at a caller's URL for a video that is about to be created."""
        with observing_refusals(self._runtime, caller):
            return await self._pictures.fetch(caller, url, param=param, job=job_id)
