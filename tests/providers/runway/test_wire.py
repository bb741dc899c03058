"""Runway's JSON: what is sent, and reading what comes back however odd it is."""

from __future__ import annotations

import json

import pytest

from proxy.domain.video import Order, OrderInput, Shape
from proxy.providers.runway.wire import (
    create_request,
    read_json,
    read_refusal,
    read_task,
    read_task_id,
)
from tests.providers.accounts import RUNWAY_UPSTREAM, an_input, an_order


def an_order_of(
    upstream: str,
    resolution: str,
    aspect_ratio: str,
    *,
    audio: bool = False,
    first_frame: OrderInput | None = None,
) -> Order:
    shape = Shape(seconds=5, resolution=resolution, aspect_ratio=aspect_ratio, audio=audio)
    return Order(prompt="a fox", upstream=upstream, shape=shape, first_frame=first_frame)


def test_text_to_video() -> None:
    expected = {
        "model": "gen4.5",
        "promptText": "a red fox in the snow",
        "duration": 4,
        "ratio": "1280:720",
    }
    assert ("text_to_video", expected) == create_request(an_order(upstream=RUNWAY_UPSTREAM))


def test_image_to_video_has_its_picture_last() -> None:
    kind, document = create_request(an_order(upstream="gen4_turbo", first_frame=an_input(b"p")))
    assert "image_to_video" == kind
    assert json.dumps(document).endswith('"promptImage": ""}')


@pytest.mark.parametrize(
    ("upstream", "resolution", "aspect_ratio", "ratio"),
    [
        ("gen4.5", "720p", "16:9", "1280:720"),
        ("gen4.5", "720p", "9:16", "720:1280"),
        ("gen4.5", "720p", "1:1", "960:960"),
        ("gen4.5", "720p", "4:3", "1104:832"),
        ("gen4_turbo", "720p", "3:4", "832:1104"),
        ("gen4_turbo", "720p", "21:9", "1584:672"),
        ("veo3.1", "1080p", "16:9", "1920:1080"),
        ("veo3.1_fast", "1080p", "9:16", "1080:1920"),
        ("kling3.0_standard", "720p", "1:1", "960:960"),
        ("kling3.0_pro", "1080p", "1:1", "1440:1440"),
        ("kling3.0_4k", "4k", "16:9", "3840:2160"),
        ("klingO3_4k", "4k", "1:1", "2880:2880"),
        ("kling2.5_turbo_pro", "720p", "1:1", "720:720"),
        ("kling2.5_turbo_pro", "1080p", "1:1", "1440:1440"),
    ],
)
def test_the_ratio_is_said_in_pixels(
    upstream: str, resolution: str, aspect_ratio: str, ratio: str
) -> None:
    _, document = create_request(an_order_of(upstream, resolution, aspect_ratio))
    assert ratio == document["ratio"]


@pytest.mark.parametrize(
    ("upstream", "has_ratio"), [("kling2.5_turbo_pro", False), ("kling3.0_pro", True)]
)
def test_a_picture_sets_the_shape_where_there_is_no_ratio(upstream: str, has_ratio: bool) -> None:
    order = an_order_of(upstream, "1080p", "16:9", first_frame=an_input(b"p"))
    _, document = create_request(order)
    assert has_ratio == ("ratio" in document)


@pytest.mark.parametrize("audio", [True, False])
@pytest.mark.parametrize(
    ("upstream", "has_switch"),
    [
        ("veo3.1", True), ("veo3.1_fast", True), ("kling3.0_standard", True),
        ("klingO3_pro", True), ("gen4.5", False), ("gen4_turbo", False),
        ("kling2.5_turbo_pro", False), ("kling_4", False),
    ],
)  # fmt: skip
def test_sound_is_said_wherever_there_is_a_switch(
    upstream: str, has_switch: bool, audio: bool
) -> None:
    _, document = create_request(an_order_of(upstream, "720p", "16:9", audio=audio))
    assert (audio if has_switch else None) == document.get("audio")


@pytest.mark.parametrize(
    "body", [None, b"", b"{", b"[]", b"7", b"null", b'"text"', b"\xff\xfe", b"[" * 100_000]
)
def test_what_is_no_object_is_nothing(body: bytes | None) -> None:
    assert read_json(body) is None


@pytest.mark.parametrize("content", [None, {}, {"error": {"message": "no"}}, {"error": None}])
def test_a_refusal_is_a_sentence(content: dict[str, object] | None) -> None:
    assert read_refusal(content) is None


@pytest.mark.parametrize(
    ("issues", "message", "is_about_model"),
    [
        (None, "no", False),
        ("garbage", "no", False),
        ([7, {}], "no", False),
        ([{"path": ["ratio"], "message": "is wrong"}], "no; ratio: is wrong", False),
        ([{"path": ["model"], "message": 5}], "no; model", True),
        ([{"path": ["a", 0, "model"]}], "no; a.0.model", False),
    ],
)
def test_what_a_refusal_is_about(issues: object, message: str, is_about_model: bool) -> None:
    refusal = read_refusal({"error": "no", "issues": issues})
    assert refusal is not None
    assert (message, is_about_model) == (refusal.message, refusal.is_about_model)


@pytest.mark.parametrize("content", [{}, {"id": ""}, {"id": 7}, {"id": None}, {"id": ["a"]}])
def test_a_task_id_is_text(content: dict[str, object]) -> None:
    assert read_task_id(content) is None
    assert read_task({"status": "RUNNING", **content}) is None


@pytest.mark.parametrize("status", [None, "", 7, ["RUNNING"]])
def test_a_task_has_a_status(status: object) -> None:
    assert read_task({"id": "1", "status": status}) is None


def test_a_task_is_read_around_what_is_odd() -> None:
    task = read_task(
        {"id": "1", "status": "x", "output": {}, "failure": 5, "failureCode": 7, "cost": "9"}
    )
    assert task is not None
    assert (None, "", None, None) == (
        task.url, task.failure, task.failure_code, task.charge_micro_usd
    )  # fmt: skip


@pytest.mark.parametrize(
    ("output", "url"),
    [
        (["https://a/1"], "https://a/1"),
        ([7, "", "u", "v"], "u"),
        ([], None),
        (None, None),
        ("https://a/1", None),
    ],
)
def test_the_first_url_counts(output: object, url: str | None) -> None:
    task = read_task({"id": "1", "status": "SUCCEEDED", "output": output})
    assert task is not None
    assert url == task.url


@pytest.mark.parametrize(
    ("cost", "micro_usd"),
    [
        ({"credits": 48}, 480_000),
        ({"credits": 0}, 0),
        ({"credits": 0.5}, 5_000),
        ({"credits": 12.34}, 123_400),
        ({"credits": "48"}, None),
        ({"credits": True}, None),
        ({"credits": -1}, None),
        ({"credits": 1e9}, None),
        ({"credits": float("nan")}, None),
        ({"credits": 10**400}, None),
        ({}, None),
        (None, None),
        (48, None),
    ],
)
def test_credits_are_cents(cost: object, micro_usd: int | None) -> None:
    task = read_task({"id": "1", "status": "FAILED", "cost": cost})
    assert task is not None
    assert micro_usd == task.charge_micro_usd


@pytest.mark.parametrize(
    ("progress", "percent"),
    [(0, 0), (0.42, 42), (1, 100), (1.5, None), (-1, None), ("0.4", None), (True, None),
     (float("nan"), None), (None, None)],
)  # fmt: skip
def test_progress_is_told_in_per_cent(progress: object, percent: int | None) -> None:
    task = read_task({"id": "1", "status": "RUNNING", "progress": progress})
    assert task is not None
    assert percent == task.progress
