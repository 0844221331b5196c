"""What it costs to share limits with other gateways through Redis: nothing shared, leases, and a call
for each request, as a comparison only."""

import json
import pathlib
import statistics
import subprocess

CPU_LIMIT = 1.05
LATENCY_LIMIT = 1.05
CALLS_LIMIT = 5

LOCAL = "limits of its own"
LEASED = "leases from Redis"
ASKING = "a call of Redis for each request"


class Shared:
    """Redis, and Webdis before it."""

    def __init__(self, folder: pathlib.Path, server, free_port):
        where = folder / "fleet"
        where.mkdir()
        self.redis_port, self.port = free_port(), free_port()
        server("redis", self.redis_port, [
            "redis-server", "--port", str(self.redis_port), "--bind", "127.0.0.1", "--dir", where,
            "--save", "", "--appendonly", "no",
        ])
        configuration = where / "webdis.json"
        configuration.write_text(json.dumps({
            "redis_host": "127.0.0.1", "redis_port": self.redis_port,
            "http_host": "127.0.0.1", "http_port": self.port,
            "threads": 2, "pool_size": 20, "daemonize": False, "websockets": False, "verbosity": 1,
            "logfile": str(where / "webdis.log"),
        }))
        server("webdis", self.port, ["webdis", configuration])

    def calls(self) -> int:
        """How many commands of gateways Redis has carried out."""
        statistics_of = subprocess.run(
            ["redis-cli", "-p", str(self.redis_port), "info", "commandstats"],
            capture_output=True, text=True, check=True, timeout=10).stdout
        return sum(int(line.partition("calls=")[2].partition(",")[0])
                   for line in statistics_of.splitlines()
                   if line.startswith(("cmdstat_eval:", "cmdstat_incr:")))


def asking_filter() -> dict:
    """Envoy's own Lua filter, which counts each request in Redis."""
    return {
        "name": "asking",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": """
              function envoy_on_request(handle)
                handle:httpCall("redis", {
                  [":method"] = "POST", [":path"] = "/", [":authority"] = "redis",
                }, "INCR/requests", 1000)
              end
            """},
        },
    }


def with_cluster(configuration: dict, port: int) -> dict:
    configuration["static_resources"]["clusters"].append({
        "name": "redis",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "redis", "endpoints": [{"lb_endpoints": [{"endpoint": {
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}]}]},
    })
    return configuration


def with_first(configuration: dict, filters: list) -> dict:
    chain = configuration["static_resources"]["listeners"][0]["filter_chains"][0]
    manager = chain["filters"][0]["typed_config"]
    manager["http_filters"] = filters + manager["http_filters"]
    return configuration


def loads(start, shared: Shared, gateway_configuration, script: str) -> list:
    """Each row: what it is called, the Envoy, the script."""
    local = gateway_configuration(None)
    leased = gateway_configuration(
        {"redis": {"url": f"http://127.0.0.1:{shared.port}", "timeoutMs": 1000, "onFailure": "deny"}})
    asking = with_first(with_cluster(json.loads(json.dumps(local)), shared.port), [asking_filter()])
    return [(name, start(name, configuration), script)
            for name, configuration in ((LOCAL, local), (LEASED, leased), (ASKING, asking))]


def table(measured: dict, calls: dict) -> list:
    """`measured`: the loads by name; `calls`: how many calls of Redis a thousand requests made."""
    lines = ["", "## Limits that gateways share", "",
             "A throttle of the plan, one of the stage and a quota, for requests that go on to a back end."
             " Envoy has one worker and a processor to itself where there are two; Redis, Webdis, the back"
             " end and the client have the other.", "",
             "| | µs of Envoy's processor | × its own limits | p50, ms | p99, ms | calls of Redis for 1 000 requests |",
             "|---|--:|--:|--:|--:|--:|"]
    base = measured[LOCAL].microseconds
    for name, load in measured.items():
        lines.append(f"| {name} | {load.microseconds:.1f} | {load.microseconds / base:.2f}"
                     f" | {load.latency(50):.2f} | {load.latency(99):.2f} | {calls[name]:.2f} |")
    return lines


def aims(measured: dict, calls: dict, row) -> None:
    local, leased = measured[LOCAL], measured[LEASED]
    ratio = statistics.median(ours / theirs for ours, theirs in zip(leased.samples, local.samples))
    row("leases cost at most 5 % more of the processor than limits of its own", ratio <= CPU_LIMIT,
        f"{leased.microseconds:.1f} against {local.microseconds:.1f} µs ({ratio:.3f} times)")
    ratio = leased.latency(99) / local.latency(99)
    row("and at most 5 % at the 99th percentile of latency", ratio <= LATENCY_LIMIT,
        f"{leased.latency(99):.2f} against {local.latency(99):.2f} ms ({ratio:.2f} times)")
    row(f"leases make at most {CALLS_LIMIT} calls of Redis for 1 000 requests",
        calls[LEASED] <= CALLS_LIMIT, f"{calls[LEASED]:.2f}")
