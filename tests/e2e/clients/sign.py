"""Signs requests with botocore, and sends them with it where asked.

Standard input: a JSON list of requests. Standard output: a JSON list, in the same order, of what
to send (method, path with query, header fields), or of the answers to those that were sent.
"""

import base64
import datetime
import hashlib
import json
import socket
import sys
import urllib.parse

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session


# Names below localhost are this machine (RFC 6761); not every resolver knows.
resolve = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: resolve(
    "127.0.0.1" if str(host).endswith(".localhost") else host, *rest, **more
)


class QueryAuth(botocore.auth.SigV4QueryAuth):
    """Leaves the body where it is; botocore's would make query parameters of a form."""

    def _modify_request_before_signing(self, request):
        self.body, request.data = request.data, b""
        super()._modify_request_before_signing(request)

    def payload(self, request):
        return hashlib.sha256(self.body).hexdigest()

    def _inject_signature_to_request(self, request, signature):
        request.data = self.body
        return super()._inject_signature_to_request(request, signature)


def signed(request: dict) -> dict:
    clock = datetime.datetime.now(datetime.timezone.utc)
    clock += datetime.timedelta(seconds=request["skew"])
    botocore.auth.get_current_datetime = lambda *_, **__: clock.replace(tzinfo=None)

    credentials = Credentials(
        request["accessKeyId"], request["secretAccessKey"], request.get("sessionToken")
    )
    scope = (credentials, request["service"], request["region"])
    if request["expires"] is None:
        signer = botocore.auth.SigV4Auth(*scope)
    else:
        signer = QueryAuth(*scope, expires=request["expires"])

    body = base64.b64decode(request["body"])
    headers = [(name, value) for name, value in request["headers"]]
    unsigned = AWSRequest(method=request["method"], url=request["url"], data=body)
    for name, value in headers:
        unsigned.headers.add_header(name, value)
    signer.add_auth(unsigned)
    prepared = unsigned.prepare()
    if request["send"]:
        answer = URLLib3Session(timeout=30).send(prepared)
        return {
            "status": answer.status_code,
            "headers": [[name.lower(), value] for name, value in answer.headers.items()],
            "body": base64.b64encode(answer.content).decode(),
        }
    url = urllib.parse.urlsplit(prepared.url)
    fields = [
        [name.lower(), value if isinstance(value, str) else value.decode("latin-1")]
        for name, value in prepared.headers.items()
    ]
    return {
        "method": prepared.method,
        "path": urllib.parse.urlunsplit(("", "", url.path, url.query, "")),
        # The connection says how long the body is.
        "headers": [field for field in fields if field[0] not in ("content-length", "host")],
    }


json.dump([signed(request) for request in json.load(sys.stdin)], sys.stdout)
