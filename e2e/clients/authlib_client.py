"""An OAuth and OpenID client made of Authlib, as its documentation shows it. It takes one
command a line, {"do": …}, and answers each with one line of JSON.
"""

import json
import os
import sys
import warnings

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # http on loopback

import authlib.deprecate  # noqa: F401, it sets a filter
import httpx

warnings.simplefilter("ignore")  # another HTTP library is announced

from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from joserfc import jwt
from joserfc.jwk import KeySet

ISSUER, REDIRECT = os.environ["ISSUER"], os.environ["REDIRECT"]
metadata = httpx.get(ISSUER + "/.well-known/openid-configuration").raise_for_status().json()
assert metadata["issuer"] == ISSUER

client = OAuth2Client(
    os.environ["CLIENT_ID"],
    token_endpoint_auth_method="none",
    scope=os.environ["SCOPE"],
    redirect_uri=REDIRECT,
    code_challenge_method="S256",
    token_endpoint=metadata["token_endpoint"],
    revocation_endpoint_auth_method="none",
)
service = OAuth2Client(os.environ["SERVICE_ID"], os.environ["SERVICE_SECRET"], token_endpoint_auth_method="client_secret_basic", scope="notes:read")
first = None


def authorize(_):
    global first
    verifier, nonce = generate_token(48), generate_token(20)
    url, state = client.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce)
    res = httpx.get(url, headers={"Cookie": os.environ["COOKIE"]})
    to = res.headers.get("location", "")
    if not to.startswith(REDIRECT):
        return {"error": f"sent to {to}, {res.status_code}"}
    token = client.fetch_token(metadata["token_endpoint"], authorization_response=to, state=state, code_verifier=verifier)
    first = token["refresh_token"]
    keys = KeySet.import_key_set(httpx.get(metadata["jwks_uri"]).json())
    claims = jwt.decode(token["id_token"], keys, algorithms=["ES256"]).claims
    jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": ISSUER}, aud={"essential": True, "value": os.environ["CLIENT_ID"]}, nonce={"essential": True, "value": nonce},
        exp={"essential": True}, auth_time={"essential": True}, at_hash={"essential": True},
    ).validate(claims)
    return {"type": token["token_type"], "scope": token["scope"], "sub": claims["sub"], "email": claims.get("email")}


def answer_of(res):
    return {"status": res.status_code, "body": res.text}


def call(command):
    # By hand: the client would refresh by itself.
    return answer_of(httpx.request(command["method"], ISSUER + command["path"], headers={"Authorization": "Bearer " + client.token["access_token"]}))


def refresh(command):
    kept = dict(client.token)
    token = client.refresh_token(metadata["token_endpoint"], refresh_token=first if command.get("old") else kept["refresh_token"])
    if command.get("old"):
        client.token = kept
    return {"type": token["token_type"], "scope": token["scope"]}


def revoke(_):
    res = client.revoke_token(metadata["revocation_endpoint"], token=client.token["refresh_token"], token_type_hint="refresh_token")
    return {"status": res.status_code}


def introspect(_):
    about = service.introspect_token(metadata["introspection_endpoint"], token=client.token["access_token"], token_type_hint="access_token").json()
    return {"active": about["active"], "scope": about.get("scope"), "sub": about.get("sub")}


def as_service(command):
    token = service.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
    return {**answer_of(service.get(ISSUER + command["path"])), "scope": token["scope"], "refresh": "refresh_token" in token}


commands = {"authorize": authorize, "call": call, "refresh": refresh, "revoke": revoke, "introspect": introspect, "service": as_service}
for line in sys.stdin:
    command = json.loads(line)
    try:
        answer = commands[command["do"]](command)
    except OAuthError as e:
        answer = {"error": e.error}
    except httpx.HTTPStatusError as e:
        answer = {"error": e.response.text}
    print(json.dumps(answer), flush=True)
