"""What vendors send by themselves when a task changes: signed, repeated, forged or not at all.

Signatures are Standard Webhooks. Source: kling.ai/document-api (callback protocol), 2026-09-20;
https://developers.openai.com/api/docs/guides/webhooks, 2026-11-22. Only loopback addresses are
ever called.
"""

import asyncio
import base64
import binascii
import hmac
import ipaddress
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

import aiohttp
from yarl import URL

from proxy.simulator.calls import Call, CallLog
from proxy.simulator.tasks import UNFINISHED, Phase, Task, TaskBook

_LOOK_S = 0.02
_SEND_S = 5.0
_STALE_S = 600
_OTHER_KEY = b"a key that nobody was ever given"


@dataclass(frozen=True)
class Recipient:
    """Where callbacks go, and the secret they are signed with; None: they are not signed."""

    url: str
    secret: str | None


@dataclass
class _Followed:
    task: Task
    recipient: Recipient
    body_of: Callable[[Task], object]
    shown: Phase = Phase.SUBMITTED
    held: list[object] = field(default_factory=list)  # what is sent after the last one instead


class Callbacks:
    """Follows tasks and tells of each change of their status."""

    def __init__(
        self,
        tasks: TaskBook,
        calls: CallLog,
        *,
        now_s: Callable[[], float],
        new_uuid: Callable[[], uuid.UUID],
    ) -> None:
        self._tasks = tasks
        self._calls = calls
        self._now_s = now_s
        self._new_uuid = new_uuid
        self._followed: list[_Followed] = []
        self._news = asyncio.Event()

    def follow(self, task: Task, recipient: Recipient, body_of: Callable[[Task], object]) -> None:
        """Call back whenever the task's status changes from now on.

        `body_of` gives the body for the task as it stands, None to say nothing of it.
        """
        if task.order.plan.callback != "none" and is_loopback(recipient.url):
            self._followed.append(_Followed(task, recipient, body_of))
            self._news.set()

    def reset(self) -> None:
        """Follow nothing any more."""
        self._followed.clear()

    async def run(self) -> None:
        """Send until cancelled."""
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
            while True:
                await self._news.wait()
                for followed in list(self._followed):
                    self._look(followed, session, group)
                if not self._followed:
                    self._news.clear()
                await asyncio.sleep(_LOOK_S)

    def _look(
        self, followed: _Followed, session: aiohttp.ClientSession, group: asyncio.TaskGroup
    ) -> None:
        task = self._tasks.get(followed.task.order.provider, followed.task.task_id)
        phase = Phase.VANISHED if task is None else task.phase(self._now_s())
        if phase not in UNFINISHED and followed in self._followed:
            self._followed.remove(followed)
        if task is None or phase in {followed.shown, Phase.VANISHED}:
            return
        followed.shown = phase
        content = followed.body_of(task)
        if content is None:
            return
        if task.order.plan.callback == "reordered" and phase in UNFINISHED:
            followed.held.append(content)
            return
        told = [content, *reversed(followed.held)]
        group.create_task(self._send_all(session, followed.recipient, task, told))

    async def _send_all(
        self, session: aiohttp.ClientSession, to: Recipient, task: Task, told: list[object]
    ) -> None:
        for content in told:
            await self._send(session, to, task, content)

    async def _send(
        self, session: aiohttp.ClientSession, to: Recipient, task: Task, content: object
    ) -> None:
        plan = task.order.plan
        body = b'{"id": ' if plan.callback == "garbage" else json.dumps(content).encode()
        message_id = f"msg_{self._new_uuid().hex}"
        for _ in range(2 if plan.callback == "twice" else 1):
            call = self._calls.open(Call(task.order.provider, "callback", at=self._now_s()))
            call.task_id = task.task_id
            headers = {"Content-Type": "application/json"}
            headers |= self._signed(plan.callback, to.secret, message_id, body)
            try:
                async with session.post(
                    URL(to.url, encoded=True),
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=_SEND_S),
                ) as answer:
                    call.status = answer.status
            except (aiohttp.ClientError, TimeoutError, OSError):
                continue  # nobody there: the log says that there was no answer

    def _signed(
        self, fault: str, secret: str | None, message_id: str, body: bytes
    ) -> dict[str, str]:
        if secret is None or fault == "unsigned":
            return {}
        at_s = int(self._now_s()) - (_STALE_S if fault == "stale" else 0)
        key = _OTHER_KEY if fault == "forged" else _key(secret)
        content = f"{message_id}.{at_s}.".encode() + body
        signature = base64.b64encode(hmac.digest(key, content, sha256)).decode()
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(at_s),
            "webhook-signature": f"v1,{signature}",
        }


def _key(secret: str) -> bytes:
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        return secret.encode()


def is_loopback(url: str) -> bool:
    """Say whether a URL leads to this machine, by its host alone."""
    host = URL(url).host or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
