"""Pages of an ordinary Flask application: the same forms, in Flask's words."""

import hashlib

from flask import Blueprint, jsonify, redirect, render_template, request

pages = Blueprint("pages", __name__, url_prefix="/pages")
added = []


@pages.get("/")
def page():
    return render_template("page.html", title="Flask", notes=added, foreign="/pages/save")


@pages.post("/note")
def note():
    added.append(request.form["title"])
    return redirect("/pages/", 303)


@pages.post("/file")
def file():
    sent = request.files["file"]
    return jsonify(
        names=[*request.form, *request.files],
        filename=sent.filename,
        comment=request.form.get("comment"),
        sha256=hashlib.sha256(sent.read()).hexdigest(),
    )


@pages.post("/<what>")
def arrived(what):
    return jsonify(
        what=what,
        method=request.method,
        type=request.content_type,
        raw=request.get_data().decode("latin-1"),
        token=request.headers.get("X-Sanmon-Csrf", ""),
    )
