"""An S3-compatible server on loopback that checks signatures: s3_server.py FOLDER BUCKET PREFIX.

Uploads the files of FOLDER, prints its port and the keys of a user who may read the bucket as one line of
JSON, and ends when its standard input does.
"""

import json
import logging
import sys
from pathlib import Path

import boto3
from moto import settings
from moto.server import ThreadedMotoServer

logging.disable(logging.CRITICAL)
folder, bucket, prefix = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
_, port = server.get_host_and_port()
root = {
    "endpoint_url": f"http://127.0.0.1:{port}",
    "region_name": "us-east-1",
    "aws_access_key_id": "root",
    "aws_secret_access_key": "root",
}
s3 = boto3.client("s3", **root)
s3.create_bucket(Bucket=bucket)
for path in sorted(folder.rglob("*")):
    if path.is_file():
        name = path.relative_to(folder).as_posix()
        s3.put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=path.read_bytes())
iam = boto3.client("iam", **root)
iam.create_user(UserName="reader")
statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
policy = {"Version": "2012-10-17", "Statement": [statement]}
iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=json.dumps(policy))
key = iam.create_access_key(UserName="reader")["AccessKey"]
settings.INITIAL_NO_AUTH_ACTION_COUNT = 0  # from now on, every signature is checked
print(
    json.dumps(
        {"port": port, "accessKeyId": key["AccessKeyId"], "secretAccessKey": key["SecretAccessKey"]}
    ),
    flush=True,
)
sys.stdin.read()
