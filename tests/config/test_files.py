"""Which files make a configuration, and what is said when one is missing or does not belong."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from proxy.config.problem import ConfigError
from tests.config.files import copy_good, errors, load_good

if TYPE_CHECKING:
    from pathlib import Path


def problems(config: Path) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load_good(config)
    return [f"{one.file}: {one.message}" for one in errors(raised.value.problems)]


def test_a_missing_config_file_is_one_of_the_problems(tmp_path: Path) -> None:
    found = problems(tmp_path / "config.yaml")
    assert any("config.yaml: can't be read (No such file or directory)" in one for one in found)


def test_a_missing_policies_folder(tmp_path: Path) -> None:
    config = copy_good(tmp_path)
    shutil.rmtree(tmp_path / "policies")
    found = problems(config)
    assert any("policies: is not a folder" in one for one in found)
    assert any("policies/teams: holds no team" in one for one in found)


def test_a_misplaced_file_is_not_passed_over_in_silence(tmp_path: Path) -> None:
    config = copy_good(tmp_path)
    policies = tmp_path / "policies"
    (policies / "orgnisation.yaml").write_text("", encoding="utf-8")
    (policies / "teams/late.yml").write_text("team: late\n", encoding="utf-8")
    (policies / "README.md").write_text("ours\n", encoding="utf-8")
    (policies / ".draft.yaml").write_text("not ours\n", encoding="utf-8")
    assert ["orgnisation.yaml", "late.yml"] == [
        one.partition(": ")[0].rpartition("/")[2] for one in problems(config)
    ]


def test_files_that_are_symbolic_links_are_read(tmp_path: Path) -> None:
    config = copy_good(tmp_path)
    teams = tmp_path / "policies/teams"
    (tmp_path / "..data").mkdir()
    shutil.move(teams / "small.yaml", tmp_path / "..data/small.yaml")
    (teams / "small.yaml").symlink_to(tmp_path / "..data/small.yaml")
    assert {"research", "small"} == set(load_good(config).snapshot.teams)


def test_an_empty_file(tmp_path: Path) -> None:
    config = copy_good(tmp_path)
    (tmp_path / "policies/routing.yaml").write_text("# later\n", encoding="utf-8")
    found = [one for one in problems(config) if "routing.yaml" in one]
    assert ["must be a mapping; it is empty"] == [one.rpartition(": ")[2] for one in found]


def test_a_model_may_be_defined_in_one_file_only(tmp_path: Path) -> None:
    config = copy_good(tmp_path)
    again = tmp_path / "policies/catalog/again.yaml"
    again.write_text("models:\n  kling-3.0: {}\n", encoding="utf-8")
    (found,) = problems(config)
    assert found.endswith("again.yaml: is defined in another file too; allowed: once")
