"""The adapter of the Videos API against the simulated OpenAI: every scenario, over real HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.failure import FailureKind
from proxy.gateway.ports.provider import Failed, Pending
from proxy.providers.video_file import is_video
from tests.providers.accounts import (
    ATTEMPT,
    OPENAI_UPSTREAM,
    Accounts,
    HandClock,
    a_png,
    an_input,
    an_order,
    download_failure,
    downloaded,
    end_of,
    failure_of,
    patience_with,
    settings_for,
    success_of,
)
from tests.providers.simulated import Books

if TYPE_CHECKING:
    from proxy.domain.video import Order
    from proxy.gateway.ports.provider import VideoProvider

K = FailureKind


@pytest.fixture
def openai(accounts: Accounts, simulator_url: str) -> VideoProvider:
    return accounts.openai(f"{simulator_url}/openai/v1")


@pytest.fixture
def books(accounts: Accounts, simulator_url: str) -> Books:
    return Books(accounts.sessions.configured, simulator_url)


def a_sora_order(prompt: str = "a red fox in the snow") -> Order:
    return an_order(prompt, upstream=OPENAI_UPSTREAM)


@pytest.mark.parametrize(
    ("upstream", "seconds", "resolution", "aspect_ratio", "micro_usd"),
    [
        ("sora-2", 4, "720p", "16:9", 400_000),
        ("sora-2", 12, "720p", "9:16", 1_200_000),
        ("sora-2-pro", 8, "1080p", "16:9", 5_600_000),
    ],
)
async def test_each_model_makes_a_video_without_a_figure_for_it(
    openai: VideoProvider,
    books: Books,
    clock: HandClock,
    *,
    upstream: str,
    seconds: int,
    resolution: str,
    aspect_ratio: str,
    micro_usd: int,
) -> None:
    order = an_order(upstream=upstream, seconds=seconds)
    shape = replace(order.shape, resolution=resolution, aspect_ratio=aspect_ratio)
    operation = await openai.submit(replace(order, shape=shape), ATTEMPT)
    assert isinstance(await openai.status(operation), Pending)
    result = await success_of(openai, operation, clock)
    assert is_video(await downloaded(openai, result, operation))
    assert None is result.charge_micro_usd
    assert micro_usd == await books.invoiced_micro_usd()


async def test_a_first_frame_of_the_right_size_is_animated(
    openai: VideoProvider, clock: HandClock
) -> None:
    picture = an_input(a_png(width_px=1280, height_px=720))
    order = replace(a_sora_order(), first_frame=picture)
    operation = await openai.submit(order, ATTEMPT)
    result = await success_of(openai, operation, clock)
    assert is_video(await downloaded(openai, result, operation))


async def test_a_first_frame_of_another_size_is_invalid(openai: VideoProvider) -> None:
    order = replace(a_sora_order(), first_frame=an_input(a_png()))
    failure = await failure_of(openai.submit(order, ATTEMPT))
    assert K.INVALID_INPUT is failure.kind
    assert "1280x720" in failure.message


async def test_a_length_it_does_not_make_is_invalid(openai: VideoProvider) -> None:
    failure = await failure_of(
        openai.submit(replace(an_order(seconds=5), upstream="sora-2"), ATTEMPT)
    )
    assert (K.INVALID_INPUT, "invalid_value") == (failure.kind, failure.upstream_code)


async def test_a_model_it_does_not_have_is_gone(openai: VideoProvider) -> None:
    failure = await failure_of(openai.submit(an_order(upstream="sora-1"), ATTEMPT))
    assert K.MODEL_GONE is failure.kind


async def test_a_wrong_key_is_a_matter_of_auth(accounts: Accounts, simulator_url: str) -> None:
    settings = settings_for(f"{simulator_url}/openai/v1")
    adapter = accounts.build("openai", {"api_key": "wrong"}, settings)
    assert K.AUTH is (await failure_of(adapter.submit(a_sora_order(), ATTEMPT))).kind


@pytest.mark.parametrize(
    ("scenario", "kind", "code", "accepted"),
    [
        ("400", K.INVALID_INPUT, "invalid_request_error", 0),
        ("401", K.AUTH, "invalid_api_key", 0),
        ("404", K.MODEL_GONE, "invalid_request_error", 0),
        ("410", K.MODEL_GONE, "model_not_found", 0),
        ("429", K.THROTTLED, "rate_limit_exceeded", 0),
        ("500", K.UNAVAILABLE, "server_error", 0),
        ("503", K.UNAVAILABLE, "server_error", 0),
        ("504", K.UNKNOWN_OUTCOME, "server_error", 0),
        ("account", K.ACCOUNT, "insufficient_quota", 0),
        ("concurrency", K.THROTTLED, "rate_limit_exceeded", 0),
        ("content_policy", K.CONTENT_POLICY, "moderation_blocked", 0),
        ("hang", K.UNKNOWN_OUTCOME, None, 0),
        ("reset", K.UNKNOWN_OUTCOME, None, 0),
        ("accept_then_hang", K.UNKNOWN_OUTCOME, None, 1),
        ("accept_then_reset", K.UNKNOWN_OUTCOME, None, 1),
        ("accept_then_504", K.UNKNOWN_OUTCOME, "server_error", 1),
        ("garbage", K.UNKNOWN_OUTCOME, None, 1),
        ("502", K.UNKNOWN_OUTCOME, "http_502", 0),
        ("oversized", K.UNKNOWN_OUTCOME, None, 1),
    ],
)
async def test_a_submit_that_fails(
    accounts: Accounts,
    books: Books,
    *,
    scenario: str,
    kind: FailureKind,
    code: str | None,
    accepted: int,
) -> None:
    openai = accounts.openai(f"{books.url}/openai/v1", call_s=patience_with(scenario))
    order = a_sora_order(f"a fox [[submit={scenario}]]")
    failure = await failure_of(openai.submit(order, ATTEMPT))
    assert (kind, code, True) == (failure.kind, failure.upstream_code, failure.is_classified)
    assert accepted == await books.accepted()


async def test_the_wait_that_is_asked_for_is_passed_on(openai: VideoProvider) -> None:
    order = a_sora_order("[[submit=429 retry_after=7]]")
    assert 7.0 == (await failure_of(openai.submit(order, ATTEMPT))).retry_after_s


@pytest.mark.parametrize(
    ("directive", "kind", "code", "is_classified"),
    [
        ("outcome=internal", K.FAILED_UPSTREAM, "server_error", True),
        ("outcome=internal code=moon_phase", K.FAILED_UPSTREAM, "moon_phase", False),
        ("outcome=content_policy", K.CONTENT_POLICY, "moderation_blocked", True),
        ("outcome=filtered", K.CONTENT_POLICY, "moderation_blocked", True),
    ],
)
async def test_a_video_that_fails_reports_no_charge(
    openai: VideoProvider,
    books: Books,
    clock: HandClock,
    *,
    directive: str,
    kind: FailureKind,
    code: str,
    is_classified: bool,
) -> None:
    operation = await openai.submit(a_sora_order(f"[[{directive}]]"), ATTEMPT)
    status = await end_of(openai, operation, clock)
    assert isinstance(status, Failed)
    failure = status.failure
    found = (failure.kind, failure.upstream_code, failure.is_classified)
    assert (kind, code, is_classified) == found
    assert None is status.charge_micro_usd
    assert 0 == await books.invoiced_micro_usd()


@pytest.mark.parametrize(
    ("outcome", "kind"), [("vanish", K.UNKNOWN_OUTCOME), ("garbage", K.MALFORMED)]
)
async def test_a_video_whose_end_cannot_be_known(
    openai: VideoProvider, clock: HandClock, outcome: str, kind: FailureKind
) -> None:
    operation = await openai.submit(a_sora_order(f"[[outcome={outcome}]]"), ATTEMPT)
    await clock.sleep(10)
    assert kind is (await failure_of(openai.status(operation))).kind


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("401", K.AUTH), ("404", K.UNKNOWN_OUTCOME), ("429", K.THROTTLED), ("500", K.UNAVAILABLE),
        ("503", K.UNAVAILABLE), ("504", K.UNAVAILABLE), ("hang", K.UNAVAILABLE),
        ("reset", K.UNAVAILABLE), ("garbage", K.MALFORMED),
        ("502", K.UNAVAILABLE), ("oversized", K.MALFORMED),
    ],
)  # fmt: skip
async def test_a_status_call_that_fails(
    accounts: Accounts, simulator_url: str, clock: HandClock, fault: str, kind: FailureKind
) -> None:
    openai = accounts.openai(f"{simulator_url}/openai/v1", call_s=patience_with(fault))
    # The session repeats a question whose kept-alive connection turns out to be dead, once.
    times = 2 if fault == "reset" else 1
    order = a_sora_order(f"[[status={fault} status_times={times}]]")
    operation = await openai.submit(order, ATTEMPT)
    assert kind is (await failure_of(openai.status(operation))).kind
    await success_of(openai, operation, clock)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("404", K.UNAVAILABLE),
        ("expired", K.UNAVAILABLE),
        ("truncate", K.UNAVAILABLE),
        ("reset", K.UNAVAILABLE),
        ("garbage", K.MALFORMED),
    ],
)
async def test_a_download_that_fails(
    openai: VideoProvider, clock: HandClock, fault: str, kind: FailureKind
) -> None:
    operation = await openai.submit(a_sora_order(f"[[download={fault} bytes=300kB]]"), ATTEMPT)
    result = await success_of(openai, operation, clock)
    assert kind is (await download_failure(openai, result, operation)).kind


async def test_a_video_that_was_fetched_too_late_has_expired(
    openai: VideoProvider, clock: HandClock
) -> None:
    operation = await openai.submit(a_sora_order(), ATTEMPT)
    result = await success_of(openai, operation, clock)
    await clock.sleep(3_601)
    failure = await download_failure(openai, result, operation)
    assert (K.UNAVAILABLE, "http_404") == (failure.kind, failure.upstream_code)
    assert "expired" in failure.message


async def test_a_padded_video_comes_whole(openai: VideoProvider, clock: HandClock) -> None:
    operation = await openai.submit(a_sora_order("[[bytes=3MB]]"), ATTEMPT)
    result = await success_of(openai, operation, clock)
    assert 3_000_000 == len(await downloaded(openai, result, operation))
