import base64
import io

import aiohttp
import av
import pytest

from tests.simulator.simulated import MODEL, PROJECT, TOKEN, Simulated


async def test_an_operation_is_not_done_until_it_is(sim: Simulated) -> None:
    name = await sim.vertex_id(durationSeconds=4, resolution="1080p", aspectRatio="9:16")
    assert {"name": name} == (await sim.fetch(name)).json
    sim.clock.advance(10)
    answer = (await sim.fetch(name)).json
    assert (True, name) == (answer["done"], answer["name"])
    response = answer["response"]
    assert 0 == response["raiMediaFilteredCount"]
    assert response["@type"].endswith("vision.GenerateVideoResponse")
    (video,) = response["videos"]
    assert "video/mp4" == video["mimeType"]
    with av.open(io.BytesIO(base64.b64decode(video["bytesBase64Encoded"])), "r") as container:
        stream = container.streams.video[0]
        assert container.duration is not None
        assert (4.0, 1080, 1920) == (
            container.duration / av.time_base,
            stream.width,
            stream.height,
        )
        assert 24 == sum(1 for _ in container.decode(stream))


@pytest.mark.parametrize("size", ["", "[[bytes=100kB]]", "[[bytes=200001B]]"])
async def test_several_videos_come_in_one_answer(sim: Simulated, size: str) -> None:
    name = await sim.vertex_id(f"a {size}", sampleCount=3)
    sim.clock.advance(10)
    videos = (await sim.fetch(name)).json["response"]["videos"]
    clips = {base64.b64decode(video["bytesBase64Encoded"], validate=True) for video in videos}
    assert (3, 1) == (len(videos), len(clips))
    with av.open(io.BytesIO(clips.pop()), "r") as container:
        assert 24 == sum(1 for _ in container.decode(container.streams.video[0]))


async def test_a_filtered_operation_is_done_without_videos(sim: Simulated) -> None:
    name = await sim.vertex_id("a [[outcome=filtered]]", sampleCount=2)
    sim.clock.advance(10)
    answer = (await sim.fetch(name)).json
    assert "error" not in answer
    assert 2 == answer["response"]["raiMediaFilteredCount"]
    assert 2 == len(answer["response"]["raiMediaFilteredReasons"])
    assert "Support codes: " in answer["response"]["raiMediaFilteredReasons"][0]
    assert "videos" not in answer["response"]


@pytest.mark.parametrize(
    ("outcome", "code", "words"),
    [("internal", 13, "internal"), ("content_policy", 3, "Support codes: ")],
)
async def test_a_failed_operation_is_done_with_an_error(
    sim: Simulated, outcome: str, code: int, words: str
) -> None:
    name = await sim.vertex_id(f"a [[outcome={outcome}]]")
    sim.clock.advance(10)
    answer = (await sim.fetch(name)).json
    assert (True, code) == (answer["done"], answer["error"]["code"])
    assert words in answer["error"]["message"]
    assert "response" not in answer
    assert 0 == (await sim.invoice())["total_micro_usd"]


async def test_a_vanished_operation_is_not_found_and_billed(sim: Simulated) -> None:
    name = await sim.vertex_id("a [[outcome=vanish]]")
    assert 200 == (await sim.fetch(name)).status
    sim.clock.advance(10)
    answer = await sim.fetch(name)
    assert (404, "NOT_FOUND") == (answer.status, answer.json["error"]["status"])
    assert 800_000 == (await sim.invoice())["total_micro_usd"]


async def test_a_hanging_operation_is_never_done(sim: Simulated) -> None:
    name = await sim.vertex_id("a [[outcome=hang]]")
    sim.clock.advance(1e6)
    assert {"name": name} == (await sim.fetch(name)).json


async def test_a_garbled_operation_cannot_be_read(sim: Simulated) -> None:
    name = await sim.vertex_id("a [[outcome=garbage]]")
    sim.clock.advance(10)
    with pytest.raises(ValueError, match="Expecting"):
        await sim.fetch(name)


@pytest.mark.parametrize("fault", ["truncate", "reset"])
async def test_an_inline_video_can_break_in_the_middle(sim: Simulated, fault: str) -> None:
    name = await sim.vertex_id(f"a [[download={fault} bytes=300kB]]")
    assert {"name": name} == (await sim.fetch(name)).json
    sim.clock.advance(10)
    with pytest.raises(aiohttp.ClientError):
        await sim.fetch(name)


async def test_an_inline_video_can_be_slow_or_no_video(sim: Simulated) -> None:
    slow = await sim.vertex_id("a [[download=slow]]")
    garbage = await sim.vertex_id("a [[download=garbage]]")
    sim.clock.advance(10)
    assert 1 == len((await sim.fetch(slow)).json["response"]["videos"])
    (video,) = (await sim.fetch(garbage)).json["response"]["videos"]
    assert b"not an MP4" in base64.b64decode(video["bytesBase64Encoded"], validate=True)


async def test_a_status_fault_ends_after_its_times(sim: Simulated) -> None:
    name = await sim.vertex_id("a [[status=503 status_times=2]]")
    assert [503, 503, 200] == [(await sim.fetch(name)).status for _ in range(3)]
    assert 3 == len(await sim.calls("vertex", "status"))


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ({"operationName": f"{MODEL}/operations/1"}, 400, "operationName"),
        ({"operationName": 7}, 400, "operationName"),
        ({"name": "x"}, 400, "operationName"),
        ({"operationName": "PARENT/operations/1", "x": 1}, 400, "x"),
        ({"operationName": "PARENT/operations/"}, 400, "operationName"),
        ({"operationName": "PARENT/operations/1"}, 404, "not found"),
    ],
)
async def test_an_operation_is_asked_for_by_its_full_name(
    sim: Simulated, body: dict[str, object], status: int, named: str
) -> None:
    parent = f"projects/{PROJECT}/locations/us-central1/publishers/google/models/{MODEL}"
    filled = {
        key: value.replace("PARENT", parent) if isinstance(value, str) else value
        for key, value in body.items()
    }
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = await sim.post(sim.vertex_path("fetchPredictOperation"), filled, headers=headers)
    assert status == answer.status
    assert named in answer.json["error"]["message"]


async def test_an_operation_of_another_model_is_refused(sim: Simulated) -> None:
    name = await sim.vertex_id()
    assert 400 == (await sim.fetch(name, model="veo-3.1-generate-001")).status


async def test_a_body_that_is_no_json_is_refused(sim: Simulated) -> None:
    for method in ("predictLongRunning", "fetchPredictOperation"):
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = await sim.call("POST", sim.vertex_path(method), data=b"{", headers=headers)
        assert (400, "INVALID_ARGUMENT") == (answer.status, answer.json["error"]["status"])


async def test_an_unknown_method_is_not_found(sim: Simulated) -> None:
    for answer in (
        await sim.post(sim.vertex_path("predict"), {}),
        await sim.get(sim.vertex_path("predictLongRunning")),
    ):
        assert (404, "NOT_FOUND") == (answer.status, answer.json["error"]["status"])
