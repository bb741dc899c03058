"""The Videos API's JSON: what is sent, and reading what comes back however odd it is."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from proxy.domain.source import Verb
from proxy.domain.video import Order, OrderSource, Shape
from proxy.domain.video_event import ENDS, end_body
from proxy.providers.openai.wire import (
    create_fields,
    derive_fields,
    path_of,
    read_ended,
    read_error,
    read_json,
    read_video,
    read_video_id,
)
from tests.providers.accounts import OPENAI_UPSTREAM, an_order


def test_every_field_of_a_create_is_text() -> None:
    expected = {
        "model": "sora-2",
        "prompt": "a red fox in the snow",
        "seconds": "4",
        "size": "1280x720",
    }
    assert expected == create_fields(an_order(upstream=OPENAI_UPSTREAM))


@pytest.mark.parametrize(
    ("resolution", "aspect_ratio", "size"),
    [
        ("720p", "9:16", "720x1280"),
        ("1080p", "16:9", "1920x1080"),
        ("1080p", "9:16", "1080x1920"),
        ("480p", "1:1", "480x480"),
    ],
)
def test_the_size_is_width_by_height(resolution: str, aspect_ratio: str, size: str) -> None:
    shape = Shape(seconds=8, resolution=resolution, aspect_ratio=aspect_ratio, audio=True)
    assert size == create_fields(Order(prompt="p", upstream="m", shape=shape))["size"]


@pytest.mark.parametrize(
    ("verb", "path", "fields"),
    [
        (Verb.REMIX, "/video_%2Fa/remix", {}),
        (Verb.EDIT, "/edits", {"video": {"id": "video_/a"}}),
        (Verb.EXTEND, "/extensions", {"seconds": "4", "video": {"id": "video_/a"}}),
    ],
)
def test_what_starts_from_a_video_names_it_and_nothing_of_its_form(
    verb: Verb, path: str, fields: dict[str, object]
) -> None:
    source = OrderSource(verb=verb, seconds=8, operation={"task_id": "video_/a"})
    order = replace(an_order(upstream=OPENAI_UPSTREAM), source=source)
    assert path == path_of(order)
    assert {"prompt": order.prompt, **fields} == derive_fields(order, source)


def test_a_create_is_sent_to_the_collection() -> None:
    assert "" == path_of(an_order())


@pytest.mark.parametrize(
    "body", [None, b"", b"{", b"[]", b"7", b"null", b'"text"', b"\xff\xfe", b"[" * 100_000]
)
def test_what_is_no_object_is_nothing(body: bytes | None) -> None:
    assert read_json(body) is None


@pytest.mark.parametrize("content", [None, {}, {"error": "no"}, {"error": None}, {"error": []}])
def test_an_error_is_an_object(content: dict[str, object] | None) -> None:
    assert read_error(content) is None


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"code": "a", "type": "b"}, "a"),
        ({"code": None, "type": "b"}, "b"),
        ({"code": 5}, ""),
        ({}, ""),
    ],
)
def test_an_error_without_a_code_has_its_type(error: dict[str, object], code: str) -> None:
    found = read_error({"error": error})
    assert found is not None
    assert (code, "", "") == (found.code, found.message, found.param)


@pytest.mark.parametrize("content", [{}, {"id": ""}, {"id": 7}, {"id": None}, {"id": ["a"]}])
def test_a_video_id_is_text(content: dict[str, object]) -> None:
    assert read_video_id(content) is None
    assert read_video({"status": "queued", **content}) is None


@pytest.mark.parametrize("status", [None, "", 7, ["queued"]])
def test_a_video_has_a_status(status: object) -> None:
    assert read_video({"id": "video_1", "status": status}) is None


@pytest.mark.parametrize(
    ("progress", "percent"),
    [(0, 0), (42.7, 42), (100, 100), (101, None), (-1, None), ("4", None), (True, None),
     (float("nan"), None), (10**400, None), (None, None)],
)  # fmt: skip
def test_progress_is_in_per_cent(progress: object, percent: int | None) -> None:
    video = read_video({"id": "video_1", "status": "in_progress", "progress": progress})
    assert video is not None
    assert percent == video.progress


@pytest.mark.parametrize(
    ("expires_at", "expires_at_s"), [(1_795_351_282, 1_795_351_282), ("soon", None), (None, None)]
)
def test_when_a_video_expires(expires_at: object, expires_at_s: float | None) -> None:
    video = read_video({"id": "video_1", "status": "completed", "expires_at": expires_at})
    assert video is not None
    assert (expires_at_s, None) == (video.expires_at_s, video.error)


def test_another_greenlight_s_messages_are_events() -> None:
    """It may stand behind this adapter: what it tells is what OpenAI would."""
    for kind in ENDS:
        body = end_body("msg_1", kind, '{"id":"video_a"}', at_ms=1_000, sequence=1)
        event = read_ended(json.loads(body))
        assert event is not None
        assert (True, "video_a") == (event.is_over, event.video_id)
