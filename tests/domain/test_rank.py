"""Offers are ranked by `order` or `weigh`, the named model first, ties by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.conditions import Conditions
from proxy.domain.ids import ModelName, ProviderName
from proxy.domain.price import Quote
from proxy.domain.rank import Ranked, View, rank
from proxy.domain.routing import Failover, OfferMatch
from tests.builders import a_model, a_policy, an_offer
from tests.job_builders import a_shape

if TYPE_CHECKING:
    from random import Random

    from proxy.domain.routing import RoutingPolicy

MODELS = {
    model.name: model
    for model in (
        a_model("sharp", quality=90, physics=50),
        a_model("cheap", quality=60, physics=70),
        a_model("quick", quality=60, physics=70),
    )
}


def an_item(
    model: str,
    micro_usd: int,
    *,
    typical_render_s: float | None = 100.0,
    provider: str = "kling",
) -> Ranked:
    offer = an_offer(ProviderName(provider), model, typical_render_s=typical_render_s)
    return Ranked(offer=offer, shape=a_shape(), quote=Quote(micro_usd=micro_usd, price_id="p"))


ITEMS = [
    an_item("sharp", 900_000),
    an_item("cheap", 300_000, typical_render_s=None),
    an_item("quick", 400_000, typical_render_s=40.0),
]


def a_view(policy: RoutingPolicy, *preferred: str, conditions: Conditions | None = None) -> View:
    return View(
        policy=policy,
        models=MODELS,
        preferred=[ModelName(name) for name in preferred],
        conditions=conditions or Conditions(),
    )


def models_of(policy: RoutingPolicy, *preferred: str, items: list[Ranked] = ITEMS) -> list[str]:
    return [item.offer.model for item in rank(items, a_view(policy, *preferred))]


def reasons_of(policy: RoutingPolicy, *preferred: str) -> list[str]:
    return [item.reason for item in rank(ITEMS, a_view(policy, *preferred))]


def test_order_sorts_by_its_keys_in_turn() -> None:
    assert ["cheap", "quick", "sharp"] == models_of(a_policy(order=[("price", False)]))
    assert ["sharp", "cheap", "quick"] == models_of(
        a_policy(order=[("quality", True), ("price", False)])
    )
    assert ["quick", "cheap", "sharp"] == models_of(
        a_policy(order=[("physics", True), ("latency", False)])
    )


def test_an_unknown_latency_comes_last_and_an_unknown_score_counts_zero() -> None:
    assert ["quick", "sharp", "cheap"] == models_of(a_policy(order=[("latency", False)]))
    assert ["cheap", "quick", "sharp"] == models_of(a_policy(order=[("unheard_of", True)]))
    stranger = an_item("stranger", 100_000)
    assert (
        "stranger" == models_of(a_policy(order=[("quality", True)]), items=[*ITEMS, stranger])[-1]
    )


def test_order_says_its_keys() -> None:
    policy = a_policy(order=[("quality", True), ("price", False), ("latency", False)])
    assert [
        "quality 90, price 0.900000, latency 100.0",
        "quality 60, price 0.300000, latency unknown",
        "quality 60, price 0.400000, latency 40.0",
    ] == reasons_of(policy)


def test_weights_balance_quality_price_and_latency() -> None:
    balanced = a_policy(weigh={"quality": 0.5, "price": 0.3, "latency": 0.2})
    assert ["quick", "cheap", "sharp"] == models_of(balanced)
    assert [
        "quality 0.300 + price 0.225 + latency 0.200",
        "quality 0.300 + price 0.300 + latency 0.100",
        "quality 0.450 + price 0.100 + latency 0.080",
    ] == reasons_of(balanced)
    assert [0.725, 0.7, 0.63] == [item.score for item in rank(ITEMS, a_view(balanced))]
    assert ["sharp", "cheap", "quick"] == models_of(a_policy(weigh={"quality": 1.0}))


def test_equal_scores_go_to_the_cheaper_then_to_the_name() -> None:
    by_quality = a_policy(weigh={"quality": 1.0})
    twins = [an_item("quick", 5, provider="b"), an_item("quick", 5, provider="a")]
    ranked = rank([*twins, an_item("cheap", 9)], a_view(by_quality))
    assert ["a", "b", "kling"] == [item.offer.provider for item in ranked]


def test_free_offers_do_not_divide_by_zero() -> None:
    free = [an_item("cheap", 0), an_item("quick", 10)]
    assert ["cheap", "quick"] == models_of(a_policy(weigh={"price": 1.0}), items=free)


def test_an_offer_that_renders_in_no_time_does_not_divide_by_zero() -> None:
    instant = {an_item("quick", 10).offer.id: 0.0}
    view = a_view(a_policy(weigh={"latency": 1.0}), conditions=Conditions(latency_s=instant))
    ranked = rank([an_item("sharp", 10), an_item("quick", 10)], view)
    assert [("quick", 1.0), ("sharp", 0.0)] == [(item.offer.model, item.score) for item in ranked]


def test_without_any_known_latency_nobody_is_fastest() -> None:
    unknown = [an_item(name, 10, typical_render_s=None) for name in ("quick", "cheap")]
    assert ["cheap", "quick"] == models_of(a_policy(weigh={"latency": 1.0}), items=unknown)


def test_nothing_ranks_to_nothing() -> None:
    assert [] == models_of(a_policy(weigh={"price": 1.0}), items=[])
    assert [] == models_of(a_policy(), items=[])


def test_the_named_model_and_its_successors_come_first() -> None:
    by_price = a_policy(order=[("price", False)])
    assert ["sharp", "quick", "cheap"] == models_of(by_price, "sharp", "quick")
    assert [
        "model as requested; price 0.900000",
        "successor of sharp; price 0.400000",
        "price 0.300000",
    ] == reasons_of(by_price, "sharp", "quick")
    assert ["model as requested"] == reasons_of(a_policy(order=[]), "cheap")[:1]
    assert "sharp" == models_of(a_policy(weigh={"price": 1.0}), "sharp")[0]


def test_what_was_measured_counts_before_what_the_catalog_says() -> None:
    measured = Conditions(
        latency_s={ITEMS[0].offer.id: 20.0, ITEMS[1].offer.id: 30.0},
        success={ITEMS[0].offer.id: 0.5, ITEMS[1].offer.id: 1.0},
    )

    def ranked(policy: RoutingPolicy) -> list[tuple[str, str]]:
        items = rank(ITEMS, a_view(policy, conditions=measured))
        return [(item.offer.model, item.reason) for item in items]

    assert [
        ("sharp", "latency 20.0"),
        ("cheap", "latency 30.0"),
        ("quick", "latency 40.0"),
    ] == ranked(a_policy(order=[("latency", False)]))
    assert [
        ("cheap", "success 100"),
        ("quick", "success 90"),
        ("sharp", "success 50"),
    ] == ranked(a_policy(order=[("success", True)]))
    assert [
        ("cheap", "latency 0.400 + success 0.400"),
        ("sharp", "latency 0.600 + success 0.200"),
        ("quick", "latency 0.300 + success 0.360"),
    ] == ranked(a_policy(weigh={"latency": 0.6, "success": 0.4}))


def test_what_a_policy_prefers_comes_first_in_the_order_of_its_terms() -> None:
    by_price = a_policy(
        order=[("price", False)],
        prefer=[OfferMatch(model="sha*"), OfferMatch(provider="kling", model="quick")],
    )
    assert ["sharp", "quick", "cheap"] == models_of(by_price)
    assert ["preferred; price 0.900000", "preferred; price 0.400000", "price 0.300000"] == (
        reasons_of(by_price)
    )
    named = reasons_of(by_price, "sharp")
    assert "model as requested; preferred; price 0.900000" == named[0]
    assert ["cheap", "sharp", "quick"] == models_of(by_price, "cheap")


def test_a_model_s_other_offers_follow_its_first_unless_the_policy_says_otherwise() -> None:
    items = [
        an_item("quick", 100),
        an_item("cheap", 200),
        an_item("quick", 300, provider="runway"),
    ]

    def ranked(failover: Failover) -> list[tuple[str, str]]:
        policy = a_policy(order=[("price", False)], failover=failover)
        return [(i.offer.model, i.offer.provider) for i in rank(items, a_view(policy))]

    by_model = [("quick", "kling"), ("quick", "runway"), ("cheap", "kling")]
    assert by_model == ranked(Failover.SAME_MODEL)
    by_rank = [("quick", "kling"), ("cheap", "kling"), ("quick", "runway")]
    assert by_rank == ranked(Failover.RANKED) == ranked(Failover.NONE)
    told = [item.reason for item in rank(items, a_view(a_policy(order=[("price", False)])))]
    assert [
        "price 0.000100",
        "price 0.000300; moved up: the same model elsewhere",
        "price 0.000200",
    ] == told


items = st.lists(
    st.builds(
        an_item,
        st.sampled_from(sorted(MODELS)),
        st.integers(0, 5),
        typical_render_s=st.sampled_from([None, 40.0, 100.0]),
        provider=st.sampled_from(["a", "b", "c"]),
    ),
    max_size=8,
    unique_by=lambda item: item.offer.id,
)
policies = st.one_of(
    st.lists(
        st.tuples(st.sampled_from(["price", "latency", "quality", "physics"]), st.booleans()),
        max_size=3,
    ).map(lambda order: a_policy(order=order)),
    st.dictionaries(
        st.sampled_from(["price", "latency", "quality", "physics"]),
        st.floats(0.1, 1),
        min_size=1,
    ).map(lambda weigh: a_policy(weigh=weigh)),
)


@given(items, policies, st.lists(st.sampled_from(sorted(MODELS)), max_size=2), st.randoms())
def test_the_order_of_the_catalog_never_matters(
    offered: list[Ranked], policy: RoutingPolicy, preferred: list[ModelName], random: Random
) -> None:
    shuffled = offered[:]
    random.shuffle(shuffled)
    view = a_view(policy, *preferred)
    assert rank(offered, view) == rank(shuffled, view)
