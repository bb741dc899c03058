"""What holds for every plan, whatever the catalog and the request."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.errors import NoRoute
from proxy.domain.ids import ModelName, ProviderName
from proxy.domain.policy import AudioSupport, FrameSupport, Lifecycle
from proxy.domain.route import plan
from proxy.domain.video import Substitute
from tests.builders import (
    NOW_S,
    RETIRED_S,
    a_model,
    a_policy,
    a_price,
    a_snapshot,
    a_team,
    an_offer,
)
from tests.job_builders import a_request

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from proxy.domain.plan import Candidate, Plan
    from proxy.domain.policy import Offer
    from proxy.domain.routing import RoutingPolicy
    from proxy.domain.video import VideoJob

MODELS = ("a", "b", "c")
LENGTHS = ((4,), (5, 10), (4, 6, 8), (3,))

lifecycles = st.sampled_from(
    [
        Lifecycle(),
        Lifecycle(),
        Lifecycle(retires_at_s=RETIRED_S, successors=(ModelName("b"), ModelName("c"))),
        Lifecycle(retires_not_before_s=NOW_S - 1),
    ]
)
prices = st.lists(
    st.builds(
        a_price,
        st.sampled_from(["720p", "1080p"]),
        st.integers(0, 500_000),
        audio=st.sampled_from([None, True, False]),
    ),
    max_size=3,
)
offers = st.lists(
    st.builds(
        an_offer,
        st.sampled_from([ProviderName("x"), ProviderName("y"), ProviderName("z")]),
        st.sampled_from(MODELS),
        seconds=st.sampled_from(LENGTHS),
        resolutions=st.sampled_from([("720p",), ("720p", "1080p")]),
        audio=st.sampled_from(AudioSupport),
        first_frame=st.sampled_from(FrameSupport),
        audio_default=st.booleans(),
        prices=prices,
        lifecycle=lifecycles,
        typical_render_s=st.sampled_from([None, 30.0, 90.0]),
    ),
    max_size=7,
    unique_by=lambda offer: offer.id,
)
requests = st.builds(
    a_request,
    model=st.sampled_from([None, None, *MODELS]),
    seconds=st.sampled_from([None, 4, 5, 8]),
    resolution=st.sampled_from([None, "720p", "1080p"]),
    max_cost_micro_usd=st.sampled_from([None, None, 400_000, 2_000_000]),
    substitute=st.sampled_from([None, *Substitute]),
)
policies = st.sampled_from(
    [
        a_policy(),
        a_policy(order=[("latency", False)]),
        a_policy(weigh={"price": 0.5, "latency": 0.5}),
        a_policy(require_resolution="720p", order=[]),
    ]
)


def planned(request: VideoJob, catalog: list[Offer], policy: RoutingPolicy) -> Plan | NoRoute:
    policy = replace(policy, require_resolution=None) if request.resolution else policy
    models = [a_model(name) for name in MODELS]
    snapshot = a_snapshot(offers=catalog, policies=[policy], models=models)
    try:
        return plan(request, a_team(), snapshot, NOW_S)
    except NoRoute as refusal:
        return refusal


def listed(result: Plan | NoRoute) -> Sequence[tuple[str, str]]:
    """Every (provider, model) a result speaks of, candidates first."""
    if isinstance(result, NoRoute):
        skipped = result.details["skipped"]
        assert isinstance(skipped, list)
        return [(item["provider"], item["model"]) for item in skipped]
    candidates = [(item.provider, item.model) for item in result.candidates]
    return candidates + [(item.provider, item.model) for item in result.skipped]


@given(requests, offers, policies)
def test_every_offer_is_a_candidate_or_skipped_with_a_reason(
    request: VideoJob, catalog: list[Offer], policy: RoutingPolicy
) -> None:
    result = planned(request, catalog, policy)
    in_question = sorted((offer.provider, offer.model) for offer in catalog)
    assert in_question == sorted(listed(result))


@given(requests, offers, policies, st.randoms())
def test_a_plan_does_not_depend_on_the_order_of_the_catalog(
    request: VideoJob, catalog: list[Offer], policy: RoutingPolicy, random: Random
) -> None:
    shuffled = catalog[:]
    random.shuffle(shuffled)
    first, again = planned(request, catalog, policy), planned(request, shuffled, policy)
    assert isinstance(first, NoRoute) == isinstance(again, NoRoute)
    if not isinstance(first, NoRoute) and not isinstance(again, NoRoute):
        assert first.candidates == again.candidates
        assert first == planned(request, catalog, policy)


def is_sound(candidate: Candidate, request: VideoJob, offer: Offer) -> bool:
    shape = candidate.shape
    price = next(row for row in offer.prices if row.id == candidate.price_id and row.fits(shape))
    return (
        shape.seconds in offer.can.seconds
        and shape.resolution in offer.can.resolutions
        and request.seconds in (None, shape.seconds)
        and request.resolution in (None, shape.resolution)
        and not offer.lifecycle.is_retired(NOW_S)
        and candidate.quote_micro_usd == price.per_second_micro_usd * shape.seconds
    )


@given(requests, offers, policies)
def test_candidates_can_make_exactly_what_was_asked_at_their_quote(
    request: VideoJob, catalog: list[Offer], policy: RoutingPolicy
) -> None:
    result = planned(request, catalog, policy)
    if isinstance(result, NoRoute):
        return
    by_id = {offer.id: offer for offer in catalog}
    for candidate in result.candidates:
        assert is_sound(candidate, request, by_id[candidate.offer_id])
        if request.max_cost_micro_usd is not None:
            assert candidate.quote_micro_usd <= request.max_cost_micro_usd
    assert 1 == len({candidate.shape.seconds for candidate in result.candidates})


@given(requests, offers, policies)
def test_never_means_one_candidate_and_same_model_one_model(
    request: VideoJob, catalog: list[Offer], policy: RoutingPolicy
) -> None:
    result = planned(request, catalog, policy)
    if isinstance(result, NoRoute):
        return
    models = {candidate.model for candidate in result.candidates}
    if result.substitute is Substitute.NEVER:
        assert 1 == len(result.candidates)
        assert request.model is None or models == {request.model}
    if result.substitute is Substitute.SAME_MODEL:
        assert 1 == len(models)
