"""Alerts and recorded ratios: each alert fires when it should, is quiet when not, and leads on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from tests.deploy.files import DEPLOY, ROOT, document, run
from tests.deploy.prometheus import needs_prometheus

if TYPE_CHECKING:
    from pathlib import Path

RULES: Final = [
    DEPLOY / "prometheus" / "rules" / f"{name}.yaml" for name in ("recording", "alerts")
]
"""What is recorded first: alerts look at it."""
LONG_M: Final = 120
CASES: Final = document(DEPLOY / "prometheus" / "tests" / "alerts.yaml")
ALERTS: Final = {
    rule["alert"]: rule
    for path in RULES
    for group in document(path)["groups"]
    for rule in group["rules"]
    if "alert" in rule
}


@needs_prometheus
def test_prometheus_takes_its_settings_and_every_rule() -> None:
    said = run("promtool", "check", "config", DEPLOY / "prometheus" / "prometheus.yaml")
    assert len(RULES) == said.count("rules found") // 1
    for path in RULES:
        run("promtool", "check", "rules", "--lint-fatal", path)


def test_every_alert_has_a_case_in_which_it_fires_and_a_quiet_one() -> None:
    assert set(ALERTS) == set(CASES)
    for name, cases in CASES.items():
        fires = {case["fires"] > 0 for case in cases}
        assert {True, False} == fires, name


@needs_prometheus
@pytest.mark.parametrize("is_long", [False, True], ids=["minutes", "hours and days"])
def test_every_case_comes_out_as_it_says(tmp_path: Path, *, is_long: bool) -> None:
    tests = [
        promtool_test(name, case)
        for name, cases in CASES.items()
        for case in cases
        if is_long == (minutes(case["at"]) > LONG_M)
    ]
    path = tmp_path / "alerts.test.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "rule_files": [str(rules) for rules in RULES],
                # Without an order promtool may look at alerts before what they look at is there.
                "group_eval_order": [
                    group["name"] for rules in RULES for group in document(rules)["groups"]
                ],
                # Rules of days need not be looked at every minute of them.
                "evaluation_interval": "20m" if is_long else "1m",
                "tests": tests,
            },
            sort_keys=False,
        ),
        encoding="utf-8",
    )
    run("promtool", "test", "rules", path)


def minutes(text: str) -> int:
    return int(text.removesuffix("m"))


def promtool_test(name: str, case: dict[str, Any]) -> dict[str, Any]:
    """A case as promtool wants it."""
    return {
        "name": f"{name}: {case['why']}",
        "interval": "1m",
        "input_series": [
            {"series": series, "values": str(values)} for series, values in case["series"].items()
        ],
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertname="{name}", alertstate="firing"}}) or vector(0)',
                "eval_time": case["at"],
                "exp_samples": [{"labels": "{}", "value": case["fires"]}],
            }
        ],
    }


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_much_it_matters_and_where_to_go_on(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in ("page", "ticket")
    notes = rule["annotations"]
    assert {"summary", "description", "runbook", "dashboard"} == notes.keys()
    assert "{{" not in notes["summary"]
    runbook = ROOT / notes["runbook"]
    assert runbook.is_file(), runbook
    assert name in runbook.read_text(encoding="utf-8")
    sources = DEPLOY / "grafana" / "sources"
    assert notes["dashboard"] in {document(path)["uid"] for path in sources.glob("*.yaml")}


def test_every_runbook_belongs_to_an_alert() -> None:
    used = {rule["annotations"]["runbook"] for rule in ALERTS.values()}
    written = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "docs" / "runbooks").glob("*.md")
        if path.name != "README.md"
    }
    assert used == written


def test_runbooks_say_what_it_means_what_to_look_at_and_what_to_do() -> None:
    for path in (ROOT / "docs" / "runbooks").glob("*.md"):
        headings = re.findall(r"^## (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        if path.name != "README.md":
            assert ["What it means", "Look", "Do", "It is over when"] == headings, path.name
