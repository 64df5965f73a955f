"""An ordinary Flask application (WSGI): areas and an echo of what really arrived."""

import hashlib
import os

from flask import Flask, Response, jsonify, make_response, request, session
from flask_pages import pages

app = Flask(__name__)
app.register_blueprint(pages)
app.secret_key = os.environ.get("FLASK_SECRET", "only-for-tests")
EVERY = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def received(area):
    digest, length = hashlib.sha256(), 0
    while chunk := request.stream.read(1 << 16):
        digest.update(chunk)
        length += len(chunk)
    environ = request.environ
    return jsonify(
        framework="flask",
        area=area,
        method=request.method,
        raw_path=environ.get("RAW_URI", "").partition("?")[0],
        path=request.path,
        query=environ.get("QUERY_STRING", ""),
        headers=[[k, v] for k, v in request.headers.items()],
        environ={k: v for k, v in environ.items() if isinstance(v, str) and k.isupper()},
        length=length,
        sha256=digest.hexdigest(),
        client=request.remote_addr,
        scheme=request.scheme,
        host=request.host,
    )


@app.get("/health")
def health():
    return jsonify(ok=True)


@app.get("/form")
def form_page():
    return "<!doctype html><title>Form</title><form method=post><input name=title><button>Save</button></form>"


@app.post("/form")
def form_post():
    return jsonify(fields=request.form.to_dict(), files={k: len(f.read()) for k, f in request.files.items()})


@app.get("/login")
def login():
    session["user"] = "flask-user"
    return make_response("signed in")


@app.get("/error/500")
def error():
    raise RuntimeError("secret-of-the-backend in a traceback")


@app.get("/download")
def download():
    return Response((bytes(65536) for _ in range(16)), mimetype="application/octet-stream")


@app.route("/private", methods=EVERY)
@app.route("/private/", methods=EVERY, defaults={"rest": ""})
@app.route("/private/<path:rest>", methods=EVERY)
def private(rest=""):
    return received("private")


@app.route("/echo/<path:rest>", methods=EVERY)
def echo(rest=""):
    return received("echo")


@app.route("/", methods=EVERY, defaults={"rest": ""})
@app.route("/<path:rest>", methods=EVERY)
def anything(rest=""):
    return received("other")
