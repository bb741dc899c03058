import io

import aiohttp
import av
import pytest

from tests.simulator.simulated import Simulated

SIZE = 300_000


async def url_of(sim: Simulated, directive: str = "", settings: object = None) -> str:
    task_id = await sim.kling_id(f"a cat {directive}", settings=settings or {})
    sim.clock.advance(10)
    (output,) = (await sim.kling_task(task_id))["outputs"]
    return str(output["url"])


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({"duration": 3}, (1280, 720)),
        ({"duration": 7, "aspect_ratio": "9:16", "resolution": "1080p"}, (1080, 1920)),
        ({"duration": 15, "aspect_ratio": "1:1", "resolution": "4k"}, (2160, 2160)),
    ],
)
async def test_the_clip_is_what_was_asked_for(
    sim: Simulated, settings: dict[str, object], size: tuple[int, int]
) -> None:
    answer = await sim.get(await url_of(sim, settings=settings))
    assert (200, "video/mp4") == (answer.status, answer.headers["Content-Type"])
    with av.open(io.BytesIO(answer.body), "r") as container:
        stream = container.streams.video[0]
        assert container.duration is not None
        assert settings["duration"] == container.duration / av.time_base
        assert size == (stream.width, stream.height)
        assert stream.frames == sum(1 for _ in container.decode(stream))


async def test_a_link_needs_no_key_stays_the_same_and_is_logged(sim: Simulated) -> None:
    task_id = await sim.kling_id()
    sim.clock.advance(10)
    urls = [(await sim.kling_task(task_id))["outputs"][0]["url"] for _ in range(2)]
    assert urls[0] == urls[1]
    async with sim.session.get(urls[0]) as response:
        assert 200 == response.status
    (call,) = await sim.calls("kling", "download")
    assert (task_id, 200, False) == (call["task_id"], call["status"], call["accepted"])


async def test_a_link_dies_after_thirty_days_and_cannot_be_forged(sim: Simulated) -> None:
    url = await url_of(sim)
    for bad in (url[:-1] + "!", url.split("?")[0], url.replace("x-expires=1", "x-expires=2")):
        assert 403 == (await sim.get(bad)).status
    sim.clock.advance(30 * 86_400 - 1)
    assert 200 == (await sim.get(url)).status
    sim.clock.advance(1)
    assert 403 == (await sim.get(url)).status


async def test_a_large_clip_is_padded_to_its_size(sim: Simulated) -> None:
    answer = await sim.get(await url_of(sim, f"[[bytes={SIZE}]]"))
    assert SIZE == len(answer.body) == int(answer.headers["Content-Length"])
    with av.open(io.BytesIO(answer.body), "r") as container:
        assert 24 == sum(1 for _ in container.decode(container.streams.video[0]))


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-99", 0, 100),
        ("bytes=299990-", 299_990, SIZE),
        ("bytes=-10", SIZE - 10, SIZE),
        ("bytes=100-400000", 100, SIZE),
    ],
)
async def test_a_range_of_a_clip_can_be_read(
    sim: Simulated, asked: str, start: int, stop: int
) -> None:
    url = await url_of(sim, f"[[bytes={SIZE}]]")
    answer = await sim.get(url, headers={"Range": asked})
    assert (206, stop - start) == (answer.status, len(answer.body))
    assert f"bytes {start}-{stop - 1}/{SIZE}" == answer.headers["Content-Range"]
    whole = await sim.get(url)
    assert answer.body == whole.body[start:stop]


@pytest.mark.parametrize("asked", ["bytes=300000-", "bytes=9-3", "frames=1-2"])
async def test_a_range_outside_the_clip_is_refused(sim: Simulated, asked: str) -> None:
    url = await url_of(sim, f"[[bytes={SIZE}]]")
    answer = await sim.get(url, headers={"Range": asked})
    assert (416, b"") == (answer.status, answer.body)
    assert f"bytes */{SIZE}" == answer.headers["Content-Range"]


@pytest.mark.parametrize(("fault", "status"), [("404", 404), ("expired", 403)])
async def test_a_clip_can_be_gone(sim: Simulated, fault: str, status: int) -> None:
    answer = await sim.get(await url_of(sim, f"[[download={fault}]]"))
    assert status == answer.status
    assert b"<Error>" in answer.body


async def test_a_clip_nobody_rendered_is_404(sim: Simulated) -> None:
    assert 404 == (await sim.get("/clips/kling/1.mp4")).status


@pytest.mark.parametrize("size", ["", f"bytes={SIZE}"])
@pytest.mark.parametrize("fault", ["truncate", "reset"])
async def test_a_download_can_break_in_the_middle(sim: Simulated, fault: str, size: str) -> None:
    url = await url_of(sim, f"[[download={fault} {size}]]")
    async with sim.session.get(url) as response:
        assert 200 == response.status
        with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ClientOSError)):
            await response.read()


async def test_a_slow_download_is_whole_in_the_end(sim: Simulated) -> None:
    answer = await sim.get(await url_of(sim, f"[[download=slow bytes={SIZE}]]"))
    assert SIZE == len(answer.body)


async def test_a_garbage_download_is_no_video(sim: Simulated) -> None:
    answer = await sim.get(await url_of(sim, "[[download=garbage]]"))
    assert (200, "video/mp4") == (answer.status, answer.headers["Content-Type"])
    assert answer.body.startswith(b"<html>")


async def test_a_head_request_tells_the_size(sim: Simulated) -> None:
    answer = await sim.call("HEAD", await url_of(sim, f"[[bytes={SIZE}]]"))
    assert (200, b"", str(SIZE)) == (answer.status, answer.body, answer.headers["Content-Length"])
