"""Real Flask."""

from __future__ import annotations

import pytest
from conftest import NONCE, forged, mint
from flask import Blueprint, Flask, render_template_string
from flask.testing import FlaskClient

import sanmon
from sanmon.flask import Sanmon, caller, public, require_role, require_scopes


@pytest.fixture
def client(verifier: sanmon.Verifier, tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    static = tmp_path_factory.mktemp("static")
    (static / "app.css").write_text("body {}")
    app = Flask(__name__, static_folder=str(static), static_url_path="/static")
    Sanmon(app, verifier)

    @app.route("/who")
    def who() -> dict[str, object]:
        return {"subject": caller().subject, "roles": sorted(caller().roles)}

    @app.route("/front")
    @public
    def front() -> str:
        return render_template_string("{{ g.sanmon.is_authenticated }} {{ csp_nonce }}")

    @app.route("/delete")
    @require_scopes("notes:read", "notes:delete")
    def delete() -> str:
        return "deleted"

    @app.route("/write")
    @require_role("writer")
    async def write() -> str:
        return "written"

    inside = Blueprint("inside", __name__, url_prefix="/inside")

    @inside.route("/who")
    def inner() -> str:
        return str(caller().subject)

    app.register_blueprint(inside)
    return app.test_client()


def fields(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Sanmon-Assertion": token}


def test_caller(client: FlaskClient) -> None:
    assert client.get("/who", headers=fields(mint())).json == {"subject": "usr_1", "roles": ["writer"]}
    assert client.get("/inside/who", headers=fields(mint())).text == "usr_1"
    assert client.get("/front", headers=fields(mint()) | {"Sanmon-Csp-Nonce": NONCE}).text == f"True {NONCE}"


def test_closed_by_default(client: FlaskClient) -> None:
    for url in ("/who", "/inside/who", "/delete"):
        r = client.get(url)
        assert r.status_code == 401 and r.content_type == "application/problem+json" and r.json["code"] == "assertion_missing"
    assert client.get("/front").text == "False " and client.get("/nowhere").status_code == 404
    with client.get("/static/app.css") as r:
        assert r.status_code == 200


def test_what_does_not_hold(client: FlaskClient) -> None:
    for url in ("/who", "/front", "/static/app.css", "/nowhere"):
        for bad in (fields(forged()), [("Sanmon-Assertion", mint()), ("Sanmon-Assertion", mint())]):
            r = client.get(url, headers=bad)
            assert r.status_code == 401 and r.json["code"] == "assertion_invalid"


def test_permissions(client: FlaskClient) -> None:
    assert client.get("/delete", headers=fields(mint())).status_code == 403
    assert client.get("/delete", headers=fields(mint(scope="notes:read notes:delete"))).text == "deleted"
    assert client.get("/write", headers=fields(mint(roles=[]))).status_code == 403


def test_closed_static(verifier: sanmon.Verifier) -> None:
    app = Flask(__name__)
    Sanmon(app, verifier, static_public=False)
    assert app.test_client().get("/static/app.css").status_code == 401


def test_no_verifier() -> None:
    with pytest.raises(sanmon.ConfigurationError):
        Sanmon(Flask(__name__))
    for make in (require_scopes, require_role):
        with pytest.raises(sanmon.ConfigurationError):
            make()
