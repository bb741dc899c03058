"""Findings about models and offers that no file shows alone."""

from collections.abc import Collection, Mapping

from proxy.config.check.names import RANKING_WORDS, Names
from proxy.config.document import Path
from proxy.config.files import Files
from proxy.config.schema.catalog import (
    CatalogSchema,
    LifecycleSection,
    ModelSection,
    OfferSection,
)
from proxy.config.validate import Checked
from proxy.domain.policy import AudioSupport
from proxy.domain.source import Verb, Way

Spoken = Mapping[Verb, Collection[Way]]
"""What an adapter does with finished videos, and in which ways it can be given them."""


def check_catalog(files: Files, names: Names, spoken: Mapping[str, Spoken] | None = None) -> None:
    """Report unknown names, clashes, and offers that contradict themselves or their adapter."""
    taken: dict[str, str] = dict.fromkeys(names.models, "a model")
    taken |= dict.fromkeys(names.policies, "a policy")
    defined: set[str] = set()
    offered: set[tuple[str, str]] = set()
    for catalog in files.catalogs:
        if catalog.value is None:
            continue
        for name, model in catalog.value.models.items():
            _check_model(catalog, name, model, defined=defined, taken=taken)
        for index, offer in catalog.value.offers.items():
            _check_references(catalog, ("offers", index), offer, names)
            _check_sound(catalog, ("offers", index), offer)
            _check_repeats(catalog, ("offers", index), offer, offered)
            if spoken is not None and offer.provider in spoken:
                _check_verbs(catalog, ("offers", index), offer, spoken[offer.provider])


def _check_model(
    catalog: Checked[CatalogSchema],
    name: str,
    model: ModelSection,
    *,
    defined: set[str],
    taken: dict[str, str],
) -> None:
    path: Path = ("models", name)
    if name in defined:
        catalog.report(path, "is defined in another file too; allowed: once", at_key=True)
    elif taken.get(name) == "a policy":
        catalog.report(
            path, "is also the name of a policy; callers could not tell which", at_key=True
        )
    defined.add(name)
    for index, alias in model.aliases.items():
        if alias in taken:
            message = f"{alias} is already {taken[alias]}; allowed: a name used nowhere else"
            catalog.report((*path, "aliases", index), message)
        taken.setdefault(alias, f"an alias of {name}")
    for word in sorted(RANKING_WORDS & set(model.scores.by_name if model.scores else ())):
        catalog.report(
            (*path, "scores", word), "is computed; allowed: any other name", at_key=True
        )


def _check_references(
    catalog: Checked[CatalogSchema], path: Path, offer: OfferSection, names: Names
) -> None:
    if offer.provider not in names.providers:
        allowed = ", ".join(sorted(names.providers))
        message = f"unknown provider {offer.provider}; allowed: {allowed}"
        catalog.report((*path, "provider"), message)
    if offer.model not in names.models:
        allowed = ", ".join(sorted(names.models))
        catalog.report((*path, "model"), f"unknown model {offer.model}; allowed: {allowed}")
    for index, successor in offer.lifecycle.successor.items():
        if successor not in names.models or successor == offer.model:
            allowed = ", ".join(sorted(names.models - {offer.model}))
            message = f"{successor} can't be the successor; allowed: {allowed}"
            catalog.report((*path, "lifecycle", "successor", index), message)
    _check_order(catalog, (*path, "lifecycle"), offer.lifecycle)


def _check_order(catalog: Checked[CatalogSchema], path: Path, lifecycle: LifecycleSection) -> None:
    for earlier in ("deprecated_at", "retires_not_before"):
        date, end = getattr(lifecycle, earlier), lifecycle.retires_at
        if date is not None and end is not None and date > end:
            catalog.report((*path, "retires_at"), f"must not be before {earlier} ({date})")


def _check_sound(catalog: Checked[CatalogSchema], path: Path, offer: OfferSection) -> None:
    if offer.audio_default and offer.can.audio is AudioSupport.NONE:
        message = "must be false: can.audio says that its videos are silent"
        catalog.report((*path, "audio_default"), message)
    impossible = {AudioSupport.NONE: True, AudioSupport.ALWAYS: False}.get(offer.can.audio)
    for index, price in offer.prices.items():
        if price.audio is not None and price.audio is impossible:
            message = f"can.audio is {offer.can.audio}: no such video is made"
            catalog.report((*path, "prices", index, "audio"), message)


def _check_verbs(
    catalog: Checked[CatalogSchema], path: Path, offer: OfferSection, spoken: Spoken
) -> None:
    """Report what the provider's adapter would not know how to ask for."""
    for verb, source in offer.can.verbs.items():
        allowed = spoken.get(verb, ())
        for index, way in source.by.items():
            if way not in allowed:
                said = ", ".join(f"{item} by {' or '.join(ways)}" for item, ways in spoken.items())
                message = f"{offer.provider} can't {verb} by {way}; allowed: {said or 'nothing'}"
                catalog.report((*path, "can", verb.value, "by", index), message)


def _check_repeats(
    catalog: Checked[CatalogSchema],
    path: Path,
    offer: OfferSection,
    offered: set[tuple[str, str]],
) -> None:
    upstream = (offer.provider, f"upstream {offer.upstream}")
    if upstream in offered:
        message = f"{offer.provider} already offers {offer.upstream}; allowed: once"
        catalog.report((*path, "upstream"), message)
    offered.add(upstream)
    priced = (offer.provider, f"model {offer.model}")
    if offer.prices and priced in offered:
        message = f"{offer.provider} already has a priced offer of {offer.model}; allowed: one"
        catalog.report((*path, "model"), message)
    if offer.prices:
        offered.add(priced)
