"""Vertex AI (Veo) as a VideoProvider: submit, status, download of a video inside or in a bucket.

There is no look-up by our attempt id and no cancel.
"""

from __future__ import annotations

import json
from contextlib import aclosing
from typing import TYPE_CHECKING
from urllib.parse import quote

from proxy.domain.failure import FailureKind
from proxy.gateway.ports.provider import Failed, Pending, Succeeded
from proxy.providers.exchange import Exchange, TooLarge, read_bounded
from proxy.providers.failures import Failures, is_ok
from proxy.providers.inline_video import FIRST_VIDEO, decode_file, split_answer
from proxy.providers.request_body import RequestBody
from proxy.providers.vertex import codes, wire
from proxy.providers.vertex.settings import VertexCredentials, default_base_url
from proxy.providers.vertex.tokens import ServiceAccountToken, UnreadableKey
from proxy.providers.video_file import VideoFile, checked_video

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from aiohttp import ClientResponse
    from pydantic import BaseModel

    from proxy.domain.errors import ProviderError
    from proxy.domain.failure import Failure
    from proxy.domain.ids import AttemptId
    from proxy.domain.job import Operation
    from proxy.domain.video import Order
    from proxy.gateway.ports.provider import Status
    from proxy.gateway.ports.runtime import Clock
    from proxy.outgoing.session import Sessions
    from proxy.providers.inline_video import SpooledVideo
    from proxy.providers.manifest import ProviderSettings


def build(
    credentials: BaseModel, settings: ProviderSettings, sessions: Sessions, clock: Clock
) -> VertexProvider:
    """Make the adapter of one account; its private key is read with the first call."""
    assert isinstance(credentials, VertexCredentials)
    return VertexProvider(credentials, settings, sessions, clock)


class VertexProvider:
    """One project and location.

    Operation: `{"name", "task_id"}`: the full name, which says how to poll, and its last part.
    """

    def __init__(
        self,
        credentials: VertexCredentials,
        settings: ProviderSettings,
        sessions: Sessions,
        clock: Clock,
    ) -> None:
        base_url = settings.base_url or default_base_url(credentials.location)
        self._api_url = f"{base_url.rstrip('/')}/v1"
        self._parent = f"projects/{credentials.project}/locations/{credentials.location}"
        self._storage_uri = credentials.storage_uri
        self._storage_url = credentials.storage_base_url.rstrip("/")
        self._settings = settings
        key_file = json.loads(credentials.service_account.get_secret_value())
        self._token = ServiceAccountToken(key_file, clock)
        self._failures = Failures("vertex", credentials.secrets)
        self._exchange = Exchange(sessions, settings, clock, self._failures)

    async def submit(self, order: Order, attempt: AttemptId) -> Operation:
        """Start one video. Vertex takes no id of ours."""
        del attempt
        model = f"{self._parent}/publishers/google/models/{order.upstream}"
        url = f"{self._api_url}/{model}:predictLongRunning"
        body = RequestBody(wire.create_request(order, self._storage_uri), *order.files)
        answer = await self._exchange.submit(
            url, body, await self._headers(), traceparent=order.traceparent
        )
        content = wire.read_json(answer.body)
        error = wire.read_error(content) if content is not None else None
        if error is not None:
            kind, is_known = codes.classify_submit(error)
            raise self._refused(
                kind, error, retry_after_s=answer.retry_after_s, is_classified=is_known
            )
        if content is None or not is_ok(answer.status):
            raise self._failures.refused_submit(answer.status, answer.retry_after_s)
        name = wire.read_operation_name(content)
        if name is None:
            message = "it accepted the submit without an operation name"
            raise self._failures.error(FailureKind.UNKNOWN_OUTCOME, message)
        return {"name": name, "task_id": name.rpartition("/")[2]}

    async def status(self, operation: Operation) -> Status:
        """Ask how an operation stands; a finished video streams into a temporary file."""
        name = str(operation["name"])
        parent = wire.parent_of(name)
        if parent is None:
            message = "the operation's name is none of its own"
            raise self._failures.error(FailureKind.UNKNOWN_OUTCOME, message)
        async with self._exchange.open(
            "POST",
            f"{self._api_url}/{parent}:fetchPredictOperation",
            await self._headers(),
            # The answer may hold the video: what is bounded as a status is its silence.
            total_s=self._settings.download_s,
            stall_s=self._settings.status_s,
            json={"operationName": name},
        ) as response:
            if not is_ok(response.status):
                raise await self._refused_status(response)
            try:
                rest, video = await split_answer(
                    response.content.iter_any(),
                    wire.VIDEO_KEY,
                    rest_bytes_max=self._settings.answer_bytes_max,
                    video_bytes_max=self._settings.inline_bytes_max,
                    folder=self._settings.spool_dir,
                )
            except TooLarge as error:
                raise self._exchange.too_large() from error
        return self._status_of(rest, video)

    def download(self, operation: Operation, result: Succeeded) -> AsyncIterator[bytes]:
        """Stream the video from its bucket, or out of the file that `status` left."""
        del operation
        stored = wire.object_of(result.result.get("stored"))
        return self._inline(result) if stored is None else self._stored(*stored)

    async def _stored(self, bucket: str, name: str) -> AsyncIterator[bytes]:
        """Stream an object with the account's own token, which goes to the storage only."""
        video = VideoFile(
            url=f"{self._storage_url}/storage/v1/b/{bucket}/o/{quote(name, safe='')}?alt=media",
            base_url=self._storage_url,
            total_s=self._settings.download_s,
            credentials=await self._headers(),
        )
        async for chunk in video.stream(self._exchange, self._failures):
            yield chunk

    async def _inline(self, result: Succeeded) -> AsyncIterator[bytes]:
        """Decode the file that `status` left, off the event loop, and remove it."""
        if result.inline_path is None:
            message = "the video is gone: its status has to be asked again"
            raise self._failures.error(FailureKind.UNAVAILABLE, message)
        try:
            async with aclosing(decode_file(result.inline_path)) as pieces:
                async for piece in checked_video(pieces, self._failures):
                    yield piece
        except FileNotFoundError as error:
            message = "the video is gone: its status has to be asked again"
            raise self._failures.error(FailureKind.UNAVAILABLE, message) from error
        except ValueError as error:
            message = "the video inside its answer is not Base64"
            raise self._failures.error(FailureKind.MALFORMED, message) from error

    async def _headers(self) -> Mapping[str, str]:
        try:
            return await self._token.headers()
        except UnreadableKey as error:
            raise self._failures.error(FailureKind.AUTH, f"not asked: {error}") from error

    def _status_of(self, rest: bytes, video: SpooledVideo | None) -> Status:
        """Judge an answer; the video's file lives on only in a `Succeeded`."""
        content = wire.read_json(rest)
        outcome = wire.read_outcome(content) if content is not None else None
        if outcome is None:
            raise self._failures.error(FailureKind.MALFORMED, "its answer could not be read")
        if not outcome.is_done:
            return Pending()
        if outcome.error is not None:
            return Failed(failure=self._failure_of(outcome.error))
        if outcome.videos and outcome.videos[0] == FIRST_VIDEO and video is not None:
            result = {"videos": len(outcome.videos), "file": video}
            return Succeeded(result=result, inline_path=video.path)
        if outcome.stored and wire.object_of(outcome.stored[0]) is not None:
            return Succeeded(result={"videos": len(outcome.stored), "stored": outcome.stored[0]})
        if not outcome.videos and outcome.filtered > 0:
            reason = outcome.filter_reason or "its filters removed the video"
            failure = self._failures.failure(
                FailureKind.CONTENT_POLICY, reason, code="rai_filtered"
            )
            return Failed(failure=failure)
        # Not taken for a failure: a video that we cannot see may have been made and billed.
        message = "a finished operation without a video that could be fetched"
        raise self._failures.error(FailureKind.MALFORMED, message, is_classified=False)

    def _failure_of(self, error: wire.RpcError) -> Failure:
        kind, is_known = codes.classify_operation(error)
        message = error.message or "the operation failed without a reason"
        return self._failures.failure(kind, message, code=error.code, is_classified=is_known)

    async def _refused_status(self, response: ClientResponse) -> ProviderError:
        retry_after_s = self._exchange.retry_after_s(response)
        try:
            content = wire.read_json(await read_bounded(response, self._settings.answer_bytes_max))
        except TooLarge:
            content = None
        error = wire.read_error(content) if content is not None else None
        if error is None:
            return self._failures.refused_read(response.status, retry_after_s)
        kind, is_known = codes.classify_read(error)
        return self._refused(kind, error, retry_after_s=retry_after_s, is_classified=is_known)

    def _refused(
        self,
        kind: FailureKind,
        error: wire.RpcError,
        *,
        retry_after_s: float | None,
        is_classified: bool,
    ) -> ProviderError:
        return self._failures.error(
            kind,
            error.message or "it refused without a reason",
            code=error.status or error.code,
            retry_after_s=retry_after_s,
            is_classified=is_classified,
        )
