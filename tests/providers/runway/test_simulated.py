"""Runway's adapter against the simulated Runway: every scenario, over real HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.failure import FailureKind
from proxy.gateway.ports.provider import Cancels, Failed, Pending
from proxy.providers.video_file import is_video
from tests.providers.accounts import (
    ATTEMPT,
    RUNWAY_UPSTREAM,
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
    from proxy.domain.job import Operation
    from proxy.domain.video import Order
    from proxy.gateway.ports.provider import VideoProvider

K = FailureKind


@pytest.fixture
def runway(accounts: Accounts, simulator_url: str) -> VideoProvider:
    return accounts.runway(f"{simulator_url}/runway")


@pytest.fixture
def books(accounts: Accounts, simulator_url: str) -> Books:
    return Books(accounts.sessions.configured, simulator_url)


def a_gen4_order(prompt: str = "a red fox in the snow") -> Order:
    return an_order(prompt, upstream=RUNWAY_UPSTREAM)


async def cancel(adapter: VideoProvider, operation: Operation) -> None:
    assert isinstance(adapter, Cancels)
    await adapter.cancel(operation)


@pytest.mark.parametrize(
    ("upstream", "resolution", "aspect_ratio", "audio", "micro_usd"),
    [
        ("gen4.5", "720p", "16:9", False, 480_000),
        ("gen4.5", "720p", "9:16", False, 480_000),
        ("veo3.1", "1080p", "16:9", True, 1_600_000),
        ("veo3.1", "720p", "9:16", False, 800_000),
        ("veo3.1_fast", "1080p", "9:16", True, 600_000),
        ("veo3.1_fast", "720p", "16:9", False, 400_000),
    ],
)
async def test_each_model_makes_a_video_charged_as_invoiced(
    runway: VideoProvider,
    books: Books,
    clock: HandClock,
    *,
    upstream: str,
    resolution: str,
    aspect_ratio: str,
    audio: bool,
    micro_usd: int,
) -> None:
    order = an_order(upstream=upstream, audio=audio)
    shape = replace(order.shape, resolution=resolution, aspect_ratio=aspect_ratio)
    operation = await runway.submit(replace(order, shape=shape), ATTEMPT)
    assert isinstance(await runway.status(operation), Pending)
    result = await success_of(runway, operation, clock)
    assert is_video(await downloaded(runway, result, operation))
    assert micro_usd == result.charge_micro_usd == await books.invoiced_micro_usd()


@pytest.mark.parametrize("aspect_ratio", ["16:9", "9:16", "1:1", "4:3", "3:4", "21:9"])
@pytest.mark.parametrize("upstream", ["gen4.5", "gen4_turbo"])
async def test_a_first_frame_is_animated_in_every_shape(
    runway: VideoProvider, clock: HandClock, upstream: str, aspect_ratio: str
) -> None:
    order = an_order(upstream=upstream, first_frame=an_input(a_png()))
    shape = replace(order.shape, aspect_ratio=aspect_ratio)
    operation = await runway.submit(replace(order, shape=shape), ATTEMPT)
    await success_of(runway, operation, clock)


async def test_a_model_that_needs_a_picture_refuses_text(runway: VideoProvider) -> None:
    failure = await failure_of(runway.submit(an_order(upstream="gen4_turbo"), ATTEMPT))
    assert K.MODEL_GONE is failure.kind


async def test_a_length_it_does_not_make_is_invalid(runway: VideoProvider) -> None:
    failure = await failure_of(runway.submit(an_order(upstream="gen4.5", seconds=11), ATTEMPT))
    assert K.INVALID_INPUT is failure.kind
    assert "duration" in failure.message


async def test_a_wrong_secret_is_a_matter_of_auth(accounts: Accounts, simulator_url: str) -> None:
    settings = settings_for(f"{simulator_url}/runway")
    adapter = accounts.build("runway", {"api_secret": "wrong"}, settings)
    assert K.AUTH is (await failure_of(adapter.submit(a_gen4_order(), ATTEMPT))).kind


@pytest.mark.parametrize(
    ("scenario", "kind", "code", "accepted"),
    [
        ("400", K.INVALID_INPUT, "http_400", 0),
        ("401", K.AUTH, "http_401", 0),
        ("404", K.MODEL_GONE, "http_404", 0),
        ("410", K.MODEL_GONE, "http_400", 0),
        ("429", K.THROTTLED, "http_429", 0),
        ("500", K.UNAVAILABLE, "http_500", 0),
        ("503", K.UNAVAILABLE, "http_503", 0),
        ("504", K.UNKNOWN_OUTCOME, "http_504", 0),
        ("account", K.ACCOUNT, "http_400", 0),
        ("hang", K.UNKNOWN_OUTCOME, None, 0),
        ("reset", K.UNKNOWN_OUTCOME, None, 0),
        ("accept_then_hang", K.UNKNOWN_OUTCOME, None, 1),
        ("accept_then_reset", K.UNKNOWN_OUTCOME, None, 1),
        ("accept_then_504", K.UNKNOWN_OUTCOME, "http_504", 1),
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
    runway = accounts.runway(f"{books.url}/runway", call_s=patience_with(scenario))
    order = a_gen4_order(f"a fox [[submit={scenario}]]")
    failure = await failure_of(runway.submit(order, ATTEMPT))
    assert (kind, code, True) == (failure.kind, failure.upstream_code, failure.is_classified)
    assert accepted == await books.accepted()


async def test_the_wait_that_is_asked_for_is_passed_on(runway: VideoProvider) -> None:
    order = a_gen4_order("[[submit=429 retry_after=7]]")
    assert 7.0 == (await failure_of(runway.submit(order, ATTEMPT))).retry_after_s


async def test_a_throttled_task_is_at_work(runway: VideoProvider, clock: HandClock) -> None:
    operation = await runway.submit(a_gen4_order("[[submit=concurrency]]"), ATTEMPT)
    assert Pending(is_waiting=True) == await runway.status(operation)
    await success_of(runway, operation, clock)


async def test_progress_is_told(runway: VideoProvider, clock: HandClock) -> None:
    operation = await runway.submit(a_gen4_order("[[render=10]]"), ATTEMPT)
    await clock.sleep(5)
    status = await runway.status(operation)
    assert isinstance(status, Pending)
    assert status.progress is not None
    assert 0 < status.progress < 100


@pytest.mark.parametrize(
    ("directive", "kind", "code", "micro_usd"),
    [
        ("outcome=internal", K.FAILED_UPSTREAM, "INTERNAL", 0),
        ("outcome=internal code=THIRD_PARTY.UNAVAILABLE", K.FAILED_UPSTREAM,
         "THIRD_PARTY.UNAVAILABLE", 0),
        ("outcome=internal code=INTERNAL.BAD_OUTPUT.CODE01", K.FAILED_UPSTREAM,
         "INTERNAL.BAD_OUTPUT.CODE01", 0),
        ("outcome=internal code=ASSET.INVALID", K.INVALID_INPUT, "ASSET.INVALID", 0),
        ("outcome=content_policy", K.CONTENT_POLICY, "SAFETY.INPUT.TEXT", 480_000),
        ("outcome=filtered", K.CONTENT_POLICY, "SAFETY.OUTPUT.VIDEO", 480_000),
        ("submit=content_policy", K.CONTENT_POLICY, "INPUT_PREPROCESSING.SAFETY.TEXT", 480_000),
        ("outcome=cancelled", K.FAILED_UPSTREAM, "CANCELLED", 480_000),
    ],
)  # fmt: skip
async def test_a_task_that_fails_costs_what_it_reports(
    runway: VideoProvider,
    books: Books,
    clock: HandClock,
    *,
    directive: str,
    kind: FailureKind,
    code: str,
    micro_usd: int,
) -> None:
    operation = await runway.submit(a_gen4_order(f"[[{directive}]]"), ATTEMPT)
    status = await end_of(runway, operation, clock)
    assert isinstance(status, Failed)
    failure = status.failure
    assert (kind, code, True) == (failure.kind, failure.upstream_code, failure.is_classified)
    assert micro_usd == status.charge_micro_usd == await books.invoiced_micro_usd()


@pytest.mark.parametrize(
    ("outcome", "kind"), [("vanish", K.UNKNOWN_OUTCOME), ("garbage", K.MALFORMED)]
)
async def test_a_task_whose_end_cannot_be_known(
    runway: VideoProvider, clock: HandClock, outcome: str, kind: FailureKind
) -> None:
    operation = await runway.submit(a_gen4_order(f"[[outcome={outcome}]]"), ATTEMPT)
    await clock.sleep(10)
    assert kind is (await failure_of(runway.status(operation))).kind


@pytest.mark.parametrize("factor", ["1.5x", "0x"])
async def test_the_provider_s_own_bill_is_the_charge(
    runway: VideoProvider, books: Books, clock: HandClock, factor: str
) -> None:
    operation = await runway.submit(a_gen4_order(f"[[bill={factor}]]"), ATTEMPT)
    result = await success_of(runway, operation, clock)
    assert await books.invoiced_micro_usd() == result.charge_micro_usd


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
    runway = accounts.runway(f"{simulator_url}/runway", call_s=patience_with(fault))
    # The session repeats a question whose kept-alive connection turns out to be dead, once.
    times = 2 if fault == "reset" else 1
    order = a_gen4_order(f"[[status={fault} status_times={times}]]")
    operation = await runway.submit(order, ATTEMPT)
    assert kind is (await failure_of(runway.status(operation))).kind
    await success_of(runway, operation, clock)


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
    runway: VideoProvider, clock: HandClock, fault: str, kind: FailureKind
) -> None:
    operation = await runway.submit(a_gen4_order(f"[[download={fault} bytes=300kB]]"), ATTEMPT)
    result = await success_of(runway, operation, clock)
    assert kind is (await download_failure(runway, result, operation)).kind


async def test_a_link_that_has_died_is_asked_for_again(
    runway: VideoProvider, clock: HandClock
) -> None:
    operation = await runway.submit(a_gen4_order("[[link=60 bytes=300kB]]"), ATTEMPT)
    result = await success_of(runway, operation, clock)
    await clock.sleep(61)
    assert 300_000 == len(await downloaded(runway, result, operation))


@pytest.mark.parametrize("fault", ["404", "expired"])
async def test_a_download_that_fails_once_is_mended(
    runway: VideoProvider, clock: HandClock, fault: str
) -> None:
    order = a_gen4_order(f"[[download={fault} download_times=1 bytes=300kB]]")
    operation = await runway.submit(order, ATTEMPT)
    result = await success_of(runway, operation, clock)
    await clock.sleep(1)
    assert 300_000 == len(await downloaded(runway, result, operation))


@pytest.mark.parametrize(
    ("waited_s", "is_waiting", "micro_usd"), [(0.0, True, 0), (30.0, False, 480_000)]
)
async def test_a_cancelled_task_is_paid_if_it_was_running(
    runway: VideoProvider,
    books: Books,
    clock: HandClock,
    waited_s: float,
    is_waiting: bool,
    micro_usd: int,
) -> None:
    operation = await runway.submit(a_gen4_order("[[render=60]]"), ATTEMPT)
    await clock.sleep(waited_s)
    status = await runway.status(operation)
    assert isinstance(status, Pending)
    assert is_waiting == status.is_waiting
    await cancel(runway, operation)
    assert micro_usd == await books.invoiced_micro_usd()
    # Its record is gone with it, and a second cancel has nothing to say.
    assert K.UNKNOWN_OUTCOME is (await failure_of(runway.status(operation))).kind
    await cancel(runway, operation)
