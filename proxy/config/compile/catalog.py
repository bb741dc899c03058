"""The catalog as the domain's models, offers and price book."""

from collections.abc import Iterable
from datetime import date

from proxy.config.compile.limits import seconds
from proxy.config.compile.teams import midnight_s
from proxy.config.schema.catalog import (
    CatalogSchema,
    ExtensionSection,
    LifecycleSection,
    ModelSection,
    OfferSection,
    PriceSection,
    SourceSection,
)
from proxy.domain.ids import ModelName, ProviderName
from proxy.domain.policy import Capabilities, Lifecycle, Model, Offer
from proxy.domain.price import BillsOn, Price
from proxy.domain.source import SourceSupport, Way


def compile_models(catalogs: Iterable[CatalogSchema]) -> dict[ModelName, Model]:
    """Turn the models of all files into the domain's, by name."""
    return {
        ModelName(name): _compile_model(ModelName(name), model)
        for catalog in catalogs
        for name, model in catalog.models.items()
    }


def _compile_model(name: ModelName, model: ModelSection) -> Model:
    return Model(
        name=name,
        aliases=tuple(model.aliases.values()),
        scores=model.scores.by_name if model.scores else {},
        scores_as_of=model.scores.as_of.isoformat() if model.scores else None,
    )


def compile_offer(offer: OfferSection) -> Offer:
    """Turn one offer into the domain's, its prices named so that a ledger entry can be traced."""
    return Offer(
        provider=ProviderName(offer.provider),
        model=ModelName(offer.model),
        upstream=offer.upstream,
        can=_compile_can(offer),
        audio_default=offer.audio_default,
        prices=tuple(_compile_price(offer.upstream, price) for price in offer.prices.values()),
        bills_on=BillsOn(
            failed=offer.bills_on.failed.bills,
            filtered=offer.bills_on.filtered.bills,
            cancelled=offer.bills_on.cancelled.bills,
            expired=offer.bills_on.expired.bills,
        ),
        lifecycle=_compile_lifecycle(offer.lifecycle),
        typical_render_s=(None if offer.typical_render is None else seconds(offer.typical_render)),
    )


def _compile_can(offer: OfferSection) -> Capabilities:
    can = offer.can
    resolutions = tuple(can.resolutions.values())
    return Capabilities(
        seconds=can.seconds,
        resolutions=resolutions,
        aspect_ratios=tuple(can.aspect_ratios.values()),
        audio=can.audio,
        first_frame=can.first_frame,
        last_frame=_last_frame(can.last_frame, resolutions),
        reference_images=can.reference_images,
        reference_images_seconds=can.reference_images_seconds or (),
        reference_images_with_frames=can.reference_images_with_frames,
        negative_prompt=can.negative_prompt,
        seed=can.seed,
        prompt_chars_max=can.prompt_chars_max,
        picture_types=tuple(f"image/{kind}" for kind in (can.picture_types or {}).values()),
        picture_bytes_max=can.picture_bytes_max,
        creates=can.create,
        verbs={verb: _compile_source(section) for verb, section in can.verbs.items()},
    )


def _compile_source(section: SourceSection) -> SourceSupport:
    sizes = {Way.BYTES: section.bytes_max, Way.LINK: section.link_bytes_max}
    return SourceSupport(
        ways=tuple(section.by.values()),
        bytes_max={way: size for way, size in sizes.items() if size is not None},
        seconds=section.seconds or (),
        adds=section.adds if isinstance(section, ExtensionSection) else (),
        resolutions=tuple((section.resolutions or {}).values()),
        aspect_ratios=tuple((section.aspect_ratios or {}).values()),
        models=tuple((section.models or {}).values()),
        is_silent=section.silent,
    )


def _last_frame(written: bool | tuple[str, ...], made: tuple[str, ...]) -> tuple[str, ...]:  # noqa: FBT001 - true, false or a list, as written
    if isinstance(written, bool):
        return made if written else ()
    return written


def _compile_price(upstream: str, price: PriceSection) -> Price:
    sound = {None: "", True: "/audio", False: "/silent"}[price.audio]
    return Price(
        id=f"{upstream}/{price.resolution}{sound}@{price.as_of}",
        resolution=price.resolution,
        audio=price.audio,
        per_second_micro_usd=price.per_second,
        verbs=frozenset(price.verbs.values()),
        is_of_whole=price.of == "whole",
        least_micro_usd=price.at_least,
    )


def _compile_lifecycle(lifecycle: LifecycleSection) -> Lifecycle:
    def instant_s(day: date | None) -> float | None:
        return None if day is None else midnight_s(day)

    return Lifecycle(
        deprecated_at_s=instant_s(lifecycle.deprecated_at),
        retires_not_before_s=instant_s(lifecycle.retires_not_before),
        retires_at_s=instant_s(lifecycle.retires_at),
        successors=tuple(ModelName(name) for name in lifecycle.successor.values()),
    )
