"""A deployment in which finished videos are worked on: every provider, Sora alive and priced."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
from typing_extensions import override

from tests.system.deployment import OPENAI_KEY, Deployment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SORA: Mapping[str, Any] = {"model": "sora-2", "seconds": "4"}
PATHS = {"edit": "/videos/edits", "extend": "/videos/extensions"}
CREATES = "      - {for: [create, remix, edit], resolution: 720p, audio: true"
EXTENDS = "      - {for: extend, resolution: 720p, audio: true"
"""An extension at OpenAI, whose price nobody published: here what it adds, as simulated."""


@dataclass
class Workshop(Deployment):
    """OpenAI's offers beside the others."""

    render_s: float = 0.2
    providers: tuple[str, ...] = ("openai", "vertex", "kling", "runway")
    is_sora_alive: bool = True
    unknown: dict[str, Any] = field(
        default_factory=lambda: {"look_up_after": ["200ms"], "then": "assume_charged"}
    )
    poll: dict[str, str] = field(
        default_factory=lambda: {"first": "100ms", "min": "50ms", "max": "100ms"}
    )

    @override
    def start_proxy(self, **env: str) -> None:
        """Start it, and let vendors fetch from where it is."""
        super().start_proxy(**env)
        self.public_url = self.base_url.removesuffix("/v1")
        with self.reloading():
            self.write_config()

    @override
    def write(self) -> None:
        super().write()
        catalog = self.folder / "policies" / "catalog.yaml"
        lines = catalog.read_text().splitlines()
        rows = [line.replace(CREATES, EXTENDS) for line in lines if line.startswith(CREATES)]
        assert rows
        if rows[0] not in lines:
            for row in rows:
                lines.insert(lines.index(row.replace(EXTENDS, CREATES)), row)
        catalog.write_text("\n".join(lines) + "\n")

    async def made(self, prompt: str = "A boat.", **fields: object) -> dict[str, Any]:
        """A completed video, Sora's unless another model is named."""
        created = await self.create(prompt, **{**SORA, **fields})
        return await self.finished(created["id"])

    async def derive(
        self, verb: str, source: str, prompt: str = "In the rain.", **fields: object
    ) -> tuple[int, dict[str, Any], Mapping[str, str]]:
        """Ask for a remix, an edit or an extension of a video."""
        if verb == "remix":
            path, named = f"/videos/{source}/remix", {}
        else:
            path, named = PATHS[verb], {"video": {"id": source}}
        return await self.api("POST", path, json_body={"prompt": prompt, **named, **fields})

    async def derived(
        self, verb: str, source: str, prompt: str = "In the rain.", **fields: object
    ) -> dict[str, Any]:
        """The same, accepted and seen to its end."""
        status, body, _ = await self.derive(verb, source, prompt, **fields)
        assert status == 200, body
        return await self.finished(body["id"])

    async def forget_at_openai(self, label: str) -> None:
        """Delete a video at its vendor, as its owner could there."""
        tasks = (await self.simulated("invoice"))["tasks"]
        (task,) = [task for task in tasks if task["label"] == label]
        url = f"{self.simulator_url}/openai/v1/videos/{task['task_id']}"
        headers = {"Authorization": f"Bearer {OPENAI_KEY}"}
        async with (
            aiohttp.ClientSession() as session,
            session.delete(url, headers=headers) as answer,
        ):
            assert answer.status == 200

    def artifacts(self, pattern: str) -> list[Path]:
        """What is kept under names of this form."""
        return list((self.folder / "var" / "artifacts").glob(pattern))

    async def accepted(self) -> int:
        """How many submits the vendors have accepted so far."""
        calls = (await self.simulated("calls"))["calls"]
        return sum(call["operation"] == "submit" and call["accepted"] for call in calls)
