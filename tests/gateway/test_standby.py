"""What is known without the store: bounded, of the same team, never older than allowed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.bucket import Bucket, LimitMode, no_refill
from proxy.domain.errors import Unauthenticated
from proxy.domain.ids import KeyId, TeamId
from proxy.domain.job import JobState
from proxy.domain.outage import Outage
from proxy.gateway.live import Current, Live
from proxy.gateway.standby import BUCKETS_MAX, Standby
from proxy.gateway.views import Caller
from tests.builders import MARKETING, a_key, a_rate_limit, a_snapshot, a_team
from tests.fakes import ScriptedProviders
from tests.gateway.clocks import SteppedClock
from tests.job_builders import a_job, a_job_id

if TYPE_CHECKING:
    from proxy.domain.job import Job

CALLER = Caller(key=a_key(), team=a_team())
OUTAGE = Outage(remember=3, remember_for_s=60.0)


def a_live(outage: Outage = OUTAGE) -> Live:
    snapshot = replace(a_snapshot(), outage=outage)
    return Live(Current(snapshot=snapshot, providers=ScriptedProviders({})))


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def standby(clock: SteppedClock) -> Standby:
    made = Standby(a_live(), clock)
    made.learn_revoked(MARKETING, frozenset())
    return made


def fetched(number: int = 0, **changed: object) -> Job:
    return replace(a_job(id=a_job_id(number)), is_fetched=True, **changed)  # type: ignore[arg-type] # its own fields


def test_a_job_is_known_for_a_while(standby: Standby, clock: SteppedClock) -> None:
    job = fetched()
    standby.note(job)
    clock.advance(60.0)
    known = standby.known_to(CALLER, job.id)
    assert known is not None
    assert (job, 60.0) == (known.job, known.age_s)
    clock.advance(0.001)
    assert standby.known_to(CALLER, job.id) is None


def test_only_the_latest_are_known(standby: Standby) -> None:
    jobs = [fetched(number) for number in range(4)]
    for job in (*jobs[:3], jobs[0], jobs[3]):
        standby.note(job)
    assert [True, False, True, True] == [standby.known(job.id) is not None for job in jobs]


def test_nobody_else_s_job_is_told(standby: Standby) -> None:
    sales = TeamId("sales")
    standby.learn_revoked(sales, frozenset())
    standby.note(fetched(team=sales))
    assert standby.known_to(CALLER, a_job_id(0)) is None
    other = Caller(key=a_key(team=sales), team=a_team(id=sales))
    assert standby.known_to(other, a_job_id(0)) is not None


def test_nothing_is_told_before_it_is_known_who_is_revoked(clock: SteppedClock) -> None:
    standby = Standby(a_live(), clock)
    standby.note(fetched())
    standby.deny(MARKETING, CALLER.key.id)
    assert standby.known_to(CALLER, a_job_id(0)) is None
    standby.learn_revoked(MARKETING, frozenset())
    assert standby.known_to(CALLER, a_job_id(0)) is not None


def test_a_revoked_key_is_refused(standby: Standby) -> None:
    standby.check(CALLER)
    standby.learn_revoked(MARKETING, frozenset({KeyId("another2")}))
    standby.check(CALLER)
    standby.deny(MARKETING, CALLER.key.id)
    with pytest.raises(Unauthenticated):
        standby.check(CALLER)


def test_a_job_that_nobody_has_fetched_or_that_was_deleted_is_not_remembered(
    standby: Standby,
) -> None:
    standby.note(a_job())
    assert standby.known(a_job_id(0)) is None
    standby.note(fetched())
    standby.note(fetched(is_deleted=True))
    assert standby.known(a_job_id(0)) is None
    standby.note(fetched())
    standby.follow(fetched(is_deleted=True))
    assert standby.known(a_job_id(0)) is None


def test_only_what_is_remembered_is_followed(standby: Standby, clock: SteppedClock) -> None:
    standby.follow(fetched(state=JobState.COMPLETED))
    assert standby.known(a_job_id(0)) is None
    standby.note(fetched())
    clock.advance(50.0)
    standby.follow(fetched(state=JobState.COMPLETED))
    clock.advance(50.0)
    known = standby.known(a_job_id(0))
    assert known is not None
    assert (JobState.COMPLETED, 50.0) == (known.job.state, known.age_s)


def test_an_ended_job_stays_ended(standby: Standby) -> None:
    standby.note(fetched(state=JobState.FAILED))
    standby.note(fetched(state=JobState.RUNNING))
    known = standby.known(a_job_id(0))
    assert known is not None
    assert JobState.FAILED is known.job.state


def test_without_a_memory_nothing_is_known(clock: SteppedClock) -> None:
    standby = Standby(a_live(Outage(remember=0)), clock)
    standby.note(fetched())
    assert standby.known(a_job_id(0)) is None


def taken(standby: Standby, bucket: Bucket, times: int, owner: str = "x") -> int:
    """How many of so many requests get a token."""
    states = [standby.spend(owner, [bucket])[0] for _ in range(times)]
    return sum(not state.retry_after_us for state in states)


@pytest.mark.parametrize(
    ("replicas", "siblings", "share"), [(1, 1, 12), (3, 1, 4), (3, 2, 2), (100, 1, 1)]
)
def test_each_process_gives_its_share(
    clock: SteppedClock, replicas: int, siblings: int, share: int
) -> None:
    standby = Standby(a_live(Outage(replicas=replicas)), clock, siblings=siblings)
    assert share == taken(standby, Bucket(name="poll", limit=no_refill(12)), 20)


def test_a_share_refills_at_a_share_of_the_rate(clock: SteppedClock) -> None:
    standby = Standby(a_live(Outage(replicas=4)), clock)
    bucket = Bucket(name="poll", limit=a_rate_limit(capacity=4, interval_us=1_000_000))
    assert 1 == taken(standby, bucket, 3)
    clock.advance(3.9)
    assert 0 == taken(standby, bucket, 1)
    clock.advance(0.2)
    assert 1 == taken(standby, bucket, 3)


def test_owners_and_names_have_buckets_of_their_own(standby: Standby) -> None:
    poll, content = (Bucket(name=name, limit=no_refill(1)) for name in ("poll", "content"))
    assert [1, 1, 1, 0] == [
        taken(standby, poll, 2),
        taken(standby, content, 2),
        taken(standby, poll, 2, owner="y"),
        taken(standby, poll, 1),
    ]


def test_in_shadow_nobody_is_refused_here_either(standby: Standby) -> None:
    bucket = Bucket(name="poll", limit=no_refill(1), mode=LimitMode.SHADOW)
    assert 3 == taken(standby, bucket, 3)


def test_buckets_are_bounded(standby: Standby) -> None:
    bucket = Bucket(name="poll", limit=no_refill(1))
    for number in range(BUCKETS_MAX + 1):
        assert 1 == taken(standby, bucket, 1, owner=str(number))
    assert 0 == taken(standby, bucket, 1, owner="1")
    assert 1 == taken(standby, bucket, 1, owner="0")
