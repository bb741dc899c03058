"""Vertex's adapter against the simulated Vertex AI: every scenario, over real HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.failure import FailureKind
from proxy.gateway.ports.provider import Failed, Pending
from proxy.providers.video_file import is_video
from tests.providers.accounts import (
    ATTEMPT,
    VERTEX_CREDENTIALS,
    VERTEX_UPSTREAM,
    Accounts,
    HandClock,
    a_png,
    an_input,
    an_order,
    download_failure,
    downloaded,
    end_of,
    failure_of,
    files_in,
    patience_with,
    settings_for,
    success_of,
)
from tests.providers.simulated import Books

if TYPE_CHECKING:
    from pathlib import Path

    from proxy.domain.video import Order
    from proxy.gateway.ports.provider import VideoProvider

K = FailureKind


@pytest.fixture
def vertex(accounts: Accounts, simulator_url: str, tmp_path: Path) -> VideoProvider:
    return accounts.vertex(f"{simulator_url}/vertex", spool_dir=tmp_path)


@pytest.fixture
def books(accounts: Accounts, simulator_url: str) -> Books:
    return Books(accounts.sessions.configured, simulator_url)


def a_veo_order(prompt: str = "a red fox in the snow", *, audio: bool = True) -> Order:
    return an_order(prompt, upstream=VERTEX_UPSTREAM, audio=audio)


async def test_a_signed_token_makes_a_video(
    accounts: Accounts, simulator_url: str, clock: HandClock
) -> None:
    adapter = accounts.signing_vertex(f"{simulator_url}/vertex")
    operation = await adapter.submit(a_veo_order(), ATTEMPT)
    assert isinstance(await adapter.status(operation), Pending)
    result = await success_of(adapter, operation, clock)
    assert is_video(await downloaded(adapter, result))


@pytest.mark.parametrize(("audio", "micro_usd"), [(True, 400_000), (False, 320_000)])
async def test_sound_is_made_and_paid_as_ordered(
    vertex: VideoProvider,
    books: Books,
    clock: HandClock,
    tmp_path: Path,
    *,
    audio: bool,
    micro_usd: int,
) -> None:
    operation = await vertex.submit(a_veo_order(audio=audio), ATTEMPT)
    result = await success_of(vertex, operation, clock)
    assert (1, None) == (result.result["videos"], result.charge_micro_usd)
    assert micro_usd == await books.invoiced_micro_usd()
    assert is_video(await downloaded(vertex, result))
    assert [] == files_in(tmp_path)


async def test_a_first_frame_is_animated(vertex: VideoProvider, clock: HandClock) -> None:
    order = replace(a_veo_order(), first_frame=an_input(a_png()))
    await success_of(vertex, await vertex.submit(order, ATTEMPT), clock)


async def test_another_project_is_a_matter_of_auth(accounts: Accounts, simulator_url: str) -> None:
    credentials = {**VERTEX_CREDENTIALS, "project": "other-project"}
    adapter = accounts.build("vertex", credentials, settings_for(f"{simulator_url}/vertex"))
    assert K.AUTH is (await failure_of(adapter.submit(a_veo_order(), ATTEMPT))).kind


@pytest.mark.parametrize(
    ("scenario", "kind", "code", "accepted"),
    [
        ("400", K.INVALID_INPUT, "INVALID_ARGUMENT", 0),
        ("401", K.AUTH, "UNAUTHENTICATED", 0),
        ("404", K.MODEL_GONE, "NOT_FOUND", 0),
        ("429", K.THROTTLED, "RESOURCE_EXHAUSTED", 0),
        ("500", K.UNAVAILABLE, "INTERNAL", 0),
        ("503", K.UNAVAILABLE, "UNAVAILABLE", 0),
        ("504", K.UNKNOWN_OUTCOME, "DEADLINE_EXCEEDED", 0),
        ("account", K.ACCOUNT, "PERMISSION_DENIED", 0),
        ("concurrency", K.THROTTLED, "RESOURCE_EXHAUSTED", 0),
        ("content_policy", K.CONTENT_POLICY, "INVALID_ARGUMENT", 0),
        ("hang", K.UNKNOWN_OUTCOME, None, 0),
        ("reset", K.UNKNOWN_OUTCOME, None, 0),
        ("accept_then_hang", K.UNKNOWN_OUTCOME, None, 1),
        ("accept_then_reset", K.UNKNOWN_OUTCOME, None, 1),
        ("accept_then_504", K.UNKNOWN_OUTCOME, "DEADLINE_EXCEEDED", 1),
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
    vertex = accounts.vertex(f"{books.url}/vertex", call_s=patience_with(scenario))
    order = a_veo_order(f"a fox [[submit={scenario}]]")
    failure = await failure_of(vertex.submit(order, ATTEMPT))
    assert (kind, code, True) == (failure.kind, failure.upstream_code, failure.is_classified)
    assert accepted == await books.accepted()


async def test_a_retired_model_is_gone(vertex: VideoProvider) -> None:
    order = replace(a_veo_order(), upstream="veo-2.0-generate-001")
    assert K.MODEL_GONE is (await failure_of(vertex.submit(order, ATTEMPT))).kind


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        ("internal", K.FAILED_UPSTREAM),
        ("content_policy", K.CONTENT_POLICY),
        ("filtered", K.CONTENT_POLICY),
    ],
)
async def test_an_operation_that_fails_reports_no_charge(
    vertex: VideoProvider, books: Books, clock: HandClock, outcome: str, kind: FailureKind
) -> None:
    operation = await vertex.submit(a_veo_order(f"[[outcome={outcome}]]"), ATTEMPT)
    status = await end_of(vertex, operation, clock)
    assert isinstance(status, Failed)
    assert (kind, True) == (status.failure.kind, status.failure.is_classified)
    assert None is status.charge_micro_usd
    assert 0 == await books.invoiced_micro_usd()


@pytest.mark.parametrize(
    ("outcome", "kind"), [("vanish", K.UNKNOWN_OUTCOME), ("garbage", K.MALFORMED)]
)
async def test_an_operation_whose_end_cannot_be_known(
    vertex: VideoProvider, clock: HandClock, outcome: str, kind: FailureKind
) -> None:
    operation = await vertex.submit(a_veo_order(f"[[outcome={outcome}]]"), ATTEMPT)
    await clock.sleep(10)
    assert kind is (await failure_of(vertex.status(operation))).kind


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("401", K.AUTH), ("404", K.UNKNOWN_OUTCOME), ("429", K.THROTTLED), ("500", K.UNAVAILABLE),
        ("503", K.UNAVAILABLE), ("504", K.UNAVAILABLE), ("hang", K.UNAVAILABLE),
        ("reset", K.UNAVAILABLE), ("garbage", K.MALFORMED),
        ("502", K.UNAVAILABLE), ("oversized", K.MALFORMED),
    ],
)  # fmt: skip
async def test_a_status_call_that_fails_once(
    accounts: Accounts, simulator_url: str, clock: HandClock, *, fault: str, kind: FailureKind
) -> None:
    vertex = accounts.vertex(f"{simulator_url}/vertex", call_s=patience_with(fault))
    order = a_veo_order(f"[[status={fault} status_times=1]]")
    operation = await vertex.submit(order, ATTEMPT)
    assert kind is (await failure_of(vertex.status(operation))).kind
    await success_of(vertex, operation, clock)


@pytest.mark.parametrize("fault", ["truncate", "reset"])
async def test_a_video_cut_off_can_be_asked_for_again(
    vertex: VideoProvider, clock: HandClock, tmp_path: Path, fault: str
) -> None:
    order = a_veo_order(f"[[download={fault} bytes=2MB]]")
    operation = await vertex.submit(order, ATTEMPT)
    await clock.sleep(10)
    assert K.UNAVAILABLE is (await failure_of(vertex.status(operation))).kind
    assert [] == files_in(tmp_path)


async def test_what_is_no_video_is_malformed(
    vertex: VideoProvider, clock: HandClock, tmp_path: Path
) -> None:
    operation = await vertex.submit(a_veo_order("[[download=garbage]]"), ATTEMPT)
    result = await success_of(vertex, operation, clock)
    assert K.MALFORMED is (await download_failure(vertex, result)).kind
    assert [] == files_in(tmp_path)


async def test_a_padded_video_comes_whole(vertex: VideoProvider, clock: HandClock) -> None:
    operation = await vertex.submit(a_veo_order("[[bytes=3MB]]"), ATTEMPT)
    result = await success_of(vertex, operation, clock)
    assert 3_000_000 == len(await downloaded(vertex, result))


@pytest.mark.parametrize("storage_uri", ["gs://films", "gs://films/veo/2026/"])
async def test_a_video_in_a_bucket_is_fetched_with_the_same_token(
    accounts: Accounts, simulator_url: str, clock: HandClock, tmp_path: Path, storage_uri: str
) -> None:
    url = f"{simulator_url}/vertex"
    storage = {"storage_uri": storage_uri, "storage_base_url": url}
    vertex = accounts.vertex(url, spool_dir=tmp_path, storage=storage)
    operation = await vertex.submit(a_veo_order("[[bytes=3MB]]"), ATTEMPT)
    result = await success_of(vertex, operation, clock)
    assert None is result.inline_path
    assert 3_000_000 == len(await downloaded(vertex, result))
    assert [] == files_in(tmp_path)


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
async def test_a_bucket_that_fails(
    accounts: Accounts, simulator_url: str, clock: HandClock, fault: str, kind: FailureKind
) -> None:
    url = f"{simulator_url}/vertex"
    storage = {"storage_uri": "gs://films/veo", "storage_base_url": url}
    vertex = accounts.vertex(url, storage=storage)
    operation = await vertex.submit(a_veo_order(f"[[download={fault} bytes=300kB]]"), ATTEMPT)
    result = await success_of(vertex, operation, clock)
    assert kind is (await download_failure(vertex, result)).kind
