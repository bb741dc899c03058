"""Pictures of a create: judged before they are taken in, kept by content, sent to the provider."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.errors import (
    BudgetExceeded,
    ImageUnavailable,
    ImageUrlRefused,
    NoRoute,
    PayloadTooLarge,
    StoreUnavailable,
)
from proxy.domain.events import Refused
from proxy.domain.video import InputFile
from proxy.gateway.names import input_name, shared_input_name
from proxy.gateway.pictures import FETCHES_AT_ONCE
from proxy.gateway.ports.artifacts import PictureRefused, PictureUnavailable
from proxy.store.address import Address
from proxy.store.admission import RedisAdmission
from proxy.store.client import Client
from tests.builders import MARKETING, a_budget, a_team, an_offer
from tests.gateway.harness import a_video, fast_snapshot, wait_until
from tests.job_builders import a_job_id, fingerprint_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from proxy.domain.video import OrderInput
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

NO_MONEY = fast_snapshot(teams=[a_team(budgets=[a_budget(limit_micro_usd=1)])])
URL = "https://pictures.example/secret-name.png?token=secret"
UNSEEN = InputFile(sha256="0" * 64, size_bytes=0, media_type="")


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def saved(
    stage: Stage, *parts: bytes, param: str = "input_reference", number: int = 1
) -> InputFile:
    """Keep a picture of the number-th job, which is not created yet."""
    return await stage.videos.save_input(
        stage.caller(), chunks(*parts), "image/png", param=param, job_id=a_job_id(number)
    )


def kept(stage: Stage) -> list[str]:
    """Names of all pictures that are kept."""
    folder = stage.folder / "inputs"
    return sorted(
        path.relative_to(stage.folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def name_of(file: InputFile, number: int = 1) -> str:
    return input_name(MARKETING, a_job_id(number), file.sha256)


async def read(picture: OrderInput | None) -> bytes:
    assert picture is not None
    return b"".join([part async for part in picture.open()])


def codes(stage: Stage) -> list[str]:
    return [event.code for event in stage.observer.of(Refused)]


async def test_an_input_is_kept_once_for_its_job_and_reaches_the_provider(stage: Stage) -> None:
    first = await saved(stage, b"a ", b"picture")
    assert first == await saved(stage, b"a picture")
    assert [name_of(first)] == kept(stage)
    assert (stage.folder / name_of(first)).read_bytes() == b"a picture"
    await stage.made(replace(a_video(), input_reference=first), job_id=a_job_id(1))
    (order,) = stage.kling.orders
    assert order.first_frame is not None
    assert ("image/png", 9) == (order.first_frame.media_type, order.first_frame.size_bytes)
    for _ in range(2):
        assert b"a picture" == await read(order.first_frame)
    assert [name_of(first)] == kept(stage)


async def test_an_input_of_an_earlier_version_reaches_the_provider(stage: Stage) -> None:
    """One file was shared by all jobs of all teams."""
    digest = hashlib.sha256(b"a picture").hexdigest()
    (stage.folder / "inputs").mkdir(parents=True)
    (stage.folder / shared_input_name(digest)).write_bytes(b"a picture")
    file = InputFile(sha256=digest, size_bytes=9, media_type="image/png")
    await stage.made(replace(a_video(), input_reference=file))
    (order,) = stage.kling.orders
    assert b"a picture" == await read(order.first_frame)
    (stage.folder / shared_input_name(digest)).unlink()
    with pytest.raises(FileNotFoundError):
        await read(order.first_frame)


async def test_a_create_that_is_refused_leaves_no_picture(new_stage: StageMaker) -> None:
    stage = new_stage(
        snapshot=fast_snapshot(teams=[a_team(budgets=[a_budget(limit_micro_usd=1)])])
    )
    file = await saved(stage, b"a picture")
    with pytest.raises(BudgetExceeded):
        await stage.create(replace(a_video(), input_reference=file), job_id=a_job_id(1))
    assert [] == kept(stage)


async def test_a_replay_leaves_the_pictures_of_the_first_alone(stage: Stage) -> None:
    files = [await saved(stage, b"a picture", number=number) for number in (1, 2)]
    for number, file in enumerate(files, 1):
        view = await stage.create(
            replace(a_video(), input_reference=file), job_id=a_job_id(number), idempotency_key="k"
        )
        assert a_job_id(1) == view.job.id
    assert [name_of(files[0])] == kept(stage)


async def test_what_cannot_be_removed_after_a_refusal_refuses_all_the_same(
    new_stage: StageMaker,
) -> None:
    stage = new_stage(
        snapshot=fast_snapshot(teams=[a_team(budgets=[a_budget(limit_micro_usd=1)])])
    )
    file = await saved(stage, b"a picture")
    shutil.rmtree(stage.folder / "inputs" / "marketing")
    (stage.folder / "inputs" / "marketing").write_text("in the way")
    with pytest.raises(BudgetExceeded):
        await stage.create(replace(a_video(), input_reference=file), job_id=a_job_id(1))


async def test_every_input_reaches_the_provider(new_stage: StageMaker) -> None:
    offer = an_offer()
    can = replace(
        offer.can,
        last_frame=offer.can.resolutions,
        reference_images=2,
        reference_images_with_frames=True,
        negative_prompt=True,
        seed=True,
    )
    stage = new_stage(snapshot=fast_snapshot(offers=[replace(offer, can=can)]))
    files = [await saved(stage, name.encode()) for name in ("first", "last", "one", "two")]
    await stage.made(
        replace(
            a_video(),
            input_reference=files[0],
            last_frame=files[1],
            reference_images=tuple(files[2:]),
            negative_prompt="rain",
            seed=0,
        ),
        job_id=a_job_id(1),
    )
    (order,) = stage.kling.orders
    assert [b"first", b"last", b"one", b"two"] == [await read(file) for file in order.pictures]
    assert ("rain", 0) == (order.negative_prompt, order.seed)


async def test_what_no_offer_takes_is_refused_before_anything_is_kept(stage: Stage) -> None:
    with pytest.raises(NoRoute, match="last_frame is not possible") as refused:
        await stage.videos.check(
            stage.caller(), replace(a_video(), input_reference=UNSEEN, last_frame=UNSEEN)
        )
    assert refused.value.details["skipped"]
    assert ["no_route"] == codes(stage)
    await stage.videos.check(stage.caller(), replace(a_video(), input_reference=UNSEEN))


async def test_an_input_that_cannot_be_kept_is_refused(stage: Stage) -> None:
    with pytest.raises(PayloadTooLarge) as refused:
        await saved(stage, b"x" * 1025, param="last_frame")
    assert "last_frame" == refused.value.param
    (stage.folder / "inputs").write_text("in the way")
    with pytest.raises(StoreUnavailable):
        await saved(stage, b"x")
    assert ["payload_too_large", "store_unavailable"] == codes(stage)


async def test_a_picture_at_a_url_is_kept_under_its_hash(stage: Stage) -> None:
    stage.shelf.found[URL] = b"a picture"
    found = await stage.videos.fetch_input(
        stage.caller(), URL, param="last_frame", job_id=a_job_id(1)
    )
    assert (hashlib.sha256(b"a picture").hexdigest(), 9) == (found.sha256, found.size_bytes)
    assert found == await saved(stage, b"a picture")
    assert [] == codes(stage)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (PictureRefused("its host is not a public one"), ImageUrlRefused),
        (PictureUnavailable("its server answered HTTP 404"), ImageUnavailable),
    ],
)
async def test_a_picture_that_does_not_come_names_its_field_and_not_its_url(
    stage: Stage, fault: Exception, error: type[ImageUrlRefused | ImageUnavailable]
) -> None:
    stage.shelf.found[URL] = fault
    with pytest.raises(error, match=str(fault)) as refused:
        await stage.videos.fetch_input(
            stage.caller(), URL, param="reference_images[1]", job_id=a_job_id(1)
        )
    assert "reference_images[1]" == refused.value.param
    assert "secret" not in refused.value.message
    assert [error.code] == codes(stage)


async def test_a_fetched_picture_that_cannot_be_kept_is_an_outage(stage: Stage) -> None:
    stage.shelf.found[URL] = b"a picture"
    (stage.folder / "inputs").write_text("in the way")
    with pytest.raises(StoreUnavailable):
        await stage.videos.fetch_input(stage.caller(), URL, param="last_frame", job_id=a_job_id(1))


async def test_a_team_has_a_bounded_number_of_fetches_under_way(stage: Stage) -> None:
    stage.shelf.found[URL] = b"a picture"
    stage.shelf.gate = asyncio.Event()
    videos, caller = stage.videos, stage.caller()

    async def fetched() -> InputFile:
        return await videos.fetch_input(caller, URL, param="last_frame", job_id=a_job_id(1))

    async def all_asked() -> bool:
        return len(stage.shelf.asked) == FETCHES_AT_ONCE

    async with asyncio.TaskGroup() as group:
        fetches = [group.create_task(fetched()) for _ in range(FETCHES_AT_ONCE)]
        await wait_until(all_asked, "every fetch to be under way")
        with pytest.raises(ImageUnavailable, match="being fetched already"):
            await fetched()
        stage.shelf.gate.set()
    assert 1 == len({fetch.result().sha256 for fetch in fetches})
    assert 9 == (await fetched()).size_bytes


async def early(stage: Stage, *, sdk_try: int = 0, key: str | None = None) -> StoreUnavailable:
    """What is answered to a create of `a_video` whose picture could not be stored."""
    return await stage.videos.refused_early(
        stage.caller(),
        StoreUnavailable("the artifact store does not answer", retry_after_s=5),
        fingerprint=fingerprint_of(a_video()),
        idempotency_key=key,
        sdk_try=sdk_try,
    )


async def test_a_retry_of_a_create_that_was_refused_early_is_a_new_one(stage: Stage) -> None:
    """An equal create that was accepted meanwhile is not what it is answered with."""
    other = (await stage.create()).job
    refusal = await early(stage)
    assert (5, True) == (refusal.retry_after_s, refusal.should_retry)
    again = await stage.create(sdk_try=1)
    assert (False, True) == (again.is_replay, again.job.id != other.id)
    assert other.id == (await stage.create(sdk_try=1)).job.id


async def test_a_retry_that_is_refused_early_twice_is_a_new_one(stage: Stage) -> None:
    await stage.create()
    await early(stage)
    await early(stage, sdk_try=1)
    assert not (await stage.create(sdk_try=2)).is_replay


async def test_a_try_refused_early_after_an_answer_was_lost_finds_that_answer(
    stage: Stage,
) -> None:
    """The first try was accepted: the next one must not buy another video."""
    lost = (await stage.create()).job
    assert (await early(stage, sdk_try=1)).should_retry
    again = await stage.create(sdk_try=2)
    assert (True, lost.id) == (again.is_replay, again.job.id)


async def test_a_key_needs_no_trace_of_a_refusal(stage: Stage) -> None:
    assert (await early(stage, key="k")).should_retry
    assert [] == await stage.client.read(("KEYS", "gl:*:try:*"))


async def test_what_left_no_trace_is_not_to_be_sent_again(stage: Stage, tmp_path: Path) -> None:
    nowhere = Client(Address(path=str(tmp_path / "no.sock")))
    stage.runtime = replace(stage.runtime, admission=RedisAdmission(nowhere, stage.keys))
    refusal = await early(stage)
    assert (5, False) == (refusal.retry_after_s, refusal.should_retry)
    await nowhere.close()


async def test_a_job_gets_the_id_that_its_pictures_were_kept_for(stage: Stage) -> None:
    number, other = stage.videos.new_id(), stage.videos.new_id()
    assert number != other
    assert number == (await stage.create(job_id=number)).job.id
