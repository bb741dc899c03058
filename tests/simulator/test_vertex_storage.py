import io

import av
import pytest

from tests.simulator.simulated import TOKEN, Answer, Json, Simulated

AUTH = {"Authorization": f"Bearer {TOKEN}"}


async def stored(sim: Simulated, prompt: str = "a cat", **parameters: object) -> list[str]:
    name = await sim.vertex_id(prompt, storageUri="gs://films/veo/", **parameters)
    sim.clock.advance(10)
    response = (await sim.fetch(name)).json["response"]
    assert all("video/mp4" == video["mimeType"] for video in response["videos"])
    return [video["gcsUri"] for video in response["videos"]]


async def read(
    sim: Simulated,
    uri: str,
    query: str = "?alt=media",
    headers: dict[str, str] = AUTH,
    **options: Json,
) -> Answer:
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    path = f"/vertex/storage/v1/b/{bucket}/o/{name.replace('/', '%2F')}{query}"
    return await sim.get(path, headers=headers, **options)


async def test_videos_are_written_where_the_caller_said(sim: Simulated) -> None:
    uris = await stored(sim, sampleCount=2, durationSeconds=4)
    assert 2 == len(set(uris))
    assert all(uri.startswith("gs://films/veo/") for uri in uris)
    for uri in uris:
        answer = await read(sim, uri)
        assert (200, "video/mp4") == (answer.status, answer.headers["Content-Type"])
        with av.open(io.BytesIO(answer.body), "r") as container:
            assert container.duration is not None
            assert 4 == container.duration / av.time_base
    assert ["download"] * 2 == [c["operation"] for c in await sim.calls("vertex", "download")]


async def test_a_part_of_an_object_can_be_read(sim: Simulated) -> None:
    (uri,) = await stored(sim)
    answer = await read(sim, uri, headers=AUTH | {"Range": "bytes=4-7"})
    assert (206, b"ftyp") == (answer.status, answer.body)


async def test_an_object_without_media_is_its_description(sim: Simulated) -> None:
    (uri,) = await stored(sim)
    answer = await read(sim, uri, query="")
    assert ("storage#object", "films") == (answer.json["kind"], answer.json["bucket"])


async def test_an_object_needs_the_bearer_of_its_project(sim: Simulated) -> None:
    (uri,) = await stored(sim)
    answer = await read(sim, uri, headers={"Authorization": "Bearer wrong"})
    assert (401, "UNAUTHENTICATED") == (answer.status, answer.json["error"]["status"])


@pytest.mark.parametrize("fault", ["404", "expired"])
async def test_an_object_can_be_gone(sim: Simulated, fault: str) -> None:
    (uri,) = await stored(sim, f"a [[download={fault} download_times=1]]")
    assert [404, 200] == [(await read(sim, uri)).status for _ in range(2)]


async def test_nothing_else_is_in_the_bucket(sim: Simulated) -> None:
    (uri,) = await stored(sim)
    assert 404 == (await read(sim, uri + "x")).status
    name = await sim.vertex_id("a [[render=99]]", storageUri="gs://films")
    unfinished = f"gs://films/{name.rpartition('/')[2]}/sample_0.mp4"
    assert 404 == (await read(sim, unfinished)).status
