"""What the simulated Videos API takes, what it refuses and by which name, and what it costs."""

import base64
import io
import json

import aiohttp
import pytest

from tests.simulator.simulated import KEY, Json, Simulated
from tests.simulator.test_kling_create import a_jpeg, a_png

PRO = {"model": "sora-2-pro"}
FITTING_PNG = base64.b64decode(a_png(720, 1280))
DATA_URL = f"data:image/png;base64,{a_png(720, 1280)}"
ELSEWHERE = "https://example.com/cat.png"
TOO_LONG_URL = "data:image/png;base64," + "A" * (20 * 1024**2)
A_FILE = (b"no real video", "cat.mp4", "video/mp4")


def form(fields: dict[str, str], **files: tuple[bytes, str, str]) -> aiohttp.FormData:
    data = aiohttp.FormData(default_to_multipart=True)
    for name, text in fields.items():
        data.add_field(name, text)
    for name, (content, filename, content_type) in files.items():
        data.add_field(name, content, filename=filename, content_type=content_type)
    return data


async def completed_id(sim: Simulated, prompt: str = "a cat", **fields: Json) -> str:
    video_id = await sim.openai_id(prompt, **fields)
    sim.clock.advance(10)
    return video_id


async def test_a_create_answers_a_queued_video_with_every_field(sim: Simulated) -> None:
    answer = await sim.openai_submit()
    video_id = answer.json["id"]
    assert video_id.startswith("video_")
    assert answer.json == {
        "id": video_id,
        "object": "video",
        "model": "sora-2",
        "status": "queued",
        "progress": 0,
        "created_at": 1_795_000_000,
        "completed_at": None,
        "expires_at": None,
        "prompt": "a cat",
        "seconds": "4",
        "size": "720x1280",
        "remixed_from_video_id": None,
        "error": None,
    }
    assert answer.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize(
    ("fields", "micro_usd"),
    [
        ({}, 400_000),  # sora-2, 4 s, 720x1280 are the defaults
        ({"model": "sora-2-2025-12-08", "seconds": "12", "size": "1280x720"}, 1_200_000),
        (PRO | {"size": "720x1280"}, 1_200_000),
        (PRO | {"seconds": "8", "size": "1792x1024"}, 4_000_000),
        (PRO | {"seconds": "8", "size": "1920x1080"}, 5_600_000),
    ],
)
async def test_each_model_costs_by_second_and_size(
    sim: Simulated, fields: dict[str, str], micro_usd: int
) -> None:
    await completed_id(sim, **fields)
    assert micro_usd == (await sim.invoice())["total_micro_usd"]


async def test_a_bill_factor_changes_what_is_invoiced(sim: Simulated) -> None:
    await completed_id(sim, "a [[bill=1.5x]]")
    assert 600_000 == (await sim.invoice())["total_micro_usd"]


@pytest.mark.parametrize("content_type", ["multipart", "urlencoded"])
async def test_a_form_says_the_same_as_json(sim: Simulated, content_type: str) -> None:
    fields = {"prompt": "a cat", "seconds": "8", "size": "1280x720"}
    data = form(fields) if content_type == "multipart" else fields
    answer = await sim.openai("POST", data=data)
    assert ("8", "1280x720") == (answer.json["seconds"], answer.json["size"])


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"prompt": None}, "prompt", "missing_required_parameter"),
        ({"prompt": ""}, "prompt", "invalid_value"),
        ({"prompt": "x" * 32_001}, "prompt", "invalid_value"),
        ({"prompt": 7}, "prompt", "invalid_type"),
        ({"model": "sora-1"}, "model", "invalid_value"),
        ({"seconds": 4}, "seconds", "invalid_type"),
        ({"seconds": "5"}, "seconds", "invalid_value"),
        ({"seconds": "16"}, "seconds", "invalid_value"),
        ({"size": "1920x1080"}, "size", "invalid_value"),
        ({"size": "1280*720"}, "size", "invalid_value"),
        (PRO | {"size": "640x480"}, "size", "invalid_value"),
        ({"seed": 7}, "seed", "unknown_parameter"),
        ({"negative_prompt": "dogs"}, "negative_prompt", "unknown_parameter"),
        ({"n": 2}, "n", "unknown_parameter"),
        ({"duration": "4"}, "duration", "unknown_parameter"),
        ({"input_reference": ELSEWHERE}, "input_reference", "invalid_type"),
        ({"input_reference": {}}, "input_reference", "invalid_value"),
        (
            {"input_reference": {"image_url": ELSEWHERE, "file_id": "f"}},
            "input_reference",
            "invalid_value",
        ),
        (
            {"input_reference": {"image_url": "ftp://example.com/a.png"}},
            "input_reference.image_url",
            "invalid_value",
        ),
        (
            {"input_reference": {"image_url": TOO_LONG_URL}},
            "input_reference.image_url",
            "invalid_value",
        ),
        (
            {"input_reference": {"image_url": "data:image/gif;base64,R0lGODlh"}},
            "input_reference",
            "invalid_value",
        ),
        (
            {"input_reference": {"url": ELSEWHERE}},
            "input_reference.url",
            "unknown_parameter",
        ),
        ({"characters": [{"id": "char_1"}]}, "characters[0].id", "invalid_value"),
        ({"characters": [{"id": "a"}] * 3}, "characters", "invalid_value"),
        ({"prompt": "a [[outcome=cancelled]]"}, "prompt", "invalid_value"),
        ({"prompt": "a [[code=oops]]"}, "prompt", "invalid_value"),
        ({"prompt": "a [[speed=2]]"}, "prompt", "invalid_value"),
    ],
)
async def test_what_breaks_a_rule_is_refused_by_name(
    sim: Simulated, fields: dict[str, Json], param: str, code: str
) -> None:
    body: dict[str, Json] = {"prompt": "a cat"} | fields
    kept = {name: value for name, value in body.items() if value is not None}
    sent = io.BytesIO(json.dumps(kept).encode())
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    answer = await sim.call("POST", "/openai/v1/videos", data=sent, headers=headers)
    error = answer.json["error"]
    assert 400 == answer.status
    assert {"message", "type", "param", "code"} == set(error)
    assert ("invalid_request_error", param, code) == (error["type"], error["param"], error["code"])
    assert [] == (await sim.invoice())["tasks"]


@pytest.mark.parametrize(
    "reference",
    [{"image_url": DATA_URL}, {"image_url": ELSEWHERE}, {"file_id": "file-1"}],
)
async def test_a_reference_may_be_data_or_lie_elsewhere(sim: Simulated, reference: object) -> None:
    assert 200 == (await sim.openai_submit(input_reference=reference)).status


async def test_a_reference_may_be_a_file_or_a_bracketed_field(sim: Simulated) -> None:
    fields = {"prompt": "a cat"}
    picture = (FITTING_PNG, "cat.png", "image/png")
    sent = await sim.openai("POST", data=form(fields, input_reference=picture))
    assert 200 == sent.status
    bracketed = form(fields | {"input_reference[image_url]": ELSEWHERE})
    assert 200 == (await sim.openai("POST", data=bracketed)).status


async def test_a_reference_must_have_the_size_of_the_video(sim: Simulated) -> None:
    wrong = f"data:image/jpeg;base64,{a_jpeg(640, 360)}"
    answer = await sim.openai_submit(input_reference={"image_url": wrong})
    error = answer.json["error"]
    assert (400, None) == (answer.status, error["code"])
    assert "640x360" in error["message"]
    assert "720x1280" in error["message"]


@pytest.mark.parametrize(
    ("fields", "files", "param"),
    [
        ({"prompt": "a cat"}, {"video": A_FILE}, "video"),
        ({}, {"prompt": (b"a cat", "prompt.txt", "text/plain")}, "prompt"),
    ],
)
async def test_a_file_belongs_where_a_file_is_meant(
    sim: Simulated, fields: dict[str, str], files: dict[str, tuple[bytes, str, str]], param: str
) -> None:
    answer = await sim.openai("POST", data=form(fields, **files))
    assert (400, param) == (answer.status, answer.json["error"]["param"])


async def test_a_form_field_is_given_once(sim: Simulated) -> None:
    data = form({"prompt": "a cat"})
    data.add_field("prompt", "a dog")
    answer = await sim.openai("POST", data=data)
    assert (400, "prompt") == (answer.status, answer.json["error"]["param"])


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"data": b"{}", "headers": {"Content-Type": "text/plain"}}, "unsupported_content_type"),
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, None),
        ({"json": [1]}, "invalid_type"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    sim: Simulated, options: dict[str, Json], code: str | None
) -> None:
    headers = {"Authorization": f"Bearer {KEY}"} | options.pop("headers", {})
    answer = await sim.call("POST", "/openai/v1/videos", headers=headers, **options)
    assert (400, code) == (answer.status, answer.json["error"]["code"])


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", f"Basic {KEY}", KEY])
async def test_a_wrong_key_is_refused(sim: Simulated, authorization: str) -> None:
    headers = {"Authorization": authorization}
    answer = await sim.post("/openai/v1/videos", {"prompt": "a cat"}, headers=headers)
    assert (401, "invalid_api_key") == (answer.status, answer.json["error"]["code"])


async def test_a_path_or_method_it_does_not_have_is_an_error_object(sim: Simulated) -> None:
    nothing = await sim.openai("POST", "/video_1/upscale", json={})
    assert (404, None) == (nothing.status, nothing.json["error"]["code"])
    put = await sim.openai("PUT", "/video_1", json={})
    assert (405, "method_not_supported") == (put.status, put.json["error"]["code"])
    gone = await sim.call("GET", "/openai/v1/models", headers={"Authorization": f"Bearer {KEY}"})
    assert 404 == gone.status


async def test_a_minute_has_only_so_many_creates_of_a_model(sim: Simulated) -> None:
    for status, remaining in ((200, "1"), (200, "0")):
        answer = await sim.openai_submit(key="narrow-key")
        assert status == answer.status
        assert ("2", remaining) == (
            answer.headers["x-ratelimit-limit-requests"],
            answer.headers["x-ratelimit-remaining-requests"],
        )
        sim.clock.advance(20)
    refused = await sim.openai_submit(key="narrow-key")
    assert (429, "20") == (refused.status, refused.headers["Retry-After"])
    assert "40s" == refused.headers["x-ratelimit-reset-requests"]
    assert 200 == (await sim.openai_submit(key="narrow-key", model="sora-2-pro")).status
    sim.clock.advance(20)
    assert 200 == (await sim.openai_submit(key="narrow-key")).status


async def test_an_account_without_a_limit_is_told_none(sim: Simulated) -> None:
    headers = (await sim.openai_submit()).headers
    assert [] == [name for name in headers if name.lower().startswith("x-ratelimit")]


async def test_a_remix_keeps_all_but_the_prompt(sim: Simulated) -> None:
    source = await completed_id(sim, seconds="8", size="1280x720")
    remix = (await sim.openai("POST", f"/{source}/remix", json={"prompt": "a dog"})).json
    assert (source, "a dog") == (remix["remixed_from_video_id"], remix["prompt"])
    assert ("sora-2", "8", "1280x720") == (remix["model"], remix["seconds"], remix["size"])
    sim.clock.advance(10)
    assert [800_000] * 2 == [task["micro_usd"] for task in (await sim.invoice())["tasks"]]


async def test_an_edit_is_like_its_source(sim: Simulated) -> None:
    source = await completed_id(sim, seconds="8", size="1280x720")
    body = {"prompt": "a dog", "video": {"id": source}}
    edit = (await sim.openai("POST", "/edits", json=body)).json
    assert (None, "8", "1280x720") == (
        edit["remixed_from_video_id"],
        edit["seconds"],
        edit["size"],
    )


async def test_an_extension_is_longer_and_bills_the_new_seconds_only(sim: Simulated) -> None:
    source = await completed_id(sim, seconds="8")
    body = {"prompt": "on", "seconds": "20", "video": {"id": source}}
    longer = (await sim.openai("POST", "/extensions", json=body)).json
    assert "28" == longer["seconds"]
    sim.clock.advance(10)
    assert [800_000, 2_000_000] == [task["micro_usd"] for task in (await sim.invoice())["tasks"]]


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/edits", {"prompt": "a dog"}, "video"),
        ("/edits", {"prompt": "a dog", "video": "video_1"}, "video"),
        ("/edits", {"prompt": "a dog", "video": {}}, "video.id"),
        ("/edits", {"prompt": "a dog", "video": {"id": "v"}, "seconds": "4"}, "video_id"),
        ("/edits", {"video": {"id": "v"}}, "prompt"),
        ("/extensions", {"prompt": "on", "video": {"id": "v"}}, "seconds"),
        ("/extensions", {"prompt": "on", "seconds": "5", "video": {"id": "v"}}, "seconds"),
    ],
)
async def test_what_remakes_a_video_is_as_strict(
    sim: Simulated, path: str, body: dict[str, Json], param: str
) -> None:
    answer = await sim.openai("POST", path, json=body)
    assert answer.status in {400, 404}
    assert param == answer.json["error"]["param"]


async def test_only_a_completed_video_of_one_s_own_is_remade(sim: Simulated) -> None:
    source = await sim.openai_id()
    unfinished = await sim.openai("POST", f"/{source}/remix", json={"prompt": "a dog"})
    assert (400, "video") == (unfinished.status, unfinished.json["error"]["param"])
    sim.clock.advance(10)
    strange = await sim.openai("POST", f"/{source}/remix", key="narrow-key", json={"prompt": "a"})
    assert 404 == strange.status


async def test_an_uploaded_video_counts_as_four_seconds(sim: Simulated) -> None:
    fields = {"prompt": "on", "seconds": "4", "model": "sora-2-pro"}
    answer = await sim.openai("POST", "/extensions", data=form(fields, video=A_FILE))
    assert ("8", "sora-2-pro") == (answer.json["seconds"], answer.json["model"])


async def test_a_character_has_a_name_and_is_used_by_its_id(sim: Simulated) -> None:
    path = "/characters"
    made = (await sim.openai("POST", path, data=form({"name": "Tom"}, video=A_FILE))).json
    assert {"id", "name", "created_at"} == set(made)
    assert made == (await sim.openai("GET", f"{path}/{made['id']}")).json
    assert 404 == (await sim.openai("GET", f"{path}/char_1")).status
    assert 200 == (await sim.openai_submit(characters=[{"id": made["id"]}])).status
    listed = form({"prompt": "Tom", "characters[][id]": made["id"]})
    assert 200 == (await sim.openai("POST", data=listed)).status


@pytest.mark.parametrize(
    ("fields", "files", "param"),
    [
        ({}, {"video": A_FILE}, "name"),
        ({"name": ""}, {"video": A_FILE}, "name"),
        ({"name": "x" * 81}, {"video": A_FILE}, "name"),
        ({"name": "Tom"}, {}, "video"),
        ({"name": "Tom"}, {"video": A_FILE, "voice": A_FILE}, "voice"),
    ],
)
async def test_a_character_needs_a_name_and_a_video(
    sim: Simulated, fields: dict[str, str], files: dict[str, tuple[bytes, str, str]], param: str
) -> None:
    answer = await sim.openai("POST", "/characters", data=form(fields, **files))
    assert (400, param) == (answer.status, answer.json["error"]["param"])
