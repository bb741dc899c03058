"""The openai client, unmodified, against the whole product."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import openai
import pytest

from proxy.artifacts.mp4 import probe

if TYPE_CHECKING:
    from pathlib import Path

    from tests.system.deployment import Deployment

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def client_of(deployment: Deployment) -> openai.OpenAI:
    return openai.OpenAI(base_url=deployment.base_url, api_key=deployment.api_key, max_retries=0)


def test_create_poll_list_download_delete(running: Deployment, tmp_path: Path) -> None:
    with client_of(running) as client, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        video = client.videos.create_and_poll(
            prompt="A paper boat in the rain.",
            model="veo-3.1-fast",
            extra_body={"resolution": "1080p", "aspect_ratio": "16:9", "seconds": "4"},
        )
        assert video.status == "completed", video
        assert video.progress == 100
        assert video.seconds == "4"
        assert str(video.size) == "1920x1080"
        assert [item.id for item in client.videos.list()] == [video.id]
        path = tmp_path / "video.mp4"
        client.videos.download_content(video.id).write_to_file(path)
        found = probe(path)
        assert (found.width_px, found.height_px) == (1920, 1080)
        assert found.duration_s == pytest.approx(4.0, abs=0.1)
        assert client.videos.delete(video.id).deleted
        with pytest.raises(openai.NotFoundError):
            client.videos.retrieve(video.id)
        assert client.videos.delete(video.id).deleted


async def test_a_retired_model_is_served_by_its_successor_and_says_so(
    running: Deployment,
) -> None:
    created = await running.create("A lighthouse.", model="sora-2")
    video = await running.finished(created["id"])
    assert video["status"] == "completed"
    assert video["greenlight"]["requested_model"] == "sora-2"
    assert video["model"] != "sora-2"
    assert any(
        entry["model"] == "sora-2" and entry.get("code") == "retired"
        for entry in video["greenlight"]["route"]
    )


async def test_a_retired_model_is_refused_by_name_without_substitution(
    running: Deployment,
) -> None:
    status, body, _ = await running.api(
        "POST", "/videos", json_body={"prompt": "x", "model": "sora-2", "substitute": "never"}
    )
    assert status == 422
    assert body["error"]["code"] == "no_route"
    assert "successor" in body["error"]["message"]


async def test_cheapest_4k_picks_kling_3_at_4k(running: Deployment) -> None:
    created = await running.create("A city at night.", policy="cheapest_4k")
    video = await running.finished(created["id"])
    assert video["status"] == "completed", video
    assert (video["greenlight"]["provider"], video["model"]) == ("kling", "kling-3.0")
    assert video["size"] == "3840x2160"


async def test_a_prompt_never_reaches_a_log(running: Deployment) -> None:
    created = await running.create("canary-prompt-5f1c")
    await running.finished(created["id"])
    assert running.proxy is not None
    text = running.proxy.log.read_text()
    assert created["id"] in text
    assert "canary-prompt-5f1c" not in text
    assert running.api_key not in text
