"""Kling as a VideoProvider: submit, status, look-up by our attempt id, download."""

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
from proxy.providers.failures import Failures
from proxy.providers.kling import codes, wire
from proxy.providers.kling.auth import KlingAuth
from proxy.providers.kling.settings import BASE_URL, RESULT_HOSTS, KlingCredentials
from proxy.providers.listing import listed
from proxy.providers.request_body import RequestBody
from proxy.providers.signature import read_event, signing_key, verified_id
from proxy.providers.video_file import VideoFile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

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

_DESIGN = "new"
# The vendor states no limit for `task_ids`; a public client of its API asks for 50 at a time.
# Source: third-party client code, 2026-11-22.
_TOGETHER_MAX = 50


def build(
    credentials: BaseModel, settings: ProviderSettings, sessions: Sessions, clock: Clock
) -> KlingProvider:
    """Make the adapter of one account."""
    assert isinstance(credentials, KlingCredentials)
    return KlingProvider(credentials, settings, sessions, clock)


class KlingProvider:
    """One Kling account. Operation: `{"task_id", "design", "kind"}`; a found one has no kind."""

    def __init__(
        self,
        credentials: KlingCredentials,
        settings: ProviderSettings,
        sessions: Sessions,
        clock: Clock,
    ) -> None:
        self._base_url = (settings.base_url or BASE_URL).rstrip("/")
        self._download_s = settings.download_s
        self._output_hosts = (*RESULT_HOSTS, *settings.output_hosts)
        self._clock = clock
        self._callback_url = settings.callback_url
        secret = credentials.webhook_secret
        self._webhook_key = None if secret is None else signing_key(secret.get_secret_value())
        self._auth = KlingAuth(credentials, clock)
        self._failures = Failures("kling", credentials.secrets)
        self._exchange = Exchange(sessions, settings, clock, self._failures)

    async def submit(self, order: Order, attempt: AttemptId) -> Operation:
        """Start one video; the attempt's id becomes the task's external id."""
        kind, document = wire.create_request(order, attempt, self._callback_url)
        url = f"{self._base_url}/{kind}/{quote(order.upstream, safe='')}"

        async def send(headers: Mapping[str, str]) -> Answer:
            body = RequestBody(document, *order.pictures)
            return await self._exchange.submit(url, body, headers, traceparent=order.traceparent)

        answer = await self._authorised(send)
        envelope = wire.read_envelope(answer.body)
        if envelope is None:
            raise self._failures.refused_submit(answer.status, answer.retry_after_s)
        if envelope.code != 0:
            kind_of, is_known = codes.classify_submit(envelope.code, envelope.message)
            raise self._refused(kind_of, envelope, answer, is_classified=is_known)
        task_id = wire.read_task_id(envelope.payload)
        if task_id is None:
            message = "it accepted the submit without a task id"
            raise self._failures.error(FailureKind.UNKNOWN_OUTCOME, message)
        return {"task_id": task_id, "design": _DESIGN, "kind": kind}

    async def status(self, operation: Operation) -> Status:
        """Ask how a task stands."""
        task_id = str(operation["task_id"])
        tasks = self._whole(await self._query("task_ids", task_id))
        if not tasks:
            message = "it no longer knows the task"
            raise self._failures.error(
                FailureKind.UNKNOWN_OUTCOME, message, code=codes.NO_SUCH_TASK
            )
        return self._status_of(self._asked_for({task.id: task for task in tasks}, task_id))

    @property
    def together_max(self) -> int:
        """How many operations one `status_many` may name."""
        return _TOGETHER_MAX

    async def status_many(self, operations: Sequence[Operation]) -> Sequence[Status | None]:
        """Ask how tasks stand in one call; None for those that the answer leaves open."""
        names = [str(operation["task_id"]) for operation in operations]
        answered = await self._query("task_ids", *names) or ()
        readable = (task for item in answered if (task := wire.read_task(item)) is not None)
        tasks = {task.id: task for task in readable}
        return [self._told_of(tasks.get(name)) for name in names]

    async def find(self, attempt: AttemptId) -> Operation | None:
        """Look a submit up by the external id it was sent with."""
        tasks = self._whole(await self._query("external_task_ids", attempt))
        if not tasks:
            return None
        task = self._asked_for({task.external_id: task for task in tasks}, attempt)
        return {"task_id": task.id, "design": _DESIGN}

    @property
    def lists_attempts(self) -> bool:
        """A listed task tells the external id it was begun with."""
        return True

    def list_operations(self, *, since_s: float) -> AsyncIterator[Listed]:
        """Every video task of the account that was begun since an instant."""
        times_ms = int(since_s * 1000), int(self._clock.now_s() * 1000)

        async def page(cursor: str) -> Page | None:
            body = wire.list_request(*times_ms, cursor)
            answer = await self._answered("POST", f"{self._base_url}/tasks", body)
            return None if answer is None else wire.read_page(answer.payload)

        return listed(page, self._failures)

    @property
    def takes_callbacks(self) -> bool:
        """Every account does: each submit may name where they go."""
        return True

    def callback_name(self, operation: Operation) -> str | None:
        """None: callbacks tell our attempt."""
        del operation
        return None

    def parse_callback(self, headers: Mapping[str, str], body: bytes) -> Callback:
        """Read a task's new status, sent as a query would show it; signed if there is a secret.

        Source: https://kling.ai/document-api (callback protocol), 2026-09-20.
        """
        key, message = self._webhook_key, None
        if key is not None:
            message = verified_id(headers, body, key=key, now_s=self._clock.now_s())
        task = wire.read_task(read_event(body))
        if task is None:
            raise CallbackRefused(CallbackFault.UNREADABLE)
        return Callback(
            message=message or f"{task.id}:{task.status}",
            is_over=task.status == wire.FAILED or task.status in wire.DONE,
            attempt=task.external_id,
        )

    def download(self, operation: Operation, result: Succeeded) -> AsyncIterator[bytes]:
        """Stream the video from its URL; credentials never go there."""
        del operation
        video = VideoFile(
            url=result.result.get("url"),
            base_url=self._base_url,
            host_suffixes=self._output_hosts,
            total_s=self._download_s,
        )
        return video.stream(self._exchange, self._failures)

    async def _query(self, field: str, *names: str) -> list[object] | None:
        """Return what is said of the tasks that match; None when Kling says there is none."""
        asked = ",".join(quote(name, safe="") for name in names)
        answer = await self._answered("GET", f"{self._base_url}/tasks?{field}={asked}")
        if answer is None:
            return None
        if not isinstance(answer.payload, list):
            raise self._failures.error(FailureKind.MALFORMED, "its tasks could not be read")
        return answer.payload

    async def _answered(self, method: str, url: str, json: object = None) -> wire.Envelope | None:
        """Ask; None when Kling says that there is no such task."""
        answer = await self._authorised(
            lambda headers: self._exchange.ask(method, url, headers, json=json)
        )
        envelope = wire.read_envelope(answer.body)
        if envelope is None:
            raise self._failures.refused_read(answer.status, answer.retry_after_s)
        if envelope.code == codes.NO_SUCH_TASK:
            return None
        if envelope.code != 0:
            kind, is_known = codes.classify_read(envelope.code)
            raise self._refused(kind, envelope, answer, is_classified=is_known)
        return envelope

    def _whole(self, answered: list[object] | None) -> Sequence[wire.Task]:
        """Read every task of an answer; none where Kling said that there is none."""
        tasks = wire.read_tasks(answered or [])
        if tasks is None:
            raise self._failures.error(FailureKind.MALFORMED, "its tasks could not be read")
        return tasks

    def _told_of(self, task: wire.Task | None) -> Status | None:
        """How a task of a batch stands; None for one that must be asked about alone."""
        if task is None:
            return None
        try:
            return self._status_of(task)
        except ProviderError:
            return None

    def _asked_for(self, tasks: Mapping[str | None, wire.Task], name: str) -> wire.Task:
        """Pick our task out of an answer; one about other tasks neither finds nor denies it."""
        task = tasks.get(name)
        if task is None:
            message = "it answered about other tasks than the one asked for"
            raise self._failures.error(FailureKind.MALFORMED, message)
        return task

    def _status_of(self, task: wire.Task) -> Status:
        if task.status in wire.PENDING:
            return Pending()
        if task.status in wire.DONE and task.url is not None:
            # Without a bill a finished video is not free: the price book decides.
            result: dict[str, object] = {"url": task.url, "videos": 1}
            return Succeeded(result=result, charge_micro_usd=task.charge_micro_usd)
        if task.status == wire.FAILED:
            kind, is_known = codes.classify_failed_task(task.message)
            failure = self._failures.failure(
                kind,
                task.message or "the task failed without a reason",
                code=wire.FAILED,
                is_classified=is_known,
            )
            charge = 0 if task.is_unbilled else task.charge_micro_usd
            return Failed(failure=failure, charge_micro_usd=charge)
        message = f"a task of status {task.status!r} that means nothing here"
        if task.status in wire.DONE:
            message = "a finished task without a video"
        raise self._failures.error(
            FailureKind.MALFORMED, message, code=task.status, is_classified=False
        )

    async def _authorised(self, send: Callable[[Mapping[str, str]], Awaitable[Answer]]) -> Answer:
        """Send, and once more with a fresh token if the kept one was refused for its times."""
        answer = await send(await self._auth.headers())
        envelope = wire.read_envelope(answer.body) if self._auth.is_signed else None
        if envelope is None or envelope.code not in codes.TOKEN_REFUSED:
            return answer
        self._auth.forget()
        return await send(await self._auth.headers())

    def _refused(
        self, kind: FailureKind, envelope: wire.Envelope, answer: Answer, *, is_classified: bool
    ) -> ProviderError:
        return self._failures.error(
            kind,
            envelope.message or "it refused without a reason",
            code=envelope.code,
            retry_after_s=answer.retry_after_s,
            is_classified=is_classified,
        )
