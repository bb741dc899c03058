import base64
import hashlib

import pytest

from proxy.simulator.mp4 import make_clip
from proxy.simulator.videos import read_video
from tests.simulator.simulated import MODEL, TOKEN, Simulated
from tests.simulator.test_kling_create import a_jpeg, a_png

PNG = {"bytesBase64Encoded": a_png(), "mimeType": "image/png"}
BUCKET = {"gcsUri": "gs://bucket/cat.png", "mimeType": "image/png"}
ASSET = {"image": PNG, "referenceType": "asset"}
LITE = "veo-3.1-lite-generate-001"


def a_video(seconds: int = 8, width: int = 1280, height: int = 720) -> dict[str, str]:
    content = base64.b64encode(make_clip(width, height, seconds).head).decode()
    return {"bytesBase64Encoded": content, "mimeType": "video/mp4"}


def a_body(instance: dict[str, object], **parameters: object) -> dict[str, object]:
    return {"instances": [{"prompt": "a cat"} | instance], "parameters": parameters}


async def test_a_create_answers_an_operation_below_its_model(sim: Simulated) -> None:
    answer = await sim.vertex()
    assert {"name"} == set(answer.json)
    parent, _, operation = answer.json["name"].partition("/operations/")
    assert f"projects/film-studio/locations/us-central1/publishers/google/models/{MODEL}" == parent
    assert 36 == len(operation)


async def test_both_api_versions_answer(sim: Simulated) -> None:
    path = sim.vertex_path("predictLongRunning").replace("/v1/", "/v1beta1/")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert 200 == (await sim.post(path, a_body({}), headers=headers)).status


@pytest.mark.parametrize(
    ("model", "parameters", "micro_usd"),
    [
        (MODEL, {}, 800_000),  # 720p, 8 s, one clip, with sound are the defaults
        (MODEL, {"durationSeconds": 4, "generateAudio": False}, 320_000),
        (MODEL, {"durationSeconds": 6, "resolution": "1080p", "sampleCount": 4}, 2_880_000),
        (MODEL, {"durationSeconds": 4, "resolution": "4k", "generateAudio": False}, 1_000_000),
        ("veo-3.1-generate-001", {"generateAudio": False}, 1_600_000),
        ("veo-3.1-generate-001", {"resolution": "4k"}, 4_800_000),
        (LITE, {"resolution": "1080p"}, 640_000),
    ],
)
async def test_each_model_is_billed_by_second_resolution_sound_and_clips(
    sim: Simulated, model: str, parameters: dict[str, object], micro_usd: int
) -> None:
    answer = await sim.vertex_raw(a_body({}, **parameters), model)
    assert 200 == answer.status, answer.json
    sim.clock.advance(10)
    assert micro_usd == (await sim.invoice())["total_micro_usd"]


@pytest.mark.parametrize(
    ("model", "parameters", "named"),
    [
        (MODEL, {"durationSeconds": "8"}, "durationSeconds"),
        (MODEL, {"durationSeconds": 5}, "durationSeconds"),
        (MODEL, {"durationSeconds": 8.0}, "durationSeconds"),
        (MODEL, {"sampleCount": 0}, "sampleCount"),
        (MODEL, {"sampleCount": 5}, "sampleCount"),
        (MODEL, {"aspectRatio": "1:1"}, "aspectRatio"),
        (MODEL, {"resolution": "480p"}, "resolution"),
        (MODEL, {"generateAudio": "true"}, "generateAudio"),
        (MODEL, {"generateAudio": 1}, "generateAudio"),
        (MODEL, {"seed": -1}, "seed"),
        (MODEL, {"seed": 2**32}, "seed"),
        (MODEL, {"resizeMode": "crop"}, "resizeMode"),
        (MODEL, {"compressionQuality": "best"}, "compressionQuality"),
        (MODEL, {"seconds": 8}, "parameters.seconds"),
        (MODEL, {"storageUri": "https://b/x"}, "storageUri"),
        (LITE, {"resolution": "4k"}, "resolution"),
    ],
)
async def test_what_a_model_cannot_do_is_refused_by_name(
    sim: Simulated, model: str, parameters: dict[str, object], named: str
) -> None:
    answer = await sim.vertex_raw(a_body({}, **parameters), model)
    assert (400, "INVALID_ARGUMENT") == (answer.status, answer.json["error"]["status"])
    assert named in answer.json["error"]["message"]


@pytest.mark.parametrize(
    "instance",
    [
        {"image": PNG},
        {"image": BUCKET, "lastFrame": PNG},
        {"image": {"bytesBase64Encoded": a_jpeg(), "mimeType": "image/jpeg"}, "prompt": None},
        {"referenceImages": [ASSET, ASSET, ASSET]},
    ],
)
async def test_images_are_taken_as_the_vendor_takes_them(
    sim: Simulated, instance: dict[str, object]
) -> None:
    answer = await sim.vertex_raw(a_body(instance, durationSeconds=8))
    assert 200 == answer.status, answer.json


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ([], "object"),
        ({}, "instances"),
        ({"instances": [{"prompt": "a"}, {"prompt": "b"}]}, "one instance"),
        ({"instances": ["a"]}, "instances[0]"),
        ({"instances": [{}]}, "prompt"),
        (a_body({}) | {"model": "x"}, "model"),
        (a_body({}) | {"labels": {"team": 7}}, "labels.team"),
        (a_body({"negative": "x"}), "instances[0].negative"),
        (a_body({"image": "https://example.com/cat.png"}), "image"),
        (a_body({"image": {"mimeType": "image/png"}}), "one of"),
        (a_body({"image": PNG | BUCKET}), "one of"),
        (a_body({"image": PNG | {"mimeType": "image/webp"}}), "mimeType"),
        (a_body({"image": PNG | {"mimeType": "image/jpeg"}}), "image/jpeg"),
        (a_body({"image": PNG | {"bytesBase64Encoded": "***"}}), "Base64"),
        (a_body({"image": BUCKET | {"gcsUri": "https://x"}}), "gs://"),
        (a_body({"lastFrame": PNG}), "lastFrame"),
        (a_body({"image": PNG, "referenceImages": [ASSET]}), "combined"),
        (a_body({"referenceImages": [ASSET] * 4}), "at most 3"),
        (a_body({"referenceImages": [ASSET | {"referenceType": "style"}]}), "referenceType"),
        (a_body({"referenceImages": [{"referenceType": "asset"}]}), "image"),
        (a_body({"referenceImages": [ASSET]}, durationSeconds=4), "durationSeconds"),
        (a_body({"mask": BUCKET}), "not supported by the simulator yet"),
        (a_body({"video": BUCKET}), "video.mimeType"),
        (a_body({"video": a_video() | {"gcsUri": "gs://b/x.mp4"}}), "one of"),
        (a_body({"video": {"mimeType": "video/mp4"}}), "one of"),
        (a_body({"video": a_video() | {"bytesBase64Encoded": "***"}}), "no MP4"),
        (a_body({"video": a_video() | {"bytesBase64Encoded": a_png()}}), "no MP4"),
        (a_body({"video": {"gcsUri": "gs://b/x.mp4", "mimeType": "video/mp4"}}), "no MP4"),
        (a_body({"video": a_video(31)}), "1 to 30 seconds"),
        (a_body({"video": a_video(8, 720, 720)}), "720p or 1080p"),
        (a_body({"video": a_video()}, resolution="1080p"), "resolution"),
        (a_body({"video": a_video()}, durationSeconds=8), "durationSeconds"),
        (a_body({"video": a_video()}, aspectRatio="9:16"), "aspectRatio"),
        (a_body({"video": a_video(), "image": PNG}), "combined"),
        (a_body({"video": a_video(), "referenceImages": [ASSET]}), "combined"),
        (a_body({"prompt": "[[render=x]]"}), "render"),
        (a_body({"prompt": "[[download=expired]]"}), "inline"),
    ],
)
async def test_a_malformed_body_is_refused_by_name(
    sim: Simulated, body: object, named: str
) -> None:
    answer = await sim.vertex_raw(body)
    assert (400, "INVALID_ARGUMENT") == (answer.status, answer.json["error"]["status"])
    assert named in answer.json["error"]["message"]


async def test_an_extension_is_billed_by_what_it_adds_and_answers_the_whole(
    sim: Simulated,
) -> None:
    video = a_video(8, 720, 1280)
    answer = await sim.vertex_raw(a_body({"video": video}, aspectRatio="9:16"))
    assert 200 == answer.status, answer.json
    sim.clock.advance(10)
    assert 700_000 == (await sim.invoice())["total_micro_usd"]
    (made,) = (await sim.fetch(answer.json["name"])).json["response"]["videos"]
    whole = read_video(base64.b64decode(made["bytesBase64Encoded"]))
    assert whole is not None
    assert (720, 1280, 15.0) == (whole.width, whole.height, whole.seconds)
    (call,) = await sim.calls("vertex", "submit")
    content = base64.b64decode(video["bytesBase64Encoded"])
    assert {"video": hashlib.sha256(content).hexdigest()} == call["inputs"]


async def test_an_extension_starts_from_a_video_in_a_bucket(sim: Simulated) -> None:
    name = await sim.vertex_id(storageUri="gs://films/veo/", durationSeconds=4)
    written = {"mimeType": "video/mp4", "gcsUri": f"gs://films/veo/{name.rpartition('/')[2]}/x"}
    too_early = await sim.vertex_raw(a_body({"video": written}))
    assert "no MP4" in too_early.json["error"]["message"]
    sim.clock.advance(10)
    (video,) = (await sim.fetch(name)).json["response"]["videos"]
    assert 200 == (await sim.vertex_raw(a_body({"prompt": "", "video": video}))).status


async def test_the_lite_model_extends_nothing(sim: Simulated) -> None:
    answer = await sim.vertex_raw(a_body({"video": a_video()}), LITE)
    assert "does not extend" in answer.json["error"]["message"]


async def test_reference_images_are_beyond_the_lite_model(sim: Simulated) -> None:
    body = a_body({"referenceImages": [ASSET]})
    assert 400 == (await sim.vertex_raw(body, LITE)).status


async def test_labels_are_taken(sim: Simulated) -> None:
    assert 200 == (await sim.vertex_raw(a_body({}) | {"labels": {"team": "x"}})).status


@pytest.mark.parametrize(
    "model", ["veo-2.0-generate-001", "veo-3.0-generate-001", "veo-3.1-generate-preview"]
)
async def test_a_retired_model_is_not_found(sim: Simulated, model: str) -> None:
    answer = await sim.vertex(model=model)
    assert (404, "NOT_FOUND") == (answer.status, answer.json["error"]["status"])
    assert "was not found" in answer.json["error"]["message"]
