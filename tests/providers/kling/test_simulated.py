"""Kling's adapter against the simulated Kling: every scenario, over real HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.domain.failure import FailureKind
from proxy.domain.ids import AttemptId
from proxy.gateway.ports.provider import (
    AnswersTogether,
    Failed,
    FindsByAttempt,
    Pending,
    Succeeded,
)
from proxy.providers.video_file import is_video
from tests.providers.accounts import (
    ATTEMPT,
    KLING_KEY_PAIR,
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
    success_of,
)
from tests.providers.simulated import Books

if TYPE_CHECKING:
    from proxy.domain.job import Operation
    from proxy.gateway.ports.provider import VideoProvider

K = FailureKind


@pytest.fixture
def kling(accounts: Accounts, simulator_url: str) -> VideoProvider:
    return accounts.kling(f"{simulator_url}/kling")


@pytest.fixture
def books(accounts: Accounts, simulator_url: str) -> Books:
    return Books(accounts.sessions.configured, simulator_url)


async def find(adapter: VideoProvider) -> Operation | None:
    assert isinstance(adapter, FindsByAttempt)
    return await adapter.find(ATTEMPT)


@pytest.mark.parametrize(
    ("upstream", "seconds", "audio"),
    [
        ("kling-3.0", 4, False),
        ("kling-3.0", 3, True),
        ("kling-3.0-turbo", 3, True),
        ("kling-2.6", 5, False),
        ("kling-2.5-turbo", 5, False),
    ],
)
async def test_each_model_makes_a_video_charged_as_invoiced(
    kling: VideoProvider, books: Books, clock: HandClock, upstream: str, seconds: int, audio: bool
) -> None:
    order = an_order(upstream=upstream, seconds=seconds, audio=audio)
    operation = await kling.submit(order, ATTEMPT)
    assert isinstance(await kling.status(operation), Pending)
    result = await success_of(kling, operation, clock)
    assert is_video(await downloaded(kling, result))
    assert await books.invoiced_micro_usd() == result.charge_micro_usd


async def test_a_first_frame_is_animated(kling: VideoProvider, clock: HandClock) -> None:
    order = an_order(first_frame=an_input(a_png()))
    operation = await kling.submit(order, ATTEMPT)
    assert "image-to-video" == operation["kind"]
    await success_of(kling, operation, clock)


async def test_a_key_pair_works_as_well_as_an_api_key(
    accounts: Accounts, simulator_url: str, clock: HandClock
) -> None:
    adapter = accounts.kling(f"{simulator_url}/kling", KLING_KEY_PAIR)
    operation = await adapter.submit(an_order("[[render=3600]]"), ATTEMPT)
    # Two tokens are needed on the way.
    await clock.sleep(1_700)
    assert isinstance(await adapter.status(operation), Pending)
    await clock.sleep(1_901)
    await success_of(adapter, operation, clock)


@pytest.mark.parametrize(
    "credentials", [{"api_key": "wrong"}, KLING_KEY_PAIR | {"secret_key": "wrong" * 8}]
)
async def test_wrong_credentials_are_a_matter_of_auth(
    accounts: Accounts, simulator_url: str, credentials: dict[str, str]
) -> None:
    adapter = accounts.kling(f"{simulator_url}/kling", credentials)
    assert K.AUTH is (await failure_of(adapter.submit(an_order(), ATTEMPT))).kind


@pytest.mark.parametrize(
    ("scenario", "kind", "code", "accepted"),
    [
        ("400", K.INVALID_INPUT, "1201", 0),
        ("401", K.AUTH, "1000", 0),
        ("404", K.MODEL_GONE, "1203", 0),
        ("429", K.THROTTLED, "1302", 0),
        ("500", K.UNAVAILABLE, "5000", 0),
        ("503", K.UNAVAILABLE, "5001", 0),
        ("504", K.UNKNOWN_OUTCOME, "5002", 0),
        ("account", K.ACCOUNT, "1102", 0),
        ("concurrency", K.THROTTLED, "1303", 0),
        ("content_policy", K.CONTENT_POLICY, "1301", 0),
        ("hang", K.UNKNOWN_OUTCOME, None, 0),
        ("reset", K.UNKNOWN_OUTCOME, None, 0),
        ("accept_then_hang", K.UNKNOWN_OUTCOME, None, 1),
        ("accept_then_reset", K.UNKNOWN_OUTCOME, None, 1),
        ("accept_then_504", K.UNKNOWN_OUTCOME, "5002", 1),
        ("garbage", K.UNKNOWN_OUTCOME, None, 1),
        ("502", K.UNKNOWN_OUTCOME, "http_502", 0),
        ("oversized", K.UNKNOWN_OUTCOME, None, 1),
    ],
)
async def test_a_submit_that_fails_is_found_if_it_was_accepted(
    accounts: Accounts,
    books: Books,
    *,
    scenario: str,
    kind: FailureKind,
    code: str | None,
    accepted: int,
) -> None:
    kling = accounts.kling(f"{books.url}/kling", call_s=patience_with(scenario))
    order = an_order(f"a fox [[submit={scenario}]]")
    failure = await failure_of(kling.submit(order, ATTEMPT))
    assert (kind, code, True) == (failure.kind, failure.upstream_code, failure.is_classified)
    found = await find(kling)
    assert (accepted == 1) == (found is not None)
    assert accepted == await books.accepted()
    if found is not None:
        assert isinstance(await kling.status(found), Pending)


async def test_the_wait_that_is_asked_for_is_passed_on(kling: VideoProvider) -> None:
    order = an_order("[[submit=429 retry_after=7]]")
    assert 7.0 == (await failure_of(kling.submit(order, ATTEMPT))).retry_after_s


async def test_a_second_submit_of_an_accepted_attempt_buys_nothing(
    kling: VideoProvider, books: Books
) -> None:
    await kling.submit(an_order(), ATTEMPT)
    failure = await failure_of(kling.submit(an_order(), ATTEMPT))
    assert K.UNKNOWN_OUTCOME is failure.kind
    assert 1 == await books.accepted()


async def test_a_model_that_is_gone(kling: VideoProvider) -> None:
    failure = await failure_of(kling.submit(an_order(upstream="kling-1.0"), ATTEMPT))
    assert K.MODEL_GONE is failure.kind


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        ("internal", K.FAILED_UPSTREAM),
        ("content_policy", K.CONTENT_POLICY),
        ("filtered", K.CONTENT_POLICY),
    ],
)
async def test_a_task_that_fails_costs_what_it_reports(
    kling: VideoProvider, books: Books, clock: HandClock, outcome: str, kind: FailureKind
) -> None:
    operation = await kling.submit(an_order(f"[[outcome={outcome}]]"), ATTEMPT)
    status = await end_of(kling, operation, clock)
    assert isinstance(status, Failed)
    assert (kind, True) == (status.failure.kind, status.failure.is_classified)
    assert await books.invoiced_micro_usd() == status.charge_micro_usd == 0


@pytest.mark.parametrize(
    ("outcome", "kind"), [("vanish", K.UNKNOWN_OUTCOME), ("garbage", K.MALFORMED)]
)
async def test_a_task_whose_end_cannot_be_known(
    kling: VideoProvider, clock: HandClock, outcome: str, kind: FailureKind
) -> None:
    operation = await kling.submit(an_order(f"[[outcome={outcome}]]"), ATTEMPT)
    await clock.sleep(10)
    assert kind is (await failure_of(kling.status(operation))).kind


@pytest.mark.parametrize("factor", ["1.5x", "0x", "0.333333x"])
async def test_the_provider_s_own_bill_is_the_charge(
    kling: VideoProvider, books: Books, clock: HandClock, factor: str
) -> None:
    operation = await kling.submit(an_order(f"[[bill={factor}]]"), ATTEMPT)
    result = await success_of(kling, operation, clock)
    assert await books.invoiced_micro_usd() == result.charge_micro_usd


READ_FAULTS = [
    ("401", K.AUTH), ("404", K.UNKNOWN_OUTCOME), ("429", K.THROTTLED), ("500", K.UNAVAILABLE),
    ("503", K.UNAVAILABLE), ("504", K.UNAVAILABLE), ("hang", K.UNAVAILABLE),
    ("reset", K.UNAVAILABLE), ("garbage", K.MALFORMED),
    ("502", K.UNAVAILABLE), ("oversized", K.MALFORMED),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "kind"), READ_FAULTS)
async def test_a_status_call_that_fails(
    accounts: Accounts, simulator_url: str, fault: str, kind: FailureKind
) -> None:
    kling = accounts.kling(f"{simulator_url}/kling", call_s=patience_with(fault))
    # The session repeats a question whose kept-alive connection turns out to be dead, once.
    order = an_order(f"[[status={fault} status_times=2]]")
    operation = await kling.submit(order, ATTEMPT)
    assert kind is (await failure_of(kling.status(operation))).kind


@pytest.mark.parametrize(("fault", "kind"), READ_FAULTS)
async def test_a_look_up_that_fails_is_never_taken_for_nothing_found(
    accounts: Accounts, simulator_url: str, fault: str, kind: FailureKind
) -> None:
    kling = accounts.kling(f"{simulator_url}/kling", call_s=patience_with(fault))
    await kling.submit(an_order(f"[[find={fault} find_times=2]]"), ATTEMPT)
    if fault == "404":
        assert None is await find(kling)
    else:
        assert kind is (await failure_of(find(kling))).kind


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
    kling: VideoProvider, clock: HandClock, fault: str, kind: FailureKind
) -> None:
    operation = await kling.submit(an_order(f"[[download={fault} bytes=300kB]]"), ATTEMPT)
    result = await success_of(kling, operation, clock)
    assert kind is (await download_failure(kling, result)).kind


async def test_a_slow_download_comes_whole(kling: VideoProvider, clock: HandClock) -> None:
    operation = await kling.submit(an_order("[[download=slow bytes=300kB]]"), ATTEMPT)
    result = await success_of(kling, operation, clock)
    assert 300_000 == len(await downloaded(kling, result))


async def test_a_success_survives_being_asked_twice(
    kling: VideoProvider, clock: HandClock
) -> None:
    operation = await kling.submit(an_order(), ATTEMPT)
    result = await success_of(kling, operation, clock)
    again = await kling.status(operation)
    assert isinstance(again, Succeeded)
    assert await downloaded(kling, result) == await downloaded(kling, again)


async def test_many_tasks_are_followed_in_one_call_each(
    kling: VideoProvider, books: Books, clock: HandClock
) -> None:
    assert isinstance(kling, AnswersTogether)
    prompts = ("[[render=1]]", "[[outcome=vanish]]", "[[outcome=garbage]]", "[[render=3600]]")
    operations = [
        await kling.submit(an_order(prompt), AttemptId(f"{ATTEMPT}{number}"))
        for number, prompt in enumerate(prompts)
    ]
    assert [Pending()] * 4 == list(await kling.status_many(operations))
    await clock.sleep(10)
    done, vanished, garbled, pending = await kling.status_many(operations)
    assert isinstance(done, Succeeded)
    assert (None, None, Pending()) == (vanished, garbled, pending)
    calls = [call["operation"] for call in (await books.read("calls"))["calls"]]
    assert ["submit"] * 4 + ["status"] * 2 == calls
