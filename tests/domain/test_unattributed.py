"""Who bears what nobody explains."""

from __future__ import annotations

from proxy.domain.policy import Match
from proxy.domain.unattributed import unattributed_balances
from tests.builders import NOW_MS, a_budget
from tests.ledger_entries import a_charge


def test_the_organisation_and_an_account_for_it() -> None:
    budgets = [
        a_budget(id="all", scope="org"),
        a_budget(id="same", scope="org"),
        a_budget(id="kling", scope="org", match=Match(provider="kling")),
        a_budget(id="vertex", scope="org", match=Match(provider="vertex")),
    ]
    assert (
        "org|month|2026-11",
        'org{"provider":"kling"}|month|2026-11',
        "unattributed|month|2026-11",
    ) == unattributed_balances(budgets, a_charge(), NOW_MS)
