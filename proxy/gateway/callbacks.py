"""Providers' callbacks: a hint that a job's next step is due now, never a change by itself."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.domain.errors import InvalidRequest, RouteNotFound, SignatureRefused
from proxy.domain.events import CallbackReceived
from proxy.domain.ids import job_of_attempt
from proxy.gateway.ports.provider import CallbackFault, CallbackRefused, TakesCallbacks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.ids import ProviderName
    from proxy.domain.job import Job
    from proxy.gateway.ports.provider import Callback
    from proxy.gateway.runtime import Runtime

UNKNOWN_ADDRESS, IGNORED, STRANGER = "unknown_address", "ignored", "stranger"
REMEMBERED_S = 3600.0
"""How much longer than an operation may run its name is known."""


@dataclass(frozen=True, slots=True)
class Sender:
    """The provider account that an address was given to."""

    provider: ProviderName
    account: str


def callback_path(secret: bytes, provider: str, account: str) -> str:
    """The path an account's callbacks come to; whoever knows it may give hints."""
    signed = f"callback|{provider}|{account}".encode()
    token = urlsafe_b64encode(hmac.digest(secret, signed, hashlib.sha256)).rstrip(b"=").decode()
    return f"/callbacks/{provider}/{token}"


class Callbacks:
    """Listens to providers. `secret` is what addresses are derived from; it is never shown."""

    def __init__(self, runtime: Runtime, secret: bytes) -> None:
        self._runtime = runtime
        self._secret = secret

    def sender(self, path: str) -> Sender:
        """Whose address a path is, before anything else is read of the request.

        Raises:
            RouteNotFound: nobody's; the message is always the same.
        """
        found: Sender | None = None
        presented = path.encode(errors="replace")
        for provider in self._runtime.live.snapshot.providers.values():
            for account in provider.accounts:
                own = callback_path(self._secret, provider.name, account.name)
                # Every address is compared, so that time tells nothing.
                if hmac.compare_digest(own.encode(), presented):
                    found = Sender(provider.name, account.name)
        if found is None or self._listener(found) is None:
            self._observe(None, UNKNOWN_ADDRESS)
            message = "nobody was given this address"
            raise RouteNotFound(message)
        return found

    async def receive(self, sender: Sender, headers: Mapping[str, str], body: bytes) -> None:
        """Listen to a callback; names of headers are in lower case.

        Raises:
            SignatureRefused: its sender did not sign it, or not lately.
            InvalidRequest: it cannot be read.
            StoreUnavailable: it could not be noted; it may be sent again.
        """
        listener = self._listener(sender)
        assert listener is not None
        try:
            callback = listener.parse_callback(headers, body)
        except CallbackRefused as refused:
            self._observe(sender, refused.fault.value)
            raise _refusal(refused.fault) from refused
        if not callback.is_over:
            # How a job stands in between is nothing that a client waits for.
            self._observe(sender, IGNORED)
            return
        job = await self._job(sender, callback)
        if job is None:
            self._observe(sender, STRANGER)
            return
        heard = await self._runtime.hints.hint(
            job.attempt_id,
            message=f"{sender.provider}|{sender.account}|{callback.message}",
            least_s=self._runtime.live.snapshot.providers[sender.provider].poll.min_s,
        )
        self._observe(sender, heard.value, job)
        self._runtime.wake()

    async def _job(self, sender: Sender, callback: Callback) -> Job | None:
        """The job a callback is about, if its current attempt is at the sender's account."""
        runtime = self._runtime
        attempt: str | None = callback.attempt
        if callback.name is not None:
            attempt = await runtime.hints.attempt(sender.provider, sender.account, callback.name)
        try:
            job_id, number = job_of_attempt(attempt or "")
        except ValueError:
            return None
        job = await runtime.jobs.load(job_id)
        if job is None or job.attempt.number != number:
            return None
        is_theirs = (job.candidate.provider, job.attempt.account) == (
            sender.provider,
            sender.account,
        )
        return job if is_theirs else None

    def _listener(self, sender: Sender) -> TakesCallbacks | None:
        adapter = self._runtime.live.current.providers.get(sender.provider, sender.account)
        if adapter is None or not isinstance(adapter, TakesCallbacks):
            return None
        return adapter if adapter.takes_callbacks else None

    def _observe(self, sender: Sender | None, outcome: str, job: Job | None = None) -> None:
        self._runtime.observer.observe(
            CallbackReceived(
                provider=sender.provider if sender else None,
                account=sender.account if sender else "",
                model=job.candidate.model if job else None,
                job=job.id if job else None,
                outcome=outcome,
            )
        )


async def remember(runtime: Runtime, job: Job) -> None:
    """Note how a provider's callbacks will call an accepted job, where they don't tell ours."""
    operation, account = job.attempt.operation, job.attempt.account
    assert operation is not None
    assert account is not None
    current = runtime.live.current
    adapter = current.providers.get(job.candidate.provider, account)
    provider = current.snapshot.providers.get(job.candidate.provider)
    if adapter is None or provider is None or not isinstance(adapter, TakesCallbacks):
        return
    name = adapter.callback_name(operation) if adapter.takes_callbacks else None
    if name is not None:
        await runtime.hints.remember(
            provider.name,
            account,
            name,
            attempt=job.attempt_id,
            life_s=provider.give_up_after_s + REMEMBERED_S,
        )


def _refusal(fault: CallbackFault) -> SignatureRefused | InvalidRequest:
    if fault is CallbackFault.UNREADABLE:
        return InvalidRequest("the callback cannot be read")
    message = "the callback is not signed with the account's secret, or not lately"
    return SignatureRefused(message)
