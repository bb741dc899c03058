"""What a turn in line costs: a provider's slots are shared by weight while several teams wait.

Each line has a virtual time, which a turn moves on by its cost; the line that is furthest behind
is the next. Twice the weight is half the cost, and so twice the turns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

TURN = 720_720
"""Virtual time that an ordinary turn takes of a team of weight 1. Weights up to 16 divide it."""
SHARE_MAX = 8.0
"""A render counts as at most so many ordinary ones, and as at least one so-many-th of one."""


def turn_cost(weight: int, share: float = 1.0) -> int:
    """How far a turn moves its line's virtual time on.

    Args:
        weight: of the line's team, 1 or more.
        share: how long the render takes beside an ordinary one, from `render_share`.
    """
    return max(1, round(TURN * share / weight))


def render_share(typical_s: float | None, others_s: Iterable[float | None]) -> float:
    """How long a render keeps its slot, beside an ordinary one of its provider.

    Only proportions count: were seconds charged, all that is on the books would be worth
    something else as soon as renders take longer than before.

    Args:
        typical_s: what a render of its offer takes; None if nobody knows.
        others_s: the same of all of the provider's offers, its own among them.
    """
    known_s = [each_s for each_s in others_s if each_s]
    if not typical_s or not known_s:
        return 1.0
    share = typical_s * len(known_s) / sum(known_s)
    return min(max(share, 1 / SHARE_MAX), SHARE_MAX)
