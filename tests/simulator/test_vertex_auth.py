from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.oauth2 import service_account

from proxy.simulator.app import running
from proxy.simulator.settings import SimulatorSettings, VertexProject
from tests.simulator.simulated import PROJECT, TOKEN, Clock, Simulated

EMAIL = "greenlight@film-studio.iam.gserviceaccount.com"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


@pytest.fixture(scope="module")
def private_pem() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture
def signed_settings(sim_settings: SimulatorSettings, private_pem: str) -> SimulatorSettings:
    key = serialization.load_pem_private_key(private_pem.encode(), password=None)
    public_pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    projects = (
        VertexProject(PROJECT, client_email=EMAIL, public_key_pem=public_pem.decode()),
        VertexProject("another", static_tokens=(TOKEN,)),
    )
    return replace(sim_settings, vertex=projects)


@pytest.fixture
async def signed(signed_settings: SimulatorSettings) -> AsyncIterator[Simulated]:
    clock = signed_settings.now
    assert isinstance(clock, Clock)
    async with running(signed_settings) as simulator, aiohttp.ClientSession() as session:
        yield Simulated(simulator.url, clock, session)


async def status(sim: Simulated, token: str, project: str = PROJECT) -> int:
    path = sim.vertex_path("predictLongRunning", project=project)
    body = {"instances": [{"prompt": "a"}]}
    answer = await sim.post(path, body, headers={"Authorization": f"Bearer {token}"})
    if answer.status != 200:
        word = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}[answer.status]
        assert word == answer.json["error"]["status"]
    return answer.status


def a_token(sim: Simulated, private_pem: str, **claims: object) -> str:
    now_s = int(sim.clock.now_s)
    payload = {
        "iss": EMAIL,
        "sub": EMAIL,
        "iat": now_s,
        "exp": now_s + 3600,
        "scope": f"openid {SCOPE}",
    } | claims
    kept = {name: value for name, value in payload.items() if value is not None}
    return jwt.encode(kept, private_pem, algorithm="RS256")


async def test_a_service_account_signs_its_own_token(signed: Simulated, private_pem: str) -> None:
    assert 200 == await status(signed, a_token(signed, private_pem))
    audience = "https://us-central1-aiplatform.googleapis.com/"
    token = a_token(signed, private_pem, scope=None, aud=audience)
    assert 200 == await status(signed, token)


async def test_the_token_google_auth_signs_is_taken(
    sim_settings: SimulatorSettings, signed_settings: SimulatorSettings, private_pem: str
) -> None:
    assert sim_settings.now is signed_settings.now
    described = {
        "client_email": EMAIL,
        "private_key": private_pem,
        "token_uri": "http://127.0.0.1",
    }
    account = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
        described, scopes=[SCOPE]
    )
    credentials = account.with_always_use_jwt_access(True)
    credentials.refresh(None)
    claims = jwt.decode(credentials.token, options={"verify_signature": False})
    clock = Clock(float(claims["iat"]))
    async with (
        running(replace(signed_settings, now=clock)) as simulator,
        aiohttp.ClientSession() as session,
    ):
        assert 200 == await status(Simulated(simulator.url, clock, session), credentials.token)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "somebody@else"},
        {"sub": "somebody@else"},
        {"scope": "openid"},
        {"scope": None},
        {"scope": None, "aud": "https://storage.googleapis.com/"},
        {"exp": 1_795_000_000},
        {"exp": 1_795_000_000 + 3601},
        {"iat": 1_795_000_000 + 120},
        {"iat": None},
        {"exp": None},
    ],
)
async def test_a_token_is_checked_for_signer_scope_and_times(
    signed: Simulated, private_pem: str, claims: dict[str, object]
) -> None:
    assert 401 == await status(signed, a_token(signed, private_pem, **claims))


async def test_a_token_signed_by_another_key_or_method_is_refused(signed: Simulated) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = other.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    assert 401 == await status(signed, a_token(signed, pem))
    assert 401 == await status(signed, jwt.encode({"iss": EMAIL}, "x" * 32, algorithm="HS256"))
    assert 401 == await status(signed, "not-a-token")


async def test_a_caller_of_one_project_may_not_use_another(
    signed: Simulated, private_pem: str
) -> None:
    assert 403 == await status(signed, TOKEN, PROJECT)
    assert 403 == await status(signed, a_token(signed, private_pem), "another")
    assert 200 == await status(signed, TOKEN, "another")


@pytest.mark.parametrize("header", ["", "Bearer ", "Basic eDp5"])
async def test_a_missing_bearer_is_unauthenticated(sim: Simulated, header: str) -> None:
    path = sim.vertex_path("fetchPredictOperation")
    answer = await sim.post(path, {}, headers={"Authorization": header})
    assert (401, "UNAUTHENTICATED") == (answer.status, answer.json["error"]["status"])


async def test_a_location_without_the_model_is_not_found(sim: Simulated) -> None:
    path = sim.vertex_path("predictLongRunning").replace("us-central1", "europe-west4")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    body = {"instances": [{"prompt": "a"}]}
    assert 404 == (await sim.post(path, body, headers=headers)).status
