"""Throw-away credentials: what the proxy presents, and what the simulated providers accept."""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

_RSA_BITS = 2048
_RSA_EXPONENT = 65537
_LOCATION = "us-central1"

Accepted = dict[str, object]


@dataclass(slots=True)
class MadeCredentials:
    """Credentials of provider accounts as config.yaml names them; each secret lies in a file."""

    folder: Path
    accepted: dict[str, list[Accepted]] = field(default_factory=dict)

    def account(self, provider: str, name: str) -> dict[str, str]:
        """Make an account's credentials, or find those of an earlier run."""
        presented, accepted = _MAKERS[provider](self.folder, name)
        self.accepted.setdefault(provider, []).append(accepted)
        return presented

    def write_accepted(self) -> Path:
        """Write the file that tells the simulated providers what to accept."""
        path = self.folder / "simulator.json"
        path.write_text(json.dumps(self.accepted, indent=1), encoding="utf-8")
        return path


def simulated_providers() -> Sequence[str]:
    """Name the providers a demo can have."""
    return tuple(_MAKERS)


def _kling(folder: Path, name: str) -> tuple[dict[str, str], Accepted]:
    reference, key = _key(folder / f"kling-{name}.key")
    return {"api_key": reference}, {"name": name, "api_keys": [key]}


def _runway(folder: Path, name: str) -> tuple[dict[str, str], Accepted]:
    reference, key = _key(folder / f"runway-{name}.key")
    return {"api_secret": reference}, {"name": name, "api_secrets": [key]}


def _openai(folder: Path, name: str) -> tuple[dict[str, str], Accepted]:
    reference, key = _key(folder / f"openai-{name}.key")
    return {"api_key": reference}, {"name": name, "api_keys": [key]}


def _vertex(folder: Path, name: str) -> tuple[dict[str, str], Accepted]:
    path = folder / f"vertex-{name}.json"
    project = f"greenlight-demo-{name}"
    if not path.exists():
        path.write_text(json.dumps(_service_account(project), indent=1), encoding="ascii")
    made: dict[str, str] = json.loads(path.read_text(encoding="ascii"))
    presented = {
        "project": project,
        "location": _LOCATION,
        "service_account": _reference(path),
    }
    private = serialization.load_pem_private_key(made["private_key"].encode(), password=None)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return presented, {
        "project": project,
        "client_email": made["client_email"],
        "public_key_pem": public.decode(),
        "locations": [_LOCATION],
    }


def _service_account(project: str) -> dict[str, str]:
    """Make a service account's key file in the form that Google's console hands out."""
    key = rsa.generate_private_key(public_exponent=_RSA_EXPONENT, key_size=_RSA_BITS)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "type": "service_account",
        "project_id": project,
        "private_key_id": secrets.token_hex(20),
        "private_key": pem.decode(),
        "client_email": f"demo@{project}.iam.gserviceaccount.com",
        "client_id": str(secrets.randbelow(10**21)),
        "token_uri": "https://oauth2.googleapis.com/token",
    }


def _key(path: Path) -> tuple[str, str]:
    """Make a random key, or find that of an earlier run: how config.yaml names it, and itself."""
    if not path.exists():
        path.write_text(secrets.token_urlsafe(32), encoding="ascii")
    return _reference(path), path.read_text(encoding="ascii")


def _reference(path: Path) -> str:
    # config.yaml stands beside the folder of secrets.
    return f"file:{path.parent.name}/{path.name}"


_MAKERS: Mapping[str, Callable[[Path, str], tuple[dict[str, str], Accepted]]] = {
    "kling": _kling,
    "vertex": _vertex,
    "runway": _runway,
    "openai": _openai,
}
