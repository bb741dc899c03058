"""What this edge calls: the use cases, as Protocols; `proxy.gateway` implements them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from proxy.domain.bucket import BucketState
    from proxy.domain.errors import StoreUnavailable
    from proxy.domain.ids import JobId
    from proxy.domain.policy import Scope
    from proxy.domain.video import InputFile, VideoJob
    from proxy.gateway.callbacks import Sender
    from proxy.gateway.following import Reader
    from proxy.gateway.views import (
        BudgetView,
        Caller,
        ContentView,
        JobsView,
        JobView,
        LettersView,
        ModelsView,
        Patience,
        QuoteView,
        Start,
    )


class Following(Protocol):
    """A job that somebody follows; `view` is how it stood at the beginning."""

    @property
    def view(self) -> JobView:
        """The job and what its answer needs."""

    def news(self) -> AsyncIterator[JobView | None]:
        """How it stands each time that is new, None when nothing was for a while."""


class VideoService(Protocol):
    """The use cases of the team API. Each raises `proxy.domain.errors.ProxyError`s only."""

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
        """Admit a video, or answer with the job an earlier equal request made.

        With patience the answer is held until the job is over. With `start` the video is made
        from a finished one. `job_id` is the `new_id` that its pictures were kept for.
        """

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

    async def quote(
        self, caller: Caller, request: VideoJob, *, start: Start | None = None
    ) -> QuoteView:
        """Say what a create would do now, or with `start` a remix, edit or extension."""

    async def get(
        self, caller: Caller, job_id: str, *, patience: Patience | None = None
    ) -> JobView:
        """Read a job of the caller's team, with patience once it is over."""

    def follow(
        self, caller: Caller, job_id: str, reader: Reader
    ) -> AbstractAsyncContextManager[Following]:
        """Follow a job of the caller's team until its end."""

    def drain(self) -> None:
        """Answer whoever waits, and let nobody wait any more."""

    async def page(
        self,
        caller: Caller,
        *,
        after: str | None,
        limit: int,
        is_ascending: bool,
        status: str | None,
    ) -> JobsView:
        """List jobs of the caller's team."""

    async def cancel(self, caller: Caller, job_id: str) -> JobView:
        """Cancel a job; a terminal one is answered unchanged."""

    async def delete(self, caller: Caller, job_id: str) -> tuple[BucketState, ...]:
        """Cancel and forget a job, as often as asked."""

    async def content(self, caller: Caller, job_id: str) -> ContentView:
        """Open a finished artifact."""

    async def letters(self, caller: Caller, job_id: str) -> LettersView:
        """Who was told of a video's end, and what came of it."""

    async def linked_content(self, job_id: str) -> ContentView:
        """Open a finished artifact for the holder of a signed link."""

    async def linked_source(self, job_id: str) -> ContentView:
        """Open the video that an unfinished job starts from, for the holder of a signed link."""

    async def budget(self, caller: Caller) -> BudgetView:
        """Read the team's accounts and limits."""

    async def models(self, caller: Caller) -> ModelsView:
        """List what the team may route to."""

    async def model(self, caller: Caller, name: str) -> ModelsView:
        """The one model or policy behind a name or an alias."""

    async def check(self, caller: Caller, request: VideoJob) -> None:
        """Refuse what no offer can make, before its pictures are taken in."""

    def new_id(self) -> JobId:
        """Draw the id of a video whose pictures are to be kept before it is created."""

    async def save_input(
        self,
        caller: Caller,
        chunks: AsyncIterator[bytes],
        media_type: str,
        *,
        param: str,
        job_id: JobId,
    ) -> InputFile:
        """Store an uploaded picture for a video; `param` is the field it came in."""

    async def fetch_input(
        self, caller: Caller, url: str, *, param: str, job_id: JobId
    ) -> InputFile:
        """Store the picture at a caller's URL for a video; `param` is the field of it."""


class CallbackService(Protocol):
    """Listens to providers. Raises `proxy.domain.errors.ProxyError`s only."""

    def sender(self, path: str) -> Sender:
        """Whose address a path is. Raises RouteNotFound."""

    async def receive(self, sender: Sender, headers: Mapping[str, str], body: bytes) -> None:
        """Listen to a callback; names of headers are in lower case.

        Raises SignatureRefused, InvalidRequest or StoreUnavailable.
        """


class Authenticate(Protocol):
    """Finds the caller behind a printed key."""

    def __call__(self, presented: str, scope: Scope) -> Caller:
        """Raise Unauthenticated or Forbidden unless the key holds and has the scope."""


class Readiness(Protocol):
    """Says what keeps this process from serving."""

    async def __call__(self) -> Sequence[str]:
        """Name each problem in a few words; nothing when ready."""


class Metrics(Protocol):
    """The registry's text form."""

    async def __call__(self) -> tuple[bytes, str]:
        """The exposition and its Content-Type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything the team API calls."""

    videos: VideoService
    authenticate: Authenticate
    callbacks: CallbackService
