from __future__ import annotations

from dataclasses import replace

import pytest
from openai.types import Video

from proxy.domain.job import Job, JobError, JobState, Resolution, StoppedBy, Work
from proxy.domain.plan import Skipped
from proxy.domain.policy import Lifecycle
from proxy.domain.video import Artifact
from proxy.domain.wait import Wait, WaitsFor
from proxy.http.links import Links
from proxy.http.render import Scene, aging_headers, route, video
from tests.builders import KLING, NOW_MS, NOW_S, RETIRED_S, VERTEX, an_offer
from tests.job_builders import a_candidate, a_job, a_plan, a_running_job, a_shape, an_attempt

SCENE = Scene(links=Links(secret=b"0123456789abcdef"), origin="http://host", now_s=NOW_S)


NEXT = Wait(position=1, waits_for=WaitsFor.SLOT)


def completed() -> Job:
    job = a_running_job()
    paid = replace(job.attempt, resolution=Resolution.SETTLED, charged_micro_usd=336_000)
    return replace(
        job,
        state=JobState.COMPLETED,
        attempts=(paid,),
        artifact=Artifact(sha256="ab" * 32, size_bytes=1000, media_type="video/mp4"),
        artifact_expires_at_ms=NOW_MS + 86_400_000,
        ended_at_ms=NOW_MS + 60_500,
    )


def body(job: Job, *, wait: Wait | None = None) -> dict[str, object]:
    """Render a job and hold it to the types of the openai client."""
    shown = video(job, SCENE, wait=wait)
    Video.model_validate(shown, strict=True)
    return shown


def extension(shown: dict[str, object]) -> dict[str, object]:
    inner = shown["greenlight"]
    assert isinstance(inner, dict)
    return inner


def test_a_queued_job_waits_in_line() -> None:
    shown = body(a_job(), wait=Wait(position=3, waits_for=WaitsFor.SLOT, starts_in_s=40))
    assert ("queued", 0, None) == (shown["status"], shown["progress"], shown["error"])
    reason = "waiting for a free slot at kling"
    assert {"position": 3, "starts_in_s": 40, "reason": reason} == extension(shown)["queue"]
    assert extension(body(a_job()))["queue"] is None


@pytest.mark.parametrize(
    ("waits_for", "frozen", "reason"),
    [
        (WaitsFor.TURN, "", "about to start at kling"),
        (WaitsFor.RATE, "", "waiting for its turn at the rate of submits to kling"),
        (WaitsFor.RUNNING, "", "waiting for a running video of the team to end"),
        (WaitsFor.PAUSE, "", "waiting to try kling again"),
        (WaitsFor.THAW, "team", "held: the team is frozen"),
        (WaitsFor.THAW, "all", "held: all spending is frozen"),
        (WaitsFor.THAW, "provider", "held: spending at this provider is frozen"),
    ],
)
def test_a_queued_job_says_what_it_waits_for(
    waits_for: WaitsFor, frozen: str, reason: str
) -> None:
    wait = Wait(position=1, waits_for=waits_for, frozen=frozen)
    shown = extension(body(a_job(), wait=wait))["queue"]
    assert {"position": 1, "starts_in_s": None, "reason": reason} == shown


def test_a_job_whose_offer_is_closed_says_why() -> None:
    wait = Wait(position=1, waits_for=WaitsFor.OPENING, closed="drained")
    queue = extension(body(a_job(), wait=wait))["queue"]
    reason = "waiting for kling to take new work: drained"
    assert {"position": 1, "starts_in_s": None, "reason": reason} == queue


def test_a_provider_that_asked_to_slow_down_is_named() -> None:
    job = replace(a_job(), work=Work(throttled_since_ms=NOW_MS))
    shown = extension(body(job, wait=Wait(position=1, waits_for=WaitsFor.PAUSE, starts_in_s=5)))
    queue = shown["queue"]
    assert isinstance(queue, dict)
    assert "kling asked to slow down; waiting to try it again" == queue["reason"]


def test_a_job_without_an_attempt_shows_its_first_candidate() -> None:
    assert "kling-3.0" == body(a_job(attempts=()))["model"]


def test_a_running_job_shows_its_progress() -> None:
    shown = body(replace(a_running_job(), work=Work(progress=42)), wait=NEXT)
    assert ("in_progress", 42, None) == (
        shown["status"],
        shown["progress"],
        extension(shown)["queue"],
    )
    assert {"reserved": "0.336000", "charged": None} == extension(shown)["cost_usd"]


def test_a_completed_job_has_its_artifact_and_its_price() -> None:
    shown = body(completed())
    assert ("completed", 100) == (shown["status"], shown["progress"])
    assert NOW_MS // 1000 + 60 == shown["completed_at"]
    assert NOW_MS // 1000 + 86_400 == shown["expires_at"]
    inner = extension(shown)
    assert {"reserved": "0.000000", "charged": "0.336000"} == inner["cost_usd"]
    artifact = inner["artifact"]
    assert isinstance(artifact, dict)
    assert ("ab" * 32, 1000, int(NOW_S) + 3600) == (
        artifact["sha256"],
        artifact["bytes"],
        artifact["expires_at"],
    )
    assert artifact["url"].startswith(f"http://host/v1/videos/{shown['id']}/content?expires=")


def test_an_expired_artifact_has_no_link() -> None:
    job = replace(completed(), artifact_expires_at_ms=NOW_MS)
    assert extension(body(job))["artifact"] is None


def test_a_failed_over_job_tells_every_attempt() -> None:
    first = replace(
        an_attempt(),
        resolution=Resolution.RELEASED,
        error=JobError(code="provider_unavailable", message="503"),
        submitted_at_ms=NOW_MS + 1000,
    )
    job = replace(
        a_job(attempts=[first, an_attempt(2, candidate=1, reserved_micro_usd=400_000)]),
        state=JobState.QUEUED,
    )
    shown = body(job, wait=NEXT)
    inner = extension(shown)
    assert ("veo-3.1-fast", "vertex") == (shown["model"], inner["provider"])
    assert {"reserved": "0.400000", "charged": None} == inner["cost_usd"]
    assert [
        {
            "id": f"{job.id}-1",
            "number": 1,
            "provider": KLING,
            "model": "kling-3.0",
            "cost_usd": {"reserved": "0.336000", "charged": "0.000000"},
            "money": "released",
            "reserved_at": NOW_MS // 1000,
            "submitted_at": NOW_MS // 1000 + 1,
            "error": {"code": "provider_unavailable", "message": "503"},
        },
        {
            "id": f"{job.id}-2",
            "number": 2,
            "provider": VERTEX,
            "model": "veo-3.1-fast",
            "cost_usd": {"reserved": "0.400000", "charged": None},
            "money": "open",
            "reserved_at": NOW_MS // 1000,
            "submitted_at": None,
            "error": None,
        },
    ] == inner["attempts"]
    queue = inner["queue"]
    assert isinstance(queue, dict)
    assert "waiting for attempt 2 for a free slot at vertex" == queue["reason"]


def test_a_failed_job_says_why_and_what_stopped_it() -> None:
    error = JobError(code="provider_failed", message="INTERNAL")
    job = replace(
        a_job(),
        state=JobState.FAILED,
        error=error,
        stopped_by=StoppedBy.MAX_COST,
        ended_at_ms=NOW_MS,
    )
    shown = body(job)
    assert ("failed", {"code": "provider_failed", "message": "INTERNAL"}) == (
        shown["status"],
        shown["error"],
    )
    assert (None, "max_cost") == (shown["completed_at"], extension(shown)["stopped_by"])


@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.COMPLETED, JobState.CANCELLED])
def test_a_cancelled_job_reads_as_failed_at_once(state: JobState) -> None:
    shown = body(replace(completed(), state=state, cancel_requested=True))
    assert ("failed", "cancelled", None) == (
        shown["status"],
        shown["error"]["code"],  # type: ignore[index]
        extension(shown)["artifact"],
    )


def test_the_route_lists_candidates_and_what_was_skipped() -> None:
    skipped = Skipped(
        provider=VERTEX,
        model=a_candidate().model,
        code="over_max_cost",
        detail="above",
        quote_micro_usd=900_000,
    )
    unpriced = replace(skipped, code="price_unknown", quote_micro_usd=None)
    plan = replace(
        a_plan(a_candidate(shape=a_shape(seconds=8, resolution="4k", audio=True))),
        skipped=(skipped, unpriced),
    )
    # OpenAI's types know four sizes only; its client takes others as they are.
    shown = video(a_job(plan=plan), SCENE)
    assert ("3840x2160", "8") == (shown["size"], shown["seconds"])
    route = extension(shown)["route"]
    assert isinstance(route, list)
    assert {
        "rank": 1,
        "provider": "kling",
        "model": "kling-3.0",
        "seconds": "8",
        "size": "3840x2160",
        "audio": True,
        "price_usd": "0.336000",
        "score": None,
        "skipped": False,
        "reason": "price 0.336000",
        "outcome": "chosen",
    } == route[0]
    assert {
        "provider": "vertex",
        "model": "kling-3.0",
        "price_usd": "0.900000",
        "skipped": True,
        "code": "over_max_cost",
        "detail": "above",
    } == route[1]
    assert route[2]["price_usd"] is None


def test_the_route_says_what_became_of_each_candidate() -> None:
    plan = a_plan(*(a_candidate(model=f"model-{n}") for n in range(4)))
    job = a_job(plan=plan, attempts=(an_attempt(candidate=1), an_attempt(number=2, candidate=2)))

    def fates(shown: Job) -> list[object]:
        return [entry["outcome"] for entry in route(shown)]

    assert ["passed_over", "failed", "chosen", "open"] == fates(job)
    assert ["open"] * 4 == fates(replace(job, attempts=()))


def test_only_a_known_end_is_announced() -> None:
    assert {} == aging_headers(None, NOW_S)
    assert {} == aging_headers(an_offer(), NOW_S)
    deprecated = an_offer(lifecycle=Lifecycle(deprecated_at_s=RETIRED_S))
    assert {"Deprecation": f"@{int(RETIRED_S)}"} == aging_headers(deprecated, NOW_S)
    dated = an_offer(lifecycle=Lifecycle(retires_at_s=NOW_S + 86_400))
    assert {
        "Deprecation": f"@{int(NOW_S) + 86_400}",
        "Sunset": "Mon, 23 Nov 2026 12:00:00 GMT",
    } == aging_headers(dated, NOW_S)
