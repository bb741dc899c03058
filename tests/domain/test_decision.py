"""Decisions on record can be made again; drills make them without a model."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from proxy.domain.conditions import Closed, Closure, Conditions
from proxy.domain.decision import ACCEPTED, Decision, is_reproduced, plan_again, wordless
from proxy.domain.drill import Drill, Drilling, Move, retire
from proxy.domain.errors import NoRoute
from proxy.domain.ids import KeyId, ModelName, TeamId
from proxy.domain.policy import Lifecycle, Snapshot
from proxy.domain.route import plan
from proxy.domain.source import Verb
from proxy.domain.usage import BudgetUse
from proxy.domain.video import InputFile, VideoJob
from tests.builders import KLING, MARKETING, NOW_S, VERTEX, a_price, a_snapshot, an_offer
from tests.job_builders import a_request
from tests.source_builders import a_source, a_support, that_can

CHEAP, DEAR = ModelName("cheap"), ModelName("dear")
OFFERS = (
    an_offer(
        KLING,
        CHEAP,
        prices=[a_price("720p", 10)],
        lifecycle=Lifecycle(successors=(DEAR,)),
    ),
    an_offer(VERTEX, DEAR, prices=[a_price("720p", 30)]),
)
WORLD = a_snapshot(offers=OFFERS)


def decided(
    request: VideoJob | None = None,
    *,
    conditions: Conditions | None = None,
    world: Snapshot = WORLD,
    chosen: int | None = 0,
) -> Decision:
    asked = request or a_request(seconds=4)
    held = conditions or Conditions()
    return Decision(
        id="video_1",
        at_s=NOW_S,
        team=MARKETING,
        key=KeyId("k1111111"),
        snapshot_digest=world.digest,
        request=wordless(asked),
        conditions=held,
        budgets=(BudgetUse(budget_id="all", used_micro_usd=1, limit_micro_usd=2),),
        plan=plan(asked, world.teams[MARKETING], world, NOW_S, conditions=held),
        outcome=ACCEPTED,
        chosen=chosen,
    )


def test_nothing_of_the_caller_s_words_is_on_record() -> None:
    picture = InputFile(sha256="0" * 64, size_bytes=10, media_type="image/png")
    written = VideoJob(
        prompt="a secret fox",
        negative_prompt="hounds",
        metadata={"client": "secret"},
        seed=7,
        input_reference=picture,
        seconds=4,
    )
    kept = wordless(written)
    assert ("x" * 12, "x" * 6, 0, {}) == (
        kept.prompt,
        kept.negative_prompt,
        kept.seed,
        kept.metadata,
    )
    assert picture == kept.input_reference
    assert "secret" not in repr(kept)
    changed = {f.name for f in fields(kept) if getattr(kept, f.name) != getattr(written, f.name)}
    assert {"prompt", "negative_prompt", "metadata", "seed"} == changed


def test_a_remix_is_decided_again_without_its_provider_s_name_for_the_source() -> None:
    source = replace(
        a_source(),
        model=CHEAP,
        provider=KLING,
        upstream=OFFERS[0].upstream,
        operation={"id": "of-the-vendor"},
    )
    remixes = that_can({Verb.REMIX: a_support()}, OFFERS[0])
    world = a_snapshot(offers=(remixes, OFFERS[1]))
    decision = decided(replace(a_request(), source=source), world=world)
    assert "of-the-vendor" not in repr(decision.request)
    assert decision.plan.candidates
    assert is_reproduced(decision, world)


def test_a_decision_is_made_again_from_its_record() -> None:
    closed = Conditions(closed={OFFERS[0].id: Closed(why=Closure.UNHEALTHY, detail="down")})
    for decision in (decided(), decided(conditions=closed)):
        assert is_reproduced(decision, WORLD)
        assert decision.plan == plan_again(decision, WORLD)
    assert not is_reproduced(decided(conditions=closed), retire(WORLD, CHEAP))


def test_a_refusal_is_reproduced_too() -> None:
    request = a_request(seconds=4, max_cost_micro_usd=1)
    with pytest.raises(NoRoute) as refused:
        plan(request, WORLD.teams[MARKETING], WORLD, NOW_S)
    nothing = replace(decided().plan, candidates=(), skipped=refused.value.skipped)
    decision = replace(
        decided(chosen=None), request=wordless(request), plan=nothing, outcome="no_route"
    )
    assert decision.candidate is None
    assert is_reproduced(decision, WORLD)


def drill(decisions: list[Decision], world: Snapshot, model: ModelName) -> Drill:
    drilling = Drilling(world, model)
    for each in decisions:
        drilling.add([each])
    return drilling.found()


def test_a_drill_shows_where_videos_would_go_and_at_what_price() -> None:
    stranger = replace(decided(), team=TeamId("gone"))
    refused = decided(a_request(seconds=4, max_cost_micro_usd=50))
    other = decided(a_request(seconds=4, model=DEAR))
    found = drill(
        [decided(), decided(), stranger, refused, other, decided(chosen=None)], WORLD, CHEAP
    )
    assert (5, 4, 1) == (found.videos, found.concerned, found.strangers)
    assert (
        Move(
            before=(KLING, CHEAP),
            after=(VERTEX, DEAR),
            videos=2,
            before_micro_usd=80,
            after_micro_usd=240,
        ),
        Move(before=(KLING, CHEAP), after=None, videos=1, before_micro_usd=40, after_micro_usd=0),
    ) == found.moves
    assert ((MARKETING, 1),) == found.refused_teams


def test_whoever_named_the_model_goes_to_its_successor() -> None:
    found = drill([decided(a_request(seconds=4, model=CHEAP))], WORLD, CHEAP)
    assert [(VERTEX, DEAR)] == [move.after for move in found.moves]
