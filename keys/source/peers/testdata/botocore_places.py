"""Answers what botocore knows: the endpoint of Secrets Manager in each region, and whether the
credentials of a container may come from each address that is read."""

import json
import sys

import botocore.session
import botocore.utils

session = botocore.session.Session()
session.set_credentials("id", "secret")
endpoints = {}
for partition in session.get_available_partitions():
    for region in session.get_available_regions("secretsmanager", partition):
        endpoints[region] = session.create_client("secretsmanager", region_name=region).meta.endpoint_url


def trusted(url):
    try:
        botocore.utils.ContainerMetadataFetcher()._validate_allowed_url(url)
    except ValueError:
        return False
    return True


json.dump({"endpoints": endpoints, "trusted": {url: trusted(url) for url in json.load(sys.stdin)}}, sys.stdout)
