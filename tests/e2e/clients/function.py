"""Deploys a Lambda function.

Standard input: {"url": where Lambda is, "name", "source": its Python text with a `handler`}.
Standard output: its ARN.
"""

import io
import json
import sys
import zipfile

import botocore.session

order = json.load(sys.stdin)
session = botocore.session.Session()
session.set_credentials("test", "test")
functions = session.create_client("lambda", region_name="us-east-1", endpoint_url=order["url"])

archive = io.BytesIO()
with zipfile.ZipFile(archive, "w") as files:
    files.writestr("authorizer.py", order["source"])
function = functions.create_function(
    FunctionName=order["name"],
    Runtime="python3.12",
    Role="arn:aws:iam::000000000000:role/authorizer",
    Handler="authorizer.handler",
    Code={"ZipFile": archive.getvalue()},
)
json.dump({"arn": function["FunctionArn"]}, sys.stdout)
