"""A routing decision on record: all that went into it, so that it can be made once more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from proxy.domain.errors import RequestError
from proxy.domain.route import plan
from proxy.domain.video import VideoJob

if TYPE_CHECKING:
    from proxy.domain.conditions import Conditions
    from proxy.domain.ids import KeyId, TeamId
    from proxy.domain.plan import Candidate, Plan
    from proxy.domain.policy import Snapshot
    from proxy.domain.usage import BudgetUse

ACCEPTED = "accepted"
_BLANK = "x"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One create that got as far as a plan.

    `id` is the video's, also where it was refused and no video came of it. `outcome` is ACCEPTED
    or the code of the refusal, `chosen` the place of the candidate whose price was reserved.
    `request` is without its words; `at_s` is the time the plan was made for.
    """

    id: str
    at_s: float
    team: TeamId
    key: KeyId
    snapshot_digest: str
    request: VideoJob
    conditions: Conditions
    budgets: tuple[BudgetUse, ...]
    plan: Plan
    outcome: str
    chosen: int | None = None

    @property
    def candidate(self) -> Candidate | None:
        """The candidate that was taken, None for a refusal."""
        return None if self.chosen is None else self.plan.candidates[self.chosen]


def wordless(request: VideoJob) -> VideoJob:
    """What a plan looks at of a request: lengths instead of words, and no metadata.

    A prompt and its metadata are the team's; a record for operators does without them. What a
    provider calls a video that is started from is nobody's business here.
    """
    negative, source = request.negative_prompt, request.source
    return VideoJob(
        prompt=_BLANK * len(request.prompt),
        model=request.model,
        policy=request.policy,
        seconds=request.seconds,
        resolution=request.resolution,
        aspect_ratio=request.aspect_ratio,
        audio=request.audio,
        input_reference=request.input_reference,
        last_frame=request.last_frame,
        reference_images=request.reference_images,
        negative_prompt=None if negative is None else _BLANK * len(negative),
        seed=None if request.seed is None else 0,
        max_cost_micro_usd=request.max_cost_micro_usd,
        deadline_s=request.deadline_s,
        substitute=request.substitute,
        source=None if source is None else replace(source, operation={}),
    )


def plan_again(decision: Decision, snapshot: Snapshot) -> Plan | None:
    """Make a decision once more with another configuration; None if it would be refused.

    With the configuration of its digest the plan is the one on record.

    Raises:
        LookupError: the team is not in the configuration.
    """
    team = snapshot.teams[decision.team]
    try:
        return plan(
            decision.request,
            team,
            snapshot,
            decision.at_s,
            budgets=decision.budgets,
            conditions=decision.conditions,
        )
    except RequestError:
        return None


def is_reproduced(decision: Decision, snapshot: Snapshot) -> bool:
    """Say whether the configuration leads to the plan on record."""
    again = plan_again(decision, snapshot)
    return (again or replace(decision.plan, candidates=())) == decision.plan
