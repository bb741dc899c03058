"""Charges as rows of FOCUS, the FinOps Open Cost and Usage Specification, 1.4 and 1.0.

Source: github.com/FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec, specification/datasets/
cost_and_usage (1.4) and specification/columns (1.0), read 2026-11-24; docs/money.md says how the
ledger is mapped to them.
Nothing here depends on the configuration: the same entries make the same bytes for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from proxy.domain.export.entries import canonical_json
from proxy.domain.export.sheet import csv_line, text_cell
from proxy.domain.instant import iso_ms, iso_s
from proxy.domain.ledger import EntryKind
from proxy.domain.money import format_usd
from proxy.domain.period import HOUR_MS, PeriodKind, period_at

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from proxy.domain.export.charges import Billed

_UTC: Final = ZoneInfo("UTC")
_UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A charge with what several of its columns share."""

    billed: Billed
    first_ms: int
    """The instant at which the cost came about: an earlier one for a correction."""

    @property
    def vendor(self) -> str:
        return self.billed.of.provider or _UNKNOWN

    @property
    def cost(self) -> str:
        return format_usd(self.billed.cost_micro_usd)

    @property
    def unit_price(self) -> int | None:
        is_usage = self.billed.kind is EntryKind.SETTLE
        return self.billed.unit_price_micro_usd if is_usage else None

    @property
    def list_cost(self) -> str:
        price = self.unit_price
        return self.cost if price is None else format_usd(price * self.billed.of.seconds)

    @property
    def seconds(self) -> str:
        # The validator takes a column of whole numbers for one that cannot hold decimals.
        return f"{self.billed.of.seconds}.0"

    @property
    def sku(self) -> str:
        of = self.billed.of
        return text_cell(f"{self.vendor}/{of.model}") if of.model else ""

    def when_priced(self, text: str) -> str:
        return "" if self.unit_price is None else text

    def month_ms(self, at_ms: int) -> tuple[int, int]:
        month = period_at(PeriodKind.MONTH, _UTC, at_ms)
        return month.start_ms, month.end_ms

    @property
    def is_correction(self) -> bool:
        """Say whether the month in which it came about was over when this was posted."""
        return self.month_ms(self.first_ms) != self.month_ms(self.billed.at_ms)


def _category(line: _Line) -> str:
    return "Adjustment" if line.unit_price is None else "Usage"


def _description(line: _Line) -> str:
    billed, of = line.billed, line.billed.of
    if billed.kind is EntryKind.UNATTRIBUTED:
        return "Billed by the vendor, explained by no attempt"
    video = f"{of.seconds} s of {of.resolution} video by {of.model}, {of.outcome}"
    prefix = {
        EntryKind.ADJUST: "Invoice correction: ",
        EntryKind.WRITE_OFF: "Write-off: ",
    }.get(billed.kind, "")
    return text_cell(prefix + video)


def _tags(line: _Line) -> str:
    metadata = line.billed.of.metadata
    return canonical_json(dict(metadata)) if metadata else ""


def _details(line: _Line) -> str:
    return line.when_priced(canonical_json({"x_Resolution": line.billed.of.resolution}))


def _basis(line: _Line) -> str:
    return text_cell(line.billed.of.by)


_COST: Final[Mapping[str, Callable[[_Line], str]]] = {
    "BilledCost": lambda line: line.cost,
    "BillingAccountId": lambda line: text_cell(
        f"{line.vendor}/{line.billed.of.account or _UNKNOWN}"
    ),
    "BillingAccountName": lambda line: text_cell(line.billed.of.account),
    "BillingCurrency": lambda _: "USD",
    "BillingPeriodEnd": lambda line: iso_s(line.month_ms(line.billed.at_ms)[1]),
    "BillingPeriodStart": lambda line: iso_s(line.month_ms(line.billed.at_ms)[0]),
    "ChargeCategory": _category,
    "ChargeClass": lambda line: "Correction" if line.is_correction else "",
    "ChargeDescription": _description,
    "ChargeFrequency": lambda _: "Usage-Based",
    "ChargePeriodEnd": lambda line: iso_s((line.first_ms // HOUR_MS + 1) * HOUR_MS),
    "ChargePeriodStart": lambda line: iso_s(line.first_ms // HOUR_MS * HOUR_MS),
    "ConsumedQuantity": lambda line: line.when_priced(line.seconds),
    "ConsumedUnit": lambda line: line.when_priced("Seconds"),
    "ContractedCost": lambda line: line.list_cost,
    "EffectiveCost": lambda line: line.cost,
    "InvoiceIssuerName": lambda line: line.vendor,
    "ListCost": lambda line: line.list_cost,
    "ListUnitPrice": lambda line: line.when_priced(format_usd(line.unit_price or 0)),
    "PricingQuantity": lambda line: line.when_priced(line.seconds),
    "PricingUnit": lambda line: line.when_priced("Seconds"),
    "ServiceCategory": lambda _: "AI and Machine Learning",
    "ServiceName": lambda _: "Video generation",
    "SkuId": lambda line: line.when_priced(line.sku),
    "SkuPriceId": lambda line: line.when_priced(text_cell(line.billed.of.price_id)),
    "SubAccountId": lambda line: text_cell(line.billed.team),
    "SubAccountName": lambda line: text_cell(line.billed.team),
    "Tags": _tags,
}
"""Columns that both versions have."""

_OWN: Final[Mapping[str, Callable[[_Line], str]]] = {
    "x_Attempt": lambda line: line.billed.attempt,
    "x_ChargedAt": lambda line: iso_ms(line.billed.at_ms),
    "x_CostBasis": _basis,
    "x_CostCenter": lambda line: text_cell(line.billed.of.cost_center),
    "x_JobId": lambda line: line.billed.job,
    "x_KeyId": lambda line: text_cell(line.billed.of.key),
    "x_LedgerEntries": lambda line: " ".join(line.billed.entries),
    "x_LedgerKind": lambda line: line.billed.kind.value,
    "x_Model": lambda line: text_cell(line.billed.of.model),
    "x_Outcome": lambda line: text_cell(line.billed.of.outcome),
    "x_Policy": lambda line: text_cell(line.billed.of.policy),
    "x_Reason": lambda line: text_cell(line.billed.reason),
    "x_VendorTaskId": lambda line: text_cell(line.billed.of.task),
}

FOCUS_1_4: Final[Mapping[str, Callable[[_Line], str]]] = {
    **dict(
        sorted(
            {
                **_COST,
                "HostProviderName": lambda line: line.vendor,
                "ServiceProviderName": lambda line: line.vendor,
                "ServiceSubcategory": lambda _: "Generative AI",
                "SkuMeter": lambda line: line.when_priced("Video seconds"),
                "SkuPriceDetails": _details,
            }.items()
        )
    ),
    **_OWN,
}
"""1.4: every mandatory column, and the conditional ones whose condition holds here."""

_EMPTY_IN_1_0: Final = (
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "ContractedUnitPrice",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
)
"""Conditional in the text of 1.0, but its validator asks for them always."""

_NAMED_OTHERWISE: Final[Mapping[str, Callable[[_Line], str]]] = {
    "ChargeType": _category,
    "InvoiceIssuer": lambda line: line.vendor,
    "Provider": lambda line: line.vendor,
    "Publisher": lambda line: line.vendor,
    "ResourceID": lambda _: "",
}
"""What focus-validator 1.0.0 looks for where the text of 1.0 has other names; both are there.

Source: its rules/base_rule_definitions, read 2026-11-24.
"""

FOCUS_1_0: Final[Mapping[str, Callable[[_Line], str]]] = {
    **dict(
        sorted(
            {
                **_COST,
                **dict.fromkeys(_EMPTY_IN_1_0, lambda _: ""),
                "PricingCategory": lambda line: line.when_priced("Standard"),
                "ProviderName": lambda line: line.vendor,
                "PublisherName": lambda line: line.vendor,
            }.items()
        )
    ),
    **_NAMED_OTHERWISE,
    **_OWN,
}


def header(columns: Mapping[str, Callable[[_Line], str]]) -> str:
    """The first line."""
    return csv_line(columns)


def focus_row(columns: Mapping[str, Callable[[_Line], str]], billed: Billed, first_ms: int) -> str:
    """A charge as one line; `first_ms` is when its attempt was first charged, Unix ms."""
    line = _Line(billed=billed, first_ms=first_ms)
    return csv_line(cell(line) for cell in columns.values())
