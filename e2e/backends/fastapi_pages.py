"""Pages of an ordinary FastAPI application: Jinja2 templates, forms, an upload, a fragment
for scripts. Where something is posted, the answer says what arrived."""

import hashlib
import pathlib

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.templating import Jinja2Templates

router = APIRouter(prefix="/pages", include_in_schema=False)
templates = Jinja2Templates(pathlib.Path(__file__).parent / "templates")
added: list[str] = []


@router.get("/", response_class=HTMLResponse)
async def page(request: Request, by_hand: bool = False, foreign: str = "/pages/save", cache: str = "", csp: str = ""):
    context = {"title": "FastAPI", "notes": added, "by_hand": by_hand, "foreign": foreign}
    headers = {"Cache-Control": cache, "Content-Security-Policy": csp}
    return templates.TemplateResponse(request, "page.html", context, headers={k: v for k, v in headers.items() if v})


@router.get("/fragment", response_class=HTMLResponse)
async def fragment():
    return '<form id="late" method="post" action="/pages/save"><input name="title" value="late"><button>Go</button></form>'


@router.get("/find")
async def find(request: Request):
    return {"query": request.url.query}


@router.post("/note")
async def note(request: Request):
    form = await request.form()
    added.append(str(form["title"]))
    return RedirectResponse("/pages/", 303)


@router.post("/file")
async def file(request: Request):
    form = await request.form()
    content = await form["file"].read()
    return {
        "names": [name for name, _ in form.multi_items()],
        "filename": form["file"].filename,
        "comment": form.get("comment"),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


@router.api_route("/{what}", methods=["POST", "PUT", "PATCH", "DELETE"])
async def arrived(request: Request, what: str):
    raw = await request.body()
    return {
        "what": what,
        "method": request.method,
        "query": request.url.query,
        "type": request.headers.get("content-type", ""),
        "raw": raw.decode("latin-1"),
        "token": request.headers.get("x-sanmon-csrf", ""),
    }
