"""Why a job waits, and the guess how long: fair to turns, never falling where it must not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.bucket import RateLimit, wait_us
from proxy.domain.turn import TURN
from proxy.domain.wait import Contest, Rate, Rival, Stand, WaitsFor, wait_of

SLOW = RateLimit(capacity=2, interval_us=60_000_000)

stands = st.builds(
    Stand,
    position=st.integers(1, 500),
    weight=st.integers(1, 9),
    time=st.integers(0, 20 * TURN),
    running=st.integers(0, 20),
    running_max=st.integers(1, 20),
    pause_s=st.floats(0, 600),
)
rivals = st.builds(
    Rival,
    weight=st.integers(1, 9),
    time=st.integers(0, 20 * TURN),
    waiting=st.integers(1, 300),
)
rates = st.builds(
    Rate,
    limit=st.builds(
        RateLimit, capacity=st.integers(1, 20), interval_us=st.integers(1000, 60_000_000)
    ),
    full_in_us=st.integers(0, 10**9),
)
contests = st.builds(
    Contest,
    slots=st.integers(1, 50),
    held=st.integers(0, 50),
    render_s=st.floats(1, 600),
    rates=st.lists(rates, max_size=2).map(tuple),
    rivals=st.lists(rivals, max_size=4).map(tuple),
)


def a_stand(
    position: int = 1,
    *,
    weight: int = 1,
    time: int = 0,
    running: int = 0,
    running_max: int = 100,
    pause_s: float = 0.0,
    frozen: str = "",
) -> Stand:
    return Stand(
        position=position,
        weight=weight,
        time=time,
        running=running,
        running_max=running_max,
        pause_s=pause_s,
        frozen=frozen,
    )


def a_contest(
    *,
    slots: int = 10,
    held: int = 10,
    render_s: float | None = 60.0,
    rates: tuple[Rate, ...] = (),
    rivals: tuple[Rival, ...] = (),
) -> Contest:
    return Contest(slots=slots, held=held, render_s=render_s, rates=rates, rivals=rivals)


def told(stand: Stand, contest: Contest) -> tuple[WaitsFor, int | None]:
    wait = wait_of(stand, contest)
    assert stand.position == wait.position
    return wait.waits_for, wait.starts_in_s


def test_where_there_is_room_it_is_about_to_start() -> None:
    assert (WaitsFor.TURN, 0) == told(a_stand(3), a_contest(held=7))
    assert (WaitsFor.TURN, 0) == told(a_stand(), a_contest(held=0, render_s=None))


def test_slots_come_free_at_the_pace_at_which_renders_end() -> None:
    assert (WaitsFor.SLOT, 6) == told(a_stand(1), a_contest())
    assert (WaitsFor.SLOT, 60) == told(a_stand(10), a_contest())
    assert (WaitsFor.SLOT, 30) == told(a_stand(10), a_contest(held=5))


def test_others_take_their_turns_by_weight() -> None:
    rival = Rival(weight=4, time=0, waiting=100)
    # Before its second turn, at 1.0, the other line has the turns at 0, 0.25, 0.5 and 0.75.
    assert (WaitsFor.SLOT, 40) == told(a_stand(2), a_contest(rivals=(rival,)))
    few = replace(rival, waiting=2)
    assert (WaitsFor.SLOT, 25) == told(a_stand(2), a_contest(rivals=(few,)))
    ahead = replace(rival, time=5 * TURN)
    assert (WaitsFor.SLOT, 15) == told(a_stand(2), a_contest(rivals=(ahead,)))


def test_a_team_that_runs_all_it_may_waits_for_its_own() -> None:
    full = a_stand(2, running=4, running_max=4)
    assert (WaitsFor.RUNNING, 30) == told(full, a_contest(held=0))
    assert (WaitsFor.TURN, 0) == told(replace(full, running=2), a_contest(held=0))
    assert (WaitsFor.RUNNING, None) == told(full, a_contest(held=0, render_s=None))
    # More than it may run: the limit was lowered.
    assert (WaitsFor.RUNNING, 30) == told(replace(full, running=9), a_contest(held=0))


def test_a_rate_lets_them_start_one_by_one() -> None:
    empty = Rate(limit=SLOW, full_in_us=SLOW.span_us)
    assert (WaitsFor.RATE, 60) == told(a_stand(1), a_contest(held=0, rates=(empty,)))
    assert (WaitsFor.RATE, 180) == told(a_stand(3), a_contest(held=0, rates=(empty,)))
    assert (WaitsFor.RATE, 120) == told(a_stand(3), a_contest(held=0, rates=(empty, empty)))
    full = replace(empty, full_in_us=0)
    assert (WaitsFor.TURN, 0) == told(a_stand(2), a_contest(held=0, rates=(full,)))


def test_of_several_reasons_the_longest_is_told() -> None:
    empty = Rate(limit=SLOW, full_in_us=SLOW.span_us)
    contest = a_contest(rates=(empty,))
    assert (WaitsFor.RATE, 60) == told(a_stand(1), contest)
    assert (WaitsFor.PAUSE, 90) == told(a_stand(1, pause_s=88), contest)


def test_nobody_can_say_how_long_a_freeze_takes() -> None:
    wait = wait_of(a_stand(2, frozen="team"), a_contest(held=0))
    assert (2, WaitsFor.THAW, None, "team") == (
        wait.position,
        wait.waits_for,
        wait.starts_in_s,
        wait.frozen,
    )


def test_nobody_can_say_when_a_provider_takes_new_work_again() -> None:
    wait = wait_of(replace(a_stand(2), closed="drained"), a_contest(held=0))
    assert (WaitsFor.OPENING, None, "drained") == (wait.waits_for, wait.starts_in_s, wait.closed)
    assert WaitsFor.THAW is wait_of(a_stand(frozen="all"), a_contest()).waits_for


def test_what_nobody_knows_is_not_told() -> None:
    assert (WaitsFor.SLOT, None) == told(a_stand(), a_contest(render_s=None))
    assert (WaitsFor.SLOT, None) == told(a_stand(), a_contest(slots=0, held=0))


@pytest.mark.parametrize(
    ("pause_s", "told_s"),
    [(0.2, 1), (9.1, 10), (12, 15), (61, 90), (601, 660), (3599, 3600), (3601, 3900)],
)
def test_a_guess_is_told_in_steps(pause_s: float, told_s: int) -> None:
    assert (WaitsFor.PAUSE, told_s) == told(a_stand(pause_s=pause_s), a_contest(held=0))


@given(stands, contests, st.integers(1, 5))
def test_a_guess_does_not_fall_where_it_must_not(
    stand: Stand, contest: Contest, more: int
) -> None:
    guess = wait_of(stand, contest).starts_in_s
    assert guess is not None
    worse: list[tuple[Stand, Contest]] = [
        (replace(stand, position=stand.position + more), contest),
        (replace(stand, running=stand.running + more), contest),
        (replace(stand, time=stand.time + more * TURN), contest),
        (replace(stand, weight=max(1, stand.weight - more)), contest),
        (stand, replace(contest, held=contest.held + more)),
        (stand, replace(contest, render_s=(contest.render_s or 0) + more)),
        (
            stand,
            replace(
                contest,
                rivals=tuple(replace(r, weight=r.weight + more) for r in contest.rivals),
            ),
        ),
        (
            stand,
            replace(
                contest,
                rivals=tuple(replace(r, waiting=r.waiting + more) for r in contest.rivals),
            ),
        ),
        (stand, replace(contest, slots=contest.slots + more, held=contest.held + more)),
    ]
    *behind, better = [wait_of(*each).starts_in_s for each in worse]
    assert all(each is not None and each >= guess for each in behind)
    assert better is not None
    assert better <= guess


@given(st.integers(1, 20), st.integers(1, 10**6), st.integers(0, 10**8), st.integers(1, 50))
def test_tokens_come_one_by_one(
    capacity: int, interval_us: int, full_in_us: int, tokens: int
) -> None:
    limit = RateLimit(capacity=capacity, interval_us=interval_us)
    wait = wait_us(limit, full_in_us, tokens=tokens)
    following = wait_us(limit, full_in_us, tokens=tokens + 1)
    assert 0 <= wait <= following <= wait + interval_us
