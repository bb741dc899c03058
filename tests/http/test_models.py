from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from openai.types import Model as OpenAIModel

from proxy.domain.policy import Lifecycle
from tests.builders import NOW_S, a_model, an_offer

if TYPE_CHECKING:
    from tests.http.conftest import Client
    from tests.http.fakes import RecordingVideos


async def test_models_and_policies_are_listed_as_openais_client_reads_them(
    client: Client,
) -> None:
    async with client.get("/v1/models") as answer:
        assert 200 == answer.status
        body = await answer.json()
    listed = {entry["id"]: entry for entry in body["data"]}
    for entry in body["data"]:
        OpenAIModel.model_validate(entry, strict=True)
    assert ("kling", "model") == (
        listed["kling-3.0"]["owned_by"],
        listed["kling-3.0"]["greenlight"]["kind"],
    )
    (offer,) = listed["kling-3.0"]["greenlight"]["offers"]
    assert {
        "for": ["create"],
        "resolution": "4k",
        "audio": None,
        "per_second_usd": "0.420000",
        "of": "new",
        "at_least_usd": "0.000000",
    } in offer["prices"]
    assert ["720p", "1080p", "4k"] == offer["resolutions"]
    (retired,) = listed["sora-2"]["greenlight"]["offers"]
    assert ("retired", ["kling-3.0", "veo-3.1-fast"]) == (
        retired["lifecycle"]["state"],
        retired["lifecycle"]["successors"],
    )
    policy = listed["cheapest_4k"]["greenlight"]
    assert ("policy", {"resolution": "4k"}, ["price"], False) == (
        policy["kind"],
        policy["require"],
        policy["order"],
        policy["is_default"],
    )
    assert listed["cheapest"]["greenlight"]["is_default"]
    assert {"quality": 0.5, "price": 0.3, "latency": 0.2} == (
        listed["balanced"]["greenlight"]["weigh"]
    )


async def test_an_announced_end_is_told(client: Client, videos: RecordingVideos) -> None:
    aging = an_offer(lifecycle=Lifecycle(retires_not_before_s=NOW_S))
    unsold = a_model("unsold", quality=5)
    models = {**videos.snapshot.models, unsold.name: unsold}
    videos.snapshot = replace(videos.snapshot, offers=(aging,), models=models)
    async with client.get("/v1/models") as answer:
        listed = {entry["id"]: entry for entry in (await answer.json())["data"]}
    (offer,) = listed["kling-3.0"]["greenlight"]["offers"]
    assert ("deprecated", int(NOW_S), None) == (
        offer["lifecycle"]["state"],
        offer["lifecycle"]["retires_not_before"],
        offer["lifecycle"]["retires_at"],
    )
    assert ("greenlight", []) == (
        listed["unsold"]["owned_by"],
        listed["unsold"]["greenlight"]["offers"],
    )


async def test_what_an_offer_takes_is_told(client: Client, videos: RecordingVideos) -> None:
    offer = an_offer()
    can = replace(
        offer.can, last_frame=("1080p",), reference_images=3, reference_images_seconds=(8,)
    )
    videos.snapshot = replace(
        videos.snapshot, offers=(replace(offer, can=replace(can, seed=True)),)
    )
    async with client.get("/v1/models") as answer:
        listed = {entry["id"]: entry for entry in (await answer.json())["data"]}
    (told,) = listed["kling-3.0"]["greenlight"]["offers"]
    assert (["1080p"], False, True) == (
        told["last_frame"],
        told["negative_prompt"],
        told["seed"],
    )
    assert {"at_most": 3, "seconds": [8], "with_frames": False} == told["reference_images"]
    assert {
        "types": ["image/jpeg", "image/png", "image/webp"],
        "bytes_max": 20 * 2**20,
    } == told["pictures"]


@pytest.mark.parametrize("name", ["kling-3.0", "cheapest_4k"])
async def test_one_is_answered_as_in_the_list(client: Client, name: str) -> None:
    async with client.get("/v1/models") as answer:
        listed = {entry["id"]: entry for entry in (await answer.json())["data"]}
    async with client.get(f"/v1/models/{name}") as answer:
        assert (200, listed[name]) == (answer.status, await answer.json())
        etag = answer.headers["ETag"]
    async with client.get(f"/v1/models/{name}", headers={"If-None-Match": etag}) as answer:
        assert 304 == answer.status


async def test_an_unknown_model_is_404(client: Client) -> None:
    async with client.get("/v1/models/nothing") as answer:
        error = (await answer.json())["error"]
        assert (404, "model_not_found", "model") == (answer.status, error["code"], error["param"])
