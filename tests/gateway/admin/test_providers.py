"""Providers through the admin API: how offers stand, drains, and what becomes of jobs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.failure import Failure, FailureKind
from proxy.domain.health import doors
from proxy.domain.ids import ProviderName, attempt_id
from proxy.domain.job import JobState
from proxy.domain.policy import Lifecycle
from proxy.gateway.ports.jobs import Gate
from proxy.http.admin.endpoints import Role
from tests.builders import KLING, VERTEX, an_account, the_offers
from tests.gateway.admin.office import REASON
from tests.gateway.harness import fast_engine, fast_provider, fast_snapshot
from tests.job_builders import a_job_id

if TYPE_CHECKING:
    from typing import Any

    from proxy.domain.job import Job
    from proxy.domain.policy import Offer, Snapshot
    from tests.gateway.admin.office import Office
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

FIRST, *REST = the_offers()
YEAR_S = 365 * 86_400


def touchy(*offers: Offer) -> Snapshot:
    """The first failure opens a breaker."""
    engine = fast_engine()
    snapshot = fast_snapshot(
        engine=replace(engine, breaker=replace(engine.breaker, failures=1, open_min_ms=60_000))
    )
    return replace(snapshot, offers=offers or snapshot.offers)


@pytest.fixture
def stage(new_stage: StageMaker) -> Stage:
    return new_stage(snapshot=touchy())


def failure(kind: FailureKind) -> Failure:
    return Failure(kind=kind, message="no")


async def row(office: Office, offer: Offer = FIRST, account: str = "main") -> dict[str, Any]:
    """One offer at one account, after this process has read the shared breakers."""
    await office.stage.exchange()
    (found,) = [
        each
        for each in (await office.get("/providers"))["data"]
        if (each["provider"], each["account"]) == (offer.provider, account)
        and each["model"] == offer.model
    ]
    return dict(found)


async def test_offers_that_nobody_has_used(office: Office) -> None:
    found = (await office.get("/providers"))["data"]
    assert [(each["provider"], each["model"]) for each in found] == [
        (offer.provider, offer.model) for offer in office.stage.snapshot.offers
    ]
    assert {
        "state": "serving",
        "detail": None,
        "breakers": {},
        "recent_calls": 0,
        "recent_failures": 0,
        "slots_used": 0,
        "latency_s": None,
        "success": None,
        "drained_at": None,
    }.items() <= (await row(office)).items()


async def begun(office: Office) -> Job:
    """A job that is being submitted."""
    job = (await office.stage.create()).job
    work = office.stage.runtime.work
    found = await work.begin(job, account="main", running_max=9, lease_s=60)
    assert not isinstance(found, str)
    return found


async def test_failures_are_counted_until_they_open_a_breaker(office: Office) -> None:
    now = office.stage.snapshot
    office.stage.reload(replace(now, engine=fast_engine()))
    job = await begun(office)
    office.stage.health.submitted(job, failure(FailureKind.UNAVAILABLE))
    office.stage.health.submitted(job, None)
    found = await row(office)
    assert ("serving", 2, 1, "closed") == (
        found["state"],
        found["recent_calls"],
        found["recent_failures"],
        found["breakers"]["submit"],
    )


async def test_an_open_breaker_and_what_opened_it(office: Office) -> None:
    job = await begun(office)
    office.stage.health.submitted(job, failure(FailureKind.UNAVAILABLE))
    found = await row(office)
    assert ("unhealthy", "open") == (found["state"], found["breakers"]["submit"])
    assert "failing since" in found["detail"]
    office.stage.health.submitted(job, failure(FailureKind.AUTH))
    assert "open" == (await row(office))["breakers"]["account"]


async def test_slots_are_counted(office: Office) -> None:
    stage = office.stage
    await stage.runtime.slots.take(
        KLING,
        "main",
        attempt_id(a_job_id(1), 1),
        slots=3,
        submit=None,
        lease_s=60,
        gate=Gate(doors=doors(FIRST.upstream), digest="d1"),
    )
    assert 1 == (await row(office))["slots_used"]


async def test_ends_that_are_known(new_stage: StageMaker, office: Office) -> None:
    now_s = office.stage.clock.now_s()
    ends = (
        (Lifecycle(retires_at_s=now_s - 1), "retired", True),
        (Lifecycle(retires_at_s=now_s + YEAR_S), "deprecated", True),
        (Lifecycle(retires_not_before_s=now_s + YEAR_S), "deprecated", False),
    )
    for lifecycle, state, is_sure in ends:
        offer = replace(FIRST, lifecycle=lifecycle)
        office.stage.reload(replace(office.stage.snapshot, offers=(offer, *REST)))
        found = await row(office)
        assert (state, is_sure) == (found["state"], found["ends_surely"])
        assert found["ends_at"] is not None
    office.stage.reload(replace(office.stage.snapshot, offers=(replace(FIRST, prices=()), *REST)))
    assert "unpriced" == (await row(office))["state"]


async def test_an_account_without_credentials(new_stage: StageMaker, office: Office) -> None:
    bare = replace(an_account("main"), is_configured=False, reason="KLING_KEY is not set")
    providers = {**office.stage.snapshot.providers, KLING: fast_provider(KLING, accounts=[bare])}
    office.stage.reload(replace(office.stage.snapshot, providers=providers))
    found = await row(office)
    assert ("not_configured", "KLING_KEY is not set") == (found["state"], found["detail"])


async def test_a_drain_is_made_and_ended_by_a_person(office: Office) -> None:
    path = "/providers/kling"
    made = {"object": "drain", "provider": "kling", "account": None, "is_drained": True}
    assert {**made, "changed": True} == await office.change(Role.OPERATOR, f"{path}/drain")
    assert {**made, "changed": False} == await office.change(Role.OPERATOR, f"{path}/drain")
    found = await row(office)
    assert ("drained", REASON, "operator1 (oper2345)") == (
        found["state"],
        found["detail"],
        found["drained_by"],
    )
    ended = await office.change(Role.OPERATOR, f"{path}/resume")
    assert {**made, "is_drained": False, "changed": True} == ended
    assert not (await office.change(Role.OPERATOR, f"{path}/resume"))["changed"]
    assert "serving" == (await row(office))["state"]
    assert [
        ("drain", "provider:kling", "open", "drained"),
        ("drain", "provider:kling", "drained", "drained"),
        ("resume", "provider:kling", "drained", "open"),
        ("resume", "provider:kling", "open", "open"),
    ] == await office.audited()


async def test_one_account_of_two_is_drained(office: Office) -> None:
    accounts = [an_account("main"), an_account("second")]
    providers = {**office.stage.snapshot.providers, KLING: fast_provider(KLING, accounts=accounts)}
    office.stage.reload(replace(office.stage.snapshot, providers=providers))
    await office.change(Role.OPERATOR, "/providers/kling/drain", account="second")
    assert "serving" == (await row(office))["state"]
    assert "drained" == (await row(office, account="second"))["state"]
    # The account's drain is another one than the provider's: ending that leaves this.
    assert not (await office.change(Role.OPERATOR, "/providers/kling/resume"))["changed"]
    assert "drained" == (await row(office, account="second"))["state"]


@pytest.mark.parametrize(
    ("name", "account", "param", "known"),
    [("klng", None, "provider", "kling, openai, vertex"), ("kling", "side", "account", "main")],
)
async def test_what_is_not_there_cannot_be_drained(
    office: Office, name: str, account: str | None, param: str, known: str
) -> None:
    body = {"reason": REASON, "account": account}
    status, answer = await office.ask(Role.OPERATOR, "POST", f"/providers/{name}/drain", body)
    assert (404, "not_found", param) == (status, answer["error"]["code"], answer["error"]["param"])
    assert known in answer["error"]["message"]


async def test_a_drain_of_what_left_the_configuration_can_be_ended(office: Office) -> None:
    await office.change(Role.OPERATOR, "/providers/kling/drain")
    providers = dict(office.stage.snapshot.providers)
    del providers[ProviderName("kling")]
    office.stage.reload(replace(office.stage.snapshot, providers=providers))
    assert KLING not in {each["provider"] for each in (await office.get("/providers"))["data"]}
    assert (await office.change(Role.OPERATOR, "/providers/kling/resume"))["changed"]


async def test_a_queued_job_leaves_a_provider_that_is_drained(office: Office) -> None:
    job = (await office.stage.create()).job
    assert KLING == job.candidate.provider
    await office.change(Role.OPERATOR, "/providers/kling/drain")
    async with office.stage.working():
        ended = await office.stage.finished(job)
    assert (JobState.COMPLETED, VERTEX) == (ended.state, ended.candidate.provider)
    assert (0, 1) == (len(office.stage.kling.orders), len(office.stage.vertex.orders))
