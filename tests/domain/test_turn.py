"""What a turn costs: less for more weight, more for longer renders."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.turn import SHARE_MAX, TURN, render_share, turn_cost

seconds = st.floats(min_value=0.1, max_value=10_000)
weights = st.integers(min_value=1, max_value=100)


def test_twice_the_weight_is_half_the_cost() -> None:
    assert (TURN, TURN // 2, TURN // 4) == (turn_cost(1), turn_cost(2), turn_cost(4))


def test_no_turn_is_free() -> None:
    assert 1 == turn_cost(10**9)


def test_renders_cost_what_they_take_beside_the_others() -> None:
    times_s = [30.0, 90.0, None]
    assert (0.5, 1.5) == (render_share(30.0, times_s), render_share(90.0, times_s))


def test_what_nobody_knows_is_ordinary() -> None:
    assert 1.0 == render_share(None, [30.0, None])
    assert 1.0 == render_share(None, [])


@given(seconds, st.lists(seconds, max_size=5), st.floats(min_value=0.01, max_value=100))
def test_only_proportions_count_and_within_bounds(
    own_s: float, others_s: list[float], factor: float
) -> None:
    share = render_share(own_s, [own_s, *others_s])
    scaled = render_share(own_s * factor, [each * factor for each in (own_s, *others_s)])
    assert abs(share - scaled) < 1e-6
    assert 1 / SHARE_MAX <= share <= SHARE_MAX


@given(weights, seconds, seconds)
def test_longer_renders_never_cost_less(weight: int, one_s: float, other_s: float) -> None:
    short_s, long_s = sorted((one_s, other_s))
    costs = [turn_cost(weight, render_share(each, [one_s, other_s])) for each in (short_s, long_s)]
    assert costs[0] <= costs[1]
