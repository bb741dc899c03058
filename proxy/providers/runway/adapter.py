"""Runway as a VideoProvider: submit, status, cancel, download with a fresh URL if one has died.

There is no look-up by our attempt id: a lost submit stays unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from proxy.domain.errors import ProviderError
from proxy.domain.failure import FailureKind
from proxy.gateway.ports.provider import Failed, Pending, Succeeded
from proxy.providers.exchange import Exchange
from proxy.providers.failures import Failures, is_ok
from proxy.providers.request_body import RequestBody, data_url_bytes
from proxy.providers.runway import codes, wire
from proxy.providers.runway.settings import BASE_URL, RESULT_HOSTS, RunwayCredentials
from proxy.providers.video_file import VideoFile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pydantic import BaseModel

    from proxy.domain.ids import AttemptId
    from proxy.domain.job import Operation
    from proxy.domain.video import Order
    from proxy.gateway.ports.provider import Status
    from proxy.gateway.ports.runtime import Clock
    from proxy.outgoing.session import Sessions
    from proxy.providers.exchange import Answer
    from proxy.providers.manifest import ProviderSettings

# Source: https://docs.dev.runwayml.com/api-details/versioning, 2026-11-22.
_VERSION = "2024-11-06"
# THROTTLED is accepted work that waits for the account's concurrency, not a refusal.
_WAITING = frozenset({"PENDING", "THROTTLED"})
_PENDING = _WAITING | {"RUNNING"}
_SUCCEEDED, _FAILED, _CANCELLED = "SUCCEEDED", "FAILED", "CANCELLED"
_DEAD_URL = frozenset({"http_403", "http_404", "http_410"})
# Source: field documentation of runwayml 5.24.0, 2026-10-23: a data URI of up to 5 MB.
_DATA_URL_BYTES_MAX = 5 * 2**20


def build(
    credentials: BaseModel, settings: ProviderSettings, sessions: Sessions, clock: Clock
) -> RunwayProvider:
    """Make the adapter of one account."""
    assert isinstance(credentials, RunwayCredentials)
    return RunwayProvider(credentials, settings, sessions, clock)


class RunwayProvider:
    """One Runway project. Operation: `{"task_id"}`."""

    def __init__(
        self,
        credentials: RunwayCredentials,
        settings: ProviderSettings,
        sessions: Sessions,
        clock: Clock,
    ) -> None:
        self._base_url = (settings.base_url or BASE_URL).rstrip("/")
        self._download_s = settings.download_s
        self._output_hosts = (*RESULT_HOSTS, *settings.output_hosts)
        self._headers = {
            "Authorization": f"Bearer {credentials.api_secret.get_secret_value()}",
            "X-Runway-Version": _VERSION,
        }
        self._failures = Failures("runway", credentials.secrets)
        self._exchange = Exchange(sessions, settings, clock, self._failures)

    async def submit(self, order: Order, attempt: AttemptId) -> Operation:
        """Start one video. Runway takes no id of ours."""
        del attempt
        kind, document = wire.create_request(order)
        body = RequestBody(document, *order.files, is_data_url=True)
        if any(data_url_bytes(file) > _DATA_URL_BYTES_MAX for file in order.files):
            message = "not asked: it takes files of at most 5 MB, as Base64"
            raise self._failures.error(FailureKind.INVALID_INPUT, message)
        answer = await self._exchange.submit(
            f"{self._base_url}/v1/{kind}", body, self._headers, traceparent=order.traceparent
        )
        content = wire.read_json(answer.body)
        if content is None or not is_ok(answer.status):
            raise self._refused_submit(answer, wire.read_refusal(content))
        task_id = wire.read_task_id(content)
        if task_id is None:
            message = "it accepted the submit without a task id"
            raise self._failures.error(FailureKind.UNKNOWN_OUTCOME, message)
        return {"task_id": task_id}

    async def status(self, operation: Operation) -> Status:
        """Ask how a task stands."""
        answer = await self._exchange.ask("GET", self._task_url(operation), self._headers)
        content = wire.read_json(answer.body)
        if content is None or not is_ok(answer.status):
            raise self._refused_read(answer, wire.read_refusal(content))
        task = wire.read_task(content)
        if task is None:
            raise self._failures.error(FailureKind.MALFORMED, "its task could not be read")
        if task.id != operation["task_id"]:
            message = "it answered about another task than the one asked for"
            raise self._failures.error(FailureKind.MALFORMED, message)
        return self._status_of(task, answer.retry_after_s)

    async def cancel(self, operation: Operation) -> None:
        """Delete a task that is still at work. Its record goes with it, and so does its cost.

        One that was running is paid for; one that waited is not.
        Source: the docstring of `tasks.delete` in runwayml 5.24.0, 2026-10-23.
        """
        answer = await self._exchange.ask("DELETE", self._task_url(operation), self._headers)
        if not is_ok(answer.status) and answer.status != codes.NOT_FOUND:
            raise self._refused_read(answer, wire.read_refusal(wire.read_json(answer.body)))

    async def download(self, operation: Operation, result: Succeeded) -> AsyncIterator[bytes]:
        """Stream the video from its URL; if that has died, from the one the task has now."""
        url = result.result.get("url")
        try:
            async for chunk in self._stream(url):
                yield chunk
        except ProviderError as error:
            if error.failure.upstream_code not in _DEAD_URL:
                raise
            fresh = await self._fresh_url(operation)
            if fresh in {None, url}:
                raise
        else:
            return
        async for chunk in self._stream(fresh):
            yield chunk

    def _stream(self, url: object) -> AsyncIterator[bytes]:
        video = VideoFile(
            url=url,
            base_url=self._base_url,
            host_suffixes=self._output_hosts,
            total_s=self._download_s,
        )
        return video.stream(self._exchange, self._failures)

    async def _fresh_url(self, operation: Operation) -> object:
        status = await self.status(operation)
        return status.result.get("url") if isinstance(status, Succeeded) else None

    def _task_url(self, operation: Operation) -> str:
        return f"{self._base_url}/v1/tasks/{quote(str(operation['task_id']), safe='')}"

    def _status_of(self, task: wire.Task, retry_after_s: float | None) -> Status:
        if task.status in _PENDING:
            is_waiting = task.status in _WAITING
            return Pending(
                progress=task.progress, is_waiting=is_waiting, retry_after_s=retry_after_s
            )
        charge = task.charge_micro_usd
        if task.status == _SUCCEEDED and task.url is not None:
            return Succeeded(result={"url": task.url}, charge_micro_usd=charge)
        if task.status == _FAILED:
            kind, is_known = codes.classify_failed_task(task.failure_code, task.failure)
            message = task.failure or "the task failed without a reason"
        elif task.status == _CANCELLED:
            kind, is_known = FailureKind.FAILED_UPSTREAM, True
            message = "the task was cancelled there"
        else:
            message = f"a task of status {task.status!r} that means nothing here"
            if task.status == _SUCCEEDED:
                message = "a finished task without a video"
            raise self._failures.error(
                FailureKind.MALFORMED, message, code=task.status, is_classified=False
            )
        failure = self._failures.failure(
            kind, message, code=task.failure_code or task.status, is_classified=is_known
        )
        return Failed(failure=failure, charge_micro_usd=charge)

    def _refused_submit(self, answer: Answer, refusal: wire.Refusal | None) -> ProviderError:
        if refusal is None or is_ok(answer.status):
            return self._failures.refused_submit(answer.status, answer.retry_after_s)
        kind, is_known = codes.classify_submit(answer.status, refusal)
        return self._refused(kind, refusal, answer, is_classified=is_known)

    def _refused_read(self, answer: Answer, refusal: wire.Refusal | None) -> ProviderError:
        if refusal is None or is_ok(answer.status):
            return self._failures.refused_read(answer.status, answer.retry_after_s)
        kind, is_known = codes.classify_read(answer.status)
        return self._refused(kind, refusal, answer, is_classified=is_known)

    def _refused(
        self, kind: FailureKind, refusal: wire.Refusal, answer: Answer, *, is_classified: bool
    ) -> ProviderError:
        return self._failures.error(
            kind,
            refusal.message or "it refused without a reason",
            code=f"http_{answer.status}",
            retry_after_s=answer.retry_after_s,
            is_classified=is_classified,
        )
