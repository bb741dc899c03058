"""Hostile URLs of callers and of vendors, through the whole product: nobody is connected to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.outgoing.hostile import HOSTILE
from tests.providers.accounts import a_png
from tests.system.money import check_money
from tests.system.studio import Shelf, Studio, shelf

if TYPE_CHECKING:
    from collections.abc import Iterator

# "" and what begins otherwise are no URLs of the web: refused as a field, before the guard.
WEB = tuple(text for text in HOSTILE if text.lower().startswith(("http://", "https://")))
REST = tuple(text for text in HOSTILE if text not in WEB)
# What a directive can hold, and what a vendor's words would not be cut off in.
LINKS = (
    "http://127.0.0.1:{port}/a.mp4",
    "http://127.0.0.1:{port}@127.0.0.1/a.mp4",
    "http://0x7f.1:{port}/a.mp4",
    "http://2130706433:{port}/a.mp4",
    "http://localhost:{port}/a.mp4",
    "http://[::ffff:127.0.0.1]:{port}/a.mp4",
    "http://[64:ff9b::7f00:1]:{port}/a.mp4",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "file:///etc/passwd",
)
MODELS = {
    "kling": {"model": "kling-3.0"},
    "runway": {"model": "gen4.5"},
    "openai": {"model": "sora-2"},
}


@pytest.fixture(scope="module")
def canary() -> Iterator[Shelf]:
    """A server that nothing may connect to."""
    with shelf() as made:
        yield made


@pytest.fixture(scope="module")
def assets() -> Iterator[Shelf]:
    """A server of the configuration's."""
    with shelf() as made:
        yield made


@pytest.fixture(scope="module")
def running(
    canary: Shelf, assets: Shelf, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Studio]:
    canary.put("/", a_png())
    folder = tmp_path_factory.mktemp("guard")
    engine = {"download_retries": 1, "retry_wait": "20ms", "tick": "20ms"}
    made = Studio(folder=folder, image_urls={"origins": [assets.url], "timeout": "2s"})
    made.engine |= engine
    made.start()
    yield made
    made.stop()


def at(canary: Shelf, text: str) -> str:
    return text.replace("{port}", str(canary.server_port))


async def refusal(running: Studio, picture: object, field: str = "input_reference") -> Any:  # noqa: ANN401
    body = {"prompt": "A boat.", "model": "veo-3.1-fast", field: picture}
    status, answer, _ = await running.api("POST", "/videos", json_body=body)
    assert 400 == status, answer
    return answer["error"]


async def test_a_caller_s_hostile_url_makes_no_connection(running: Studio, canary: Shelf) -> None:
    for text in WEB:
        url = at(canary, text)
        error = await refusal(running, {"image_url": url})
        assert ("image_url_refused", "input_reference") == (error["code"], error["param"]), url
    assert 0 == canary.connections
    assert {"calls": []} == await running.simulated("calls")


async def test_what_is_no_url_of_the_web_is_refused_as_a_field(
    running: Studio, canary: Shelf
) -> None:
    for text in REST:
        if text.startswith("data:"):
            continue
        error = await refusal(running, at(canary, text))
        assert ("invalid_request", "input_reference") == (error["code"], error["param"]), text
    assert 0 == canary.connections


@pytest.mark.parametrize("field", ["last_frame", "reference_images"])
async def test_every_picture_passes_the_guard(running: Studio, canary: Shelf, field: str) -> None:
    url = f"{canary.url}/"
    picture: object = url if field == "last_frame" else [{"image_url": url}]
    fields: dict[str, Any] = {field: picture, "seconds": 8}
    if field == "last_frame":
        fields["input_reference"] = url
    body = {"prompt": "A boat.", "model": "veo-3.1-fast"} | fields
    status, answer, _ = await running.api("POST", "/videos", json_body=body)
    assert (400, "image_url_refused") == (status, answer["error"]["code"])
    assert 0 == canary.connections


async def test_a_redirect_to_a_private_server_makes_no_connection(
    running: Studio, canary: Shelf, assets: Shelf
) -> None:
    for number, text in enumerate(WEB):
        if not text.isprintable() or not text.isascii():
            continue  # no header can say it
        url = assets.lead(f"/{number}.png", at(canary, text))
        assert "image_url_refused" == (await refusal(running, url))["code"], text
    assert 0 == canary.connections
    assert "image_url_refused" == (await refusal(running, assets.lead("/loop", "/loop")))["code"]


async def test_a_redirect_within_the_configured_server_is_followed(
    running: Studio, assets: Shelf
) -> None:
    assets.put("/there.png", a_png())
    url = assets.lead("/here.png", "/there.png")
    created = await running.create("A boat.", model="gen4.5", seconds=4, input_reference=url)
    assert "completed" == (await running.finished(created["id"]))["status"]


async def test_what_gives_no_picture_is_said(running: Studio, assets: Shelf) -> None:
    assets.put("/page.png", b"<html>no picture</html>")
    for path, reason in (("/gone.png", "HTTP 404"), ("/page.png", "image/png")):
        error = await refusal(running, {"image_url": f"{assets.url}{path}"})
        assert "image_unavailable" == error["code"]
        assert reason in error["message"]
        assert path not in error["message"]


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize(
    ("provider", "directive"),
    [("kling", "url"), ("kling", "redirect"), ("runway", "url"), ("openai", "redirect")],
)
async def test_a_vendor_s_hostile_url_makes_no_connection(
    running: Studio, canary: Shelf, provider: str, directive: str, link: str
) -> None:
    created = await running.create(
        f"A boat. [[{directive}={at(canary, link)}]]", seconds=4, **MODELS[provider]
    )
    video = await running.finished(created["id"])
    assert ("failed", "artifact_lost") == (video["status"], video["error"]["code"]), video
    assert "is not fetched" in video["error"]["message"]
    assert str(canary.server_port) not in video["error"]["message"]
    assert 0 == canary.connections


async def test_what_a_vendor_made_is_charged_even_if_it_may_not_be_fetched(
    running: Studio,
) -> None:
    created = await running.create(
        "A boat. [[url=http://10.0.0.1/a.mp4]]", seconds=4, model="kling-3.0"
    )
    video = await running.finished(created["id"])
    assert "0.336000" == video["greenlight"]["cost_usd"]["charged"]
    await check_money(running)
