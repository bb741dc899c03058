"""Kling's omni endpoint, as far as it changes a given video."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.simulator.videos import read_video
from tests.clip_server import clip_path, serving_clips

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.simulator.simulated import Simulated

OMNI = "/kling/omni-video/kling-3.0-omni"


@pytest.fixture
async def clips() -> AsyncIterator[str]:
    async with serving_clips() as url:
        yield url


def a_body(url: str, prompt: str = "red", **fields: object) -> dict[str, object]:
    contents = [{"type": "base_video", "url": url}, {"type": "prompt", "text": prompt}]
    return {"contents": contents, **fields}


@pytest.mark.parametrize(
    ("path", "settings", "micro_usd", "frame"),
    [
        (clip_path(seconds=5), {}, 630_000, (1280, 720)),
        (clip_path(720, 1280, 3), {"resolution": "1080p", "audio": "off"}, 504_000, (1080, 1920)),
        (clip_path(3840, 2160, 15), {"resolution": "4k"}, 6_300_000, (3840, 2160)),
        (
            clip_path(720, 720, 4),
            {"audio": "original", "multi_shot": False},
            504_000,
            (720, 720),
        ),
    ],
)
async def test_an_edit_is_as_long_as_its_video_and_billed_so(
    sim: Simulated,
    clips: str,
    path: str,
    settings: object,
    micro_usd: int,
    frame: tuple[int, int],
) -> None:
    body = a_body(clips + path, settings=settings, options={"external_task_id": "mine"})
    answer = await sim.post(OMNI, body)
    assert 200 == answer.status, answer.json
    sim.clock.advance(10)
    assert micro_usd == (await sim.invoice())["total_micro_usd"]
    task = await sim.kling_task(answer.json["data"]["id"])
    made = read_video((await sim.get(task["outputs"][0]["url"])).body)
    assert made is not None
    assert frame == (made.width, made.height)
    assert task["outputs"][0]["duration"] == f"{made.seconds:g}"
    assert "mine" == task["external_id"]
    (call,) = await sim.calls("kling", "submit")
    assert list(call["inputs"]) == ["video"]


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (clip_path(seconds=2), "3 to 15.5 seconds"),
        (clip_path(seconds=16), "3 to 15.5 seconds"),
        (clip_path(1584, 672), "sides of 700"),
        (clip_path(2160, 3840), None),
        ("/nothing.mp4", "could not be fetched"),
    ],
)
async def test_a_video_beyond_its_limits_is_refused(
    sim: Simulated, clips: str, path: str, named: str | None
) -> None:
    answer = await sim.post(OMNI, a_body(clips + path))
    assert (400 if named else 200) == answer.status, answer.json
    assert named is None or named in answer.json["message"]


async def test_a_video_of_another_machine_is_not_fetched(sim: Simulated) -> None:
    answer = await sim.post(OMNI, a_body("https://video.example.com/a.mp4"))
    assert (400, 1201) == (answer.status, answer.json["code"])
    assert "could not be fetched" in answer.json["message"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "a prompt is required"),
        ({"contents": [{"type": "prompt", "text": "x"}]}, "a base_video is required"),
        ({"contents": [{"type": "base_video", "url": "http://127.0.0.1/"}]}, "a prompt"),
        ({"contents": [{"type": "prompt", "text": "x"}] * 2}, "given twice"),
        ({"contents": [{"type": "prompt"}]}, "contents[0].text"),
        ({"contents": [{"type": "base_video"}]}, "contents[0].url"),
        ({"contents": [{"type": "base_video", "url": "AAAA"}]}, "must be a URL"),
        ({"contents": [{"type": "feature_video", "url": "http://127.0.0.1/"}]}, "type"),
        (a_body("http://127.0.0.1/", "x" * 3073), "3072"),
        (a_body("http://127.0.0.1/", settings={"audio": "native"}), "settings.audio"),
        (a_body("http://127.0.0.1/", settings={"resolution": "480p"}), "settings.resolution"),
        (a_body("http://127.0.0.1/", settings={"duration": 5}), "settings.duration"),
        (a_body("http://127.0.0.1/", prompt="x", negative="y"), "negative"),
    ],
)
async def test_a_malformed_body_is_refused_by_name(
    sim: Simulated, body: object, named: str
) -> None:
    answer = await sim.post(OMNI, body)
    assert (400, 1201) == (answer.status, answer.json["code"])
    assert named in answer.json["message"]


async def test_other_models_are_not_there(sim: Simulated) -> None:
    answer = await sim.post("/kling/omni-video/kling-3.0", a_body("http://127.0.0.1/"))
    assert (404, 1203) == (answer.status, answer.json["code"])
    answer = await sim.kling(path="/kling/text-to-video/kling-3.0-omni")
    assert (404, 1203) == (answer.status, answer.json["code"])
