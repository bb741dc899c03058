"""Settings of the properties in this folder."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A shared machine may stall any single example: time is the suite's limit, not the example's.
settings.register_profile(
    "domain",
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("domain")
