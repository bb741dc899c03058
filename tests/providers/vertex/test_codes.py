"""Google's statuses, row by row."""

from __future__ import annotations

import pytest

from proxy.domain.failure import FailureKind
from proxy.providers.vertex.codes import classify_operation, classify_read, classify_submit
from proxy.providers.vertex.wire import RpcError

K = FailureKind
BLOCKED = "This prompt contains words that violate usage guidelines. Support codes: 61493863"


def rpc(
    status: str = "", message: str = "", *, code: int | None = None, billing: bool = False
) -> RpcError:
    return RpcError(code=code, status=status, message=message, is_about_billing=billing)


@pytest.mark.parametrize(
    ("status", "of_submit", "of_read"),
    [
        ("INVALID_ARGUMENT", K.INVALID_INPUT, K.MALFORMED),
        ("FAILED_PRECONDITION", K.INVALID_INPUT, K.MALFORMED),
        ("UNAUTHENTICATED", K.AUTH, K.AUTH),
        ("PERMISSION_DENIED", K.AUTH, K.AUTH),
        ("NOT_FOUND", K.MODEL_GONE, K.UNKNOWN_OUTCOME),
        ("RESOURCE_EXHAUSTED", K.THROTTLED, K.THROTTLED),
        ("INTERNAL", K.UNAVAILABLE, K.UNAVAILABLE),
        ("UNAVAILABLE", K.UNAVAILABLE, K.UNAVAILABLE),
        ("DEADLINE_EXCEEDED", K.UNKNOWN_OUTCOME, K.UNAVAILABLE),
    ],
)
def test_every_status_is_classified(
    status: str, of_submit: FailureKind, of_read: FailureKind
) -> None:
    assert (of_submit, True) == classify_submit(rpc(status))
    assert of_read is classify_read(rpc(status))[0]


def test_an_unknown_status_leaves_the_outcome_open() -> None:
    assert (K.UNKNOWN_OUTCOME, False) == classify_submit(rpc("NEW_STATUS"))
    assert (K.MALFORMED, False) == classify_read(rpc("NEW_STATUS"))


def test_a_blocked_prompt_is_a_matter_of_policy() -> None:
    assert (K.CONTENT_POLICY, True) == classify_submit(rpc("INVALID_ARGUMENT", BLOCKED))
    assert (K.CONTENT_POLICY, True) == classify_operation(rpc(message=BLOCKED, code=3))


def test_billing_that_is_off_is_a_matter_of_the_account() -> None:
    assert (K.ACCOUNT, True) == classify_submit(rpc("PERMISSION_DENIED", billing=True))
    assert (K.ACCOUNT, True) == classify_read(rpc("PERMISSION_DENIED", billing=True))


@pytest.mark.parametrize(
    ("code", "kind", "is_known"),
    [
        (3, K.INVALID_INPUT, True),
        (7, K.AUTH, True),
        (8, K.FAILED_UPSTREAM, True),
        (13, K.FAILED_UPSTREAM, True),
        (14, K.FAILED_UPSTREAM, True),
        (99, K.FAILED_UPSTREAM, False),
        (None, K.FAILED_UPSTREAM, False),
    ],
)
def test_a_failed_operation_is_classified_by_its_code(
    code: int | None, kind: FailureKind, is_known: bool
) -> None:
    assert (kind, is_known) == classify_operation(rpc(code=code, message="m"))
