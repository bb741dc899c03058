"""A client process: create so many videos in parallel, print one JSON line of status codes."""

from __future__ import annotations

import asyncio
import json
import sys

import aiohttp


async def create_many(base_url: str, api_key: str, count: int, body: dict[str, object]) -> None:
    """Send equal creates in parallel and print every answer's status, code and RateLimit."""
    headers = {"Authorization": f"Bearer {api_key}"}
    async with aiohttp.ClientSession(headers=headers) as session:

        async def create() -> dict[str, object]:
            async with session.post(f"{base_url}/videos", json=body) as answer:
                found = await answer.json()
                return {
                    "status": answer.status,
                    "error": found.get("error"),
                    "ratelimit": answer.headers.get("RateLimit"),
                }

        answers = await asyncio.gather(*(create() for _ in range(count)))
    sys.stdout.write(json.dumps(answers) + "\n")


if __name__ == "__main__":
    url, key, number, text = sys.argv[1:]
    asyncio.run(create_many(url, key, int(number), json.loads(text)))
