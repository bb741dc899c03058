"""deploy/systemd: a unit that systemd takes, closed to what the proxy does not need."""

from __future__ import annotations

import re
import shutil

import pytest

from tests.deploy.files import DEPLOY, run

UNIT = DEPLOY / "systemd" / "greenlight.service"
EXPOSURE_MAX = 2.0
"""Of 10. The rest is the network, which is what the proxy is for."""

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed here"
)


@needs_systemd
def test_little_is_left_open() -> None:
    said = run("systemd-analyze", "security", "--offline=yes", "--no-pager", UNIT)
    found = re.search(r"Overall exposure level for greenlight.service: ([\d.]+)", said)
    assert found is not None, said
    assert float(found[1]) < EXPOSURE_MAX


def test_it_is_given_more_time_to_stop_than_it_takes() -> None:
    text = UNIT.read_text(encoding="utf-8")
    stop_s = re.search(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
    assert stop_s is not None
    assert int(stop_s[1]) > 28
    assert "ExecReload=/bin/kill -HUP $MAINPID" in text
