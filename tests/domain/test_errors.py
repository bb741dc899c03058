"""Errors carry what an answer needs, and each code has a meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.bucket import BucketState
from proxy.domain.errors import (
    JOB_CODES,
    REQUEST_CODES,
    BudgetExceeded,
    InvalidRequest,
    ProviderError,
    ProxyError,
    RateLimited,
)
from proxy.domain.failure import FailureKind
from tests.job_builders import a_failure

if TYPE_CHECKING:
    from collections.abc import Iterator


def descendants(kind: type[ProxyError]) -> Iterator[type[ProxyError]]:
    for child in kind.__subclasses__():
        yield child
        yield from descendants(child)


def test_an_error_carries_its_code_and_where_it_points() -> None:
    error = InvalidRequest("seconds must be a number", param="seconds")
    assert ("invalid_request", "seconds") == (error.code, error.param)
    assert "seconds must be a number" == str(error) == error.message
    assert (None, {}, ()) == (error.retry_after_s, error.details, error.buckets)


def test_a_code_may_be_sharper_than_its_class() -> None:
    bucket = BucketState(name="submit", capacity=1, remaining=0, retry_after_us=5, reset_us=5)
    error = RateLimited("wait", code="too_many_jobs", retry_after_s=5, buckets=(bucket,))
    assert ("too_many_jobs", 5, (bucket,)) == (error.code, error.retry_after_s, error.buckets)
    assert "rate_limit_exceeded" == RateLimited("wait").code


def test_a_refusal_names_its_numbers() -> None:
    error = BudgetExceeded("no room", details={"budget": "monthly"})
    assert {"budget": "monthly"} == error.details


def test_every_class_has_a_code_with_a_meaning() -> None:
    assert {kind.code for kind in descendants(ProxyError)} <= set(REQUEST_CODES)
    assert set() == set(REQUEST_CODES) & set(JOB_CODES)
    assert all([*REQUEST_CODES.values(), *JOB_CODES.values()])


def test_a_providers_error_says_its_kind() -> None:
    error = ProviderError(a_failure(FailureKind.THROTTLED, message="slow down"))
    assert "throttled: slow down" == str(error)
    assert FailureKind.THROTTLED is error.failure.kind
