"""An OpenID issuer: python issuer.py PORT.

    GET  /.well-known/openid-configuration, /keys    what a relying party reads
    GET  /fetches                                    how often the keys were read
    POST /tokens    {"algorithm", "claims": [...], "header"?}    signed tokens, one per claims
    POST /rotate                                     new keys sign from now on; the old ones stay
    POST /withdraw                                   only the newest keys are published
"""

import http.server
import json
import sys
import threading
import time

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

PORT = int(sys.argv[1])
ISSUER = f"http://127.0.0.1:{PORT}"
ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "EdDSA"]
lock = threading.Lock()
# By generation, the newest last; each by algorithm.
generations = []
fetches = 0


def rotate():
    number = len(generations) + 1

    def about(algorithm):
        return {"kid": f"{algorithm}-{number}", "use": "sig", "alg": algorithm}

    generations.append(
        {
            "RS256": RSAKey.generate_key(2048, about("RS256")),
            "PS256": RSAKey.generate_key(2048, about("PS256")),
            "ES256": ECKey.generate_key("P-256", about("ES256")),
            "ES384": ECKey.generate_key("P-384", about("ES384")),
            "EdDSA": OKPKey.generate_key("Ed25519", about("EdDSA")),
        }
    )


def key_set():
    keys = [key for generation in generations for key in generation.values()]
    return KeySet(keys).as_dict(private=False)


def token(order, claims):
    key = generations[-1][order["algorithm"]]
    header = {"alg": order["algorithm"], "kid": key.kid, "typ": "JWT", **order.get("header", {})}
    now = int(time.time())
    claims = {"iss": ISSUER, "iat": now - 1, "exp": now + 3600, **claims}
    return jwt.encode(header, claims, key, algorithms=ALGORITHMS)


class Issuer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        global fetches
        with lock:
            if self.path == "/.well-known/openid-configuration":
                self.answer(200, {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"})
            elif self.path == "/keys":
                fetches += 1
                self.answer(200, key_set())
            elif self.path == "/fetches":
                self.answer(200, fetches)
            else:
                self.answer(404, None)

    def do_POST(self):
        order = json.loads(self.rfile.read(int(self.headers["content-length"])) or "null")
        with lock:
            if self.path == "/tokens":
                self.answer(200, [token(order, claims) for claims in order["claims"]])
            elif self.path == "/rotate":
                rotate()
                self.answer(200, None)
            elif self.path == "/withdraw":
                del generations[:-1]
                self.answer(200, None)
            else:
                self.answer(404, None)

    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


rotate()
http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Issuer).serve_forever()
