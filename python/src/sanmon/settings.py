"""A Verifier from settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from .errors import ConfigurationError
from .keys import FileKeys, Keys, RemoteKeys
from .verifier import LEEWAY, Verifier, check_names

_KNOWN = {
    "issuer": "the gate's public_url",
    "upstream": "this backend's name under upstreams in sanmon.yaml",
    "jwks": "where the gate's public keys are: an address, or file:PATH; by default issuer/.sanmon/jwks.json",
    "ca_file": "PEM file of the authorities that the gate's certificate may be from; by default the system's",
    "leeway": "how far the clocks may differ, in seconds, 5 at most",
    "timeout": "how long fetching the keys may take, in seconds",
    "insecure_http": "fetch the keys in clear from another machine",
}
_PREFIX = "SANMON_"


def from_mapping(settings: Mapping[str, Any], label: str = "") -> Verifier:
    """Makes a Verifier of the settings ``issuer``, ``upstream`` and, if need be, ``jwks``,
    ``ca_file``, ``leeway``, ``timeout`` and ``insecure_http``. ``label`` stands before a
    setting's name in errors. Raises :class:`ConfigurationError`."""
    for name in settings:
        if name not in _KNOWN:
            raise ConfigurationError(f"{label}{name} is no setting [there are: {', '.join(_KNOWN)}]")
    for name in ("issuer", "upstream"):
        if not isinstance(settings.get(name), str) or not settings[name]:
            raise ConfigurationError(f"{label}{name} is missing [set it to {_KNOWN[name]}]")
    try:
        leeway, timeout = float(settings.get("leeway", LEEWAY)), float(settings.get("timeout", 2))
    except (TypeError, ValueError):
        raise ConfigurationError(f"{label}leeway or {label}timeout is no number [write seconds]") from None
    if not 0 < timeout <= 30:
        raise ConfigurationError(f"{label}timeout {timeout} s cannot be used [more than 0, 30 at most]")
    issuer = str(settings["issuer"])
    check_names(issuer, str(settings["upstream"]))
    jwks = str(settings.get("jwks") or issuer + "/.sanmon/jwks.json")
    keys: Keys
    if jwks.startswith("file:"):
        keys = FileKeys(jwks.removeprefix("file:"))
    else:
        keys = RemoteKeys(jwks, timeout=timeout, ca_file=settings.get("ca_file"), insecure_http=_yes(settings.get("insecure_http", False), label))
    return Verifier(issuer=issuer, upstream=str(settings["upstream"]), keys=keys, leeway=leeway)


def from_environment(environ: Mapping[str, str] = os.environ) -> Verifier:
    """Makes a Verifier of ``SANMON_ISSUER``, ``SANMON_UPSTREAM``, ``SANMON_JWKS``,
    ``SANMON_CA_FILE``, ``SANMON_LEEWAY``, ``SANMON_TIMEOUT`` and ``SANMON_INSECURE_HTTP``."""
    return from_mapping({name: environ[_PREFIX + name.upper()] for name in _KNOWN if environ.get(_PREFIX + name.upper())}, _PREFIX)


def _yes(value: Any, label: str) -> bool:
    if value in (True, False):
        return bool(value)
    if str(value).lower() in ("1", "true", "yes"):
        return True
    if str(value).lower() in ("0", "false", "no"):
        return False
    raise ConfigurationError(f"{label}insecure_http {value!r} is neither yes nor no [write true or false]")
