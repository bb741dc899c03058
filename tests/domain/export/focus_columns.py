"""FOCUS 1.4 as a table: what its Cost and Usage dataset says of each column that is exported.

Every row names its source: a page of github.com/FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec below
specification/datasets/cost_and_usage/columns at a commit, read 2026-11-24. Which columns are
mandatory is said by dataset.md (commit 003443d7) for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """Whether a dataset must have the column."""

    MANDATORY = "Mandatory"
    CONDITIONAL = "Conditional"
    RECOMMENDED = "Recommended"


class Kind(StrEnum):
    """The data type."""

    TEXT = "String"
    DECIMAL = "Decimal"
    INSTANT = "Date/Time"
    JSON = "JSON"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column; `condition` is the operating model under which it must be there."""

    level: Level
    kind: Kind
    may_be_null: bool
    source: str
    allowed: frozenset[str] = frozenset()
    condition: str = ""


def _mandatory(
    kind: Kind, source: str, *, null: bool = False, allowed: frozenset[str] = frozenset()
) -> Column:
    return Column(
        level=Level.MANDATORY, kind=kind, may_be_null=null, source=source, allowed=allowed
    )


def _conditional(kind: Kind, condition: str, source: str) -> Column:
    return Column(
        level=Level.CONDITIONAL, kind=kind, may_be_null=True, source=source, condition=condition
    )


def _recommended(source: str, allowed: frozenset[str]) -> Column:
    return Column(
        level=Level.RECOMMENDED,
        kind=Kind.TEXT,
        may_be_null=False,
        source=source,
        allowed=allowed,
    )


_CATEGORIES = frozenset({"Usage", "Purchase", "Tax", "Credit", "Adjustment"})
_FREQUENCIES = frozenset({"One-Time", "Recurring", "Usage-Based"})
_SERVICES = frozenset(
    {
        "AI and Machine Learning",
        "Analytics",
        "Business Applications",
        "Compute",
        "Databases",
        "Developer Tools",
        "Multicloud",
        "Identity",
        "Integration",
        "Internet of Things",
        "Management and Governance",
        "Media",
        "Migration",
        "Mobile",
        "Networking",
        "Security",
        "Storage",
        "Web",
        "Other",
    }
)
_OF_MACHINE_LEARNING = frozenset(
    {
        "AI Platforms",
        "Bots",
        "Generative AI",
        "Machine Learning",
        "Natural Language Processing",
        "Other (AI and Machine Learning)",
    }
)

COLUMNS_1_4 = {
    "BilledCost": _mandatory(Kind.DECIMAL, "billedcost.md@01d5c095"),
    "BillingAccountId": _mandatory(Kind.TEXT, "billingaccountid.md@c67b95bd"),
    "BillingAccountName": _mandatory(Kind.TEXT, "billingaccountname.md@f3ff423e", null=True),
    "BillingCurrency": _mandatory(Kind.TEXT, "billingcurrency.md@4a76f48e"),
    "BillingPeriodEnd": _mandatory(Kind.INSTANT, "billingperiodend.md@0cdc033b"),
    "BillingPeriodStart": _mandatory(Kind.INSTANT, "billingperiodstart.md@c67b95bd"),
    "ChargeCategory": _mandatory(Kind.TEXT, "chargecategory.md@02645d23", allowed=_CATEGORIES),
    "ChargeClass": _mandatory(
        Kind.TEXT, "chargeclass.md@0eccf797", null=True, allowed=frozenset({"Correction"})
    ),
    "ChargeDescription": _mandatory(Kind.TEXT, "chargedescription.md@4a76f48e", null=True),
    "ChargeFrequency": _recommended("chargefrequency.md@1069b3cb", _FREQUENCIES),
    "ChargePeriodEnd": _mandatory(Kind.INSTANT, "chargeperiodend.md@4a76f48e"),
    "ChargePeriodStart": _mandatory(Kind.INSTANT, "chargeperiodstart.md@06eed073"),
    "ConsumedQuantity": _conditional(
        Kind.DECIMAL, "usage measurement", "consumedquantity.md@02d35f86"
    ),
    "ConsumedUnit": _conditional(Kind.TEXT, "usage measurement", "consumedunit.md@31a2ed20"),
    "ContractedCost": _mandatory(Kind.DECIMAL, "contractedcost.md@07fd7f98"),
    "EffectiveCost": _mandatory(Kind.DECIMAL, "effectivecost.md@01d1432a"),
    "HostProviderName": _mandatory(Kind.TEXT, "hostprovidername.md@03c652c3"),
    "InvoiceIssuerName": _mandatory(Kind.TEXT, "dataset.md@003443d7"),
    "ListCost": _mandatory(Kind.DECIMAL, "listcost.md@04a40c5a"),
    "ListUnitPrice": _conditional(Kind.DECIMAL, "list unit prices", "listunitprice.md@0c4e3ce3"),
    "PricingQuantity": _mandatory(Kind.DECIMAL, "pricingquantity.md@01705c17", null=True),
    "PricingUnit": _mandatory(Kind.TEXT, "pricingunit.md@0da1788e", null=True),
    "ServiceCategory": _mandatory(Kind.TEXT, "servicecategory.md@02645d23", allowed=_SERVICES),
    "ServiceName": _mandatory(Kind.TEXT, "dataset.md@003443d7"),
    "ServiceProviderName": _mandatory(Kind.TEXT, "dataset.md@003443d7"),
    "ServiceSubcategory": _recommended("servicesubcategory.md@02645d23", _OF_MACHINE_LEARNING),
    "SkuId": _conditional(Kind.TEXT, "unit pricing", "skuid.md@053dcc13"),
    "SkuMeter": _conditional(Kind.TEXT, "unit pricing", "skumeter.md@11e92728"),
    "SkuPriceDetails": _conditional(Kind.JSON, "unit pricing", "skupricedetails.md@0933485a"),
    "SkuPriceId": _conditional(Kind.TEXT, "unit pricing", "skupriceid.md@06d21c60"),
    "SubAccountId": _conditional(Kind.TEXT, "sub accounts", "subaccountid.md@03d192e2"),
    "SubAccountName": _conditional(Kind.TEXT, "sub accounts", "dataset.md@003443d7"),
    "Tags": _conditional(Kind.JSON, "tags", "tags.md@005e8b61"),
}

MANDATORY_1_4 = frozenset(
    {
        "BilledCost",
        "BillingAccountId",
        "BillingAccountName",
        "BillingCurrency",
        "BillingPeriodEnd",
        "BillingPeriodStart",
        "ChargeCategory",
        "ChargeClass",
        "ChargeDescription",
        "ChargePeriodEnd",
        "ChargePeriodStart",
        "ContractedCost",
        "EffectiveCost",
        "HostProviderName",
        "InvoiceIssuerName",
        "ListCost",
        "PricingQuantity",
        "PricingUnit",
        "ServiceCategory",
        "ServiceName",
        "ServiceProviderName",
    }
)
"""dataset.md@003443d7: "CostAndUsage MUST include", without a condition."""
