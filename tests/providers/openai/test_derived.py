"""Remix, edit and extension at the simulated OpenAI: what is billed, and a source that is gone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.failure import FailureKind
from proxy.domain.source import Verb
from proxy.domain.video import OrderSource
from proxy.providers.video_file import is_video
from tests.providers.accounts import (
    ATTEMPT,
    OPENAI_UPSTREAM,
    Accounts,
    HandClock,
    an_order,
    downloaded,
    failure_of,
    success_of,
)
from tests.providers.raw_server import answering, raw_server
from tests.providers.simulated import Books

if TYPE_CHECKING:
    from proxy.domain.job import Operation
    from proxy.domain.video import Order
    from proxy.gateway.ports.provider import VideoProvider

K = FailureKind
VERBS = (Verb.REMIX, Verb.EDIT, Verb.EXTEND)


@pytest.fixture
def openai(accounts: Accounts, simulator_url: str) -> VideoProvider:
    return accounts.openai(f"{simulator_url}/openai/v1")


@pytest.fixture
def books(accounts: Accounts, simulator_url: str) -> Books:
    return Books(accounts.sessions.configured, simulator_url)


def from_(source: Operation, verb: Verb, prompt: str = "in the rain") -> Order:
    """An order of 8 s that starts from a video of 4 s."""
    order = an_order(prompt, upstream=OPENAI_UPSTREAM, seconds=8 if verb is Verb.EXTEND else 4)
    return replace(order, source=OrderSource(verb=verb, seconds=4, operation=source))


async def made(openai: VideoProvider, clock: HandClock) -> Operation:
    operation = await openai.submit(an_order(upstream=OPENAI_UPSTREAM), ATTEMPT)
    await success_of(openai, operation, clock)
    return operation


@pytest.mark.parametrize(
    ("verb", "billed"), [*zip(VERBS, (400_000, 400_000, 800_000), strict=True)]
)
async def test_each_verb_makes_a_video_of_its_own(
    openai: VideoProvider, books: Books, clock: HandClock, *, verb: Verb, billed: int
) -> None:
    source = await made(openai, clock)
    operation = await openai.submit(from_(source, verb), ATTEMPT)
    assert operation != source
    result = await success_of(openai, operation, clock)
    assert is_video(await downloaded(openai, result, operation))
    assert 400_000 + billed == await books.invoiced_micro_usd()


@pytest.mark.parametrize("verb", VERBS)
async def test_a_source_that_is_gone_there_is_told_apart_from_a_model(
    openai: VideoProvider, books: Books, verb: Verb
) -> None:
    order = from_({"task_id": "video_gone"}, verb)
    failure = await failure_of(openai.submit(order, ATTEMPT))
    assert (K.SOURCE_GONE, True) == (failure.kind, failure.is_classified)
    assert "video_gone" in failure.message
    assert 0 == await books.accepted()


async def test_a_model_that_is_gone_is_gone_for_what_it_made_as_well(
    openai: VideoProvider, clock: HandClock
) -> None:
    source = await made(openai, clock)
    order = from_(source, Verb.REMIX, "[[submit=410]]")
    assert K.MODEL_GONE is (await failure_of(openai.submit(order, ATTEMPT))).kind


async def test_a_404_that_names_the_model_is_about_the_model(accounts: Accounts) -> None:
    body = {"error": {"message": "no", "type": "t", "param": "model", "code": None}}
    async with raw_server(answering(body, status="404 Not Found")) as server:
        order = from_({"task_id": "video_a"}, Verb.EDIT)
        failure = await failure_of(accounts.openai(server.url).submit(order, ATTEMPT))
    assert K.MODEL_GONE is failure.kind


async def test_a_video_that_is_not_done_there_is_a_fault_of_the_request(
    openai: VideoProvider,
) -> None:
    source = await openai.submit(an_order(upstream=OPENAI_UPSTREAM), ATTEMPT)
    failure = await failure_of(openai.submit(from_(source, Verb.EDIT), ATTEMPT))
    assert K.INVALID_INPUT is failure.kind


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [("content_policy", K.CONTENT_POLICY), ("503", K.UNAVAILABLE), ("garbage", K.UNKNOWN_OUTCOME)],
)
async def test_it_fails_like_any_submit(
    openai: VideoProvider, clock: HandClock, scenario: str, kind: FailureKind
) -> None:
    source = await made(openai, clock)
    order = from_(source, Verb.REMIX, f"[[submit={scenario}]]")
    assert kind is (await failure_of(openai.submit(order, ATTEMPT))).kind
