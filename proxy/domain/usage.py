"""How full budgets are, and which policy ranks when they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.domain.plan import Switch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from proxy.domain.ids import PolicyName
    from proxy.domain.policy import Match
    from proxy.domain.routing import RoutingPolicy, WhenUsed


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetUse:
    """One budget in its current period: what is spent or held of its limit, in micro-USD."""

    budget_id: str
    used_micro_usd: int
    limit_micro_usd: int
    match: Match | None = None

    def is_above(self, percent: int) -> bool:
        """Say whether more than so many percent are used; nothing may be used of a limit of 0."""
        if self.limit_micro_usd == 0:
            return True
        return self.used_micro_usd * 100 > percent * self.limit_micro_usd


def rule_in_force(policy: RoutingPolicy, budgets: Iterable[BudgetUse]) -> WhenUsed | None:
    """The first of a policy's rules that holds."""
    known = tuple(budgets)
    return next((rule for rule in policy.when if _holds(rule, known)), None)


def chain_of(
    policy: RoutingPolicy,
    policies: Mapping[PolicyName, RoutingPolicy],
    budgets: Iterable[BudgetUse],
) -> list[tuple[WhenUsed, RoutingPolicy]]:
    """The policies a request is handed to, one after the other, each with the rule that did it.

    A policy it has passed ends the chain, should the configuration have let a circle through.
    """
    known = tuple(budgets)
    chain: list[tuple[WhenUsed, RoutingPolicy]] = []
    passed = {policy.name}
    rule = rule_in_force(policy, known)
    while rule is not None and rule.use not in passed:
        following = policies[rule.use]
        chain.append((rule, following))
        passed.add(rule.use)
        rule = rule_in_force(following, known)
    return chain


def fallbacks_of(
    policy: RoutingPolicy, policies: Mapping[PolicyName, RoutingPolicy]
) -> list[RoutingPolicy]:
    """The policies that may plan, one after the other, where a policy finds nothing."""
    found: list[RoutingPolicy] = []
    passed = {policy.name}
    following = policy.fallback
    while following is not None and following not in passed:
        found.append(policies[following])
        passed.add(following)
        following = policies[following].fallback
    return found


def ways_of(
    asked: RoutingPolicy,
    policies: Mapping[PolicyName, RoutingPolicy],
    budgets: Iterable[BudgetUse],
) -> list[tuple[RoutingPolicy, Switch | None]]:
    """Policies in the order in which they may plan, and why another one than the asked does.

    First whom its rules hand the request to, the last of them first; then itself; then its
    fallbacks.
    """
    rules = [
        (policy, Switch(asked=asked.name, above_percent=rule.above_percent, budget=rule.budget))
        for rule, policy in reversed(chain_of(asked, policies, budgets))
    ]
    fallbacks = [(policy, Switch(asked=asked.name)) for policy in fallbacks_of(asked, policies)]
    return [*rules, (asked, None), *fallbacks]


def _holds(rule: WhenUsed, budgets: Iterable[BudgetUse]) -> bool:
    return any(
        budget.is_above(rule.above_percent)
        for budget in budgets
        if (budget.match is None if rule.budget is None else budget.budget_id == rule.budget)
    )
