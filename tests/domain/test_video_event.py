"""What is told of a video's end: which event, to whom by which name, and how it reads."""

from __future__ import annotations

import json
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from proxy.domain.ids import ModelName
from proxy.domain.job import JobError, JobState, PublicStatus, StoppedBy
from proxy.domain.video_event import (
    METADATA_CHARS_MAX,
    end_body,
    end_data,
    event_of,
    message_id,
    origin_receiver_id,
    receiver_id,
)
from tests.builders import MARKETING, NOW_MS
from tests.job_builders import a_job, a_request

if TYPE_CHECKING:
    from proxy.domain.job import Job

BYTES_MAX = 20_000


def told(job: Job, charged_micro_usd: int | None = 0) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(end_data(job, charged_micro_usd=charged_micro_usd))
    return content


def test_every_status_has_its_event() -> None:
    assert ["video.updated", "video.updated", "video.completed", "video.failed"] == [
        event_of(status) for status in PublicStatus
    ]


def test_a_made_video_tells_what_it_cost() -> None:
    plan = replace(a_job().plan, requested_model=ModelName("sora-2"))
    job = replace(a_job(request=a_request(metadata={"shot": "12"})), state=JobState.COMPLETED)
    assert {
        "id": job.id,
        "object": "video",
        "status": "completed",
        "model": "kling-3.0",
        "created_at": NOW_MS // 1000,
        "error": None,
        "greenlight": {
            "team": "marketing",
            "provider": "kling",
            "requested_model": "sora-2",
            "cost_usd": {"reserved": "0.000000", "charged": "0.336000"},
            "attempts": 1,
            "stopped_by": None,
            "metadata": {"shot": "12"},
        },
    } == told(replace(job, plan=plan), 336_000)


def test_a_failed_one_tells_why() -> None:
    error = JobError(code="provider_failed", message="it broke")
    job = replace(a_job(), state=JobState.FAILED, error=error, stopped_by=StoppedBy.MAX_ATTEMPTS)
    content = told(job)
    assert {"code": "provider_failed", "message": "it broke"} == content["error"]
    assert "max_attempts" == content["greenlight"]["stopped_by"]


def test_a_cancelled_one_whose_money_is_held_tells_so() -> None:
    job = replace(a_job(), state=JobState.RUNNING, cancel_requested=True)
    content = told(job, None)
    assert ("failed", "cancelled") == (content["status"], content["error"]["code"])
    assert {"reserved": "0.336000", "charged": None} == content["greenlight"]["cost_usd"]


def test_neither_prompt_nor_link_is_told() -> None:
    job = replace(a_job(request=a_request("a canary")), state=JobState.COMPLETED)
    text = end_data(job, charged_micro_usd=0)
    assert [] == [word for word in ("canary", "prompt", "url", "http") if word in text]


@pytest.mark.parametrize("letter", ["x", "ü", "🎬"])
def test_a_message_has_twenty_kilobytes_at_most(letter: str) -> None:
    whole = {f"{letter}{number:03}": letter * 512 for number in range(16)}
    small = {"shot": letter * 512}
    sizes = []
    for metadata in (whole, small):
        request = replace(a_request(), metadata=MappingProxyType(metadata))
        error = JobError(code="provider_failed", message="\u2026" * 300)
        job = replace(a_job(request=request), state=JobState.FAILED, error=error)
        data = end_data(job, charged_micro_usd=0)
        body = end_body("msg_1", "video.failed", data, at_ms=NOW_MS, sequence=7)
        sizes.append(len(body.encode()))
        fits = len(json.dumps(metadata)) <= METADATA_CHARS_MAX
        shown = json.loads(body)["data"]["greenlight"]["metadata"]
        assert shown == (metadata if fits else None)
    assert max(sizes) < BYTES_MAX
    assert len(json.dumps(small)) <= METADATA_CHARS_MAX


def test_the_body_is_standard_and_openai_s_at_once() -> None:
    body = end_body("msg_1", "video.completed", '{"id":"video_a"}', at_ms=NOW_MS + 7, sequence=3)
    assert {
        "id": "msg_1",
        "object": "event",
        "type": "video.completed",
        "created_at": NOW_MS // 1000,
        "timestamp": "2026-11-22T12:00:00.007Z",
        "sequence": 3,
        "data": {"id": "video_a"},
    } == json.loads(body)
    assert body.isascii()


def test_a_job_has_one_message() -> None:
    job = a_job()
    assert message_id(job.id) == "msg_" + job.id.removeprefix("video_")


def test_names_of_receivers_reveal_nothing_and_are_the_team_s_own() -> None:
    url = "https://hooks.example/in?token=canary"
    names = {
        receiver_id(url),
        receiver_id(url, "marketing"),
        receiver_id(url, "research"),
        receiver_id("https://hooks.example", "marketing"),
        origin_receiver_id(url, MARKETING),
    }
    assert 5 == len(names)
    assert {16} == {len(name) for name in names}
    assert [] == [name for name in names if "canary" in name]


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        ("https://hooks.example/other", True),
        ("https://HOOKS.example/in", True),
        ("https://hooks.example:8443/in", False),
        ("http://hooks.example/in", False),
        ("https://hooks2.example/in", False),
    ],
)
def test_urls_of_one_host_are_one_receiver(other: str, is_same: bool) -> None:
    url = "https://hooks.example/in"
    same = origin_receiver_id(url, MARKETING) == origin_receiver_id(other, MARKETING)
    assert is_same is same
