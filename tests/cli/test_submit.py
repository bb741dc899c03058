"""`submit`: from the prompt to the file, with the official client against a server of ours."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.fake_proxy import FILM, JOB, a_video, an_error

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.console import Terminal
    from tests.cli.fake_proxy import FakeProxy


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def made(proxy: FakeProxy) -> FakeProxy:
    """A proxy that makes the video in three answers and serves it."""
    proxy.will_answer(a_video(status="queued"))
    proxy.will_answer(a_video(status="in_progress"))
    proxy.will_answer(a_video())
    proxy.will_answer(FILM)
    return proxy


async def test_the_whole_way(made: FakeProxy, terminal: Terminal, tmp_path: Path) -> None:
    film, picture = tmp_path / "film.mp4", tmp_path / "frame.png"
    picture.write_bytes(b"\x89PNG")
    said = await terminal.beside(
        *("submit", "A boat", "-o", str(film), "--resolution", "1080p", "--no-audio"),
        *("--aspect-ratio", "16:9", "--metadata", "a=b", "--input-reference", str(picture)),
    )
    assert said.code == 0
    assert film.read_bytes() == FILM
    assert ["film.mp4", "frame.png"] == names_in(tmp_path)
    assert said.out.splitlines() == [
        f"saved     {film} (140.0 kB)",
        "made by   kling, model kling-3.0 (asked for sora-2)",
        "cost      $0.336",
        "why       policy balanced: score 0.812",
    ]
    assert f"{JOB} queued, $0.336 reserved" in said.err
    assert "in_progress at kling, kling-3.0" in said.err
    create, *_, content = made.asked
    assert (create.method, create.path) == ("POST", "/v1/videos")
    assert create.headers["idempotency-key"]
    for name in ('"prompt"', '"resolution"', '"metadata[a]"', '"audio"', 'filename="frame.png"'):
        assert name in create.body
    assert content.path == f"/v1/videos/{JOB}/content"


async def test_pictures_are_files_or_urls(
    proxy: FakeProxy, terminal: Terminal, tmp_path: Path
) -> None:
    proxy.will_answer(a_video(status="queued"))
    picture, url = tmp_path / "frame.png", "https://pictures.example/a.png"
    picture.write_bytes(b"\x89PNG")
    said = await terminal.beside(
        *("submit", "A boat", "--no-wait", "--input-reference", url, "--last-frame", str(picture)),
        *("--reference-image", url, "--reference-image", str(picture)),
        *("--negative-prompt", "rain", "--seed", "0"),
    )
    assert said.code == 0
    body = proxy.asked[0].body
    for name in (
        *('"input_reference[image_url]"', '"last_frame"', '"reference_images[]"'),
        *('"negative_prompt"', '"seed"'),
    ):
        assert name in body
    assert body.count(url) == 2
    assert body.count("data:image/png;base64,iVBORw==") == 2


async def test_a_picture_that_is_not_there_is_a_usage_error(terminal: Terminal) -> None:
    said = await terminal.beside("submit", "A boat", "--last-frame", "nowhere.png")
    assert said.code == 2
    assert "nowhere.png" in said.err


async def test_json_is_the_video_and_the_file(
    made: FakeProxy, terminal: Terminal, tmp_path: Path
) -> None:
    film = tmp_path / "film.mp4"
    key = ("--idempotency-key", "once")
    said = await terminal.beside("submit", "A boat", "-o", str(film), "--json", *key)
    answer = json.loads(said.out)
    assert (answer["id"], answer["output"]) == (JOB, str(film))
    assert made.asked[0].headers["idempotency-key"] == "once"


async def test_no_wait_prints_the_id_alone(proxy: FakeProxy, terminal: Terminal) -> None:
    proxy.will_answer(a_video(status="queued"))
    assert (await terminal.beside("submit", "A boat", "--no-wait")).out == f"{JOB}\n"


async def test_resume_submits_nothing(
    proxy: FakeProxy, terminal: Terminal, tmp_path: Path
) -> None:
    proxy.will_answer(a_video())
    proxy.will_answer(FILM)
    film = tmp_path / "film.mp4"
    said = await terminal.beside("submit", "--resume", JOB, "-o", str(film))
    assert said.code == 0
    assert ["GET", "GET"] == [asked.method for asked in proxy.asked]


async def test_a_failed_job_says_why_and_what_it_cost(
    proxy: FakeProxy, terminal: Terminal
) -> None:
    proxy.will_answer(a_video(status="queued"))
    error = {"code": "content_policy", "message": "the prompt was refused"}
    proxy.will_answer(a_video(status="failed", error=error))
    said = await terminal.beside("submit", "A boat")
    assert (said.code, said.out) == (1, "")
    assert f"{JOB} failed, content_policy: the prompt was refused" in said.err


async def test_a_refusal_is_one_line(proxy: FakeProxy, terminal: Terminal) -> None:
    proxy.will_answer(an_error("budget_exceeded", "budget daily is full"), status=402)
    said = await terminal.beside("submit", "A boat")
    assert said.code == 1
    assert said.err == "greenlight: budget_exceeded: budget daily is full (HTTP 402)\n"


async def test_a_damaged_file_is_not_kept(
    proxy: FakeProxy, terminal: Terminal, tmp_path: Path
) -> None:
    proxy.will_answer(a_video())
    proxy.will_answer(FILM[:-1])
    film = tmp_path / "film.mp4"
    said = await terminal.beside("submit", "--resume", JOB, "-o", str(film))
    assert said.code == 1
    assert "SHA-256 differs" in said.err
    assert [] == names_in(tmp_path)


async def test_a_folder_that_does_not_exist_is_refused_before_anything_is_bought(
    proxy: FakeProxy, terminal: Terminal
) -> None:
    said = await terminal.beside("submit", "A boat", "-o", "/nowhere/film.mp4")
    assert (said.code, proxy.asked) == (2, [])
    assert "no file can be written into /nowhere" in said.err


async def test_a_file_that_cannot_be_written_can_be_fetched_again(
    made: FakeProxy, terminal: Terminal, tmp_path: Path
) -> None:
    film = tmp_path / ("long" * 100)
    said = await terminal.beside("submit", "A boat", "-o", str(film))
    assert said.code == 1
    assert f"{film} can't be written: File name too long" in said.err
    assert f"greenlight submit --resume {JOB}" in said.err
    assert made.asked


def test_nobody_answers(terminal: Terminal) -> None:
    said = terminal(
        "submit", "--resume", JOB, "--url", "http://127.0.0.1:1", "--api-key", "gl_a_b"
    )
    assert said.code == 1
    assert said.err.startswith("greenlight: no answer from 127.0.0.1:1: ")


@pytest.mark.parametrize("arguments", [[], ["A boat", "--resume", JOB]])
def test_wrong_usage(terminal: Terminal, arguments: list[str]) -> None:
    assert terminal("submit", *arguments, "--api-key", "gl_a_b").code == 2


async def test_ctrl_c_says_how_to_go_on(proxy: FakeProxy) -> None:
    proxy.will_answer(a_video(status="in_progress"))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "proxy", "submit", "-"),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ,
    )
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(b"A boat\n")
    process.stdin.close()
    said = b""
    while b"in_progress at" not in said:
        said += await asyncio.wait_for(process.stderr.readline(), 30)
    process.send_signal(signal.SIGINT)
    said = await process.stderr.read()
    assert await process.wait() == 130
    assert said.decode() == f"\n{JOB} goes on; greenlight submit --resume {JOB} saves it\n"
    assert "A boat" in proxy.asked[0].body
