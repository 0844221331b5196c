#!/usr/bin/env python3
"""The pet store's back end: pets, their photos and their owners, in memory.

It knows nothing of API keys, plans or stages; the gateway in front of it does. It needs Python 3
and nothing else, listens on 127.0.0.1 only, and forgets everything when it ends.
"""

import argparse
import json
import re
import signal
import sys
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

LARGEST_BODY = 10 * 1024 * 1024


class Refusal(Exception):
    """A request that the store cannot fulfil."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status
        self.message = message


class Store:
    """All data. Every method holds the lock, as requests come on threads of their own."""

    def __init__(self):
        self.lock = threading.Lock()
        self.owners = {
            1: {"id": 1, "name": "Ada"},
            2: {"id": 2, "name": "Grace"},
        }
        self.pets = {}
        self.photos = {}
        self.next_pet = 1
        for name, kind, owner in [("Rex", "dog", 1), ("Misty", "cat", 1), ("Bubbles", "fish", 2)]:
            self.add_pet({"name": name, "type": kind, "owner": owner})

    def list_pets(self, kind=None, owner=None):
        with self.lock:
            return [
                pet
                for pet in self.pets.values()
                if kind in (None, pet["type"]) and owner in (None, str(pet["owner"]))
            ]

    def add_pet(self, fields):
        with self.lock:
            pet = {"id": self.next_pet, **self.checked(fields)}
            self.pets[pet["id"]] = pet
            self.next_pet += 1
            return pet

    def pet(self, pet_id):
        with self.lock:
            return self.find(self.pets, pet_id, "pet")

    def replace_pet(self, pet_id, fields):
        with self.lock:
            self.find(self.pets, pet_id, "pet")
            self.pets[pet_id] = {"id": pet_id, **self.checked(fields)}
            return self.pets[pet_id]

    def remove_pet(self, pet_id):
        with self.lock:
            self.find(self.pets, pet_id, "pet")
            del self.pets[pet_id]
            self.photos.pop(pet_id, None)

    def list_owners(self):
        with self.lock:
            return list(self.owners.values())

    def owner(self, owner_id):
        with self.lock:
            return self.find(self.owners, owner_id, "owner")

    def photo(self, pet_id, name):
        with self.lock:
            self.find(self.pets, pet_id, "pet")
            return self.find(self.photos.get(pet_id, {}), name, "photo")

    def keep_photo(self, pet_id, name, content_type, content):
        with self.lock:
            self.find(self.pets, pet_id, "pet")
            self.photos.setdefault(pet_id, {})[name] = (content_type, content)

    def remove_photo(self, pet_id, name):
        with self.lock:
            self.find(self.pets, pet_id, "pet")
            self.find(self.photos.get(pet_id, {}), name, "photo")
            del self.photos[pet_id][name]

    def checked(self, fields):
        """The fields of a pet, or a refusal that names the one that is wrong."""
        if not isinstance(fields, dict):
            raise Refusal(HTTPStatus.BAD_REQUEST, "a pet is a JSON object")
        for field in ("name", "type"):
            if not isinstance(fields.get(field), str) or not fields[field]:
                raise Refusal(HTTPStatus.BAD_REQUEST, f"a pet has a {field}")
        owner = fields.get("owner")
        if owner is not None and (not isinstance(owner, int) or owner not in self.owners):
            raise Refusal(HTTPStatus.BAD_REQUEST, "there is no such owner")
        return {"name": fields["name"], "type": fields["type"], "owner": owner}

    @staticmethod
    def find(things, key, what):
        if key not in things:
            raise Refusal(HTTPStatus.NOT_FOUND, f"there is no such {what}")
        return things[key]


class Handler(BaseHTTPRequestHandler):
    """One connection: HTTP/1.1 with keep-alive."""

    protocol_version = "HTTP/1.1"
    # Head and body leave at once instead of waiting for an acknowledgement in between.
    disable_nagle_algorithm = True
    wbufsize = -1
    # A connection may be idle for this many seconds.
    timeout = 60

    def version_string(self):
        return "petstore"

    def status(self):
        self.answer(HTTPStatus.OK, {"status": "ok", "pets": len(self.server.store.list_pets())})

    def list_pets(self):
        kind, owner = self.query("type"), self.query("owner")
        self.answer(HTTPStatus.OK, self.server.store.list_pets(kind, owner))

    def add_pet(self):
        pet = self.server.store.add_pet(self.json_body())
        self.answer(HTTPStatus.CREATED, pet, {"Location": f"/pets/{pet['id']}"})

    def get_pet(self, pet_id):
        self.answer(HTTPStatus.OK, self.server.store.pet(int(pet_id)))

    def replace_pet(self, pet_id):
        self.answer(HTTPStatus.OK, self.server.store.replace_pet(int(pet_id), self.json_body()))

    def remove_pet(self, pet_id):
        self.server.store.remove_pet(int(pet_id))
        self.answer(HTTPStatus.NO_CONTENT)

    def get_photo(self, pet_id, name):
        content_type, content = self.server.store.photo(int(pet_id), name)
        self.send(HTTPStatus.OK, content, content_type)

    def keep_photo(self, pet_id, name):
        content_type = self.headers.get("Content-Type", "application/octet-stream")
        self.server.store.keep_photo(int(pet_id), name, content_type, self.body)
        self.answer(HTTPStatus.NO_CONTENT)

    def remove_photo(self, pet_id, name):
        self.server.store.remove_photo(int(pet_id), name)
        self.answer(HTTPStatus.NO_CONTENT)

    def list_owners(self):
        self.answer(HTTPStatus.OK, self.server.store.list_owners())

    def get_owner(self, owner_id):
        self.answer(HTTPStatus.OK, self.server.store.owner(int(owner_id)))

    def adoptions(self):
        """A report that takes as long as the client asks for."""
        try:
            seconds = float(self.query("seconds") or 0)
        except ValueError:
            seconds = -1
        if not 0 <= seconds <= 60:
            raise Refusal(HTTPStatus.BAD_REQUEST, "seconds is a number from 0 to 60")
        time.sleep(seconds)
        self.answer(HTTPStatus.OK, {"adoptions": 0, "seconds": seconds})

    ROUTES = [
        (re.compile(pattern), methods)
        for pattern, methods in [
            (r"/status", {"GET": status}),
            (r"/pets", {"GET": list_pets, "POST": add_pet}),
            (r"/pets/(\d{1,9})", {"GET": get_pet, "PUT": replace_pet, "DELETE": remove_pet}),
            (
                r"/pets/(\d{1,9})/photos/(.+)",
                {"GET": get_photo, "PUT": keep_photo, "DELETE": remove_photo},
            ),
            (r"/owners", {"GET": list_owners}),
            (r"/owners/(\d{1,9})", {"GET": get_owner}),
            (r"/reports/adoptions", {"GET": adoptions}),
        ]
    ]

    def handle_request(self):
        try:
            self.body = self.read_body()
            path = urlsplit(self.path).path
            for pattern, methods in self.ROUTES:
                match = pattern.fullmatch(path)
                if match and self.command in methods:
                    methods[self.command](self, *(unquote(part) for part in match.groups()))
                    return
                if match:
                    allowed = {"Allow": ", ".join(methods)}
                    message = {"message": "this method is not allowed here"}
                    self.answer(HTTPStatus.METHOD_NOT_ALLOWED, message, allowed)
                    return
            raise Refusal(HTTPStatus.NOT_FOUND, "there is nothing here")
        except Refusal as refusal:
            self.answer(refusal.status, {"message": refusal.message})

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_HEAD = handle_request

    def query(self, name):
        values = parse_qs(urlsplit(self.path).query).get(name)
        return values[-1] if values else None

    def read_body(self):
        """The whole body, so that the connection is at the next request whatever is answered."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            chunks, length = [], 0
            while size := self.number(self.rfile.readline(1024).split(b";")[0], 16):
                length += size
                self.within_bounds(length)
                chunks.append(self.rfile.read(size))
                self.rfile.readline(1024)
            while self.rfile.readline(65536).strip():
                pass
            return b"".join(chunks)
        length = self.number(self.headers.get("Content-Length", "0"), 10)
        self.within_bounds(length)
        return self.rfile.read(length)

    def number(self, text, base):
        try:
            number = int(text, base)
        except ValueError:
            number = -1
        if number < 0:
            self.close_connection = True
            raise Refusal(HTTPStatus.BAD_REQUEST, "the length of the body is not a number")
        return number

    def within_bounds(self, length):
        if length > LARGEST_BODY:
            self.close_connection = True
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too large")

    def json_body(self):
        try:
            return json.loads(self.body)
        except ValueError:
            raise Refusal(HTTPStatus.BAD_REQUEST, "the body is not JSON") from None

    def answer(self, status, value=None, headers=None):
        content = b"" if value is None else json.dumps(value).encode()
        self.send(status, content, "application/json", headers)

    def send(self, status, content, content_type, headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, format, *arguments):
        if self.server.verbose:
            super().log_message(format, *arguments)


class Server(ThreadingHTTPServer):
    """Many clients may come at once, and none holds up the end."""

    daemon_threads = True
    request_queue_size = 1024

    def handle_error(self, request, client_address):
        # A client that left is no fault of the store.
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
    server.store = Store()
    server.verbose = arguments.verbose

    def stop(_signal, _frame):
        # shutdown() waits for serve_forever(), which this handler interrupts.
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"pet store at http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()


if __name__ == "__main__":
    main()
