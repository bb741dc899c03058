"""Words that must stay where they belong, planted in a running server and looked for elsewhere."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.providers.accounts import a_png
from tests.system.deployment import KLING_KEY, OPENAI_KEY, RUNWAY_SECRET, WEBHOOK_SECRET
from tests.system.studio import Shelf, Studio, shelf

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

PROMPT, NEGATIVE, METADATA = "canary-prompt-8a1d", "canary-negative-77c2", "canary-metadata-03fe"
SIGNED, LOST, HOSTILE = "canary-signed-6b0e", "canary-lost-91aa", "canary-hostile-4d5c"
BROKEN, STRANGER = "canary-broken-2f2f", "gl_strange2_" + "canary-key-5e5e".ljust(43, "x")
HOOK, HOSTILE_HOOK = "canary-hook-5b5b", "canary-hostile-hook-9e9e"
VENDOR_LINK, ECHO = "canary-vendor-link-a0a0", "canary-echo-c3c3"


TEAM = {"queued": 50, "webhook_secret": "${WEBHOOK_SECRET}"}


@pytest.fixture(scope="module")
def pictures() -> Iterator[Shelf]:
    with shelf() as made:
        yield made


@pytest.fixture(scope="module")
def running(pictures: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    folder = tmp_path_factory.mktemp("canaries")
    made = Studio(folder=folder, image_urls={"origins": [pictures.url]}, team=dict(TEAM))
    made.webhook_origins = [pictures.url]
    made.engine |= {"download_retries": 0}
    made.start()
    yield made
    made.stop()


@pytest.fixture
async def session(running: Studio) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {running.api_key}"}
    async with aiohttp.ClientSession(headers=headers) as made:
        yield made


async def posted(session: aiohttp.ClientSession, running: Studio, **options: Any) -> int:  # noqa: ANN401
    async with session.post(f"{running.base_url}/videos", **options) as answer:
        return answer.status


async def plant(running: Studio, pictures: Shelf, session: aiohttp.ClientSession) -> str:
    """Use every way by which a word comes in; returns the signed link to a finished video."""
    picture = pictures.put(f"/a.png?X-Signature={SIGNED}", a_png())
    created = await running.create(
        f"A boat. {PROMPT} [[vertex: submit=503]]",
        model="veo-3.1",
        substitute="same_model",
        seconds=4,
        negative_prompt=NEGATIVE,
        metadata={"shot": METADATA},
        input_reference={"image_url": picture},
        webhook_url=f"{pictures.url}/{HOOK}?token={HOOK}",
    )
    video = await running.finished(created["id"])
    assert "completed" == video["status"], video
    bodies = (
        {"input_reference": f"{pictures.url}/{LOST}.png?token={LOST}"},
        {"input_reference": f"https://user:{HOSTILE}@127.0.0.1/{HOSTILE}.png"},
        {"webhook_url": f"https://10.0.0.1/{HOSTILE_HOOK}?token={HOSTILE_HOOK}"},
        {"model": "kling-3.0", "substitute": "never", "negative_prompt": NEGATIVE},
    )
    statuses = [await posted(session, running, json={"prompt": PROMPT} | body) for body in bodies]
    raw = {
        "data": b'{"prompt": "' + BROKEN.encode(),
        "headers": {"Content-Type": "application/json"},
    }
    assert [400, 400, 400, 422, 400] == [*statuses, await posted(session, running, **raw)]
    headers = {"Authorization": f"Bearer {STRANGER}"}
    assert 401 == await posted(session, running, json={"prompt": PROMPT}, headers=headers)
    for directive in (f"url=http://10.0.0.1/a.mp4?sig={VENDOR_LINK}", "outcome=content_policy"):
        prompt = f"{ECHO} [[{directive}]]"
        failed = await running.create(prompt, model="kling-3.0", seconds=4, substitute="never")
        assert "failed" == (await running.finished(failed["id"]))["status"]
    return str(video["greenlight"]["artifact"]["url"])


async def test_what_is_planted_is_in_no_log_and_no_metric(
    running: Studio, pictures: Shelf, session: aiohttp.ClientSession
) -> None:
    link = await plant(running, pictures, session)
    async with aiohttp.ClientSession() as stranger:
        for url, status in ((link, 200), (f"{link}x", 401)):
            async with stranger.get(url) as answer:
                assert status == answer.status
        async with stranger.get(f"{running.admin_url}/metrics") as answer:
            metrics = await answer.text()
    assert running.proxy is not None
    log = running.proxy.log.read_text()
    assert '"image_url_refused"' in log
    assert '"image_unavailable"' in log
    assert '"webhook_url_refused"' in log
    assert '"NoticeSent"' in log
    account = json.loads((running.folder / "service_account.json").read_text())
    secrets = {
        "prompt": PROMPT,
        "negative prompt": NEGATIVE,
        "metadata": METADATA,
        "signed picture URL": SIGNED,
        "URL of a lost picture": LOST,
        "hostile URL": HOSTILE,
        "webhook URL": HOOK,
        "hostile webhook URL": HOSTILE_HOOK,
        "signing secret": WEBHOOK_SECRET,
        "broken body": BROKEN,
        "unknown key": "canary-key-5e5e",
        "vendor's link": VENDOR_LINK,
        "refused prompt": ECHO,
        "signature": link.partition("signature=")[2],
        "picture": base64.b64encode(a_png()).decode()[:40],
        "API key": running.api_key,
        "admin token": running.admin_token,
        "Kling's key": KLING_KEY,
        "Runway's secret": RUNWAY_SECRET,
        "OpenAI's key": OPENAI_KEY,
        "private key": account["private_key"].splitlines()[1],
    }
    for text in (log, metrics):
        assert [] == [name for name, secret in secrets.items() if secret in text]
        assert re.findall(r"https?://\S+\.(?:png|mp4)", text) == []
    video_ids = set(re.findall(r"video_[a-z0-9]{10,}", log))
    assert video_ids
    assert [] == [video_id for video_id in video_ids if video_id in metrics]
