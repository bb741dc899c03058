"""The demo's folder: private, complete, and the same again at the next start."""

from __future__ import annotations

import os
import shutil
import socket
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
import yaml

from proxy.cli.configuration import load_now
from proxy.cli.demo.state import State, opened, prepare

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def private() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


def prepared(
    folder: Path,
    *,
    port: int | None = None,
    config: Path | None = None,
    policies: Path | None = None,
) -> State:
    with opened(folder) as held:
        return prepare(held, port=port, config=config, policies=policies)


def settings_of(state: State) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = yaml.safe_load(state.config.read_text())
    return found


def test_everything_is_there_and_private(tmp_path: Path) -> None:
    state = prepared(tmp_path / "demo")
    loaded = load_now(state.config, None)
    assert all(
        account.credentials is not None
        for provider in loaded.server.providers.values()
        for account in provider.accounts
    )
    assert {"kling", "openai", "runway", "vertex"} == set(loaded.server.providers)
    assert loaded.server.listen.port == state.notes.port
    (key,) = loaded.snapshot.keys.values()
    assert (key.team, key.id) == ("marketing", state.notes.api_key.split("_")[1])
    tokens = loaded.snapshot.admin_tokens
    assert {
        state.notes.admin_token.split("_")[1]: "operator",
        state.notes.finance_token.split("_")[1]: "finance",
    } == {token.id: token.role for token in tokens.values()}
    for path in (state.folder, *state.folder.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_second_start_keeps_keys_ports_secrets_and_edits(tmp_path: Path) -> None:
    first = prepared(tmp_path)
    secrets = {path: path.read_bytes() for path in (tmp_path / "secrets").iterdir()}
    team = first.policies / "teams" / "marketing.yaml"
    team.write_text(team.read_text() + "running: 3\n")
    first.config.write_text(first.config.read_text() + "breaker: {failures: 7}\n")
    second = prepared(tmp_path)
    assert first.notes == second.notes
    assert secrets == {path: path.read_bytes() for path in (tmp_path / "secrets").iterdir()}
    loaded = load_now(second.config, None)
    assert loaded.snapshot.engine.breaker.failures == 7
    assert loaded.snapshot.teams[next(iter(loaded.snapshot.keys.values())).team].running == 3
    assert len(loaded.snapshot.keys) == 1


def test_a_port_that_is_taken_is_replaced_or_refused(tmp_path: Path) -> None:
    first = prepared(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first.notes.port))
        taken.listen()
        assert prepared(tmp_path).notes.port != first.notes.port
        with pytest.raises(click.ClickException, match="is taken"):
            prepared(tmp_path, port=first.notes.port)
    assert prepared(tmp_path, port=first.notes.port).notes.port == first.notes.port


def test_given_policies_get_the_key_in_their_first_team_by_name(tmp_path: Path) -> None:
    given = tmp_path / "given"
    shutil.copytree(ROOT / "policies", given)
    (given / "teams/marketing.yaml").unlink()
    (given / "teams/product.yaml").rename(given / "teams/zz.yaml")
    (given / "teams/research.yaml").chmod(0o444)
    given.chmod(0o555)
    before = {path: path.read_bytes() for path in given.rglob("*") if path.is_file()}
    for _ in range(2):
        state = prepared(tmp_path / "demo", policies=given)
        (key,) = load_now(state.config, None).snapshot.keys.values()
        assert (key.team, key.name) == ("product", "demo")
    assert before == {path: path.read_bytes() for path in given.rglob("*") if path.is_file()}
    given.chmod(0o755)


def test_given_settings_lend_engine_and_providers_only(tmp_path: Path) -> None:
    given = tmp_path / "mine" / "config.yaml"
    shutil.copytree(ROOT / "policies", given.parent / "rules")
    (given.parent / "rules/teams/marketing.yaml").unlink()
    given.write_text(
        """
listen: 0.0.0.0:1
admin: {listen: 0.0.0.0:2, tokens: []}
store: {url: "redis://production:6379/0", socket_timeout: 2s}
artifacts: {url: "s3://production/videos", max_bytes: 1GiB, link_secret: "${NOT_SET}"}
policies: ./rules
providers:
  kling:
    base_url: https://production.example
    accounts:
      - {name: a, credentials: {api_key: "${KLING}"}, slots: 3}
      - {name: b, slots: 4}
    poll: {first: 9s}
  openai:
    accounts: [{name: main, credentials: {api_key: "${OPENAI_API_KEY}"}}]
unknown: {then: release}
worker: {max_attempts: 7}
notify: [{on: [budget.threshold], url: "https://production.example", secret: "${NOT_SET}"}]
"""
    )
    state = prepared(tmp_path / "demo", config=given)
    loaded = load_now(state.config, None)
    kling = loaded.server.providers["kling"]
    assert {"kling", "openai"} == set(loaded.server.providers)
    assert kling.base_url == f"http://127.0.0.1:{state.notes.simulator_port}/kling"
    assert ["a", "b"] == [account.name for account in kling.accounts]
    assert loaded.snapshot.engine.max_attempts == 7
    assert "product" in {str(key.team) for key in loaded.snapshot.keys.values()}
    written = settings_of(state)
    assert "production" not in state.config.read_text()
    assert written["store"]["socket_timeout"] == "2s"
    assert written["artifacts"] == {"url": "file://./artifacts", "max_bytes": "1GiB"}


def test_a_folder_with_other_things_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    tmp_path.chmod(0o755)
    with pytest.raises(click.ClickException, match="holds other files"):
        prepared(tmp_path)
    assert ["thesis.txt"] == [path.name for path in tmp_path.iterdir()]
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_two_demos_never_share_a_folder(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(click.ClickException, match="in use"), opened(tmp_path):
        pass


@pytest.mark.parametrize(
    ("text", "why"),
    [("a: [", "is not YAML"), ("- a", "not a mapping"), ("a: 1\na: 2", "duplicate")],
)
def test_settings_that_cannot_be_read(tmp_path: Path, text: str, why: str) -> None:
    given = tmp_path / "config.yaml"
    given.write_text(text)
    with pytest.raises(click.ClickException, match=why):
        prepared(tmp_path / "demo", config=given)


def test_policies_without_a_team(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    with pytest.raises(click.ClickException, match="declares no team"):
        prepared(tmp_path / "demo", policies=tmp_path / "policies")
