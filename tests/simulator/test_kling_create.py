import base64
import struct

import pytest

from tests.simulator.simulated import T2V, Simulated

I2V = "/kling/image-to-video/kling-3.0"


def a_png(width: int = 640, height: int = 360) -> str:
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height)
    return base64.b64encode(header + bytes(20)).decode()


def a_jpeg(width: int = 640, height: int = 360) -> str:
    start = b"\xff\xd8" + b"\xff\xe0" + struct.pack(">H", 16) + bytes(14)
    frame = b"\xff\xc0" + struct.pack(">HBHH", 11, 8, height, width) + bytes(4)
    return base64.b64encode(start + frame).decode()


def contents(*extra: object, url: str | None = None) -> dict[str, object]:
    first = {"type": "first_frame", "url": url or a_png()}
    return {"contents": [{"type": "prompt", "text": "a cat"}, first, *extra]}


async def test_a_create_answers_the_task_in_the_vendor_s_envelope(sim: Simulated) -> None:
    answer = await sim.kling(options={"external_task_id": "mine"})
    assert 200 == answer.status
    assert {"code", "message", "request_id", "data"} == set(answer.json)
    assert 0 == answer.json["code"]
    data = answer.json["data"]
    assert (data["status"], data["external_id"]) == ("submitted", "mine")
    assert 1_795_000_000_000 == data["create_time"] == data["update_time"]
    assert (18, True) == (len(data["id"]), data["id"].isdigit())


@pytest.mark.parametrize(
    ("model", "settings", "micro_usd"),
    [
        ("kling-3.0", {}, 420_000),  # 720p, 5 s, silent are the defaults
        ("kling-3.0", {"duration": 15, "resolution": "1080p", "audio": "native"}, 2_520_000),
        ("kling-3.0", {"duration": 3, "resolution": "4k"}, 1_260_000),
        ("kling-3.0", {"duration": 3, "resolution": "4k", "audio": "native"}, 1_260_000),
        ("kling-3.0", {"duration": 3, "audio": "native", "multi_shot": False}, 378_000),
        ("kling-3.0-turbo", {"duration": 4}, 448_000),
        ("kling-3.0-turbo", {"duration": 4, "resolution": "1080p"}, 560_000),
        ("kling-2.6", {"duration": 10}, 420_000),
        ("kling-2.6", {"duration": 5, "resolution": "1080p", "audio": "native"}, 700_000),
        ("kling-2.5-turbo", {"duration": 10, "resolution": "1080p"}, 700_000),
    ],
)
async def test_each_model_is_billed_by_second_resolution_and_sound(
    sim: Simulated, model: str, settings: object, micro_usd: int
) -> None:
    answer = await sim.kling(path=f"/kling/text-to-video/{model}", settings=settings)
    assert 200 == answer.status, answer.json
    sim.clock.advance(10)
    assert micro_usd == (await sim.invoice())["total_micro_usd"]


@pytest.mark.parametrize(
    ("model", "settings", "named"),
    [
        ("kling-3.0", {"duration": "5"}, "settings.duration"),
        ("kling-3.0", {"duration": 5.0}, "settings.duration"),
        ("kling-3.0", {"duration": True}, "settings.duration"),
        ("kling-3.0", {"duration": 2}, "settings.duration"),
        ("kling-3.0", {"duration": 16}, "settings.duration"),
        ("kling-3.0", {"resolution": "480p"}, "settings.resolution"),
        ("kling-3.0", {"resolution": 720}, "settings.resolution"),
        ("kling-3.0", {"aspect_ratio": "4:3"}, "settings.aspect_ratio"),
        ("kling-3.0", {"audio": "on"}, "settings.audio"),
        ("kling-3.0", {"audio": True}, "settings.audio"),
        ("kling-3.0", {"multi_shot": "no"}, "settings.multi_shot"),
        ("kling-3.0", {"mode": "pro"}, "settings.mode"),
        ("kling-3.0-turbo", {"resolution": "4k"}, "settings.resolution"),
        ("kling-3.0-turbo", {"audio": "native"}, "settings.audio: unknown"),
        ("kling-3.0-turbo", {"multi_shot": True}, "settings.multi_shot"),
        ("kling-2.6", {"duration": 6}, "settings.duration"),
        ("kling-2.6", {"audio": "native", "resolution": "720p"}, "settings.audio"),
        ("kling-2.6", {"resolution": "4k"}, "settings.resolution"),
        ("kling-2.5-turbo", {"audio": "off"}, "settings.audio: unknown"),
        ("kling-2.5-turbo", {"duration": 4}, "settings.duration"),
    ],
)
async def test_what_a_model_cannot_do_is_refused_by_name(
    sim: Simulated, model: str, settings: object, named: str
) -> None:
    answer = await sim.kling(path=f"/kling/text-to-video/{model}", settings=settings)
    assert (400, 1201) == (answer.status, answer.json["code"])
    assert named in answer.json["message"]
    assert [] == (await sim.invoice())["tasks"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ([], "object"),
        ({}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": 7}, "prompt"),
        ({"prompt": "x" * 3073}, "3072"),
        ({"prompt": "a", "negative_prompt": "b"}, "negative_prompt"),
        ({"prompt": "a", "settings": []}, "settings"),
        ({"prompt": "a", "options": {"external_task_id": 7}}, "external_task_id"),
        ({"prompt": "a", "options": {"external_task_id": "a,b"}}, "comma"),
        ({"prompt": "a", "options": {"callback_url": "ftp://x"}}, "callback_url"),
        ({"prompt": "a", "options": {"watermark_info": {"enabled": 1}}}, "enabled"),
        ({"prompt": "a", "options": {"external_id": "x"}}, "options.external_id"),
        ({"prompt": "a [[render=x]]"}, "render"),
    ],
)
async def test_a_malformed_body_is_refused_by_name(
    sim: Simulated, body: object, named: str
) -> None:
    answer = await sim.post(T2V, body)
    assert (400, 1201) == (answer.status, answer.json["code"])
    assert named in answer.json["message"]


async def test_a_body_that_is_no_json_is_refused(sim: Simulated) -> None:
    no_json = await sim.call("POST", T2V, data=b"{", headers={"Content-Type": "application/json"})
    a_form = await sim.call("POST", T2V, data={"prompt": "a"})
    for answer in (no_json, a_form):
        assert (400, 1200) == (answer.status, answer.json["code"])


async def test_an_unknown_model_or_path_is_404(sim: Simulated) -> None:
    model = await sim.kling(path="/kling/text-to-video/kling-9")
    assert (404, 1203) == (model.status, model.json["code"])
    for answer in (await sim.get(T2V), await sim.get("/kling/nothing")):
        assert (404, 1202) == (answer.status, answer.json["code"])


async def test_an_external_id_can_be_used_once_per_account(sim: Simulated) -> None:
    options = {"external_task_id": "mine"}
    assert 200 == (await sim.kling(options=options)).status
    again = await sim.kling(options=options)
    assert (400, 1201) == (again.status, again.json["code"])
    assert 1 == len((await sim.invoice())["tasks"])
    sim.token = "narrow-key"
    assert 200 == (await sim.kling(options=options)).status


async def test_a_refused_create_leaves_its_external_id_free(sim: Simulated) -> None:
    prompt, options = "a [[submit=503 times=1]]", {"external_task_id": "mine"}
    assert [503, 200] == [(await sim.kling(prompt, options=options)).status for _ in range(2)]


async def test_an_empty_external_id_is_none(sim: Simulated) -> None:
    for _ in range(2):
        answer = await sim.kling(options={"external_task_id": "", "callback_url": ""})
        assert 200 == answer.status
        assert "external_id" not in answer.json["data"]


async def test_concurrency_is_per_account_and_model_until_a_task_ends(sim: Simulated) -> None:
    sim.token = "narrow-key"
    assert [200, 200] == [(await sim.kling()).status for _ in range(2)]
    over = await sim.kling()
    assert (429, 1303) == (over.status, over.json["code"])
    assert 200 == (await sim.kling(path="/kling/text-to-video/kling-2.6")).status
    sim.clock.advance(10)
    assert 200 == (await sim.kling()).status


async def test_a_first_frame_is_taken_as_png_jpeg_or_url_and_sets_the_shape(
    sim: Simulated,
) -> None:
    for url in (a_png(), a_jpeg(), "https://example.com/cat.png"):
        answer = await sim.post(I2V, contents(url=url))
        assert 200 == answer.status, answer.json
    last = {"type": "last_frame", "url": a_png()}
    assert 200 == (await sim.post(I2V, contents(last))).status
    assert 4 == len((await sim.invoice())["tasks"])


@pytest.mark.parametrize(
    ("model", "body", "named"),
    [
        ("kling-3.0", {}, "prompt"),
        ("kling-3.0", {"contents": [{"type": "prompt", "text": "a"}]}, "first_frame"),
        ("kling-3.0", {"contents": [{"type": "first_frame", "url": a_png()}]}, "prompt"),
        ("kling-3.0", contents({"type": "voice", "voice_id": "1"}), "type"),
        ("kling-3.0", contents({"type": "first_frame", "url": a_png()}), "twice"),
        ("kling-3.0", contents({"url": a_png()}), "type"),
        ("kling-3.0", contents() | {"settings": {"aspect_ratio": "16:9"}}, "aspect_ratio"),
        ("kling-3.0", contents() | {"prompt": "a"}, "prompt"),
        ("kling-3.0", contents(url=f"data:image/png;base64,{a_png()}"), "Base64"),
        ("kling-3.0", contents(url=base64.b64encode(b"GIF89a").decode()), "JPEG or PNG"),
        ("kling-3.0", contents(url=a_png(299, 400)), "300px"),
        ("kling-3.0", contents(url=a_png(2000, 700)), "2.5"),
        ("kling-3.0", contents({"type": "last_frame"}), "url"),
        ("kling-3.0", contents() | {"settings": {"watermark": True}}, "settings.watermark"),
        ("kling-3.0-turbo", contents({"type": "last_frame", "url": a_png()}), "type"),
        ("kling-2.6", contents({"type": "last_frame", "url": a_png()}), "first and last"),
    ],
)
async def test_a_bad_image_request_is_refused_by_name(
    sim: Simulated, model: str, body: object, named: str
) -> None:
    answer = await sim.post(f"/kling/image-to-video/{model}", body)
    assert (400, 1201) == (answer.status, answer.json["code"])
    assert named in answer.json["message"]
