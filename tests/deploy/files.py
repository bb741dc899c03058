"""The files of deploy/, and the configurations in them as the product reads them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import yaml

from proxy.config.load import Loaded, load
from proxy.providers import PROVIDERS
from tests.builders import NOW_S

ROOT: Final = Path(__file__).resolve().parents[2]
DEPLOY: Final = ROOT / "deploy"
SECRETS: Final = "/run/secrets/"


def run(*command: str | Path, stdin: str | None = None) -> str:
    """What a tool says of a file; a tool that finds fault fails the test."""
    tool = Path(sys.executable).with_name(str(command[0]))
    checked = subprocess.run(
        [tool if tool.exists() else command[0], *command[1:]],
        check=False,
        capture_output=True,
        text=True,
        input=stdin,
    )
    said = checked.stdout + checked.stderr
    assert 0 == checked.returncode, said
    return said


def documents(path: Path) -> list[dict[str, Any]]:
    """Every document of a YAML file."""
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def document(path: Path) -> dict[str, Any]:
    """The only document of a YAML file."""
    (found,) = documents(path)
    return found


def loaded(config: Path, folder: Path, env: dict[str, str]) -> Loaded:
    """Read a configuration with the shipped policies, its mounted secrets in a folder of ours."""
    (folder / "link_secret").write_text("c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I=", "utf-8")
    copy = folder / "config.yaml"
    copy.write_text(config.read_text(encoding="utf-8").replace(SECRETS, f"{folder}/"), "utf-8")
    (folder / "policies").symlink_to(ROOT / "policies")
    models = {name: manifest.credentials_model for name, manifest in PROVIDERS.items()}
    return load(copy, env=env, credential_models=models, now_s=NOW_S)
