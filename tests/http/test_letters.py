"""Who was told of a video's end, as its team sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.builders import NOW_S

if TYPE_CHECKING:
    from tests.http.conftest import Client
    from tests.http.fakes import RecordingVideos

NOW = int(NOW_S)


async def test_a_team_sees_the_letters_about_its_video(
    client: Client, videos: RecordingVideos
) -> None:
    async with client.post("/v1/videos", json={"prompt": "x"}) as answer:
        job_id = (await answer.json())["id"]
    async with client.get(f"/v1/videos/{job_id}/webhooks") as answer:
        assert (200, "list") == (answer.status, (await answer.json())["object"])
        taken, waits = (await answer.json())["data"]
        assert answer.headers["RateLimit"]
    assert {
        "object": "webhook.letter",
        "id": "msg_" + job_id.removeprefix("video_"),
        "type": "video.completed",
        "receiver": "aa",
        "origin": "https://team.example",
        "sequence": 7,
        "created_at": NOW,
        "state": "delivered",
        "next_at": None,
        "tries": 2,
        "log": [
            {"at": NOW + 6, "outcome": "delivered", "status": 204, "fault": None, "took_ms": 12},
            {"at": NOW, "outcome": "failed", "status": None, "fault": "timeout", "took_ms": 9},
        ],
        "answer": None,
    } == taken
    assert ("waiting", NOW + 300, "no such tenant", "https://hooks.example:8443") == (
        waits["state"],
        waits["next_at"],
        waits["answer"],
        waits["origin"],
    )
    assert "token" not in str(waits)


async def test_another_team_s_are_not_there(client: Client) -> None:
    async with client.get("/v1/videos/video_other/webhooks") as answer:
        assert (404, "video_not_found") == (answer.status, (await answer.json())["error"]["code"])
