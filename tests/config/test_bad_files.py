"""Each file of bad/ holds one mistake; its first comment says where it is and how it is told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from proxy.config.problem import ConfigError, Problem
from tests.config.files import BAD, copy_good, errors, load_good, load_with

if TYPE_CHECKING:
    from pathlib import Path

EXPECT = re.compile(r"# expect: (\d+):(\d+) (.+?): (.+)")
FILES = sorted(BAD.glob("*.yaml"))


@pytest.mark.parametrize("bad", FILES, ids=[path.stem for path in FILES])
def test_the_mistake_is_found_where_it_is_and_nothing_else(bad: Path, tmp_path: Path) -> None:
    expected = EXPECT.match(bad.read_text(encoding="utf-8").splitlines()[0])
    assert expected is not None
    with pytest.raises(ConfigError) as raised:
        load_with(bad, tmp_path)
    found = errors(raised.value.problems)
    assert 1 == len(found), str(raised.value)
    line, column, path, words = expected.groups()
    assert (int(line), int(column), path) == (found[0].line, found[0].column, found[0].path)
    assert words in found[0].message


def test_there_are_bad_files_of_every_kind() -> None:
    kinds = {path.name.partition("-")[0] for path in FILES}
    assert {"config", "organisation", "routing", "catalog", "team"} == kinds
    assert len(FILES) > 100


def test_every_problem_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    bad = BAD / "config-then.yaml"
    config = tmp_path / "config.yaml"
    with pytest.raises(ConfigError):
        load_with(bad, tmp_path)
    _replace(tmp_path / "policies/organisation.yaml", "running: 4", "running: 0")
    _replace(
        tmp_path / "policies/routing.yaml", "cheap: {order: [price,", "cheap: {order: [prise,"
    )
    _replace(tmp_path / "policies/teams/research.yaml", '"$500.50"', "500.50")
    _replace(tmp_path / "policies/teams/small.yaml", "default: cheap", "default: sharp")
    found = _problems(config)
    assert [
        "config.yaml:27:45",
        "organisation.yaml:9:12",
        "routing.yaml:2:19",
        "research.yaml:14:41",
        "small.yaml:2:56",
    ] == [f"{one.file.rpartition('/')[2]}:{one.line}:{one.column}" for one in found]


def test_a_mistake_in_a_model_does_not_blame_the_teams_that_use_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        load_with(BAD / "catalog-score-range.yaml", tmp_path)
    assert {"catalog.yaml"} == {
        one.file.rpartition("/")[2] for one in errors(raised.value.problems)
    }


@pytest.mark.parametrize(
    "name", ["routing.yaml", "catalog.yaml", "organisation.yaml", "teams/small.yaml"]
)
def test_a_file_that_cannot_be_read_is_the_only_one_to_blame(name: str, tmp_path: Path) -> None:
    config = copy_good(tmp_path)
    (tmp_path / "policies" / name).write_text("policies: {cheap: [", encoding="utf-8")
    assert [name] == [one.file.partition("/policies/")[2] for one in _problems(config)]


def test_findings_behind_a_faulty_item_keep_their_position(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        load_with(BAD / "team-money-number.yaml", tmp_path)
    _replace(tmp_path / "policies/teams/research.yaml", '"kling-*"', '"king-*"')
    assert ["budgets[0].limit", "budgets[1].match.model"] == [
        one.path for one in _problems(tmp_path / "config.yaml")
    ]


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def _problems(config: Path) -> list[Problem]:
    with pytest.raises(ConfigError) as raised:
        load_good(config)
    return errors(raised.value.problems)
