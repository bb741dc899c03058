"""The routes of /v1/models: what `model` may name, as OpenAI's client reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.money import format_usd
from proxy.domain.source import Verb
from proxy.domain.video import PICTURE_BYTES_MAX, PICTURE_TYPES
from proxy.http.answer import json_answer, revalidated
from proxy.http.keys import CALLER
from proxy.http.ratelimit import rate_headers

if TYPE_CHECKING:
    from aiohttp import web

    from proxy.domain.policy import Lifecycle, Offer
    from proxy.domain.price import Price
    from proxy.domain.routing import OfferMatch, RoutingPolicy
    from proxy.gateway.views import ModelsView, ModelView
    from proxy.http.services import VideoService

NO_DATE = 0
"""`created` is OpenAI's field; the catalog does not know when a model was made."""


class ModelRoutes:
    """Handlers bound to the use cases once, at start-up."""

    def __init__(self, videos: VideoService) -> None:
        self._videos = videos

    async def page(self, request: web.Request) -> web.Response:
        """GET /v1/models."""
        caller = request[CALLER]
        view = await self._videos.models(caller)
        answer = json_answer(models_body(view), headers=rate_headers(view.buckets, caller))
        return revalidated(request, answer)

    async def retrieve(self, request: web.Request) -> web.Response:
        """GET /v1/models/{id}: a model by its name or an alias, or a policy."""
        caller = request[CALLER]
        view = await self._videos.model(caller, request.match_info["id"])
        (entry,) = _entries(view)
        return revalidated(request, json_answer(entry, headers=rate_headers(view.buckets, caller)))


def models_body(view: ModelsView) -> dict[str, object]:
    """Models in the catalog's order, then policies: both are names that `model` takes."""
    return {"object": "list", "data": _entries(view)}


def _entries(view: ModelsView) -> list[dict[str, object]]:
    models = [_model(item, view.now_s) for item in view.models]
    return [*models, *(_policy(item, view.default_policy) for item in view.policies)]


def _model(item: ModelView, now_s: float) -> dict[str, object]:
    return {
        "id": item.model.name,
        "object": "model",
        "created": NO_DATE,
        "owned_by": item.offers[0].provider if item.offers else "greenlight",
        "greenlight": {
            "kind": "model",
            "aliases": list(item.model.aliases),
            "scores": dict(item.model.scores),
            "scores_as_of": item.model.scores_as_of,
            "offers": [_offer(offer, now_s) for offer in item.offers],
        },
    }


def _offer(offer: Offer, now_s: float) -> dict[str, object]:
    can = offer.can
    return {
        "provider": offer.provider,
        "upstream": offer.upstream,
        "seconds": list(can.seconds),
        "resolutions": list(can.resolutions),
        "aspect_ratios": list(can.aspect_ratios),
        "audio": can.audio.value,
        "audio_default": offer.audio_default,
        "first_frame": can.first_frame.value,
        "last_frame": list(can.last_frame),
        "reference_images": {
            "at_most": can.reference_images,
            "seconds": list(can.reference_images_seconds or can.seconds),
            "with_frames": can.reference_images_with_frames,
        }
        if can.reference_images
        else None,
        "negative_prompt": can.negative_prompt,
        "seed": can.seed,
        "prompt_chars_max": can.prompt_chars_max,
        "pictures": {
            "types": list(can.picture_types or PICTURE_TYPES),
            "bytes_max": min(can.picture_bytes_max or PICTURE_BYTES_MAX, PICTURE_BYTES_MAX),
        },
        "create": can.creates,
        **{verb.value: _support(offer, verb) for verb in Verb if verb is not Verb.CREATE},
        "typical_render_s": offer.typical_render_s,
        "prices": [_price(price) for price in offer.prices],
        "lifecycle": _lifecycle(offer.lifecycle, now_s),
    }


def _support(offer: Offer, verb: Verb) -> dict[str, object] | None:
    """Which finished videos an offer takes for a verb; None if it does not do that."""
    support = offer.can.verbs.get(verb)
    if support is None:
        return None
    return {
        "how": [way.value for way in support.ways],
        "bytes_max": {way.value: size for way, size in support.bytes_max.items()},
        "seconds": list(support.seconds) or None,
        "adds": list(support.adds) or None,
        "resolutions": list(support.resolutions or offer.can.resolutions),
        "aspect_ratios": list(support.aspect_ratios or offer.can.aspect_ratios),
        "models": list(support.models) or None,
        "audio": "none" if support.is_silent else offer.can.audio.value,
    }


def _price(price: Price) -> dict[str, object]:
    return {
        "for": sorted(price.verbs),
        "resolution": price.resolution,
        "audio": price.audio,
        "per_second_usd": format_usd(price.per_second_micro_usd),
        "of": "whole" if price.is_of_whole else "new",
        "at_least_usd": format_usd(price.least_micro_usd),
    }


def _lifecycle(lifecycle: Lifecycle, now_s: float) -> dict[str, object]:
    state = "active"
    if lifecycle.is_retired(now_s):
        state = "retired"
    elif lifecycle.is_deprecated(now_s):
        state = "deprecated"
    return {
        "state": state,
        "deprecated_at": _unix_s(lifecycle.deprecated_at_s),
        "retires_not_before": _unix_s(lifecycle.retires_not_before_s),
        "retires_at": _unix_s(lifecycle.retires_at_s),
        "successors": list(lifecycle.successors),
    }


def _policy(policy: RoutingPolicy, default: str) -> dict[str, object]:
    required = {
        "seconds": policy.require_seconds,
        "resolution": policy.require_resolution,
        "aspect_ratio": policy.require_aspect_ratio,
        "audio": policy.require_audio,
    }
    return {
        "id": policy.name,
        "object": "model",
        "created": NO_DATE,
        "owned_by": "greenlight",
        "greenlight": {
            "kind": "policy",
            "is_default": policy.name == default,
            "require": {name: value for name, value in required.items() if value is not None},
            "order": [f"-{name}" if down else name for name, down in policy.order],
            "weigh": dict(policy.weigh),
            "when": [
                {
                    "budget_used": f">{rule.above_percent}%",
                    "budget": rule.budget,
                    "use": rule.use,
                }
                for rule in policy.when
            ],
            "prefer": [_match(term) for term in policy.prefer],
            "exclude": [_match(term) for term in policy.exclude],
            "fallback": policy.fallback,
            "failover": policy.failover.value,
        },
    }


def _match(term: OfferMatch) -> dict[str, str]:
    pairs = (("provider", term.provider), ("model", term.model))
    return {name: pattern for name, pattern in pairs if pattern is not None}


def _unix_s(at_s: float | None) -> int | None:
    return None if at_s is None else int(at_s)
