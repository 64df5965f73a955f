"""Who is asking, as the Sanmon gate says.

The gate puts a signed statement about the caller into each request that it forwards, in the
field ``Sanmon-Assertion``. This package verifies it, strictly, and hands the identity to
Django (:mod:`sanmon.django`), FastAPI (:mod:`sanmon.fastapi`), Starlette
(:mod:`sanmon.starlette`) and Flask (:mod:`sanmon.flask`).

Format: docs/formats.md of Sanmon, "Sanmon-Assertion"; RFC 7515, 7519 and 8725.
"""

from .errors import (
    AssertionInvalid,
    AssertionMissing,
    ConfigurationError,
    KeysUnavailable,
    PermissionMissing,
    Refused,
)
from .identity import ANONYMOUS, Anonymous, Caller, Identity
from .keys import FileKeys, Keys, RemoteKeys, StaticKeys
from .settings import from_environment, from_mapping
from .verifier import HEADER, NONCE_HEADER, Verifier, csp_nonce

__version__ = "0.1.0"

__all__ = [
    "ANONYMOUS",
    "Anonymous",
    "AssertionInvalid",
    "AssertionMissing",
    "Caller",
    "ConfigurationError",
    "FileKeys",
    "HEADER",
    "Identity",
    "Keys",
    "KeysUnavailable",
    "NONCE_HEADER",
    "PermissionMissing",
    "Refused",
    "RemoteKeys",
    "StaticKeys",
    "Verifier",
    "__version__",
    "csp_nonce",
    "from_environment",
    "from_mapping",
]
