"""What each call is noted for, and which offers are closed by how their accounts stand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.breaker import Breaker, BreakerRules, Mark, Moment, Outcome, after
from proxy.domain.breaker import probing as probed_by
from proxy.domain.bucket import LimitMode
from proxy.domain.conditions import Closure
from proxy.domain.failure import Failure, FailureKind
from proxy.domain.health import (
    REST_MS_MAX,
    Health,
    Heard,
    Outlook,
    breaker_name,
    doors,
    marks_of_call,
    marks_of_render,
    marks_of_submit,
)
from tests.builders import (
    KLING,
    NOW_MS,
    OPENAI,
    VERTEX,
    a_provider,
    a_snapshot,
    an_account,
    an_offer,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.health import Marks

UP = "kling-v3"
ACCOUNT, MODEL, RENDERS = doors(UP)
HEARD = Heard(upstream=UP, attempt="video_1-1", begun_ms=NOW_MS, digest="d1", throttle_ms=5_000)


def failure(kind: str, retry_after_s: float | None = None) -> Failure:
    return Failure(kind=FailureKind(kind), message="no", retry_after_s=retry_after_s)


def brief(marks: Marks) -> dict[str, str]:
    for _, outcome in marks:
        assert outcome.attempt in (HEARD.attempt, "")
    return {name: outcome.mark.value + outcome.cause for name, outcome in marks}


def test_the_names_of_the_doors() -> None:
    assert ("submit|*", "submit|kling-v3", "render|kling-v3") == doors(UP)
    assert "status|kling-v3" == breaker_name("status", UP)


SUBMITS = {
    None: {ACCOUNT: "s", MODEL: "s"},
    "content_policy": {ACCOUNT: "n", MODEL: "n", RENDERS: "n"},
    "invalid_input": {ACCOUNT: "n", MODEL: "n", RENDERS: "n"},
    "auth": {ACCOUNT: "tauth", MODEL: "n", RENDERS: "n"},
    "account": {ACCOUNT: "taccount", MODEL: "n", RENDERS: "n"},
    "throttled": {ACCOUNT: "n", MODEL: "r", RENDERS: "n"},
    "unavailable": {ACCOUNT: "n", MODEL: "funavailable", RENDERS: "n"},
    "unknown_outcome": {ACCOUNT: "n", MODEL: "funknown_outcome", RENDERS: "n"},
    "failed_upstream": {ACCOUNT: "n", MODEL: "ffailed_upstream", RENDERS: "n"},
    "model_gone": {ACCOUNT: "n", MODEL: "g", RENDERS: "n"},
    "source_gone": {ACCOUNT: "n", MODEL: "n", RENDERS: "n"},
    "malformed": {ACCOUNT: "n", MODEL: "fmalformed", RENDERS: "n"},
}
RENDERED = {
    None: {RENDERS: "s", MODEL: "s"},
    "content_policy": {RENDERS: "n"},
    "invalid_input": {RENDERS: "n"},
    "auth": {RENDERS: "n", ACCOUNT: "tauth"},
    "account": {RENDERS: "n", ACCOUNT: "taccount"},
    "throttled": {RENDERS: "n", MODEL: "r"},
    "unavailable": {RENDERS: "funavailable"},
    "unknown_outcome": {RENDERS: "funknown_outcome"},
    "failed_upstream": {RENDERS: "ffailed_upstream"},
    "model_gone": {RENDERS: "n", MODEL: "g"},
    "source_gone": {RENDERS: "n"},
    "malformed": {RENDERS: "fmalformed"},
}
CALLS = {
    None: {"status|kling-v3": "s"},
    "auth": {"status|kling-v3": "fauth"},
    "account": {"status|kling-v3": "faccount"},
    "unavailable": {"status|kling-v3": "funavailable"},
    "failed_upstream": {"status|kling-v3": "ffailed_upstream"},
    "malformed": {"status|kling-v3": "fmalformed"},
}


@pytest.mark.parametrize("kind", [None, *FailureKind])
def test_every_row_of_the_table_is_noted_where_it_belongs(kind: FailureKind | None) -> None:
    failed = None if kind is None else failure(kind)
    assert SUBMITS[kind] == brief(marks_of_submit(HEARD, failed))
    assert RENDERED[kind] == brief(marks_of_render(HEARD, failed))
    assert CALLS.get(kind, {}) == brief(marks_of_call("status", HEARD, failed))


@pytest.mark.parametrize("operation", ["status", "find", "cancel", "download"])
@pytest.mark.parametrize("kind", FailureKind)
def test_nothing_but_a_submit_or_its_render_shuts_a_door(
    operation: str, kind: FailureKind
) -> None:
    names = {name for name, _ in marks_of_call(operation, HEARD, failure(kind))}
    assert names <= {breaker_name(operation, UP)}
    assert names.isdisjoint(doors(UP))


def test_a_video_proves_its_own_submit_alone() -> None:
    """It began long ago: of what became of others since it says nothing."""
    proof = dict(marks_of_render(HEARD, None))[MODEL]
    assert (-1, "video_1-1") == (proof.begun_ms, proof.attempt)


@pytest.mark.parametrize(
    ("retry_after_s", "rest_ms"),
    [(None, 5_000), (0.0, 5_000), (2.5, 2_500), (86_400, REST_MS_MAX)],
)
def test_a_rest_is_as_long_as_asked_for_at_most_an_hour(
    retry_after_s: float | None, rest_ms: int
) -> None:
    marks = dict(marks_of_submit(HEARD, failure("throttled", retry_after_s)))
    assert rest_ms == marks[MODEL].rest_ms


def test_a_model_is_gone_in_one_configuration() -> None:
    assert "d1" == dict(marks_of_submit(HEARD, failure("model_gone")))[MODEL].digest


RULES = BreakerRules(
    failures=1,
    ratio_percent=50,
    ratio_of_at_least=10,
    window_ms=60_000,
    open_min_ms=30_000,
    open_max_ms=600_000,
)
OFFER = an_offer(KLING, "kling-3.0")
DIGEST = "d" * 16
OWN_ACCOUNT, OWN_MODEL, OWN_RENDERS = doors(OFFER.upstream)


def said(mark: Mark, *, digest: str = "", rest_ms: int = 0) -> Breaker:
    outcome = Outcome(
        mark=mark, begun_ms=NOW_MS, cause="unavailable", digest=digest, rest_ms=rest_ms
    )
    return after(Breaker(), outcome, RULES, Moment(NOW_MS))


OPEN = said(Mark.FAILURE)
HALF = probed_by(OPEN, "video_7-1", OPEN.until_ms, 90_000)
GONE = said(Mark.GONE, digest=DIGEST)


def outlook(
    *accounts: Mapping[str, Breaker],
    drained: str = "",
    at_ms: int = NOW_MS,
    is_configured: bool = True,
    mode: LimitMode = LimitMode.ENFORCE,
) -> Outlook:
    """What follows for OFFER from the breakers of each of Kling's accounts."""
    names = [f"account{number}" for number in range(len(accounts))]
    provider = a_provider(
        KLING,
        accounts=[
            *(an_account(name, is_configured=is_configured) for name in names),
            an_account("unset", is_configured=False),
        ],
    )
    snapshot = a_snapshot(
        offers=[OFFER, an_offer(VERTEX, "veo-3.1-fast"), an_offer(OPENAI, "sora-2")],
        providers=[provider, a_provider(VERTEX)],
    )
    breakers = {(KLING, name): given for name, given in zip(names, accounts, strict=True)}
    health = Health(breakers=breakers, drained=frozenset(drained.split()))
    engine = replace(snapshot.engine, breaker_mode=mode)
    return Outlook(health, replace(snapshot, digest=DIGEST, engine=engine), at_ms)


def closure(seen: Outlook) -> tuple[str, str] | None:
    closed = seen.closures()
    assert set(closed) <= {OFFER.id}
    found = closed.get(OFFER.id)
    return None if found is None else (found.why.value, found.detail)


@pytest.mark.parametrize("door", doors(OFFER.upstream))
def test_an_offer_is_closed_while_a_door_is_shut(door: str) -> None:
    why = "failing since 12:00:00Z (unavailable); tried again within 30 s"
    assert ("unhealthy", why) == closure(outlook({door: OPEN}))
    trying = "failing since 12:00:00Z (unavailable); one job tries it now"
    assert ("unhealthy", trying) == closure(outlook({door: HALF}))


def test_it_is_open_again_as_soon_as_one_may_try() -> None:
    assert closure(outlook({OWN_MODEL: OPEN}, at_ms=OPEN.until_ms - 1)) is not None
    assert closure(outlook({OWN_MODEL: OPEN}, at_ms=OPEN.until_ms)) is None


def test_what_is_no_door_of_its_own_closes_nothing() -> None:
    others = ("status|kling-3.0-upstream", "download|kling-3.0-upstream", "submit|other")
    assert closure(outlook(dict.fromkeys(others, OPEN))) is None
    assert closure(outlook({})) is None


def test_another_account_keeps_it_open() -> None:
    assert closure(outlook({OWN_MODEL: OPEN}, {})) is None
    assert closure(outlook({OWN_MODEL: OPEN}, {OWN_ACCOUNT: OPEN})) is not None
    assert closure(outlook({OWN_MODEL: OPEN}, {}, drained="kling/account1")) is not None


def test_a_model_is_gone_until_the_configuration_changes() -> None:
    why = "the provider says since 12:00:00Z that it is gone"
    assert ("model_gone", why) == closure(outlook({OWN_MODEL: GONE}))
    assert closure(outlook({OWN_MODEL: said(Mark.GONE, digest="another")})) is None


@pytest.mark.parametrize(
    ("drained", "detail"),
    [("kling", "kling is drained"), ("kling/account0", "account account0 is drained")],
)
def test_what_is_drained_takes_nothing(drained: str, detail: str) -> None:
    assert ("drained", detail) == closure(outlook({}, drained=drained))


def test_drains_of_others_close_nothing() -> None:
    seen = outlook({}, drained="vertex kling/other klin")
    assert {"vertex/veo-3.1-fast-upstream"} == set(seen.closures())


def test_the_mildest_reason_is_told() -> None:
    """What may open by itself comes first: in a panic it may be tried."""
    gone, failing = {OWN_MODEL: GONE}, {OWN_MODEL: OPEN}
    assert Closure.UNHEALTHY == (closure(outlook(gone, failing)) or ("",))[0]
    assert Closure.DRAINED == (closure(outlook(gone, {}, drained="kling/account1")) or ("",))[0]
    assert Closure.MODEL_GONE == (closure(outlook(gone, gone)) or ("",))[0]


def test_a_short_rest_is_waited_for_and_a_long_one_is_not() -> None:
    assert closure(outlook({OWN_MODEL: said(Mark.REST, rest_ms=600_000)})) is None
    long = outlook({OWN_MODEL: said(Mark.REST, rest_ms=600_001)})
    assert ("unhealthy", "it asked for a rest until 12:10:00Z") == closure(long)


def test_a_provider_that_cannot_be_used_is_no_matter_of_health() -> None:
    assert closure(outlook({OWN_MODEL: OPEN}, is_configured=False)) is None


def test_the_worst_of_several_is_told() -> None:
    later = after(
        HALF,
        Outcome(mark=Mark.FAILURE, begun_ms=NOW_MS, attempt="video_7-1", cause="malformed"),
        RULES,
        Moment(OPEN.until_ms),
    )
    seen = closure(outlook({OWN_MODEL: OPEN, OWN_RENDERS: later}))
    why = "failing since 12:00:00Z (malformed); tried again within 90 s"
    assert ("unhealthy", why) == seen


def test_in_shadow_breakers_close_nothing_and_drains_do() -> None:
    for breaker in (OPEN, HALF, GONE, said(Mark.REST, rest_ms=10**9)):
        assert closure(outlook({OWN_MODEL: breaker}, mode=LimitMode.SHADOW)) is None
    drained = closure(outlook({OWN_MODEL: OPEN}, drained="kling", mode=LimitMode.SHADOW))
    assert ("drained", "kling is drained") == drained


def test_breakers_nobody_wrote_are_closed() -> None:
    assert Breaker() == Health().breaker((KLING, "main"), OWN_MODEL)
