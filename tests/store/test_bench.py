"""The benchmark measures what it says, and a finished job stays within its bytes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from bench.sample import PROMPT_CHARS, Sampler
from bench.size import measure_size
from bench.speed import REFERENCE, measure_speed
from proxy.gateway.ports.notices import Addressee
from tests.store.test_announcing import Herald

if TYPE_CHECKING:
    from proxy.store.address import Address

BYTES_MAX = 2048


def test_the_yardstick_never_changes() -> None:
    digest = "73d015597cf2216617ec201a6c77a9541ffe0fc5df4dce03bd02e4e0721da781"
    assert digest == hashlib.sha256(REFERENCE.read_bytes()).hexdigest()


def test_the_sample_is_like_real_jobs() -> None:
    command = Sampler().command(0)
    plan = command.job.plan
    assert (4, 15, PROMPT_CHARS) == (
        len(plan.candidates),
        len(plan.skipped),
        len(command.job.request.prompt),
    )


async def test_a_finished_job_is_within_its_bytes(redis_address: Address) -> None:
    size = await measure_size(redis_address, jobs=500)
    assert 500 == size.jobs
    assert 500 < size.bytes_per_job <= BYTES_MAX


async def test_a_finished_job_that_was_told_is_within_its_bytes(redis_address: Address) -> None:
    url = Addressee(receiver="0123456789abcdef", url="https://hooks.example/videos/done")
    size = await measure_size(redis_address, jobs=300, announcer=Herald((url,)))
    assert 500 < size.bytes_per_fetched_job <= BYTES_MAX


def test_admission_is_measured_beside_the_reference(redis_address: Address) -> None:
    speed = measure_speed(redis_address, rounds=1, count=200)
    assert 0 < speed.ratio < 1
