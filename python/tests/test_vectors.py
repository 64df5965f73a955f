"""What the gate mints is understood, and nothing else is taken."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from conftest import VECTORS, mint

import sanmon


def judge(case: dict[str, Any], asynchronous: bool) -> sanmon.Identity:
    v = sanmon.Verifier(issuer=VECTORS["issuer"], upstream=VECTORS["upstream"], keys=sanmon.StaticKeys(VECTORS["jwks"]), clock=lambda: case.get("at", VECTORS["now"]))
    return asyncio.run(v.averify([case["token"]])) if asynchronous else v.verify([case["token"]])


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda c: c["name"])
def test_vectors(case: dict[str, Any], asynchronous: bool) -> None:
    if not case["holds"]:
        with pytest.raises(sanmon.AssertionInvalid) as e:
            judge(case, asynchronous)
        assert "eyJ" not in str(e.value)
        return
    who = judge(case, asynchronous)
    if claims := case.get("claims"):
        assert (who.issuer, who.subject, who.email, who.sid, who.key_id, who.client_id) == tuple(claims.get(n) for n in ("iss", "sub", "email", "sid", "key_id", "client_id"))
        assert who.roles == set(claims["roles"]) and who.scopes == set(claims["scope"].split())
        assert (who.name, who.auth_time, who.acr, list(who.amr), who.expires_at) == (claims["name"], claims.get("auth_time"), claims.get("acr"), claims.get("amr", []), claims["exp"])


def test_kinds() -> None:
    kinds = {c["name"]: judge(c, False).kind for c in VECTORS["cases"] if c.get("minted")}
    assert kinds == {"a session": "session", "an access token": "token", "a session in a strange network": "session", "the key of a service": "key", "the key of a person": "key"}


def test_none_and_several(verifier: sanmon.Verifier) -> None:
    good = mint()
    assert verifier.verify([good]).subject == "usr_1"
    with pytest.raises(sanmon.AssertionMissing):
        verifier.verify([])
    with pytest.raises(sanmon.AssertionInvalid):
        verifier.verify([good, good])
    with pytest.raises(sanmon.AssertionInvalid):
        verifier.caller([""])
    assert verifier.caller([]) is sanmon.ANONYMOUS


def test_other_backend() -> None:
    v = sanmon.Verifier(issuer=VECTORS["issuer"], upstream="other", keys=sanmon.StaticKeys(VECTORS["jwks"]), clock=lambda: VECTORS["now"])
    with pytest.raises(sanmon.AssertionInvalid):
        v.verify([VECTORS["cases"][0]["token"]])


def test_permissions() -> None:
    who = judge(VECTORS["cases"][0], False)
    assert who.require_scopes("notes:read") is who and who.require_scopes() is who and who.require_role("admin", "writer") is who
    for refused in (lambda: who.require_scopes("notes:read", "notes:delete"), lambda: who.require_role("admin"), lambda: who.require_role()):
        with pytest.raises(sanmon.PermissionMissing):
            refused()
    for refused in (sanmon.ANONYMOUS.require_scopes, sanmon.ANONYMOUS.require_role):
        with pytest.raises(sanmon.AssertionMissing):
            refused()
    assert who.is_authenticated and not sanmon.ANONYMOUS.is_authenticated


@pytest.mark.parametrize(
    ("values", "nonce"),
    [([], ""), (["YWJjZGVmZ2hpamtsbW5vcA=="], "YWJjZGVmZ2hpamtsbW5vcA=="), (["YWJjZGVmZ2hpamtsbW5vcA", "x"], ""), (['" onload="alert(1)xxxxxxxx'], ""), (["short"], ""), (["YWJjZGVmZ2hpamtsbW5vcA\n"], "")],
)
def test_nonce(values: list[str], nonce: str) -> None:
    assert sanmon.csp_nonce(values) == nonce
