"""Misbehaviour of the stream to an agent: the exec handshake and its frames; each with the required result."""

import base64
import hashlib
import socket
import struct
import threading
from contextlib import contextmanager
from dataclasses import dataclass

REFUSED = "one line says why the stream did not open, within its time limit"
ENDED = "one line says why the stream ended; podwire opens it again"
OPENED = "the stream opens"
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclass(frozen=True)
class StreamFault:
    """`does` is what the server does, `end` the required result, `says` a pattern that the error line must match.

    `play(server, connection, key)` plays the server once the client's head has come.
    """

    name: str
    does: str
    end: str
    play: object
    says: str = ""


class StreamServer:
    """Accepts connections and lets a fault play the server. `connections` counts them."""

    def __init__(self, play):
        self._play, self.connections = play, 0
        self.closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection):
        head = b""
        with connection:
            while b"\r\n\r\n" not in head and (data := connection.recv(4096)):
                head += data
            key = next(
                (line.split(b": ")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")),
                b"",
            )
            try:
                self._play(self, connection, key)
            except OSError:
                return

    def close(self):
        self.closed.set()
        self._listener.close()


@contextmanager
def stream_server(fault):
    server = StreamServer(fault.play)
    try:
        yield server
    finally:
        server.close()


def accepted(key, protocol=b"v5.channel.k8s.io"):
    digest = base64.b64encode(hashlib.sha1(key + GUID).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + digest + b"\r\nSec-WebSocket-Protocol: " + protocol + b"\r\n\r\n"
    )


def refusal(code, text=b"no"):
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (code, len(text), text)


def says(data, wait=False):
    def play(server, connection, key):
        connection.sendall(data(key) if callable(data) else data)
        if wait:
            server.closed.wait(20)

    return play


def then(*pieces):
    """Open the stream, then send these bytes; a function among them is called with the connection."""

    def play(server, connection, key):
        connection.sendall(accepted(key))
        for piece in pieces:
            if callable(piece):
                piece(connection)
            else:
                connection.sendall(piece)
        server.closed.wait(20)

    return play


def slowly(data):
    def play(server, connection, key):
        for at in range(len(data)):
            connection.sendall(data[at : at + 1])
            if server.closed.wait(0.05):
                return

    return play


def refused_once(code):
    def play(server, connection, key):
        if server.connections == 1:
            connection.sendall(refusal(code))
        else:
            connection.sendall(accepted(key))
            server.closed.wait(20)

    return play


def frame(first, payload, length=None, mask=0):
    size = len(payload) if length is None else length
    if size < 126:
        return bytes([first, mask | size]) + payload
    if size < 1 << 16:
        return bytes([first, mask | 126]) + struct.pack("!H", size) + payload
    return bytes([first, mask | 127]) + struct.pack("!Q", size) + payload


def fragments(connection):
    """300 MB of one message without an end."""
    piece = frame(0x00, bytes(1 << 20))
    connection.sendall(frame(0x02, b"\x01"))
    for _ in range(300):
        connection.sendall(piece)


def empty_fragments(connection):
    connection.sendall(frame(0x02, b"\x01"))
    piece = frame(0x00, b"") * 10_000
    for _ in range(300):
        connection.sendall(piece)


PROTOCOL = "breaks the WebSocket protocol"
STREAM_FAULTS = (
    StreamFault(
        "exec-401-once", "refuses the token until the exec plugin gives a new one (401)", OPENED, refused_once(401)
    ),
    StreamFault("exec-403", "refuses exec (403)", REFUSED, says(refusal(403)), "not allowed to exec in pod"),
    StreamFault("exec-429", "is too busy (429)", REFUSED, says(refusal(429)), r"cannot exec in pod .*\(429\)"),
    StreamFault(
        "exec-500",
        "cannot reach the kubelet (500)",
        REFUSED,
        says(refusal(500, b"dial tcp: i/o timeout")),
        "dial tcp: i/o timeout",
    ),
    StreamFault(
        "exec-redirect",
        "redirects the client (302)",
        REFUSED,
        says(b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n"),
        "API server|cannot exec",
    ),
    StreamFault("exec-silent", "does not answer the handshake", REFUSED, says(b"", wait=True), "no answer in time"),
    StreamFault(
        "exec-slow-head",
        "sends the handshake byte by byte",
        REFUSED,
        slowly(b"HTTP/1.1 101 Switching Protocols\r\n" * 20),
        "no answer in time",
    ),
    StreamFault(
        "exec-garbage",
        "answers the handshake with something that is not HTTP",
        REFUSED,
        says(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
        "no exec stream|cannot exec",
    ),
    StreamFault("exec-closed", "closes the connection without an answer", REFUSED, says(b""), "no exec stream"),
    StreamFault(
        "exec-other-protocol",
        "chooses a protocol that podwire did not offer",
        REFUSED,
        says(lambda key: accepted(key, b"chat")),
        "speaks neither",
    ),
    StreamFault(
        "exec-wrong-accept",
        "answers with the key of another handshake",
        REFUSED,
        says(lambda key: accepted(b"other")),
        "speaks neither|no exec stream",
    ),
    StreamFault("frames-fragments", "sends 300 MB of one message in fragments", ENDED, then(fragments), PROTOCOL),
    StreamFault(
        "frames-empty", "sends millions of empty fragments of one message", ENDED, then(empty_fragments), PROTOCOL
    ),
    StreamFault(
        "frames-too-long",
        "announces a frame of a million gigabytes",
        ENDED,
        then(frame(0x82, b"", length=1 << 50)),
        PROTOCOL,
    ),
    StreamFault(
        "frames-masked",
        "masks its frames, as only clients do",
        ENDED,
        then(frame(0x82, b"\x01abcd1234", mask=0x80)),
        PROTOCOL,
    ),
    StreamFault("frames-reserved", "uses reserved bits", ENDED, then(frame(0xF2, b"\x01a")), PROTOCOL),
    StreamFault("frames-long-ping", "sends a ping of 64 kB", ENDED, then(frame(0x89, bytes(65_000))), PROTOCOL),
    StreamFault(
        "frames-bad-status",
        "ends with an unreadable status",
        ENDED,
        then(frame(0x82, b"\x03{"), frame(0x88, struct.pack("!H", 1000))),
        "an end that cannot be read",
    ),
    StreamFault(
        "frames-cut",
        "closes the connection in the middle of a frame",
        ENDED,
        then(frame(0x82, b"\x01a", length=100), lambda connection: connection.shutdown(socket.SHUT_RDWR)),
        "closed it without a word",
    ),
    StreamFault(
        "frames-close",
        "closes the stream",
        ENDED,
        then(frame(0x88, struct.pack("!H", 1001) + b"going away")),
        r"closed the stream \(1001 going away\)",
    ),
)
