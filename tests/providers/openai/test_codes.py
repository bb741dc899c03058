"""Statuses and codes of the Videos API, row by row."""

from __future__ import annotations

import pytest

from proxy.domain.failure import FailureKind
from proxy.providers.openai.codes import classify_failed_video, classify_read, classify_submit
from proxy.providers.openai.wire import ApiError

K = FailureKind


def an_error(code: str = "", param: str = "") -> ApiError:
    return ApiError(code=code, message="no", param=param)


@pytest.mark.parametrize(
    ("status", "of_submit", "of_read"),
    [
        (400, K.INVALID_INPUT, K.MALFORMED),
        (401, K.AUTH, K.AUTH),
        (402, K.ACCOUNT, K.ACCOUNT),
        (403, K.AUTH, K.AUTH),
        (404, K.MODEL_GONE, K.UNKNOWN_OUTCOME),
        (405, K.MODEL_GONE, K.MALFORMED),
        (410, K.MODEL_GONE, K.MALFORMED),
        (413, K.INVALID_INPUT, K.MALFORMED),
        (415, K.INVALID_INPUT, K.MALFORMED),
        (422, K.INVALID_INPUT, K.MALFORMED),
        (429, K.THROTTLED, K.THROTTLED),
        (500, K.UNAVAILABLE, K.UNAVAILABLE),
        (502, K.UNKNOWN_OUTCOME, K.UNAVAILABLE),
        (503, K.UNAVAILABLE, K.UNAVAILABLE),
        (504, K.UNKNOWN_OUTCOME, K.UNAVAILABLE),
    ],
)
def test_every_known_status_is_classified(
    status: int, of_submit: FailureKind, of_read: FailureKind
) -> None:
    assert (of_submit, True) == classify_submit(status, an_error())
    assert of_read is classify_read(status, an_error())[0]


@pytest.mark.parametrize("code", ["", "insufficient_quota", "moderation_blocked"])
def test_an_unknown_status_leaves_the_outcome_open(code: str) -> None:
    assert (K.UNKNOWN_OUTCOME, False) == classify_submit(418, an_error(code))
    assert (K.MALFORMED, False) == classify_read(418, an_error(code))


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, "insufficient_quota", K.ACCOUNT),
        (429, "rate_limit_exceeded", K.THROTTLED),
        (400, "billing_hard_limit_reached", K.ACCOUNT),
        (402, "budget_exceeded", K.ACCOUNT),
        (401, "invalid_api_key", K.AUTH),
        (403, "invalid_credentials", K.AUTH),
        (404, "model_not_found", K.MODEL_GONE),
        (400, "moderation_blocked", K.CONTENT_POLICY),
        (400, "content_policy_violation", K.CONTENT_POLICY),
        (403, "sentinel_block", K.CONTENT_POLICY),
        (400, "invalid_value", K.INVALID_INPUT),
        (503, "insufficient_quota", K.UNAVAILABLE),
        (504, "moderation_blocked", K.UNKNOWN_OUTCOME),
    ],
)
def test_the_code_is_finer_than_the_status_of_a_sure_refusal(
    status: int, code: str, kind: FailureKind
) -> None:
    assert (kind, True) == classify_submit(status, an_error(code))


def test_a_model_that_is_refused_by_name_is_gone() -> None:
    assert (K.MODEL_GONE, True) == classify_submit(400, an_error("invalid_value", "model"))
    assert (K.INVALID_INPUT, True) == classify_submit(400, an_error("invalid_value", "size"))


def test_out_of_quota_is_no_rate_limit() -> None:
    assert (K.ACCOUNT, True) == classify_read(429, an_error("insufficient_quota"))


@pytest.mark.parametrize(
    ("code", "kind", "is_known"),
    [
        ("moderation_blocked", K.CONTENT_POLICY, True),
        ("content_policy", K.CONTENT_POLICY, True),
        ("SAFETY_VIOLATION", K.CONTENT_POLICY, True),
        ("server_error", K.FAILED_UPSTREAM, True),
        ("internal_error", K.FAILED_UPSTREAM, True),
        ("moon_phase", K.FAILED_UPSTREAM, False),
        ("", K.FAILED_UPSTREAM, False),
    ],
)
def test_a_failed_video_is_classified_by_its_code(
    code: str, kind: FailureKind, is_known: bool
) -> None:
    assert (kind, is_known) == classify_failed_video(an_error(code))


def test_a_failed_video_without_an_error_is_a_failure_all_the_same() -> None:
    assert (K.FAILED_UPSTREAM, False) == classify_failed_video(None)
