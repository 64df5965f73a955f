"""Starlette and any other ASGI application: a middleware.

    app = SanmonMiddleware(app, from_environment(), public={"/health"})

It sets ``scope["state"]["sanmon"]`` and ``scope["state"]["csp_nonce"]``, which are
``request.state.sanmon`` and ``request.state.csp_nonce``. For ``@requires`` of Starlette there
is :class:`SanmonBackend`.
"""

from __future__ import annotations

from collections.abc import Container

from starlette.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError, BaseUser
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from .errors import AssertionMissing, Refused
from .identity import Caller, Identity
from .verifier import HEADER, NONCE_HEADER, Verifier, csp_nonce, tell


def problem(refused: Refused) -> Response:
    """The answer to a request that is refused, which is logged."""
    tell(refused)
    return JSONResponse(refused.problem(), refused.status, headers={"Cache-Control": "no-store"}, media_type="application/problem+json")


class SanmonMiddleware:
    """Refuses, with 401, requests and WebSockets of nobody, but for the ``public`` paths, and
    everywhere those whose assertion does not hold."""

    def __init__(self, app: ASGIApp, verifier: Verifier, public: Container[str] = ()) -> None:
        if isinstance(public, str):
            raise TypeError("public is one text [write a set of paths, as {\"/health\"}]")
        self._app, self._verifier, self._public = app, verifier, public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        try:
            caller = await self._verifier.acaller(connection.headers.getlist(HEADER))
            if not caller.is_authenticated and scope["path"] not in self._public:
                raise AssertionMissing("there is no Sanmon-Assertion; did the request come through the gate?")
        except Refused as e:
            if scope["type"] == "http":
                await problem(e)(scope, receive, send)
            else:
                tell(e)
                await receive()  # the handshake, which is answered 403 by closing
                await send({"type": "websocket.close", "code": 1008})
            return
        state = scope.setdefault("state", {})
        state["sanmon"], state["csp_nonce"] = caller, csp_nonce(connection.headers.getlist(NONCE_HEADER))
        await self._app(scope, receive, send)


class SanmonUser(BaseUser):
    """``request.user`` under Starlette's ``AuthenticationMiddleware``."""

    def __init__(self, identity: Identity) -> None:
        self.sanmon = identity

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def display_name(self) -> str:
        return self.sanmon.name

    @property
    def identity(self) -> str:
        return self.sanmon.subject


class SanmonBackend(AuthenticationBackend):
    """For Starlette's ``AuthenticationMiddleware``, together with :func:`on_error`: scopes are
    the caller's, and "authenticated"."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser] | None:
        try:
            caller: Caller = await self._verifier.acaller(conn.headers.getlist(HEADER))
        except Refused as e:
            raise _Refusal(e) from e
        if not isinstance(caller, Identity):
            return None
        return AuthCredentials(["authenticated", *sorted(caller.scopes)]), SanmonUser(caller)


class _Refusal(AuthenticationError):
    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.title)
        self.refused = refused


def on_error(conn: HTTPConnection, exc: AuthenticationError) -> Response:
    """The ``on_error`` of ``AuthenticationMiddleware``."""
    return problem(exc.refused if isinstance(exc, _Refusal) else Refused(str(exc)))
