"""Plans of remixes, edits and extensions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.errors import InvalidRequest, NoRoute
from proxy.domain.route import plan
from proxy.domain.source import Verb, Way
from proxy.domain.video import Substitute
from tests.builders import (
    KLING,
    NOW_S,
    OPENAI,
    VERTEX,
    a_policy,
    a_price,
    a_provider,
    a_snapshot,
    a_team,
    an_account,
    an_offer,
)
from tests.job_builders import a_candidate, a_job, a_plan, a_request, a_shape
from tests.source_builders import a_source, a_support, that_can

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.domain.plan import Plan
    from proxy.domain.policy import Offer, Snapshot
    from proxy.domain.source import Source

ORIGIN, BYTES, LINK = Way.ORIGIN, Way.BYTES, Way.LINK
REMIXES = that_can({Verb.REMIX: a_support(), Verb.EXTEND: a_support(adds=(4, 8))})
EDITS = that_can(
    {Verb.EDIT: a_support(LINK), Verb.REMIX: a_support(BYTES)},
    an_offer(VERTEX, "veo-3.1-fast", prices=[a_price("720p", 50_000)]),
)
PLAIN = an_offer(OPENAI, "sora-2")


def world(*offers: Offer, public_url: str | None = "https://video.example.com") -> Snapshot:
    return replace(a_snapshot(offers=offers or (REMIXES, EDITS, PLAIN)), public_url=public_url)


def planned(source: Source, snapshot: Snapshot | None = None, **fields: object) -> Plan:
    request = replace(a_request(), source=source, **fields)  # type: ignore[arg-type]
    return plan(request, a_team(), snapshot or world(), NOW_S)


def taken(made: Plan) -> list[tuple[str, str, Way | None]]:
    return [(item.provider, item.model, item.way) for item in made.candidates]


def test_a_remix_goes_where_it_can_the_model_of_the_source_first() -> None:
    made = planned(a_source())
    assert [(KLING, "kling-3.0", ORIGIN), (VERTEX, "veo-3.1-fast", BYTES)] == taken(made)
    assert "model of the source; price 0.400000" == made.candidates[0].reason
    assert {("openai", "incapable", "it cannot remix")} == {
        (skip.provider, skip.code, skip.detail) for skip in made.skipped
    }


def test_a_named_model_goes_first() -> None:
    made = planned(a_source(), model="veo-3.1-fast")
    assert [VERTEX, KLING] == [item.provider for item in made.candidates]
    assert "model as requested; price 0.200000" == made.candidates[0].reason
    assert [KLING, VERTEX] == [
        item.provider for item in planned(a_source(), model="cheapest").candidates
    ]


def test_it_has_the_form_of_its_source() -> None:
    job = a_job(plan=a_plan(a_candidate(shape=a_shape(seconds=9, resolution="1080p"))))
    (candidate, _) = planned(
        a_source(job=job),
        world(REMIXES, that_can({Verb.REMIX: a_support(BYTES)}, an_offer(VERTEX, "veo-3.1-fast"))),
    ).candidates
    assert (9, "1080p", "16:9") == (
        candidate.shape.seconds,
        candidate.shape.resolution,
        candidate.shape.aspect_ratio,
    )
    assert 900_000 == candidate.quote_micro_usd


@pytest.mark.parametrize(
    ("of_whole", "least", "micro_usd"),
    [(False, 0, 800_000), (True, 0, 1_200_000), (False, 1_000_000, 1_000_000)],
)
def test_an_extension_pays_for_what_its_row_counts(
    *, of_whole: bool, least: int, micro_usd: int
) -> None:
    rows = [replace(row, is_of_whole=of_whole, least_micro_usd=least) for row in REMIXES.prices]
    offer = replace(REMIXES, prices=tuple(rows))
    made = planned(a_source(Verb.EXTEND), world(offer), seconds=8)
    assert (8, micro_usd) == (
        made.candidates[0].shape.seconds,
        made.candidates[0].quote_micro_usd,
    )


def test_what_only_starts_from_videos_is_in_question_for_a_create_by_its_name_alone() -> None:
    only = replace(EDITS, can=replace(EDITS.can, creates=False))
    made = plan(a_request(), a_team(), world(REMIXES, only), NOW_S)
    assert ([KLING], ()) == ([item.provider for item in made.candidates], made.skipped)
    asked = a_request(model="veo-3.1-fast", substitute=Substitute.NEVER)
    with pytest.raises(NoRoute, match="none from a prompt alone: it can edit, remix"):
        plan(asked, a_team(), world(REMIXES, only), NOW_S)


def test_a_verb_without_a_price_is_never_free() -> None:
    offer = replace(REMIXES, prices=an_offer().prices)
    with pytest.raises(NoRoute) as refused:
        planned(a_source(), world(offer))
    assert "no price to remix for 720p without audio (kling/kling-3.0)" in refused.value.message


def test_nobody_left_names_who_could_and_why_not_now() -> None:
    with pytest.raises(NoRoute) as refused:
        planned(a_source(Verb.EDIT), world(public_url=None))
    assert refused.value.message == (
        "no offer can edit this video:"
        " it cannot edit (kling/kling-3.0, openai/sora-2);"
        " it fetches the video from here, which needs public_url (vertex/veo-3.1-fast)"
    )
    assert [{"provider": VERTEX, "model": "veo-3.1-fast", "how": ["link"]}] == (
        refused.value.details["could"]
    )
    skipped = refused.value.details["skipped"]
    assert isinstance(skipped, list)
    assert 3 == len(skipped)


def test_the_account_that_made_it_must_still_be_there() -> None:
    gone = a_provider(KLING, accounts=[an_account("other"), an_account(is_configured=False)])
    snapshot = world(REMIXES)
    snapshot = replace(snapshot, providers={**snapshot.providers, KLING: gone})
    with pytest.raises(NoRoute, match="the account main, which made the video"):
        planned(a_source(), snapshot)


def test_a_maker_that_left_the_configuration_is_no_origin() -> None:
    snapshot = world(EDITS)
    assert [BYTES] == [item.way for item in planned(a_source(), snapshot).candidates]


@pytest.mark.parametrize(
    ("require", "message"),
    [
        ({"require_resolution": "4k"}, "the video's resolution '720p' conflicts with policy"),
        ({"require_aspect_ratio": "1:1"}, "the video's aspect_ratio '16:9' conflicts"),
    ],
)
def test_a_policy_that_wants_another_form_is_in_conflict(
    require: Mapping[str, str], message: str
) -> None:
    policy = a_policy("cheapest", **require)  # type: ignore[arg-type]
    snapshot = replace(world(), policies={policy.name: policy})
    with pytest.raises(InvalidRequest, match=message) as refused:
        planned(a_source(), snapshot)
    assert ("policy", True) == (refused.value.param, "name another" in refused.value.message)


def test_a_policy_s_length_is_about_creates() -> None:
    policy = a_policy("cheapest", require_seconds=12, require_audio=True)
    snapshot = replace(world(), policies={policy.name: policy})
    assert [4, 4] == [item.shape.seconds for item in planned(a_source(), snapshot).candidates]
    with pytest.raises(InvalidRequest) as refused:
        planned(a_source(), snapshot, audio=False)
    assert "audio" == refused.value.param


@pytest.mark.parametrize(
    ("substitute", "providers"),
    [
        (Substitute.NEVER, [KLING]),
        (Substitute.SAME_MODEL, [KLING]),
        (Substitute.POLICY, [KLING, VERTEX]),
    ],
)
def test_substitutes_are_held_to_what_was_said(
    substitute: Substitute, providers: Sequence[str]
) -> None:
    made = planned(a_source(), substitute=substitute)
    assert providers == [item.provider for item in made.candidates]
