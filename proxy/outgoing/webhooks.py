"""Signed messages to receivers that the configuration names, as Standard Webhooks has them.

Source: https://github.com/standard-webhooks/standard-webhooks (spec), 2026-08.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import aiohttp
from standardwebhooks import Webhook
from typing_extensions import override

from proxy.domain.redact import redact
from proxy.domain.video_event import origin_of, receiver_id
from proxy.gateway.ports.notices import KnownReceiver, Receiver, Reply
from proxy.outgoing.session import RefusedAddress
from proxy.outgoing.url import Destination, RefusedUrl, check_url, destination_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.notice import NoticeKind
    from proxy.domain.video_event import VideoEvent
    from proxy.gateway.ports.notices import Letter
    from proxy.gateway.ports.runtime import Clock
    from proxy.outgoing.session import Sessions

RETRY_AFTER_DIGITS_MAX = 9
EXCERPT_CHARS = 512
LOOKED_AT_BYTES = 4096
"""So much of an answer is read: more than is shown, so that no secret is cut in two."""
EXCERPT_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A receiver's address; URL and secrets are not part of its text.

    One of a `team`'s own is told `events` of its videos, and may also lead to `origins`; others
    are told notices of some `kinds`.
    """

    url: str
    secrets: tuple[str, ...]
    kinds: frozenset[NoticeKind] = frozenset()
    events: frozenset[VideoEvent] = frozenset()
    is_private: bool = False
    team: str = ""
    origins: tuple[str, ...] = ()

    @override
    def __repr__(self) -> str:
        return f"Hook({self.id})"

    @property
    def id(self) -> str:
        """Name of the receiver in the store, in logs."""
        return receiver_id(self.url, self.team)

    @property
    def destination(self) -> Destination:
        """Where its URL may lead. Raises RefusedUrl."""
        if self.is_private:
            return destination_of(self.url, is_private=True)
        return Destination(origins=self.origins)


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Whom there is to send to: hooks, and whatever URL the create of a team gave.

    `secrets` sign for the latter, by team. `origins` ("https://host:port") are the places that are
    no public https hosts, to which they, and teams' hooks, may lead all the same.
    """

    hooks: tuple[Hook, ...] = ()
    secrets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    origins: tuple[str, ...] = ()


class WebhookSender:
    """Sends to the receivers of the configuration in force."""

    def __init__(self, sessions: Sessions, clock: Clock, directory: Directory) -> None:
        self._sessions = sessions
        self._clock = clock
        self._directory = directory
        self._hooks: dict[str, Hook] = {}
        self.use(directory)

    def use(self, directory: Directory) -> None:
        """Send to these from now on."""
        self._directory = directory
        self._hooks = {hook.id: hook for hook in directory.hooks}

    @property
    def receivers(self) -> tuple[Receiver, ...]:
        """Who is told notices."""
        told = (hook for hook in self._hooks.values() if hook.kinds)
        return tuple(Receiver(id=hook.id, kinds=hook.kinds) for hook in told)

    @property
    def known(self) -> tuple[KnownReceiver, ...]:
        """Every receiver of the configuration."""
        return tuple(
            KnownReceiver(
                id=hook.id,
                team=hook.team,
                origin=origin_of(hook.url),
                kinds=tuple(sorted((*hook.kinds, *hook.events))),
            )
            for hook in self._hooks.values()
        )

    def fault_of(self, url: str) -> str | None:
        """Why nothing can be sent to a URL that a create gives, by its text alone."""
        try:
            check_url(url, Destination(origins=self._directory.origins))
        except RefusedUrl as refusal:
            return str(refusal)
        return None

    def _hook_of(self, letter: Letter) -> Hook | None:
        if not letter.url:
            return self._hooks.get(letter.receiver)
        secrets = self._directory.secrets.get(letter.team)
        if secrets is None:
            return None
        return Hook(url=letter.url, secrets=secrets, origins=self._directory.origins)

    async def send(self, letter: Letter, *, within_s: float) -> Reply | None:
        """Send a message once, following no redirect; None if its receiver is not there."""
        hook = self._hook_of(letter)
        if hook is None:
            return None
        try:
            return await self._post(hook, letter, within_s)
        except (RefusedUrl, RefusedAddress):
            return Reply(fault="refused_address")
        except aiohttp.ClientConnectorError as error:
            is_refused = isinstance(error.os_error, RefusedAddress)
            return Reply(fault="refused_address" if is_refused else "unreachable")
        except TimeoutError:
            return Reply(fault="timeout")
        except (aiohttp.ClientError, OSError):
            return Reply(fault="broken_off")

    async def _post(self, hook: Hook, letter: Letter, within_s: float) -> Reply:
        target = check_url(hook.url, hook.destination)
        async with self._sessions.reaching(target).post(
            target.url,
            data=letter.body.encode(),
            headers=_signed(hook, letter, self._clock.now_s()),
            timeout=aiohttp.ClientTimeout(total=within_s),
            allow_redirects=False,
        ) as response:
            return Reply(
                status=response.status,
                retry_after_s=self._retry_after_s(response),
                excerpt=await _excerpt(response),
            )

    def _retry_after_s(self, response: aiohttp.ClientResponse) -> float | None:
        text = response.headers.get("Retry-After", "").strip()
        if text.isascii() and text.isdigit():
            return float(text[:RETRY_AFTER_DIGITS_MAX])
        try:
            return parsedate_to_datetime(text).timestamp() - self._clock.now_s()
        except (ValueError, OverflowError):
            return None


async def _excerpt(response: aiohttp.ClientResponse) -> str:
    """How the body begins, as text without secrets; an answer counts also without its body."""
    try:
        async with asyncio.timeout(EXCERPT_S):
            found = await response.content.read(LOOKED_AT_BYTES)
    except (aiohttp.ClientError, OSError, TimeoutError):
        return ""
    return redact(found.decode(errors="replace"), chars_max=EXCERPT_CHARS)


def _signed(hook: Hook, letter: Letter, now_s: float) -> dict[str, str]:
    at = datetime.fromtimestamp(int(now_s), UTC)
    signatures = [
        Webhook(secret).sign(msg_id=letter.notice, timestamp=at, data=letter.body)
        for secret in hook.secrets
    ]
    return {
        "content-type": "application/json",
        "webhook-id": letter.notice,
        "webhook-timestamp": str(int(now_s)),
        "webhook-signature": " ".join(signatures),
    }
