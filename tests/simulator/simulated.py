"""A simulator under test: its address, its clock, and short forms of the calls tests make."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import aiohttp

Json: TypeAlias = Any  # what json.loads returns, and options passed on to aiohttp

API_KEY = "kling-key"
ACCESS_KEY, SECRET_KEY = "access", "a-secret-of-at-least-thirty-two-bytes"
SECRET, KEY = "runway-secret", "openai-key"
RUNWAY_VERSION = "2024-11-06"
PROJECT, TOKEN = "film-studio", "static-token"
MODEL = "veo-3.1-fast-generate-001"
T2V = "/kling/text-to-video/kling-3.0"


@dataclass
class Clock:
    """Seconds since the epoch, moved by hand."""

    now_s: float = 1_795_000_000.0

    def __call__(self) -> float:
        return self.now_s

    def advance(self, seconds: float) -> None:
        self.now_s += seconds


@dataclass(frozen=True)
class Answer:
    """A whole HTTP answer; `json` is None when the body is not JSON."""

    status: int
    json: Json
    body: bytes
    headers: Mapping[str, str]


@dataclass
class Simulated:
    """A running simulator and a session that talks to it."""

    url: str
    clock: Clock
    session: aiohttp.ClientSession
    token: str = API_KEY
    headers: dict[str, str] = field(default_factory=dict)

    async def call(self, method: str, path: str, **options: Json) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}"} | options.pop("headers", {})
        url = path if path.startswith("http") else self.url + path
        async with self.session.request(method, url, headers=headers, **options) as response:
            body = await response.read()
            is_json = response.content_type == "application/json"
            parsed = await response.json() if is_json else None
            return Answer(response.status, parsed, body, response.headers)

    async def get(self, path: str, **options: Json) -> Answer:
        return await self.call("GET", path, **options)

    async def post(self, path: str, body: object, **options: Json) -> Answer:
        return await self.call("POST", path, json=body, **options)

    async def calls(self, provider: str, operation: str) -> list[dict[str, Json]]:
        logged = (await self.get("/_sim/calls")).json["calls"]
        return [c for c in logged if (c["provider"], c["operation"]) == (provider, operation)]

    async def invoice(self) -> Json:
        return (await self.get("/_sim/invoice")).json

    # Kling

    async def kling(self, prompt: str = "a cat", path: str = T2V, **fields: Json) -> Answer:
        return await self.post(path, {"prompt": prompt} | fields)

    async def kling_id(self, prompt: str = "a cat", **fields: Json) -> str:
        answer = await self.kling(prompt, **fields)
        assert answer.status == 200, answer.json
        return str(answer.json["data"]["id"])

    async def kling_task(self, task_id: str) -> Json:
        (task,) = (await self.get(f"/kling/tasks?task_ids={task_id}")).json["data"]
        return task

    # Vertex

    def vertex_path(self, method: str, model: str = MODEL, project: str = PROJECT) -> str:
        return (
            f"/vertex/v1/projects/{project}/locations/us-central1"
            f"/publishers/google/models/{model}:{method}"
        )

    async def vertex(
        self, prompt: str = "a cat", model: str = MODEL, **parameters: Json
    ) -> Answer:
        body = {"instances": [{"prompt": prompt}], "parameters": parameters}
        return await self.vertex_raw(body, model)

    async def vertex_raw(self, body: object, model: str = MODEL) -> Answer:
        path = self.vertex_path("predictLongRunning", model)
        return await self.post(path, body, headers={"Authorization": f"Bearer {TOKEN}"})

    async def vertex_id(self, prompt: str = "a cat", **parameters: Json) -> str:
        answer = await self.vertex(prompt, **parameters)
        assert answer.status == 200, answer.json
        return str(answer.json["name"])

    async def fetch(self, name: str, model: str = MODEL) -> Answer:
        path = self.vertex_path("fetchPredictOperation", model)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return await self.post(path, {"operationName": name}, headers=headers)

    # Runway

    async def runway(
        self, method: str, path: str, body: object = None, secret: str = SECRET
    ) -> Answer:
        headers = {"Authorization": f"Bearer {secret}", "X-Runway-Version": RUNWAY_VERSION}
        options: dict[str, Json] = {}
        if body is not None:
            headers["Content-Type"] = "application/json"
            options["data"] = io.BytesIO(json.dumps(body).encode())
        return await self.call(method, f"/runway/v1/{path}", headers=headers, **options)

    async def runway_submit(
        self, prompt: str = "a cat", secret: str = SECRET, **fields: Json
    ) -> Answer:
        body = {"model": "gen4.5", "promptText": prompt, "ratio": "1280:720", "duration": 5}
        return await self.runway("POST", "text_to_video", body | fields, secret)

    async def runway_id(self, prompt: str = "a cat", secret: str = SECRET, **fields: Json) -> str:
        answer = await self.runway_submit(prompt, secret, **fields)
        assert answer.status == 200, answer.json
        return str(answer.json["id"])

    async def runway_task(self, task_id: str, secret: str = SECRET) -> Json:
        return (await self.runway("GET", f"tasks/{task_id}", secret=secret)).json

    # OpenAI

    async def openai(self, method: str, path: str = "", key: str = KEY, **options: Json) -> Answer:
        headers = {"Authorization": f"Bearer {key}"}
        return await self.call(method, f"/openai/v1/videos{path}", headers=headers, **options)

    async def openai_submit(self, prompt: str = "a cat", key: str = KEY, **fields: Json) -> Answer:
        return await self.openai("POST", key=key, json={"prompt": prompt} | fields)

    async def openai_id(self, prompt: str = "a cat", **fields: Json) -> str:
        answer = await self.openai_submit(prompt, **fields)
        assert answer.status == 200, answer.json
        return str(answer.json["id"])

    async def video(self, video_id: str) -> Json:
        return (await self.openai("GET", f"/{video_id}")).json
