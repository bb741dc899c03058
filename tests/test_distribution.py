"""What is built and installed: the wheel is complete, and a missing Python is explained."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from importlib.resources import files
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FIND_PYTHON = ROOT / "tools" / "find-python"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Build the wheel as an installation would; the names inside it."""
    folder = tmp_path_factory.mktemp("wheel")
    build = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(folder)], cwd=ROOT, check=True)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


def test_the_wheel_ships_the_configuration_and_the_policies(wheel: set[str]) -> None:
    policies = (ROOT / "policies").rglob("*.yaml")
    shipped = {
        f"proxy/_shipped/policies/{path.relative_to(ROOT / 'policies')}" for path in policies
    }
    assert shipped
    assert {"proxy/_shipped/config.yaml", *shipped} <= wheel


def test_the_wheel_ships_every_file_of_the_package(wheel: set[str]) -> None:
    kinds = {".py", ".lua", ".mp4", ".yaml", ".json", ".txt", ".typed"}
    package = ROOT / "proxy"
    here = {path for path in package.rglob("*") if path.is_file() and path.suffix in kinds}
    assert {path.relative_to(ROOT).as_posix() for path in here} <= wheel


def test_the_wheel_ships_nothing_else(wheel: set[str]) -> None:
    assert {"proxy", "greenlight_proxy-0.1.0.dist-info"} == {
        name.partition("/")[0] for name in wheel
    }


def test_the_shipped_configuration_is_found_in_the_checkout_too() -> None:
    shipped = files("proxy").joinpath("_shipped", "config.yaml")
    assert (ROOT / "config.yaml").read_bytes() == shipped.read_bytes()


def stand_in(folder: Path, name: str, *, version: str, has_venv: bool, is_enough: bool) -> None:
    """Write an executable that answers the questions of find-python like some Python."""
    script = folder / name
    script.write_text(
        "#!/bin/sh\n"
        'case "$2" in\n'
        f"*'import ensurepip'*) exit {0 if has_venv else 1} ;;\n"
        f"*'< (3, 11)'*) exit {0 if is_enough else 1} ;;\n"
        f"*) echo {version} ;;\n"
        "esac\n"
    )
    script.chmod(0o755)


def find_python(folder: Path) -> subprocess.CompletedProcess[str]:
    for tool in ("sh", "cat"):
        (folder / tool).symlink_to(f"/bin/{tool}")
    return subprocess.run(
        [FIND_PYTHON],
        env={"PATH": os.fspath(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_python_with_venv_is_taken(tmp_path: Path) -> None:
    stand_in(tmp_path, "python3", version="3.9", has_venv=True, is_enough=False)
    stand_in(tmp_path, "python3.12", version="3.12", has_venv=True, is_enough=True)
    found = find_python(tmp_path)
    assert (0, "python3.12\n") == (found.returncode, found.stdout)


def test_a_python_without_venv_says_what_to_install(tmp_path: Path) -> None:
    stand_in(tmp_path, "python3", version="3.11", has_venv=False, is_enough=True)
    found = find_python(tmp_path)
    assert 1 == found.returncode
    assert "python3.11-venv" in found.stderr


def test_a_python_that_is_too_old_is_named(tmp_path: Path) -> None:
    stand_in(tmp_path, "python3", version="3.9", has_venv=True, is_enough=False)
    found = find_python(tmp_path)
    assert 1 == found.returncode
    assert "3.11 or newer; found only python3 (3.9)" in " ".join(found.stderr.split())


def test_no_python_at_all_is_explained(tmp_path: Path) -> None:
    found = find_python(tmp_path)
    assert 1 == found.returncode
    assert "needs Python 3.11 or newer." in found.stderr
