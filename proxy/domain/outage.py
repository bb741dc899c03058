"""What a process may still answer while the store is away."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """How a process makes do without the store.

    `replicas` is how many deployments share the store: each gives its part of every token bucket.
    `remember` is how many jobs that clients have read are kept (0: none), each for
    `remember_for_s` after it was last seen in the store.
    """

    replicas: int = 1
    remember: int = 1000
    remember_for_s: float = 600.0
