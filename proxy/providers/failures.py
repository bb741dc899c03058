"""Failures as every provider has them: by HTTP status, redacted, ready to be raised.

A refused submit says whether the job was accepted. A refused read (status, look-up) never says
anything about the job itself, except where an adapter knows the provider's words for "no such
operation".
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.domain.errors import ProviderError
from proxy.domain.failure import Failure, FailureKind
from proxy.domain.redact import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_K = FailureKind
_SUBMIT: Mapping[int, FailureKind] = MappingProxyType(
    {
        400: _K.INVALID_INPUT, 401: _K.AUTH, 402: _K.ACCOUNT, 403: _K.AUTH,
        404: _K.MODEL_GONE, 410: _K.MODEL_GONE, 413: _K.INVALID_INPUT, 415: _K.INVALID_INPUT,
        422: _K.INVALID_INPUT, 429: _K.THROTTLED, 500: _K.UNAVAILABLE, 503: _K.UNAVAILABLE,
        502: _K.UNKNOWN_OUTCOME, 504: _K.UNKNOWN_OUTCOME,
    }
)  # fmt: skip
_READ: Mapping[int, FailureKind] = MappingProxyType(
    {
        401: _K.AUTH, 402: _K.ACCOUNT, 403: _K.AUTH, 408: _K.UNAVAILABLE, 429: _K.THROTTLED,
        500: _K.UNAVAILABLE, 502: _K.UNAVAILABLE, 503: _K.UNAVAILABLE, 504: _K.UNAVAILABLE,
    }
)  # fmt: skip
_OK_FIRST, _OK_LAST = 200, 299


def is_ok(status: int) -> bool:
    """Say whether an HTTP status is a success."""
    return _OK_FIRST <= status <= _OK_LAST


class Failures:
    """Builds the failures of one account, none of which can hold its credentials."""

    def __init__(self, provider: str, secrets: Iterable[str] = ()) -> None:
        self._provider = provider
        self._secrets = tuple(secrets)

    def failure(
        self,
        kind: FailureKind,
        message: str,
        *,
        code: str | int | None = None,
        retry_after_s: float | None = None,
        is_classified: bool = True,
    ) -> Failure:
        """Return a failure; `message` is ours or the provider's, and is redacted here."""
        return Failure(
            kind=kind,
            message=redact(f"{self._provider}: {message}", self._secrets),
            upstream_code=None if code is None else redact(str(code), self._secrets)[:64],
            retry_after_s=retry_after_s,
            is_classified=is_classified,
        )

    def error(
        self,
        kind: FailureKind,
        message: str,
        *,
        code: str | int | None = None,
        retry_after_s: float | None = None,
        is_classified: bool = True,
    ) -> ProviderError:
        """Return the same as an exception to raise."""
        failure = self.failure(
            kind, message, code=code, retry_after_s=retry_after_s, is_classified=is_classified
        )
        return ProviderError(failure)

    def refused_submit(self, status: int, retry_after_s: float | None) -> ProviderError:
        """Classify a submit's answer by its HTTP status alone: it could not be read further."""
        if is_ok(status):
            return self.error(_K.UNKNOWN_OUTCOME, "its answer to the submit could not be read")
        kind = _SUBMIT.get(status)
        return self.error(
            kind or _K.UNKNOWN_OUTCOME,
            f"it answered the submit with HTTP {status}",
            code=f"http_{status}",
            retry_after_s=retry_after_s,
            is_classified=kind is not None,
        )

    def refused_read(self, status: int, retry_after_s: float | None) -> ProviderError:
        """Classify the answer to a status call or look-up by its HTTP status alone."""
        if is_ok(status):
            return self.error(_K.MALFORMED, "its answer could not be read")
        kind = _READ.get(status)
        return self.error(
            kind or _K.MALFORMED,
            f"it answered with HTTP {status}",
            code=f"http_{status}",
            retry_after_s=retry_after_s,
            is_classified=kind is not None,
        )
