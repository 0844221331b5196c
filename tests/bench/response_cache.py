"""What an answer from the cache costs, beside Envoy's own direct response, nginx and Varnish."""

import json
import pathlib
import subprocess

SIZES = {"1 KB": 1_000, "100 KB": 100_000, "1 MB": 1_000_000}
HIT_LIMIT = 1.5
DIRECT = "`direct_response`, empty filter"
AT_HAND = "a filter with the answer at hand"
PROXIED = ("`gateway.wasm`, not cached", "`gateway.wasm`, a miss")


def slug(size: str) -> str:
    return size.replace(" ", "").lower()


class Origin:
    """The back end of all: an nginx that serves a file of each size, and writes down who asked for
    what may be kept."""

    def __init__(self, folder: pathlib.Path, server, port: int):
        where = folder / "origin"
        for name, size in SIZES.items():
            for room in ("hit", "miss", "open"):
                file = where / "root" / room / slug(name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(b"x" * size)
        self.log = where / "asked"
        self.port = port
        self.server = server("origin", port, nginx(where, f"""
            server {{
              listen 127.0.0.1:{port};
              root {where}/root;
              default_type text/plain;
              add_header Cache-Control "public, max-age=3600";
              location /hit/ {{ access_log {self.log}; }}
            }}
        """))

    def asked(self) -> int:
        """How many requests for what is kept have come through."""
        return len(self.log.read_text().splitlines())


def nginx(where: pathlib.Path, servers: str) -> list:
    where.mkdir(parents=True, exist_ok=True)
    configuration = where / "nginx.conf"
    folders = "".join(
        f"{kind}_temp_path {where}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # As root it would give its worker to another user, who cannot read what is here.
    configuration.write_text(f"""
        user root;
        worker_processes 1;
        daemon off;
        pid {where}/nginx.pid;
        error_log {where}/error.log;
        events {{ worker_connections 4096; }}
        http {{
          access_log off;
          sendfile on;
          tcp_nopush on;
          keepalive_requests 1000000000;
          keepalive_timeout 1h;
          {folders}
          {servers}
        }}
    """)
    return ["nginx", "-c", configuration]


def caching_nginx(where: pathlib.Path, origin: int, port: int) -> list:
    return nginx(where, f"""
        proxy_cache_path {where}/cache levels=1:2 keys_zone=answers:16m max_size=1g inactive=1h;
        upstream origin {{ server 127.0.0.1:{origin}; keepalive 64; }}
        server {{
          listen 127.0.0.1:{port};
          location /prod/ {{
            proxy_pass http://origin/;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_cache answers;
            proxy_cache_key $request_uri;
            proxy_cache_valid 200 1h;
          }}
        }}
    """)


def varnish(where: pathlib.Path, origin: int, port: int) -> list:
    where.mkdir(parents=True, exist_ok=True)
    language = where / "default.vcl"
    language.write_text(f"""
        vcl 4.1;
        backend origin {{ .host = "127.0.0.1"; .port = "{origin}"; }}
        sub vcl_backend_fetch {{ set bereq.url = regsub(bereq.url, "^/prod/", "/"); }}
    """)
    # It serves every connection by a thread: one pool of them, none of which ends meanwhile.
    threads = [("thread_pools", 1), ("thread_pool_min", 64), ("thread_pool_max", 64)]
    parameters = [word for name, value in threads for word in ("-p", f"{name}={value}")]
    return ["varnishd", "-F", "-j", "none", "-n", where / "work", "-f", language,
            "-a", f"127.0.0.1:{port}", "-s", "malloc,256m", *parameters]


def definition(port: int) -> dict:
    def operation(room, *query):
        text = {"schema": {"type": "string"}}
        return {
            "parameters": [{"name": "size", "in": "path", "required": True, **text},
                           *({"name": name, "in": "query", **text} for name in query)],
            "responses": {"200": {"description": "ok"}},
            "x-amazon-apigateway-integration": {
                "type": "http_proxy", "httpMethod": "GET",
                "uri": f"http://127.0.0.1:{port}/{room}/{{size}}",
                "requestParameters": {"integration.request.path.size": "method.request.path.size"},
                "cacheKeyParameters": ["method.request.path.size",
                                       *(f"method.request.querystring.{name}" for name in query)],
            },
        }

    return {
        "openapi": "3.0.1",
        "info": {"title": "benchmark", "version": "1"},
        "paths": {
            "/hit/{size}": {"get": operation("hit")},
            "/miss/{size}": {"get": operation("miss", "n")},
            "/open/{size}": {"get": operation("open")},
        },
    }


def project(folder: pathlib.Path, port: int) -> pathlib.Path:
    where = folder / "project-response-cache"
    where.mkdir()
    (where / "openapi.json").write_text(json.dumps(definition(port)))
    settings = {"cachingEnabled": True, "cacheTtlInSeconds": 3600}
    stage = {
        "cacheCluster": {"enabled": True, "sizeMiB": 256},
        "methodSettings": {"*/*": settings, "/open/{size}/GET": {"cachingEnabled": False}},
    }
    (where / "attache.yaml").write_text(json.dumps({
        "accessLog": "off",
        "apis": {"benchmark": {"definition": "openapi.json", "stages": {"prod": stage}}},
    }))
    return where


def host(configuration: dict) -> dict:
    chain = configuration["static_resources"]["listeners"][0]["filter_chains"][0]
    return chain["filters"][0]["typed_config"]["route_config"]


def floor(configuration: dict) -> dict:
    """The answers as Envoy's own, in its configuration."""
    routes = host(configuration)
    routes["max_direct_response_body_size_bytes"] = 2 * max(SIZES.values())
    routes["virtual_hosts"][0]["routes"] = [
        {
            "match": {"path": f"/prod/hit/{slug(name)}"},
            "direct_response": {"status": 200, "body": {"inline_string": "x" * size}},
        }
        for name, size in SIZES.items()
    ]
    return configuration


def behind_prefix(configuration: dict) -> dict:
    """The stand-alone filter leaves paths alone: Envoy's route takes the stage off."""
    for route in host(configuration)["virtual_hosts"][0]["routes"]:
        route["route"]["prefix_rewrite"] = "/"
        route["match"] = {"prefix": "/prod/"}
    return configuration


def standalone(module: pathlib.Path) -> dict:
    return {
        "name": "response_cache",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": "response_cache",
                "failure_policy": "FAIL_RELOAD",
                "allow_on_headers_stop_iteration": True,
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": json.dumps({
                        "sizeMebibytes": 256,
                        "operations": [{"path": "/{proxy+}"}],
                    }),
                },
                "vm_config": {
                    "vm_id": "response_cache",
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": str(module)}},
                },
            },
        },
    }


def script(room: str, size: str, distinct=False) -> str:
    """Requests of one answer, or each of another."""
    target = f"/prod/{room}/{slug(size)}"
    path = f'"{target}"' if not distinct else f'string.format("{target}?n=%d", n)'
    return f"""
    -- Not from the start each time: what was asked for in the last round is kept.
    local n = os.time() * 1000000
    local headers = {{
      ["user-agent"] = "wrk", ["accept"] = "*/*", ["Host"] = "benchmark.localhost",
      ["accept-encoding"] = "gzip, deflate", ["accept-language"] = "en",
    }}
    request = function()
      n = n + 1
      return wrk.format("GET", {path}, headers)
    end
    """


def loads(start, server, compiled, with_filters, empty_filter, module, folder, free_port):
    """Each row: who answers, the size, the server, the script; and the origin of them all."""
    origin = Origin(folder, server, free_port())
    configuration = compiled(project(folder, origin.port))

    def bare(filters):
        return with_filters(json.loads(json.dumps(configuration)), filters)

    gateway = start("response cache", configuration)
    servers = {
        DIRECT: start("direct", floor(bare([empty_filter(None)]))),
        "`gateway.wasm`": gateway,
        "`response_cache.wasm`": start("standalone", behind_prefix(bare([standalone(module)]))),
    }
    for name, program in (("nginx `proxy_cache`", caching_nginx), ("Varnish", varnish)):
        port = free_port()
        where = folder / program.__name__
        servers[name] = server(name, port, program(where, origin.port, port))
    rows = [(name, size, serving, script("hit", size))
            for size in SIZES for name, serving in servers.items()]
    at_hand = start("answering", bare([empty_filter(SIZES["1 KB"])]))
    rows.append((AT_HAND, "1 KB", at_hand, script("hit", "1 KB")))
    for name, room in zip(PROXIED, ("open", "miss")):
        rows.append((name, "1 KB", gateway, script(room, "1 KB", distinct=room == "miss")))
    return rows, origin


def table(measured) -> list:
    """`measured`: the loads by who answers and size."""
    lines = ["", "## An answer from the cache", "",
             "Each server has one worker, and a processor to itself where there are two.", "",
             "| | answer | µs of processor | × `direct_response` | answers a second | spread of the middle half |",
             "|---|--:|--:|--:|--:|--:|"]
    for (name, size), load in measured.items():
        base = measured[(DIRECT, size)].microseconds
        # What has a request to the origin in it is no hit.
        ratio = "–" if name in PROXIED else f"{load.microseconds / base:.2f}"
        low, high = load.spread
        lines.append(f"| {name} | {size} | {load.microseconds:.1f} | {ratio}"
                     f" | {load.rate:,.0f} | {low:.1f}–{high:.1f} |")
    return lines


def aims(measured, row) -> None:
    def cost(name, size="1 KB"):
        return measured[(name, size)].microseconds

    base = cost(DIRECT)
    for name in ("`gateway.wasm`", "`response_cache.wasm`"):
        ratio = cost(name) / base
        row(f"a hit of 1 KB with {name} costs at most {HIT_LIMIT} times a direct response",
            ratio <= HIT_LIMIT, f"{cost(name):.1f} against {base:.1f} µs ({ratio:.2f} times)")


def version(program: str, *arguments) -> str:
    output = subprocess.run([program, *arguments], capture_output=True, text=True)
    return (output.stdout + output.stderr).splitlines()[0]
