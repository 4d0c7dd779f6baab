"""One request and its whole answer, within a bound of time and of bytes, over a pool of connections."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from podwire.cluster.deadlines import Deadline
from podwire.cluster.dialing import Opening, dial

MOST_BYTES = 64 << 20
"""Of one answer. A page of 500 nodes, each with all its images, has 20 MB at most."""
_PIECE = 1 << 16
_NO_HEADER = "a header cannot be sent (is there a line break in the token?)"


@dataclass(frozen=True)
class Patience:
    """How long to try, in seconds. `connect` bounds one connection, `answer` the silence before and within an answer,
    `whole` one answer from the first to the last byte, `total` all tries of a request together."""

    connect: float = 5.0
    answer: float = 30.0
    total: float = 15.0
    whole: float = 60.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a server answered. `headers` are by their names in small letters."""

    status: int
    reason: str
    headers: Mapping[str, str]
    data: bytes


class NoAnswer(Exception):
    """No usable answer came; the text says why in a few words.

    `sent` is False when the server cannot have seen the request; `hopeless` when no later try can mend it.
    """

    def __init__(self, text: str, *, sent: bool = True, hopeless: bool = False) -> None:
        super().__init__(text)
        self.sent, self.hopeless = sent, hopeless


class _Use:
    """The connection that one request uses, once there is one."""

    connection: Any = None

    def __init__(self) -> None:
        self.opening = Opening()

    def socket(self) -> Any:
        return self.opening.socket or getattr(self.connection, "sock", None)


class _Now(threading.local):
    """What the request of this thread uses."""

    def __init__(self) -> None:
        self.use = _Use()


_now = _Now()


def _dialed(connection: HTTPConnection) -> socket.socket:
    """What `_new_conn` of a connection of urllib3 does, with the look-up of the name within its time."""
    host, seconds = connection._dns_host, connection.timeout
    try:
        sock = dial(host, connection.port, float(seconds or Patience().connect))
    except socket.gaierror as error:
        raise urllib3.exceptions.NameResolutionError(host, connection, error) from error
    except TimeoutError as error:
        raise urllib3.exceptions.ConnectTimeoutError(connection, "no connection in time") from error
    except OSError as error:
        raise urllib3.exceptions.NewConnectionError(connection, str(error)) from error
    for option in connection.socket_options or ():
        sock.setsockopt(*option)
    _now.use.opening.of(sock)
    return sock


class _Http(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _dialed(self)

    def connect(self) -> None:
        _now.use.connection = self
        try:
            super().connect()
        finally:
            _now.use.opening.close()

    def getresponse(self) -> Any:
        _now.use.connection = self
        return super().getresponse()


class _Https(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _dialed(self)

    def connect(self) -> None:
        _now.use.connection = self
        try:
            super().connect()
        finally:
            _now.use.opening.close()

    def getresponse(self) -> Any:
        _now.use.connection = self
        return super().getresponse()


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Https


def bounded(pool: urllib3.PoolManager) -> urllib3.PoolManager:
    """The pool, with connections that can be ended from outside while somebody waits for them."""
    pool.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
    return pool


def send(
    pool: urllib3.PoolManager,
    method: str,
    url: str,
    *,
    body: bytes | None,
    headers: Mapping[str, str],
    patience: Patience,
) -> Answer:
    """Send a request once, over a pool that is `bounded`. Raises `NoAnswer`."""
    use = _now.use = _Use()
    with Deadline(patience.whole, use.socket) as deadline:
        try:
            response = pool.request(
                method,
                url,
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(connect=patience.connect, read=patience.answer),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            answer = Answer(
                status=response.status,
                reason=response.reason or "",
                headers={name.lower(): value for name, value in response.headers.items()},
                data=_all_of(response),
            )
            if deadline.expired:  # A head that ends early is a head to the library.
                raise NoAnswer(_late(patience))
            return answer
        except urllib3.exceptions.HTTPError as error:
            if deadline.expired:
                raise NoAnswer(_late(patience)) from error
            refused = isinstance(error, urllib3.exceptions.NewConnectionError)
            raise NoAnswer(_why(error), sent=not refused, hopeless=_hopeless(error)) from error
        except ValueError:  # Its text has the value of the header, which is a secret.
            raise NoAnswer(_NO_HEADER, hopeless=True) from None


class Lines:
    """The lines of an answer that goes on: `open` it and iterate over it, in one thread. `close` ends it, in any.

    Both raise `NoAnswer`; `status` is known when it is open.
    """

    def __init__(self) -> None:
        self._use = _Use()
        self.status = 0

    def open(self, pool: urllib3.PoolManager, url: str, headers: Mapping[str, str], patience: Patience) -> None:
        """Send the request, and wait for the head of its answer."""
        _now.use = self._use
        try:
            self._response = pool.request(
                "GET",
                url,
                headers=headers,
                timeout=urllib3.Timeout(connect=patience.connect, read=patience.answer),
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise NoAnswer(_why(error), hopeless=_hopeless(error)) from error
        except ValueError:  # As in `send`.
            raise NoAnswer(_NO_HEADER, hopeless=True) from None
        self.status = self._response.status

    def __iter__(self) -> Iterator[bytes]:
        rest = b""
        try:
            for piece in self._response.stream(_PIECE):
                *lines, rest = (rest + piece).split(b"\n")
                yield from lines
                if len(rest) > MOST_BYTES:
                    raise NoAnswer(f"a line of its answer is longer than {MOST_BYTES >> 20} MiB", hopeless=True)
        except urllib3.exceptions.HTTPError as error:
            raise NoAnswer(_why(error)) from error
        finally:
            self._response.close()

    def whole(self) -> Answer:
        """All of it: for a refusal."""
        headers = {name.lower(): value for name, value in self._response.headers.items()}
        try:
            return Answer(
                status=self.status, reason=self._response.reason or "", headers=headers, data=_all_of(self._response)
            )
        except urllib3.exceptions.HTTPError as error:
            raise NoAnswer(_why(error)) from error

    def close(self) -> None:
        """End it. Safe to call twice."""
        sock = self._use.socket()
        sock = getattr(sock, "socket", sock)
        if isinstance(sock, socket.socket):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


def plain_address(server: str) -> str:
    """Scheme, host and port of a URL: a proxy's URL may carry secrets in its path or before its host."""
    url = urllib3.util.parse_url(server)
    return f"{url.scheme}://{url.netloc or ''}"


def _late(patience: Patience) -> str:
    return f"its answer is not complete after {patience.whole:g} s"


def _all_of(response: urllib3.BaseHTTPResponse) -> bytes:
    pieces, size = [], 0
    for piece in response.stream(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > MOST_BYTES:
            response.close()
            raise NoAnswer(f"its answer is longer than {MOST_BYTES >> 20} MiB", hopeless=True)
    return b"".join(pieces)


def _hopeless(error: Exception) -> bool:
    """No later try can mend it: a certificate, a name that is not one, a protocol that is not HTTP."""
    kinds = (urllib3.exceptions.SSLError, urllib3.exceptions.LocationParseError, urllib3.exceptions.LocationValueError)
    return isinstance(error, kinds) or "certificate" in str(error).lower()


def _why(error: Exception) -> str:
    """The reason of a failed request in a few words, without the library's object names."""
    if isinstance(error, urllib3.exceptions.NameResolutionError):
        return "its name cannot be resolved"
    refused = isinstance(error, urllib3.exceptions.NewConnectionError)  # a kind of ConnectTimeoutError, oddly
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError) and not refused:
        return "no connection: it did not answer in time (is the address right, is a VPN or a firewall in between?)"
    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return "connected, but no answer came in time"
    cause: BaseException = error
    while True:
        inner = cause.__cause__ or next((a for a in cause.args if isinstance(a, BaseException)), None)
        if inner is None:
            break
        cause = inner
    text = " ".join(str(getattr(cause, "strerror", None) or cause).split()) or type(cause).__name__
    if isinstance(error, urllib3.exceptions.SSLError) or "certificate" in text.lower():
        return f"TLS: {text} (check certificate-authority-data and server in the kubeconfig)"
    return f"no connection: {text}"
