"""What becomes of a video at the simulated Videos API: look, list, fetch, delete."""

import io

import av
import pytest

from tests.simulator.simulated import Answer, Json, Simulated

OTHERS = "narrow-key"


async def test_a_video_goes_from_queued_to_completed(sim: Simulated) -> None:
    video_id = await sim.openai_id()
    shown = ("status", "progress", "completed_at", "expires_at")
    seen = []
    for advance_s in (0, 5, 5):
        sim.clock.advance(advance_s)
        video = await sim.video(video_id)
        seen.append(tuple(video[name] for name in shown))
    assert [("queued", 0, None, None), ("in_progress", 50, None, None)] == seen[:2]
    assert ("completed", 100, 1_795_000_010, 1_795_003_610) == seen[2]


async def test_it_says_when_to_ask_again_until_it_is_over(sim: Simulated) -> None:
    video_id = await sim.openai_id()
    unfinished = await sim.openai("GET", f"/{video_id}")
    assert "2500" == unfinished.headers["openai-poll-after-ms"]
    sim.clock.advance(10)
    over = await sim.openai("GET", f"/{video_id}")
    assert "openai-poll-after-ms" not in over.headers


@pytest.mark.parametrize(
    ("directive", "code"),
    [
        ("outcome=internal", "server_error"),
        ("outcome=content_policy", "moderation_blocked"),
        ("outcome=filtered", "moderation_blocked"),
        ("outcome=internal code=out_of_film", "out_of_film"),
    ],
)
async def test_a_failed_video_is_200_says_why_and_is_free(
    sim: Simulated, directive: str, code: str
) -> None:
    video_id = await sim.openai_id(f"a [[{directive}]]")
    sim.clock.advance(10)
    answer = await sim.openai("GET", f"/{video_id}")
    video = answer.json
    assert (200, "failed", code) == (answer.status, video["status"], video["error"]["code"])
    assert video["error"]["message"]
    assert (0, None, None) == (video["progress"], video["completed_at"], video["expires_at"])
    assert 0 == (await sim.invoice())["total_micro_usd"]


async def test_another_account_s_video_is_not_found(sim: Simulated) -> None:
    video_id = await sim.openai_id()
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/content")):
        answer = await sim.openai(method, f"/{video_id}{path}", key=OTHERS)
        assert (404, "video_id") == (answer.status, answer.json["error"]["param"])
    assert [] == (await sim.openai("GET", key=OTHERS)).json["data"]


async def test_a_vanished_video_is_gone_everywhere_and_billed(sim: Simulated) -> None:
    video_id = await sim.openai_id("a [[outcome=vanish]]")
    sim.clock.advance(10)
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/content")):
        assert 404 == (await sim.openai(method, f"/{video_id}{path}")).status
    assert [] == (await sim.openai("GET")).json["data"]
    assert 400_000 == (await sim.invoice())["total_micro_usd"]


async def test_a_garbled_video_cannot_be_read(sim: Simulated) -> None:
    video_id = await sim.openai_id("a [[outcome=garbage]]")
    sim.clock.advance(10)
    with pytest.raises(ValueError, match="Expecting"):
        await sim.video(video_id)


@pytest.mark.parametrize("fault", ["401", "404", "429", "500", "503", "504"])
async def test_a_status_call_can_fail_a_few_times(sim: Simulated, fault: str) -> None:
    video_id = await sim.openai_id(f"a [[status={fault} status_times=2]]")
    answers = [await sim.openai("GET", f"/{video_id}") for _ in range(3)]
    assert [int(fault), int(fault), 200] == [answer.status for answer in answers]
    assert {"message", "type", "param", "code"} == set(answers[0].json["error"])


# --- lists -----------------------------------------------------------------------------------


async def ids(sim: Simulated, query: str = "") -> tuple[list[str], Json]:
    answer = await sim.openai("GET", query)
    assert 200 == answer.status, answer.json
    return [video["id"] for video in answer.json["data"]], answer.json


async def test_a_list_shows_the_newest_first_and_is_read_in_pages(sim: Simulated) -> None:
    made = [await sim.openai_id(f"cat {i}") for i in range(3)]
    assert made[::-1] == (await ids(sim))[0]
    assert made == (await ids(sim, "?order=asc"))[0]
    first, page = await ids(sim, "?limit=2")
    assert (made[:0:-1], True) == (first, page["has_more"])
    assert (made[2], made[1]) == (page["first_id"], page["last_id"])
    rest, page = await ids(sim, f"?limit=2&after={made[1]}")
    assert (made[:1], False) == (rest, page["has_more"])


async def test_an_empty_page_has_no_ends(sim: Simulated) -> None:
    await sim.openai_id()
    for query, has_more in (
        ("?limit=0", True),
        (f"?after={await sim.openai_id()}&order=asc", False),
    ):
        found, page = await ids(sim, query)
        assert ([], None, None, has_more) == (
            found,
            page["first_id"],
            page["last_id"],
            page["has_more"],
        )


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("?limit=101", "limit"),
        ("?limit=-1", "limit"),
        ("?limit=ten", "limit"),
        ("?order=up", "order"),
        ("?after=video_1", "after"),
        ("?status=failed", "status"),
    ],
)
async def test_a_list_takes_what_is_documented(sim: Simulated, query: str, param: str) -> None:
    answer = await sim.openai("GET", query)
    assert (400, param) == (answer.status, answer.json["error"]["param"])


# --- deletes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["ok", "internal"])
async def test_an_ended_video_is_deleted_once(sim: Simulated, outcome: str) -> None:
    video_id = await sim.openai_id(f"a [[outcome={outcome}]]")
    sim.clock.advance(10)
    before = await sim.invoice()
    answer = await sim.openai("DELETE", f"/{video_id}")
    assert (200, {"id": video_id, "object": "video.deleted", "deleted": True}) == (
        answer.status,
        answer.json,
    )
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/content")):
        assert 404 == (await sim.openai(method, f"/{video_id}{path}")).status
    assert before == await sim.invoice()


async def test_a_video_in_progress_is_not_cancelled_by_a_delete(sim: Simulated) -> None:
    video_id = await sim.openai_id()
    sim.clock.advance(5)
    answer = await sim.openai("DELETE", f"/{video_id}")
    assert (400, "video_id") == (answer.status, answer.json["error"]["param"])
    sim.clock.advance(5)
    assert "completed" == (await sim.video(video_id))["status"]
    calls = await sim.calls("openai", "delete")
    assert [(video_id, 400)] == [(call["task_id"], call["status"]) for call in calls]


# --- files -----------------------------------------------------------------------------------


async def content(sim: Simulated, video_id: str, query: str = "", **options: Json) -> Answer:
    return await sim.openai("GET", f"/{video_id}/content{query}", **options)


async def made(sim: Simulated, prompt: str = "a cat", **fields: Json) -> str:
    video_id = await sim.openai_id(prompt, **fields)
    sim.clock.advance(10)
    return video_id


async def test_the_content_is_the_video_that_was_asked_for(sim: Simulated) -> None:
    answer = await content(sim, await made(sim, seconds="8", size="1280x720"))
    assert (200, "video/mp4") == (answer.status, answer.headers["Content-Type"])
    with av.open(io.BytesIO(answer.body), "r") as container:
        stream = container.streams.video[0]
        assert container.duration is not None
        found = (container.duration / av.time_base, stream.width, stream.height)
    assert (8.0, 1280, 720) == found


async def test_a_part_of_the_content_can_be_asked_for(sim: Simulated) -> None:
    video_id = await made(sim)
    whole = (await content(sim, video_id)).body
    part = await sim.call(
        "GET",
        f"/openai/v1/videos/{video_id}/content",
        headers={"Authorization": "Bearer openai-key", "Range": "bytes=4-7"},
    )
    assert (206, b"ftyp") == (part.status, part.body)
    assert f"bytes 4-7/{len(whole)}" == part.headers["Content-Range"]


@pytest.mark.parametrize(
    ("variant", "content_type", "start"),
    [("thumbnail", "image/webp", b"RIFF"), ("spritesheet", "image/jpeg", b"\xff\xd8\xff")],
)
async def test_a_variant_is_a_picture(
    sim: Simulated, variant: str, content_type: str, start: bytes
) -> None:
    answer = await content(sim, await made(sim), f"?variant={variant}")
    assert (200, content_type) == (answer.status, answer.headers["Content-Type"])
    assert answer.body.startswith(start)


async def test_an_unknown_variant_is_refused_by_name(sim: Simulated) -> None:
    answer = await content(sim, await made(sim), "?variant=poster")
    assert (400, "variant") == (answer.status, answer.json["error"]["param"])


@pytest.mark.parametrize("directive", ["render=99", "outcome=internal"])
async def test_without_a_finished_video_there_is_no_content(
    sim: Simulated, directive: str
) -> None:
    answer = await content(sim, await made(sim, f"a [[{directive}]]"))
    assert 404 == answer.status
    assert "not ready" in answer.json["error"]["message"]


async def test_the_content_expires_an_hour_after_the_end(sim: Simulated) -> None:
    video_id = await made(sim)
    sim.clock.advance(3_599)
    assert 200 == (await content(sim, video_id)).status
    sim.clock.advance(1)
    answer = await content(sim, video_id)
    assert 404 == answer.status
    assert "expire" in answer.json["error"]["message"]
    assert "completed" == (await sim.video(video_id))["status"]


async def test_a_shorter_life_is_shown_and_kept(sim: Simulated) -> None:
    video_id = await made(sim, "a [[link=2]]")
    assert 1_795_000_012 == (await sim.video(video_id))["expires_at"]
    sim.clock.advance(2)
    assert 404 == (await content(sim, video_id)).status


@pytest.mark.parametrize("fault", ["404", "expired"])
async def test_a_download_can_fail_a_few_times(sim: Simulated, fault: str) -> None:
    video_id = await made(sim, f"a [[download={fault} download_times=1]]")
    assert [404, 200] == [(await content(sim, video_id)).status for _ in range(2)]


async def test_the_content_needs_the_key(sim: Simulated) -> None:
    answer = await content(sim, await made(sim), key="wrong")
    assert (401, "invalid_api_key") == (answer.status, answer.json["error"]["code"])
