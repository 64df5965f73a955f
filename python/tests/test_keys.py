"""Keys are fetched, kept, and given up in time."""

from __future__ import annotations

import asyncio
import http.server
import json
import pathlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import ISSUER, VECTORS, mint
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

import sanmon

KID = VECTORS["jwks"]["keys"][0]["kid"]


class Gate(http.server.ThreadingHTTPServer):
    """Serves a key set, or what a test puts in its place."""

    daemon_threads = True

    def __init__(self) -> None:
        self.body, self.status, self.delay, self.fields, self.asked = json.dumps(VECTORS["jwks"]).encode(), 200, 0.0, {}, 0
        self.paths: list[str] = []
        self.raw = b""  # the whole answer, instead
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/.sanmon/jwks.json"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Gate

    def do_GET(self) -> None:
        self.server.asked += 1
        self.server.paths.append(self.path)
        if self.server.raw:
            self.wfile.write(self.server.raw)
            return
        self.send_response(self.server.status)
        for name, value in self.server.fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        try:
            for i in range(0, len(self.server.body), 64):
                self.wfile.write(self.server.body[i : i + 64])
                time.sleep(self.server.delay)
        except OSError:
            pass

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def gate() -> Iterator[Gate]:
    g = Gate()
    t = threading.Thread(target=g.serve_forever, kwargs={"poll_interval": 0.01})
    t.start()
    yield g
    g.shutdown()
    t.join()
    g.server_close()


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_fetched_once(gate: Gate) -> None:
    clock = Clock()
    keys = sanmon.RemoteKeys(gate.url, clock=clock)
    assert gate.asked == 0 and not keys.ready(KID)
    assert keys.get(KID) is not None and keys.ready(KID)
    clock.now += 299
    assert keys.get(KID) is not None and gate.asked == 1
    clock.now += 2
    assert keys.get(KID) is not None and gate.asked == 2


def test_new_key(gate: Gate) -> None:
    clock = Clock()
    keys = sanmon.RemoteKeys(gate.url, clock=clock)
    assert keys.get(KID) is not None
    member = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key())) | {"kid": "new"}
    gate.body = json.dumps({"keys": [*VECTORS["jwks"]["keys"], member]}).encode()
    assert keys.get("new") is None and gate.asked == 1  # within the cooldown nobody can make us ask
    clock.now += 6
    assert keys.get("new") is not None and gate.asked == 2
    for i in range(100):
        assert keys.get(f"made up {i}") is None
    assert gate.asked == 2


def test_dropped_key(gate: Gate) -> None:
    clock = Clock()
    keys = sanmon.RemoteKeys(gate.url, clock=clock)
    assert keys.get(KID) is not None
    member = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key())) | {"kid": "new"}
    gate.body = json.dumps({"keys": [member]}).encode()
    clock.now += 301
    assert keys.get(KID) is None


@pytest.mark.parametrize("trouble", ["down", "error", "empty", "no JSON", "private", "long", "redirect", "no HTTP", "bad chunk", "deep"])
def test_last_good_set(gate: Gate, trouble: str) -> None:
    clock = Clock()
    keys = sanmon.RemoteKeys(gate.url, clock=clock)
    assert keys.get(KID) is not None
    match trouble:
        case "down":
            gate.socket.close()
        case "error":
            gate.status = 500
        case "empty":
            gate.body = b'{"keys":[]}'
        case "no JSON":
            gate.body = b"<html>"
        case "private":
            gate.body = json.dumps({"keys": [VECTORS["jwks"]["keys"][0] | {"d": "x"}]}).encode()
        case "long":
            gate.body = b" " * (70 << 10) + gate.body
        case "redirect":
            gate.status, gate.fields = 302, {"Location": "/elsewhere"}
        case "no HTTP":
            gate.raw = b"garbage\r\n\r\n"
        case "bad chunk":
            gate.raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
        case "deep":
            gate.body = b"[" * 60000
    clock.now += 3599
    assert keys.get(KID) is not None
    clock.now += 6
    with pytest.raises(sanmon.KeysUnavailable):
        keys.get(KID)
    assert "/elsewhere" not in gate.paths


def test_nothing_to_begin_with(gate: Gate) -> None:
    gate.status = 503
    v = sanmon.Verifier(issuer=ISSUER, upstream="app", keys=sanmon.RemoteKeys(gate.url))
    for _ in range(3):
        with pytest.raises(sanmon.KeysUnavailable):
            v.verify([mint()])
    assert gate.asked == 1


def test_drip(gate: Gate) -> None:
    gate.delay = 0.05  # a socket's own timeout would never pass
    gate.body = b" " * 6400 + gate.body
    begun = time.monotonic()
    with pytest.raises(sanmon.KeysUnavailable):
        sanmon.RemoteKeys(gate.url, timeout=0.3).get(KID)
    assert time.monotonic() - begun < 4


def test_the_loop_goes_on(gate: Gate) -> None:
    gate.delay = 0.1
    v = sanmon.Verifier(issuer=ISSUER, upstream="app", keys=sanmon.RemoteKeys(gate.url, timeout=10))

    async def both() -> int:
        ticks = 0
        task = asyncio.ensure_future(v.averify([mint()]))
        while not task.done():
            await asyncio.sleep(0.01)
            ticks += 1
        assert (await task).subject == "usr_1"
        return ticks

    assert asyncio.run(both()) > 3


def test_one_fetch_for_many(gate: Gate) -> None:
    gate.delay = 0.02
    keys = sanmon.RemoteKeys(gate.url, timeout=10)
    got: list[Any] = []
    threads = [threading.Thread(target=lambda: got.append(keys.get(KID))) for _ in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(got) == 16 and all(got) and gate.asked == 1


def test_file(tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "jwks.json"
    with pytest.raises(sanmon.ConfigurationError, match="jwks.json"):
        sanmon.FileKeys(path)
    path.write_text("{")
    with pytest.raises(sanmon.ConfigurationError):
        sanmon.FileKeys(path)
    path.write_text(json.dumps(VECTORS["jwks"]))
    keys = sanmon.FileKeys(path)
    assert keys.get(KID) is not None and keys.get("x") is None
    path.write_text("half writ")
    assert keys.get(KID) is not None and "last one stays in use" in caplog.text
    member = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key())) | {"kid": "new"}
    path.write_text(json.dumps({"keys": [member]}))
    assert keys.get("new") is not None and keys.get(KID) is None
    path.unlink()
    assert keys.get("new") is not None


@pytest.mark.parametrize("jwks", ["{}", "[]", '{"keys":{}}', '{"keys":[1]}', "no", '{"keys":[{"kty":"RSA","kid":"a"}]}', json.dumps({"keys": [VECTORS["jwks"]["keys"][0] | {"x": "AA"}]}), json.dumps({"keys": VECTORS["jwks"]["keys"] * 33})])
def test_no_key_set(jwks: str) -> None:
    with pytest.raises(sanmon.ConfigurationError, match="key set"):
        sanmon.StaticKeys(jwks)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "issuer is missing"),
        ({"issuer": ISSUER}, "upstream is missing"),
        ({"issuer": "app.example.com", "upstream": "app"}, "no origin"),
        ({"issuer": ISSUER + "/", "upstream": "app"}, "no origin"),
        ({"issuer": ISSUER, "upstream": "up stream"}, "no name"),
        ({"issuer": ISSUER, "upstream": "app", "audience": "x"}, "audience is no setting"),
        ({"issuer": ISSUER, "upstream": "app", "jwks": "http://sanmon:9443/jwks.json"}, "in clear"),
        ({"issuer": ISSUER, "upstream": "app", "jwks": "ftp://sanmon/jwks.json"}, "no address"),
        ({"issuer": ISSUER, "upstream": "app", "jwks": "https://u:p@sanmon/jwks.json"}, "no address"),
        ({"issuer": ISSUER, "upstream": "app", "jwks": "file:/does/not/exist"}, "/does/not/exist"),
        ({"issuer": ISSUER, "upstream": "app", "leeway": 60}, "leeway"),
        ({"issuer": ISSUER, "upstream": "app", "leeway": "long"}, "no number"),
        ({"issuer": ISSUER, "upstream": "app", "timeout": 0}, "timeout"),
        ({"issuer": ISSUER, "upstream": "app", "insecure_http": "maybe"}, "insecure_http"),
        ({"issuer": ISSUER, "upstream": "app", "ca_file": "/does/not/exist"}, "/does/not/exist"),
    ],
)
def test_settings_are_checked(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(sanmon.ConfigurationError, match=says) as e:
        sanmon.from_mapping(settings)
    assert "[" in str(e.value)  # the remedy


def test_environment(gate: Gate) -> None:
    with pytest.raises(sanmon.ConfigurationError, match="SANMON_issuer"):
        sanmon.from_environment({})
    v = sanmon.from_environment({"SANMON_ISSUER": ISSUER, "SANMON_UPSTREAM": "app", "SANMON_JWKS": gate.url, "HOME": "x"})
    assert v.verify([mint()]).subject == "usr_1"
    sanmon.from_environment({"SANMON_ISSUER": ISSUER, "SANMON_UPSTREAM": "app", "SANMON_JWKS": "http://sanmon:9443/jwks.json", "SANMON_INSECURE_HTTP": "true"})
