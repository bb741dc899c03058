"""Stages whose leases end while a test looks on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.domain.engine import UnknownThen
from tests.fakes import FindingProvider
from tests.gateway.harness import fast_engine, fast_snapshot

if TYPE_CHECKING:
    from proxy.domain.policy import Snapshot
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

LEASE_S = 0.06


def short_leases(then: UnknownThen = UnknownThen.RELEASE) -> Snapshot:
    engine = replace(fast_engine(), lease_s=LEASE_S, unknown_then=then)
    return fast_snapshot(engine=engine)


def twin_of(stage: Stage, new_stage: StageMaker) -> Stage:
    """Another process over the same store and providers."""
    return new_stage(snapshot=stage.snapshot, kling=stage.kling, vertex=stage.vertex)


def finding(stage: Stage) -> FindingProvider:
    assert isinstance(stage.kling, FindingProvider)
    return stage.kling
