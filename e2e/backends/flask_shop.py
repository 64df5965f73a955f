"""A Flask application with a login of its own, as its documentation shows it: everything is in
the signed session cookie, from before the login on. Its form carries a token that lies in the
session of the visitor, and a failed login leaves a message there."""

import secrets

from flask import Flask, abort, flash, get_flashed_messages, jsonify, redirect, request, session

app = Flask(__name__)
app.secret_key = "only-for-tests"


@app.get("/health")
def health():
    return {"ok": True}


@app.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "POST":
        if not session.get("token") or request.form.get("token") != session["token"]:
            abort(400)
        if request.form.get("password") == "flask-password":
            cart = session.get("cart", [])
            session.clear()
            session["user"], session["cart"] = request.form["username"], cart
            return redirect(request.args.get("next") or "/shop/me")
        flash("wrong password")
    token = session.setdefault("token", secrets.token_hex(8))
    said = " ".join(get_flashed_messages())
    return (
        f'<!doctype html><title>Sign in</title><p id="said">{said}</p><form method="post" action="/login">'
        f'<input type="hidden" name="token" value="{token}"><input name="username"><input name="password">'
        "<button>Sign in</button></form>"
    )


@app.post("/logout")
def logout():
    session.clear()
    return redirect("/login")


@app.route("/cart/<item>")
def cart(item):
    session["cart"] = session.get("cart", []) + [item]
    return jsonify(cart=session["cart"])


@app.route("/shop/<what>", methods=["GET", "POST"])
def shop(what):
    session["seen"] = session.get("seen", 0) + 1
    return jsonify(what=what, user=session.get("user"), cart=session.get("cart", []), seen=session["seen"])
