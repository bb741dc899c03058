"""What FOCUS 1.4 says of the values of one row, beside the table of columns."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.domain.export.focus_columns import COLUMNS_1_4, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

# attributes/numeric_format.md@04a7fe8d: no sign but minus, no exponent, no separators.
DECIMAL = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
# attributes/datetime_format.md@0942b25c: YYYY-MM-DDTHH:mm:ssZ.
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
TIME_UNITS = frozenset({"Seconds"})
"""attributes/unit_format.md@02ec33df, those in use."""


def problems(row: Mapping[str, str]) -> list[str]:
    """Name every requirement that a row breaks."""
    found = [f"{name}: {row[name]!r}" for name in COLUMNS_1_4 if not _is_allowed(name, row[name])]
    return found + [name for name, holds in _laws(row).items() if not holds]


def _is_allowed(name: str, value: str) -> bool:
    column = COLUMNS_1_4[name]
    if not value:
        return column.may_be_null
    if column.allowed and value not in column.allowed:
        return False
    match column.kind:
        case Kind.DECIMAL:
            return DECIMAL.fullmatch(value) is not None
        case Kind.INSTANT:
            return INSTANT.fullmatch(value) is not None
        case Kind.JSON:
            return isinstance(json.loads(value), dict)
        case Kind.TEXT:
            # attributes/string_handling.md: no white space around a text.
            return True


def _laws(row: Mapping[str, str]) -> Mapping[str, bool]:
    is_usage = row["ChargeCategory"] == "Usage"
    is_correction = row["ChargeClass"] == "Correction"
    has_price = bool(row["SkuPriceId"])
    price, quantity = row["ListUnitPrice"], row["PricingQuantity"]
    is_incurred = row["BillingPeriodStart"] <= row["ChargePeriodStart"] < row["BillingPeriodEnd"]
    return {
        # effectivecost.md: equal where nothing covers another charge.
        "EffectiveCost is BilledCost": row["EffectiveCost"] == row["BilledCost"],
        # contractedcost.md: equal to ListCost where nothing is negotiated.
        "ContractedCost is ListCost": row["ContractedCost"] == row["ListCost"],
        # listcost.md, both cases.
        "ListCost is price times quantity": Decimal(row["ListCost"])
        == (Decimal(price) * Decimal(quantity) if price else Decimal(row["BilledCost"])),
        # pricingquantity.md, skuid.md, skupriceid.md, consumedquantity.md, listunitprice.md.
        "usage is priced": not (is_usage and not is_correction)
        or all((has_price, price, quantity, row["ConsumedQuantity"], row["SkuId"])),
        "no quantity without a price": has_price
        or not any((price, quantity, row["ConsumedQuantity"], row["SkuPriceDetails"])),
        "only usage is consumed": is_usage or not row["ConsumedQuantity"],
        "units go with quantities": bool(quantity) == bool(row["PricingUnit"])
        and bool(row["ConsumedQuantity"]) == bool(row["ConsumedUnit"]),
        "units are known": {row["PricingUnit"], row["ConsumedUnit"]} <= TIME_UNITS | {""},
        "a meter goes with a SKU": bool(row["SkuMeter"]) == bool(row["SkuId"]),
        # skupricedetails.md: own properties begin with x_.
        "own price details are marked": all(
            name.startswith("x_") for name in json.loads(row["SkuPriceDetails"] or "{}")
        ),
        # correction_handling.md@077459c8: billed now, incurred in a period that is over.
        "a correction is of an earlier period": is_correction != is_incurred,
        "periods are not empty": row["ChargePeriodStart"] < row["ChargePeriodEnd"],
        "one currency": row["BillingCurrency"] == "USD",
    }
