"""A FastAPI application with the faults that the gate is to find. Never run it for anything
but the tests: it writes what it is sent into its pages as it comes.
"""

import html
import json

from fastapi import FastAPI, Form
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse

app = FastAPI()
app.add_middleware(GZipMiddleware, minimum_size=1)  # answers clients that ask for it
COMMENT = {"id": 7, "body": "<script>alert(1)</script> & \u2028 </script>", "tags": ["<b>", "plain"]}


def page(body: str) -> HTMLResponse:
    return HTMLResponse("<!doctype html><title>Search</title><h1>Results</h1>" + body)


@app.get("/health")
async def health():
    return {"ok": True}


@app.get("/search")
async def search(q: str = ""):
    return page(f"<p>You searched for {q}</p>")


@app.get("/attribute")
async def attribute(q: str = ""):
    return page(f'<input name="q" value="{q}">')


@app.get("/link")
async def link(q: str = ""):
    return page(f'<a href="{html.escape(q)}">back</a>')


@app.get("/escaped")
async def escaped(q: str = ""):
    return page(f"<p>You searched for {html.escape(q)}</p>")


@app.get("/item/{name}")
async def item(name: str):
    return page(f"<p>No item {name}</p>")


@app.post("/comment")
async def comment(body: str = Form(""), author: str = Form("")):
    return page(f"<p>{html.escape(author)}</p><div>{body}</div>")


@app.get("/api/comment")
async def api_comment():
    return COMMENT


@app.get("/api/comments")
async def api_comments():
    return [COMMENT] * 2000


@app.get("/api/stream")
async def api_stream():
    text = json.dumps([COMMENT] * 2000, ensure_ascii=False).encode()
    return StreamingResponse((text[i : i + 777] for i in range(0, len(text), 777)), media_type="application/json")


@app.get("/api/plain")
async def api_plain():
    return {"id": 7, "body": "nothing to escape"}


@app.get("/api/digest")
async def api_digest():
    return JSONResponse(COMMENT, headers={"ETag": '"1"', "Content-MD5": "x", "Accept-Ranges": "bytes"})


@app.get("/api/broken")
async def api_broken():
    return Response('{"a":"<b>"} then <i>"<u>"</i>', media_type="application/json")


@app.get("/api/download")
async def api_download():
    return Response('{"a":"<b>"}', media_type="application/json", headers={"Content-Disposition": "attachment; filename=a.json"})


@app.get("/json-as-html")
async def json_as_html():
    return HTMLResponse(json.dumps(COMMENT))


@app.get("/json-as-html-large")
async def json_as_html_large():
    return HTMLResponse(json.dumps([COMMENT] * 2000))


def typed(body: bytes, content_type: str) -> Response:
    answer = Response(body)
    answer.headers["content-type"] = content_type
    return answer


@app.get("/no-charset")
async def no_charset():
    return typed("<!doctype html><p>caf\u00e9".encode(), "text/html")


@app.get("/no-charset-latin1")
async def no_charset_latin1():
    return typed("<!doctype html><p>caf\u00e9".encode("latin-1"), "text/html")


@app.get("/no-charset-meta")
async def no_charset_meta():
    return typed(b"<!doctype html><meta charset=windows-1252><p>caf\xe9", "text/html")


@app.get("/no-type")
async def no_type():
    return Response(b"<script>alert(1)</script>")
