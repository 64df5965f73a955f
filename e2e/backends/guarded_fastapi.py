"""FastAPI with the Python package: see e2e/python_test.go."""

from typing import Annotated

from fastapi import Depends, FastAPI

from sanmon import Caller, Identity, from_environment
from sanmon.fastapi import Sanmon

gate = Sanmon(from_environment())
app = FastAPI(openapi_url=None)


@app.get("/health")
async def health() -> str:
    return "ok"


@app.get("/who")
async def who(who: Annotated[Identity, Depends(gate.scopes("notes:read"))]):
    return {"subject": who.subject, "email": who.email, "kind": who.kind, "roles": sorted(who.roles), "scopes": sorted(who.scopes)}


@app.get("/write")
async def write(who: Annotated[Identity, Depends(gate.scopes("notes:write"))]):
    return {"subject": who.subject}


@app.get("/front")
async def front(who: Annotated[Caller, Depends(gate.caller)], nonce: Annotated[str, Depends(gate.nonce)]):
    return {"known": who.is_authenticated, "nonce": nonce}
