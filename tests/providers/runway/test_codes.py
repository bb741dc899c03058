"""Runway's statuses and failure codes, row by row."""

from __future__ import annotations

import pytest

from proxy.domain.failure import FailureKind
from proxy.providers.runway.codes import classify_failed_task, classify_read, classify_submit
from proxy.providers.runway.wire import Refusal

K = FailureKind
NO = Refusal(message="no", is_about_model=False)


@pytest.mark.parametrize(
    ("status", "of_submit", "of_read"),
    [
        (400, K.INVALID_INPUT, K.MALFORMED),
        (401, K.AUTH, K.AUTH),
        (402, K.ACCOUNT, K.ACCOUNT),
        (403, K.AUTH, K.AUTH),
        (404, K.MODEL_GONE, K.UNKNOWN_OUTCOME),
        (405, K.MODEL_GONE, K.MALFORMED),
        (413, K.INVALID_INPUT, K.MALFORMED),
        (422, K.INVALID_INPUT, K.MALFORMED),
        (429, K.THROTTLED, K.THROTTLED),
        (500, K.UNAVAILABLE, K.UNAVAILABLE),
        (502, K.UNKNOWN_OUTCOME, K.UNAVAILABLE),
        (503, K.UNAVAILABLE, K.UNAVAILABLE),
        (504, K.UNKNOWN_OUTCOME, K.UNAVAILABLE),
    ],
)
def test_every_documented_status_is_classified(
    status: int, of_submit: FailureKind, of_read: FailureKind
) -> None:
    assert (of_submit, True) == classify_submit(status, NO)
    assert of_read is classify_read(status)[0]


def test_an_unknown_status_leaves_the_outcome_open() -> None:
    assert (K.UNKNOWN_OUTCOME, False) == classify_submit(418, NO)
    assert (K.MALFORMED, False) == classify_read(418)


def test_out_of_credits_is_told_by_its_sentence() -> None:
    sentence = "You do not have enough credits to run this task."
    refusal = Refusal(message=sentence, is_about_model=False)
    assert (K.ACCOUNT, True) == classify_submit(400, refusal)
    assert (K.UNAVAILABLE, True) == classify_submit(503, refusal)


def test_a_model_that_is_refused_by_name_is_gone() -> None:
    refusal = Refusal(message="Invalid discriminator value", is_about_model=True)
    assert (K.MODEL_GONE, True) == classify_submit(400, refusal)


@pytest.mark.parametrize(
    ("code", "message", "kind", "is_known"),
    [
        ("SAFETY.INPUT.TEXT", "", K.CONTENT_POLICY, True),
        ("SAFETY.OUTPUT.VIDEO", "", K.CONTENT_POLICY, True),
        ("SAFETY", "", K.CONTENT_POLICY, True),
        ("INPUT_PREPROCESSING.SAFETY.TEXT", "", K.CONTENT_POLICY, True),
        ("INPUT_PREPROCESSING.INTERNAL", "", K.FAILED_UPSTREAM, True),
        ("INTERNAL", "", K.FAILED_UPSTREAM, True),
        ("INTERNAL.BAD_OUTPUT.CODE01", "", K.FAILED_UPSTREAM, True),
        ("THIRD_PARTY.UNAVAILABLE", "", K.FAILED_UPSTREAM, True),
        ("ASSET.INVALID", "", K.INVALID_INPUT, True),
        (None, "", K.FAILED_UPSTREAM, True),
        (None, "Your content was flagged by moderation", K.CONTENT_POLICY, True),
        ("INTERNALS", "", K.FAILED_UPSTREAM, False),
        ("MOON.PHASE", "", K.FAILED_UPSTREAM, False),
        ("MOON.PHASE", "it violates something", K.CONTENT_POLICY, True),
    ],
)
def test_a_failed_task_is_classified_by_its_code(
    code: str | None, message: str, kind: FailureKind, is_known: bool
) -> None:
    assert (kind, is_known) == classify_failed_task(code, message)
