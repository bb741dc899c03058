"""What Runway's statuses, sentences and failure codes mean.

Source: https://docs.dev.runwayml.com/errors/errors and https://docs.dev.runwayml.com/errors/
task-failures, 2026-11-22.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.domain.failure import FailureKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.providers.runway.wire import Refusal

_K = FailureKind

NOT_FOUND = 404

_SUBMIT: Mapping[int, FailureKind] = MappingProxyType(
    {
        400: _K.INVALID_INPUT, 401: _K.AUTH, 402: _K.ACCOUNT, 403: _K.AUTH,
        NOT_FOUND: _K.MODEL_GONE, 405: _K.MODEL_GONE, 413: _K.INVALID_INPUT, 422: _K.INVALID_INPUT,
        429: _K.THROTTLED, 500: _K.UNAVAILABLE, 503: _K.UNAVAILABLE,
        502: _K.UNKNOWN_OUTCOME, 504: _K.UNKNOWN_OUTCOME,
    }
)  # fmt: skip
_READ: Mapping[int, FailureKind] = MappingProxyType(
    {
        401: _K.AUTH, 402: _K.ACCOUNT, 403: _K.AUTH, NOT_FOUND: _K.UNKNOWN_OUTCOME,
        429: _K.THROTTLED, 500: _K.UNAVAILABLE, 502: _K.UNAVAILABLE, 503: _K.UNAVAILABLE,
        504: _K.UNAVAILABLE,
    }
)  # fmt: skip
# Out of credits is a 400 like any bad request; its sentence alone tells.
# Source: https://github.com/runwayml/sdk-node/issues/28, 2024-10-30.
_OUT_OF_CREDITS = ("enough credits", "insufficient credits", "out of credits", "no credits")

_SAFETY = "SAFETY"
# By their families: what follows is finer than anything that would be done about it.
_FAILED: Mapping[str, FailureKind] = MappingProxyType(
    {
        "ASSET.INVALID": _K.INVALID_INPUT,
        "INPUT_PREPROCESSING.INTERNAL": _K.FAILED_UPSTREAM,
        "INTERNAL": _K.FAILED_UPSTREAM,
        "THIRD_PARTY.UNAVAILABLE": _K.FAILED_UPSTREAM,
    }
)
# Guards against a refusal without its code, which would be sent to the next provider.
_POLICY_WORDS = ("moderation", "safety", "content policy", "violat", "inappropriate")


def classify_submit(status: int, refusal: Refusal) -> tuple[FailureKind, bool]:
    """Return the kind of a refused submit, and whether its status is known."""
    kind = _SUBMIT.get(status)
    if kind is _K.INVALID_INPUT:
        text = refusal.message.lower()
        if any(words in text for words in _OUT_OF_CREDITS):
            return _K.ACCOUNT, True
        if refusal.is_about_model:
            return _K.MODEL_GONE, True
    return kind or _K.UNKNOWN_OUTCOME, kind is not None


def classify_read(status: int) -> tuple[FailureKind, bool]:
    """Return the kind of a refused status call, and whether its status is known."""
    kind = _READ.get(status)
    return kind or _K.MALFORMED, kind is not None


def classify_failed_task(code: str | None, message: str) -> tuple[FailureKind, bool]:
    """Return why an accepted task failed, and whether its code is known."""
    if code is not None and _SAFETY in code.split("."):
        return _K.CONTENT_POLICY, True
    for family, kind in _FAILED.items():
        if code == family or (code is not None and code.startswith(f"{family}.")):
            return kind, True
    if any(word in message.lower() for word in _POLICY_WORDS):
        return _K.CONTENT_POLICY, True
    # No code at all is documented: something went wrong inside.
    return _K.FAILED_UPSTREAM, code is None
