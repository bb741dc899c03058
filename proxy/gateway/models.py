"""Which models and policies a team may use."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.domain.errors import ModelNotFound
from proxy.domain.ids import ModelName
from proxy.domain.policy import RouteClass
from proxy.gateway.read import spend
from proxy.gateway.views import ModelsView, ModelView

if TYPE_CHECKING:
    from proxy.gateway.runtime import Runtime
    from proxy.gateway.views import Caller


async def usable(runtime: Runtime, caller: Caller) -> ModelsView:
    """Models and policies the team may use, in the catalog's order."""
    spent = await spend(runtime, caller, RouteClass.POLL)
    snapshot = runtime.live.snapshot
    use = caller.team.use
    return ModelsView(
        models=tuple(
            ModelView(
                model=model,
                offers=tuple(offer for offer in snapshot.offers if offer.model == name),
            )
            for name, model in snapshot.models.items()
            if use.allows_model(name)
        ),
        policies=tuple(
            policy
            for name, policy in snapshot.policies.items()
            if name in use.policies or name == use.default
        ),
        default_policy=use.default,
        now_s=runtime.clock.now_s(),
        buckets=spent,
    )


async def named(runtime: Runtime, caller: Caller, name: str) -> ModelsView:
    """The one entry of `usable` that a name or an alias means.

    Raises:
        ModelNotFound: there is none, or none this team may use.
    """
    view = await usable(runtime, caller)
    model = runtime.live.snapshot.aliases.get(name, ModelName(name))
    models = tuple(item for item in view.models if item.model.name == model)
    policies = tuple(policy for policy in view.policies if policy.name == name)
    if not models and not policies:
        message = f"this team may use no model, alias or policy {name[:64]!r}; see GET /v1/models"
        raise ModelNotFound(message, param="model")
    return replace(view, models=models, policies=policies)
