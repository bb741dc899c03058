"""Copies the good configuration, with one file replaced, and loads it."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, SecretStr

from proxy.config.load import Loaded, load
from proxy.config.problem import Problem, Severity
from proxy.domain.source import Verb, Way
from tests.builders import NOW_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HERE: Final = Path(__file__).parent
GOOD: Final = HERE / "good"
BAD: Final = HERE / "bad"
PLACES: Final = MappingProxyType(
    {
        "config": "config.yaml",
        "organisation": "policies/organisation.yaml",
        "routing": "policies/routing.yaml",
        "catalog": "policies/catalog.yaml",
        "team": "policies/teams/research.yaml",
    }
)
"""First word of a bad file's name → the file it stands for."""


def _secret(text: str) -> str:
    return "whsec_" + base64.b64encode(text.ljust(32).encode()).decode()


ENV: Final = MappingProxyType(
    {
        "REDIS_PASSWORD": "pass",
        "KLING_API_KEY": "key",
        "FINANCE_HOOK": "https://finance.example/hook",
        "RESEARCH_HOOK": "https://research.example/hook",
        "FINANCE_SECRETS": f"{_secret('old')} {_secret('new')}",
    }
)


class KlingCredentials(BaseModel):
    """What the adapter of these tests wants."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_key: SecretStr


MODELS: Final = MappingProxyType({"kling": KlingCredentials})
SPOKEN: Final = MappingProxyType(
    {"kling": {Verb.EDIT: (Way.LINK, Way.BYTES), Verb.EXTEND: (Way.ORIGIN,)}}
)


def kind_of(path: Path) -> str:
    """Say which kind of file a bad file stands for."""
    return path.name.partition("-")[0]


def copy_good(folder: Path) -> Path:
    """Copy the good configuration into a folder; returns its config.yaml."""
    shutil.copytree(GOOD, folder, dirs_exist_ok=True)
    return folder / "config.yaml"


def load_good(config: Path, *, env: Mapping[str, str] = ENV, now_s: float = NOW_S) -> Loaded:
    """Load a configuration with the credentials of these tests."""
    return load(config, env=env, credential_models=MODELS, now_s=now_s, spoken=SPOKEN)


def load_with(bad: Path, folder: Path) -> Loaded:
    """Load the good configuration with the file that a bad one stands for replaced by it."""
    config = copy_good(folder)
    shutil.copyfile(bad, folder / PLACES[kind_of(bad)])
    return load_good(config)


def errors(problems: Iterable[Problem]) -> list[Problem]:
    """Leave the warnings out."""
    return [problem for problem in problems if problem.severity is Severity.ERROR]
