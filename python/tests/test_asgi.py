"""Real FastAPI and Starlette."""

from typing import Annotated, Any

import pytest
from conftest import NONCE, forged, mint
from fastapi import Depends, FastAPI, WebSocket
from starlette.applications import Starlette
from starlette.authentication import requires
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

import sanmon
from sanmon.fastapi import Sanmon
from sanmon.starlette import SanmonBackend, SanmonMiddleware, on_error


def fields(token: str | None, nonce: str | None = None) -> dict[str, str]:
    return ({"Sanmon-Assertion": token} if token is not None else {}) | ({"Sanmon-Csp-Nonce": nonce} if nonce else {})


@pytest.fixture
def fastapi(verifier: sanmon.Verifier) -> TestClient:
    gate = Sanmon(verifier)
    app = FastAPI()

    @app.get("/who")
    async def who(who: Annotated[sanmon.Identity, Depends(gate.identity)]) -> dict[str, Any]:
        return {"subject": who.subject, "email": who.email, "scopes": sorted(who.scopes)}

    @app.get("/delete")
    def delete(who: Annotated[sanmon.Identity, Depends(gate.scopes("notes:read", "notes:delete"))]) -> str:
        return who.subject

    @app.get("/write")
    def write(who: Annotated[sanmon.Identity, Depends(gate.role("writer", "admin"))]) -> str:
        return who.subject

    @app.get("/front")
    async def front(who: Annotated[sanmon.Caller, Depends(gate.caller)], nonce: Annotated[str, Depends(gate.nonce)]) -> dict[str, Any]:
        return {"known": who.is_authenticated, "nonce": nonce}

    @app.websocket("/ws")
    async def ws(socket: WebSocket, who: Annotated[sanmon.Identity, Depends(gate.scopes("notes:read"))]) -> None:
        await socket.accept()
        await socket.send_text(who.subject)
        await socket.close()

    return TestClient(app)


def test_identity(fastapi: TestClient) -> None:
    r = fastapi.get("/who", headers=fields(mint()))
    assert r.status_code == 200 and r.json() == {"subject": "usr_1", "email": "alice@example.com", "scopes": ["notes:read", "notes:write"]}
    assert fastapi.get("/front", headers=fields(mint(), NONCE)).json() == {"known": True, "nonce": NONCE}


def test_refused(fastapi: TestClient) -> None:
    r = fastapi.get("/who")
    assert r.status_code == 401 and r.json()["detail"]["code"] == "assertion_missing" and r.headers["Cache-Control"] == "no-store"
    for url in ("/who", "/front", "/delete"):
        r = fastapi.get(url, headers=fields(forged()))
        assert r.status_code == 401 and r.json()["detail"]["code"] == "assertion_invalid"
    assert fastapi.get("/front").json() == {"known": False, "nonce": ""}
    assert fastapi.get("/delete", headers=fields(mint())).status_code == 403
    assert fastapi.get("/delete", headers=fields(mint(scope="notes:read notes:delete"))).json() == "usr_1"
    assert fastapi.get("/write", headers=fields(mint())).json() == "usr_1"
    assert fastapi.get("/write", headers=fields(mint(roles=[]))).status_code == 403
    twice = fastapi.get("/who", headers=[("Sanmon-Assertion", mint()), ("Sanmon-Assertion", mint())])
    assert twice.status_code == 401 and twice.json()["detail"]["code"] == "assertion_invalid"


def test_websocket(fastapi: TestClient) -> None:
    with fastapi.websocket_connect("/ws", headers=fields(mint())) as socket:
        assert socket.receive_text() == "usr_1"
    for token in (None, forged(), mint(scope="")):
        with pytest.raises(WebSocketDisconnect), fastapi.websocket_connect("/ws", headers=fields(token)):
            pass


def test_empty_requirements(verifier: sanmon.Verifier) -> None:
    for make in (Sanmon(verifier).scopes, Sanmon(verifier).role):
        with pytest.raises(sanmon.ConfigurationError):
            make()


@pytest.fixture
def starlette(verifier: sanmon.Verifier) -> TestClient:
    def who(request: Request) -> Response:
        return PlainTextResponse(f"{request.state.sanmon.subject} {request.state.csp_nonce}")

    async def ws(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(socket.state.sanmon.subject)
        await socket.close()

    app = Starlette(routes=[Route("/who", who), Route("/health", who), WebSocketRoute("/ws", ws)], middleware=[Middleware(SanmonMiddleware, verifier, {"/health"})])
    return TestClient(app)


def test_middleware(starlette: TestClient) -> None:
    assert starlette.get("/who", headers=fields(mint(), NONCE)).text == f"usr_1 {NONCE}"
    r = starlette.get("/who")
    assert r.status_code == 401 and r.headers["Content-Type"] == "application/problem+json" and r.json()["code"] == "assertion_missing"
    assert starlette.get("/nowhere").status_code == 401
    assert starlette.get("/health").text == "None " and starlette.get("/health", headers=fields(forged())).status_code == 401
    with starlette.websocket_connect("/ws", headers=fields(mint())) as socket:
        assert socket.receive_text() == "usr_1"
    for token in (None, forged()):
        with pytest.raises(WebSocketDisconnect), starlette.websocket_connect("/ws", headers=fields(token)):
            pass
    with pytest.raises(TypeError):
        SanmonMiddleware(PlainTextResponse(""), None, public="/health")  # type: ignore[arg-type]


def test_requires(verifier: sanmon.Verifier) -> None:
    @requires("notes:read")
    def read(request: Request) -> Response:
        return PlainTextResponse(f"{request.user.identity} {request.user.display_name}")

    @requires("notes:delete")
    def delete(request: Request) -> Response:
        return PlainTextResponse("deleted")

    client = TestClient(Starlette(routes=[Route("/read", read), Route("/delete", delete)], middleware=[Middleware(AuthenticationMiddleware, backend=SanmonBackend(verifier), on_error=on_error)]))
    assert client.get("/read", headers=fields(mint())).text == "usr_1 alice@example.com"
    assert client.get("/delete", headers=fields(mint())).status_code == 403
    assert client.get("/read").status_code == 403
    r = client.get("/read", headers=fields(forged()))
    assert r.status_code == 401 and r.json()["code"] == "assertion_invalid"
