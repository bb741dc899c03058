"""Throw-away keys and accounts of a deployment."""

from __future__ import annotations

import hashlib
import json
import secrets

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

PROJECT = "system-test"


def make_key(prefix: str, key_id: str) -> tuple[str, str]:
    """A printed key and its SHA-256."""
    printed = f"{prefix}_{key_id}_{secrets.token_urlsafe(32)}"
    return printed, hashlib.sha256(printed.encode()).hexdigest()


def make_service_account() -> tuple[str, str, str]:
    """A service account of its own: its JSON key file, its address and its public key."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    email = f"proxy@{PROJECT}.example.test"
    account = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "1",
        "private_key": pem,
        "client_email": email,
        "token_uri": "http://127.0.0.1:9/token",
    }
    return json.dumps(account), email, public.decode()
