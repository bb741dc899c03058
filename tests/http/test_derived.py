"""Remix, edits and extensions at the edge: their fields in every encoding, and their answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from openai.types import Video

from proxy.domain.errors import InvalidRequest
from proxy.domain.source import Verb, Way
from proxy.gateway.views import Start
from proxy.http.create_schema import BODIES
from proxy.http.derived import QUOTE_FIELDS, VERB_FIELDS, read_derived
from proxy.http.fields import ALIASES
from tests.builders import a_snapshot
from tests.source_builders import a_support, that_can

if TYPE_CHECKING:
    from tests.http.conftest import Client
    from tests.http.described import Description
    from tests.http.fakes import RecordingVideos

PATHS = {Verb.EDIT: "/v1/videos/edits", Verb.EXTEND: "/v1/videos/extensions"}
MORE: dict[Verb, dict[str, object]] = {Verb.EDIT: {}, Verb.EXTEND: {"seconds": "8"}}
ALL = {verb: a_support(adds=(4, 8)) for verb in (Verb.REMIX, Verb.EDIT, Verb.EXTEND)}


@pytest.fixture
async def made(client: Client, videos: RecordingVideos) -> str:
    """The id of a completed video, at an offer that does everything."""
    videos.snapshot = a_snapshot(offers=[that_can(ALL)])
    async with client.post("/v1/videos", json={"prompt": "a fox"}) as answer:
        video_id: str = (await answer.json())["id"]
    videos.complete(video_id)
    videos.calls.clear()
    return video_id


def started(videos: RecordingVideos) -> Start:
    """What the last create was told to start from."""
    (_, details) = videos.calls[-1]
    start: Start = details["start"]
    return start


async def answered(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    assert 200 == answer.status, await answer.text()
    body: dict[str, Any] = await answer.json()
    Video.model_validate(body, strict=True)
    return body


async def test_a_remix_names_its_source(
    client: Client, videos: RecordingVideos, made: str
) -> None:
    path = f"/v1/videos/{made}/remix"
    async with client.post(path, json={"prompt": "in the rain", "max_cost_usd": "1"}) as answer:
        video = await answered(answer)
    assert (made, "4") == (video["remixed_from_video_id"], video["seconds"])
    assert {"id": made, "verb": "remix", "how": "origin"} == video["greenlight"]["source"]
    assert Start(verb=Verb.REMIX, video_id=made, param="video_id") == started(videos)
    assert 1_000_000 == videos.calls[-1][1]["request"].max_cost_micro_usd


@pytest.mark.parametrize("verb", PATHS)
async def test_an_edit_and_an_extension_take_json_and_forms(
    client: Client, videos: RecordingVideos, made: str, verb: Verb
) -> None:
    fields = {"prompt": "in the rain", **MORE[verb]}
    multipart = aiohttp.FormData(fields, default_to_multipart=True)
    multipart.add_field("video[id]", made)
    as_json = aiohttp.FormData(fields, default_to_multipart=True)
    as_json.add_field("video", f'{{"id": "{made}"}}', content_type="application/json")
    bodies: list[dict[str, Any]] = [
        {"json": {**fields, "video": {"id": made}}},
        {"data": {**fields, "video[id]": made}},
        {"data": multipart},
        {"data": as_json},
    ]
    prints = set()
    for body in bodies:
        async with client.post(PATHS[verb], **body) as answer:
            video = await answered(answer)
        assert Start(verb=verb, video_id=made, param="video") == started(videos)
        prints.add(videos.calls[-1][1]["fingerprint"])
        assert video["remixed_from_video_id"] is None
        assert verb == video["greenlight"]["source"]["verb"]
        assert ("12" if verb is Verb.EXTEND else "4") == video["seconds"]
    assert 1 == len(prints)


async def test_equal_fields_of_other_verbs_and_videos_are_other_requests(
    client: Client, videos: RecordingVideos, made: str
) -> None:
    async with client.post("/v1/videos", json={"prompt": "x"}) as answer:
        other = (await answer.json())["id"]
    for path, more in (
        (f"/v1/videos/{made}/remix", {}),
        (f"/v1/videos/{other}/remix", {}),
        (PATHS[Verb.EDIT], {"video": {"id": made}}),
        (PATHS[Verb.EDIT], {"video": {"id": other}}),
    ):
        async with client.post(path, json={"prompt": "x", **more}) as answer:
            assert 200 == answer.status
    assert 5 == len({details["fingerprint"] for name, details in videos.calls if name == "create"})


async def test_headers_are_those_of_a_create(
    client: Client, videos: RecordingVideos, made: str
) -> None:
    videos.is_replay = True
    headers = {"Idempotency-Key": "k", "Prefer": "wait=1", "x-stainless-retry-count": "1"}
    path = f"/v1/videos/{made}/remix"
    async with client.post(path, json={"prompt": "x"}, headers=headers) as answer:
        assert ("true", "wait=1") == (
            answer.headers["Idempotency-Replayed"],
            answer.headers["Preference-Applied"],
        )
    details = videos.calls[-1][1]
    assert ("k", 1, 1.0) == (details["idempotency_key"], details["sdk_try"], details["wait_s"])


VIDEO: dict[str, object] = {"video": {"id": "video_a"}}


@pytest.mark.parametrize(
    ("verb", "fields", "param", "said"),
    [
        (Verb.EDIT, {}, "video", "video is required"),
        (Verb.EDIT, {"video": None}, "video", "video is required"),
        (Verb.EDIT, {"video": "video_a"}, "video", "exactly one field, id"),
        (Verb.EDIT, {"video": {"id": "a", "url": "b"}}, "video", "exactly one field, id"),
        (Verb.EDIT, {"video": {"id": 5}}, "video", "video.id must be the id"),
        (Verb.EDIT, {"video": {"id": ""}}, "video", "video.id must be the id"),
        (Verb.EDIT, {"video": {"id": "x" * 129}}, "video", "video.id must be the id"),
        (Verb.EDIT, {**VIDEO, "seconds": 4}, "seconds", "there is no field 'seconds'"),
        (Verb.EDIT, {**VIDEO, "duration": 4}, "duration", "there is no field 'duration'"),
        (Verb.EDIT, {**VIDEO, "size": "1280x720"}, "size", "there is no field 'size'"),
        (Verb.EDIT, {**VIDEO, "prompt": ""}, "prompt", "must not be empty"),
        (Verb.EXTEND, VIDEO, "seconds", "seconds is required"),
        (Verb.EXTEND, {**VIDEO, "seconds": 0}, "seconds", "from 1 to"),
        (Verb.REMIX, VIDEO, "video", "there is no field 'video'"),
    ],
)
def test_a_field_at_fault_is_named(
    verb: Verb, fields: dict[str, object], param: str, said: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_derived({"prompt": "x", **fields}, verb, "video_a" if verb is Verb.REMIX else None)
    assert (param, True) == (refused.value.param, said in refused.value.message), refused.value


def test_an_extension_s_length_has_two_names() -> None:
    video, _ = read_derived({"prompt": "x", "duration": "8", **VIDEO}, Verb.EXTEND)
    assert 8 == video.seconds


@pytest.mark.parametrize("content_type", ["video/mp4", "application/octet-stream"])
async def test_a_video_as_a_file_is_refused_by_name(client: Client, content_type: str) -> None:
    form = aiohttp.FormData({"prompt": "x"}, default_to_multipart=True)
    form.add_field("video", b"\x00\x00\x00\x18ftyp", filename="a.mp4", content_type=content_type)
    async with client.post(PATHS[Verb.EDIT], data=form) as answer:
        error = (await answer.json())["error"]
    assert (400, "not_supported_yet", "video") == (answer.status, error["code"], error["param"])
    assert "video[id]" in error["message"]


@pytest.mark.parametrize("verb", ALL)
async def test_a_quote_takes_every_verb(
    client: Client, videos: RecordingVideos, made: str, verb: Verb
) -> None:
    body = {"prompt": "x", "verb": verb, "video": {"id": made}, **MORE.get(verb, {})}
    async with client.post("/v1/videos/quote", json=body) as answer:
        quote = await answer.json()
    assert (200, 200) == (answer.status, quote["would"])
    price = "0.800000" if verb is Verb.EXTEND else "0.400000"
    assert price == quote["chosen"]["price_usd"]
    assert Start(verb=verb, video_id=made, param="video") == started(videos)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"verb": "paint"}, "verb"),
        ({"verb": {}}, "verb"),
        ({"verb": "edit"}, "video"),
        ({"verb": "remix"}, "video"),
        ({"verb": "remix", "seconds": 4, **VIDEO}, "seconds"),
        ({"verb": "create", **VIDEO}, "video"),
        (VIDEO, "video"),
    ],
)
async def test_a_quote_without_sense_is_refused(
    client: Client, fields: dict[str, object], param: str
) -> None:
    async with client.post("/v1/videos/quote", json={"prompt": "x", **fields}) as answer:
        error = (await answer.json())["error"]
    assert (400, "invalid_request", param) == (answer.status, error["code"], error["param"])


async def test_a_quote_of_a_create_may_say_so(client: Client) -> None:
    async with client.post("/v1/videos/quote", json={"prompt": "x", "verb": "create"}) as answer:
        assert 200 == answer.status


async def test_models_say_what_an_offer_does(client: Client, videos: RecordingVideos) -> None:
    support = a_support(Way.BYTES, Way.LINK, bytes_max={Way.BYTES: 9}, adds=(4,), models=("a*",))
    videos.snapshot = a_snapshot(
        offers=[that_can({Verb.EXTEND: support, Verb.EDIT: replace(support, is_silent=True)})]
    )
    async with client.get("/v1/models/kling-3.0") as answer:
        (offer,) = (await answer.json())["greenlight"]["offers"]
    assert (True, None) == (offer["create"], offer["remix"])
    assert {
        "how": ["bytes", "link"],
        "bytes_max": {"bytes": 9},
        "seconds": None,
        "adds": [4],
        "resolutions": ["720p", "1080p", "4k"],
        "aspect_ratios": ["16:9", "9:16", "1:1"],
        "models": ["a*"],
        "audio": "optional",
    } == offer["extend"]
    assert "none" == offer["edit"]["audio"]


def test_each_body_has_its_fields() -> None:
    bodies = {
        "RemixVideo": VERB_FIELDS[Verb.REMIX],
        "EditVideo": VERB_FIELDS[Verb.EDIT],
        "ExtendVideo": VERB_FIELDS[Verb.EXTEND],
        "QuoteVideo": QUOTE_FIELDS,
        "QuoteVideoForm": QUOTE_FIELDS,
    }
    for name, fields in bodies.items():
        again = {alias for alias, meant in ALIASES.items() if meant in fields}
        assert {*fields, *again} == set(BODIES[name]["properties"])
        assert not BODIES[name]["additionalProperties"]


VALUES: dict[str, list[object]] = {
    "prompt": ["x", "", None, 5],
    "video": [{"id": "video_a"}, {"id": ""}, {"id": "x" * 129}, {"id": 5}, {}, "video_a", None],
    "seconds": [8, "8", 0, "x", None],
    "duration": [8, "8", None],
    "metadata": [{"a": "b"}, [], None],
}


@pytest.mark.parametrize(
    ("verb", "field"),
    [
        (verb, field)
        for verb in PATHS
        for field in VALUES
        if ALIASES.get(field, field) in VERB_FIELDS[verb]
    ],
)
def test_a_schema_allows_what_the_parser_takes(
    description: Description, verb: Verb, field: str
) -> None:
    whole = {"prompt": "a fox", **VIDEO, **MORE[verb]}
    if field == "duration":
        whole.pop("seconds", None)
    name = {Verb.EDIT: "EditVideo", Verb.EXTEND: "ExtendVideo"}[verb]
    schema = {"$ref": f"#/components/schemas/{name}"}

    def is_taken(body: dict[str, object]) -> bool:
        try:
            read_derived(body, verb)
        except InvalidRequest:
            return False
        return True

    bodies = [{**whole, field: value} for value in VALUES[field]]
    bodies.append({key: value for key, value in whole.items() if key != field})
    assert [is_taken(body) for body in bodies] == [
        not description.problems_of(schema, body) for body in bodies
    ]
