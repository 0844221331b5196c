#!/usr/bin/env python3
"""A weather service that takes its time: each forecast is a second of work, and it counts them.

It knows nothing of caches; the gateway in front of it does. It needs Python 3 and nothing else, listens
on 127.0.0.1 only, and forgets everything when it ends.
"""

import argparse
import json
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

MOST_DAYS = 14
CITIES = {"bergen": "rain", "cairo": "sun", "reykjavik": "wind"}


class Forecasts:
    """Every method holds the lock while it counts, as requests come on threads of their own."""

    def __init__(self, seconds):
        self.lock = threading.Lock()
        self.seconds = seconds
        self.made = 0

    def make(self, city, days):
        time.sleep(self.seconds)
        with self.lock:
            self.made += 1
            number = self.made
        return {"city": city, "days": [CITIES[city]] * days, "forecast": number}


class Handler(BaseHTTPRequestHandler):
    """One connection: HTTP/1.1 with keep-alive."""

    protocol_version = "HTTP/1.1"
    # Head and body leave at once instead of waiting for an acknowledgement in between.
    disable_nagle_algorithm = True
    wbufsize = -1
    # A connection may be idle for this many seconds.
    timeout = 60

    def version_string(self):
        return "weather"

    def do_GET(self):
        target = urlsplit(self.path)
        room, _, name = target.path.removeprefix("/").partition("/")
        city = unquote(name)
        days = parse_qs(target.query).get("days", ["3"])[-1]
        if target.path == "/forecasts-made":
            self.answer(200, {"forecasts": self.server.forecasts.made})
        elif room != "forecasts" or city not in CITIES:
            self.answer(404, {"message": f"nobody knows '{city}'"})
        elif not (days.isascii() and days.isdecimal() and 1 <= int(days[:3]) <= MOST_DAYS):
            self.answer(400, {"message": f"'{days}' is not 1 to {MOST_DAYS} days"})
        else:
            self.answer(200, self.server.forecasts.make(city, int(days)))

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
    parser.add_argument("--seconds", type=float, default=1, help="work for a forecast (default: 1)")
    parser.add_argument("--verbose", action="store_true", help="print a line per request")
    arguments = parser.parse_args()
    try:
        server = Server(("127.0.0.1", arguments.port), Handler)
    except OSError as error:
        sys.exit(f"cannot listen on 127.0.0.1:{arguments.port}: {error.strerror}")
    server.forecasts = Forecasts(arguments.seconds)
    server.verbose = arguments.verbose

    def stop(_signal, _frame):
        # shutdown() waits for serve_forever(), which this handler interrupts.
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"weather service at http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()


if __name__ == "__main__":
    main()
