"""Whether an assertion holds, and what it says."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
import time
from collections.abc import Callable, Sequence
from typing import Any

import jwt

from .errors import AssertionInvalid, AssertionMissing, ConfigurationError, Refused
from .identity import ANONYMOUS, Caller, Identity
from .keys import Keys

log = logging.getLogger("sanmon")

HEADER = "Sanmon-Assertion"
NONCE_HEADER = "Sanmon-Csp-Nonce"

TYPE = "snm-id+jwt"
MAX_BYTES = 8 << 10
LIFETIME = 60  # seconds from iat to exp, at most
LEEWAY = 5  # seconds, at most

_JWS = jwt.PyJWS(algorithms=["ES256"])
_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}", re.ASCII)
_NONCE = re.compile(r"[A-Za-z0-9+/_-]{16,128}={0,2}", re.ASCII)


class Verifier:
    """Verifies assertions for one backend. Immutable; safe for many threads.

    ``issuer`` is the gate's ``public_url``, exactly. ``upstream`` is the name that the
    gate's configuration has for this backend. ``leeway`` is how far the clocks may differ, in
    seconds, 5 at most.
    """

    def __init__(self, *, issuer: str, upstream: str, keys: Keys, leeway: float = LEEWAY, clock: Callable[[], float] = time.time) -> None:
        check_names(issuer, upstream)
        if not 0 <= leeway <= LEEWAY:
            raise ConfigurationError(f"leeway {leeway} s is too much [0 to {LEEWAY}; set the clocks instead]")
        self._issuer, self._audience, self._keys, self._leeway, self._clock = issuer, "upstream:" + upstream, keys, leeway, clock

    def verify(self, values: Sequence[str]) -> Identity:
        """Takes the values of all fields ``Sanmon-Assertion`` of a request and returns who
        asks.

        Raises :class:`AssertionMissing` when there is none, :class:`AssertionInvalid` when
        there are several or it does not hold, :class:`KeysUnavailable` when that could not be
        found out. It may wait for the gate's keys; :meth:`averify` does not block a loop.
        """
        token, kid = self._open(values)
        return self._judge(token, self._keys.get(kid))

    async def averify(self, values: Sequence[str]) -> Identity:
        """:meth:`verify` for asynchronous code: what waits does so on another thread."""
        token, kid = self._open(values)
        if self._keys.ready(kid):
            return self._judge(token, self._keys.get(kid))
        return self._judge(token, await asyncio.to_thread(self._keys.get, kid))

    def caller(self, values: Sequence[str]) -> Caller:
        """:meth:`verify` for what is open to the public: without an assertion, nobody. One
        that does not hold is refused here too."""
        return self.verify(values) if values else ANONYMOUS

    async def acaller(self, values: Sequence[str]) -> Caller:
        """:meth:`caller` for asynchronous code."""
        return await self.averify(values) if values else ANONYMOUS

    def _open(self, values: Sequence[str]) -> tuple[str, str]:
        """Checks the shape before anything is computed, and finds the key's id."""
        if not values:
            raise AssertionMissing("there is no Sanmon-Assertion; did the request come through the gate?")
        if len(values) != 1:
            raise AssertionInvalid(f"there are {len(values)} of Sanmon-Assertion")
        token = values[0]
        if len(token) > MAX_BYTES or not _SHAPE.fullmatch(token):
            raise AssertionInvalid("Sanmon-Assertion has not the shape of a JWT signed with ES256")
        header = _header(token.partition(".")[0])
        if set(header) != {"alg", "kid", "typ"}:  # so no crit, jwk, jku, x5c, b64 (RFC 8725, Section 3.10)
            raise AssertionInvalid("the header has other members than alg, kid and typ")
        if header["alg"] != "ES256" or header["typ"] != TYPE:
            raise AssertionInvalid("it is not an assertion: alg or typ is another one")
        kid = header["kid"]
        if not isinstance(kid, str) or not 0 < len(kid) <= 128:
            raise AssertionInvalid("kid is no key id")
        return token, kid

    def _judge(self, token: str, key: jwt.PyJWK | None) -> Identity:
        if key is None:
            raise AssertionInvalid("it is signed with a key that the gate does not publish")
        try:
            signed = _JWS.decode_complete(token, key, algorithms=["ES256"])
        except jwt.exceptions.PyJWTError as e:
            raise AssertionInvalid(f"the signature does not hold: {type(e).__name__}") from None
        claims = _object(signed["payload"], "the claims are")
        if claims.get("iss") != self._issuer or claims.get("aud") != self._audience:
            raise AssertionInvalid("it is from another gate, or for another backend: iss or aud")
        if not isinstance(claims.get("jti"), str):
            raise AssertionInvalid("jti is missing or no text")
        self._in_time(claims)
        return _identity(claims)

    def _in_time(self, claims: dict[str, Any]) -> None:
        begun, exp, iat = claims.get("nbf"), claims.get("exp"), claims.get("iat")
        if type(begun) is not int or type(exp) is not int or type(iat) is not int:  # bool is another type
            raise AssertionInvalid("a time is missing or no whole number")
        now = self._clock()
        if exp - iat > LIFETIME:
            raise AssertionInvalid("it would live for more than a minute")
        if now >= exp + self._leeway:
            raise AssertionInvalid("it has expired; do the clocks differ?")
        if max(iat, begun) > now + self._leeway:
            raise AssertionInvalid("it is from the future; do the clocks differ?")


def check_names(issuer: str, upstream: str) -> None:
    """Refuses what cannot be the gate's public_url and the name of a backend."""
    if not re.fullmatch(r"https?://[^/\s?#]+", issuer):
        raise ConfigurationError(f"issuer {issuer!r} is no origin [write the gate's public_url, as https://app.example.com]")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", upstream):
        raise ConfigurationError(f"upstream {upstream!r} is no name [write the name under upstreams in sanmon.yaml, as app]")


def _header(segment: str) -> dict[str, Any]:
    try:
        text = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except ValueError:
        raise AssertionInvalid("the header is no base64url") from None
    return _object(text, "the header is")


def _object(text: bytes, what: str) -> dict[str, Any]:
    """Decodes a JSON object without names that come twice (RFC 8259, Section 4)."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) != len(pairs):
            raise ValueError("a name comes twice")
        return members

    try:
        value = json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise AssertionInvalid(f"{what} no JSON object") from None
    if not isinstance(value, dict):
        raise AssertionInvalid(f"{what} no JSON object")
    return value


def _identity(claims: dict[str, Any]) -> Identity:
    """What the claims say. They are signed, so anything odd is a fault; none is guessed at."""
    texts = {name: claims.get(name) for name in ("sub", "name", "scope", "email", "sid", "key_id", "client_id", "acr")}
    if not all(v is None or isinstance(v, str) for v in texts.values()) or not texts["sub"] or texts["scope"] is None:
        raise AssertionInvalid("a claim is missing or no text")
    roles, amr, auth_time = _words(claims.get("roles")), _words(claims.get("amr", [])), claims.get("auth_time")
    if roles is None or amr is None or isinstance(auth_time, bool) or not isinstance(auth_time, (int, type(None))):
        raise AssertionInvalid("roles, amr or auth_time is of another type")
    if bool(texts["sid"]) == bool(texts["key_id"]):
        raise AssertionInvalid("it is of a session or of a key, and says neither or both")
    return Identity(
        issuer=claims["iss"], subject=texts["sub"], name=texts["name"] or texts["sub"],
        kind="key" if texts["key_id"] else "token" if texts["client_id"] else "session",
        roles=frozenset(roles), scopes=frozenset(texts["scope"].split()), expires_at=claims["exp"],
        email=texts["email"] or None, sid=texts["sid"], key_id=texts["key_id"], client_id=texts["client_id"],
        auth_time=auth_time, acr=texts["acr"], amr=tuple(amr), claims=claims,
    )


def _words(v: Any) -> list[str] | None:
    return v if isinstance(v, list) and all(isinstance(x, str) for x in v) else None


def csp_nonce(values: Sequence[str]) -> str:
    """The nonce that the gate's content security policy has for this answer, from the values
    of all fields ``Sanmon-Csp-Nonce``; "" when there is none to be used.

    Put it on your own script and style elements only, never on what a user wrote.
    """
    return values[0] if len(values) == 1 and _NONCE.fullmatch(values[0]) else ""


def tell(refused: Refused) -> None:
    """Logs why a request was refused, for the operator."""
    log.warning("refused, %s: %s", refused.code, refused.reason)
