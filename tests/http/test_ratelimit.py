from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.domain.bucket import LimitMode, RateLimit
from proxy.domain.policy import RouteClass
from proxy.gateway.views import Caller
from proxy.http.ratelimit import duration, rate_headers, retry_after_s
from tests.builders import a_key, a_team
from tests.http.buckets import a_bucket

CALLER = Caller(key=a_key(), team=a_team())


def test_the_headers_tell_capacity_window_rest_and_reset() -> None:
    assert {
        "RateLimit-Policy": '"submit";q=20;w=40',
        "RateLimit": '"submit";r=19;t=2',
        "x-ratelimit-limit-requests": "20",
        "x-ratelimit-remaining-requests": "19",
        "x-ratelimit-reset-requests": "2s",
    } == rate_headers([a_bucket()], CALLER)


def test_the_tighter_of_key_and_team_is_told_under_the_class_name() -> None:
    limits = {RouteClass.SUBMIT: RateLimit(capacity=5, interval_us=60_000_000)}
    caller = replace(CALLER, key=a_key(limits=limits))
    mine = a_bucket("submit:k7f3q2ab", capacity=5, remaining=2, reset_us=180_000_000)
    headers = rate_headers([a_bucket(), mine], caller)
    assert '"submit";q=5;w=300' == headers["RateLimit-Policy"]
    assert '"submit";r=2;t=180' == headers["RateLimit"]
    assert "3m0s" == headers["x-ratelimit-reset-requests"]


def test_no_bucket_no_headers() -> None:
    assert {} == rate_headers([], CALLER)


def test_a_bucket_in_shadow_is_not_told_of() -> None:
    watched = a_bucket("submit:k7f3q2ab", remaining=0, mode=LimitMode.SHADOW)
    assert {} == rate_headers([watched], CALLER)
    assert rate_headers([a_bucket()], CALLER) == rate_headers([a_bucket(), watched], CALLER)


def test_a_bucket_whose_limit_is_gone_has_no_window() -> None:
    caller = replace(CALLER, team=a_team(limits={}))
    assert '"submit";q=20' == rate_headers([a_bucket()], caller)["RateLimit-Policy"]


def test_waiting_is_rounded_up_and_the_longest_counts() -> None:
    waits = [a_bucket(retry_after_us=1), a_bucket(retry_after_us=1_000_001)]
    assert 2 == retry_after_s(waits)
    assert 0 == retry_after_s([])


@pytest.mark.parametrize(
    ("span_us", "expected"),
    [
        (0, "0ms"),
        (11_500, "12ms"),
        (999_999, "1000ms"),
        (1_000_000, "1s"),
        (1_000_001, "2s"),
        (360_000_000, "6m0s"),
        (3_661_000_000, "1h1m1s"),
    ],
)
def test_durations_read_like_openais(span_us: int, expected: str) -> None:
    assert expected == duration(span_us)
