import jwt
import pytest

from tests.simulator.simulated import ACCESS_KEY, SECRET_KEY, Simulated


def a_token(sim: Simulated, **claims: object) -> str:
    now_s = int(sim.clock.now_s)
    payload = {"iss": ACCESS_KEY, "exp": now_s + 1800, "nbf": now_s - 5} | claims
    kept = {name: value for name, value in payload.items() if value is not None}
    return jwt.encode(kept, SECRET_KEY, algorithm="HS256")


async def code(sim: Simulated, **headers: str) -> tuple[int, int]:
    answer = await sim.get("/kling/tasks?task_ids=1", headers=headers)
    return answer.status, answer.json["code"]


async def test_an_api_key_and_a_signed_token_open_the_same_account(sim: Simulated) -> None:
    task_id = await sim.kling_id()
    sim.token = a_token(sim)
    assert task_id == (await sim.kling_task(task_id))["id"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", 1001),
        ("kling-key", 1002),
        ("Basic kling-key", 1002),
        ("Bearer ", 1002),
        ("Bearer nobody", 1000),
    ],
)
async def test_a_missing_or_wrong_header_is_401(
    sim: Simulated, header: str, expected: int
) -> None:
    assert (401, expected) == await code(sim, Authorization=header)


async def test_a_token_is_checked_for_signer_signature_and_times(sim: Simulated) -> None:
    now_s = int(sim.clock.now_s)
    forged = jwt.encode(
        {"iss": ACCESS_KEY, "exp": now_s + 9, "nbf": now_s}, "x" * 32, algorithm="HS256"
    )
    tokens = {
        forged: 1000,
        a_token(sim, iss="nobody"): 1000,
        a_token(sim, nbf=None): 1000,
        a_token(sim, exp="soon"): 1000,
        a_token(sim, nbf=now_s + 60): 1003,
        a_token(sim, exp=now_s): 1004,
    }
    for token, expected in tokens.items():
        assert (401, expected) == await code(sim, Authorization=f"Bearer {token}")


async def test_another_account_s_task_does_not_exist(sim: Simulated) -> None:
    task_id = await sim.kling_id(options={"external_task_id": "mine"})
    sim.token = "narrow-key"
    for query in (f"task_ids={task_id}", "external_task_ids=mine"):
        answer = await sim.get(f"/kling/tasks?{query}")
        assert (404, 1203) == (answer.status, answer.json["code"])
