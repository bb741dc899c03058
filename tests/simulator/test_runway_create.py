import base64
import hashlib
from collections.abc import Mapping

import pytest

from proxy.simulator.mp4 import make_clip
from tests.clip_server import clip_path, serving_clips
from tests.simulator.simulated import RUNWAY_VERSION, SECRET, Simulated
from tests.simulator.test_kling_create import a_png

PICTURE = f"data:image/png;base64,{a_png()}"
TEXT = {"model": "gen4.5", "promptText": "a cat", "ratio": "1280:720", "duration": 5}
IMAGE = {"model": "gen4_turbo", "promptImage": PICTURE, "ratio": "1280:720"}
VEO = {"model": "veo3.1", "promptText": "a cat", "ratio": "1920:1080"}
VIDEO = {"model": "aleph2", "videoUri": "https://example.com/cat.mp4"}
NO_VIDEO = f"data:video/mp4;base64,{base64.b64encode(b'x' * 40).decode()}"
TOO_LARGE = "data:image/png;base64," + "A" * (5 * 1024**2)


def a_video(seconds: int = 4, width: int = 1280, height: int = 720) -> dict[str, object]:
    content = base64.b64encode(make_clip(width, height, seconds).head).decode()
    return {**VIDEO, "videoUri": f"data:video/mp4;base64,{content}"}


def without(body: Mapping[str, object], name: str) -> dict[str, object]:
    return {key: value for key, value in body.items() if key != name}


@pytest.mark.parametrize(
    ("path", "body", "credits_"),
    [
        ("text_to_video", TEXT, 60),
        ("text_to_video", TEXT | {"duration": 2, "seed": 7, "outputFormat": "mp4"}, 24),
        ("text_to_video", VEO, 320),  # 8 s with sound are the defaults
        ("text_to_video", VEO | {"audio": False, "duration": 4}, 80),
        ("text_to_video", VEO | {"model": "veo3.1_fast", "audio": True, "duration": 6}, 90),
        ("text_to_video", VEO | {"model": "veo3.1_fast", "audio": False, "duration": 6}, 60),
        ("image_to_video", TEXT | {"promptImage": PICTURE, "ratio": "832:1104"}, 60),
        ("image_to_video", IMAGE, 50),
        ("image_to_video", IMAGE | {"promptText": "a cat", "duration": 3}, 15),
        ("image_to_video", IMAGE | {"model": "veo3.1", "negativePrompt": "dogs"}, 320),
        ("video_to_video", VIDEO | {"promptText": "at night", "targetAspectRatio": "1:1"}, 140),
        ("video_to_video", a_video(2), 56),
        ("video_to_video", a_video(30, 1920, 1080) | {"seed": 7}, 840),
    ],
)
async def test_each_model_costs_credits_by_second_and_sound(
    sim: Simulated, path: str, body: object, credits_: int
) -> None:
    answer = await sim.runway("POST", path, body)
    assert 200 == answer.status, answer.json
    assert {"id", "estimatedCost"} == set(answer.json)
    assert {"credits": credits_} == answer.json["estimatedCost"]
    sim.clock.advance(10)
    assert credits_ * 10_000 == (await sim.invoice())["total_micro_usd"]


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("text_to_video", without(TEXT, "model"), "model"),
        ("text_to_video", TEXT | {"model": "gen4_turbo"}, "model"),
        ("text_to_video", TEXT | {"model": "gen3a_turbo"}, "model"),
        ("text_to_video", TEXT | {"model": "kling3.0_pro"}, "model"),
        ("text_to_video", without(TEXT, "ratio"), "ratio"),
        ("text_to_video", TEXT | {"ratio": "16:9"}, "ratio"),
        ("text_to_video", TEXT | {"ratio": "960:960"}, "ratio"),
        ("text_to_video", without(TEXT, "duration"), "duration"),
        ("text_to_video", TEXT | {"duration": "5"}, "duration"),
        ("text_to_video", TEXT | {"duration": 11}, "duration"),
        ("text_to_video", TEXT | {"duration": 1}, "duration"),
        ("text_to_video", VEO | {"duration": 5}, "duration"),
        ("text_to_video", without(TEXT, "promptText"), "promptText"),
        ("text_to_video", TEXT | {"promptText": ""}, "promptText"),
        ("text_to_video", TEXT | {"promptText": "x" * 1001}, "promptText"),
        ("text_to_video", TEXT | {"promptText": "\U0001f408" * 501}, "promptText"),
        ("text_to_video", TEXT | {"audio": True}, "audio"),
        ("text_to_video", TEXT | {"negativePrompt": "dogs"}, "negativePrompt"),
        ("text_to_video", TEXT | {"promptImage": PICTURE}, "promptImage"),
        ("text_to_video", TEXT | {"seed": -1}, "seed"),
        ("text_to_video", TEXT | {"outputFormat": "prores"}, "outputFormat"),
        ("text_to_video", VEO | {"audio": "yes"}, "audio"),
        ("text_to_video", VEO | {"contentModeration": {}}, "contentModeration"),
        ("image_to_video", without(IMAGE, "promptImage"), "promptImage"),
        ("image_to_video", IMAGE | {"promptImage": "http://example.com/a.png"}, "promptImage"),
        ("image_to_video", IMAGE | {"promptImage": "data:image/png;base64,!"}, "promptImage"),
        ("image_to_video", IMAGE | {"promptImage": TOO_LARGE}, "promptImage"),
        (
            "image_to_video",
            IMAGE | {"promptImage": "data:image/png;base64,R0lGODlh"},
            "promptImage",
        ),
        (
            "image_to_video",
            IMAGE | {"promptImage": [{"uri": PICTURE, "position": "last"}]},
            "promptImage[0]",
        ),
        (
            "image_to_video",
            VEO | {"promptImage": [{"uri": PICTURE, "position": "last"}]},
            "promptImage",
        ),
        ("video_to_video", without(VIDEO, "videoUri"), "videoUri"),
        ("video_to_video", VIDEO | {"model": "gen4_aleph"}, "model"),
        ("video_to_video", VIDEO | {"videoUri": "http://example.com/cat.mp4"}, "videoUri"),
        ("video_to_video", VIDEO | {"videoUri": PICTURE}, "videoUri"),
        ("video_to_video", VIDEO | {"videoUri": NO_VIDEO}, "videoUri"),
        ("video_to_video", VIDEO | {"videoUri": "http://127.0.0.1:1/cat.mp4"}, "videoUri"),
        ("video_to_video", a_video(1), "videoUri"),
        ("video_to_video", a_video(31), "videoUri"),
        ("video_to_video", a_video() | {"duration": 4}, "duration"),
    ],
)
async def test_what_a_model_cannot_do_is_an_issue(
    sim: Simulated, path: str, body: object, named: str
) -> None:
    answer = await sim.runway("POST", path, body)
    assert (400, "Validation of body failed") == (answer.status, answer.json["error"])
    (issue,) = answer.json["issues"]
    assert {"code", "path", "message"} == set(issue)
    assert named == issue["path"][0]
    assert [] == (await sim.invoice())["tasks"]


async def test_a_prompt_is_measured_in_utf_16_units(sim: Simulated) -> None:
    assert 200 == (await sim.runway_submit("\U0001f408" * 500)).status


async def test_first_and_last_frames_are_taken_where_the_model_can(sim: Simulated) -> None:
    frames = [
        {"uri": PICTURE, "position": "first"},
        {"uri": "runway://upload", "position": "last"},
    ]
    veo = IMAGE | {"model": "veo3.1", "promptImage": frames}
    assert 200 == (await sim.runway("POST", "image_to_video", veo)).status
    turbo = IMAGE | {"promptImage": frames}
    assert 400 == (await sim.runway("POST", "image_to_video", turbo)).status


@pytest.mark.parametrize("version", [None, "2024-09-13", f"{RUNWAY_VERSION} "[:-1] + "x"])
async def test_the_version_header_must_be_exact(sim: Simulated, version: str | None) -> None:
    headers = {"Authorization": f"Bearer {SECRET}"}
    headers |= {} if version is None else {"X-Runway-Version": version}
    answer = await sim.post("/runway/v1/text_to_video", TEXT, headers=headers)
    assert 400 == answer.status
    assert "X-Runway-Version" in answer.json["error"]


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", f"Basic {SECRET}", SECRET])
async def test_a_wrong_secret_is_refused(sim: Simulated, authorization: str) -> None:
    headers = {"Authorization": authorization, "X-Runway-Version": RUNWAY_VERSION}
    answer = await sim.post("/runway/v1/text_to_video", TEXT, headers=headers)
    assert (401, {"error": "Unauthorized"}) == (answer.status, answer.json)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"data": b"{"}, "Content-Type"), ({"json": [1]}, "Validation"), ({"json": None}, "")],
)
async def test_a_body_that_is_no_json_object_is_refused(
    sim: Simulated, options: dict[str, object], words: str
) -> None:
    headers = {"Authorization": f"Bearer {SECRET}", "X-Runway-Version": RUNWAY_VERSION}
    answer = await sim.call("POST", "/runway/v1/text_to_video", headers=headers, **options)
    assert 400 == answer.status
    assert words in answer.json["error"]


async def test_a_path_runway_does_not_have_is_404_and_a_method_405(sim: Simulated) -> None:
    assert 404 == (await sim.runway("GET", "nothing")).status
    assert 405 == (await sim.runway("GET", "text_to_video")).status
    assert 405 == (await sim.runway("PUT", "tasks/1", {})).status


async def test_the_price_is_taken_at_once_and_an_empty_account_is_refused(sim: Simulated) -> None:
    task_id = await sim.runway_id("a [[outcome=internal]]", "poor-secret")
    over = await sim.runway_submit(secret="poor-secret")
    assert (400, "You do not have enough credits to run this task.") == (
        over.status,
        over.json["error"],
    )
    told = (await sim.runway("GET", "organization", secret="poor-secret")).json
    assert 40 == told["creditBalance"]
    assert 3 == told["tier"]["models"]["gen4.5"]["maxDailyGenerations"]
    assert 1 == told["usage"]["models"]["gen4.5"]["dailyGenerations"]
    sim.clock.advance(10)
    assert "FAILED" == (await sim.runway_task(task_id, "poor-secret"))["status"]
    assert (
        100
        == (await sim.runway("GET", "organization", secret="poor-secret")).json["creditBalance"]
    )


async def test_a_day_has_only_so_many_generations(sim: Simulated) -> None:
    statuses = []
    for _ in range(4):
        answer = await sim.runway_submit(
            "a [[outcome=internal render=0]]", "poor-secret", duration=2
        )
        statuses.append(answer.status)
    assert [200, 200, 200, 429] == statuses
    sim.clock.advance(86_400)
    assert 200 == (await sim.runway_submit(secret="poor-secret", duration=2)).status


def test_the_pictures_used_here_are_pictures() -> None:
    assert base64.b64decode(a_png()).startswith(b"\x89PNG")


async def test_a_video_of_this_machine_is_fetched_and_measured(sim: Simulated) -> None:
    async with serving_clips() as url:
        for path, credits_ in ((clip_path(seconds=6), 168), (clip_path(1104, 832, 3), 84)):
            answer = await sim.runway("POST", "video_to_video", VIDEO | {"videoUri": url + path})
            assert {"credits": credits_} == answer.json["estimatedCost"]
        large = url + clip_path(size_bytes=32 * 1024**2 + 1)
        answer = await sim.runway("POST", "video_to_video", VIDEO | {"videoUri": large})
        assert "32MB" in answer.json["issues"][0]["message"]


async def test_the_log_says_which_video_it_was(sim: Simulated) -> None:
    clip = make_clip(1280, 720, 4).head
    for body in (VIDEO, a_video()):
        await sim.runway("POST", "video_to_video", body)
    logged = [call["inputs"] for call in await sim.calls("runway", "submit")]
    assert [VIDEO["videoUri"], hashlib.sha256(clip).hexdigest()] == [
        inputs["video"] for inputs in logged
    ]
