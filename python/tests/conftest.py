"""The shared vectors, and a gate's minting half for tests that need fresh assertions."""

from __future__ import annotations

import base64
import hashlib
import json
import pathlib
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import sanmon

VECTORS: dict[str, Any] = json.loads((pathlib.Path(__file__).parent / "vectors.json").read_text())
ISSUER: str = VECTORS["issuer"]

_key = ec.derive_private_key(int.from_bytes(hashlib.sha256(b"sanmon assertion vectors").digest(), "big"), ec.SECP256R1())


def mint(**change: Any) -> str:
    """An assertion of now, with other claims."""
    now = int(time.time())
    claims = {
        "iss": ISSUER, "aud": "upstream:app", "sub": "usr_1", "sid": "ses_1", "email": "alice@example.com", "name": "alice@example.com",
        "roles": ["writer"], "scope": "notes:read notes:write", "acr": "aal1", "amr": ["pwd"], "auth_time": now, "iat": now, "nbf": now, "exp": now + 60, "jti": "j",
    } | change
    kid = VECTORS["jwks"]["keys"][0]["kid"]
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, _key, "ES256", {"typ": "snm-id+jwt", "kid": kid})


def forged() -> str:
    """An assertion whose signature does not hold."""
    head, body, signature = mint().split(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    raw[10] ^= 1
    return f"{head}.{body}.{base64.urlsafe_b64encode(bytes(raw)).rstrip(b'=').decode()}"


NONCE = "bm9uY2Utb2YtdGhlLWdhdGU="


@pytest.fixture
def verifier() -> sanmon.Verifier:
    return sanmon.Verifier(issuer=ISSUER, upstream="app", keys=sanmon.StaticKeys(VECTORS["jwks"]))


@pytest.fixture(autouse=True)
def nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> Any:
    """No log line holds a part of an assertion."""
    yield
    for record in caplog.records:
        if record.name == "sanmon":
            assert "eyJ" not in record.getMessage()
