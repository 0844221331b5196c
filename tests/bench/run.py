#!/usr/bin/env python3
"""Measures what the gateway costs beside bare proxying; see README.md in this folder."""

import argparse
import base64
import contextlib
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import yaml

import authorization
import document
import fleet
import response_cache
import templates
import transformation

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
CONNECTIONS = 16
MILLIS = {"us": 0.001, "ms": 1, "s": 1_000}
PLAN = {"rateLimit": 1_000_000.0, "burstLimit": 1_000_000}
QUOTA = {"limit": 1_000_000_000, "period": "MONTH"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def key_value(number: int) -> str:
    return f"benchmark-key-number-{number:08d}"


class Upstream:
    """The back end of all variants: an nginx that answers two bytes."""

    def __init__(self, folder: pathlib.Path, processor=None):
        self.port = free_port()
        configuration = folder / "nginx.conf"
        configuration.write_text(
            f"""
            worker_processes 1;
            daemon off;
            pid {folder}/nginx.pid;
            error_log {folder}/nginx.log;
            events {{ worker_connections 4096; }}
            http {{
              access_log off;
              keepalive_requests 1000000000;
              keepalive_timeout 1h;
              client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
              fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
              scgi_temp_path {folder}/scgi;
              server {{
                listen 127.0.0.1:{self.port};
                location / {{ return 200 "ok"; default_type text/plain; }}
                location = /authorizer {{
                  return 200 '{{"principalId":"customer","policyDocument":{{"Version":"2012-10-17",
                    "Statement":[{{"Action":"execute-api:Invoke","Effect":"Allow","Resource":"*"}}]}},
                    "context":{{"tier":"gold","account":"42"}}}}';
                  default_type application/json;
                }}
              }}
            }}
            """
        )
        prepare = (lambda: os.sched_setaffinity(0, {processor})) if processor is not None else None
        self.process = subprocess.Popen(["nginx", "-c", configuration], stderr=subprocess.DEVNULL,
                                        preexec_fn=prepare)

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Server:
    """A process that serves, with all that it starts."""

    def __init__(self, name, port, command, log, processor=None):
        self.name = name
        self.port = port
        self.log = log
        prepare = (lambda: os.sched_setaffinity(0, {processor})) if processor is not None else None
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=log.open("w"), start_new_session=True,
            preexec_fn=prepare,
        )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError):
                if self.ready():
                    return
            time.sleep(0.05)
        sys.exit(f"{name} did not start:\n{log.read_text()[-3000:]}")

    def ready(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port)):
            return True

    def processes(self) -> list[int]:
        """The process and all below it: a server may have children, or be started by a wrapper."""
        parents = {}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    # The name, in parentheses, may hold anything; state and parent follow it.
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                    parents.setdefault(int(fields[1]), []).append(int(entry.name))
        found = [self.process.pid]
        for process in found:
            found += parents.get(process, [])
        return found

    def resident(self) -> int:
        """Resident memory in KiB."""
        total = 0
        for process in self.processes():
            with contextlib.suppress(OSError):
                for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines():
                    if line.startswith("VmRSS:"):
                        total += int(line.split()[1])
        return total

    def processor_time(self) -> int:
        """Nanoseconds on a processor, of all threads."""
        total = 0
        for process in self.processes():
            for task in pathlib.Path(f"/proc/{process}/task").glob("*"):
                with contextlib.suppress(OSError):
                    total += int((task / "schedstat").read_text().split()[0])
        return total

    def stop(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)


class Envoy(Server):
    """One variant: an Envoy with its own configuration and admin port."""

    def __init__(self, name, binary, folder, configuration, workers=1, processor=None):
        port = free_port()
        self.admin = free_port()
        listener = configuration["static_resources"]["listeners"][0]
        listener["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": port}
        configuration["admin"]["address"]["socket_address"] = {
            "address": "127.0.0.1",
            "port_value": self.admin,
        }
        slug = re.sub(r"[^a-z0-9]+", "-", f"{name}-{workers}")
        path = folder / f"{slug}.json"
        path.write_text(json.dumps(configuration))
        super().__init__(
            name, port,
            [binary, "-c", path, "--concurrency", str(workers), "--disable-hot-restart",
             "-l", "warning"],
            folder / f"{slug}.log", processor,
        )

    def ready(self) -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/ready") as answer:
            return answer.status == 200


class Load:
    """Requests to one variant, as a wrk script, and what they must be answered with."""

    def __init__(self, name, server, folder, script, status=200, processor=None):
        self.name, self.server, self.status, self.processor = name, server, status, processor
        slug = re.sub(r"[^a-z0-9]+", "-", name)
        self.script = folder / f"{slug}.lua"
        self.text = script if callable(script) else lambda: script
        self.samples = []
        self.rates = []
        self.latencies = []
        self.total = 0

    def send(self, seconds: int) -> tuple[int, int]:
        """Sends for a while; returns the requests and those answered with 2xx."""
        self.script.write_text(self.text())
        prepare = (lambda: os.sched_setaffinity(0, {self.processor})) if self.processor is not None else None
        output = subprocess.run(
            ["wrk", "-t1", "--latency", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", self.script,
             f"http://127.0.0.1:{self.server.port}"],
            capture_output=True, text=True, check=True, preexec_fn=prepare,
        ).stdout
        total = int(re.search(r"(\d+) requests in", output).group(1))
        refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
        self.total += total
        self.latencies.append({int(share): float(number) * MILLIS[unit] for share, number, unit
                               in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)\b", output)})
        return total, total - (int(refused.group(1)) if refused else 0)

    def measure(self, seconds: int):
        before = self.server.processor_time()
        total, served = self.send(seconds)
        spent = self.server.processor_time() - before
        wrong = total - served if self.status == 200 else served
        if wrong > total * 0.001:
            sys.exit(f"{self.name}: {wrong} of {total} requests had another answer than {self.status}")
        self.samples.append(spent / total / 1_000)
        self.rates.append(total / seconds)

    @property
    def microseconds(self) -> float:
        return statistics.median(self.samples)

    def latency(self, percentile: int) -> float:
        """Milliseconds, the 50th or the 99th; the median of all rounds."""
        return statistics.median(latencies[percentile] for latencies in self.latencies)

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def spread(self) -> tuple[float, float]:
        """The middle half of the samples."""
        if len(self.samples) < 2:
            return 0, 0
        low, _, high = statistics.quantiles(self.samples, n=4)
        return low, high


def definition(operations: int, port: int) -> dict:
    """An OpenAPI document with that many operations that need a key."""
    integration = {"type": "http_proxy", "httpMethod": "GET", "uri": f"http://127.0.0.1:{port}/"}
    operation = {
        "security": [{"key": []}],
        "responses": {"200": {"description": "ok"}},
        "x-amazon-apigateway-integration": integration,
    }
    return {
        "openapi": "3.0.1",
        "info": {"title": "benchmark", "version": "1"},
        "paths": {
            f"/collection{number // 50}/item{number % 50}/{{id}}": {"get": operation}
            for number in range(operations)
        },
        "components": {
            "securitySchemes": {"key": {"type": "apiKey", "name": "x-api-key", "in": "header"}}
        },
    }


def project(folder: pathlib.Path, operations: int, keys: int, port: int, rate=None, state=None) -> None:
    folder.mkdir()
    (folder / "openapi.json").write_text(json.dumps(definition(operations, port)))
    lines = ["Name,Key,Enabled,UsagePlanIds"]
    lines += [f"customer-{number},{key_value(number)},true,plan" for number in range(keys)]
    (folder / "keys.csv").write_text("\n".join(lines) + "\n")
    limit = rate or PLAN
    (folder / "attache.yaml").write_text(
        json.dumps(
            {
                "accessLog": "off",
                "apis": {
                    "benchmark": {
                        "definition": "openapi.json",
                        "stages": {
                            "prod": {
                                "methodSettings": {
                                    "*/*": {
                                        "throttlingRateLimit": PLAN["rateLimit"],
                                        "throttlingBurstLimit": PLAN["burstLimit"],
                                    }
                                }
                            }
                        },
                    }
                },
                "usagePlans": {
                    "plan": {
                        "throttle": limit,
                        "quota": QUOTA,
                        "apiStages": [{"api": "benchmark", "stage": "prod"}],
                    }
                },
                "apiKeyFiles": ["keys.csv"],
                **({"state": state} if state else {}),
            },
            indent=1,
        )
    )


def compiled(attache, folder: pathlib.Path) -> dict:
    out = folder / "out"
    done = subprocess.run([attache, "compile", folder, "--target", "envoy", "--out", out],
                          capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{folder} does not compile:\n{done.stderr}")
    configuration = yaml.load((out / "envoy.yaml").read_text(), Loader=yaml.CSafeLoader)
    text = json.dumps(configuration).replace('"gateway.wasm"', json.dumps(str(out / "gateway.wasm")))
    return json.loads(text)


def manager(configuration: dict) -> dict:
    chain = configuration["static_resources"]["listeners"][0]["filter_chains"][0]
    return chain["filters"][0]["typed_config"]


def with_filters(configuration: dict, filters: list) -> dict:
    """The same listener with other filters, and a route that needs none of them."""
    copy = json.loads(json.dumps(configuration))
    http = manager(copy)
    http["http_filters"] = filters + [http["http_filters"][-1]]
    # The last route is for every request; those before it are for what the filter marks.
    host = http["route_config"]["virtual_hosts"][0]
    host["routes"] = host["routes"][-1:]
    route = host["routes"][0]["route"]
    del route["cluster_header"]
    route.pop("cluster_not_found_response_code", None)
    route["cluster"] = copy["static_resources"]["clusters"][0]["name"]
    return copy


def empty_filter(wasm: pathlib.Path, answer=None) -> dict:
    """Does nothing, or answers with so many bytes."""
    configuration = {} if answer is None else {"configuration": {
        "@type": "type.googleapis.com/google.protobuf.StringValue", "value": str(answer)}}
    return {
        "name": "empty",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": "empty",
                "failure_policy": "FAIL_RELOAD",
                **configuration,
                "vm_config": {
                    "vm_id": "empty",
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": str(wasm)}},
                },
            },
        },
    }


def native_filters(keys: int) -> list:
    bucket = {"max_tokens": 1_000_000, "tokens_per_fill": 1_000_000, "fill_interval": "1s"}
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    return [
        {
            "name": "envoy.filters.http.api_key_auth",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth",
                "credentials": [
                    {"key": key_value(number), "client": f"customer-{number}"}
                    for number in range(keys)
                ],
                "key_sources": [{"header": "x-api-key"}],
            },
        },
        {
            "name": "envoy.filters.http.local_ratelimit",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
                "stat_prefix": "limit",
                "token_bucket": bucket,
                "filter_enabled": always,
                "filter_enforced": always,
            },
        },
    ]


def script(operations: int, keys: int, with_key=True) -> str:
    """Requests over all operations and keys, in an order that is the same each time."""
    header = (
        'headers["x-api-key"] = string.format("benchmark-key-number-%08d", (n * 7919) % KEYS)'
        if with_key
        else ""
    )
    return f"""
    local OPERATIONS, KEYS, n = {operations}, {keys}, 0
    local headers = {{
      ["user-agent"] = "wrk", ["accept"] = "application/json",
      ["accept-encoding"] = "gzip, deflate", ["accept-language"] = "en",
      ["cache-control"] = "no-cache", ["authorization"] = "Bearer {'x' * 700}",
    }}
    request = function()
      n = n + 1
      local place = (n * 104729) % OPERATIONS
      {header}
      local path = string.format("/prod/collection%d/item%d/%d",
        math.floor(place / 50), place % 50, n % 1000)
      return wrk.format("GET", path, headers)
    end
    """


def machine() -> str:
    model = next(
        (line.split(":")[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")),
        platform.processor(),
    )
    return f"{os.cpu_count()} processors ({model}), {platform.system()} {platform.release()}"


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--envoy", required=True)
    options.add_argument("--attache", default=ROOT / "target/release/attache")
    options.add_argument("--empty", required=True, help="the filter that does nothing")
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--seconds", type=int, default=1, help="whole seconds, as wrk counts")
    options.add_argument("--write", type=pathlib.Path,
                         help="write the tables to this file; with --section, only those in place of the old ones")
    options.add_argument("--engines", type=pathlib.Path, help="where other template engines are kept, to be compared with")
    options.add_argument("--response-cache", required=True, type=pathlib.Path, help="the filter that caches alone")
    options.add_argument("--only", help="only loads whose name holds this")
    options.add_argument("--section", choices=("requests", "cache", "fleet"), help="only this part of the loads")
    arguments = options.parse_args()
    for tool in ("wrk", "nginx", "varnishd", "redis-server", "redis-cli", "webdis"):
        if not shutil.which(tool):
            sys.exit(f"`{tool}` is missing: apt-get install wrk nginx-light varnish redis-server webdis")

    # Secrets of credentials are sealed with it when a project is compiled, and opened in Envoy.
    os.environ["ATTACHE_SECRETS_KEY"] = base64.b64encode(os.urandom(32)).decode()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="attache-bench-"))
    running = []
    try:
        report = measure(arguments, folder, running)
    finally:
        for process in running:
            process.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(report)
    if arguments.write and arguments.section and arguments.write.exists():
        report = document.renewed(arguments.write.read_text(), report)
    if arguments.write:
        arguments.write.write_text(report)


def measure(arguments, folder, running) -> str:
    def start(name, configuration, workers=1, processor=None):
        envoy = Envoy(name, arguments.envoy, folder, configuration, workers, processor)
        running.append(envoy)
        return envoy

    # The shorter half first: what it cannot start is known soon.
    wanted = (arguments.section,) if arguments.section else ("fleet", "cache", "requests")
    shared = measure_fleet(arguments, folder, running, start) if "fleet" in wanted else ({}, {})
    stop(running)
    cached = measure_cache(arguments, folder, running, start) if "cache" in wanted else {}
    stop(running)
    requests, memory = measure_requests(arguments, folder, running, start) \
        if "requests" in wanted else ({}, {})
    return report(arguments, requests, memory, cached, shared)


def stop(running):
    while running:
        running.pop().stop()


def measure_fleet(arguments, folder, running, start):
    """What limits cost that gateways share, and how often Redis is called for them."""
    serving, loading = two_processors()
    upstream = Upstream(folder, loading)
    running.append(upstream)

    def server(name, port, command):
        running.append(Server(name, port, command, folder / f"{name}.log", loading))

    def gateway_configuration(state):
        where = folder / f"project-fleet-{'shared' if state else 'alone'}"
        project(where, 10, 10, upstream.port, state=state)
        return compiled(arguments.attache, where)

    shared = fleet.Shared(folder, server, free_port)
    rows = fleet.loads(lambda name, configuration: start(name, configuration, processor=serving),
                       shared, gateway_configuration, script(10, 10))
    loads = {name: Load(name, envoy, folder, text, processor=loading) for name, envoy, text in rows}
    take_turns(arguments, list(loads.values()))
    # Once more each, with nobody else about: who calls Redis is known then. What was held has been
    # given back in the meantime; how much is wanted ahead is found out first.
    calls = {}
    for name, load in loads.items():
        load.send(2)
        before, load.total = shared.calls(), 0
        load.send(10)
        calls[name] = (shared.calls() - before) / load.total * 1_000
    return loads, calls


def two_processors() -> tuple:
    """Where there are two, one is the server's and the other all the others'."""
    processors = sorted(os.sched_getaffinity(0))
    return (processors[0], processors[1]) if len(processors) > 1 else (None, None)


def measure_requests(arguments, folder, running, start):
    """What requests cost that go on to a back end, or are refused."""
    upstream = Upstream(folder)
    running.append(upstream)

    def gateway_configuration(operations, keys, rate=None):
        where = folder / f"project-{operations}-{keys}-{'slow' if rate else 'fast'}"
        project(where, operations, keys, upstream.port, rate)
        return compiled(arguments.attache, where)

    small = gateway_configuration(10, 10)
    bare = start("bare", with_filters(small, []))
    empty = start("empty", with_filters(small, [empty_filter(arguments.empty)]))
    native = start("native", with_filters(small, native_filters(10)))
    gateway = start("gateway", small)
    slow = start("gateway throttled", gateway_configuration(10, 10, {"rateLimit": 0.001, "burstLimit": 1}))

    loads = [
        Load("bare", bare, folder, script(10, 10)),
        Load("empty", empty, folder, script(10, 10)),
        Load("native", native, folder, script(10, 10)),
        Load("gateway", gateway, folder, script(10, 10)),
        Load("refused: no key", gateway, folder, script(10, 10, with_key=False), 403),
        Load("refused: throttled", slow, folder, script(10, 10), 429),
    ]
    for operations, keys in ((1_000, 10), (10_000, 10), (10, 1_000), (10, 100_000)):
        what = f"{operations} operations" if operations != 10 else f"{keys} keys"
        envoy = start(f"gateway, {what}", gateway_configuration(operations, keys))
        loads.append(Load(f"gateway, {what}", envoy, folder, script(operations, keys)))
    rows = authorization.loads(start, lambda where: compiled(arguments.attache, where), with_filters,
                               folder, upstream.port)
    loads += [Load(name, envoy, folder, text, status) for name, envoy, text, status in rows]
    rows = transformation.loads(start, lambda where: compiled(arguments.attache, where), folder, upstream.port)
    loads += [Load(name, envoy, folder, text) for name, envoy, text in rows]
    if arguments.only:
        loads = [load for load in loads if arguments.only in load.name or load.name in ("bare", "empty")]

    take_turns(arguments, loads)
    memory = {name: resident_per_worker(start, name, configuration, folder)
              for name, configuration in (
                  ("bare", with_filters(small, [])),
                  ("empty", with_filters(small, [empty_filter(arguments.empty)])),
                  ("gateway", small))}
    return {load.name: load for load in loads}, memory


def measure_cache(arguments, folder, running, start):
    """What answers cost that are kept, of the gateway and of others."""
    serving, loading = two_processors()

    def server(name, port, command):
        log = folder / f"{re.sub('[^a-z0-9]+', '-', name.lower())}.log"
        started = Server(name, port, command, log, loading if name == "origin" else serving)
        running.append(started)
        return started

    rows, origin = response_cache.loads(
        lambda name, configuration: start(name, configuration, processor=serving), server,
        lambda where: compiled(arguments.attache, where), with_filters,
        lambda answer: empty_filter(arguments.empty, answer), arguments.response_cache, folder, free_port)
    loads = {(name, size): Load(f"{name} {size}", serving_it, folder, text, processor=loading)
             for name, size, serving_it, text in rows}
    if arguments.only:
        loads = {key: load for key, load in loads.items()
                 if arguments.only in key[0] or key[0] == response_cache.DIRECT}
    take_turns(arguments, list(loads.values()))
    # Once for each that keeps it, a few more where several ask at once; never once for each hit.
    if origin.asked() > 50 * len(loads):
        sys.exit(f"{origin.asked()} hits were asked of the back end")
    return loads


def take_turns(arguments, loads):
    for load in loads:
        load.send(1)
    for round_number in range(arguments.rounds):
        for load in loads if round_number % 2 == 0 else reversed(loads):
            load.measure(arguments.seconds)


def resident_per_worker(start, name, configuration, folder) -> float:
    """What one more worker keeps resident, in MiB, after the same load."""
    resident = {}
    for workers in (1, 4):
        envoy = start(f"{name} memory", json.loads(json.dumps(configuration)), workers)
        Load(f"{name} memory {workers}", envoy, folder, script(10, 10)).send(3)
        resident[workers] = envoy.resident() / 1024
        envoy.stop()
    return (resident[4] - resident[1]) / 3


def report(arguments, loads, memory, cached, shared) -> str:
    version = subprocess.run([arguments.envoy, "--version"], capture_output=True, text=True).stdout
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`; how it measures is told in [`tests/bench`](../tests/bench/README.md).",
        "",
        f"- Machine: {machine()}",
        f"- Envoy: `{version.strip().split('version:')[-1].strip()}`",
        f"- {arguments.rounds} rounds of {arguments.seconds:g} s for each row, one worker,"
        f" {CONNECTIONS} connections, alternating; medians",
    ]
    if cached:
        lines.append(f"- Beside them: `{response_cache.version('nginx', '-v')}`,"
                     f" `{response_cache.version('varnishd', '-V')}`")
    aims = ["", "## Against the aims", "", "| aim | measured |", "|---|---|"]

    def row(aim, condition, text):
        aims.append(f"| {aim} | {text}: {'met' if condition else '**missed**'} |")

    rendered = templates.run(arguments.engines) if arguments.engines else []
    if loads:
        lines += table(loads)
        judge(arguments, loads, memory, rendered, row)
    if cached:
        lines += response_cache.table(cached)
        if not arguments.only:
            response_cache.aims(cached, row)
    if shared[0]:
        lines += fleet.table(*shared)
        if arguments.section:
            lines += ["", f"Measured by itself: {arguments.rounds} rounds of {arguments.seconds:g} s."]
        fleet.aims(*shared, row)
    lines += aims
    if rendered:
        lines += ["", "## Rendering a mapping template", "",
                  "Natively, compiled once and rendered again and again; the quickest of some rounds.", "",
                  templates.table(rendered)]
    return "\n".join(lines) + "\n"


def table(loads) -> list:
    bare = loads["bare"].microseconds
    empty = loads["empty"].microseconds - bare
    lines = [
        "",
        "## Processor time of Envoy per request",
        "",
        "| | µs | µs over bare proxying | × the empty filter | spread of the middle half |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, load in loads.items():
        added = load.microseconds - bare
        ratio = f"{added / empty:.2f}" if name != "bare" else "–"
        low, high = load.spread
        lines.append(f"| {name} | {load.microseconds:.1f} | {added:.1f} | {ratio} | {low:.1f}–{high:.1f} |")
    return lines


def judge(arguments, loads, memory, rendered, row):
    """Holds the requests against what was asked for."""
    bare = loads["bare"].microseconds
    empty = loads["empty"].microseconds - bare
    if "gateway" in loads:
        gateway = loads["gateway"].microseconds - bare
        row("`gateway` adds at most 2.5 times what `empty` adds", gateway <= 2.5 * empty,
            f"{gateway / empty:.2f} times")
        for small, large in (("gateway", "gateway, 10000 operations"), ("gateway", "gateway, 100000 keys")):
            if large in loads:
                growth = (loads[large].microseconds - bare) / gateway - 1
                row(f"{large.split(', ')[1]} instead of 10 add at most 10 %", growth <= 0.1,
                    f"{growth * 100:+.0f} %")
        for name in ("refused: no key", "refused: throttled"):
            if name in loads:
                row(f"`{name}` costs no more than a served request",
                    loads[name].microseconds <= loads["gateway"].microseconds,
                    f"{loads[name].microseconds:.1f} against {loads['gateway'].microseconds:.1f} µs")
    if "known JWT" in loads and not arguments.only:
        authorization.aims(loads, empty, row)
        transformation.aims(loads, row)
    if rendered:
        least = min(times["airspeed"] / times["attache"] for _, _, times in rendered)
        row("a template renders at least 50 times as fast as with airspeed", least >= 50, f"{least:,.0f} times at least")
    more = memory["gateway"] - memory["empty"]
    row("a worker keeps at most 2 MiB more resident than with `empty`", more <= 2,
        f"{memory['gateway']:.1f} against {memory['empty']:.1f} MiB ({memory['bare']:.1f} without a filter)")


if __name__ == "__main__":
    main()
