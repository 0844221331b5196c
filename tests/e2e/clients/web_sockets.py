"""A WebSocket client: reads what to do as JSON, writes what came of it as JSON.

    {"url", "headers": {}, "steps": [...]}

is a connection; its result is {"refused": STATUS, "body": TEXT} or {"steps": [...], "closed":
{"code", "reason"}}. The steps are:

    {"echo": N}             a text of N characters, which has to come back
    {"echoBytes": [N, …]}   one binary message in fragments of N bytes
    {"echoes": [N, …]}      messages of N bytes, sent while those before them come back
    {"stall": N, "times": M}
                            M messages of N bytes, and nothing is read until no more can be sent;
                            the result says how many could, or false when not all come back
    {"ping": true}          a ping, until it is answered
    {"close": CODE, "reason": TEXT}
    {"wait": true}          until the other side closes; the result says after how many seconds
"""

import asyncio
import json
import sys
import time

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

DEADLINE = 60


def content(size, number=0):
    """So many bytes, which do not repeat where buffers end; others for every number."""
    words = (number * 7_919 + i for i in range(size // 4 + 1))
    return b"".join(word.to_bytes(4, "big") for word in words)[:size]


async def receive(connection):
    return await asyncio.wait_for(connection.recv(), DEADLINE)


async def send_all(connection, messages, progress):
    for message in messages:
        await connection.send(message)
        progress.append(time.monotonic())


async def run(connection, step):
    if "echo" in step:
        text = "".join(chr(32 + i % 90) for i in range(step["echo"]))
        await connection.send(text)
        return await receive(connection) == text
    if "echoBytes" in step:
        fragments = [bytes([i % 256]) * n for i, n in enumerate(step["echoBytes"])]
        await connection.send(fragments)
        return await receive(connection) == b"".join(fragments)
    if "echoes" in step:
        messages = [content(size, i) for i, size in enumerate(step["echoes"])]
        sending = asyncio.create_task(send_all(connection, messages, []))
        same = [await receive(connection) == message for message in messages]
        await sending
        return all(same)
    if "stall" in step:
        message, sent = content(step["stall"]), [time.monotonic()]
        sending = asyncio.create_task(send_all(connection, [message] * step["times"], sent))
        while time.monotonic() - sent[-1] < 2:
            await asyncio.sleep(0.1)
        before = len(sent) - 1
        same = [await receive(connection) == message for _ in range(step["times"])]
        await sending
        return all(same) and before
    if "ping" in step:
        await asyncio.wait_for(await connection.ping(), DEADLINE)
        return True
    if "close" in step:
        await connection.close(step["close"], step.get("reason", ""))
        return True
    start = time.monotonic()
    try:
        while True:
            await receive(connection)
    except ConnectionClosed:
        return time.monotonic() - start


async def talk(task):
    try:
        connection = await connect(
            task["url"],
            additional_headers=task.get("headers", {}),
            open_timeout=DEADLINE,
            ping_interval=None,
            max_size=None,
            max_queue=1,
            compression=task.get("compression"),
            proxy=None,
        )
    except InvalidStatus as refusal:
        response = refusal.response
        return {"refused": response.status_code, "body": (response.body or b"").decode()}
    async with connection:
        steps = [await run(connection, step) for step in task["steps"]]
    return {
        "steps": steps,
        "closed": {"code": connection.close_code, "reason": connection.close_reason},
    }


async def main():
    json.dump([await talk(task) for task in json.load(sys.stdin)], sys.stdout)


asyncio.run(main())
