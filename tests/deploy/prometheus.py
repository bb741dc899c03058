"""The tools of Prometheus: without them tests are skipped, but under CI they must be there."""

from __future__ import annotations

import os
import shutil
from typing import Final

import pytest

MISSING: Final = (
    "prometheus and promtool are not installed here (Debian: apt-get install prometheus)"
)
ARE_THERE: Final = all(shutil.which(tool) for tool in ("prometheus", "promtool"))

needs_prometheus = pytest.mark.skipif(
    not ARE_THERE and os.environ.get("CI") != "true", reason=MISSING
)
