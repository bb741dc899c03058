"""The documents name everything there is to know, and nothing that does not exist."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from pydantic import BaseModel

from proxy.cli.jobs import JobsGroup
from proxy.cli.main import cli
from proxy.domain import errors
from proxy.http.errors import FIELD_NOT_SUPPORTED, STATUS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "deploy").rglob("*.md")])


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def unnamed(names: set[str], text: str) -> list[str]:
    """List the names that stand nowhere in backticks, alone or as a part of a dotted path."""
    spoken = set(re.findall(r"`([^`\n]+)`", text))
    spoken |= {part for phrase in spoken for part in re.split(r"[\s=:{},\[\]()|]+", phrase)}
    spoken |= {part for phrase in spoken for part in phrase.split(".")}
    return sorted(names - spoken)


def test_every_error_code_is_documented() -> None:
    codes: list[Mapping[str, str]] = [errors.REQUEST_CODES, errors.JOB_CODES]
    assert [] == unnamed({code for table in codes for code in table}, page("errors.md"))


def test_every_error_class_has_a_code_of_the_table() -> None:
    def descendants(kind: type[errors.ProxyError]) -> Iterator[type[errors.ProxyError]]:
        for child in kind.__subclasses__():
            yield child
            yield from descendants(child)

    assert {kind.code for kind in descendants(errors.ProxyError)} <= set(errors.REQUEST_CODES)


def test_the_documented_statuses_are_the_real_ones() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d{3})[^|]*\|", page("errors.md"), flags=re.MULTILINE)
    real = {**STATUS, "not_supported_yet": FIELD_NOT_SUPPORTED}
    assert real == {code: int(status) for code, status in rows}


def modules(package: str) -> Iterator[ModuleType]:
    """Import every module below a package; none when the package is not there."""
    if importlib.util.find_spec(package) is None:
        return
    found = importlib.import_module(package)
    for module in pkgutil.walk_packages(found.__path__, f"{package}."):
        yield importlib.import_module(module.name)


def config_models() -> Iterator[type[BaseModel]]:
    """Yield what the files are checked with, and the credentials each provider declares."""
    schemas = list(modules("proxy.config.schema"))
    schemas += [module for module in modules("proxy.providers") if "settings" in module.__name__]
    for module in schemas:
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, BaseModel):
                yield value


def test_every_setting_is_documented() -> None:
    names = {
        field.alias or name
        for model in config_models()
        for name, field in model.model_fields.items()
    }
    assert names
    assert [] == unnamed(names, page("configuration.md"))


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from commands(child, f"{path} {name}")


def test_every_command_and_option_is_documented() -> None:
    text = page("cli.md")
    missing = []
    for path, command in commands(cli, "greenlight"):
        if f"`{path}" not in text:
            missing.append(path)
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                missing += [f"{path} {name}" for name in parameter.opts if name not in text]
    assert [] == missing


def problem_of(line: str) -> str | None:
    """What is wrong with a command that a page tells people to type."""
    command: click.Command = cli
    words = line.split()
    while isinstance(command, click.Group) and words:
        child = command.get_command(click.Context(command), words[0])
        if child is None:
            break
        command = child
        words.pop(0)
    if isinstance(command, JobsGroup):
        command = command.commands["show"]
    if isinstance(command, click.Group) and words and not words[0].startswith("-"):
        return f"no command {words[0]}"
    options = [each for each in command.params if isinstance(each, click.Option)]
    known = {"--help", *(name for each in options for name in (*each.opts, *each.secondary_opts))}
    given = (word.partition("=")[0] for word in words if word.startswith("--"))
    return next((f"no option {name}" for name in given if name not in known), None)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_command_that_a_page_names_exists(path: Path) -> None:
    named = re.findall(r"`greenlight ([a-z][^`\n]*)`", path.read_text(encoding="utf-8"))
    wrong = [f"greenlight {line}: {found}" for line in named if (found := problem_of(line))]
    assert [] == wrong


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    local = [target.partition("#")[0] for target in targets if "://" not in target]
    assert [] == [target for target in local if target and not (path.parent / target).exists()]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_path_named_exists(path: Path) -> None:
    """Paths with a placeholder, and examples (`design.yaml`), need not exist."""
    text = path.read_text(encoding="utf-8")
    top = "proxy|tests|docs|bench|tools|policies|requirements"
    named = set(re.findall(rf"`((?:{top})/[^`\s:*]+)`", text)) - {"policies/teams/design.yaml"}
    assert [] == [name for name in named if "<" not in name and not (ROOT / name).exists()]


def invariants() -> dict[str, str]:
    """Number -> text, of each numbered invariant."""
    text = page("architecture.md")
    found = re.findall(
        r"^(\d+)\. (\*\*Invariant: .*?)(?=^\d+\. |^## |\Z)", text, re.MULTILINE | re.DOTALL
    )
    return dict(found)


def test_invariants_are_numbered_in_order() -> None:
    assert [str(number) for number in range(1, len(invariants()) + 1)] == list(invariants())


@pytest.mark.parametrize("number", invariants())
def test_an_invariant_names_a_test_or_a_contract_that_exists(number: str) -> None:
    text = invariants()[number]
    tests = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {contract["name"] for contract in project["tool"]["importlinter"]["contracts"]}
    named = re.findall(r"[Cc]ontract \"([^\"]+)\"", text)
    assert tests or named
    assert set() == set(named) - contracts
    for path, name in tests:
        assert re.search(
            rf"^(async )?def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE
        )


SHOWN_COMMAND = re.compile(
    r"(?:^ {4}|`)greenlight ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?\b", re.MULTILINE
)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_command_that_is_shown_exists(path: Path) -> None:
    for name, more in SHOWN_COMMAND.findall(path.read_text(encoding="utf-8")):
        context = click.Context(cli)
        command = cli.get_command(context, name)
        assert command is not None, f"greenlight {name}"
        if isinstance(command, click.Group) and more:
            assert command.get_command(context, more) is not None, f"greenlight {name} {more}"
