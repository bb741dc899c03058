"""Every error a client may see, as one tree.

ProxyError(code, message, param, retry_after_s)
├─ RequestError
│  ├─ InvalidRequest · ImageUrlRefused · ImageUnavailable · WebhookUrlRefused · NotSupportedYet
│  ├─ Unauthenticated · SignatureRefused · Forbidden · JobNotFound
│  ├─ NotFound · StateConflict                     administrators only
│  └─ NoRoute · IdempotencyConflict · VideoNotReady · PayloadTooLarge
├─ AdmissionError
│  └─ RateLimited · BudgetExceeded · SpendingFrozen
├─ StoreUnavailable · RestoreNeeded · ServerBusy · ArchiveDamaged
└─ ProviderError(failure)          raised by adapters, caught by the gateway

Codes are stable and documented in docs/errors.md; status codes are known only to `proxy.http`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.bucket import BucketState
    from proxy.domain.failure import Failure
    from proxy.domain.plan import Skipped


class ProxyError(Exception):
    """Anything a client may see.

    `should_retry` False keeps a client's library from sending the request again by itself, where
    its status would make it do so.
    """

    code = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after_s: int | None = None,
        details: Mapping[str, object] | None = None,
        buckets: tuple[BucketState, ...] = (),
        should_retry: bool = True,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.param = param
        self.retry_after_s = retry_after_s
        self.details: Mapping[str, object] = details or {}
        self.buckets = buckets
        self.should_retry = should_retry


class RequestError(ProxyError):
    """The request itself cannot be served as it is."""


class InvalidRequest(RequestError):
    """A field is missing, malformed or in conflict with another."""

    code = "invalid_request"


class ImageUrlRefused(RequestError):
    """A picture's URL leads where nothing is fetched from."""

    code = "image_url_refused"


class ImageUnavailable(RequestError):
    """A picture's URL may be fetched, but no picture came."""

    code = "image_unavailable"


class WebhookUrlRefused(RequestError):
    """A webhook URL leads where nothing is sent to."""

    code = "webhook_url_refused"


class PayloadTooLarge(RequestError):
    """The body or one of its parts is over its limit."""

    code = "payload_too_large"


class NotSupportedYet(RequestError):
    """A documented field or route that is not built yet."""

    code = "not_supported_yet"


class Unauthenticated(RequestError):
    """No key, or one that does not hold."""

    code = "invalid_api_key"


class SignatureRefused(RequestError):
    """A provider's callback is not signed by that provider, or not lately."""

    code = "invalid_signature"


KEY_REVOKED = "this API key was revoked"


class Forbidden(RequestError):
    """The key holds, but may not do this."""

    code = "forbidden"


class JobNotFound(RequestError):
    """No such job for this team."""

    code = "video_not_found"


class RouteNotFound(RequestError):
    """No such path, or not with this method."""

    code = "route_not_found"


class ModelNotFound(RequestError):
    """No such model or policy, or none this team may use."""

    code = "model_not_found"


class NotFound(RequestError):
    """An administrator named a team, budget, key or override that there is not."""

    code = "not_found"


class StateConflict(RequestError):
    """What an administrator would change stands otherwise than the change needs."""

    code = "conflict"


class ArchiveDamaged(ProxyError):
    """A file of the ledger is missing, or is not what its manifest says."""

    code = "archive_damaged"


class NoRoute(RequestError):
    """No offer can make what was asked; `skipped` is what was considered."""

    code = "no_route"

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        details: Mapping[str, object] | None = None,
        skipped: tuple[Skipped, ...] = (),
    ) -> None:
        super().__init__(message, param=param, details=details)
        self.skipped = skipped


class IdempotencyConflict(RequestError):
    """The Idempotency-Key is bound to another request."""

    code = "idempotency_conflict"


class VideoNotReady(RequestError):
    """The job has no artifact (yet)."""

    code = "video_not_ready"


class RangeNotSatisfiable(RequestError):
    """The Range lies outside the artifact."""

    code = "range_not_satisfiable"


class AdmissionError(ProxyError):
    """A limit or a budget says no."""


class RateLimited(AdmissionError):
    """A token bucket is empty, there are too many jobs or streams, or the key must pause.

    The latter have the codes `too_many_...` and `moderation_cooldown`.
    """

    code = "rate_limit_exceeded"


class BudgetExceeded(AdmissionError):
    """A budget has no room for the quote."""

    code = "budget_exceeded"


class SpendingFrozen(AdmissionError):
    """Somebody stopped new spend, of the team, at every candidate's provider, or altogether."""

    code = "spending_frozen"


class StoreUnavailable(ProxyError):
    """The store does not answer: money fails closed."""

    code = "store_unavailable"


class StoreAway(StoreUnavailable):
    """There is no way to the store: nothing was asked of it."""


class ServerBusy(ProxyError):
    """This process has no room for one more, or stops."""

    code = "server_busy"


class RestoreNeeded(StoreUnavailable):
    """The store holds less of the ledger than its files: waiting helps nobody."""

    code = "restore_needed"

    def __init__(self, message: str) -> None:
        super().__init__(message, should_retry=False)


class ProviderError(Exception):
    """A provider call failed; `failure` is classified and redacted."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.kind}: {failure.message}")
        self.failure = failure


REQUEST_CODES: Mapping[str, str] = MappingProxyType(
    {
        "internal_error": "a bug of ours; the body carries only the request id",
        "invalid_request": "a field is missing, malformed or in conflict",
        "image_url_refused": "a picture's URL leads where nothing is fetched from",
        "image_unavailable": "no picture came from the URL that names it",
        "webhook_url_refused": "a webhook URL leads where nothing is sent to",
        "payload_too_large": "the body or one of its parts is over its limit",
        "not_supported_yet": "a documented field or route that is not built yet",
        "invalid_api_key": "no key, or an unknown, expired or revoked one",
        "invalid_signature": "a callback is not signed with its account's secret, or not lately",
        "forbidden": "the key lacks the scope, or the team may not use this model or policy",
        "video_not_found": "no such job for this team",
        "route_not_found": "no such path, or not with this method",
        "model_not_found": "no such model or policy, or none this team may use",
        "not_found": "no such team, budget, key or override (admin API)",
        "conflict": "what is to be changed does not stand as the change needs it (admin API)",
        "archive_damaged": "a file of the ledger is missing or altered (admin API)",
        "no_route": "no offer can make what was asked; every reason is listed",
        "idempotency_conflict": "the Idempotency-Key is bound to another request",
        "video_not_ready": "the job has no artifact (yet)",
        "range_not_satisfiable": "the Range lies outside the artifact",
        "rate_limit_exceeded": "a token bucket is empty; Retry-After says when to come back",
        "too_many_jobs": "the team has as many unfinished jobs as it may have",
        "too_many_streams": "the team follows as many videos by events as it may",
        "moderation_cooldown": "too many videos of the key were refused for their content",
        "budget_exceeded": "a budget has no room for the quote",
        "spending_frozen": "new spend was stopped by an administrator",
        "server_busy": "this process has no room for one more, or stops",
        "store_unavailable": "the store does not answer; nothing was spent",
        "restore_needed": "the store lost what it knew; nothing is spent until it is restored",
    }
)
"""Codes of refused requests, each with its meaning."""

JOB_CODES: Mapping[str, str] = MappingProxyType(
    {
        "content_policy": "the provider refused the prompt, the input or the result",
        "invalid_input": "the provider refused the request as invalid",
        "provider_auth": "the provider refused our credentials",
        "provider_account": "our account at the provider has no credit or no right to this",
        "provider_throttled": "the provider kept asking us to slow down",
        "provider_unavailable": "the provider was down before it accepted the job",
        "provider_failed": "the provider accepted the job and then failed it",
        "model_gone": "the provider no longer serves the model",
        "source_gone": "the provider no longer has the video that was to be started from",
        "outcome_unknown": "it could not be found out whether the provider made the video",
        "artifact_lost": "the video was made, but could not be fetched and stored",
        "deadline_exceeded": "the deadline passed before an attempt could start",
        "cancelled": "the job was cancelled",
    }
)
"""`error.code` of jobs that ended without a video, each with its meaning."""
