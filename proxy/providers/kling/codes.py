"""What Kling's codes and messages mean. The body's code decides, never the HTTP status.

Source: https://kling.ai/document-api/api/get-started/error-codes, 2026-09-20.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.domain.failure import FailureKind

if TYPE_CHECKING:
    from collections.abc import Mapping

_K = FailureKind

TOKEN_REFUSED = frozenset({1003, 1004})
"""Not yet valid, expired: signing again may help."""

NO_SUCH_TASK = 1203
"""Of a query: no task has that id. Of a submit: no such model."""

_BAD_INPUT = frozenset({1200, 1201})

_SUBMIT: Mapping[int, FailureKind] = MappingProxyType(
    {
        1000: _K.AUTH, 1001: _K.AUTH, 1002: _K.AUTH, 1003: _K.AUTH, 1004: _K.AUTH,
        1100: _K.ACCOUNT, 1101: _K.ACCOUNT, 1102: _K.ACCOUNT, 1103: _K.ACCOUNT,
        1200: _K.INVALID_INPUT, 1201: _K.INVALID_INPUT, 1202: _K.MODEL_GONE, 1203: _K.MODEL_GONE,
        1300: _K.CONTENT_POLICY, 1301: _K.CONTENT_POLICY,
        1302: _K.THROTTLED, 1303: _K.THROTTLED, 1304: _K.ACCOUNT,
        5000: _K.UNAVAILABLE, 5001: _K.UNAVAILABLE, 5002: _K.UNKNOWN_OUTCOME,
    }
)  # fmt: skip
_READ: Mapping[int, FailureKind] = MappingProxyType(
    {
        1000: _K.AUTH, 1001: _K.AUTH, 1002: _K.AUTH, 1003: _K.AUTH, 1004: _K.AUTH,
        1100: _K.ACCOUNT, 1101: _K.ACCOUNT, 1102: _K.ACCOUNT, 1103: _K.ACCOUNT, 1304: _K.ACCOUNT,
        1203: _K.UNKNOWN_OUTCOME, 1302: _K.THROTTLED, 1303: _K.THROTTLED,
        5000: _K.UNAVAILABLE, 5001: _K.UNAVAILABLE, 5002: _K.UNAVAILABLE,
    }
)  # fmt: skip

# A failed task has no code, only a sentence. The first two are the vendor's own; the rest guards
# against rewording: a refusal taken for a breakdown would be sent to the next provider.
_POLICY_WORDS = (
    "risk control", "content security", "content safety", "sensitive", "policy", "violat",
    "moderation", "prohibited", "inappropriate",
)  # fmt: skip
_INPUT_WORDS = ("is invalid", "invalid param", "not supported", "unsupported", "pixel")
_BREAKDOWN_WORDS = ("internal error", "try again", "timeout", "timed out", "server")


def classify_submit(code: int, message: str) -> tuple[FailureKind, bool]:
    """Return the kind of a refused submit, and whether its code is known."""
    if code in _BAD_INPUT and "external_task_id" in message.lower():
        # The id is ours and well-formed, so it is taken: an earlier submit of this very attempt
        # was accepted after all, and a look-up will find it.
        return _K.UNKNOWN_OUTCOME, True
    kind = _SUBMIT.get(code)
    return kind or _K.UNKNOWN_OUTCOME, kind is not None


def classify_read(code: int) -> tuple[FailureKind, bool]:
    """Return the kind of a refused query, and whether its code is known."""
    kind = _READ.get(code)
    return kind or _K.MALFORMED, kind is not None


def classify_failed_task(message: str) -> tuple[FailureKind, bool]:
    """Return why an accepted task failed, and whether its message is known."""
    text = message.lower()
    for words, kind in (
        (_POLICY_WORDS, _K.CONTENT_POLICY),
        (_INPUT_WORDS, _K.INVALID_INPUT),
        (_BREAKDOWN_WORDS, _K.FAILED_UPSTREAM),
    ):
        if any(word in text for word in words):
            return kind, True
    return _K.FAILED_UPSTREAM, False
