"""Stopping has a time of its own, and an end that waits for nobody."""

from __future__ import annotations

import subprocess
import sys
import threading

from proxy.app.stopping import LAST_WORDS, Stop

HANGING = """
import time
from proxy.app.stopping import Stop
with Stop(0.2) as stop:
    stop.ask()
    while True:
        time.sleep(1)
"""


def test_who_stops_in_time_is_left_alone() -> None:
    ended = threading.Event()
    with Stop(0.1, end=ended.set) as stop:
        stop.ask()
        assert stop.asked.is_set()
    assert not ended.wait(0.3)


def test_who_was_never_asked_to_stop_is_left_alone() -> None:
    ended = threading.Event()
    with Stop(0.0, end=ended.set) as stop:
        assert not ended.wait(0.1)
        assert not stop.asked.is_set()


def test_who_takes_too_long_is_ended() -> None:
    ended = threading.Event()
    with Stop(0.05, end=ended.set) as stop:
        stop.ask()
        assert ended.wait(10.0)


def test_a_process_that_hangs_ends_all_the_same() -> None:
    found = subprocess.run(
        [sys.executable, "-c", HANGING], capture_output=True, timeout=30, check=False
    )
    assert (1, LAST_WORDS) == (found.returncode, found.stderr)


def test_each_part_has_its_share_from_the_first_asking() -> None:
    with Stop(100.0, end=lambda: None) as stop:
        assert 25.0 == stop.share_s(0.25)
        first = stop.left_s(0.5)
        assert 49.0 < first <= 50.0
        stop.ask()
        assert stop.left_s(0.5) <= first
    with Stop(0.0, end=lambda: None) as stop:
        assert 0.0 == stop.left_s(0.5)
