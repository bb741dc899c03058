"""Kling's JSON: what is sent, and reading what comes back however odd it is."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from proxy.domain.source import Verb
from proxy.domain.video import OrderSource
from proxy.providers.kling.wire import (
    create_request,
    read_charge,
    read_envelope,
    read_task_id,
    read_tasks,
)
from tests.providers.accounts import ATTEMPT, an_input, an_order


def test_text_to_video() -> None:
    expected = {
        "prompt": "a red fox in the snow",
        "settings": {"resolution": "720p", "duration": 4, "aspect_ratio": "16:9"},
        "options": {"external_task_id": ATTEMPT},
    }
    assert ("text-to-video", expected) == create_request(an_order(), ATTEMPT)


def test_image_to_video_has_no_aspect_ratio_and_its_picture_last() -> None:
    kind, document = create_request(an_order(first_frame=an_input(b"picture")), ATTEMPT)
    assert "image-to-video" == kind
    assert {"resolution": "720p", "duration": 4} == document["settings"]
    assert json.dumps(document).endswith('{"type": "first_frame", "url": ""}]}')


@pytest.mark.parametrize(("audio", "sent"), [(True, "original"), (False, "off")])
def test_an_edit_is_of_a_video_behind_a_url(*, audio: bool, sent: str) -> None:
    source = OrderSource(verb=Verb.EDIT, seconds=4, url="https://video.example.com/a?b=c")
    order = replace(an_order(upstream="kling-3.0-omni", audio=audio), source=source)
    expected = {
        "settings": {"resolution": "720p", "audio": sent, "multi_shot": False},
        "contents": [
            {"type": "prompt", "text": "a red fox in the snow"},
            {"type": "base_video", "url": "https://video.example.com/a?b=c"},
        ],
        "options": {"external_task_id": ATTEMPT, "callback_url": "https://here"},
    }
    assert ("omni-video", expected) == create_request(order, ATTEMPT, "https://here")


@pytest.mark.parametrize(
    ("upstream", "audio", "sent"),
    [
        ("kling-3.0", True, "native"),
        ("kling-3.0", False, None),
        ("kling-2.6", True, "native"),
        ("kling-3.0-turbo", True, None),
        ("kling-2.5-turbo", False, None),
    ],
)
def test_sound_is_said_only_where_there_is_a_switch(
    upstream: str, audio: bool, sent: str | None
) -> None:
    _, document = create_request(an_order(upstream=upstream, audio=audio), ATTEMPT)
    settings = document["settings"]
    assert isinstance(settings, dict)
    assert sent == settings.get("audio")


@pytest.mark.parametrize(
    "body",
    [
        None, b"", b"{", b"[]", b"7", b"null", b'"text"', b"\xff\xfe", b"<html>", b"{}",
        b'{"code": "0"}', b'{"code": true}', b'{"code": null}', b'{"code": 0.5}', b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_envelope_is_nothing(body: bytes | None) -> None:
    assert read_envelope(body) is None


def test_an_envelope_needs_its_code_only() -> None:
    envelope = read_envelope(b'{"code": 1302, "message": 7, "extra": {}}')
    assert envelope is not None
    assert (1302, "", None) == (envelope.code, envelope.message, envelope.payload)


@pytest.mark.parametrize(
    ("payload", "task_id"),
    [
        ({"id": "88"}, "88"), ({"id": 88}, "88"), ({"id": ""}, None), ({"id": None}, None),
        ({"id": True}, None), ({"id": ["88"]}, None), ({}, None), ([], None), (None, None),
    ],
)  # fmt: skip
def test_a_task_id_is_text_or_a_number(payload: object, task_id: str | None) -> None:
    assert task_id == read_task_id(payload)


@pytest.mark.parametrize(
    "payload",
    [None, {}, "garbage", [7], [{}], [{"id": "1"}], [{"id": "1", "status": 7}], [{"status": "x"}]],
)
def test_unreadable_tasks_are_nothing(payload: object) -> None:
    assert read_tasks(payload) is None


def test_a_task_is_read_around_what_is_odd() -> None:
    odd = {"id": 7, "status": "processing", "message": 5, "outputs": "garbage", "billing": {}}
    tasks = read_tasks([odd])
    assert tasks is not None
    (task,) = tasks
    assert ("7", None, "", None) == (task.id, task.external_id, task.message, task.url)
    assert task.charge_micro_usd is None
    assert not task.is_unbilled


@pytest.mark.parametrize(
    ("outputs", "url"),
    [
        ([{"type": "video", "url": "https://a/1"}], "https://a/1"),
        ([{"url": "https://a/1"}], "https://a/1"),
        ([{"type": "image", "url": "https://a/0"}, {"type": "video", "url": "u"}], "u"),
        ([{"type": "image", "url": "https://a/0"}], None),
        ([{"type": "video", "url": ""}, {"type": "video", "url": 7}, 5], None),
        ([], None),
    ],
)
def test_the_first_video_counts(outputs: object, url: str | None) -> None:
    tasks = read_tasks([{"id": "1", "status": "succeeded", "outputs": outputs}])
    assert tasks is not None
    assert url == tasks[0].url


def cash(amount: object, currency: object = "USD") -> dict[str, object]:
    return {"charge_type": "cash", "amount": amount, "currency": currency, "list_price": "9"}


def units(amount: object) -> dict[str, object]:
    return {"charge_type": "unit", "amount": amount, "package_type": "video"}


@pytest.mark.parametrize(
    ("billing", "micro_usd"),
    [
        ([cash("0.336000")], 336_000),
        ([cash("0.336"), cash(0.5)], 836_000),
        ([cash("0")], 0),
        ([cash(2)], 2_000_000),
        ([units("2.4")], 336_000),
        ([units(3), cash("0.1")], 520_000),
        ([cash("0.0000005")], 0),
        ([cash("0.0000006")], 1),
        ([], None),
        (None, None),
        ("0.336", None),
        ([7], None),
        ([cash("0.336", "CNY")], None),
        ([cash("0.336", None)], None),
        ([cash("0.336"), cash("2", "CNY")], None),
        ([cash("much")], None),
        ([cash(None)], None),
        ([cash("-1")], None),
        ([cash("NaN")], None),
        ([cash("1e9")], None),
        ([{"charge_type": "gift", "amount": "1"}], None),
        ([{"amount": "1", "currency": "USD"}], None),
    ],
)
def test_a_bill_is_added_up_whole_or_not_at_all(billing: object, micro_usd: int | None) -> None:
    assert micro_usd == read_charge(billing)
