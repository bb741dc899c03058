"""The image, without an engine: the Dockerfile's own steps, taken in a temporary folder.

The base image, the user it makes and the layers are the engine's; everything else runs here.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
# Folders of the image that the steps name -> they are made below the temporary one.
FOLDERS = re.compile(r"(?<![\w./])/(build|opt|src|srv|wheel)\b")


def instructions() -> list[list[tuple[str, str]]]:
    """The stages, each a list of (instruction, arguments), continued lines joined."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^\s*#.*\n", "", DOCKERFILE))
    stages: list[list[tuple[str, str]]] = []
    for line in filter(None, joined.splitlines()):
        name, _, arguments = line.partition(" ")
        if name == "FROM":
            stages.append([])
        if stages:
            stages[-1].append((name, arguments.strip()))
    return stages


BUILD, FINAL = instructions()


def one(stage: list[tuple[str, str]], name: str) -> str:
    (arguments,) = [given for known, given in stage if known == name]
    return arguments


@dataclass(frozen=True, slots=True)
class Image:
    """The folders of the image, below `root`."""

    root: Path

    @property
    def home(self) -> Path:
        return self.root / "srv" / "greenlight"

    @property
    def env(self) -> dict[str, str]:
        """What a container starts with: nothing from here but a place for temporary files."""
        path = FOLDERS.sub(rf"{self.root}/\1", one(FINAL, "ENV")).split("PATH=")[1].split(":$")[0]
        return {"PATH": f"{path}:/usr/bin:/bin", "TMPDIR": os.fspath(self.root / "tmp")}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            arguments, cwd=self.home, env=self.env, capture_output=True, text=True, check=False
        )


def copy(source: Path, target: Path) -> None:
    """COPY: a folder's content into a folder, links as links; a file under its name or as told."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, target, symlinks=True, ignore=ignored, dirs_exist_ok=True)
    else:
        shutil.copy(source, target)


def take_steps(stage: list[tuple[str, str]], root: Path) -> None:
    """WORKDIR, COPY and RUN of the build stage, in order."""
    here = root
    (root / "tmp").mkdir()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    for name, arguments in stage:
        told = FOLDERS.sub(rf"{root}/\1", arguments)
        if name == "WORKDIR":
            here = Path(told)
            here.mkdir(parents=True)
        elif name == "COPY":
            *sources, target = told.split()
            for source in sources:
                into = target.endswith("/") and not (ROOT / source).is_dir()
                copy(ROOT / source, here / target / Path(source).name if into else here / target)
        elif name == "RUN":
            # Here the cache is what `make setup` filled, not a layer of the image.
            done = subprocess.run(
                ["/bin/sh", "-c", told.replace("--no-cache-dir", "")],
                cwd=here,
                env={**os.environ, "PATH": path},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode and "NewConnectionError" in done.stderr:
                pytest.skip("the package index cannot be reached, so no image can be built")
            assert 0 == done.returncode, f"{told}\n{done.stdout}\n{done.stderr}"


def an_image(root: Path) -> Image:
    """What the final stage copies out of the build stage, after all of its steps."""
    take_steps(BUILD, root)
    for name, arguments in FINAL:
        if name == "COPY":
            origin, source, target = FOLDERS.sub(rf"{root}/\1", arguments).split()
            assert "--from=build" == origin
            if source != target:  # the environment stays where it was made
                copy(Path(source), Path(target))
    made = Image(root)
    (made.home / "var").mkdir(mode=0o700)
    shutil.rmtree(root / "src")
    return made


def test_every_file_it_copies_reaches_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = [line[1:] for line in lines if line.startswith("!")]
    sources = {
        source for name, arguments in BUILD if name == "COPY" for source in arguments.split()[:-1]
    }
    assert "requirements/runtime.txt" in sources
    assert set() == {
        source for source in sources if not any(fnmatch(source, one) for one in allowed)
    }


def test_it_does_not_run_as_root_and_answers_signals() -> None:
    user, group = one(FINAL, "USER").split(":")
    (made,) = [arguments for name, arguments in FINAL if name == "RUN"]
    assert int(user) > 1000
    assert f"groupadd --gid {group} " in made
    assert f"useradd --uid {user} --gid {group} " in made
    assert ["greenlight"] == json.loads(one(FINAL, "ENTRYPOINT"))
    assert ["serve"] == json.loads(one(FINAL, "CMD"))
    assert "SIGTERM" == one(FINAL, "STOPSIGNAL")


def test_what_it_keeps_lies_on_the_volume() -> None:
    (volume,) = json.loads(one(FINAL, "VOLUME"))
    home = one(FINAL, "WORKDIR")
    assert f"{home}/var" == volume
    config = (ROOT / "config.yaml").read_text(encoding="utf-8")
    urls = re.findall(r"(?m)^ *url: *\S+://(\S+?)(?:\?\S*)?(?:\s|$)", config)
    assert ["./var/redis", "./var/artifacts"] == urls


def test_its_version_is_the_projects() -> None:
    version = re.search(r'(?m)^version = "(.+)"', (ROOT / "pyproject.toml").read_text())
    assert version is not None
    assert ("ARG", f"VERSION={version[1]}") in FINAL


@pytest.mark.timeout(300)  # pip fetches and unpacks everything that a runtime needs
async def test_its_steps_lead_to_an_image_that_serves(tmp_path: Path) -> None:
    """One test of all that a finished image shows: its steps are worth taking only once."""
    image = await asyncio.to_thread(an_image, tmp_path)
    holds_nothing_to_install_with(image)
    has_a_good_configuration_that_listens_to_others(image)
    makes_a_first_video_without_a_checkout(image)
    await serves_and_shows_its_health(image)


def holds_nothing_to_install_with(image: Image) -> None:
    for module in ("pip", "hatchling", "pytest"):
        assert 1 == image.run("python", "-c", f"import {module}").returncode
    found = image.run("python", "-c", "import proxy; print(proxy.__file__)").stdout.strip()
    assert found.startswith(os.fspath(image.root / "opt"))


def has_a_good_configuration_that_listens_to_others(image: Image) -> None:
    said = image.run("greenlight", "check")
    assert 0 == said.returncode, said.stderr
    config = (image.home / "config.yaml").read_text()
    assert ["0.0.0.0:8080", "0.0.0.0:8081"] == re.findall(r"listen: *(\S+)", config)


def makes_a_first_video_without_a_checkout(image: Image) -> None:
    said = image.run("greenlight", "demo", "--json")
    assert 0 == said.returncode, said.stderr


async def serves_and_shows_its_health(image: Image) -> None:
    config = image.home / "config.yaml"
    config.write_text(re.sub(r"0\.0\.0\.0:\d+", "127.0.0.1:0", config.read_text()))
    entry = [*json.loads(one(FINAL, "ENTRYPOINT")), *json.loads(one(FINAL, "CMD"))]
    program = shutil.which(entry[0], path=image.env["PATH"])
    assert program is not None
    process = await asyncio.create_subprocess_exec(
        *(program, *entry[1:], "--json"),
        cwd=image.home,
        env=image.env,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 30)
        admin = json.loads(line)["admin_url"].rpartition(":")[2]
        check = json.loads(one(FINAL, "HEALTHCHECK").partition("CMD ")[2])
        alive = [part.replace(":8081/", f":{admin}/") for part in check]
        assert alive != check
        assert 0 == image.run(*alive).returncode
    finally:
        process.send_signal(signal.SIGTERM)
        assert 0 == await asyncio.wait_for(process.wait(), 30)
    assert 1 == image.run(*alive).returncode
