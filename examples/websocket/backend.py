"""A WebSocket server that says everything again: python3 backend.py [--port 9000].

RFC 6455 by Python's own library. `GET /status` answers as HTTP does.
"""

import argparse
import base64
import hashlib
import socketserver
import struct

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
LARGEST = 16 * 1024 * 1024


class Connection(socketserver.StreamRequestHandler):
    def handle(self):
        request = self.rfile.readline().decode("latin-1").split()
        fields = {}
        while line := self.rfile.readline().strip():
            name, _, value = line.partition(b":")
            fields[name.strip().lower()] = value.strip()
        if len(request) != 3 or request[1].split("?")[0] not in ("/echo", "/status"):
            self.answer("404 Not Found", b"there is no such path\n")
        elif request[1] == "/status":
            self.answer("200 OK", b"at your service\n")
        elif fields.get(b"upgrade", b"").lower() != b"websocket":
            self.answer("426 Upgrade Required", b"this path speaks WebSocket\n")
        else:
            self.agree(fields[b"sec-websocket-key"])
            self.echo()

    def answer(self, status, body):
        head = f"HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def agree(self, key):
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        self.wfile.write(
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
            + f"sec-websocket-accept: {accept}\r\n\r\n".encode()
        )

    def echo(self):
        kind, message = TEXT, b""
        while True:
            last, opcode, payload = self.read_frame()
            if opcode == CLOSE:
                self.write_frame(CLOSE, payload)
                return
            if opcode == PING:
                self.write_frame(PONG, payload)
            elif opcode in (CONTINUATION, TEXT, BINARY):
                if opcode != CONTINUATION:
                    kind, message = opcode, b""
                message += payload
                if len(message) > LARGEST:
                    # 1009: the message is too big.
                    self.write_frame(CLOSE, struct.pack("!H", 1009))
                    return
                if last:
                    self.write_frame(kind, message)

    def read_frame(self):
        first, second = self.read(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self.read(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self.read(8))
        if not second & 0x80 or length > LARGEST:
            raise ConnectionError("a client masks its frames, and does not send endless ones")
        mask, payload = self.read(4), self.read(length)
        # All bytes at once: as one number, with the mask as often as it fits.
        repeated = (mask * (length // 4 + 1))[:length]
        unmasked = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
        return bool(first & 0x80), first & 0x0F, unmasked.to_bytes(length, "big")

    def read(self, count):
        data = self.rfile.read(count)
        if len(data) < count:
            raise ConnectionError("the client has gone")
        return data

    def write_frame(self, opcode, payload):
        length = len(payload)
        if length < 126:
            head = struct.pack("!BB", 0x80 | opcode, length)
        elif length < 65536:
            head = struct.pack("!BBH", 0x80 | opcode, 126, length)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 127, length)
        self.wfile.write(head + payload)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Clients come and go."""


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--port", type=int, default=9000)
    with Server(("127.0.0.1", arguments.parse_args().port), Connection) as server:
        server.serve_forever()
