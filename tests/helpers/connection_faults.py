"""How the way to a server may misbehave before the server is reached: its name, a proxy, TLS."""

import itertools
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass

NOT_REACHED = "no connection, in one line, within its bound"
PLAIN, PROXY, TLS, NAME = "plain", "proxy", "TLS", "name"


@dataclass(frozen=True)
class ConnectionFault:
    """`does` says what the way does, `end` what must come out, `says` what the line must hold (a pattern).

    `play(connection, ended)` plays whoever is at the other end; `where` says what it is asked for.
    """

    name: str
    does: str
    where: str
    play: object
    says: str
    end: str = NOT_REACHED


def silent(connection, ended):
    ended.wait(20)


def sends(data):
    def play(connection, ended):
        connection.recv(4096)
        connection.sendall(data)
        ended.wait(0.2)

    return play


def slowly(*data):
    """Each of these texts a byte a time, the last one again and again: what has no bound of its own never ends."""

    def play(connection, ended):
        connection.recv(4096)
        for text in itertools.chain(data[:-1], itertools.repeat(data[-1])):
            for byte in text:
                connection.sendall(bytes([byte]))
                if ended.wait(0.05):
                    return

    return play


def endless(connection, ended):
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not ended.is_set():
        connection.sendall(b"X-More: " + b"x" * 1000 + b"\r\n")


HELLO = b"\x16\x03\x03\x40\x00" + b"\x02\x00\x3f\xfc"
"""The beginning of a ServerHello of 16 kB."""
LATE = "in time|not complete after|no connection"
WHOLE = r"not complete after 1\.5 s|no exec stream: no answer in time"
"""The words of the bound of a whole request and of a whole handshake, not those of a single read."""
CONNECTION_FAULTS = (
    ConnectionFault("name-silent", "resolver says nothing", NAME, silent, "name cannot be resolved"),
    ConnectionFault("proxy-silent", "proxy says nothing to CONNECT", PROXY, silent, LATE),
    ConnectionFault(
        "proxy-slow",
        "proxy answers CONNECT a byte a time",
        PROXY,
        slowly(b"HTTP/1.1 200 Connection made\r\n"),
        WHOLE,
    ),
    ConnectionFault("proxy-endless", "proxy answers CONNECT without an end", PROXY, endless, f"16 kB|{LATE}"),
    ConnectionFault(
        "proxy-refuses",
        "proxy wants to know who asks (407)",
        PROXY,
        sends(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"),
        "407 Proxy Authentication Required",
    ),
    ConnectionFault("proxy-closes", "proxy closes the connection instead of an answer", PROXY, sends(b""), "no "),
    ConnectionFault("proxy-garbage", "proxy is something else", PROXY, sends(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "no "),
    ConnectionFault("tls-silent", "server says nothing to TLS' first message", TLS, silent, LATE),
    ConnectionFault("tls-slow", "server says its part of TLS a byte a time", TLS, slowly(HELLO, b"\0"), WHOLE),
    ConnectionFault(
        "tls-slow-behind-a-proxy",
        "server behind a proxy says its part of TLS a byte a time",
        PROXY,
        slowly(b"HTTP/1.1 200 OK\r\n\r\n", HELLO, b"\0"),
        WHOLE,
    ),
)


@contextmanager
def faulty_way(fault):
    """The port of whoever plays the fault."""
    ended = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def one(connection):
        with connection:
            try:
                fault.play(connection, ended)
            except OSError:
                return

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        ended.set()
        listener.close()
