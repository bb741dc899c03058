"""Every input of a create, in every form it may have, as it arrives at each simulated vendor."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.providers.accounts import a_png
from tests.system.money import check_money
from tests.system.studio import Shelf, Studio, shelf

if TYPE_CHECKING:
    from collections.abc import Iterator

PICTURES = {
    "first": a_png(width_px=1280, height_px=720),
    "last": a_png(width_px=1282, height_px=720),
    "hat": a_png(width_px=512, height_px=512),
    "cat": a_png(width_px=514, height_px=512),
}
NAMES = {name: hashlib.sha256(picture).hexdigest() for name, picture in PICTURES.items()}
FRAMES = {"input_reference": "first", "last_frame": "last"}
STYLE = {"negative_prompt": "no rain, no text", "seed": 4294967295}
VIA_KLING = {"model": "kling-3.0", "seconds": 4, "substitute": "never"}
VIA_VEO = {"model": "veo-3.1-fast", "seconds": 4, "substitute": "never"}
VIA_REFERENCES = VIA_VEO | {"seconds": 8}
VIA_GEN = {"model": "gen4.5", "seconds": 4, "substitute": "never"}
VIA_SORA = {"model": "sora-2", "seconds": 4, "substitute": "never"}

CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "kling frames": ("kling", VIA_KLING, FRAMES, {"first_frame": "first", "last_frame": "last"}),
    "vertex frames and style": (
        "vertex",
        VIA_VEO | STYLE,
        FRAMES,
        {"first_frame": "first", "last_frame": "last"} | STYLE,
    ),
    "vertex references": (
        "vertex",
        VIA_REFERENCES,
        {"reference_images": ["hat", "cat", "hat"]},
        {"reference_images": ["hat", "cat", "hat"]},
    ),
    "runway frame and seed": (
        "runway",
        VIA_GEN | {"seed": 7},
        {"input_reference": "first"},
        {"first_frame": "first", "seed": 7},
    ),
    "openai reference": (
        "openai",
        VIA_SORA,
        {"input_reference": "first"},
        {"first_frame": "first"},
    ),
}


@pytest.fixture(scope="module")
def pictures() -> Iterator[Shelf]:
    with shelf() as made:
        for name, picture in PICTURES.items():
            made.put(f"/{name}.png?size=1%2F2", picture)
        yield made


@pytest.fixture(scope="module")
def running(pictures: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    folder = tmp_path_factory.mktemp("inputs")
    made = Studio(folder=folder, image_urls={"origins": [pictures.url]})
    made.start()
    yield made
    made.stop()


def in_form(value: object, form: str, pictures: Shelf) -> Any:  # noqa: ANN401 - JSON
    """Names of pictures in one of the forms of JSON."""
    if isinstance(value, list):
        return [in_form(item, form, pictures) for item in value]
    data_url = f"data:image/png;base64,{base64.b64encode(PICTURES[str(value)]).decode()}"
    url = f"{pictures.url}/{value}.png?size=1%2F2"
    return {"data URL": data_url, "URL": url, "image_url": {"image_url": url}}[form]


def multipart(fields: dict[str, Any], given: dict[str, Any]) -> aiohttp.FormData:
    form = aiohttp.FormData(
        {name: str(value) for name, value in fields.items()}, default_to_multipart=True
    )
    for name, value in given.items():
        key = f"{name}[]" if isinstance(value, list) else name
        for item in value if isinstance(value, list) else [value]:
            form.add_field(key, PICTURES[item], filename="a.png", content_type="image/png")
    return form


async def post(running: Studio, path: str = "", **options: Any) -> tuple[int, Any]:  # noqa: ANN401
    headers = {"Authorization": f"Bearer {running.api_key}"}
    url = f"{running.base_url}/videos{path}"
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(url, **options) as answer,
    ):
        return answer.status, await answer.json()


def named(value: object) -> object:
    """The SHA-256 of a picture, where a picture is named."""
    if isinstance(value, list):
        return [named(item) for item in value]
    return NAMES.get(value, value) if isinstance(value, str) else value


@pytest.mark.parametrize("form", ["file", "data URL", "URL", "image_url"])
@pytest.mark.parametrize("case", CASES)
async def test_it_arrives_at_the_vendor(
    running: Studio, pictures: Shelf, case: str, form: str
) -> None:
    provider, fields, given, expected = CASES[case]
    label = f"{case} {form}".replace(" ", "-")
    fields = {"prompt": f"A boat. [[label={label}]]", **fields}
    if form == "file":
        options: dict[str, Any] = {"data": multipart(fields, given)}
    else:
        sent = {name: in_form(value, form, pictures) for name, value in given.items()}
        options = {"json": fields | sent}
    status, created = await post(running, **options)
    assert 200 == status, created
    video = await running.finished(created["id"])
    assert "completed" == video["status"], video
    shown = {name: named(value) for name, value in expected.items()}
    assert [(provider, shown)] == await running.received(label)


async def test_a_failover_takes_every_input_along(running: Studio, pictures: Shelf) -> None:
    frames = {name: in_form(value, "URL", pictures) for name, value in FRAMES.items()}
    created = await running.create(
        "A boat. [[label=failover]] [[vertex: submit=503]]",
        model="veo-3.1",
        seconds=4,
        substitute="same_model",
        **frames,
        **STYLE,
    )
    video = await running.finished(created["id"])
    assert "completed" == video["status"], video
    attempts = video["greenlight"]["attempts"]
    assert ["vertex", "runway"] == [attempt["provider"] for attempt in attempts]
    expected = {"first_frame": NAMES["first"], "last_frame": NAMES["last"]} | STYLE
    assert [("runway", expected)] == await running.received("failover")
    await check_money(running)


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "kling seed": (VIA_KLING | {"seed": 1}, {}, "seed is not possible"),
    "kling negative prompt": (
        VIA_KLING | {"negative_prompt": "rain"},
        {},
        "negative_prompt is not possible",
    ),
    "kling references": (
        VIA_KLING,
        {"reference_images": ["hat"]},
        "reference_images are not possible",
    ),
    "gen4.5 last frame": (VIA_GEN, FRAMES, "last_frame is not possible"),
    "sora seed": (VIA_SORA | {"seed": 1}, {}, "seed is not possible"),
    "veo last frame alone": (
        VIA_VEO,
        {"last_frame": "last"},
        "last_frame is possible together with input_reference only",
    ),
    "veo four references": (
        VIA_REFERENCES,
        {"reference_images": ["hat"] * 4},
        "reference_images are 4, at most 3",
    ),
    "veo references of four seconds": (
        VIA_VEO,
        {"reference_images": ["hat"]},
        "seconds 4 is not one of 8 with reference_images",
    ),
    "veo references and a frame": (
        VIA_REFERENCES,
        {"reference_images": ["hat"], "input_reference": "first"},
        "reference_images are not possible together with",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_an_offer_cannot_do_is_refused_by_name_and_nothing_is_fetched(
    running: Studio, pictures: Shelf, case: str
) -> None:
    fields, given, reason = REFUSED[case]
    before = len(pictures.asked)
    sent = {name: in_form(value, "URL", pictures) for name, value in given.items()}
    body = {"prompt": "A boat."} | fields | sent
    status, refused = await post(running, json=body)
    assert (422, "no_route") == (status, refused["error"]["code"])
    details = [item["detail"] for item in refused["error"]["skipped"]]
    assert any(detail.startswith(reason) for detail in details), details
    status, quoted = await post(running, "/quote", json=body)
    assert (200, 422) == (status, quoted["would"]["status"])
    listed = [item["detail"] for item in quoted["candidates"] if item["skipped"]]
    assert any(detail.startswith(reason) for detail in listed), listed
    assert before == len(pictures.asked)


async def test_what_nobody_can_do_goes_to_who_can(running: Studio) -> None:
    created = await running.create("A boat.", model="kling-3.0", seconds=4, seed=5)
    video = await running.finished(created["id"])
    assert ("completed", "kling-3.0") == (
        video["status"],
        video["greenlight"]["requested_model"],
    )
    assert "kling" != video["greenlight"]["provider"]
    skipped = [entry for entry in video["greenlight"]["route"] if entry["skipped"]]
    assert "seed is not possible: it takes none" in [entry["detail"] for entry in skipped]
