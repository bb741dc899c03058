"""The vendors' own lists of what they have made, read to their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.domain.failure import FailureKind
from proxy.domain.ids import AttemptId
from proxy.domain.orphan import Fate, Listed
from proxy.domain.video import Shape
from proxy.gateway.ports.provider import ListsOperations
from proxy.providers import listing
from proxy.providers.failures import Failures
from tests.providers.accounts import ATTEMPT, Accounts, an_order, failure_of
from tests.providers.raw_server import answering, answering_in_turn, raw_server

if TYPE_CHECKING:
    from proxy.gateway.ports.provider import VideoProvider
    from proxy.providers.listing import Page
    from tests.providers.accounts import HandClock

RENDER_S = 5.0
SORA = "sora-2"
K = FailureKind


def lister(adapter: VideoProvider) -> ListsOperations:
    assert isinstance(adapter, ListsOperations)
    return adapter


async def listed(adapter: VideoProvider, since_s: float = 0.0) -> list[Listed]:
    return [each async for each in lister(adapter).list_operations(since_s=since_s)]


async def test_kling_tells_whose_a_task_is_and_what_it_cost(
    accounts: Accounts, clock: HandClock, simulator_url: str
) -> None:
    adapter = accounts.kling(f"{simulator_url}/kling")
    since_s = clock.now_s()
    operations = [
        await adapter.submit(an_order(f"a boat {directive}"), AttemptId(f"{ATTEMPT}{number}"))
        for number, directive in enumerate(("", "[[outcome=internal]]", "[[outcome=hang]]"))
    ]
    await clock.sleep(RENDER_S + 1)
    found = {each.task: each for each in await listed(adapter, since_s - 1)}
    assert [str(each["task_id"]) for each in operations] == list(found)
    assert [
        (Fate.MADE, f"{ATTEMPT}0", 336_000),
        (Fate.FAILED, f"{ATTEMPT}1", 0),
        (Fate.PENDING, f"{ATTEMPT}2", None),
    ] == [(each.fate, each.external_id, each.charge_micro_usd) for each in found.values()]
    assert {int(since_s * 1000)} == {each.created_at_ms for each in found.values()}
    assert [] == await listed(adapter, clock.now_s() - 1)
    assert lister(adapter).lists_attempts


async def test_openai_tells_what_was_asked_for(
    accounts: Accounts, clock: HandClock, simulator_url: str
) -> None:
    adapter = accounts.openai(f"{simulator_url}/openai/v1")
    await adapter.submit(an_order(upstream=SORA), ATTEMPT)
    await clock.sleep(10 * RENDER_S)
    since_s = clock.now_s()
    directives = ("[[outcome=hang]]", "[[outcome=internal]]", "")
    operations = [
        await adapter.submit(an_order(f"a boat {each}", upstream=SORA, seconds=8), ATTEMPT)
        for each in directives
    ]
    await clock.sleep(RENDER_S + 1)
    found = await listed(adapter, since_s - 1)
    assert [each["task_id"] for each in reversed(operations)] == [each.task for each in found]
    assert [Fate.MADE, Fate.FAILED, Fate.PENDING] == [each.fate for each in found]
    shape = Shape(seconds=8, resolution="720p", aspect_ratio="16:9", audio=True)
    assert {(None, None, SORA, shape)} == {
        (each.external_id, each.charge_micro_usd, each.upstream, each.shape) for each in found
    }
    assert not lister(adapter).lists_attempts


def a_video(number: int, **changed: object) -> dict[str, object]:
    return {
        "id": f"v-{number}",
        "status": "completed",
        "created_at": 1_000 + number,
        "model": SORA,
        "seconds": "4",
        "size": "1280x720",
        **changed,
    }


def a_page(*items: object, has_more: bool = False, **changed: object) -> dict[str, object]:
    return {"object": "list", "data": list(items), "has_more": has_more, **changed}


async def test_openai_s_pages_are_followed_until_they_are_too_old(accounts: Accounts) -> None:
    pages = (
        a_page(a_video(9), a_video(8), has_more=True, last_id="v-8"),
        a_page(a_video(7), 7, a_video(6, created_at=None), {"id": "v-5"}, has_more=True),
        a_page(a_video(4), a_video(3), has_more=True),
    )
    async with raw_server(answering_in_turn(*pages)) as server:
        found = await listed(accounts.openai(server.url), since_s=1004)
        lines = [request.line.split()[1] for request in server.requests]
    assert ["v-9", "v-8", "v-7", "v-4"] == [each.task for each in found]
    asked = "/videos?order=desc&limit=100"
    assert [asked, f"{asked}&after=v-8", f"{asked}&after=v-7"] == lines


@pytest.mark.parametrize(
    ("fields", "shape"),
    [
        ({"size": "1024x1792"}, None),
        ({"size": "1280"}, None),
        ({"seconds": 4}, None),
        ({"size": "720x1280", "seconds": "12"}, ("720p", 12)),
        ({"size": "1920x1080"}, ("1080p", 4)),
    ],
)
async def test_a_shape_that_is_none_of_ours_is_not_known(
    accounts: Accounts, fields: dict[str, object], shape: tuple[str, int] | None
) -> None:
    async with raw_server(answering(a_page(a_video(1, **fields)))) as server:
        [found] = await listed(accounts.openai(server.url))
    told = found.shape and (found.shape.resolution, found.shape.seconds)
    assert shape == told


async def test_a_page_that_is_too_long_is_read_one_by_one(accounts: Accounts) -> None:
    long = a_page(a_video(1, prompt="x" * 2**20))
    pages = (long, a_page(a_video(2), has_more=True), a_page(a_video(1)))
    async with raw_server(answering_in_turn(*pages)) as server:
        found = await listed(accounts.openai(server.url))
        lines = [request.line.split()[1] for request in server.requests]
    assert ["v-2", "v-1"] == [each.task for each in found]
    assert [100, 1, 100] == [int(line.partition("limit=")[2].partition("&")[0]) for line in lines]


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"object": "list"}, "200 OK", K.MALFORMED),
        (b"[]", "200 OK", K.MALFORMED),
        ({"error": {"message": "no", "type": "x"}}, "401 Unauthorized", K.AUTH),
        ({"error": {"message": "no", "type": "x"}}, "404 Not Found", K.UNKNOWN_OUTCOME),
    ],
)
async def test_openai_s_list_that_cannot_be_read(
    accounts: Accounts, body: object, status: str, kind: FailureKind
) -> None:
    async with raw_server(answering(body, status=status)) as server:
        failure = await failure_of(listed(accounts.openai(server.url)))
    assert kind is failure.kind


def an_envelope(payload: object, code: int = 0) -> dict[str, object]:
    return {"code": code, "message": "", "request_id": "r-1", "data": payload}


async def test_kling_s_pages_are_followed_by_their_cursor(accounts: Accounts) -> None:
    task = {"id": "1", "status": "processing", "create_time": 5, "external_id": None}
    strange = ({"id": "2", "status": "processing"}, {"id": "3", "create_time": 5}, 7)
    pages = (
        an_envelope({"result": [task, *strange], "next_cursor": "c-1", "has_more": True}),
        an_envelope({"result": [{**task, "id": "4"}], "next_cursor": "c-2", "has_more": False}),
    )
    async with raw_server(answering_in_turn(*pages)) as server:
        found = await listed(accounts.kling(server.url), since_s=0.001)
        bodies = [request.json for request in server.requests]
        [line] = {request.line for request in server.requests}
    assert "POST /tasks HTTP/1.1" == line
    assert ["1", "4"] == [each.task for each in found]
    for body, cursor in zip(bodies, ("", "c-1"), strict=True):
        assert isinstance(body, dict)
        assert (cursor, "1", 100) == (body["cursor"], body["start_time"], body["limit"])
        assert [{"key": "product_type", "values": ["video"]}] == body["filters"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (an_envelope(None), K.MALFORMED),
        (an_envelope({"result": None}), K.MALFORMED),
        (an_envelope(None, code=1203), K.MALFORMED),
        (an_envelope(None, code=1302), K.THROTTLED),
    ],
)
async def test_kling_s_list_that_cannot_be_read(
    accounts: Accounts, body: object, kind: FailureKind
) -> None:
    async with raw_server(answering(body)) as server:
        failure = await failure_of(listed(accounts.kling(server.url)))
    assert kind is failure.kind


async def test_a_list_that_never_ends_is_given_up() -> None:
    pages = 0

    async def page(cursor: str) -> Page:
        nonlocal pages
        pages += 1
        return [], cursor + "." if len(cursor) < 3 else "again"

    async def read() -> object:
        return [each async for each in listing.listed(page, Failures("kling", ()))]

    failure = await failure_of(read())
    assert (K.MALFORMED, listing.PAGES_MAX) == (failure.kind, pages)


@pytest.mark.parametrize("provider", ["runway", "vertex"])
async def test_who_has_no_list_has_no_method(accounts: Accounts, provider: str) -> None:
    adapter = accounts.runway("http://x") if provider == "runway" else accounts.vertex("http://x")
    assert not isinstance(adapter, ListsOperations)
