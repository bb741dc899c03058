"""Dashboards: generated from their sources, complete, and about metrics that exist."""

from __future__ import annotations

import importlib.util
import json
import re
from typing import TYPE_CHECKING, Any, Final

import pytest

from proxy.telemetry.catalog import DEBUG, METRICS
from tests.deploy.files import DEPLOY, ROOT, document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

SOURCES: Final = sorted((DEPLOY / "grafana" / "sources").glob("*.yaml"))
DASHBOARDS: Final = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
}
NAMES: Final = {metric.name for metric in METRICS}
NOT_OURS: Final = {"up", "process_resident_memory_bytes", "process_start_time_seconds"}
SUFFIXES: Final = ("_bucket", "_sum", "_count")
HEIGHT_MAX: Final = 12


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dashboards", ROOT / "tools" / "dashboards.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def panels(name: str) -> Iterator[dict[str, Any]]:
    yield from (panel for panel in DASHBOARDS[name]["panels"] if panel["type"] != "row")


def queries() -> Iterator[str]:
    for name in DASHBOARDS:
        for panel in panels(name):
            yield from (target["expr"] for target in panel["targets"])


def rules() -> Iterator[dict[str, Any]]:
    for path in (DEPLOY / "prometheus" / "rules").glob("*.yaml"):
        for group in document(path)["groups"]:
            yield from group["rules"]


def metrics_of(expr: str) -> set[str]:
    """The metrics that an expression asks for, histograms by their own name."""
    found = set(re.findall(r"\b((?:greenlight|process)[a-z_]*[a-z]|up(?=\{))", expr))
    for name in list(found):
        for suffix in SUFFIXES:
            if name.removesuffix(suffix) in NAMES:
                found = found - {name} | {name.removesuffix(suffix)}
    return found


def test_there_are_the_four_that_people_look_at() -> None:
    assert ["finance", "jobs", "overview", "providers"] == list(DASHBOARDS)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_the_json_is_what_its_source_makes(source: Path) -> None:
    path = DEPLOY / "grafana" / "dashboards" / f"{source.stem}.json"
    assert generator().written(source) == path.read_text(encoding="utf-8"), "make dashboards"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_can_be_provisioned_anywhere(name: str) -> None:
    dashboard = DASHBOARDS[name]
    assert f"greenlight-{name}" == dashboard["uid"]
    assert dashboard["refresh"]
    assert "__inputs" not in dashboard
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in panels(name):
        assert "${datasource}" == panel["datasource"]["uid"]
        for target in panel["targets"]:
            assert "${datasource}" == target["datasource"]["uid"]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_panel_says_what_it_shows_and_in_which_unit(name: str) -> None:
    titles = [panel["title"] for panel in panels(name)]
    assert len(set(titles)) == len(titles)
    for panel in panels(name):
        assert len(panel["description"]) > 10, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_no_panel_lies_on_another(name: str) -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in DASHBOARDS[name]["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        assert at["h"] <= HEIGHT_MAX
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                assert (x, y) not in taken, (panel["title"], taken[x, y])
                taken[x, y] = panel["title"]


def test_every_variable_that_is_used_is_there() -> None:
    builtin = {"__rate_interval", "__range", "__interval"}
    for name, dashboard in DASHBOARDS.items():
        known = {variable["name"] for variable in dashboard["templating"]["list"]}
        for panel in panels(name):
            for target in panel["targets"]:
                used = set(re.findall(r"\$\{?(\w+)", target["expr"])) - builtin
                assert used <= known, panel["title"]


def test_every_metric_that_is_asked_for_exists() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    asked = [*queries(), *(rule["expr"] for rule in rules())]
    unknown = set().union(*map(metrics_of, asked)) - NAMES - NOT_OURS
    assert set() == unknown
    named = set(re.findall(r"greenlight:[a-z_:0-9]+", " ".join(asked)))
    assert named <= recorded
    assert recorded <= named


def test_every_metric_is_used_or_marked_as_one_for_debugging() -> None:
    asked = [*queries(), *(rule["expr"] for rule in rules())]
    used = set().union(*map(metrics_of, asked))
    debug = {metric.name for metric in DEBUG}
    assert set() == NAMES - used - debug
    assert set() == used & debug
