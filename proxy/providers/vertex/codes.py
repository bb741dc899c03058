"""What Google's statuses and messages mean for a Veo call.

Source: https://cloud.google.com/apis/design/errors and https://docs.cloud.google.com/vertex-ai/
generative-ai/docs/video/responsible-ai-and-usage-guidelines, 2026-11-22.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.domain.failure import FailureKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.providers.vertex.wire import RpcError

_K = FailureKind

NOT_FOUND = "NOT_FOUND"
_INVALID_ARGUMENT = "INVALID_ARGUMENT"

_SUBMIT: Mapping[str, FailureKind] = MappingProxyType(
    {
        _INVALID_ARGUMENT: _K.INVALID_INPUT,
        "FAILED_PRECONDITION": _K.INVALID_INPUT,
        "OUT_OF_RANGE": _K.INVALID_INPUT,
        "UNAUTHENTICATED": _K.AUTH,
        "PERMISSION_DENIED": _K.AUTH,
        NOT_FOUND: _K.MODEL_GONE,
        "RESOURCE_EXHAUSTED": _K.THROTTLED,
        "INTERNAL": _K.UNAVAILABLE,
        "UNAVAILABLE": _K.UNAVAILABLE,
        "DEADLINE_EXCEEDED": _K.UNKNOWN_OUTCOME,
    }
)
_READ: Mapping[str, FailureKind] = MappingProxyType(
    {
        "UNAUTHENTICATED": _K.AUTH,
        "PERMISSION_DENIED": _K.AUTH,
        NOT_FOUND: _K.UNKNOWN_OUTCOME,
        "RESOURCE_EXHAUSTED": _K.THROTTLED,
        "INTERNAL": _K.UNAVAILABLE,
        "UNAVAILABLE": _K.UNAVAILABLE,
        "DEADLINE_EXCEEDED": _K.UNAVAILABLE,
        "ABORTED": _K.UNAVAILABLE,
        "CANCELLED": _K.UNAVAILABLE,
    }
)
# google.rpc.Code of an operation that was accepted and then failed.
_OPERATION: Mapping[int, FailureKind] = MappingProxyType(
    {
        2: _K.FAILED_UPSTREAM,  # UNKNOWN
        3: _K.INVALID_INPUT,  # INVALID_ARGUMENT
        4: _K.FAILED_UPSTREAM,  # DEADLINE_EXCEEDED
        7: _K.AUTH,  # PERMISSION_DENIED
        8: _K.FAILED_UPSTREAM,  # RESOURCE_EXHAUSTED: high load, after acceptance
        9: _K.INVALID_INPUT,  # FAILED_PRECONDITION
        10: _K.FAILED_UPSTREAM,  # ABORTED
        13: _K.FAILED_UPSTREAM,  # INTERNAL
        14: _K.FAILED_UPSTREAM,  # UNAVAILABLE
    }
)
_POLICY_WORDS = (
    "support code", "usage guidelines", "safety", "violat", "sensitive", "responsible ai",
    "prohibited",
)  # fmt: skip


def classify_submit(error: RpcError) -> tuple[FailureKind, bool]:
    """Return the kind of a refused submit, and whether its status is known."""
    if error.is_about_billing:
        return _K.ACCOUNT, True
    kind = _SUBMIT.get(error.status)
    if kind is _K.INVALID_INPUT and is_policy(error.message):
        return _K.CONTENT_POLICY, True
    return kind or _K.UNKNOWN_OUTCOME, kind is not None


def classify_read(error: RpcError) -> tuple[FailureKind, bool]:
    """Return the kind of a refused status call, and whether its status is known."""
    if error.is_about_billing:
        return _K.ACCOUNT, True
    kind = _READ.get(error.status)
    return kind or _K.MALFORMED, kind is not None


def classify_operation(error: RpcError) -> tuple[FailureKind, bool]:
    """Return why an accepted operation failed, and whether its code is known."""
    if is_policy(error.message):
        return _K.CONTENT_POLICY, True
    kind = None if error.code is None else _OPERATION.get(error.code)
    return kind or _K.FAILED_UPSTREAM, kind is not None


def is_policy(message: str) -> bool:
    """Say whether a message speaks of blocked content; such messages carry a support code."""
    text = message.lower()
    return any(word in text for word in _POLICY_WORDS)
