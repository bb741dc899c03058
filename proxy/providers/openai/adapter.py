"""The Videos API as a VideoProvider: submit, status, download.

There is no look-up by our attempt id, no cancel, and no figure for money.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from proxy.domain.errors import ProviderError
from proxy.domain.failure import FailureKind
from proxy.gateway.ports.provider import (
    Callback,
    CallbackFault,
    CallbackRefused,
    Failed,
    Pending,
    Succeeded,
)
from proxy.providers.exchange import Exchange
from proxy.providers.failures import Failures, is_ok
from proxy.providers.listing import listed
from proxy.providers.multipart_body import MultipartBody
from proxy.providers.openai import codes, wire
from proxy.providers.openai.settings import BASE_URL, OpenAICredentials
from proxy.providers.request_body import RequestBody
from proxy.providers.signature import read_event, signing_key, verified_id
from proxy.providers.video_file import VideoFile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from pydantic import BaseModel

    from proxy.domain.ids import AttemptId
    from proxy.domain.job import Operation
    from proxy.domain.orphan import Listed
    from proxy.domain.video import Order
    from proxy.gateway.ports.provider import Status
    from proxy.gateway.ports.runtime import Clock
    from proxy.outgoing.session import Sessions
    from proxy.providers.exchange import Answer
    from proxy.providers.listing import Page
    from proxy.providers.manifest import ProviderSettings
    from proxy.providers.request_body import SubmitBody

_PENDING = frozenset({"queued", "in_progress"})
_COMPLETED, _FAILED = wire.COMPLETED, wire.FAILED
LIST_VIDEOS = 100
"""Videos of one page of the list; more are not allowed."""
_GONE = frozenset({"http_403", "http_404", "http_410"})


def build(
    credentials: BaseModel, settings: ProviderSettings, sessions: Sessions, clock: Clock
) -> OpenAIProvider:
    """Make the adapter of one account."""
    assert isinstance(credentials, OpenAICredentials)
    return OpenAIProvider(credentials, settings, sessions, clock)


class OpenAIProvider:
    """One account at OpenAI or at a compatible server. Operation: `{"task_id"}`."""

    def __init__(
        self,
        credentials: OpenAICredentials,
        settings: ProviderSettings,
        sessions: Sessions,
        clock: Clock,
    ) -> None:
        self._base_url = (settings.base_url or BASE_URL).rstrip("/")
        self._download_s = settings.download_s
        self._headers = credentials.headers
        self._clock = clock
        secret = credentials.webhook_secret
        self._webhook_key = None if secret is None else signing_key(secret.get_secret_value())
        self._failures = Failures("openai", credentials.secrets)
        self._exchange = Exchange(sessions, settings, clock, self._failures)

    async def submit(self, order: Order, attempt: AttemptId) -> Operation:
        """Start one video. The API takes no id of ours, and no key to repeat a submit safely."""
        url = f"{self._base_url}/videos{wire.path_of(order)}"
        answer = await self._exchange.submit(
            url, _body(order, attempt), self._headers, traceparent=order.traceparent
        )
        content = wire.read_json(answer.body)
        if content is None or not is_ok(answer.status):
            is_derived = order.source is not None
            raise self._refused_submit(answer, wire.read_error(content), is_derived=is_derived)
        video_id = wire.read_video_id(content)
        if video_id is None:
            message = "it accepted the submit without a video id"
            raise self._failures.error(FailureKind.UNKNOWN_OUTCOME, message)
        return {"task_id": video_id}

    async def status(self, operation: Operation) -> Status:
        """Ask how a video stands."""
        url = self._video_url(operation)
        answer = await self._exchange.ask("GET", url, self._headers)
        content = wire.read_json(answer.body)
        if content is None or not is_ok(answer.status):
            raise self._refused_read(answer, wire.read_error(content))
        video = wire.read_video(content)
        if video is None:
            raise self._failures.error(FailureKind.MALFORMED, "its video could not be read")
        if video.id != operation["task_id"]:
            message = "it answered about another video than the one asked for"
            raise self._failures.error(FailureKind.MALFORMED, message)
        return self._status_of(video, answer.retry_after_s)

    @property
    def lists_attempts(self) -> bool:
        """A listed video tells nothing of who asked for it."""
        return False

    def list_operations(self, *, since_s: float) -> AsyncIterator[Listed]:
        """Every video of the account that was begun since an instant, the latest first."""

        async def page(after: str) -> Page | None:
            try:
                return await self._page(after, since_s, limit=LIST_VIDEOS)
            except ProviderError as error:
                if error.failure.kind is not FailureKind.MALFORMED:
                    raise
            # A page shows every prompt, and may be longer than we read: one by one, then.
            return await self._page(after, since_s, limit=1)

        return listed(page, self._failures)

    async def _page(self, after: str, since_s: float, *, limit: int) -> Page | None:
        url = f"{self._base_url}/videos?order=desc&limit={limit}"
        url += f"&after={quote(after, safe='')}" if after else ""
        answer = await self._exchange.ask("GET", url, self._headers)
        content = wire.read_json(answer.body)
        if content is None or not is_ok(answer.status):
            raise self._refused_read(answer, wire.read_error(content))
        return wire.read_page(content, since_s)

    @property
    def takes_callbacks(self) -> bool:
        """Those whose webhook endpoint is registered there: its secret is known."""
        return self._webhook_key is not None

    def callback_name(self, operation: Operation) -> str | None:
        """The video's id: an event tells nothing else."""
        return str(operation["task_id"])

    def parse_callback(self, headers: Mapping[str, str], body: bytes) -> Callback:
        """Read an event, `video.completed` or `video.failed`; any other is about nothing here.

        Source: https://developers.openai.com/api/docs/guides/webhooks, 2026-11-22.
        """
        assert self._webhook_key is not None
        now_s = self._clock.now_s()
        message = verified_id(headers, body, key=self._webhook_key, now_s=now_s)
        event = wire.read_ended(read_event(body))
        if event is None:
            raise CallbackRefused(CallbackFault.UNREADABLE)
        return Callback(message=message, is_over=event.is_over, name=event.video_id)

    async def download(self, operation: Operation, result: Succeeded) -> AsyncIterator[bytes]:
        """Stream the file. Its URL needs the key, which never leaves the server's own origin."""
        video = VideoFile(
            url=f"{self._video_url(operation)}/content",
            base_url=self._base_url,
            # Compatible servers hand out files from storage of their choice.
            host_suffixes=None,
            total_s=self._download_s,
            credentials=self._headers,
        )
        try:
            async for chunk in video.stream(self._exchange, self._failures):
                yield chunk
        except ProviderError as error:
            expires_at_s = result.result.get("expires_at_s")
            is_over = isinstance(expires_at_s, int | float) and expires_at_s <= self._clock.now_s()
            if not is_over or error.failure.upstream_code not in _GONE:
                raise
            message = "the video expired there before it was fetched"
            kind, code = error.failure.kind, error.failure.upstream_code
            raise self._failures.error(kind, message, code=code) from error

    def _video_url(self, operation: Operation) -> str:
        return f"{self._base_url}/videos/{quote(str(operation['task_id']), safe='')}"

    def _status_of(self, video: wire.Video, retry_after_s: float | None) -> Status:
        if video.status in _PENDING:
            return Pending(progress=video.progress, retry_after_s=retry_after_s)
        if video.status == _COMPLETED:
            return Succeeded(result={"expires_at_s": video.expires_at_s})
        if video.status != _FAILED:
            message = f"a video of status {video.status!r} that means nothing here"
            raise self._failures.error(
                FailureKind.MALFORMED, message, code=video.status, is_classified=False
            )
        kind, is_known = codes.classify_failed_video(video.error)
        failure = self._failures.failure(
            kind,
            (video.error and video.error.message) or "the video failed without a reason",
            code=(video.error and video.error.code) or _FAILED,
            is_classified=is_known,
        )
        return Failed(failure=failure)

    def _refused_submit(
        self, answer: Answer, error: wire.ApiError | None, *, is_derived: bool
    ) -> ProviderError:
        if error is None or is_ok(answer.status):
            return self._failures.refused_submit(answer.status, answer.retry_after_s)
        kind, is_known = codes.classify_submit(answer.status, error)
        if is_derived and answer.status == codes.NOT_FOUND and error.param != codes.MODEL:
            kind = FailureKind.SOURCE_GONE
        return self._refused(kind, error, answer, is_classified=is_known)

    def _refused_read(self, answer: Answer, error: wire.ApiError | None) -> ProviderError:
        if error is None or is_ok(answer.status):
            return self._failures.refused_read(answer.status, answer.retry_after_s)
        kind, is_known = codes.classify_read(answer.status, error)
        return self._refused(kind, error, answer, is_classified=is_known)

    def _refused(
        self, kind: FailureKind, error: wire.ApiError, answer: Answer, *, is_classified: bool
    ) -> ProviderError:
        return self._failures.error(
            kind,
            error.message or "it refused without a reason",
            code=error.code or f"http_{answer.status}",
            retry_after_s=answer.retry_after_s,
            is_classified=is_classified,
        )


def _body(order: Order, attempt: AttemptId) -> SubmitBody:
    if order.source is not None:
        return RequestBody(wire.derive_fields(order, order.source))
    fields = wire.create_fields(order)
    if order.first_frame is None:
        return RequestBody(fields)
    # The attempt's id is random and younger than every input, so no input can hold it.
    boundary = f"greenlight-{attempt}"
    return MultipartBody(fields, wire.INPUT_FIELD, order.first_frame, boundary=boundary)
