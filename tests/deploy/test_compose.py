"""deploy/compose.yaml: valid by the published schema; every file and address in it is there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from proxy.domain.ids import ProviderName
from tests.builders import KLING
from tests.deploy.files import DEPLOY, document, loaded, run

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNWAY = ProviderName("runway")
COMPOSE = DEPLOY / "compose.yaml"
OVERLAY = DEPLOY / "compose.simulated.yaml"


@pytest.mark.parametrize("path", [COMPOSE, OVERLAY], ids=lambda path: path.name)
def test_it_is_valid_by_the_published_schema(path: Path) -> None:
    assert "ok" in run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", path)


def mounts(path: Path) -> Iterator[Path]:
    for service in document(path)["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            if source.startswith("."):
                yield (DEPLOY / source).resolve()


@pytest.mark.parametrize("path", [COMPOSE, OVERLAY], ids=lambda path: path.name)
def test_whatever_is_mounted_is_there(path: Path) -> None:
    assert [] == [str(source) for source in mounts(path) if not source.exists()]


def test_no_secret_is_shipped() -> None:
    assert [".gitignore"] == [
        path.name
        for path in (DEPLOY / "compose" / "secrets").iterdir()
        if path.name not in ("link_secret", "grafana_password")
    ]
    ignored = (DEPLOY / "compose" / "secrets" / ".gitignore").read_text(encoding="utf-8")
    assert "*\n!.gitignore\n" == ignored


def test_the_secrets_are_made_once(tmp_path: Path) -> None:
    script = shutil.copy(DEPLOY / "secrets.sh", tmp_path)
    folder = tmp_path / "compose" / "secrets"
    folder.mkdir(parents=True)
    wanted = set(document(COMPOSE)["secrets"])
    subprocess.run([script], check=True, capture_output=True)
    made = {path.name: path.read_text(encoding="ascii") for path in folder.iterdir()}
    assert wanted == set(made)
    assert all(len(secret) >= 40 for secret in made.values())
    subprocess.run([script], check=True, capture_output=True)
    assert made == {path.name: path.read_text(encoding="ascii") for path in folder.iterdir()}


def test_the_settings_are_read_and_point_at_the_stack_s_own_services(tmp_path: Path) -> None:
    settings = loaded(DEPLOY / "compose" / "config.yaml", tmp_path, {"KLING_API_KEY": "k"})
    services = document(COMPOSE)["services"]
    assert settings.server.store.url.startswith("redis://store:")
    assert "store" in services
    caddyfile = (DEPLOY / "compose" / "Caddyfile").read_text(encoding="utf-8")
    for name in ("greenlight-1", "greenlight-2"):
        assert name in services
        assert f"{name}:{settings.server.listen.port}" in caddyfile
        assert f"{name}:{settings.server.admin_listen.port}" in caddyfile
    assert settings.snapshot.providers[KLING].is_configured
    assert not settings.snapshot.providers[RUNWAY].is_configured


def test_the_simulated_settings_know_the_simulator(tmp_path: Path) -> None:
    overlay = document(OVERLAY)["services"]
    env = overlay["greenlight-1"]["environment"]
    settings = loaded(DEPLOY / "compose" / "config.simulated.yaml", tmp_path, env)
    port = overlay["simulator"]["command"][-1]
    assert [f"http://simulator:{port}"] * 3 == [
        str(provider.base_url).rpartition("/")[0].removesuffix("/openai")
        for provider in settings.server.providers.values()
    ]
    assert all(provider.is_configured for provider in settings.snapshot.providers.values())


@pytest.mark.skipif(shutil.which("caddy") is None, reason="caddy is not installed here")
def test_caddy_takes_its_file() -> None:
    path = DEPLOY / "compose" / "Caddyfile"
    run("caddy", "validate", "--adapter", "caddyfile", "--config", path)
