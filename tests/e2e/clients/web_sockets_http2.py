"""A WebSocket client in HTTP/2 (RFC 8441): reads what to do as JSON, writes what came of it as JSON.

    {"port", "host", "authorities": FILE, "path", "headers": {}, "messages": [N, …]}

is a connection under TLS; without "authorities" it is one without. Messages of N bytes are sent, and
have to come back. The result is {"refused": STATUS, "body": TEXT} or {"headers", "same": [...],
"closed": CODE}.
"""

import json
import socket
import ssl
import sys

import h2.config
import h2.connection
import h2.events
from websockets.client import ClientProtocol
from websockets.frames import Opcode
from websockets.protocol import OPEN
from websockets.uri import parse_uri

DEADLINE = 60


class Connection:
    def __init__(self, task):
        self.socket = socket.create_connection(("127.0.0.1", task["port"]), DEADLINE)
        if "authorities" in task:
            context = ssl.create_default_context(cafile=task["authorities"])
            context.set_alpn_protocols(["h2"])
            self.socket = context.wrap_socket(self.socket, server_hostname=task["host"])
        configuration = h2.config.H2Configuration(header_encoding="utf-8", validate_outbound_headers=False)
        self.http2 = h2.connection.H2Connection(configuration)
        self.http2.initiate_connection()
        self.stream = self.head = None
        self.body, self.unsent, self.ended, self.allowed = b"", b"", False, False
        self.until(lambda: self.allowed)
        self.stream = self.http2.get_next_available_stream_id()
        pseudo = {
            ":method": "CONNECT",
            ":protocol": "websocket",
            ":scheme": "https" if "authorities" in task else "http",
            ":path": task["path"],
            ":authority": task["host"],
        }
        fields = pseudo | {"sec-websocket-version": "13"} | task.get("headers", {})
        self.http2.send_headers(self.stream, list(fields.items()))
        self.until(lambda: self.head)

    def until(self, arrived):
        """Moves bytes in both directions until something has arrived."""
        while True:
            done = arrived()
            while self.unsent and not self.ended:
                room = min(
                    self.http2.local_flow_control_window(self.stream),
                    self.http2.max_outbound_frame_size,
                )
                if not room:
                    break
                self.http2.send_data(self.stream, self.unsent[:room])
                self.unsent = self.unsent[room:]
            self.socket.sendall(self.http2.data_to_send())
            if done:
                return
            data = self.socket.recv(1 << 20)
            if not data:
                raise ConnectionError("the gateway has closed the connection")
            for event in self.http2.receive_data(data):
                self.take(event)

    def take(self, event):
        if isinstance(event, h2.events.RemoteSettingsChanged):
            # SETTINGS_ENABLE_CONNECT_PROTOCOL
            self.allowed = self.http2.remote_settings.get(8) == 1
        elif isinstance(event, h2.events.ResponseReceived):
            self.head = dict(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            self.body += event.data
            self.http2.acknowledge_received_data(event.flow_controlled_length, self.stream)
        elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
            self.ended = True


def exchange(connection, web_socket, arrived):
    """Moves frames until something has arrived."""
    events = []

    def move():
        web_socket.receive_data(connection.body)
        connection.body = b""
        events.extend(web_socket.events_received())
        connection.unsent += b"".join(web_socket.data_to_send())
        return connection.ended or arrived(events)

    connection.until(move)
    return events


def talk(task):
    connection = Connection(task)
    status = int(connection.head[":status"])
    if status != 200:
        connection.until(lambda: connection.ended)
        return {"refused": status, "body": connection.body.decode()}
    web_socket = ClientProtocol(parse_uri(f"wss://{task['host']}{task['path']}"), state=OPEN, max_size=None)
    same = []
    for size in task["messages"]:
        message = bytes(i % 251 for i in range(size))
        web_socket.send_binary(message)
        frames = exchange(connection, web_socket, lambda events: any(frame.fin for frame in events))
        same.append(b"".join(frame.data for frame in frames) == message)
    web_socket.send_close(4001)
    exchange(connection, web_socket, lambda events: any(frame.opcode is Opcode.CLOSE for frame in events))
    return {
        "headers": {name: value for name, value in connection.head.items() if name.startswith("sec-")},
        "same": same,
        "closed": web_socket.close_rcvd and web_socket.close_rcvd.code,
    }


json.dump([talk(task) for task in json.load(sys.stdin)], sys.stdout)
