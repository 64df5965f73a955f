"""An ordinary FastAPI application, as a team would write it that knows nothing of gateways
(but for one endpoint, which checks the signed assertion as the documentation says).

The tests put the gate in front of it. Every endpoint answers with what really arrived,
so that a test can compare what was served with what was authorised.
"""

import asyncio
import hashlib
import json
import os
import threading

import fastapi_pages
import jwt
from fastapi import FastAPI, Form, HTTPException, Request, UploadFile, WebSocket, WebSocketDisconnect
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from pydantic import BaseModel

app = FastAPI(title="Notes", version="1.0")
app.include_router(fastapi_pages.router)
EVERY = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
seen = {"cancelled": 0, "finished": 0, "served": 0}
notes: dict[int, dict] = {}
lock = threading.Lock()


async def received(request: Request, area: str) -> dict:
    digest, length = hashlib.sha256(), 0
    async for chunk in request.stream():
        digest.update(chunk)
        length += len(chunk)
    scope = request.scope
    seen["served"] += 1
    return {
        "framework": "fastapi",
        "area": area,
        "method": request.method,
        "raw_path": scope["raw_path"].decode("latin-1"),
        "path": scope["path"],
        "query": scope["query_string"].decode("latin-1"),
        "headers": [[k.decode("latin-1"), v.decode("latin-1")] for k, v in scope["headers"]],
        "length": length,
        "sha256": digest.hexdigest(),
        "client": request.client.host if request.client else "",
        "scheme": request.url.scheme,
        "host": request.headers.get("host", ""),
    }


@app.get("/health")
async def health():
    return {"ok": True}


@app.get("/seen")
async def counters():
    return seen


# Notes.


class Note(BaseModel):
    title: str
    body: str = ""


def add(title: str, body: str) -> dict:
    with lock:
        note = {"id": len(notes) + 1, "title": title, "body": body}
        notes[note["id"]] = note
    return note


@app.get("/notes")
async def list_notes():
    return list(notes.values())


@app.get("/notes/{note_id}")
async def get_note(note_id: int):
    if note_id not in notes:
        raise HTTPException(404)
    return notes[note_id]


@app.post("/notes", status_code=201)
async def create_note(note: Note):
    return add(note.title, note.body)


@app.delete("/notes/{note_id}", status_code=204)
async def delete_note(note_id: int):
    with lock:
        if notes.pop(note_id, None) is None:
            raise HTTPException(404)


# Pages and forms.

PAGE = """<!doctype html><html lang="en"><head><title>Notes</title></head><body>
<h1>Notes</h1><form method="post" action="/form"><input name="title"><button>Save</button></form>
</body></html>"""


@app.get("/form", response_class=HTMLResponse)
async def form_page():
    return PAGE


@app.post("/form")
async def form_post(request: Request):
    """Answers with the raw body too: a field that was cut must leave nothing behind."""
    raw = await request.body()
    form = await request.form()
    fields = {k: v for k, v in form.multi_items() if isinstance(v, str)}
    return {"fields": fields, "raw": raw.decode("latin-1"), "content_length": request.headers.get("content-length")}


@app.post("/form/strict")
async def form_strict(title: str = Form()):
    return add(title, "")


@app.get("/page", response_class=HTMLResponse)
async def page_20k():
    return "<!doctype html><html><body>" + "<p>lorem ipsum dolor sit amet</p>" * 640 + "</body></html>"


# Bodies in both directions.


@app.api_route("/upload", methods=["POST", "PUT"])
async def upload(request: Request):
    digest, length, chunks = hashlib.sha256(), 0, 0
    async for chunk in request.stream():
        digest.update(chunk)
        length += len(chunk)
        chunks += 1
    return {
        "length": length,
        "sha256": digest.hexdigest(),
        "chunks": chunks,
        "content_length": request.headers.get("content-length"),
        "transfer_encoding": request.headers.get("transfer-encoding"),
    }


@app.post("/upload/file")
async def upload_file(file: UploadFile):
    digest, length = hashlib.sha256(), 0
    while chunk := await file.read(1 << 16):
        digest.update(chunk)
        length += len(chunk)
    return {"filename": file.filename, "length": length, "sha256": digest.hexdigest()}


@app.get("/download")
async def download(size: int = 1 << 20, sized: bool = False):
    block = bytes(range(256)) * 256

    async def body():
        left = size
        while left > 0:
            yield block[: min(left, len(block))]
            left -= len(block)

    headers = {"content-length": str(size)} if sized else {}
    return StreamingResponse(body(), media_type="application/octet-stream", headers=headers)


@app.get("/events")
async def events(n: int = 5, gap: float = 0.2):
    async def ticks():
        try:
            for i in range(n):
                yield f"id: {i}\ndata: tick {i}\n\n"
                await asyncio.sleep(gap)
            seen["finished"] += 1
        except asyncio.CancelledError:
            seen["cancelled"] += 1
            raise

    return StreamingResponse(ticks(), media_type="text/event-stream", headers={"cache-control": "no-cache"})


@app.get("/slow")
async def slow(s: float = 1.0):
    await asyncio.sleep(s)
    return {"slept": s}


@app.websocket("/ws")
async def ws(socket: WebSocket):
    protocol = (socket.headers.get("sec-websocket-protocol") or "").split(",")[0].strip() or None
    await socket.accept(subprotocol=protocol)
    await socket.send_json({"headers": [[k, v] for k, v in socket.headers.items()], "path": socket.url.path})
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if message.get("text") is not None:
                await socket.send_text(message["text"])
            else:
                await socket.send_bytes(message["bytes"])
    except WebSocketDisconnect:
        pass


# Cookies.

COOKIES = {
    "session": "sessionid=abc123; Path=/",
    "csrf": "csrftoken=xyz789; Path=/",
    "own": "own=1; Path=/app; SameSite=Strict; Secure; HttpOnly; Max-Age=60",
    "none": "cross=1; SameSite=None",
    "reserved": "__Host-sanmon=stolen; Path=/; Secure",
    "reserved-local": "sanmon=stolen; Path=/",
    "reserved-case": "SanMon=stolen; Path=/",
}


@app.get("/cookies/{name}")
async def set_cookie(name: str):
    response = JSONResponse({"set": COOKIES[name]})
    response.raw_headers.append((b"set-cookie", COOKIES[name].encode()))
    return response


@app.get("/headers/{name}")
async def own_headers(name: str):
    """Answers that an application may give, for what the gate makes of them."""
    sets = {
        "stricter": {"X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"},
        "weaker": {"Referrer-Policy": "unsafe-url", "X-Frame-Options": "ALLOWALL"},
        "banner": {"X-Powered-By": "Notes/1.0", "Server": "notes"},
        "csp": {"Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'"},
        "reserved": {"Sanmon-Assertion": "leak", "X-Request-Id": "backend"},
    }
    return HTMLResponse("<!doctype html><p>headers</p>", headers=sets[name])


@app.get("/redirect")
async def redirect(to: str = "/"):
    return RedirectResponse(to, status_code=302)


# The assertion, checked as the documentation tells a backend to check it.


@app.get("/assertion")
def assertion(request: Request):
    token = request.headers.get("sanmon-assertion")
    if token is None:
        raise HTTPException(401, "no assertion")
    try:
        if jwt.get_unverified_header(token).get("typ") != "snm-id+jwt":
            raise jwt.InvalidTokenError("typ")
        key = jwks_client().get_signing_key_from_jwt(token).key
        claims = jwt.decode(
            token,
            key,
            algorithms=["ES256"],
            audience=os.environ.get("ASSERTION_AUDIENCE", "upstream:app"),
            issuer=request.headers.get("x-test-issuer") or os.environ.get("ASSERTION_ISSUER"),
            options={"require": ["exp", "iat", "aud", "iss", "sub", "jti"]},
        )
    except jwt.PyJWTError as e:
        raise HTTPException(401, f"{type(e).__name__}: {e}")
    return {"claims": claims, "header": jwt.get_unverified_header(token), "token": token}


_jwks: jwt.PyJWKClient | None = None


def jwks_client() -> jwt.PyJWKClient:
    global _jwks
    if _jwks is None:
        _jwks = jwt.PyJWKClient(os.environ["JWKS_URL"], cache_keys=True, lifespan=300)
    return _jwks


# Failures.


@app.get("/error/{status}")
async def error(status: int):
    if status == 500:
        raise RuntimeError("secret-of-the-backend in a traceback")
    return JSONResponse({"status": status}, status_code=status)


# What is left: areas, so that a request which was let through as one thing and served as
# another shows.


@app.api_route("/private", methods=EVERY)
@app.api_route("/private/{rest:path}", methods=EVERY)
async def private(request: Request, rest: str = ""):
    return await received(request, "private")


@app.api_route("/echo/{rest:path}", methods=EVERY)
async def echo(request: Request, rest: str = ""):
    return await received(request, "echo")


@app.api_route("/{rest:path}", methods=EVERY)
async def anything(request: Request, rest: str = ""):
    return await received(request, "other")
