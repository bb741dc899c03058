"""Kling's error table, row by row."""

from __future__ import annotations

import pytest

from proxy.domain.failure import FailureKind
from proxy.providers.kling.codes import classify_failed_task, classify_read, classify_submit

K = FailureKind
ROWS = [
    (1000, K.AUTH, K.AUTH),
    (1001, K.AUTH, K.AUTH),
    (1002, K.AUTH, K.AUTH),
    (1003, K.AUTH, K.AUTH),
    (1004, K.AUTH, K.AUTH),
    (1100, K.ACCOUNT, K.ACCOUNT),
    (1101, K.ACCOUNT, K.ACCOUNT),
    (1102, K.ACCOUNT, K.ACCOUNT),
    (1103, K.ACCOUNT, K.ACCOUNT),
    (1200, K.INVALID_INPUT, K.MALFORMED),
    (1201, K.INVALID_INPUT, K.MALFORMED),
    (1202, K.MODEL_GONE, K.MALFORMED),
    (1203, K.MODEL_GONE, K.UNKNOWN_OUTCOME),
    (1300, K.CONTENT_POLICY, K.MALFORMED),
    (1301, K.CONTENT_POLICY, K.MALFORMED),
    (1302, K.THROTTLED, K.THROTTLED),
    (1303, K.THROTTLED, K.THROTTLED),
    (1304, K.ACCOUNT, K.ACCOUNT),
    (5000, K.UNAVAILABLE, K.UNAVAILABLE),
    (5001, K.UNAVAILABLE, K.UNAVAILABLE),
    (5002, K.UNKNOWN_OUTCOME, K.UNAVAILABLE),
]


@pytest.mark.parametrize(("code", "of_submit", "of_read"), ROWS)
def test_every_documented_code_is_classified(
    code: int, of_submit: FailureKind, of_read: FailureKind
) -> None:
    assert (of_submit, True) == classify_submit(code, "")
    kind, _ = classify_read(code)
    assert of_read is kind


def test_an_unknown_code_leaves_the_outcome_open() -> None:
    assert (K.UNKNOWN_OUTCOME, False) == classify_submit(7777, "")
    assert (K.MALFORMED, False) == classify_read(7777)


@pytest.mark.parametrize("code", [1200, 1201])
def test_an_id_that_is_taken_means_that_the_attempt_was_accepted(code: int) -> None:
    message = "options.external_task_id: video_x-1 is already used"
    assert (K.UNKNOWN_OUTCOME, True) == classify_submit(code, message)


@pytest.mark.parametrize(
    ("message", "kind", "is_known"),
    [
        ("Failure to pass the risk control system", K.CONTENT_POLICY, True),
        ("Trigger the platform's content security policy", K.CONTENT_POLICY, True),
        ("The output contains sensitive information", K.CONTENT_POLICY, True),
        ("Image pixel is invalid", K.INVALID_INPUT, True),
        ("Service internal error, please try again later", K.FAILED_UPSTREAM, True),
        ("", K.FAILED_UPSTREAM, False),
        ("the moon was in the wrong phase", K.FAILED_UPSTREAM, False),
    ],
)
def test_a_failed_task_is_classified_by_its_sentence(
    message: str, kind: FailureKind, is_known: bool
) -> None:
    assert (kind, is_known) == classify_failed_task(message)
