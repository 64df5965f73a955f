"""FastAPI: dependencies.

    gate = Sanmon(from_environment())
    app = FastAPI(dependencies=[Depends(gate.identity)])      # closed by default

    @app.get("/notes")
    async def read(who: Annotated[Identity, Depends(gate.scopes("notes:read"))]): ...

All of them are for HTTP routes and for WebSockets alike.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from .errors import ConfigurationError, Refused
from .identity import Caller, Identity
from .verifier import HEADER, NONCE_HEADER, Verifier, csp_nonce, tell


class Sanmon:
    """The dependencies of one application."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    async def caller(self, connection: HTTPConnection) -> Caller:
        """Who asks, or nobody: for routes that the gate leaves public. An assertion that does
        not hold is refused."""
        known = getattr(connection.state, "_sanmon", None)
        if known is not None and known[0] is self:
            return known[1]  # type: ignore[no-any-return]
        try:
            caller = await self._verifier.acaller(connection.headers.getlist(HEADER))
        except Refused as e:
            raise refusal(e) from e
        connection.state._sanmon = (self, caller)
        return caller

    async def identity(self, connection: HTTPConnection) -> Identity:
        """Who asks; nobody is answered 401."""
        return self._judge(await self.caller(connection), lambda c: c.require_scopes())

    def scopes(self, *scopes: str) -> Callable[[HTTPConnection], Awaitable[Identity]]:
        """A dependency: who asks, if they have all of these scopes; others are answered 403."""
        if not scopes:
            raise ConfigurationError("scopes() names no scope [write scopes(\"notes:read\")]")
        return self._dependency(lambda c: c.require_scopes(*scopes))

    def role(self, *roles: str) -> Callable[[HTTPConnection], Awaitable[Identity]]:
        """A dependency: who asks, if they have one of these roles; others are answered 403."""
        if not roles:
            raise ConfigurationError("role() names no role [write role(\"admin\")]")
        return self._dependency(lambda c: c.require_role(*roles))

    async def nonce(self, connection: HTTPConnection) -> str:
        """The nonce of the gate's content security policy for this answer, or ""."""
        return csp_nonce(connection.headers.getlist(NONCE_HEADER))

    def _dependency(self, check: Callable[[Caller], Identity]) -> Callable[[HTTPConnection], Awaitable[Identity]]:
        async def depend(connection: HTTPConnection) -> Identity:
            return self._judge(await self.caller(connection), check)

        return depend

    @staticmethod
    def _judge(caller: Caller, check: Callable[[Caller], Identity]) -> Identity:
        try:
            return check(caller)
        except Refused as e:
            raise refusal(e) from e


def refusal(refused: Refused) -> HTTPException:
    """Logs a refusal and makes it an answer; ``detail`` is the problem of RFC 9457."""
    tell(refused)
    return HTTPException(refused.status, detail=refused.problem(), headers={"Cache-Control": "no-store"})  # type: ignore[arg-type,unused-ignore]
