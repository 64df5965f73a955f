"""Flask: an extension.

    Sanmon(app, from_environment())

Closed by default: a view without a caller is answered 401 unless it is decorated with
:func:`public`. The caller is ``flask.g.sanmon``; templates have ``csp_nonce``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import Flask, Response, current_app, g, json, request

from .errors import AssertionMissing, ConfigurationError, Refused
from .identity import ANONYMOUS, Caller, Identity
from .verifier import HEADER, NONCE_HEADER, Verifier, csp_nonce, tell

_PUBLIC = "_sanmon_public"

View = TypeVar("View", bound=Callable[..., Any])


class Sanmon:
    """Judges each request before its view. With ``static_public`` the files of the
    application's static folder are open to everybody, which is the default."""

    def __init__(self, app: Flask | None = None, verifier: Verifier | None = None, *, static_public: bool = True) -> None:
        self._verifier, self._static_public = verifier, static_public
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask, verifier: Verifier | None = None) -> None:
        """Sets the extension up for an application."""
        verifier = verifier or self._verifier
        if verifier is None:
            raise ConfigurationError("Sanmon has no verifier [write Sanmon(app, from_environment())]")
        app.extensions["sanmon"] = verifier
        app.before_request_funcs.setdefault(None, []).insert(0, self._before)
        app.context_processor(lambda: {"csp_nonce": g.get("csp_nonce", "")})

    def _before(self) -> Response | None:
        try:
            g.sanmon = cast(Verifier, current_app.extensions["sanmon"]).caller(request.headers.getlist(HEADER))
            if not g.sanmon.is_authenticated and not self._open():
                raise AssertionMissing("there is no Sanmon-Assertion; did the request come through the gate?")
        except Refused as e:
            return _refuse(e)
        g.csp_nonce = csp_nonce(request.headers.getlist(NONCE_HEADER))
        return None

    def _open(self) -> bool:
        endpoint = request.endpoint
        if endpoint is None:  # no route: 404 or 405
            return True
        if endpoint == "static" or endpoint.endswith(".static"):
            return self._static_public
        return bool(getattr(current_app.view_functions.get(endpoint), _PUBLIC, False))


def caller() -> Caller:
    """Who asks; :data:`sanmon.ANONYMOUS` where nobody does."""
    return cast(Caller, g.get("sanmon", ANONYMOUS))


def public(view: View) -> View:
    """Marks a view as open to callers who are nobody: the counterpart of ``boundary: public``
    at the gate. It stands below ``@app.route``."""
    setattr(view, _PUBLIC, True)
    return view


def require_scopes(*scopes: str) -> Callable[[View], View]:
    """The view is for callers who have all of these scopes; others are answered 403."""
    if not scopes:
        raise ConfigurationError("require_scopes() names no scope [write require_scopes(\"notes:read\")]")
    return _require(lambda c: c.require_scopes(*scopes))


def require_role(*roles: str) -> Callable[[View], View]:
    """The view is for callers who have one of these roles; others are answered 403."""
    if not roles:
        raise ConfigurationError("require_role() names no role [write require_role(\"admin\")]")
    return _require(lambda c: c.require_role(*roles))


def _require(check: Callable[[Caller], Identity]) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        @functools.wraps(view)
        def judged(*args: Any, **kwargs: Any) -> Any:
            try:
                check(caller())
            except Refused as e:
                return _refuse(e)
            return current_app.ensure_sync(view)(*args, **kwargs)

        return cast(View, judged)

    return decorate


def _refuse(refused: Refused) -> Response:
    tell(refused)
    return Response(json.dumps(refused.problem()), refused.status, {"Cache-Control": "no-store"}, content_type="application/problem+json")
