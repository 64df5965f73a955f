"""Reads requests for GetSecretValue that we made, and answers for each what botocore does: its
signature of that very request, and the request that its own client sends for the same question."""

import datetime
import json
import sys

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.session


def moment(row):
    return datetime.datetime.fromtimestamp(row["time"], datetime.timezone.utc)


def signed(row):
    """The Authorization of our request, by botocore."""
    credentials = botocore.credentials.Credentials(row["id"], row["secret"], row["session"] or None)
    headers = {k: v for k, v in row["header"].items() if k not in ("authorization", "host", "x-amz-date", "x-amz-security-token")}
    request = botocore.awsrequest.AWSRequest("POST", row["endpoint"] + "/", headers=headers, data=row["body"].encode())
    botocore.auth.get_current_datetime = lambda *_: moment(row)
    auth = botocore.auth.SigV4Auth(credentials, "secretsmanager", row["region"])
    seen = []
    canonical_request = auth.canonical_request
    auth.canonical_request = lambda r: seen.append(canonical_request(r)) or seen[-1]
    auth.add_auth(request)
    return {"authorization": request.headers["Authorization"], "canonical": seen[-1]}


def emitted(row):
    """What the client of botocore sends when it is asked for the same secret."""
    session = botocore.session.Session()
    session.set_credentials(row["id"], row["secret"], row["session"] or None)
    client = session.create_client("secretsmanager", region_name=row["region"])
    seen = {}

    class Raw:
        def stream(self, *_, **__):
            yield b'{"SecretString":"x"}'

    def catch(request, **_):
        text = {k.lower(): v.decode() if isinstance(v, bytes) else v for k, v in request.headers.items()}
        seen.update(method=request.method, url=request.url, header=text, body=request.body.decode())
        return botocore.awsrequest.AWSResponse(request.url, 200, {}, Raw())

    client.meta.events.register("before-send", catch)
    botocore.auth.get_current_datetime = lambda *_: moment(row)
    ask = {"SecretId": row["name"]}
    if row["stage"]:
        ask["VersionStage"] = row["stage"]
    client.get_secret_value(**ask)
    return seen


json.dump([{"signed": signed(row), "emitted": emitted(row)} for row in json.load(sys.stdin)], sys.stdout)
