"""Notices: what is told to receivers outside when nobody has asked, and how it reads."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from proxy.domain.instant import iso_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ID_RANDOM_BYTES = 15


class NoticeKind(StrEnum):
    """What can be told; the values are what `notify[].on` allows."""

    BUDGET_THRESHOLD = "budget.threshold"
    """A level of a budget's `alert_at` was reached."""
    BUDGET_SOFT_EXCEEDED = "budget.soft_exceeded"
    """A budget that only warns was passed."""
    BUDGET_OVERAGE = "budget.overage"
    """Attempts cost more than was reserved for them."""
    PROVIDER_ACCOUNT = "provider.account"
    """A provider refused an account: its credentials, or its credit."""
    PROVIDER_MODEL_GONE = "provider.model_gone"
    """A provider no longer knows a model."""
    ATTEMPT_UNATTRIBUTED = "attempt.unattributed"
    """A vendor billed what no attempt explains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One message. `id` is the same whenever it is sent; money in `data` is text, in dollars."""

    id: str
    kind: NoticeKind
    at_ms: int
    data: Mapping[str, object]

    def body(self) -> str:
        """The message as JSON in ASCII, as Standard Webhooks has it."""
        content = {"type": self.kind, "timestamp": iso_ms(self.at_ms), "data": dict(self.data)}
        return json.dumps(content, separators=(",", ":"))


def new_notice_id(random_bytes: Callable[[int], bytes]) -> str:
    """Make a message's id, `msg_` and 24 characters of `a-z2-7`."""
    return "msg_" + base64.b32encode(random_bytes(ID_RANDOM_BYTES)).decode().lower()
