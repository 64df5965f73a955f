"""Flask with the Python package: see e2e/python_test.go."""

from flask import Flask, g

from sanmon import from_environment
from sanmon.flask import Sanmon, caller, public, require_scopes

app = Flask(__name__)
Sanmon(app, from_environment())


@app.route("/health")
@public
def health():
    return "ok"


@app.route("/who")
@require_scopes("notes:read")
def who():
    c = caller()
    return {"subject": c.subject, "email": c.email, "kind": c.kind, "roles": sorted(c.roles), "scopes": sorted(c.scopes)}


@app.route("/write")
@require_scopes("notes:write")
def write():
    return {"subject": caller().subject}


@app.route("/front")
@public
def front():
    return {"known": caller().is_authenticated, "nonce": g.csp_nonce}
