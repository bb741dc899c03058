from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.domain.source import Verb, Way
from proxy.domain.video import VideoJob
from tests.job_builders import a_candidate, a_job, a_plan, a_request, a_shape
from tests.source_builders import a_source


def test_a_source_knows_which_offer_made_it() -> None:
    assert "kling/kling-3.0-upstream" == a_source().offer_id


@pytest.mark.parametrize(("verb", "before"), [(Verb.REMIX, 0), (Verb.EDIT, 0), (Verb.EXTEND, 9)])
def test_an_extension_begins_with_its_source(verb: Verb, before: int) -> None:
    source = a_source(verb, seconds=9)
    assert before == source.seconds_before
    job = replace(a_job(), request=replace(a_request(), source=source))
    assert 4 + before == job.seconds
    assert 4 + before == replace(job, attempts=()).seconds
    assert 4 == a_job().seconds


def test_a_request_says_what_is_done() -> None:
    assert Verb.CREATE is VideoJob(prompt="x").verb
    assert Verb.EDIT is VideoJob(prompt="x", source=a_source(Verb.EDIT)).verb


@pytest.mark.parametrize(
    ("way", "pinned"), [(Way.ORIGIN, "second"), (Way.BYTES, None), (Way.LINK, None)]
)
def test_only_its_maker_knows_a_video_by_name(way: Way, pinned: str | None) -> None:
    request = replace(a_request(), source=a_source(account="second"))
    candidate = replace(a_candidate(shape=a_shape()), way=way)
    assert pinned == a_job(request=request, plan=a_plan(candidate)).pinned_account
    assert a_job().pinned_account is None
