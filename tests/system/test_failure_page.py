"""docs/failures.md is what the failure table says, and the table says everything."""

from __future__ import annotations

import pytest

from proxy.gateway.outcome import JOB_ERROR_CODES
from proxy.simulator.directives import (
    CALLBACK_FAULTS,
    DOWNLOAD_FAULTS,
    OUTCOMES,
    READ_FAULTS,
    SUBMIT_FAULTS,
)
from tests.system.ending import PROVIDERS
from tests.system.failure_page import FILE, page
from tests.system.scenarios import PAGE, SECTIONS

SCENARIOS = [scenario for section in PAGE for scenario in section.scenarios]


def test_the_page_is_up_to_date() -> None:
    assert page() == FILE.read_text(encoding="utf-8"), "run: make failures"


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("submit", SUBMIT_FAULTS),
        ("outcome", OUTCOMES - {"ok"}),
        ("status", READ_FAULTS),
        ("download", DOWNLOAD_FAULTS),
        ("callback", CALLBACK_FAULTS),
    ],
)
def test_whatever_the_simulator_can_do_stands_in_the_table(
    key: str, values: frozenset[str]
) -> None:
    played = {word for scenario in SCENARIOS for word in scenario.directive.split()}
    assert set() == {f"{key}={value}" for value in values} - played


def test_every_code_that_a_vendor_can_cause_stands_in_the_table() -> None:
    found = {ending.code for scenario in SCENARIOS for ending in scenario.ends.values()}
    # `source_gone` needs a video made from another one: tests/system/test_derived.py has it.
    caused = {*JOB_ERROR_CODES.values(), "artifact_lost", "cancelled"} - {"source_gone"}
    assert caused == found - {None, "no_route"}


def test_every_row_of_the_main_part_is_one_of_its_own() -> None:
    for section in SECTIONS:
        rows = [(scenario.says, scenario.directive) for scenario in section.scenarios]
        assert len(set(rows)) == len(rows)
        assert all(set(scenario.ends) <= set(PROVIDERS) for scenario in section.scenarios)
        assert all(scenario.ends for scenario in section.scenarios)
