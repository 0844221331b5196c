#!/usr/bin/env python3
"""Two gateways and one Redis: shows that a limit holds over both of them.

It needs Python 3, `redis-server` and `webdis` (Debian's packages, on the PATH or in --redis-folder),
and attache. Everything listens on 127.0.0.1 only, and is ended with it. Exit code 1: a limit did not
hold.
"""

import argparse
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
WEBDIS_PORT = 7379
QUOTA = 500
RATE, BURST = 100, 50
# Over so many connections each gateway is asked.
CONNECTIONS = 4
# What gateways may hold ahead of a throttle together: a quarter of what a second brings, and one for
# each request that waits.
AHEAD = RATE // 4 + 2 * CONNECTIONS
# How soon all gateways know of a plan or a key that was created or changed, in seconds.
KNOWN_AFTER = 2
ACME, GLOBEX = "acme-example-key-0123456789", "globex-example-key-0123456789"


class Process:
    """A server of the fleet, with its output in a file."""

    def __init__(self, folder, name, command, environment=None):
        self.name, self.command, self.environment = name, command, environment
        self.log = folder / f"{name.replace(' ', '-')}.log"
        self.process = None
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            # A group of its own: Ctrl-C is for this program, which ends the others in their order.
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self.environment, start_new_session=True)

    def wait_for(self, port, path=None):
        """Until it listens, or answers a request."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                sys.exit(f"{self.name} has ended:\n{self.log.read_text(errors='replace')}")
            try:
                if path is None:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                else:
                    ask(port, path, None)
                return
            except OSError:
                time.sleep(0.02)
        sys.exit(f"{self.name} does not answer:\n{self.log.read_text(errors='replace')}")

    def end(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            os.killpg(self.process.pid, how)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


def ask(port, path, key):
    """The status of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"x-api-key": key} if key else {})
        response = connection.getresponse()
        response.read()
        return response.status
    except http.client.HTTPException as error:
        raise ConnectionError(error) from error
    finally:
        connection.close()


def load(ports, key, until):
    """Asks all gateways at once, over some connections each, as long as `until` says to: what each
    has admitted and refused, and how long it took."""
    counts = {port: {200: 0, 429: 0} for port in ports}
    lock = threading.Lock()

    def run(port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        sent = 0
        while until(sent):
            connection.request("GET", "/prod/tickets", headers={"x-api-key": key})
            response = connection.getresponse()
            response.read()
            sent += 1
            with lock:
                counts[port][response.status] = counts[port].get(response.status, 0) + 1
        connection.close()

    threads = [threading.Thread(target=run, args=(port,)) for port in ports for _ in range(CONNECTIONS)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [counts[port] for port in ports], time.monotonic() - start


def table(counts):
    """Prints what became of requests, a row for each status, and returns how many were admitted."""
    print(f"  {'':14}{'gateway 1':>12}{'gateway 2':>12}{'together':>12}")
    for status, said in ((200, "admitted"), (429, "refused")):
        numbers = [count.pop(status, 0) for count in counts]
        print(f"  {said:14}{numbers[0]:>12}{numbers[1]:>12}{sum(numbers):>12}")
        if status == 200:
            admitted = sum(numbers)
    others = [count for count in counts if count]
    if others:
        sys.exit(f"  other answers: {others}")
    print()
    return admitted


def check(held, told):
    print(f"  {'✓' if held else '✗'} {told}\n")
    return held


def program(name, folder):
    """A server's program and its environment: unpacked packages have their libraries beside it."""
    unpacked = pathlib.Path(folder, "usr/bin", name) if folder else None
    if unpacked and unpacked.exists():
        libraries = ":".join(str(path) for path in pathlib.Path(folder, "usr/lib").iterdir())
        return str(unpacked), {**os.environ, "LD_LIBRARY_PATH": libraries}
    found = shutil.which(name)
    if found is None:
        sys.exit(f"{name} is missing: `make setup-redis` gets it (Debian: apt-get install {name})")
    return found, None


def project(folder, webdis_port):
    """This folder, or a copy of it that knows another port of Webdis."""
    if webdis_port == WEBDIS_PORT:
        return HERE
    copy = folder / "project"
    copy.mkdir()
    shutil.copy(HERE / "openapi.yaml", copy)
    settings = (HERE / "attache.yaml").read_text()
    (copy / "attache.yaml").write_text(settings.replace(f":{WEBDIS_PORT}", f":{webdis_port}"))
    return copy


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--attache", default="attache", help="the command")
    parser.add_argument("--envoy", help="the Envoy that it starts")
    parser.add_argument("--redis-folder", help="where packages for Redis were unpacked")
    parser.add_argument("--ports", type=int, nargs=2, default=[8080, 8081], help="of the gateways")
    parser.add_argument("--redis-port", type=int, default=6380)
    parser.add_argument("--webdis-port", type=int, default=WEBDIS_PORT)
    parser.add_argument("--seconds", type=float, default=5, help="how long the throttle is tried")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    processes = []
    with tempfile.TemporaryDirectory(prefix="attache-fleet-") as name:
        try:
            held = show(arguments, pathlib.Path(name), processes)
        except KeyboardInterrupt:
            held = False
        finally:
            for process in reversed(processes):
                process.end()
    sys.exit(0 if held else 1)


def show(arguments, folder, processes):
    ports = arguments.ports
    redis, environment = program("redis-server", arguments.redis_folder)
    processes.append(Process(folder, "redis", [
        redis, "--bind", "127.0.0.1", "--port", str(arguments.redis_port), "--save", "",
        "--appendonly", "yes", "--dir", str(folder)], environment))
    redis = processes[-1]
    redis.wait_for(arguments.redis_port)
    settings = folder / "webdis.json"
    settings.write_text(json.dumps({
        "redis_host": "127.0.0.1", "redis_port": arguments.redis_port,
        "http_host": "127.0.0.1", "http_port": arguments.webdis_port,
        "threads": 2, "pool_size": 8, "daemonize": False, "websockets": False,
        "logfile": str(folder / "webdis.log"),
        # All that gateways ask of it.
        "acl": [{"disabled": ["*"]}, {"enabled": ["EVAL", "PING"]}],
    }))
    webdis, environment = program("webdis", arguments.redis_folder)
    processes.append(Process(folder, "webdis-output", [webdis, str(settings)], environment))
    processes[-1].wait_for(arguments.webdis_port)
    served = project(folder, arguments.webdis_port)
    gateways = []
    for number, port in enumerate(ports, 1):
        command = [arguments.attache, "run", str(served), "--port", str(port)]
        command += ["--envoy", arguments.envoy] if arguments.envoy else []
        gateways.append(Process(folder, f"gateway {number}", command))
        processes.append(gateways[-1])
    for gateway, port in zip(gateways, ports):
        gateway.wait_for(port, "/prod/tickets")
    print(f"Redis at 127.0.0.1:{arguments.redis_port}, Webdis at 127.0.0.1:{arguments.webdis_port}, "
          f"gateways at 127.0.0.1:{ports[0]} and 127.0.0.1:{ports[1]}\n")

    each = 400
    print(f"A quota of {QUOTA} requests a day, and {each} requests to each gateway at once:\n")
    counts, _ = load(ports, ACME, lambda sent: sent < each // CONNECTIONS)
    admitted = table(counts)
    held = check(admitted == QUOTA, f"admitted {admitted} of {QUOTA}")

    print("Redis crashes and comes back with its file, and both gateways are started anew:\n")
    for gateway in gateways:
        gateway.end()
    redis.end(signal.SIGKILL)
    redis.start()
    redis.wait_for(arguments.redis_port)
    for gateway, port in zip(gateways, ports):
        gateway.start()
        gateway.wait_for(port, "/prod/tickets")
    counts, _ = load(ports, ACME, lambda sent: sent < 10)
    admitted = table(counts)
    held &= check(admitted == 0, "nothing is left of the quota")

    print(f"A throttle of {RATE} a second and a burst of {BURST}, and as many requests as both gateways "
          f"take for {arguments.seconds:g} s:\n")
    end = time.monotonic() + arguments.seconds
    counts, seconds = load(ports, GLOBEX, lambda _: time.monotonic() < end)
    admitted = table(counts)
    allowed = BURST + RATE * seconds
    held &= check(0.8 * allowed <= admitted <= allowed + AHEAD,
                  f"admitted {admitted}; one gateway alone would admit {allowed:.0f}, a fleet at most "
                  f"{AHEAD} more")

    print("A usage plan and a key are created in Redis, and changed, while both gateways serve:\n")
    return held & knows_changes(arguments.attache, served, ports)


def knows_changes(attache, served, ports):
    """Whether all gateways know of a change in Redis as soon as they should."""
    def run(command, *words):
        done = subprocess.run([attache, command, *words, "--directory", str(served), "--fleet", "--output", "json"],
                              capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"`attache {command} {' '.join(words)}` failed:\n{done.stderr}")
        return done.stdout

    run("usage-plans", "create", "trial", "--api-stage", "tickets:prod")
    key = json.loads(run("keys", "create", "initech", "--plan", "trial"))["value"]
    held = answers(ports, key, 200, "created")
    run("usage-plans", "update", "trial", "--quota-limit", "0", "--quota-period", "DAY")
    held &= answers(ports, key, 429, "given a quota of nothing")
    run("keys", "revoke", "initech")
    return held & answers(ports, key, 403, "revoked")


def answers(ports, key, expected, told):
    """Whether all gateways soon answer like this to a key."""
    start = time.monotonic()
    while any(ask(port, "/prod/tickets", key) != expected for port in ports):
        if time.monotonic() - start > 30:
            break
        time.sleep(0.02)
    seconds = time.monotonic() - start
    return check(seconds < KNOWN_AFTER, f"{told}: both gateways answer with {expected} after {seconds:.1f} s")


if __name__ == "__main__":
    main()
