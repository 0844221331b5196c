"""A WebSocket client: reads what to do as JSON, writes what came of it as JSON.

    {"url", "headers": {}, "steps": [...]}

is a connection; its result is {"refused": STATUS, "body": TEXT} or {"steps": [...], "closed":
{"code", "reason"}}. The steps are:

    {"echo": N}             a text of N characters, which has to come back
    {"echoBytes": [N, …]}   one binary message in fragments of N bytes
    {"ping": true}          a ping, until it is answered
    {"close": CODE, "reason": TEXT}
    {"wait": true}          until the other side closes; the result says after how many seconds
"""

import json
import sys
import time

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

DEADLINE = 30


def run(connection, step):
    if "echo" in step:
        text = "".join(chr(32 + i % 90) for i in range(step["echo"]))
        connection.send(text)
        return connection.recv(timeout=DEADLINE) == text
    if "echoBytes" in step:
        fragments = [bytes([i % 256]) * n for i, n in enumerate(step["echoBytes"])]
        connection.send(fragments)
        return connection.recv(timeout=DEADLINE) == b"".join(fragments)
    if "ping" in step:
        return connection.ping().wait(DEADLINE)
    if "close" in step:
        connection.close(step["close"], step.get("reason", ""))
        return True
    start = time.monotonic()
    try:
        while True:
            connection.recv(timeout=DEADLINE)
    except ConnectionClosed:
        return time.monotonic() - start


def talk(task):
    try:
        connection = connect(
            task["url"],
            additional_headers=task.get("headers", {}),
            open_timeout=DEADLINE,
            ping_interval=None,
            max_size=None,
            compression=task.get("compression"),
            proxy=None,
        )
    except InvalidStatus as refusal:
        response = refusal.response
        return {"refused": response.status_code, "body": (response.body or b"").decode()}
    with connection:
        steps = [run(connection, step) for step in task["steps"]]
    return {
        "steps": steps,
        "closed": {"code": connection.close_code, "reason": connection.close_reason},
    }


json.dump([talk(task) for task in json.load(sys.stdin)], sys.stdout)
