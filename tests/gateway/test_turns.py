"""Whose turn it is, worked out from lines alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.domain.ids import JobId, TeamId
from proxy.domain.turn import TURN
from proxy.gateway.ports.lines import Line, LineState, Place
from proxy.gateway.turns import ORPHAN_RUNNING_MAX, Turns
from tests.builders import KLING, VERTEX, a_team

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.domain.ids import ProviderName
    from proxy.domain.policy import Team
    from proxy.gateway.turns import Turn

ONE, TWO, FOUR = TeamId("one"), TeamId("two"), TeamId("four")
TEAMS = {
    team: replace(a_team(id=team, running=10_000), weight=weight)
    for team, weight in ((ONE, 1), (TWO, 2), (FOUR, 4))
}


def a_line(
    team: TeamId = ONE,
    provider: ProviderName = KLING,
    *,
    jobs: int = 3,
    since_ms: int = 1000,
    time: int = 0,
    running: int = 0,
    is_held: bool = False,
    has_more: bool = False,
) -> LineState:
    return LineState(
        line=Line(team=team, provider=provider),
        places=tuple(
            Place(job=JobId(f"{team}-{provider}-{number}"), since_ms=since_ms + number)
            for number in range(jobs)
        ),
        has_more=has_more,
        running=running,
        is_held=is_held,
        time=time,
    )


def turns_of(
    *states: LineState, late: Sequence[str] = (), teams: Mapping[TeamId, Team] = TEAMS
) -> Turns:
    return Turns([JobId(job) for job in late], states, teams)


def taken(turns: Turns, count: int = 100) -> list[Turn]:
    """The next turns, each of them taken."""
    found: list[Turn] = []
    while len(found) < count and (turn := turns.next()) is not None:
        turns.took()
        found.append(turn)
    return found


def teams_of(turns: Sequence[Turn]) -> list[str]:
    return [turn.line.team if turn.line else "late" for turn in turns]


def test_a_line_goes_in_its_own_order() -> None:
    found = taken(turns_of(a_line()))
    assert ["one-kling-0", "one-kling-1", "one-kling-2"] == [turn.job for turn in found]


def test_turns_are_by_weight() -> None:
    lines = [a_line(team, jobs=50) for team in TEAMS]
    shares = Counter(teams_of(taken(turns_of(*lines), 70)))
    assert {"one": 10, "two": 20, "four": 40} == shares


def test_the_line_that_is_behind_goes_first_until_it_has_caught_up() -> None:
    lines = [a_line(ONE, time=0), a_line(TWO, time=2 * TURN)]
    assert ["one", "one", "two"] == teams_of(taken(turns_of(*lines), 3))


def test_of_lines_that_are_level_the_longest_waiting_goes_first() -> None:
    lines = [a_line(ONE, since_ms=2000), a_line(TWO, since_ms=1000)]
    assert ["two"] == teams_of(taken(turns_of(*lines), 1))


def test_a_longer_render_costs_more() -> None:
    turns = turns_of(a_line(ONE, since_ms=1), a_line(FOUR))
    assert turns.next() is not None
    turns.took(share=2.0)
    assert ["four"] * 3 == teams_of(taken(turns, 3))
    line = Line(team=FOUR, provider=KLING)
    assert (TURN // 4, TURN // 2) == (turns.cost(line), turns.cost(line, 2.0))


def test_what_somebody_else_took_is_counted_for_the_line_and_not_for_the_team() -> None:
    teams = {ONE: a_team(id=ONE, running=2), TWO: a_team(id=TWO, running=9)}
    turns = turns_of(a_line(ONE, jobs=9, since_ms=1), a_line(TWO, jobs=9), teams=teams)
    for expected in ("one", "two", "one", "two", "one"):
        turn = turns.next()
        turns.passed()
        assert turn is not None
        assert [expected] == teams_of([turn])
    assert turns.has_moved


def test_a_turn_that_was_not_taken_costs_nothing() -> None:
    turns = turns_of(a_line(ONE, since_ms=1), a_line(TWO))
    assert ["one-kling-0", "one-kling-1"] == [
        turn.job for turn in (turns.next(), turns.next()) if turn
    ]


def test_late_jobs_come_first_and_are_nobody_s_turn() -> None:
    turns = turns_of(a_line(jobs=1), late=["late"])
    turn = turns.next()
    turns.took()
    turns.passed()
    assert turn is not None
    assert ("late", None) == (turn.job, turn.line)
    assert not turns.has_moved
    assert ["one"] == teams_of(taken(turns))


def test_a_team_stops_at_what_it_may_run_at_all_providers_together() -> None:
    teams = {ONE: a_team(id=ONE, running=3)}
    lines = [a_line(running=1), a_line(provider=VERTEX, running=1, since_ms=0)]
    assert 2 == len(taken(turns_of(*lines, teams=teams)))


def test_the_longest_waiting_goes_first_where_a_team_waits_for_several() -> None:
    lines = [a_line(since_ms=1000), a_line(provider=VERTEX, since_ms=500)]
    found = taken(turns_of(*lines), 1)
    assert [Line(team=ONE, provider=VERTEX)] == [turn.line for turn in found]


@pytest.mark.parametrize("running", [0, ORPHAN_RUNNING_MAX])
def test_a_team_that_left_the_configuration_goes_on_one_by_one(running: int) -> None:
    found = taken(turns_of(a_line(running=running), teams={}))
    assert ORPHAN_RUNNING_MAX - running == len(found)


def test_a_line_that_is_held_gives_nobody_up() -> None:
    assert ["two"] * 3 == teams_of(taken(turns_of(a_line(is_held=True), a_line(TWO))))


def test_a_closed_provider_takes_nobody_more() -> None:
    turns = turns_of(a_line(), a_line(TWO), a_line(TWO, VERTEX, since_ms=5000))
    assert turns.next() is not None
    turns.close(KLING)
    found = taken(turns)
    assert {VERTEX} == {turn.line.provider for turn in found if turn.line}
    assert 3 == len(found)


def test_a_team_that_is_left_out_gets_no_further_turn() -> None:
    turns = turns_of(a_line(), a_line(TWO))
    turns.leave_out(ONE)
    assert ["two"] * 3 == teams_of(taken(turns))


def test_nobody_passes_a_line_of_which_not_all_was_read() -> None:
    turns = turns_of(a_line(FOUR, jobs=2, has_more=True), a_line(ONE, jobs=3, time=TURN // 2))
    assert ["four", "four"] == teams_of(taken(turns))
    assert turns.is_cut


def test_a_line_that_was_not_read_to_its_end_cuts_nothing_off_before_its_turn() -> None:
    turns = turns_of(a_line(ONE, jobs=1, has_more=True), a_line(FOUR, jobs=3, time=1))
    assert ["one", "four", "four", "four"] == teams_of(taken(turns))
    assert turns.is_cut


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.sampled_from([ONE, TWO, FOUR]), st.integers(min_value=1, max_value=60), min_size=2
    ),
    st.integers(min_value=1, max_value=100),
)
def test_while_all_wait_no_team_is_a_turn_from_its_share(
    waiting: Mapping[TeamId, int], count: int
) -> None:
    turns = turns_of(*(a_line(team, jobs=jobs) for team, jobs in waiting.items()))
    left, got = Counter(waiting), Counter[str]()
    weights = {team: TEAMS[team].weight for team in waiting}
    for turn in taken(turns, count):
        assert turn.line is not None
        if not all(left.values()):
            break
        left[turn.line.team] -= 1
        got[turn.line.team] += 1
        for team, weight in weights.items():
            share = sum(got.values()) * weight / sum(weights.values())
            assert abs(got[team] - share) <= len(waiting) - 1
