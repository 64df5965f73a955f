"""The public keys of the gate, by their id."""

from __future__ import annotations

import http.client
import ipaddress
import json
import logging
import os
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from email.message import Message
from typing import IO, Any, Protocol
from urllib.parse import urlsplit

import jwt

from .errors import ConfigurationError, KeysUnavailable

log = logging.getLogger("sanmon")

MAX_BYTES = 64 << 10  # of a key set
MAX_KEYS = 32


class Keys(Protocol):
    """Where keys come from. Both methods may be called by many threads at once."""

    def get(self, kid: str) -> jwt.PyJWK | None:
        """The key, None if there is none. It may wait for the network; raises
        :class:`KeysUnavailable` when no key set that is young enough could be had."""

    def ready(self, kid: str) -> bool:
        """Whether get would answer without waiting."""


def parse(text: bytes | str) -> dict[str, jwt.PyJWK]:
    """Reads a JWK set (RFC 7517, Section 5): public P-256 keys for ES256 signatures, each with
    a ``kid``. Other keys are left out; ValueError when nothing is left, or it is no set."""
    try:
        document = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    members = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(members, list):
        raise ValueError("it is no JWK set: there is no list \"keys\"")
    if len(members) > MAX_KEYS:
        raise ValueError(f"it has {len(members)} keys, {MAX_KEYS} are allowed")
    keys: dict[str, jwt.PyJWK] = {}
    for member in members:
        if not isinstance(member, dict) or "d" in member:
            raise ValueError("it has a member that is no public key")
        kid = member.get("kid")
        if not isinstance(kid, str) or (member.get("kty"), member.get("crv"), member.get("alg", "ES256"), member.get("use", "sig")) != ("EC", "P-256", "ES256", "sig"):
            continue
        try:
            keys[kid] = jwt.PyJWK(member, algorithm="ES256")
        except (jwt.exceptions.PyJWTError, ValueError) as e:
            raise ValueError("it has a P-256 key that cannot be read") from e
    if not keys:
        raise ValueError("it has no P-256 key")
    return keys


class StaticKeys:
    """Keys that are given once: for tests, and where a deployment hands them over."""

    def __init__(self, jwks: Mapping[str, Any] | str | bytes) -> None:
        try:
            self._keys = parse(jwks if isinstance(jwks, (str, bytes)) else json.dumps(jwks))
        except ValueError as e:
            raise ConfigurationError(f"the key set cannot be used: {e} [give what the gate serves at /.sanmon/jwks.json]") from e

    def get(self, kid: str) -> jwt.PyJWK | None:
        return self._keys.get(kid)

    def ready(self, kid: str) -> bool:
        return True


class FileKeys:
    """Keys of a file, which is read again when it has changed. What cannot be read leaves the
    keys as they were, and is logged."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        self._lock = threading.Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        self._seen: tuple[int, int, int] | None = None
        try:
            self._read()
        except (OSError, ValueError) as e:
            raise ConfigurationError(f"the key set in {self._path} cannot be used: {e} [write what the gate serves at /.sanmon/jwks.json there]") from e

    def _stamp(self) -> tuple[int, int, int]:
        s = os.stat(self._path)
        return s.st_mtime_ns, s.st_size, s.st_ino

    def _read(self) -> None:
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        with open(self._path, "rb") as f:
            text = f.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise ValueError(f"it is longer than {MAX_BYTES} bytes")
        self._keys = parse(text)

    def get(self, kid: str) -> jwt.PyJWK | None:
        with self._lock:
            try:
                self._read()
            except (OSError, ValueError) as e:
                log.error("the key set in %s cannot be read, the last one stays in use: %s", self._path, e)
            return self._keys.get(kid)

    def ready(self, kid: str) -> bool:
        return True  # a local file


class RemoteKeys:
    """Keys that the gate serves.

    They are fetched when they are first needed, again when they are older than ``fresh``
    seconds, and when an unknown key is asked for, at most every ``cooldown`` seconds. When
    the gate cannot be reached, the last set stays in use until it is ``stale`` seconds old:
    so long a key that was dropped may still be believed. One thread fetches; others go on
    with what there is.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 2.0,
        fresh: float = 300.0,
        stale: float = 3600.0,
        cooldown: float = 5.0,
        ca_file: str | None = None,
        insecure_http: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        check_url(url, insecure_http)
        if not 0 < cooldown <= fresh <= stale:
            raise ConfigurationError(f"cooldown {cooldown}, fresh {fresh} and stale {stale} do not rise [0 < cooldown <= fresh <= stale]")
        try:
            context = ssl.create_default_context(cafile=ca_file)
        except OSError as e:
            raise ConfigurationError(f"the CA certificates in {ca_file} cannot be read: {e} [name a PEM file]") from e
        self._url, self._timeout = url, timeout
        self._fresh, self._stale, self._cooldown, self._clock = fresh, stale, cooldown, clock
        # No proxy of the environment, no redirect: the keys come from where they are said to be.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context), _NoRedirect())
        self._lock = threading.Lock()  # held while fetching
        self._keys: dict[str, jwt.PyJWK] = {}
        self._at: float | None = None  # of the last good set
        self._tried: float | None = None

    def _due(self, kid: str) -> bool:
        now = self._clock()
        if self._tried is not None and now - self._tried < self._cooldown:
            return False
        return self._at is None or now - self._at >= self._fresh or kid not in self._keys

    def _usable(self) -> bool:
        return self._at is not None and self._clock() - self._at < self._stale

    def ready(self, kid: str) -> bool:
        return not self._due(kid)

    def get(self, kid: str) -> jwt.PyJWK | None:
        if self._due(kid):
            # Whoever has no other choice waits for the one that fetches.
            wait = not self._usable() or kid not in self._keys
            if self._lock.acquire(blocking=wait):
                try:
                    if self._due(kid):
                        self._fetch()
                finally:
                    self._lock.release()
        if not self._usable():
            raise KeysUnavailable(f"no key set could be had from {self._url}")
        return self._keys.get(kid)

    def _fetch(self) -> None:
        try:
            with self._opener.open(urllib.request.Request(self._url, headers={"Accept": "application/jwk-set+json, application/json"}), timeout=self._timeout) as r:
                if r.status != 200:
                    raise ValueError(f"the status is {r.status}")
                text = _read(r, MAX_BYTES, self._timeout)
            self._keys, self._at = parse(text), self._clock()
        except (OSError, ValueError, http.client.HTTPException) as e:
            log.error("the key set cannot be fetched from %s, the last one stays in use for %.0f s: %s", self._url, self._stale, e)
        finally:
            self._tried = self._clock()


def _read(r: Any, limit: int, seconds: float) -> bytes:
    """Reads a body within a size and a time: a socket's timeout is for each read alone."""
    end, parts, size = time.monotonic() + seconds, [], 0
    while part := r.read1(16 << 10):
        parts.append(part)
        size += len(part)
        if size > limit:
            raise ValueError(f"it is longer than {limit} bytes")
        if time.monotonic() > end:
            raise TimeoutError(f"it took longer than {seconds} s")
    return b"".join(parts)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str) -> None:
        return None


def check_url(url: str, insecure_http: bool) -> None:
    """Refuses an address from which an attacker on the way could plant keys."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None or parts.fragment:
        raise ConfigurationError(f"jwks {url!r} is no address [write https://HOST/.sanmon/jwks.json or file:PATH]")
    if parts.scheme == "http" and not insecure_http and not _loopback(parts.hostname):
        raise ConfigurationError(f"jwks {url!r} is fetched in clear, so that whoever is on the way can plant a key [use https, or set insecure_http where the network is the gate's and yours alone]")


def _loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
