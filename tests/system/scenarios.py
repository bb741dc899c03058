"""The failure table: four vendors, everything that can go wrong, and what must come of it.

docs/failures.md is made from it (`make failures`), `test_failure_table.py` proves it.
"""

from __future__ import annotations

from tests.system.submit_scenarios import LOST_ANSWERS, NO_CANDIDATE, REFUSALS, SUCCESS
from tests.system.task_scenarios import (
    BUCKET,
    CALLBACKS,
    CANCELS,
    DOWNLOADS,
    MONEY,
    OUTCOMES,
    RETIREMENT,
    STATUS_ALWAYS,
    STATUS_SOMETIMES,
)

SECTIONS = (
    SUCCESS,
    REFUSALS,
    NO_CANDIDATE,
    LOST_ANSWERS,
    OUTCOMES,
    STATUS_SOMETIMES,
    STATUS_ALWAYS,
    CALLBACKS,
    DOWNLOADS,
    MONEY,
    CANCELS,
    RETIREMENT,
)
"""Played on one deployment, where Vertex hands its videos out inside the status answer."""

PAGE = tuple(
    part
    for section in SECTIONS
    for part in ((section, BUCKET) if section is DOWNLOADS else (section,))
)
"""What docs/failures.md shows, in its order."""
