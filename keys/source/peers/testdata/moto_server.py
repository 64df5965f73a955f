"""AWS as moto plays it, with its check of signatures and policies on: Secrets Manager with a few
secrets, keys of a user and of a role, and the metadata service of an instance. Says in one line
where it listens, and ends with its input."""

import json
import logging
import sys
import urllib.request

import boto3
from moto.server import ThreadedMotoServer

READ = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}]}
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}]}

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
endpoint = "http://%s:%d" % server.get_host_and_port()


def client(service):
    return boto3.client(service, endpoint_url=endpoint, region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")


def key_of(name, *, read):
    iam.create_user(UserName=name)
    if read:
        iam.put_user_policy(UserName=name, PolicyName="read", PolicyDocument=json.dumps(READ))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return {"id": made["AccessKeyId"], "secret": made["SecretAccessKey"]}


secrets, iam, sts = client("secretsmanager"), client("iam"), client("sts")
db = secrets.create_secret(Name="prod/db", SecretString='{"password":"first","port":5432}')
secrets.put_secret_value(SecretId="prod/db", SecretString='{"password":"second","port":5432}')
secrets.create_secret(Name="a+b=c@d_e.f-g", SecretString="odd name")
secrets.create_secret(Name="bytes", SecretBinary=bytes(range(256)))
secrets.create_secret(Name="gone", SecretString="x")
secrets.delete_secret(SecretId="gone", RecoveryWindowInDays=7)
secrets.create_secret(Name="empty")

role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
iam.put_role_policy(RoleName="reader", PolicyName="read", PolicyDocument=json.dumps(READ))
assumed = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
out = {
    "endpoint": endpoint,
    "arn": db["ARN"],
    "reader": key_of("reader", read=True),
    "stranger": key_of("stranger", read=False),
    "role": {"id": assumed["AccessKeyId"], "secret": assumed["SecretAccessKey"], "session": assumed["SessionToken"]},
}
# From here on, every request is checked.
urllib.request.urlopen(urllib.request.Request(endpoint + "/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"})).close()
print(json.dumps(out), flush=True)
sys.stdin.read()
