"""Breakers: what trips one, for how long, who probes, what closes it, and what says nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.breaker import (
    JITTER_PERMILLE_MAX,
    Breaker,
    BreakerRules,
    BreakerState,
    Mark,
    Moment,
    Outcome,
    Tally,
    Verdict,
    after,
    probing,
    still_probing,
    verdict,
)
from tests.breakers import BREAKER_RULES
from tests.builders import NOW_MS

RULES = BREAKER_RULES
GOOD, BAD = Mark.SUCCESS, Mark.FAILURE
PROBE = "video_1-1"


def heard(
    breaker: Breaker,
    *marks: Mark,
    now_ms: int = NOW_MS,
    begun_ms: int | None = None,
    attempt: str = "video_9-1",
    rules: BreakerRules = RULES,
) -> Breaker:
    """A breaker after some outcomes of things that began just now."""
    for mark in marks:
        outcome = Outcome(
            mark=mark,
            begun_ms=now_ms if begun_ms is None else begun_ms,
            attempt=attempt,
            cause="unavailable" if mark in (Mark.FAILURE, Mark.TRIP) else "",
            rest_ms=20_000 if mark is Mark.REST else 0,
            digest="abc" if mark is Mark.GONE else "",
        )
        breaker = after(breaker, outcome, rules, Moment(now_ms))
    return breaker


OPENED = heard(Breaker(), *[BAD] * 5)
DUE_MS = OPENED.until_ms
LEASE_MS = 90_000
PROBED = probing(OPENED, PROBE, DUE_MS, LEASE_MS)


def test_five_failures_in_a_row_open_it() -> None:
    assert BreakerState.CLOSED is heard(Breaker(), *[BAD] * 4).state
    assert BreakerState.CLOSED is heard(Breaker(), BAD, BAD, BAD, BAD, GOOD, BAD).state
    assert (BreakerState.OPEN, 1, NOW_MS, NOW_MS + 30_000, "unavailable", ()) == (
        OPENED.state,
        OPENED.openings,
        OPENED.since_ms,
        OPENED.until_ms,
        OPENED.cause,
        OPENED.tallies,
    )


def test_half_of_ten_in_the_window_opens_it() -> None:
    mixed = [GOOD, BAD] * 5
    assert BreakerState.CLOSED is heard(Breaker(), *mixed[:-1]).state
    assert BreakerState.OPEN is heard(Breaker(), *mixed).state
    assert BreakerState.CLOSED is heard(Breaker(), GOOD, *mixed, GOOD).state


def test_a_success_never_opens_it() -> None:
    four_bad = heard(Breaker(), GOOD, GOOD, GOOD, BAD, BAD, BAD, GOOD, BAD, BAD)
    assert BreakerState.CLOSED is heard(four_bad, GOOD).state


def test_what_is_older_than_the_window_counts_no_more() -> None:
    early = heard(Breaker(), *[BAD, GOOD] * 4)
    assert (4, 4) == early.recent(RULES, NOW_MS)
    assert (0, 0) == early.recent(RULES, NOW_MS + 60_000)
    assert (0, 0) == early.recent(RULES, NOW_MS - 60_000)
    later_ms = NOW_MS + 20_000
    both = heard(early, GOOD, now_ms=later_ms)
    assert (5, 4) == both.recent(RULES, later_ms)
    assert (1, 0) == both.recent(RULES, NOW_MS + 60_000)
    assert BreakerState.OPEN is heard(both, BAD, now_ms=later_ms).state
    assert BreakerState.CLOSED is heard(both, BAD, BAD, now_ms=NOW_MS + 60_000).state


@pytest.mark.parametrize("state", [Breaker(), heard(Breaker(), GOOD, GOOD)])
def test_a_trip_opens_it_at_once(state: Breaker) -> None:
    assert BreakerState.OPEN is heard(state, Mark.TRIP).state


def test_an_open_one_is_shut_until_its_time_and_then_one_may_try() -> None:
    just_before_ms = DUE_MS - 1
    assert (True, False, BreakerState.OPEN) == (
        OPENED.is_shut(just_before_ms),
        OPENED.may_probe(just_before_ms),
        OPENED.state_at(just_before_ms),
    )
    assert (False, True, BreakerState.HALF_OPEN) == (
        OPENED.is_shut(DUE_MS),
        OPENED.may_probe(DUE_MS),
        OPENED.state_at(DUE_MS),
    )


def test_a_probe_that_is_not_heard_of_in_time_is_followed_by_another() -> None:
    end_ms = DUE_MS + LEASE_MS
    assert (True, False) == (PROBED.is_shut(end_ms - 1), PROBED.may_probe(end_ms - 1))
    assert (False, True) == (PROBED.is_shut(end_ms), PROBED.may_probe(end_ms))
    longer = still_probing(PROBED, PROBE, end_ms - 1, LEASE_MS)
    assert (False, end_ms - 1 + LEASE_MS) == (longer.may_probe(end_ms), longer.until_ms)
    assert PROBED == still_probing(PROBED, "video_2-1", end_ms - 1, LEASE_MS)
    assert OPENED == still_probing(OPENED, "", NOW_MS, LEASE_MS)
    second = probing(PROBED, "video_2-1", end_ms, LEASE_MS)
    assert second == heard(second, BAD, attempt=PROBE, now_ms=end_ms)


def test_one_success_of_the_probe_closes_it() -> None:
    closed = heard(PROBED, GOOD, attempt=PROBE, now_ms=DUE_MS + 9, begun_ms=0)
    assert Breaker(generation=DUE_MS + 9) == closed


@pytest.mark.parametrize("mark", [Mark.FAILURE, Mark.TRIP])
def test_a_failure_of_the_probe_opens_it_for_twice_as_long(mark: Mark) -> None:
    again = heard(PROBED, mark, attempt=PROBE, now_ms=DUE_MS)
    assert (BreakerState.OPEN, 2, NOW_MS, DUE_MS + 60_000, "") == (
        again.state,
        again.openings,
        again.since_ms,
        again.until_ms,
        again.probe,
    )


@pytest.mark.parametrize("mark", [Mark.NEUTRAL, Mark.REST, Mark.GONE])
def test_a_probe_that_shows_nothing_leaves_it_to_the_next(mark: Mark) -> None:
    left = heard(PROBED, mark, attempt=PROBE, now_ms=DUE_MS)
    assert (BreakerState.HALF_OPEN, "", True) == (left.state, left.probe, left.may_probe(DUE_MS))
    assert left == heard(left, BAD, attempt=PROBE, now_ms=DUE_MS)


def test_what_others_meet_while_one_probes_says_nothing() -> None:
    late = DUE_MS + 5_000
    assert PROBED == heard(PROBED, BAD, Mark.TRIP, Mark.NEUTRAL, now_ms=late)
    assert PROBED == heard(PROBED, GOOD, now_ms=late, begun_ms=NOW_MS)


@pytest.mark.parametrize("breaker", [OPENED, PROBED])
def test_a_success_that_began_since_closes_it_whoever_had_it(breaker: Breaker) -> None:
    """As in a panic, or of a call that waits for nobody."""
    assert BreakerState.CLOSED is heard(breaker, GOOD, now_ms=DUE_MS).state


def test_failures_while_it_is_open_change_nothing() -> None:
    assert OPENED == heard(OPENED, BAD, BAD, Mark.TRIP, Mark.NEUTRAL, now_ms=NOW_MS + 1)


@pytest.mark.parametrize("mark", [Mark.SUCCESS, Mark.FAILURE, Mark.TRIP])
def test_what_began_before_the_state_changed_says_nothing(mark: Mark) -> None:
    assert OPENED == heard(OPENED, mark, begun_ms=NOW_MS - 1, now_ms=NOW_MS + 1)
    closed = heard(PROBED, GOOD, attempt=PROBE, now_ms=DUE_MS + 9)
    assert closed == heard(closed, mark, begun_ms=DUE_MS + 8, now_ms=DUE_MS + 10)


def test_it_stays_open_twice_as_long_each_time_up_to_the_longest_with_a_tenth_of_jitter() -> None:
    pauses = [RULES.pause_ms(openings, 0) // 1000 for openings in (1, 2, 3, 4, 5, 6, 99)]
    assert [30, 60, 120, 240, 480, 600, 600] == pauses
    assert 33_000 == RULES.pause_ms(1, JITTER_PERMILLE_MAX)
    assert 660_000 == RULES.pause_ms(9, JITTER_PERMILLE_MAX)


def test_a_rest_is_kept_until_the_latest_time_asked_for() -> None:
    resting = heard(Breaker(), Mark.REST)
    assert (BreakerState.CLOSED, NOW_MS + 20_000) == (resting.state, resting.rests_until_ms)
    assert resting == heard(resting, Mark.REST, now_ms=NOW_MS - 10_000)
    assert NOW_MS + 21_000 == heard(resting, Mark.REST, now_ms=NOW_MS + 1_000).rests_until_ms
    assert resting.rests_until_ms == heard(resting, *[BAD] * 5).rests_until_ms
    early = heard(OPENED, Mark.REST, begun_ms=0)
    assert replace(OPENED, rests_until_ms=NOW_MS + 20_000) == early


def test_what_is_said_of_a_model_survives_that_it_closes() -> None:
    gone = heard(PROBED, Mark.GONE, attempt=PROBE, now_ms=DUE_MS)
    assert ("abc", DUE_MS) == (gone.gone_in, gone.gone_ms)
    closed = heard(gone, GOOD, now_ms=DUE_MS + 9)
    assert ("abc", DUE_MS, BreakerState.CLOSED) == (closed.gone_in, closed.gone_ms, closed.state)


VERDICTS: list[tuple[Breaker, int, Verdict, Verdict]] = [
    (Breaker(), NOW_MS, Verdict.FREE, Verdict.FREE),
    (OPENED, NOW_MS, Verdict.SHUT, Verdict.FREE),
    (OPENED, DUE_MS, Verdict.PROBE, Verdict.PROBE),
    (PROBED, DUE_MS, Verdict.SHUT, Verdict.FREE),
    (heard(Breaker(), Mark.REST), NOW_MS, Verdict.RESTING, Verdict.RESTING),
    (heard(Breaker(), Mark.REST), NOW_MS + 20_000, Verdict.FREE, Verdict.FREE),
    (heard(Breaker(), Mark.GONE), NOW_MS, Verdict.GONE, Verdict.GONE),
]


@pytest.mark.parametrize(("breaker", "now_ms", "plain", "in_panic"), VERDICTS)
def test_what_it_says_to_a_job(
    breaker: Breaker, now_ms: int, plain: Verdict, in_panic: Verdict
) -> None:
    assert plain is verdict(breaker, now_ms, digest="abc", is_panic=False)
    assert in_panic is verdict(breaker, now_ms, digest="abc", is_panic=True)


def test_a_model_that_is_gone_is_tried_again_under_another_configuration() -> None:
    gone = heard(Breaker(), Mark.GONE)
    assert Verdict.FREE is verdict(gone, NOW_MS, digest="other", is_panic=False)
    assert Verdict.FREE is verdict(Breaker(), NOW_MS, digest="", is_panic=False)


rules = st.builds(
    BreakerRules,
    failures=st.integers(1, 6),
    ratio_percent=st.integers(1, 100),
    ratio_of_at_least=st.integers(1, 12),
    window_ms=st.integers(1, 60_000),
    open_min_ms=st.integers(1, 30_000),
    open_max_ms=st.integers(30_000, 600_000),
)
steps = st.lists(
    st.tuples(
        st.sampled_from(list(Mark)),
        st.integers(0, 20_000),  # ms that pass before it
        st.integers(0, 40_000),  # ms it took
        st.sampled_from(["a-1", "b-1", "c-1"]),
    ),
    max_size=80,
)


@given(rules, steps)
def test_whatever_happens(rules: BreakerRules, steps: list[tuple[Mark, int, int, str]]) -> None:
    """At most one probes; it opens by failures alone; it grows no further than its window."""
    breaker, now_ms = Breaker(), NOW_MS
    for mark, pause_ms, took_ms, attempt in steps:
        now_ms += pause_ms
        if verdict(breaker, now_ms, digest="d", is_panic=False) is Verdict.PROBE:
            breaker = probing(breaker, attempt, now_ms, took_ms)
        before = breaker
        outcome = Outcome(mark=mark, begun_ms=now_ms - took_ms, attempt=attempt, cause="x")
        breaker = after(breaker, outcome, rules, Moment(now_ms, took_ms % 100))
        assert breaker.generation >= before.generation
        assert (breaker.state is before.state) or breaker.generation > before.generation
        assert len(breaker.tallies) <= 6
        assert (breaker.probe != "") <= (breaker.state is BreakerState.HALF_OPEN)
        assert (breaker.state is BreakerState.CLOSED) == (breaker.since_ms == 0)
        match breaker.state:
            case BreakerState.OPEN:
                assert breaker.openings > 0
                assert breaker.until_ms <= now_ms + rules.open_max_ms * 11 // 10
                if before.state is not BreakerState.OPEN:
                    assert mark in (Mark.FAILURE, Mark.TRIP)
                    assert breaker.until_ms >= now_ms + rules.open_min_ms
            case BreakerState.CLOSED if before.state is not BreakerState.CLOSED:
                assert mark is Mark.SUCCESS
            case _:
                assert breaker.probe in ("", before.probe)


@given(rules, st.lists(st.sampled_from([GOOD, BAD]), max_size=40))
def test_it_trips_exactly_as_the_rules_say(rules: BreakerRules, marks: list[Mark]) -> None:
    breaker = Breaker()
    seen: list[Mark] = []
    for mark in marks:
        breaker = heard(breaker, mark, rules=rules)
        seen.append(mark)
        in_a_row = next((n for n, each in enumerate(reversed(seen)) if each is GOOD), len(seen))
        bad = seen.count(BAD)
        is_due = in_a_row >= rules.failures or (
            len(seen) >= rules.ratio_of_at_least and bad * 100 >= len(seen) * rules.ratio_percent
        )
        assert (breaker.state is BreakerState.OPEN) == (is_due and mark is BAD)
        if breaker.state is BreakerState.OPEN:
            return


def test_tallies_of_another_window_are_forgotten() -> None:
    odd = Breaker(tallies=(Tally(NOW_MS // 10_000 + 1, 3, 3),))
    assert (0, 0) == odd.recent(RULES, NOW_MS)
    assert (Tally(NOW_MS // 10_000, 1, 0),) == heard(odd, GOOD).tallies
