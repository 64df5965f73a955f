"""Google's own client reads secrets from the servers named on its input: tokens from the metadata
server by google-auth, secrets by google-cloud-secret-manager. Answers what each name gave."""

import json
import os
import sys

given = json.load(sys.stdin)
os.environ["GCE_METADATA_HOST"] = given["host"]

from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.auth import compute_engine
from google.cloud import secretmanager_v1
from google.cloud.secretmanager_v1.services.secret_manager_service import transports


def client():
    transport = transports.SecretManagerServiceRestTransport(
        host=given["host"], url_scheme="http", credentials=compute_engine.Credentials()
    )
    return secretmanager_v1.SecretManagerServiceClient(transport=transport)


def read(api, name):
    try:
        answer = api.access_secret_version(name=name, retry=None, timeout=10)
    except exceptions.GoogleAPICallError as e:
        return {"status": e.code}
    except Exception as e:
        return {"status": -1, "error": type(e).__name__}
    return {"status": 200, "value": answer.payload.data.decode(), "crc": answer.payload.data_crc32c}


api = client()
json.dump([read(api, name) for name in given["names"]], sys.stdout)
