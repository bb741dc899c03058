"""What the calendar did to the configuration, and whether each policy can still be served.

The clock alone never makes a configuration unusable: whatever it causes is reported beside a
usable snapshot. A policy that no offer can serve on any date is a mistake like every other.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from itertools import product

from proxy.config.document import Document, Path
from proxy.config.files import Files
from proxy.config.problem import Problem, Severity
from proxy.config.schema.catalog import OfferSection
from proxy.config.schema.policies import (
    OfferMatchSection,
    RoutingSchema,
    RoutingSection,
    TeamSchema,
)
from proxy.config.validate import Checked
from proxy.domain.policy import AudioSupport


@dataclass(slots=True)
class _Offers:
    """Every offer, and those that are not retired today."""

    all: list[OfferSection] = field(default_factory=list)
    current: list[OfferSection] = field(default_factory=list)


def check_service(files: Files, today: date) -> list[Problem]:
    """Report policies and defaults that nothing can serve.

    Returns:
        What is so only because a date has passed: errors for `check`, no reason not to serve.
    """
    complete = all(catalog.value is not None for catalog in files.catalogs)
    faulty = any(catalog.problems for catalog in files.catalogs) or bool(files.routing.problems)
    if not complete or faulty or files.routing.value is None:
        return []  # a cut-out offer would be missed here, though it was reported already
    offers = _Offers()
    for catalog in files.catalogs:
        offers.all += catalog.value.offers.values() if catalog.value else ()
    offers.current = [offer for offer in offers.all if not _is_retired(offer, today)]
    dated: list[Problem] = []
    policies = files.routing.value.policies
    for name, policy in policies.items():
        dated += _serve(
            files.routing, ("policies", name), policy=policy, models=("*",), offers=offers
        )
    for team in files.teams:
        if team.value is not None and team.value.use.default in policies:
            policy, models = policies[team.value.use.default], _patterns(team.value)
            path: Path = ("use", "default")
            dated += _serve(team, path, policy=policy, models=models, offers=offers)
    return dated


def _patterns(team: TeamSchema) -> tuple[str, ...]:
    return tuple(team.use.models.values())


def _serve(
    checked: Checked[TeamSchema] | Checked[RoutingSchema],
    path: Path,
    *,
    policy: RoutingSection,
    models: tuple[str, ...],
    offers: _Offers,
) -> Iterator[Problem]:
    if not any(_can_serve(offer, policy, models) for offer in offers.all):
        message = (
            "no offer can serve this policy; needed: a priced offer of an allowed model "
            "that makes what `require` says"
        )
        checked.report(path, message, at_key=path[0] == "policies")
    elif not any(_can_serve(offer, policy, models) for offer in offers.current):
        message = (
            "every offer that could serve this policy is retired by now; "
            "needed: an offer whose retires_at has not passed"
        )
        yield checked.document.problem(path, message, at_key=path[0] == "policies")


def _can_serve(offer: OfferSection, policy: RoutingSection, models: tuple[str, ...]) -> bool:
    """Say whether an offer has a price for a video of the policy."""
    require = policy.require
    if not any(fnmatchcase(offer.model, pattern) for pattern in models):
        return False
    if any(_is_meant(offer, term) for term in policy.exclude.values()):
        return False
    if require.seconds is not None and require.seconds not in offer.can.seconds:
        return False
    ratios = offer.can.aspect_ratios.values()
    if require.aspect_ratio is not None and require.aspect_ratio not in ratios:
        return False
    made = {
        (resolution, audio)
        for resolution, audio in product(offer.can.resolutions.values(), _sounds(offer))
        if require.resolution in (None, resolution) and require.audio in (None, audio)
    }
    return any(
        price.resolution == resolution and price.audio in (None, audio)
        for price in offer.prices.values()
        for resolution, audio in made
    )


def _is_meant(offer: OfferSection, term: OfferMatchSection) -> bool:
    pairs = ((term.provider, offer.provider), (term.model, offer.model))
    return all(pattern is None or fnmatchcase(name, pattern) for pattern, name in pairs)


def _sounds(offer: OfferSection) -> tuple[bool, ...]:
    return {
        AudioSupport.NONE: (False,),
        AudioSupport.OPTIONAL: (False, True),
        AudioSupport.ALWAYS: (True,),
    }[offer.can.audio]


def _is_retired(offer: OfferSection, today: date) -> bool:
    end = offer.lifecycle.retires_at
    return end is not None and end <= today


def check_dates(files: Files, today: date) -> Iterator[Problem]:
    """Warn of every date that has passed."""
    for catalog in files.catalogs:
        for index, offer in catalog.value.offers.items() if catalog.value else ():
            yield from _lifecycle(catalog.document, index, offer, today)
    for team in files.teams:
        for index, key in team.value.keys.items() if team.value else ():
            if key.expires is not None and key.expires <= today:
                message = f"key {key.id} expired on {key.expires}; remove it or move the date"
                path: Path = ("keys", index, "expires")
                yield team.document.problem(path, message, severity=Severity.WARNING)


def _lifecycle(
    document: Document, index: int, offer: OfferSection, today: date
) -> Iterator[Problem]:
    name = f"{offer.provider}/{offer.upstream}"
    successors = ", ".join(offer.lifecycle.successor.values()) or "none named"
    path: Path = ("offers", index, "lifecycle")
    if _is_retired(offer, today):
        message = f"{name} is retired since {offer.lifecycle.retires_at}; successors: {successors}"
        yield document.problem((*path, "retires_at"), message, severity=Severity.WARNING)
        return
    earliest = offer.lifecycle.retires_not_before
    if earliest is not None and earliest <= today:
        message = f"{name} may be switched off any day since {earliest}; successors: {successors}"
        yield document.problem((*path, "retires_not_before"), message, severity=Severity.WARNING)
