"""What it costs to find out who calls, beside Envoy's own jwt_authn."""

import base64
import datetime
import hashlib
import hmac
import json
import pathlib
import time
import urllib.parse

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

ISSUER = "https://issuer.example"
AUDIENCE = "benchmark"
ACCESS_KEY = "AKIABENCHMARK00000"
SECRET = "a-secret-that-only-this-benchmark-knows"
# More than a worker remembers, so that every one that comes again is new.
DISTINCT_TOKENS = 40_000


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int, length: int) -> str:
    return base64url(value.to_bytes(length, "big"))


class Issuer:
    """Makes tokens of both kinds and publishes the keys."""

    def __init__(self):
        self.keys = {
            "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
            "ES256": ec.generate_private_key(ec.SECP256R1()),
        }

    def key_set(self) -> dict:
        public = self.keys["RS256"].public_key().public_numbers()
        point = self.keys["ES256"].public_key().public_numbers()
        return {
            "keys": [
                {"kty": "RSA", "kid": "RS256", "alg": "RS256", "use": "sig",
                 "n": number(public.n, 256), "e": number(public.e, 3)},
                {"kty": "EC", "kid": "ES256", "alg": "ES256", "use": "sig", "crv": "P-256",
                 "x": number(point.x, 32), "y": number(point.y, 32)},
            ]
        }

    def token(self, algorithm: str, subject: str, spoilt=False) -> str:
        now = int(time.time())
        header = {"alg": algorithm, "kid": algorithm, "typ": "JWT"}
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "iat": now - 10,
                  "exp": now + 24 * 3600, "scope": "read write", "name": "A. Customer",
                  "email": "customer@example.com", "groups": ["one", "two", "three"]}
        signed = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
        key = self.keys[algorithm]
        if algorithm == "RS256":
            signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        else:
            r, s = utils.decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
            signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        if spoilt:
            signature = bytes([signature[0] ^ 1]) + signature[1:]
        return f"{signed}.{base64url(signature)}"


def definition(port: int) -> dict:
    """One path for each way of authorisation, all to the same back end."""
    def operation(*security):
        return {
            "security": [{name: []} for name in security],
            "responses": {"200": {"description": "ok"}},
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "x-amazon-apigateway-integration": {
                "type": "http_proxy", "httpMethod": "GET", "uri": f"http://127.0.0.1:{port}/",
            },
        }

    def scheme(authtype, authorizer=None):
        found = {"type": "apiKey", "name": "Authorization", "in": "header",
                 "x-amazon-apigateway-authtype": authtype}
        if authorizer:
            found["x-amazon-apigateway-authorizer"] = authorizer
        return found

    return {
        "openapi": "3.0.1",
        "info": {"title": "benchmark", "version": "1"},
        "paths": {
            "/open/{id}": {"get": operation()},
            "/token/{id}": {"get": operation("token")},
            "/lambda/{id}": {"get": operation("function")},
            "/signed/{id}": {"get": operation("signature")},
        },
        "components": {
            "securitySchemes": {
                "token": scheme("custom", {
                    "type": "jwt",
                    "identitySource": "method.request.header.Authorization",
                    "jwtConfiguration": {
                        "issuers": [{"issuer": ISSUER, "audiences": [AUDIENCE]}],
                        "defaultAlgorithms": ["RS256", "ES256"],
                    },
                }),
                "function": scheme("custom", {
                    "type": "token",
                    "authorizerUri": f"http://127.0.0.1:{port}/authorizer",
                    "authorizerResultTtlInSeconds": 3600,
                }),
                "signature": scheme("awsSigv4"),
            }
        },
    }


def project(folder: pathlib.Path, issuer: Issuer, port: int) -> None:
    folder.mkdir()
    (folder / "openapi.json").write_text(json.dumps(definition(port)))
    (folder / "keys.json").write_text(json.dumps(issuer.key_set()))
    (folder / "secret.txt").write_text(SECRET)
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}],
    }
    (folder / "attache.yaml").write_text(json.dumps({
        "accessLog": "off",
        "apis": {
            "benchmark": {
                "definition": "openapi.json",
                "stages": {"prod": {}},
                "authorizers": {"token": {"jwks": "keys.json"}},
            }
        },
        "credentials": {
            ACCESS_KEY: {
                "secretAccessKeyFile": "secret.txt",
                "principal": {"arn": "arn:aws:iam::000000000000:user/benchmark"},
                "policies": [policy],
            }
        },
    }, indent=1))


def jwt_authn(issuer: Issuer, cached: bool) -> dict:
    """Envoy's own filter, doing the nearest job."""
    provider = {
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "local_jwks": {"inline_string": json.dumps(issuer.key_set())},
    }
    if cached:
        provider["jwt_cache_config"] = {"jwt_cache_size": 1000}
    return {
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"issuer": provider},
            "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "issuer"}}],
        },
    }


def presigned(path: str, host: str) -> str:
    """A path whose query is an AWS signature."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/us-east-1/execute-api/aws4_request"
    query = urllib.parse.urlencode(sorted({
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{ACCESS_KEY}/{scope}",
        "X-Amz-Date": now,
        "X-Amz-Expires": "300",
        "X-Amz-SignedHeaders": "host",
    }.items()), quote_via=urllib.parse.quote, safe="-_.~")
    empty = hashlib.sha256(b"").hexdigest()
    canonical = f"GET\n{path}\n{query}\nhost:{host}\n\nhost\n{empty}"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return f"{path}?{query}&X-Amz-Signature={hmac.new(key, text.encode(), hashlib.sha256).hexdigest()}"


def tokens_file(folder: pathlib.Path, name: str, tokens) -> pathlib.Path:
    path = folder / f"{name}.tokens"
    path.write_text("\n".join(tokens) + "\n")
    return path


def script(path: str, tokens: pathlib.Path, host="benchmark.localhost") -> str:
    """Requests with these tokens in turn."""
    return f"""
    local tokens = {{}}
    for line in io.lines("{tokens}") do tokens[#tokens + 1] = "Bearer " .. line end
    -- Not from the start each time: what was seen in the last round may be remembered.
    local n = (os.time() * 7919) % #tokens
    local headers = {{
      ["user-agent"] = "wrk", ["accept"] = "application/json", ["Host"] = "{host}",
      ["accept-encoding"] = "gzip, deflate", ["accept-language"] = "en",
      ["cache-control"] = "no-cache",
    }}
    request = function()
      n = n + 1
      headers["authorization"] = tokens[n % #tokens + 1]
      return wrk.format("GET", "{path}", headers)
    end
    """


def loads(start, compiled, with_filters, folder: pathlib.Path, port: int):
    """Each row: its name, the Envoy that serves it, the script of its requests or what makes it anew,
    the status."""
    issuer = Issuer()
    where = folder / "project-authorization"
    project(where, issuer, port)
    configuration = compiled(where)
    gateway = start("authorization", configuration)
    native = start("jwt_authn", with_filters(configuration, [jwt_authn(issuer, cached=False)]))
    remembering = start("jwt_authn cached", with_filters(configuration, [jwt_authn(issuer, cached=True)]))

    def distinct(algorithm, spoilt=False):
        name = f"{algorithm}{'-spoilt' if spoilt else ''}"
        made = (issuer.token(algorithm, f"customer-{n}", spoilt) for n in range(DISTINCT_TOKENS))
        return tokens_file(folder, name, made)

    one = {name: tokens_file(folder, f"one-{name}", [issuer.token(name, "customer")])
           for name in ("RS256", "ES256")}
    rs256, es256, spoilt = distinct("RS256"), distinct("ES256"), distinct("RS256", spoilt=True)
    host = "benchmark.localhost"
    return [
        ("open operation", gateway, script("/prod/open/1", one["RS256"]), 200),
        ("known JWT", gateway, script("/prod/token/1", one["RS256"]), 200),
        ("known JWT, jwt_authn", remembering, script("/prod/token/1", one["RS256"]), 200),
        ("known Lambda policy", gateway, script("/prod/lambda/1", one["RS256"]), 200),
        ("new RS256 JWT", gateway, script("/prod/token/1", rs256), 200),
        ("new RS256 JWT, jwt_authn", native, script("/prod/token/1", rs256), 200),
        ("new ES256 JWT", gateway, script("/prod/token/1", es256), 200),
        ("new ES256 JWT, jwt_authn", native, script("/prod/token/1", es256), 200),
        ("refused: bad RS256 JWT", gateway, script("/prod/token/1", spoilt), 401),
        ("refused: bad RS256 JWT, jwt_authn", native, script("/prod/token/1", spoilt), 401),
        # A signature is good for five minutes, less than all rounds take.
        ("AWS signature", gateway,
         lambda: unsigned_script(presigned("/prod/signed/1", host), host), 200),
    ]


def unsigned_script(target: str, host: str) -> str:
    """Requests that bring what they need in their query."""
    return f"""
    local headers = {{
      ["user-agent"] = "wrk", ["accept"] = "application/json", ["Host"] = "{host}",
      ["accept-encoding"] = "gzip, deflate", ["accept-language"] = "en",
      ["cache-control"] = "no-cache",
    }}
    request = function() return wrk.format("GET", "{target}", headers) end
    """


def aims(loads, empty: float, row) -> None:
    """Holds the rows against what was asked for. `empty` is what the empty filter adds."""
    def cost(name):
        return loads[name].microseconds

    added = cost("known JWT") - cost("open operation")
    row("a known JWT adds at most what `empty` adds", added <= empty,
        f"{added:.1f} against {empty:.1f} µs")
    added = cost("known Lambda policy") - cost("open operation")
    row("a known Lambda policy adds at most what `empty` adds", added <= empty,
        f"{added:.1f} against {empty:.1f} µs")
    added = cost("new RS256 JWT") - cost("open operation")
    theirs = cost("new RS256 JWT, jwt_authn") - loads["bare"].microseconds
    row("a new RS256 JWT costs at most 1.5 times what `jwt_authn` adds", added <= 1.5 * theirs,
        f"{added:.1f} against {theirs:.1f} µs ({added / theirs:.2f} times)")
    bad, good = cost("refused: bad RS256 JWT"), cost("new RS256 JWT")
    row("a bad JWT costs no more than a new good one", bad <= good, f"{bad:.1f} against {good:.1f} µs")
