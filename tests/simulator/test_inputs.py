"""What a vendor received beside a prompt stands in the call log, and links can lead elsewhere."""

import base64
from hashlib import sha256

import pytest

from tests.simulator.simulated import Simulated
from tests.simulator.test_kling_create import I2V, a_png, contents
from tests.simulator.test_vertex_create import BUCKET, PNG, a_body
from tests.simulator.test_vertex_storage import read, stored

PICTURE, OTHER = a_png(), a_png(720, 1280)
ELSEWHERE = "https://pictures.example/cat.png"


def name(encoded: str) -> str:
    return sha256(base64.b64decode(encoded)).hexdigest()


async def received(sim: Simulated, provider: str) -> object:
    (call,) = await sim.calls(provider, "submit")
    assert (200, True) == (call["status"], call["accepted"])
    return call["inputs"]


async def test_a_submit_of_a_prompt_alone_has_no_inputs(sim: Simulated) -> None:
    await sim.kling_id()
    assert {} == await received(sim, "kling")


async def test_kling_logs_both_frames(sim: Simulated) -> None:
    await sim.post(I2V, contents({"type": "last_frame", "url": ELSEWHERE}, url=OTHER))
    expected = {"first_frame": name(OTHER), "last_frame": ELSEWHERE}
    assert expected == await received(sim, "kling")


async def test_vertex_logs_frames_and_style(sim: Simulated) -> None:
    body = a_body({"image": PNG, "lastFrame": BUCKET}, negativePrompt="blur", seed=0)
    await sim.vertex_raw(body)
    assert await received(sim, "vertex") == {
        "first_frame": name(PICTURE),
        "last_frame": BUCKET["gcsUri"],
        "negative_prompt": "blur",
        "seed": 0,
    }


async def test_vertex_logs_references_in_their_order(sim: Simulated) -> None:
    pictures = [PNG, PNG | {"bytesBase64Encoded": OTHER}]
    items = [{"image": picture, "referenceType": "asset"} for picture in pictures]
    await sim.vertex_raw(a_body({"referenceImages": items}))
    assert {"reference_images": [name(PICTURE), name(OTHER)]} == await received(sim, "vertex")


async def test_runway_logs_frames_and_style(sim: Simulated) -> None:
    frames = [
        {"position": "last", "uri": ELSEWHERE},
        {"position": "first", "uri": f"data:image/png;base64,{PICTURE}"},
    ]
    body = {"model": "veo3.1", "promptImage": frames, "ratio": "1280:720", "duration": 4}
    await sim.runway("POST", "image_to_video", body | {"negativePrompt": "blur", "seed": 7})
    assert await received(sim, "runway") == {
        "first_frame": name(PICTURE),
        "last_frame": ELSEWHERE,
        "negative_prompt": "blur",
        "seed": 7,
    }


@pytest.mark.parametrize("url", [ELSEWHERE, f"data:image/png;base64,{OTHER}"])
async def test_openai_logs_its_reference(sim: Simulated, url: str) -> None:
    await sim.openai_submit(input_reference={"image_url": url})
    expected = url if url == ELSEWHERE else name(OTHER)
    assert {"first_frame": expected} == await received(sim, "openai")


async def test_a_planned_url_is_handed_out_as_the_clip_s(sim: Simulated) -> None:
    prompt = f"a cat [[url={ELSEWHERE}]]"
    task_id, runway_id = await sim.kling_id(prompt), await sim.runway_id(prompt)
    assert [ELSEWHERE] == await stored(sim, prompt, durationSeconds=4)
    assert ELSEWHERE == (await sim.kling_task(task_id))["outputs"][0]["url"]
    assert [ELSEWHERE] == (await sim.runway_task(runway_id))["output"]


async def test_a_planned_redirect_leads_a_download_elsewhere(sim: Simulated) -> None:
    prompt = f"a cat [[redirect={ELSEWHERE}]]"
    task_id, video_id = await sim.kling_id(prompt), await sim.openai_id(prompt)
    (uri,) = await stored(sim, prompt, durationSeconds=4)
    url = (await sim.kling_task(task_id))["outputs"][0]["url"]
    answers = [
        await sim.call("GET", url, allow_redirects=False),
        await sim.openai("GET", f"/{video_id}/content", allow_redirects=False),
        await read(sim, uri, allow_redirects=False),
    ]
    assert [(302, ELSEWHERE)] * 3 == [
        (answer.status, answer.headers["Location"]) for answer in answers
    ]


@pytest.mark.parametrize("directive", [f"url={ELSEWHERE}", f"redirect={ELSEWHERE}"])
async def test_a_clip_inside_an_answer_has_no_link(sim: Simulated, directive: str) -> None:
    answer = await sim.vertex(f"a cat [[{directive}]]")
    assert 400 == answer.status
    assert "inline" in answer.json["error"]["message"]


async def test_the_videos_api_hands_out_no_link(sim: Simulated) -> None:
    answer = await sim.openai_submit(f"a cat [[url={ELSEWHERE}]]")
    assert (400, "prompt") == (answer.status, answer.json["error"]["param"])
