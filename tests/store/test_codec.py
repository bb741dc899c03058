"""A job survives its packing whole, and stays small."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.ids import ModelName
from proxy.domain.job import JobState, Work
from proxy.domain.plan import Skipped
from proxy.domain.source import Source, Verb, Way
from proxy.domain.video import Artifact, InputFile, Substitute, VideoJob
from proxy.store.codec import STATE_LETTERS, end_text, job_of, work_text
from proxy.store.packing import PACKING, pack, unpack
from tests.builders import VERTEX
from tests.job_builders import a_job, a_plan, an_attempt

if TYPE_CHECKING:
    from proxy.domain.job import Job

PACKED = {
    "1": (
        "MaWVQW4DIQxFr1KxJhUYzDBniVgYgtWqSZtW6aKKcvfaQ0eVRlU2ZYOMQB+bz/PenOjjpV9+yjlxeAeqxvppxhBzdjpGhBBH"
        "ZIhdZSBMcKDagbLvrroaJwqB0GPFnuOMbQJmBp+JY/PIgV1KTDGKkvMQIqYpz1TbobP+P+1JQn3hJ13WNGSudBQ4amnQDlzY"
        "ARSrUNBz/xzGBvHNSkFT7NVooxSgeTA3622SnAfXisi1py7XVI4seDLnt+Nzk7rv/2bPr0U/z9r16GRs3CTibAhpKa0u7+j1"
        "a5jQ+x3A+ooP7nHsWm6xddLiuk14V3F9zPuKY5cpIllK+QY="
    ),
    "2": (
        "Mq8L8qVi2r4qgeCwtHozpRW16Elccv/yGK9MFfPwZvpEpZjNDsIgDIDfpefOsAH7eZaFQ4dbNG46jR6M8d1tV10yD/NgLwQC"
        "6Q8F+lHDQJdDe31HoejsOaMGMC0qb11ZGhHt+cxpDwyDj/N5UVbUxG3bSZyE6pmbmUBpvoO4bahnvBTPPCpwoSIZSgUt6/4U"
        "QMt3xIxNAR8gXw2MhGkGT0wxZ4O1chZv465lMyWdJ8CD8dTvI0et/pEKyW2UfwMaAN2XIwatzae4yHBCx/uyrlRWMxudtXrC"
        "Fm/mmsbPTqxr1FkQWGUI4QU="
    ),
}
"""A job as each version packed it, before there were last frames, reference images and seeds."""
DICTIONARIES = {
    "1": "f2e9fb3e9e49ca553459ad63247ed82dba34ef2c732b9cf22159185e21cda227",
    "2": "4168898a313af33905fe6ae3b688b19ca8408f240c26f75f664bc423d3f779c2",
}

texts = st.text(max_size=60)
maybe = st.none() | texts
pictures = st.builds(InputFile, sha256=texts, size_bytes=st.integers(0, 2**40), media_type=texts)
handles = st.dictionaries(texts, texts | st.integers(0, 2**40), max_size=3)
sources = st.builds(
    Source,
    id=texts,
    verb=st.sampled_from(Verb),
    seconds=st.integers(1, 600),
    resolution=texts,
    aspect_ratio=texts,
    size_bytes=st.integers(0, 2**40),
    sha256=texts,
    model=texts,
    provider=texts,
    upstream=texts,
    account=texts,
    operation=handles,
)
requests = st.builds(
    VideoJob,
    prompt=texts,
    model=maybe,
    policy=maybe,
    seconds=st.none() | st.integers(1, 60),
    resolution=maybe,
    aspect_ratio=maybe,
    audio=st.none() | st.booleans(),
    input_reference=st.none() | pictures,
    last_frame=st.none() | pictures,
    reference_images=st.lists(pictures, max_size=3).map(tuple),
    negative_prompt=maybe,
    seed=st.none() | st.integers(0, 2**32 - 1),
    metadata=st.dictionaries(texts, texts, max_size=3),
    max_cost_micro_usd=st.none() | st.integers(0, 2**53 - 1),
    deadline_s=st.none() | st.integers(1, 10**6),
    substitute=st.none() | st.sampled_from(Substitute),
    source=st.none() | sources,
)
skips = st.builds(
    Skipped,
    provider=texts,
    model=texts,
    code=texts,
    detail=texts,
    quote_micro_usd=st.none() | st.integers(0, 10**9),
)


@given(
    requests,
    st.lists(skips, max_size=3),
    st.none() | st.sampled_from(Way),
    st.sampled_from([None, 0.5]),
    st.sampled_from(["", "4711"]),
    st.sampled_from(["", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"]),
)
def test_what_never_changes_comes_back_as_it_was(
    request: VideoJob,
    skipped: list[Skipped],
    way: Way | None,
    score: float | None,
    cost_center: str,
    trace: str,
) -> None:
    first, second = a_plan().candidates
    plan = replace(a_plan(replace(first, way=way, score=score), second), skipped=tuple(skipped))
    job = replace(a_job(request=request, plan=plan), cost_center=cost_center, trace=trace)
    assert (
        job.team,
        job.key,
        job.created_at_ms,
        job.deadline_at_ms,
        job.fingerprint,
        job.snapshot_digest,
        request,
        plan,
        cost_center,
        trace,
    ) == unpack(pack(job))


def test_a_job_of_read_only_metadata_comes_back_equal() -> None:
    request = VideoJob(prompt="x", metadata=MappingProxyType({"a": "b"}))
    *_, found, _, _, _ = unpack(pack(a_job(request=request)))
    assert request == found


def test_a_new_job_is_built_from_its_fields() -> None:
    job = a_job(attempts=(an_attempt(),))
    attempt = job.attempt
    fields = {
        "d": pack(job),
        "s": b"q",
        "f": b"0",
        "n": b"1",
        "a1": f"0|{attempt.reserved_micro_usd}|{attempt.reserved_at_ms}|T|x".encode(),
    }
    assert job == job_of(job.id, fields)


def test_every_state_has_its_letter() -> None:
    assert set(JobState) == set(STATE_LETTERS)
    assert len(JobState) == len(set(STATE_LETTERS.values()))


def test_work_without_content_takes_no_space() -> None:
    assert "" == work_text(Work())
    assert '{"c":0}' == work_text(Work(charge_micro_usd=0))


def test_a_plan_of_many_offers_is_packed_small() -> None:
    detail = "resolution 4k is not one of 720p, 1080p"
    skipped = tuple(
        Skipped(provider=VERTEX, model=ModelName(f"veo-{n}"), code="incapable", detail=detail)
        for n in range(15)
    )
    job = a_job(plan=replace(a_plan(), skipped=skipped))
    assert len(pack(job)) < 400


@pytest.mark.parametrize("version", PACKED)
def test_a_job_packed_by_an_earlier_version_is_still_read(version: str) -> None:
    packed = base64.b64decode(PACKED[version])
    assert version.encode() == packed[:1]
    team, key, created_ms, deadline_ms, fingerprint, digest, request, plan, *_ = unpack(packed)
    asked = VideoJob(
        prompt="a paper boat",
        model="kling",
        policy="balanced",
        seconds=5,
        resolution="720p",
        aspect_ratio="16:9",
        audio=True,
        input_reference=InputFile(sha256="a" * 64, size_bytes=3, media_type="image/png"),
        metadata={"shot": "12"},
        max_cost_micro_usd=1,
        deadline_s=60,
        substitute=Substitute.NEVER,
    )
    job = a_job(request=asked)
    assert (asked, job.plan, job.fingerprint) == (request, plan, fingerprint)
    assert (job.team, job.key, job.snapshot_digest) == (team, key, digest)
    assert (job.created_at_ms, job.deadline_at_ms) == (created_ms, deadline_ms)


@pytest.mark.parametrize("version", DICTIONARIES)
def test_a_dictionary_never_changes(version: str) -> None:
    words = (files("proxy.store") / f"packing-{version}.txt").read_bytes()
    assert DICTIONARIES[version] == hashlib.sha256(words).hexdigest()


def test_the_version_in_use_is_one_that_is_kept() -> None:
    assert PACKING.decode() in DICTIONARIES.keys() & PACKED.keys()


@pytest.mark.parametrize("media_type", ["video/mp4", "video/quicktime"])
def test_an_artifact_comes_back_as_it_was(media_type: str) -> None:
    artifact = Artifact(sha256="0f" * 32, size_bytes=7, media_type=media_type)
    ended = replace(a_job(), artifact=artifact, artifact_expires_at_ms=5)
    assert artifact == read_back(ended, end_text(ended)).artifact


def test_an_artifact_of_an_earlier_version_is_still_read() -> None:
    before = f'[null,null,["{"0f" * 32}",7,"video/mp4"],5]'
    artifact = Artifact(sha256="0f" * 32, size_bytes=7, media_type="video/mp4")
    found = read_back(a_job(), before)
    assert (artifact, 5) == (found.artifact, found.artifact_expires_at_ms)


def read_back(job: Job, end: str) -> Job:
    """A job that ended so, as it is read from its fields."""
    fields = {"d": pack(job), "s": b"c", "f": b"1", "n": b"1", "a1": b"0|1|2|", "e": end.encode()}
    return job_of(job.id, fields)
