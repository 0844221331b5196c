"""A Lambda authorizer: what `allow` says who it is may call, with the event it was given as context.

`handler` is what Lambda calls; `python authorizer.py PORT` serves the same as a plain web service,
which shows the last event to a GET.
"""

import json
import sys


def token_of(event):
    if "authorizationToken" in event:
        return event["authorizationToken"]
    return next(
        (value for name, value in event["headers"].items() if name.lower() == "authorization"), ""
    )


def handler(event, _context):
    token = token_of(event)
    if token == "unauthorized":
        raise Exception("Unauthorized")
    if token == "broken":
        raise RuntimeError("the authorizer is broken")
    if event.get("version") == "2.0":
        return {"isAuthorized": token == "allow", "context": {"event": json.dumps(event)}}
    return {
        "principalId": "ada",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": "execute-api:Invoke",
                    "Effect": "Allow" if token == "allow" else "Deny",
                    "Resource": event.get("methodArn", event.get("routeArn")),
                }
            ],
        },
        "context": {"event": json.dumps(event)},
    }


if __name__ == "__main__":
    import http.server

    class Service(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        last = None

        def do_GET(self):
            self.answer(200, Service.last)

        def do_POST(self):
            Service.last = json.loads(self.rfile.read(int(self.headers["content-length"])))
            try:
                self.answer(200, handler(Service.last, None))
            except Exception as error:
                self.answer(500, {"errorMessage": str(error)})

        def answer(self, status, document):
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Service).serve_forever()
