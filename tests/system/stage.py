"""A deployment on which every scenario of the failure table is played at once."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from proxy.simulator.tasks import UNFINISHED
from tests.system.deployment import FAST_ENGINE, Deployment, wait_until
from tests.system.ending import (
    KLING,
    MANY,
    MODELS,
    OPENAI,
    PRICES,
    PROVIDERS,
    RETIRED,
    Ending,
    next_price,
)
from tests.system.labels import label_in
from tests.system.money import every_job, store_of
from tests.system.vendors import register_webhook, tell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from proxy.domain.job import Job
    from tests.system.ending import Scenario

CREATES_AT_ONCE = 8
"""How many creates are under way at a time: a vendor of one process has to answer all submits."""


@dataclass(frozen=True, slots=True)
class Part:
    """One scenario at one provider; its label finds its calls and its invoice."""

    label: str
    provider: str
    scenario: Scenario

    @property
    def prompt(self) -> str:
        """A prompt that makes the vendor, or every vendor, do it."""
        at = "" if self.scenario.is_everywhere else f"{self.provider}: "
        said = f" [[{at}{self.scenario.directive}]]" if self.scenario.directive else ""
        return f"A boat. [[label={self.label}]]{said}"

    @property
    def body(self) -> dict[str, Any]:
        """The create's body."""
        models = RETIRED if self.scenario.is_retired else MODELS
        model = models[self.provider]
        return {"prompt": self.prompt, "model": model, "seconds": 4, **self.scenario.fields}


def parts_of(scenarios: Iterable[Scenario], label: str) -> list[Part]:
    """Every scenario at every provider that can do it."""
    return [
        Part(f"{label}-{number}-{provider}", provider, scenario)
        for number, scenario in enumerate(scenarios)
        for provider in PROVIDERS
        if provider in scenario.ends
    ]


def different(parts: list[Part], found: dict[str, Ending]) -> list[str]:
    """Each part that ended otherwise, with both endings."""
    return [
        f"{part.provider}: {part.scenario.says} ({part.scenario.directive})\n"
        f"  expected {part.scenario.ends[part.provider]}\n"
        f"  found    {found[part.label]}"
        for part in parts
        if part.scenario.ends[part.provider] != found[part.label]
    ]


@dataclass
class Stage(Deployment):
    """Four providers with a live and a retired offer each, ranked by price, and no patience."""

    engine: dict[str, Any] = field(
        default_factory=lambda: {
            **FAST_ENGINE,
            "throttle_wait": "300ms",
            "max_queue_wait": "3s",
            "concurrency": 256,
            "account_concurrency": 128,
        }
    )
    timeouts: dict[str, str] = field(
        default_factory=lambda: {
            "connect": "2s",
            "submit": "3s",
            "status": "2500ms",
            "download": "5s",
        }
    )
    # Scenarios run side by side, and must not close each other's offers.
    breaker: dict[str, Any] = field(default_factory=lambda: {"mode": "shadow"})
    unknown: dict[str, Any] = field(
        default_factory=lambda: {
            "look_up_after": ["300ms", "600ms", "1200ms"],
            "then": "assume_charged",
        }
    )
    give_up_after: str = "5s"
    slots: int = 500
    render_s: float = 0.3
    are_callbacks_signed: bool = True
    providers: tuple[str, ...] = PROVIDERS
    team: dict[str, Any] = field(
        default_factory=lambda: {
            "use": {
                "policies": ["cheapest"],
                "models": [*MODELS.values(), *RETIRED.values()],
                "default": "cheapest",
            },
            # Many scenarios are refused for their content.
            "limits": {
                "submit": {"capacity": 5000, "refill": "1000/s"},
                "moderation": {"refusals": 0},
            },
        }
    )

    @override
    def write(self) -> None:
        super().write()
        policies = self.folder / "policies"
        (policies / "routing.yaml").write_text("policies: {cheapest: {order: [price]}}\n")
        catalog = policies / "catalog.yaml"
        catalog.write_text(_only_our_offers(catalog.read_text()))

    @override
    def _config(self) -> dict[str, Any]:
        config = super()._config()
        config["artifacts"]["max_bytes"] = "2MB"
        return config

    @property
    def service_account(self) -> str:
        """The address of Vertex's service account."""
        return self._email

    async def be_called_back(self) -> None:
        """Have the vendors that can tell of a task do so where a scenario says how."""
        self.ask_for_callbacks(processes=1)
        await register_webhook(self)
        for provider in (KLING, OPENAI):
            silent = {"provider": provider, "directive": "callback=none"}
            await tell(self, "scenarios", silent)

    async def play(self, parts: Iterable[Part]) -> None:
        """Create every part's job at once, and wait for all to end."""
        together = asyncio.Semaphore(CREATES_AT_ONCE)

        async def one(part: Part) -> tuple[Part, bool]:
            async with together:
                status, body, _ = await self.api("POST", "/videos", json_body=part.body)
            assert status in {200, 422}, body
            if status == 200 and part.scenario.cancel_when is not None:
                await self._cancel(part, body["id"])
            return part, status == 200

        created = await asyncio.gather(*map(one, parts))
        await self._all_end({part.label for part, is_accepted in created if is_accepted})

    async def endings(self, parts: Iterable[Part]) -> dict[str, Ending]:
        """What came of each part that was played, by label."""
        parts = list(parts)
        late = {part.label for part in parts if part.scenario.is_late}
        await wait_until(lambda: self._are_over(late), "the vendors to end what nobody awaits")
        async with store_of(self) as client:
            jobs = {label_in(job.request.prompt): job for job in await every_job(client)}
        shown = {label_in(video["prompt"]): video for video in await self.videos()}
        calls = (await self.simulated("calls"))["calls"]
        invoice = (await self.simulated("invoice"))["tasks"]
        submits = [call for call in calls if call["operation"] == "submit"]
        return {
            part.label: _ending(
                part,
                jobs.get(part.label),
                shown.get(part.label),
                submits=[call for call in submits if call["label"] == part.label],
                invoice=[task for task in invoice if task["label"] == part.label],
            )
            for part in parts
        }

    async def _are_over(self, labels: set[str]) -> bool:
        tasks = (await self.simulated("invoice"))["tasks"]
        open_ = {task["label"] for task in tasks if task["status"] in UNFINISHED}
        return labels.isdisjoint(open_)

    async def _cancel(self, part: Part, video_id: str) -> None:
        """Cancel as soon as the vendor is where the scenario wants it."""
        await wait_until(lambda: self._is_there(part), f"{part.label} to be there")
        status, body, _ = await self.api("POST", f"/videos/{video_id}/cancel")
        assert (status, body["error"]["code"]) == (200, "cancelled")

    async def _is_there(self, part: Part) -> bool:
        wanted = part.scenario.cancel_when
        if wanted == "submitted":
            calls = (await self.simulated("calls"))["calls"]
            return any(call["label"] == part.label for call in calls)
        tasks = (await self.simulated("invoice"))["tasks"]
        return any((task["label"], task["status"]) == (part.label, wanted) for task in tasks)

    async def _all_end(self, labels: set[str]) -> None:
        """Wait until the jobs have ended and their money is settled."""
        async with store_of(self) as client:

            async def look() -> bool:
                jobs = {label_in(job.request.prompt): job for job in await every_job(client)}
                return all(
                    jobs[label].state.is_terminal and jobs[label].is_settled for label in labels
                )

            await wait_until(look, "every job to end", timeout_s=60.0)


def _ending(
    part: Part,
    job: Job | None,
    video: Mapping[str, Any] | None,
    *,
    submits: list[Mapping[str, Any]],
    invoice: list[Mapping[str, Any]],
) -> Ending:
    """What came of a part, in the table's words; a create that was refused left no job."""
    if job is None or video is None:
        assert not submits
        return Ending("refused", "no_route", 0, 0, accepted=0, charged=0, invoiced=0)
    sent = sum(call["provider"] == part.provider for call in submits)
    is_many = sent > 1 and part.scenario.ends[part.provider].submits == MANY
    price, next_ = PRICES[part.provider], next_price(part.provider)
    is_next = job.state == "completed" and len(job.attempts) > 1
    invoiced = sum(task["micro_usd"] for task in invoice)
    error = video["error"] or video["greenlight"]["attempts"][0]["error"] or {"code": None}
    return Ending(
        state=job.state.value,
        code=error["code"],
        attempts=len(job.attempts),
        submits=MANY if is_many else sent,
        accepted=sum(call["accepted"] for call in submits),
        charged=(job.charged_micro_usd - next_ * is_next) / price,
        invoiced=(invoiced - next_ * is_next) / price,
        next_videos=int(is_next),
    )


def _only_our_offers(catalog: str) -> str:
    """Keep a live and a retired offer per provider; the live one succeeds the retired."""
    head, *offers = re.split(r"(?m)^(?=  - provider: )", catalog)
    kept = [head]
    for offer in offers:
        named = re.match(r"  - provider: (\w+)\n    model: (\S+)\n", offer)
        assert named is not None
        provider, model = named.groups()
        text = re.sub(r"(?m)^    lifecycle: .*\n|^ *#.*\n", "", offer).rstrip("\n") + "\n"
        if model == MODELS[provider]:
            kept.append(text)
        if model == RETIRED[provider]:
            life = f"{{retires_at: 2026-09-24, successor: [{MODELS[provider]}]}}"
            kept.append(f"{text}    lifecycle: {life}\n")
    assert len(kept) == 1 + 2 * len(PROVIDERS)
    return "".join(kept)
