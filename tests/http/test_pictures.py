"""Pictures of a create in every form: the same request, judged first, stored or fetched then."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import FormData

from proxy.domain.errors import ImageUnavailable, ImageUrlRefused
from tests.builders import a_snapshot, an_offer
from tests.http.fakes import RecordingVideos
from tests.http.test_parse import DATA_URL, PNG, asked, refusal

if TYPE_CHECKING:
    from proxy.domain.errors import ProxyError
    from tests.http.conftest import Client

JPEG = b"\xff\xd8\xff\xe0" + b"j" * 40
JPEG_URL = "data:image/jpeg;base64," + base64.b64encode(JPEG).decode()
LINK, OTHER_LINK = "https://pictures.example/a.png", "https://pictures.example/b.png"
ALL = {
    "prompt": "x",
    "seconds": 4,
    "input_reference": DATA_URL,
    "last_frame": {"image_url": JPEG_URL},
    "reference_images": [JPEG_URL, {"image_url": DATA_URL}],
    "negative_prompt": "rain",
    "seed": 7,
}


@pytest.fixture
def videos() -> RecordingVideos:
    """Use cases with one offer, which takes every input."""
    offer = an_offer()
    can = replace(
        offer.can,
        last_frame=offer.can.resolutions,
        reference_images=3,
        reference_images_with_frames=True,
        negative_prompt=True,
        seed=True,
    )
    snapshot = a_snapshot(offers=[replace(offer, can=can)])
    return RecordingVideos(snapshot=snapshot, pictures={LINK: PNG, OTHER_LINK: JPEG})


def names(videos: RecordingVideos) -> list[str]:
    return [name for name, _ in videos.calls]


def form(**fields: str) -> FormData:
    """A form with the pictures of ALL as files."""
    made = FormData({"prompt": "x", "seconds": "4", **fields}, default_to_multipart=True)
    for name, content in (
        ("input_reference", PNG),
        ("last_frame", JPEG),
        ("reference_images[]", JPEG),
        ("reference_images[]", PNG),
    ):
        made.add_field(name, content, filename="file", content_type="application/octet-stream")
    return made


async def created(client: Client, **options: Any) -> None:  # noqa: ANN401 - what aiohttp takes
    async with client.post("/v1/videos", **options) as answer:
        assert 200 == answer.status, await answer.text()


async def test_files_and_data_urls_mean_the_same(client: Client, videos: RecordingVideos) -> None:
    texts = FormData(
        {
            "prompt": "x",
            "seconds": "4",
            "input_reference": DATA_URL,
            "last_frame[image_url]": JPEG_URL,
            "reference_images[0]": JPEG_URL,
            "reference_images[1][image_url]": DATA_URL,
            "negative_prompt": "rain",
            "seed": "7",
        },
        default_to_multipart=True,
    )
    seen = []
    options: list[dict[str, Any]] = [
        {"json": ALL},
        {"data": form(negative_prompt="rain", seed="7")},
        {"data": texts},
    ]
    for option in options:
        await created(client, **option)
        seen.append(asked(videos))
    assert [seen[0]] * 3 == seen
    job = seen[0][0]
    assert ("rain", 7) == (job.negative_prompt, job.seed)
    files = (job.input_reference, job.last_frame, *job.reference_images)
    assert [PNG, JPEG, JPEG, PNG] == [videos.inputs[file.sha256] for file in files if file]


async def test_what_no_offer_takes_is_refused_before_anything_is_kept(
    client: Client, videos: RecordingVideos
) -> None:
    body = ALL | {"reference_images": [LINK] * 4}
    status, error = await refusal(client, json=body)
    assert (422, "no_route") == (status, error["code"])
    assert "at most 3" in error["message"]
    assert (["check"], {}) == (names(videos), videos.inputs)


async def test_a_link_is_fetched_and_kept_like_a_file(
    client: Client, videos: RecordingVideos
) -> None:
    pictures = {"input_reference": {"image_url": LINK}, "reference_images": [OTHER_LINK, JPEG_URL]}
    await created(client, json={"prompt": "x", **pictures})
    job, _ = asked(videos)
    assert job.input_reference is not None
    assert PNG == videos.inputs[job.input_reference.sha256]
    assert [JPEG, JPEG] == [videos.inputs[file.sha256] for file in job.reference_images]
    assert ["check", "fetch_input", "fetch_input", "save_input", "create"] == names(videos)
    assert ["input_reference", "reference_images[0]", "reference_images[1]"] == [
        call["param"] for _, call in videos.calls if "param" in call
    ]
    assert [*videos.jobs] * 3 == videos.kept_for


async def test_a_link_is_told_from_others_by_its_address_not_by_what_lies_there(
    client: Client, videos: RecordingVideos
) -> None:
    async def fingerprint_of(picture: object) -> str:
        await created(client, json={"prompt": "x", "input_reference": picture})
        return asked(videos)[1]

    first = await fingerprint_of(LINK)
    videos.pictures[LINK] = JPEG
    assert first == await fingerprint_of({"image_url": LINK})
    videos.pictures[OTHER_LINK] = JPEG
    assert first != await fingerprint_of(OTHER_LINK)
    assert first != await fingerprint_of(DATA_URL)


async def test_a_quote_judges_links_and_fetches_none(
    client: Client, videos: RecordingVideos
) -> None:
    body = {"prompt": "x", "last_frame": LINK, "input_reference": OTHER_LINK}
    async with client.post("/v1/videos/quote", json=body) as answer:
        assert 200 == answer.status
    assert ["quote"] == names(videos)
    job = videos.calls[0][1]["request"]
    assert None not in {job.last_frame, job.input_reference}


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (ImageUrlRefused("no", param="last_frame"), "image_url_refused"),
        (ImageUnavailable("no", param="last_frame"), "image_unavailable"),
    ],
)
async def test_a_picture_that_does_not_come_is_400(
    client: Client, videos: RecordingVideos, fault: ProxyError, code: str
) -> None:
    videos.refusal = fault
    status, error = await refusal(client, json={"prompt": "x", "last_frame": LINK})
    assert (400, code, "last_frame") == (status, error["code"], error["param"])


@pytest.mark.parametrize(
    "url",
    ["", "a.png", "file:///etc/passwd", "ftp://a.example/a.png", "//a.example/a.png", "http:"],
)
async def test_other_texts_are_no_pictures(client: Client, url: str) -> None:
    status, error = await refusal(
        client, json={"prompt": "x", "reference_images": [DATA_URL, url]}
    )
    expected = (400, "invalid_request", "reference_images[1]")
    assert expected == (status, error["code"], error["param"])


@pytest.mark.parametrize("field", ["input_reference", "last_frame", "reference_images[]"])
async def test_a_file_of_another_type_is_refused_by_its_field(client: Client, field: str) -> None:
    made = FormData({"prompt": "x"}, default_to_multipart=True)
    made.add_field(field, b"%PDF-1.7 ...", filename="a.pdf", content_type="application/pdf")
    status, error = await refusal(client, data=made)
    assert (400, "invalid_request", field) == (status, error["code"], error["param"])


async def test_a_picture_that_cannot_be_stored_is_noted_before_it_is_refused(
    client: Client, videos: RecordingVideos
) -> None:
    videos.is_full = True
    headers = {"x-stainless-retry-count": "1", "Idempotency-Key": "k"}
    body = {"prompt": "x", "input_reference": DATA_URL}
    async with client.post("/v1/videos", json=body, headers=headers) as answer:
        assert (503, "5", "false") == (
            answer.status,
            answer.headers["Retry-After"],
            answer.headers["x-should-retry"],
        )
    assert ["check", "save_input", "refused_early"] == names(videos)
    noted = videos.calls[-1][1]
    assert (1, "k") == (noted["sdk_try"], noted["idempotency_key"])
    videos.is_full = False
    await created(client, json=body)
    assert noted["fingerprint"] == asked(videos)[1]
