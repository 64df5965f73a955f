"""What can go wrong, for the client and for the operator."""

from __future__ import annotations


class ConfigurationError(ValueError):
    """A setting is missing or wrong. The text names it, the reason and the remedy."""


class Refused(Exception):
    """A request is not served.

    ``status``, ``code`` and ``title`` are for the client. ``reason`` is for the operator: it
    goes to the log and holds nothing of the assertion.
    """

    status = 401
    code = "assertion_invalid"
    title = "The request does not say who is asking."

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def problem(self) -> dict[str, object]:
        """The body of the answer (RFC 9457)."""
        return {"type": "about:blank", "title": self.title, "status": self.status, "code": self.code}


class AssertionMissing(Refused):
    """There is no assertion: the caller is nobody, or the request went round the gate."""

    code = "assertion_missing"


class AssertionInvalid(Refused):
    """There is an assertion that does not hold. It never counts as none."""


class PermissionMissing(Refused):
    """The caller is known and may not do this."""

    status = 403
    code = "permission_missing"
    title = "You may not do this."


class KeysUnavailable(Refused):
    """The public keys of the gate could not be had, so nothing can be verified."""

    status = 503
    code = "assertion_keys_unavailable"
    title = "Nobody can be recognised at the moment."
