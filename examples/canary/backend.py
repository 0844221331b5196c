#!/usr/bin/env python3
"""A price list in two versions: `/v1/prices/…`, and `/v2/prices/…`, which tells the tax as well.

It knows nothing of stages and canary releases; the gateway in front of it does, and says in `X-Canary`
whether a request belongs to one. It needs Python 3 and nothing else, and listens on 127.0.0.1 only.
"""

import argparse
import json
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

PRICES = {"apple": 0.4, "bread": 3.2, "tea": 5.8}
TAX = 0.25


def price_v1(item):
    return {"version": 1, "item": item, "price": PRICES[item]}


def price_v2(item):
    return {"version": 2, "item": item, "price": PRICES[item], "tax": round(PRICES[item] * TAX, 2)}


VERSIONS = {"v1": price_v1, "v2": price_v2}


class Handler(BaseHTTPRequestHandler):
    """One connection: HTTP/1.1 with keep-alive."""

    protocol_version = "HTTP/1.1"
    # Head and body leave at once instead of waiting for an acknowledgement in between.
    disable_nagle_algorithm = True
    wbufsize = -1
    # A connection may be idle for this many seconds.
    timeout = 60

    def version_string(self):
        return "prices"

    def do_GET(self):
        path = urlsplit(self.path).path
        segments = [unquote(segment) for segment in path.split("/")[1:]]
        if path == "/":
            self.answer(200, {"versions": sorted(VERSIONS)})
        elif len(segments) != 3 or segments[0] not in VERSIONS or segments[1] != "prices":
            self.answer(404, {"message": f"nothing is at '{path}'"})
        elif segments[2] not in PRICES:
            self.answer(404, {"message": f"there is no '{segments[2]}'"})
        else:
            price = VERSIONS[segments[0]](segments[2])
            self.answer(200, {**price, "canary": self.headers.get("X-Canary")})

    def answer(self, status, document):
        body = json.dumps(document).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *arguments):
        if self.server.verbose:
            super().log_message(format, *arguments)


class Server(ThreadingHTTPServer):
    """Many clients may come at once, and none holds up the end."""

    daemon_threads = True
    request_queue_size = 1024

    def handle_error(self, request, client_address):
        # A client that left is no fault of the service.
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=9000, help="0 takes a free one (default: 9000)")
    parser.add_argument("--verbose", action="store_true", help="print a line per request")
    arguments = parser.parse_args()
    try:
        server = Server(("127.0.0.1", arguments.port), Handler)
    except OSError as error:
        sys.exit(f"cannot listen on 127.0.0.1:{arguments.port}: {error.strerror}")
    server.verbose = arguments.verbose

    def stop(_signal, _frame):
        # shutdown() waits for serve_forever(), which this handler interrupts.
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"price list at http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()


if __name__ == "__main__":
    main()
