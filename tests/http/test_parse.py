"""Bodies of a create as they come over the wire."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import FormData

from proxy.http.body import CREATE_BYTES_MAX, FORM_BYTES_MAX

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.domain.video import VideoJob
    from tests.http.conftest import Client
    from tests.http.fakes import RecordingVideos

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
DATA_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()


def asked(videos: RecordingVideos) -> tuple[VideoJob, str]:
    """The request and the fingerprint of the last create."""
    name, call = videos.calls[-1]
    assert name == "create"
    return call["request"], call["fingerprint"]


async def refusal(
    client: Client,
    **options: Any,  # noqa: ANN401 - what aiohttp takes
) -> tuple[int, dict[str, Any]]:
    async with client.post("/v1/videos", **options) as answer:
        return answer.status, (await answer.json())["error"]


async def test_json_multipart_and_url_encoded_mean_the_same(
    client: Client, videos: RecordingVideos
) -> None:
    fields = {"prompt": "ein Füchschen", "seconds": "8", "audio": "true", "max_cost_usd": "2.5"}
    multipart = FormData({**fields, "metadata[shot]": "12"}, default_to_multipart=True)
    json_body = {
        "prompt": "ein Füchschen",
        "duration": 8,
        "audio": True,
        "max_cost_usd": 2.5,
        "metadata": {"shot": "12"},
    }
    options: list[dict[str, Any]] = [
        {"json": json_body},
        {"data": multipart},
        {"data": {**fields, "metadata[shot]": "12"}},
    ]
    seen = []
    for option in options:
        async with client.post("/v1/videos", **option) as answer:
            assert 200 == answer.status, await answer.text()
        seen.append(asked(videos))
    assert [seen[0]] * 3 == seen
    assert 2_500_000 == seen[0][0].max_cost_micro_usd


async def test_a_file_and_its_data_url_mean_the_same(
    client: Client, videos: RecordingVideos
) -> None:
    form = FormData()
    form.add_field("prompt", "x")
    form.add_field("input_reference", PNG, filename="a.png", content_type="image/png")
    nested = FormData(
        {"prompt": "x", "input_reference[image_url]": DATA_URL}, default_to_multipart=True
    )
    options: list[dict[str, Any]] = [
        {"data": form},
        {"data": nested},
        {"json": {"prompt": "x", "input_reference": DATA_URL}},
        {"json": {"prompt": "x", "input_reference": {"image_url": DATA_URL}}},
    ]
    seen = []
    for option in options:
        async with client.post("/v1/videos", **option) as answer:
            assert 200 == answer.status, await answer.text()
        seen.append(asked(videos))
    assert [seen[0]] * 4 == seen
    assert [PNG] == list(videos.inputs.values())
    reference = seen[0][0].input_reference
    assert reference is not None
    assert ("image/png", len(PNG)) == (reference.media_type, reference.size_bytes)


async def test_a_quote_keeps_no_file(client: Client, videos: RecordingVideos) -> None:
    body = {"prompt": "x", "input_reference": DATA_URL}
    async with client.post("/v1/videos/quote", json=body) as answer:
        assert 200 == answer.status
    assert {} == videos.inputs
    assert ["quote"] == [name for name, _ in videos.calls]
    assert videos.calls[0][1]["request"].input_reference is not None


@pytest.mark.parametrize(
    ("options", "param", "phrase"),
    [
        ({"data": b"{}", "headers": {"Content-Type": "text/plain"}}, "Content-Type", "one of"),
        ({"data": b"{}", "headers": {"Content-Type": ""}}, "Content-Type", "one of"),
        (
            {"data": b"{}", "headers": {"Content-Type": "application/json; charset=latin1"}},
            "Content-Type",
            "UTF-8",
        ),
        (
            {"data": b"x", "headers": {"Content-Type": "multipart/form-data"}},
            "Content-Type",
            "bound",
        ),
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, None, "JSON"),
        ({"data": b"\xff", "headers": {"Content-Type": "application/json"}}, None, "UTF-8"),
        ({"json": {}}, "prompt", "required"),
        ({"json": {"prompt": "x", "n": 1}}, "n", "no field"),
        (
            {"data": b"\x1f\x8bnope", "headers": {"Content-Type": "application/json"}},
            None,
            "UTF-8",
        ),
    ],
)
async def test_a_bad_body_is_400_and_names_the_field(
    client: Client, options: dict[str, Any], param: str | None, phrase: str
) -> None:
    status, error = await refusal(client, **options)
    assert (400, "invalid_request", param) == (status, error["code"], error["param"])
    assert phrase in error["message"]


async def test_a_body_with_a_broken_encoding_is_400(client: Client) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    status, error = await refusal(client, data=b"not gzip at all", headers=headers)
    assert (400, "invalid_request") == (status, error["code"])


async def test_a_long_body_is_413_before_it_is_read(client: Client) -> None:
    status, error = await refusal(
        client,
        data=io.BytesIO(b"x" * (FORM_BYTES_MAX + 1)),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert (413, "payload_too_large") == (status, error["code"])


async def test_a_long_body_without_a_length_is_413_too(client: Client) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(CREATE_BYTES_MAX // 2**20 + 1):
            yield b" " * 2**20

    status, error = await refusal(
        client, data=endless(), headers={"Content-Type": "application/json"}
    )
    assert (413, "payload_too_large") == (status, error["code"])


async def test_a_file_id_is_not_supported_yet(client: Client) -> None:
    body = {"prompt": "x", "input_reference": {"file_id": "file_1"}}
    status, error = await refusal(client, json=body)
    assert (400, "not_supported_yet", "input_reference") == (
        status,
        error["code"],
        error["param"],
    )


async def test_a_number_keeps_its_digits(client: Client, videos: RecordingVideos) -> None:
    raw = b'{"prompt": "x", "max_cost_usd": 1.000001}'
    async with client.post(
        "/v1/videos", data=raw, headers={"Content-Type": "application/json"}
    ) as answer:
        assert 200 == answer.status, await answer.text()
    assert 1_000_001 == asked(videos)[0].max_cost_micro_usd
