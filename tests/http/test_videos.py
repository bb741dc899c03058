from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from openai.types import Video

from proxy.domain.job import JobState
from proxy.domain.policy import Lifecycle
from tests.builders import NOW_S, RETIRED_S, an_offer
from tests.http.fakes import READ_ONLY_KEY

if TYPE_CHECKING:
    from tests.http.conftest import Client
    from tests.http.fakes import RecordingVideos


async def create(client: Client, **fields: object) -> dict[str, Any]:
    async with client.post("/v1/videos", json={"prompt": "a fox", **fields}) as answer:
        assert 200 == answer.status, await answer.text()
        created: dict[str, Any] = await answer.json()
        return created


async def test_a_create_answers_a_queued_video(client: Client) -> None:
    video = await create(client, model="sora-2", metadata={"shot": "12"})
    Video.model_validate(video, strict=True)
    assert ("queued", "kling-3.0", "1280x720", "4") == (
        video["status"],
        video["model"],
        video["size"],
        video["seconds"],
    )
    extension = video["greenlight"]
    assert ("sora-2", "kling-3.0", "kling") == (
        extension["requested_model"],
        extension["model"],
        extension["provider"],
    )
    assert {"shot": "12"} == extension["metadata"]
    assert {"reserved": "0.336000", "charged": None} == extension["cost_usd"]
    assert 1 == extension["queue"]["position"]
    retired = [entry for entry in extension["route"] if entry["skipped"]]
    assert ["retired"] == [entry["code"] for entry in retired if entry["model"] == "sora-2"]


async def test_a_create_carries_the_rate_limit(client: Client) -> None:
    async with client.post("/v1/videos", json={"prompt": "x"}) as answer:
        assert '"submit";q=20;w=40' == answer.headers["RateLimit-Policy"]
        assert '"submit";r=19;t=2' == answer.headers["RateLimit"]
        assert "19" == answer.headers["x-ratelimit-remaining-requests"]
        assert "Idempotency-Replayed" not in answer.headers


async def test_a_budget_that_only_warns_is_named(client: Client, videos: RecordingVideos) -> None:
    videos.budget_warnings = ("daily", "all")
    async with client.post("/v1/videos", json={"prompt": "x"}) as answer:
        assert (200, "daily, all") == (answer.status, answer.headers["Greenlight-Budget-Warning"])


async def test_a_replay_says_so(client: Client, videos: RecordingVideos) -> None:
    videos.is_replay = True
    headers = {"Idempotency-Key": '"k-1"', "x-stainless-retry-count": "2"}
    async with client.post("/v1/videos", json={"prompt": "x"}, headers=headers) as answer:
        assert (200, "true") == (answer.status, answer.headers["Idempotency-Replayed"])
    assert ("k-1", 2) == (videos.calls[-1][1]["idempotency_key"], videos.calls[-1][1]["sdk_try"])


async def test_a_bad_idempotency_key_is_400(client: Client, videos: RecordingVideos) -> None:
    headers = {"Idempotency-Key": "x" * 256}
    async with client.post("/v1/videos", json={"prompt": "x"}, headers=headers) as answer:
        assert 400 == answer.status
        assert "Idempotency-Key" == (await answer.json())["error"]["param"]
    assert [] == videos.calls


async def test_a_retrieve_tells_when_to_ask_again(client: Client) -> None:
    video = await create(client)
    async with client.get(f"/v1/videos/{video['id']}") as answer:
        assert (200, "50") == (answer.status, answer.headers["openai-poll-after-ms"])
        assert video["id"] == (await answer.json())["id"]


async def test_an_unchanged_video_is_304(client: Client, videos: RecordingVideos) -> None:
    video = await create(client)
    path = f"/v1/videos/{video['id']}"
    async with client.get(path) as answer:
        etag = answer.headers["ETag"]
    async with client.get(path, headers={"If-None-Match": etag}) as answer:
        assert (304, b"") == (answer.status, await answer.read())
        assert etag == answer.headers["ETag"]
    videos.jobs[video["id"]] = replace(videos.jobs[video["id"]], state=JobState.RUNNING)
    async with client.get(path, headers={"If-None-Match": etag}) as answer:
        assert 200 == answer.status


async def test_a_strangers_video_is_404(client: Client) -> None:
    for method, path in (("GET", ""), ("POST", "/cancel"), ("GET", "/content")):
        async with client.request(method, f"/v1/videos/video_nobodys{path}") as answer:
            assert 404 == answer.status
            assert "video_not_found" == (await answer.json())["error"]["code"]


async def test_a_list_pages(client: Client, videos: RecordingVideos) -> None:
    ids = [(await create(client))["id"] for _ in range(3)]
    async with client.get("/v1/videos", params={"limit": 2, "order": "asc"}) as answer:
        page = await answer.json()
    assert ("list", ids[0], ids[1], True) == (
        page["object"],
        page["first_id"],
        page["last_id"],
        page["has_more"],
    )
    query = {"limit": 2, "order": "asc", "after": page["last_id"], "status": "queued"}
    async with client.get("/v1/videos", params=query) as answer:
        page = await answer.json()
    assert [ids[2]] == [video["id"] for video in page["data"]]
    assert not page["has_more"]
    expected = {
        "team": "marketing",
        "after": ids[1],
        "limit": 2,
        "is_ascending": True,
        "status": "queued",
    }
    assert ("page", expected) == videos.calls[-1]


async def test_an_unchanged_page_is_304(client: Client) -> None:
    await create(client)
    async with client.get("/v1/videos") as answer:
        etag = answer.headers["ETag"]
    async with client.get("/v1/videos", headers={"If-None-Match": etag}) as answer:
        assert (304, b"") == (answer.status, await answer.read())
    await create(client)
    async with client.get("/v1/videos", headers={"If-None-Match": etag}) as answer:
        assert 200 == answer.status


async def test_the_openai_clients_poll_is_given_one_pace(client: Client) -> None:
    path = f"/v1/videos/{(await create(client))['id']}"
    for headers, pace_ms in (({}, "50"), ({"X-Stainless-Poll-Helper": "true"}, "40")):
        async with client.get(path, headers=headers) as answer:
            assert pace_ms == answer.headers["openai-poll-after-ms"]


async def test_an_empty_page_has_no_ids(client: Client, videos: RecordingVideos) -> None:
    async with client.get("/v1/videos", params={"limit": 0, "after": "after"}) as answer:
        assert {
            "object": "list",
            "data": [],
            "first_id": None,
            "last_id": None,
            "has_more": False,
        } == await answer.json()
    assert (0, False) == (videos.calls[-1][1]["limit"], videos.calls[-1][1]["is_ascending"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "101"),
        ("limit", "-1"),
        ("limit", "x"),
        ("limit", "²"),
        ("order", "up"),
        ("status", "done"),
    ],
)
async def test_a_bad_query_is_400(client: Client, name: str, value: str) -> None:
    async with client.get("/v1/videos", params={name: value}) as answer:
        assert (400, name) == (answer.status, (await answer.json())["error"]["param"])


async def test_a_cancel_answers_the_video_as_cancelled(client: Client) -> None:
    video = await create(client)
    async with client.post(f"/v1/videos/{video['id']}/cancel") as answer:
        body = await answer.json()
    assert (200, "failed", "cancelled") == (answer.status, body["status"], body["error"]["code"])


async def test_a_delete_answers_the_same_twice(client: Client) -> None:
    video = await create(client)
    for _ in range(2):
        async with client.delete(f"/v1/videos/{video['id']}") as answer:
            assert 200 == answer.status
            expected = {"id": video["id"], "object": "video.deleted", "deleted": True}
            assert expected == await answer.json()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/videos", 403),
        ("POST", "/v1/videos/video_a/cancel", 403),
        ("DELETE", "/v1/videos/video_a", 403),
        ("GET", "/v1/videos", 200),
        ("GET", "/v1/videos/video_a", 404),
        ("GET", "/v1/budget", 200),
        ("GET", "/v1/models", 200),
    ],
)
async def test_a_key_that_may_read_changes_nothing(
    client: Client, method: str, path: str, status: int
) -> None:
    headers = {"Authorization": f"Bearer {READ_ONLY_KEY}"}
    async with client.request(method, path, json={"prompt": "x"}, headers=headers) as answer:
        assert status == answer.status


async def test_an_offer_with_an_end_is_announced(client: Client, videos: RecordingVideos) -> None:
    video = await create(client)
    path = f"/v1/videos/{video['id']}"
    videos.offer = an_offer(
        lifecycle=Lifecycle(deprecated_at_s=RETIRED_S, retires_not_before_s=NOW_S + 86_400)
    )
    async with client.get(path) as answer:
        assert f"@{int(RETIRED_S)}" == answer.headers["Deprecation"]
        assert "Mon, 23 Nov 2026 12:00:00 GMT" == answer.headers["Sunset"]
    videos.offer = an_offer()
    async with client.get(path) as answer:
        assert "Deprecation" not in answer.headers
        assert "Sunset" not in answer.headers
