"""Findings about routing policies that no file shows alone."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from proxy.config.check.names import RANKING_WORDS, Names
from proxy.config.check.teams import check_pattern
from proxy.config.document import Path
from proxy.config.files import Files
from proxy.config.schema.policies import RoutingSchema, RoutingSection
from proxy.config.validate import Checked

_Policies = Mapping[str, RoutingSection]
_Leads = Callable[[RoutingSection], Iterable[str]]
"""The policies to which one may hand a request."""


def check_routing(files: Files, names: Names) -> None:
    """Report what policies rank by, prefer, exclude or hand over to, and nobody knows."""
    routing = files.routing
    if routing.value is None:
        return
    known = RANKING_WORDS | names.scores
    for name, policy in routing.value.policies.items():
        for path, term in _terms(policy):
            if term not in known:
                message = f"unknown score {term}; allowed: {', '.join(sorted(known))}"
                routing.report(("policies", name, *path), message)
    _check_rules(routing, routing.value.policies, names)
    _check_fallbacks(routing, routing.value.policies)
    _check_matches(routing, routing.value.policies, names)


def _check_rules(routing: Checked[RoutingSchema], policies: _Policies, names: Names) -> None:
    """Report rules that hand over to nobody, to a budget nobody has, or in a circle."""
    in_circles: set[str] = set()
    for name, policy in policies.items():
        for index, rule in policy.when.items():
            path = ("policies", name, "when", index)
            reached = _reached_from(rule.use, policies, _by_rules)
            if rule.use not in policies:
                routing.report((*path, "use"), _unknown(rule.use, policies))
            elif name in reached and name not in in_circles:
                in_circles |= reached
                message = f"{rule.use} hands back to {name}; allowed: rules without a circle"
                routing.report((*path, "use"), message)
            if rule.budget is not None and rule.budget not in names.budgets:
                allowed = ", ".join(sorted(names.budgets)) or "none is configured"
                message = f"no team has a budget {rule.budget}; allowed: {allowed}"
                routing.report((*path, "budget"), message)


def _check_fallbacks(routing: Checked[RoutingSchema], policies: _Policies) -> None:
    """Report fallbacks to nobody, or in a circle."""
    in_circles: set[str] = set()
    for name, policy in policies.items():
        if policy.fallback is None:
            continue
        path = ("policies", name, "fallback")
        reached = _reached_from(policy.fallback, policies, _by_fallback)
        if policy.fallback not in policies:
            routing.report(path, _unknown(policy.fallback, policies))
        elif name in reached and name not in in_circles:
            in_circles |= reached
            message = f"{policy.fallback} falls back to {name}; allowed: no circle"
            routing.report(path, message)


def _check_matches(routing: Checked[RoutingSchema], policies: _Policies, names: Names) -> None:
    """Report preferences and exclusions that mean no model, or no provider, that there is."""
    for name, policy in policies.items():
        for key, terms in (("prefer", policy.prefer), ("exclude", policy.exclude)):
            for index, term in terms.items():
                path: Path = ("policies", name, key, index)
                if term.provider is not None:
                    check_pattern(routing, (*path, "provider"), term.provider, names.providers)
                if term.model is not None:
                    check_pattern(routing, (*path, "model"), term.model, names.models)


def _unknown(name: str, policies: _Policies) -> str:
    return f"unknown policy {name}; allowed: {', '.join(sorted(policies))}"


def _by_rules(policy: RoutingSection) -> Iterable[str]:
    return [rule.use for rule in policy.when.values()]


def _by_fallback(policy: RoutingSection) -> Iterable[str]:
    return () if policy.fallback is None else (policy.fallback,)


def _reached_from(start: str, policies: _Policies, leads: _Leads) -> set[str]:
    """Every policy that one may lead to, itself included."""
    reached: set[str] = set()
    pending = [start]
    while pending:
        name = pending.pop()
        if name in policies and name not in reached:
            reached.add(name)
            pending += leads(policies[name])
    return reached


def _terms(policy: RoutingSection) -> Iterator[tuple[Path, str]]:
    for index, term in policy.order.items():
        yield ("order", index), term.removeprefix("-")
    for term in policy.weigh:
        yield ("weigh", term), term
