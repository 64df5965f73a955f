"""Who is asking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Union

from .errors import AssertionMissing, PermissionMissing


@dataclass(frozen=True)
class Identity:
    """A caller that the gate vouches for, at the time of the request. Immutable.

    Identify people by ``issuer`` and ``subject``, never by ``email``, which can change.
    ``roles`` and ``scopes`` are what the caller may use now: the gate has already narrowed
    them to what both the credential and its owner have.
    """

    issuer: str
    subject: str  # "usr_…" for a person, "svc_…" for a service
    name: str
    kind: Literal["session", "token", "key"]
    roles: frozenset[str]
    scopes: frozenset[str]
    expires_at: int  # of the statement, in seconds since 1970; a minute at most
    email: str | None = None
    sid: str | None = None  # of the session
    key_id: str | None = None  # of the API key
    client_id: str | None = None  # of the OAuth client that the token is for
    auth_time: int | None = None  # of the last sign-in; None for keys and in a strange network
    acr: str | None = None  # "aal1", "aal2"
    amr: tuple[str, ...] = ()
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    is_authenticated: Literal[True] = field(default=True, init=False, repr=False)
    is_anonymous: Literal[False] = field(default=False, init=False, repr=False)

    def require_scopes(self, *scopes: str) -> Identity:
        """Returns self if it has all of them, else raises :class:`PermissionMissing`."""
        if missing := sorted(set(scopes) - self.scopes):
            # "*" in a role stands for the scopes that the configuration names
            raise PermissionMissing(
                f"{self.subject} lacks {' '.join(missing)} (grant it by a role; a scope that sanmon.yaml does not name is given to nobody)"
            )
        return self

    def require_role(self, *roles: str) -> Identity:
        """Returns self if it has one of them, else raises :class:`PermissionMissing`."""
        if self.roles.isdisjoint(roles):
            raise PermissionMissing(f"{self.subject} has none of the roles {' '.join(sorted(roles))}")
        return self


@dataclass(frozen=True)
class Anonymous:
    """Nobody: a route that the gate leaves open to the public. It may do nothing."""

    subject: None = None
    email: None = None
    name: str = ""
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()

    is_authenticated: Literal[False] = field(default=False, init=False, repr=False)
    is_anonymous: Literal[True] = field(default=True, init=False, repr=False)

    def require_scopes(self, *scopes: str) -> Identity:
        """Raises :class:`AssertionMissing`."""
        raise AssertionMissing("the caller is nobody")

    def require_role(self, *roles: str) -> Identity:
        """Raises :class:`AssertionMissing`."""
        raise AssertionMissing("the caller is nobody")


ANONYMOUS = Anonymous()

Caller = Union[Identity, Anonymous]
