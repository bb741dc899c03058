"""Routing: which offers a request may go to, in which order, and why not to the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.domain.errors import Forbidden, InvalidRequest, ModelNotFound, NoRoute
from proxy.domain.ids import ModelName
from proxy.domain.plan import Plan
from proxy.domain.policy import AudioSupport, FrameSupport, Lifecycle, Snapshot
from proxy.domain.route import plan
from proxy.domain.video import InputFile, Substitute, VideoJob
from tests.builders import (
    KLING,
    NOW_S,
    OPENAI,
    RETIRED_S,
    VERTEX,
    a_model,
    a_policy,
    a_price,
    a_provider,
    a_snapshot,
    a_team,
    a_use,
    an_account,
    an_offer,
    the_offers,
)
from tests.job_builders import a_request

SORA = "sora-2"


def plan_of(
    request: VideoJob,
    snapshot: Snapshot | None = None,
    *,
    now_s: float = NOW_S,
) -> Plan:
    world = snapshot or a_snapshot()
    return plan(request, next(iter(world.teams.values())), world, now_s)


def models_of(request: VideoJob, snapshot: Snapshot | None = None) -> list[str]:
    return [candidate.model for candidate in plan_of(request, snapshot).candidates]


def skipped_of(planned: Plan) -> dict[str, str]:
    return {skipped.model: skipped.code for skipped in planned.skipped}


def test_the_default_policy_ranks_what_fits() -> None:
    planned = plan_of(a_request(seconds=4))
    assert ["kling-3.0", "veo-3.1-fast"] == [item.model for item in planned.candidates]
    assert {"kling-2.6": "incapable", SORA: "retired"} == skipped_of(planned)
    assert ("cheapest", None, Substitute.POLICY) == (
        planned.policy,
        planned.requested_model,
        planned.substitute,
    )
    first = planned.candidates[0]
    assert ("kling/kling-3.0-upstream", 336_000, "price 0.336000") == (
        first.offer_id,
        first.quote_micro_usd,
        first.reason,
    )


def test_cheapest_4k_picks_kling_at_4k() -> None:
    planned = plan_of(a_request(policy="cheapest_4k"))
    assert ["kling-3.0"] == [item.model for item in planned.candidates]
    shape = planned.candidates[0].shape
    assert (4, "4k", "16:9") == (shape.seconds, shape.resolution, shape.aspect_ratio)
    by_name = plan_of(a_request(model="cheapest_4k"))
    assert planned.candidates == by_name.candidates
    assert "cheapest_4k" == by_name.requested_model


def test_the_best_offers_own_length_becomes_the_jobs() -> None:
    """kling-2.6 is the cheapest at its own five seconds, so the others are judged at five."""
    planned = plan_of(a_request())
    assert ["kling-2.6", "kling-3.0"] == [item.model for item in planned.candidates]
    assert {5} == {item.shape.seconds for item in planned.candidates}
    assert "incapable" == skipped_of(planned)["veo-3.1-fast"]


def test_a_policys_demands_fill_what_is_open() -> None:
    demanding = a_policy(
        require_seconds=8, require_resolution="1080p", require_aspect_ratio="9:16"
    )
    shape = plan_of(a_request(), a_snapshot(policies=[demanding])).candidates[0].shape
    assert (8, "1080p", "9:16") == (shape.seconds, shape.resolution, shape.aspect_ratio)


@pytest.mark.parametrize(
    ("field", "asked", "demanded"),
    [
        ("seconds", 5, {"require_seconds": 8}),
        ("resolution", "720p", {"require_resolution": "4k"}),
        ("aspect_ratio", "1:1", {"require_aspect_ratio": "16:9"}),
        ("audio", False, {"require_audio": True}),
    ],
)
def test_a_field_against_the_policy_is_refused_by_name(
    field: str, asked: object, demanded: dict[str, object]
) -> None:
    policy = replace(a_policy(), **demanded)  # type: ignore[arg-type]  # the table above is right
    request = replace(a_request(), **{field: asked})  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest, match="conflicts with policy 'cheapest'") as refused:
        plan_of(request, a_snapshot(policies=[policy]))
    assert field == refused.value.param


def test_a_demand_that_agrees_is_no_conflict() -> None:
    loud = a_policy(require_audio=True)
    planned = plan_of(replace(a_request(seconds=4), audio=True), a_snapshot(policies=[loud]))
    assert {True} == {item.shape.audio for item in planned.candidates}


def test_sound_is_resolved_per_candidate() -> None:
    planned = plan_of(a_request(seconds=4))
    assert [False, True] == [item.shape.audio for item in planned.candidates]
    silent = plan_of(replace(a_request(seconds=4), audio=False))
    assert ["veo-3.1-fast", "kling-3.0"] == [item.model for item in silent.candidates]


def test_a_named_model_comes_first_and_the_policy_follows() -> None:
    planned = plan_of(a_request(model="veo-3.1-fast", seconds=4))
    assert ["veo-3.1-fast", "kling-3.0"] == [item.model for item in planned.candidates]
    assert planned.candidates[0].reason.startswith("model as requested")


def test_an_alias_is_the_model_it_names() -> None:
    models = [a_model(offer.model) for offer in the_offers()]
    models[2] = a_model("veo-3.1-fast", aliases=["veo-fast"])
    snapshot = a_snapshot(models=models)
    planned = plan_of(a_request(model="veo-fast", seconds=4), snapshot)
    assert ("veo-fast", "veo-3.1-fast") == (
        planned.requested_model,
        planned.candidates[0].model,
    )


def test_a_retired_model_is_served_by_its_successors() -> None:
    planned = plan_of(a_request(model=SORA, seconds=4))
    assert ["kling-3.0", "veo-3.1-fast"] == [item.model for item in planned.candidates]
    assert planned.candidates[0].reason.startswith("successor of sora-2")
    assert "retired" == skipped_of(planned)[SORA]
    before = plan_of(a_request(model=SORA, seconds=4), now_s=RETIRED_S - 1)
    assert SORA == before.candidates[0].model


def retired(*successors: str) -> Lifecycle:
    return Lifecycle(
        retires_at_s=RETIRED_S, successors=tuple(ModelName(name) for name in successors)
    )


def test_successors_are_followed_through_and_never_in_a_circle() -> None:
    offers = [
        an_offer(OPENAI, "one", lifecycle=retired("two", "one")),
        an_offer(OPENAI, "two", lifecycle=retired("three", "one")),
        an_offer(KLING, "three"),
        an_offer(VERTEX, "four"),
    ]
    assert ["three", "four"] == models_of(a_request(model="one"), a_snapshot(offers=offers))


def test_a_model_with_one_living_offer_has_no_successors_yet() -> None:
    offers = [
        an_offer(OPENAI, "one", lifecycle=retired("two")),
        an_offer(KLING, "one"),
        an_offer(VERTEX, "two", prices=[a_price("720p", 1)]),
    ]
    planned = plan_of(a_request(model="one"), a_snapshot(offers=offers))
    assert [(KLING, "one"), (VERTEX, "two")] == [(c.provider, c.model) for c in planned.candidates]
    assert "price 0.000004" == planned.candidates[1].reason


def test_a_model_without_any_offer_is_substituted_by_the_policy() -> None:
    models = [a_model("dream"), *(a_model(offer.model) for offer in the_offers())]
    snapshot = a_snapshot(models=models)
    assert "dream" not in models_of(a_request(model="dream", seconds=4), snapshot)
    with pytest.raises(NoRoute):
        plan_of(a_request(model="dream", substitute=Substitute.NEVER), snapshot)


@pytest.mark.parametrize(
    ("substitute", "model", "expected"),
    [
        (Substitute.NEVER, None, [(KLING, "a")]),
        (Substitute.SAME_MODEL, None, [(KLING, "a"), (VERTEX, "a")]),
        (Substitute.POLICY, None, [(KLING, "a"), (VERTEX, "a"), (KLING, "b")]),
        (Substitute.NEVER, "b", [(KLING, "b")]),
        (Substitute.SAME_MODEL, "b", [(KLING, "b")]),
        (Substitute.SAME_MODEL, "a", [(KLING, "a"), (VERTEX, "a")]),
        (Substitute.POLICY, "b", [(KLING, "b"), (KLING, "a"), (VERTEX, "a")]),
    ],
)
def test_how_far_routing_may_move(
    substitute: Substitute, model: str | None, expected: list[tuple[str, str]]
) -> None:
    offers = [
        an_offer(KLING, "a", prices=[a_price("720p", 10)]),
        an_offer(KLING, "b", prices=[a_price("720p", 20)]),
        an_offer(VERTEX, "a", prices=[a_price("720p", 30)]),
    ]
    planned = plan_of(a_request(model=model, substitute=substitute), a_snapshot(offers=offers))
    assert expected == [(item.provider, item.model) for item in planned.candidates]
    left_out = {item.code for item in planned.skipped}
    assert left_out <= {"not_substitutable"}
    assert 3 == len(planned.candidates) + len(planned.skipped)


def test_a_retired_model_with_same_model_moves_to_one_successor() -> None:
    planned = plan_of(a_request(model=SORA, seconds=4, substitute=Substitute.SAME_MODEL))
    assert ["kling-3.0"] == [item.model for item in planned.candidates]


def test_a_retired_model_with_never_names_its_successor() -> None:
    request = a_request(model=SORA, seconds=4, substitute=Substitute.NEVER)
    with pytest.raises(NoRoute, match=r"is retired; its successor is kling-3\.0 or veo") as none:
        plan_of(request)
    assert "model" == none.value.param


def test_the_teams_rule_holds_where_the_request_has_none() -> None:
    team = a_team(substitute=Substitute.NEVER)
    planned = plan_of(a_request(seconds=4), a_snapshot(teams=[team]))
    assert (Substitute.NEVER, 1) == (planned.substitute, len(planned.candidates))


def test_an_offer_above_the_callers_ceiling_does_not_say_how_long_the_video_is() -> None:
    offers = [
        an_offer(VERTEX, "best", seconds=(4, 6, 8), prices=[a_price("720p", 200_000)]),
        an_offer(KLING, "good", seconds=(5, 10), prices=[a_price("720p", 50_000)]),
    ]
    models = [a_model("best", quality=90), a_model("good", quality=80)]
    policy = a_policy(order=[("quality", True)])
    world = a_snapshot(offers=offers, models=models, policies=[policy])
    planned = plan_of(a_request(max_cost_micro_usd=300_000), world)
    assert [("good", 5)] == [(each.model, each.shape.seconds) for each in planned.candidates]
    with pytest.raises(NoRoute, match="above max_cost_usd"):
        plan_of(a_request(max_cost_micro_usd=200_000), world)


def test_offers_above_the_callers_ceiling_are_skipped() -> None:
    planned = plan_of(a_request(seconds=4, max_cost_micro_usd=336_000))
    assert ["kling-3.0"] == [item.model for item in planned.candidates]
    over = next(item for item in planned.skipped if item.model == "veo-3.1-fast")
    assert ("over_max_cost", 400_000) == (over.code, over.quote_micro_usd)
    with pytest.raises(NoRoute, match="above max_cost_usd"):
        plan_of(a_request(seconds=4, max_cost_micro_usd=1))


@pytest.mark.parametrize(
    ("request_", "error", "param", "words"),
    [
        (a_request(model="nope"), ModelNotFound, "model", "neither a model, an alias nor"),
        (a_request(policy="nope"), ModelNotFound, "policy", "does not exist; allowed: "),
        (a_request(model="cheapest", policy="balanced"), InvalidRequest, "policy", "only one"),
        (a_request(policy="secret"), Forbidden, "policy", "may not use the policy"),
        (a_request(model="secret"), Forbidden, "model", "may not use the policy"),
        (a_request(model="kling-3.0"), Forbidden, "model", "may not use the model"),
    ],
)
def test_what_a_team_may_not_name(
    request_: VideoJob, error: type[Exception], param: str, words: str
) -> None:
    team = a_team(use=a_use(policies=["balanced"], models=["veo-*"], default="cheapest"))
    policies = [a_policy(), a_policy("balanced"), a_policy("secret")]
    with pytest.raises(error, match=words) as refused:
        plan_of(request_, a_snapshot(teams=[team], policies=policies))
    assert param == getattr(refused.value, "param", None)


def test_a_team_routes_only_to_models_it_may_use() -> None:
    team = a_team(use=a_use(models=["veo-*"]))
    planned = plan_of(a_request(seconds=4), a_snapshot(teams=[team]))
    assert ["veo-3.1-fast"] == [item.model for item in planned.candidates]
    assert () == planned.skipped


def test_a_retired_model_may_be_named_where_its_successor_is_allowed() -> None:
    team = a_team(use=a_use(models=["kling-*"]))
    planned = plan_of(a_request(model=SORA, seconds=4), a_snapshot(teams=[team]))
    assert ["kling-3.0"] == [item.model for item in planned.candidates]


def test_each_offer_says_why_it_was_left_out() -> None:
    broken = an_account(is_configured=False)
    offers = [
        an_offer(KLING, "unpriced", prices=[]),
        an_offer(KLING, "half-priced", prices=[a_price("1080p", 1)]),
        an_offer(KLING, "loud", prices=[a_price("720p", 1, audio=False)], audio_default=True),
        an_offer(VERTEX, "unset"),
        an_offer(OPENAI, "homeless"),
        an_offer(KLING, "picture", first_frame=FrameSupport.REQUIRED),
        an_offer(KLING, "old", lifecycle=Lifecycle(retires_at_s=NOW_S)),
    ]
    providers = [
        a_provider(KLING),
        a_provider(VERTEX, accounts=[broken]),
        a_provider(OPENAI, accounts=[]),
    ]
    with pytest.raises(NoRoute, match="no offer can make this video") as refused:
        plan_of(a_request(seconds=4), a_snapshot(offers=offers, providers=providers))
    listing = refused.value.details["skipped"]
    assert isinstance(listing, list)
    assert {
        "unpriced": ("price_unknown", "no known price"),
        "half-priced": ("price_unknown", "no price for 720p without audio"),
        "loud": ("price_unknown", "no price for 720p with audio"),
        "unset": ("not_configured", "credentials of main are unset"),
        "homeless": ("not_configured", "no account is configured"),
        "picture": ("incapable", "input_reference is required: it animates a picture"),
        "old": ("retired", "retired; successors: none"),
    } == {item["model"]: (item["code"], item["detail"]) for item in listing}


def test_a_refusal_tells_each_reason_once_and_first_what_the_caller_can_change() -> None:
    offers = [
        an_offer(KLING, "old", lifecycle=Lifecycle(retires_at_s=NOW_S)),
        an_offer(KLING, "unpriced", prices=[]),
        an_offer(KLING, "unpriced", prices=[]),
        an_offer(KLING, "short", seconds=[4]),
        an_offer(VERTEX, "brief", seconds=[4]),
    ]
    with pytest.raises(NoRoute) as refused:
        plan_of(a_request(seconds=9), a_snapshot(offers=offers))
    assert refused.value.message == (
        "no offer can make this video: seconds 9 is not one of 4 (kling/short, vertex/brief); "
        "no known price (kling/unpriced); retired; successors: none (kling/old)"
    )


def test_a_refusal_for_the_cost_tells_what_it_would_cost() -> None:
    snapshot = a_snapshot(offers=[an_offer(KLING, "dear")])
    with pytest.raises(NoRoute, match=r"above max_cost_usd \(kling/dear at \$0\.\d{6}\)"):
        plan_of(a_request(seconds=4, max_cost_micro_usd=1), snapshot)


def test_a_provider_that_is_not_in_the_configuration_is_not_configured() -> None:
    snapshot = a_snapshot(providers=[a_provider(KLING)])
    skipped = skipped_of(plan_of(a_request(seconds=4), snapshot))
    assert "not_configured" == skipped["veo-3.1-fast"]


def test_without_any_offer_there_is_no_route() -> None:
    team = a_team(use=a_use(models=["nothing"]))
    with pytest.raises(NoRoute, match="the team may use none"):
        plan_of(a_request(), a_snapshot(teams=[team]))


def test_a_first_frame_and_a_long_prompt_are_part_of_the_fit() -> None:
    offers = [
        an_offer(KLING, "text", first_frame=FrameSupport.NONE),
        an_offer(KLING, "brief", prompt_chars_max=5),
        an_offer(KLING, "silent", audio=AudioSupport.NONE),
        an_offer(KLING, "all"),
    ]
    picture = InputFile(sha256="0" * 64, size_bytes=10, media_type="image/png")
    request = replace(a_request("six or more"), input_reference=picture, audio=True)
    assert ["all"] == models_of(request, a_snapshot(offers=offers))
