"""Remixes, edits and extensions through the whole product: the client, the vendors, the money."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import openai
import pytest

from tests.system.deployment import wait_until
from tests.system.money import check_money
from tests.system.workshop import SORA, Workshop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from openai.types import Video

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    made = Workshop(folder=tmp_path_factory.mktemp("workshop"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
async def client(workshop: Workshop) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=workshop.base_url, api_key=workshop.api_key) as made:
        yield made


def source_of(video: Video) -> dict[str, Any]:
    assert video.model_extra is not None
    source: dict[str, Any] = video.model_extra["greenlight"]["source"]
    return source


async def nothing_kept(workshop: Workshop) -> None:
    """Wait until no job's copy of its source is left: it goes a moment after the job has ended."""

    async def gone() -> bool:
        return not workshop.artifacts("sources/*/*")

    await wait_until(gone, "the copies of sources to go")


async def test_the_openai_client_remixes_edits_and_extends(
    workshop: Workshop, client: openai.AsyncOpenAI
) -> None:
    made = await client.videos.create_and_poll(
        prompt="A boat.", model="sora-2", seconds="4", size="720x1280", poll_interval_ms=50
    )
    named = {"video": {"id": made.id}}
    remix = await client.videos.remix(made.id, prompt="At night.")
    edit = await client.videos.edit(prompt="Red.", video=openai.omit, extra_body=named)  # type: ignore[arg-type]
    as_json = (None, f'{{"id": "{made.id}"}}'.encode(), "application/json")
    extension = await client.videos.extend(prompt="It drifts on.", seconds="8", video=as_json)
    assert [made.id, None, None] == [
        video.remixed_from_video_id for video in (remix, edit, extension)
    ]
    assert ["4", "4", "12"] == [video.seconds for video in (remix, edit, extension)]
    for video, verb in ((remix, "remix"), (edit, "edit"), (extension, "extend")):
        done = await client.videos.poll(video.id, poll_interval_ms=50)
        assert ("completed", "sora-2", "720x1280") == (done.status, done.model, done.size)
        assert {"id": made.id, "verb": verb, "how": "origin"} == source_of(done)
        assert (await client.videos.download_content(video.id)).content[4:8] == b"ftyp"
    longer = await client.videos.extend(
        prompt="And on.",
        seconds="4",
        video=openai.omit,  # type: ignore[arg-type]
        extra_body={"video": {"id": extension.id}},
    )
    assert "16" == longer.seconds
    assert [] == await check_money(workshop)


async def test_a_source_that_vanished_at_its_vendor_costs_nothing(workshop: Workshop) -> None:
    made = await workshop.made("A boat. [[label=vanished]]")
    await workshop.forget_at_openai("vanished")
    ended = await workshop.derived("remix", made["id"])
    assert ("failed", "source_gone", "no_candidate") == (
        ended["status"],
        ended["error"]["code"],
        ended["greenlight"]["stopped_by"],
    )
    assert "0.000000" == ended["greenlight"]["cost_usd"]["charged"]
    assert [] == await check_money(workshop)


@pytest.mark.parametrize(
    ("directive", "code"),
    [
        ("outcome=filtered", "content_policy"),
        ("submit=content_policy", "content_policy"),
        ("outcome=internal", "provider_failed"),
        ("submit=503", "provider_unavailable"),
    ],
)
async def test_a_failure_is_what_it_is_for_a_create_with_no_other_candidate(
    workshop: Workshop, directive: str, code: str
) -> None:
    made = await workshop.made()
    ended = await workshop.derived("remix", made["id"], f"Red. [[{directive}]]")
    assert (code, 1) == (ended["error"]["code"], len(ended["greenlight"]["attempts"]))
    assert [] == await check_money(workshop)


async def test_nothing_is_admitted_without_a_source(workshop: Workshop) -> None:
    queued = await workshop.create("A boat. [[render=1]]", **SORA)
    for verb, video, expected in (
        ("remix", "video_unknown", (404, "video_not_found")),
        ("edit", queued["id"], (409, "video_not_ready")),
    ):
        status, body, headers = await workshop.derive(verb, video)
        assert expected == (status, body["error"]["code"])
        assert ("false" if status == 409 else None) == headers.get("x-should-retry")
    made = await workshop.made(model="kling-2.6", seconds=5)
    status, body, _ = await workshop.derive("remix", made["id"])
    assert (422, "no_route") == (status, body["error"]["code"])
    assert {"provider": "openai", "model": "sora-2", "how": ["origin"]} in body["error"]["could"]
    await workshop.finished(queued["id"])


async def test_veo_goes_on_with_a_video_whose_file_goes_meanwhile(workshop: Workshop) -> None:
    made = await workshop.made(model="veo-3.1-fast", seconds=4)
    status, longer, _ = await workshop.derive(
        "extend", made["id"], "It drifts on. [[render=0.6]]", seconds="7", audio=True
    )
    assert (200, "11") == (status, longer["seconds"]), longer
    (file,) = workshop.artifacts(f"videos/*/{made['id']}.mp4")
    file.unlink()
    ended = await workshop.finished(longer["id"])
    greenlight = ended["greenlight"]
    assert ("veo-3.1-fast", "bytes", "0.700000") == (
        ended["model"],
        greenlight["source"]["how"],
        greenlight["cost_usd"]["charged"],
    )
    again = await workshop.derived("extend", longer["id"], seconds="7", model="veo-3.1")
    assert ("18", "veo-3.1") == (again["seconds"], again["model"])
    await nothing_kept(workshop)
    status, body, _ = await workshop.derive("extend", again["id"], seconds="8")
    assert (422, True) == (status, "seconds 8 is not one of 7" in body["error"]["message"])
    assert [] == await check_money(workshop)


async def test_runway_is_sent_a_small_video_and_fetches_a_large_one(workshop: Workshop) -> None:
    small = await workshop.made(model="veo-3.1-fast", seconds=4)
    large = await workshop.made("A boat. [[bytes=5MB]]", model="kling-2.6", seconds=5)
    charged = []
    for made, how in ((small, "bytes"), (large, "link")):
        ended = await workshop.derived("edit", made["id"], "Red.", model="aleph2")
        greenlight = ended["greenlight"]
        assert ("aleph2", how) == (ended["model"], greenlight["source"]["how"])
        charged.append(greenlight["cost_usd"]["charged"])
    assert ["1.120000", "1.400000"] == charged
    filtered = await workshop.derived(
        "edit", small["id"], "Red. [[outcome=filtered]]", model="aleph2"
    )
    assert ("content_policy", "1.120000") == (
        filtered["error"]["code"],
        filtered["greenlight"]["cost_usd"]["charged"],
    )
    assert [] == await check_money(workshop)


async def test_an_edit_that_its_maker_refuses_is_made_elsewhere(workshop: Workshop) -> None:
    made = await workshop.made()
    ended = await workshop.derived("edit", made["id"], "Red. [[openai: submit=503]]")
    hows = [attempt["provider"] for attempt in ended["greenlight"]["attempts"]]
    assert (["openai", "kling"], "link") == (hows, ended["greenlight"]["source"]["how"])
    assert [] == await check_money(workshop)


async def test_kling_fetches_a_video_and_edits_it(workshop: Workshop) -> None:
    made = await workshop.made(model="veo-3.1-fast", seconds=4)
    ended = await workshop.derived("edit", made["id"], "Red.")
    greenlight = ended["greenlight"]
    assert ("kling-3.0-omni", "4", "link", "0.504000") == (
        ended["model"],
        ended["seconds"],
        greenlight["source"]["how"],
        greenlight["cost_usd"]["charged"],
    )
    (kept,) = workshop.artifacts(f"videos/*/{made['id']}.mp4")
    calls = (await workshop.simulated("calls"))["calls"]
    given = [call["inputs"] for call in calls if call["task_id"] and "video" in call["inputs"]]
    assert {"video": hashlib.sha256(kept.read_bytes()).hexdigest()} == given[-1]
    assert [] == await check_money(workshop)


@pytest.mark.parametrize(
    ("directive", "code"),
    [("outcome=filtered", "content_policy"), ("outcome=internal", "provider_failed")],
)
async def test_an_extension_that_fails_costs_nothing_and_keeps_nothing(
    workshop: Workshop, directive: str, code: str
) -> None:
    made = await workshop.made(model="veo-3.1-fast", seconds=4)
    ended = await workshop.derived("extend", made["id"], f"On. [[{directive}]]", seconds="7")
    assert code == ended["error"]["code"]
    assert "0.000000" == ended["greenlight"]["cost_usd"]["charged"]
    await nothing_kept(workshop)
    assert [] == await check_money(workshop)


async def test_a_lost_submit_keeps_its_money_and_buys_once(workshop: Workshop) -> None:
    made = await workshop.made()
    before = await workshop.accepted()
    ended = await workshop.derived("remix", made["id"], "Rain. [[submit=accept_then_reset]]")
    assert ("outcome_unknown", "0.400000") == (
        ended["error"]["code"],
        ended["greenlight"]["cost_usd"]["charged"],
    )
    assert before + 1 == await workshop.accepted()
    await check_money(workshop)


async def test_a_crash_during_the_submit_buys_once(workshop: Workshop) -> None:
    made = await workshop.made()
    before = await workshop.accepted()
    assert workshop.proxy is not None
    workshop.proxy.kill()
    workshop.start_proxy(GREENLIGHT_CRASH_AT="ProviderCalled.submit:1")
    crashed = workshop.proxy
    status, remix, _ = await workshop.derive("remix", made["id"])
    assert 200 == status
    crashed.popen.wait(20)
    workshop.start_proxy()
    ended = await workshop.finished(remix["id"])
    assert "outcome_unknown" == ended["error"]["code"]
    assert before + 1 == await workshop.accepted()
    await check_money(workshop)
