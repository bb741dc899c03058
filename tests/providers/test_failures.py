"""HTTP statuses alone, where a body could not be read."""

from __future__ import annotations

import pytest

from proxy.domain.failure import FailureKind
from proxy.providers.failures import Failures

K = FailureKind
FAILURES = Failures("somebody", ["secret-key"])


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, K.UNKNOWN_OUTCOME), (204, K.UNKNOWN_OUTCOME), (307, K.UNKNOWN_OUTCOME),
        (400, K.INVALID_INPUT), (401, K.AUTH), (402, K.ACCOUNT), (403, K.AUTH),
        (404, K.MODEL_GONE), (409, K.UNKNOWN_OUTCOME), (410, K.MODEL_GONE),
        (413, K.INVALID_INPUT), (429, K.THROTTLED), (500, K.UNAVAILABLE),
        (501, K.UNKNOWN_OUTCOME), (502, K.UNKNOWN_OUTCOME), (503, K.UNAVAILABLE),
        (504, K.UNKNOWN_OUTCOME),
    ],
)  # fmt: skip
def test_a_submit_is_refused_surely_or_unknown(status: int, kind: FailureKind) -> None:
    failure = FAILURES.refused_submit(status, 3.0).failure
    assert kind is failure.kind
    assert (status not in {307, 409, 501}) == failure.is_classified


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, K.MALFORMED), (301, K.MALFORMED), (400, K.MALFORMED), (401, K.AUTH),
        (404, K.MALFORMED), (429, K.THROTTLED), (500, K.UNAVAILABLE), (502, K.UNAVAILABLE),
        (503, K.UNAVAILABLE), (504, K.UNAVAILABLE),
    ],
)  # fmt: skip
def test_a_refused_question_says_nothing_of_the_job(status: int, kind: FailureKind) -> None:
    assert kind is FAILURES.refused_read(status, None).failure.kind


def test_a_failure_keeps_the_code_and_hides_the_credentials() -> None:
    failure = FAILURES.failure(
        K.THROTTLED, "secret-key is over quota", code="secret-key", retry_after_s=2.0
    )
    assert "somebody: [redacted] is over quota" == failure.message
    assert ("[redacted]", 2.0) == (failure.upstream_code, failure.retry_after_s)
    assert "429" == FAILURES.error(K.THROTTLED, "", code=429).failure.upstream_code
