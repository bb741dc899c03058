"""A cap is a cap, whoever asks and however many ask at once."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.system.deployment import Deployment

CAPACITY = 5
JOB = {"prompt": "A boat.", "model": "veo-3.1", "seconds": 4, "audio": False}
"""$0.80 at Vertex: 4 s at $0.20, silent."""


async def test_of_forty_parallel_creates_exactly_one_fits_the_cap(
    deployment: Deployment,
) -> None:
    deployment.team = {
        "budgets": [{"id": "tiny", "period": "month", "limit": "$1.00"}],
        "limits": {"submit": {"capacity": CAPACITY, "refill": "0/s"}},
    }
    deployment.start()
    command = [
        sys.executable,
        "-m",
        "tests.system.create_many",
        deployment.base_url,
        deployment.api_key,
        "10",
        json.dumps(JOB),
    ]
    clients = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(4)]
    answers = [
        answer for client in clients for answer in json.loads(client.communicate(timeout=30)[0])
    ]
    assert sorted(answer["status"] for answer in answers) == [200] + [402] * 39
    refusals = [answer["error"] for answer in answers if answer["status"] == 402]
    assert {refusal["code"] for refusal in refusals} == {"budget_exceeded"}
    assert all("tiny" in refusal["message"] for refusal in refusals)
    # Thirty-nine refusals spent no token: capacity minus the one that was accepted.
    status, _, headers = await deployment.api("POST", "/videos", json_body=JOB)
    assert status == 402
    assert f"r={CAPACITY - 1}" in headers["RateLimit"]
    _, budget, _ = await deployment.api("GET", "/budget")
    account = next(item for item in budget["accounts"] if item["budget"] == "tiny")
    assert account["spent"] == "0.800000" or account["reserved"] == "0.800000"
