"""A FastAPI application with a rich interface description, for the tests of input.openapi.

Every endpoint answers with what FastAPI made of the request, so that a test can compare it
with what the gate let through."""

import datetime
import enum
import hashlib
import json
import uuid

from fastapi import Cookie, FastAPI, Form, Header, Query, Request, UploadFile
from pydantic import BaseModel, ConfigDict, Field

app = FastAPI(title="Described", version="1.0")
served = {"count": 0}


class Color(str, enum.Enum):
    red = "red"
    blue = "blue"


class Tag(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=8, pattern="^[a-z]+$")
    weight: float = 1.0


class Item(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str = Field(min_length=1, max_length=20)
    count: int = Field(ge=0, le=1000)
    price: float | None = Field(default=None, gt=0, multiple_of=0.5)
    color: Color = Color.red
    tags: list[Tag] = Field(default=[], max_length=3)
    owner: uuid.UUID | None = None
    due: datetime.datetime | None = None
    day: datetime.date | None = None
    parent: "Item | None" = None
    extra: dict[str, int] = {}
    either: int | str | None = None


class Loose(BaseModel):
    title: str
    body: str | None = Field(default=None, max_length=50)


def answer(model) -> dict:
    served["count"] += 1
    return {"parsed": json.loads(model.model_dump_json(exclude_unset=True))}


@app.get("/health")
async def health():
    return {"ok": True}


@app.get("/served", include_in_schema=False)
async def count():
    return served


@app.post("/items")
async def create(item: Item, request: Request):
    raw = await request.body()
    return {**answer(item), "sha256": hashlib.sha256(raw).hexdigest(), "raw": raw.decode()}


@app.post("/loose")
async def loose(item: Loose):
    return answer(item)


@app.get("/items/{item_id}")
async def one(item_id: int, verbose: bool = False, x_depth: int | None = Header(default=None), theme: Color | None = Cookie(default=None)):
    return {"item_id": item_id, "verbose": verbose, "depth": x_depth, "theme": theme}


@app.get("/search")
async def search(
    q: str = Query(min_length=2, max_length=10),
    limit: int = Query(default=10, le=50),
    color: list[Color] = Query(default=[]),
    since: datetime.date | None = None,
):
    return {"q": q, "limit": limit, "color": color, "since": since}


@app.post("/form")
async def form(title: str = Form(max_length=10), count: int = Form(default=1, le=5), done: bool = Form(default=False)):
    return {"title": title, "count": count, "done": done}


@app.post("/upload")
async def upload(file: UploadFile, title: str = Form(max_length=10)):
    content = await file.read()
    return {"title": title, "filename": file.filename, "sha256": hashlib.sha256(content).hexdigest()}


@app.post("/raw", include_in_schema=False)
async def raw(request: Request):
    return {"length": len(await request.body())}


@app.post("/change", include_in_schema=False)
async def change():
    """From now on the description says something else."""

    @app.get("/added")
    async def added(name: str):
        return {"name": name}

    app.openapi_schema = None
    return {"ok": True}
