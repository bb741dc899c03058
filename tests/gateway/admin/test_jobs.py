"""Jobs of any team through the admin API: found, read, cancelled, decided."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.ids import KeyId, TeamId
from proxy.domain.instant import iso_ms
from proxy.domain.job import JobState
from proxy.domain.money import format_usd
from proxy.gateway.ports.jobs import Sought
from proxy.gateway.videos import Videos
from proxy.gateway.views import Caller
from proxy.http.admin.endpoints import Role
from proxy.store.search import RedisJobSearch
from tests.builders import a_key, a_team
from tests.fakes import PENDING
from tests.gateway.admin.office import opened
from tests.gateway.harness import KLING_MICRO_USD, a_video, fast_snapshot
from tests.gateway.test_held import held
from tests.job_builders import fingerprint_of

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from tests.gateway.admin.office import Office
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

MISSING = "video_" + "z" * 24


@pytest.fixture
def stage(new_stage: StageMaker) -> Stage:
    """Two teams."""
    sales = replace(a_team(), id=TeamId("sales"), budgets=())
    key = replace(a_key(), id=KeyId("k2222222"), team=sales.id)
    return new_stage(snapshot=fast_snapshot(teams=[a_team(), sales], keys=[a_key(), key]))


async def created(stage: Stage, team: str = "marketing") -> Job:
    snapshot = stage.snapshot
    key = next(key for key in snapshot.keys.values() if key.team == team)
    view = await Videos(stage.runtime).create(
        Caller(key=key, team=snapshot.teams[key.team]),
        a_video(),
        fingerprint=fingerprint_of(a_video()),
        idempotency_key=None,
        sdk_try=0,
    )
    return view.job


async def ids(office: Office, query: str = "") -> list[str]:
    return [job["id"] for job in (await office.get(f"/jobs{query}"))["data"]]


async def test_jobs_of_all_teams_newest_first(office: Office) -> None:
    jobs = [await created(office.stage, team) for team in ("marketing", "sales", "marketing")]
    newest = [job.id for job in sorted(jobs, key=lambda job: (-job.created_at_ms, job.id))]
    assert set(newest) == set(await ids(office))
    assert [jobs[1].id] == await ids(office, "?team=sales")
    assert [] == await ids(office, "?team=nobody")
    first = await office.get("/jobs?limit=2")
    assert first["has_more"]
    rest = await office.get(f"/jobs?limit=2&after={first['last_id']}")
    assert not rest["has_more"]
    assert set(newest) == {job["id"] for job in (*first["data"], *rest["data"])}
    assert first["data"][0]["created_at"] >= rest["data"][0]["created_at"]


async def test_jobs_of_a_state_and_a_time(office: Office) -> None:
    done = await office.stage.made()
    waiting = await created(office.stage, "sales")
    assert [done.id] == await ids(office, "?state=completed")
    assert [waiting.id] == await ids(office, "?state=queued")
    assert [] == await ids(office, "?state=unknown")
    assert [waiting.id] == await ids(office, f"?since={iso_ms(waiting.created_at_ms)}")
    assert [] == await ids(office, f"?since={iso_ms(waiting.created_at_ms + 1000)}")


async def test_a_queued_job_tells_its_place(office: Office) -> None:
    done, job = await office.stage.made(), await created(office.stage)
    queue = {"position": 1, "starts_in_s": 0, "reason": "about to start at kling"}
    listed = {entry["id"]: entry["queue"] for entry in (await office.get("/jobs"))["data"]}
    assert {job.id: queue, done.id: None} == listed
    assert queue == (await office.get(f"/jobs/{job.id}"))["queue"]


async def test_an_unknown_place_is_the_beginning(office: Office) -> None:
    job = await created(office.stage)
    assert [job.id] == await ids(office, f"?after={MISSING}")


async def test_a_long_search_is_continued(office: Office) -> None:
    stage = office.stage
    jobs = [await created(stage) for _ in range(3)]
    search = RedisJobSearch(stage.client, stage.keys, scan_max=1)
    page = await search.find(Sought(state=JobState.COMPLETED), after=None, limit=1)
    assert ((), True) == (page.jobs, page.has_more)
    assert page.last in {job.id for job in jobs}


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("state=nonsense", "state"),
        ("since=once", "since"),
        ("limit=0", "limit"),
        ("limit=x", "limit"),
    ],
)
async def test_a_search_that_makes_no_sense(office: Office, query: str, param: str) -> None:
    status, body = await office.ask(Role.VIEWER, "GET", f"/jobs?{query}")
    assert (400, param) == (status, body["error"]["param"])


async def test_a_job_with_its_attempts_and_its_route(office: Office) -> None:
    made = await office.stage.made()
    job = await office.get(f"/jobs/{made.id}")
    assert ("completed", "marketing", made.key) == (job["state"], job["team"], job["key"])
    (attempt,) = job["attempts"]
    assert {
        "provider": "kling",
        "account": "main",
        "task": made.attempt.task_id,
        "money": "settled",
        "charged": format_usd(KLING_MICRO_USD),
    }.items() <= attempt.items()
    assert ["kling", "vertex"] == [each["provider"] for each in job["route"]][:2]
    assert made.request.prompt not in str(job)


async def test_a_job_of_unknown_outcome_says_so(new_stage: StageMaker) -> None:
    stage, waiting = await held(new_stage)
    async with opened(stage) as office:
        job = await office.get(f"/jobs/{waiting.id}")
        assert "unknown" == job["state"]
        assert job["unknown_since"]


@pytest.mark.parametrize("job", [MISSING, "nonsense"])
async def test_a_job_that_is_none(office: Office, job: str) -> None:
    status, body = await office.ask(Role.VIEWER, "GET", f"/jobs/{job}")
    assert (404, "video_not_found") == (status, body["error"]["code"])
    refused = await office.refused(Role.OPERATOR, f"/jobs/{job}/cancel")
    assert (404, "video_not_found", "video_id") == refused


async def test_a_queued_job_is_cancelled_once(office: Office) -> None:
    job = await created(office.stage, "sales")
    path = f"/jobs/{job.id}/cancel"
    ended = await office.change(Role.OPERATOR, path)
    assert ("cancelled", True) == (ended["state"], ended["cancel_requested"])
    assert ended == await office.change(Role.OPERATOR, path)
    assert [("cancel", job.id, "queued", "cancelled")] == await office.audited()
    (release,) = (await office.get(f"/ledger?job={job.id}&kind=release"))["data"]
    assert "operator1 (oper2345)" == release["actor"]


async def test_a_running_job_is_asked_to_end(office: Office) -> None:
    stage = office.stage
    stage.kling.statuses.extend([PENDING] * 10_000)
    job = await created(stage)
    async with stage.working():
        await stage.reached(job, JobState.RUNNING)
        asked = await office.change(Role.OPERATOR, f"/jobs/{job.id}/cancel")
        assert ("running", "failed", True) == (
            asked["state"],
            asked["status"],
            asked["cancel_requested"],
        )
        stage.kling.statuses.clear()
        await stage.reached(job, JobState.CANCELLED)
    assert [("cancel", job.id, "running", "cancel requested")] == await office.audited()


@pytest.mark.parametrize(
    ("fields", "charged"),
    [
        ({"outcome": "released"}, 0),
        ({"outcome": "charged"}, KLING_MICRO_USD),
        ({"outcome": "charged", "amount": "0.5"}, 500_000),
        ({"outcome": "charged", "amount": "0"}, 0),
    ],
)
async def test_a_held_job_is_decided(
    new_stage: StageMaker, fields: dict[str, str], charged: int
) -> None:
    stage, waiting = await held(new_stage)
    async with opened(stage) as office:
        path = f"/jobs/{waiting.id}/resolve"
        ended = await office.change(Role.OPERATOR, path, **fields)
        assert ("failed", format_usd(charged)) == (ended["state"], ended["charged"])
        assert ended == await office.change(Role.OPERATOR, path, **fields)
        kind = f"settled {format_usd(charged)}" if charged else "released"
        assert [("resolve", waiting.id, "unknown", kind)] == await office.audited()
        other = await office.refused(Role.OPERATOR, path, outcome="charged", amount="7")
        assert (409, "conflict", None) == other
    assert (charged, 0) == await stage.money()


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "outcome"),
        ({"outcome": "lost"}, "outcome"),
        ({"outcome": "released", "amount": "1"}, "amount"),
        ({"outcome": "charged", "amount": "much"}, "amount"),
    ],
)
async def test_a_decision_that_makes_no_sense(
    office: Office, fields: dict[str, str], param: str
) -> None:
    job = await created(office.stage)
    refused = await office.refused(Role.OPERATOR, f"/jobs/{job.id}/resolve", **fields)
    assert (400, "invalid_request", param) == refused


async def test_what_is_not_held_is_not_decided(office: Office) -> None:
    job = await created(office.stage)
    path = f"/jobs/{job.id}/resolve"
    refused = await office.refused(Role.OPERATOR, path, outcome="released")
    assert (409, "conflict", None) == refused
