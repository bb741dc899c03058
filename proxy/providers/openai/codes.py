"""What statuses and codes of the Videos API mean.

Servers that speak the API choose their own codes, so words inside them count as well.
Source: https://developers.openai.com/api/docs/guides/error-codes, 2026-11-22; codes of failed
videos are not documented.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.domain.failure import FailureKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.providers.openai.wire import ApiError

_K = FailureKind

NOT_FOUND = 404
MODEL = "model"

_SUBMIT: Mapping[int, FailureKind] = MappingProxyType(
    {
        400: _K.INVALID_INPUT, 401: _K.AUTH, 402: _K.ACCOUNT, 403: _K.AUTH,
        NOT_FOUND: _K.MODEL_GONE, 405: _K.MODEL_GONE, 410: _K.MODEL_GONE,
        413: _K.INVALID_INPUT, 415: _K.INVALID_INPUT, 422: _K.INVALID_INPUT,
        429: _K.THROTTLED, 500: _K.UNAVAILABLE, 503: _K.UNAVAILABLE,
        502: _K.UNKNOWN_OUTCOME, 504: _K.UNKNOWN_OUTCOME,
    }
)  # fmt: skip
_READ: Mapping[int, FailureKind] = MappingProxyType(
    {
        401: _K.AUTH, 402: _K.ACCOUNT, 403: _K.AUTH, NOT_FOUND: _K.UNKNOWN_OUTCOME,
        408: _K.UNAVAILABLE, 429: _K.THROTTLED, 500: _K.UNAVAILABLE, 502: _K.UNAVAILABLE,
        503: _K.UNAVAILABLE, 504: _K.UNAVAILABLE,
    }
)  # fmt: skip
# Out of money is a 429 at OpenAI, told from "slow down" by its code alone.
_ACCOUNT_WORDS = ("quota", "billing", "credit", "balance", "budget", "account_deactivated")
_POLICY_WORDS = ("moderation", "policy", "safety", "content_filter", "sensitive", "sentinel")
_BREAKDOWN_WORDS = ("internal", "server", "timeout", "unavailable", "overloaded", "capacity")


def classify_submit(status: int, error: ApiError) -> tuple[FailureKind, bool]:
    """Return the kind of a refused submit, and whether its status is known."""
    kind = _SUBMIT.get(status)
    if kind in {_K.UNAVAILABLE, _K.UNKNOWN_OUTCOME, None}:
        # No word of a server that is down makes its refusal any surer.
        return kind or _K.UNKNOWN_OUTCOME, kind is not None
    code = error.code.lower()
    if any(word in code for word in _ACCOUNT_WORDS):
        return _K.ACCOUNT, True
    if any(word in code for word in _POLICY_WORDS):
        return _K.CONTENT_POLICY, True
    if kind is _K.INVALID_INPUT and error.param == MODEL:
        return _K.MODEL_GONE, True
    return kind, True


def classify_read(status: int, error: ApiError) -> tuple[FailureKind, bool]:
    """Return the kind of a refused status call, and whether its status is known."""
    kind = _READ.get(status)
    if kind is _K.THROTTLED and any(word in error.code.lower() for word in _ACCOUNT_WORDS):
        return _K.ACCOUNT, True
    return kind or _K.MALFORMED, kind is not None


def classify_failed_video(error: ApiError | None) -> tuple[FailureKind, bool]:
    """Return why an accepted video failed, and whether its code is known."""
    code = error.code.lower() if error is not None else ""
    if any(word in code for word in _POLICY_WORDS):
        return _K.CONTENT_POLICY, True
    return _K.FAILED_UPSTREAM, any(word in code for word in _BREAKDOWN_WORDS)
