"""Opening a stream to a process in a pod: the WebSocket handshake of `pods/exec`, and every way in which it fails."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlencode, urlsplit

import websocket

from podwire.cluster.deadlines import Deadline
from podwire.cluster.dialing import Opening, dial, tunnel
from podwire.cluster.transport import plain_address
from podwire.errors import ApiError, ClusterError, Forbidden, NotFound, Unauthorized, Unreachable
from podwire.files.foreign_json import foreign_json

V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"

_auth_lock = threading.Lock()


class ExecRefused(ApiError):
    """The API server did not open the stream. `permanent`: trying again does not help."""

    permanent = True


class PodNotFound(ExecRefused, NotFound):
    """404: there is no such pod."""


class ContainerUnknown(ExecRefused):
    """400: the pod has no such container."""


class ExecForbidden(ExecRefused, Forbidden):
    """403: this user may not `get` (or `create`) `pods/exec`."""


class ExecUnauthorized(ExecRefused, Unauthorized):
    """401: the API server does not know who asks."""


class ContainerNotRunning(ExecRefused):
    """500: the container waits, has ended, or its kubelet cannot be reached; it may run later."""

    permanent = False


_REFUSALS: dict[int, type[ExecRefused]] = {
    400: ContainerUnknown,
    401: ExecUnauthorized,
    403: ExecForbidden,
    404: PodNotFound,
}


def open_stream(
    configuration: Any,
    namespace: str,
    pod: str,
    container: str | None,
    command: Sequence[str],
    timeout: float,
    renew: Callable[[], bool] = lambda: False,
) -> tuple[str, socket.socket]:
    """The chosen version of the protocol and a socket on which only frames follow, set not to block.

    `configuration` is a `kubernetes.client.Configuration`; `renew` gets it new credentials when the server does not
    know who asks. Raises an `ExecRefused` when the API server refuses, `Unreachable` when it cannot be reached, or has
    not answered within `timeout` seconds; both in one line.
    """
    try:
        return _opened(configuration, namespace, pod, container, command, timeout)
    except ExecUnauthorized:
        if not renew():
            raise
        return _opened(configuration, namespace, pod, container, command, timeout)


def _opened(
    configuration: Any, namespace: str, pod: str, container: str | None, command: Sequence[str], timeout: float
) -> tuple[str, socket.socket]:
    pod_name = f"pod {namespace}/{pod}"
    query = [("command", word) for word in command]
    query += [("container", container)] if container else []
    query += [("stdin", "true"), ("stdout", "true"), ("stderr", "true"), ("tty", "false")]
    path = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(pod, safe='')}/exec?{urlencode(query)}"
    server = configuration.host.rstrip("/")
    with _auth_lock:  # It may renew an expired token.
        authorization = configuration.auth_settings().get("BearerToken", {}).get("value")
    headers = ["User-Agent: podwire", *([f"Authorization: {authorization}"] if authorization else [])]
    connection, opening = websocket.WebSocket(), Opening()
    with Deadline(timeout, lambda: opening.socket) as deadline:
        try:
            connection.connect(  # type: ignore[no-untyped-call,unused-ignore]
                "ws" + server.removeprefix("http") + path,
                socket=_connected(configuration, server, timeout, opening),
                timeout=timeout,
                header=headers,
                subprotocols=[V5, V4],
                suppress_origin=True,
                redirect_limit=0,
            )
        except Exception as error:
            connection.shutdown()  # type: ignore[no-untyped-call,unused-ignore]
            raise _why_not(error, server, pod_name, late=deadline.expired) from error
        finally:
            opening.close()
    sock: socket.socket = connection.sock  # type: ignore[assignment,unused-ignore]
    sock.setblocking(False)
    return str(connection.getsubprotocol()), sock


def _why_not(error: Exception, server: str, pod_name: str, *, late: bool) -> ClusterError:
    """Whatever the library raises for what the server did: some of it is no error of its own."""
    if late and not isinstance(error, socket.gaierror):
        return Unreachable(f"API server {plain_address(server)}: no exec stream: no answer in time")
    if isinstance(error, websocket.WebSocketBadStatusException):
        return _refusal(error, pod_name)
    if "Invalid WebSocket Header" in str(error):
        return ClusterError(f"cannot exec in {pod_name}: the API server speaks neither {V5} nor {V4}")
    return _unreachable(error, server)


_KEEPALIVE = tuple(
    (socket.IPPROTO_TCP, getattr(socket, name), value)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
    if hasattr(socket, name)
)


def _connected(configuration: Any, server: str, seconds: float, opening: Opening) -> socket.socket:
    """A connection to the server: through the configuration's proxy if it has one, and with TLS where its URL says so.

    `opening` holds it meanwhile. The proxy is never one that only the environment names.
    """
    url = urlsplit(server)
    secure = url.scheme == "https"
    host, port = url.hostname or "", url.port or (443 if secure else 80)
    proxy = _proxy(configuration, host)
    sock = dial(proxy.hostname, proxy.port or 3128, seconds) if proxy and proxy.hostname else dial(host, port, seconds)
    try:
        opening.of(sock)
        for option in _KEEPALIVE:
            sock.setsockopt(*option)
        if proxy:
            user = (unquote(proxy.username), unquote(proxy.password or "")) if proxy.username else None
            tunnel(sock, host, port, user)
        if secure:
            name = getattr(configuration, "tls_server_name", None) or host
            sock = _tls(configuration).wrap_socket(sock, server_hostname=name)
    except BaseException:
        sock.close()
        raise
    return sock


def _tls(configuration: Any) -> ssl.SSLContext:
    # Not create_default_context: from Python 3.13 on it refuses certificates of clusters that were always taken.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if configuration.ssl_ca_cert:
        context.load_verify_locations(cafile=configuration.ssl_ca_cert)
    else:
        context.load_default_certs()
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context


def _proxy(configuration: Any, host: str) -> SplitResult | None:
    proxy = urlsplit(getattr(configuration, "proxy", None) or "")
    around = (getattr(configuration, "no_proxy", None) or "").split(",")
    if not proxy.hostname or any(_is_of(host, entry.strip()) for entry in (*around, "localhost", "127.0.0.1", "::1")):
        return None
    return proxy


def _is_of(host: str, named: str) -> bool:
    """Whether an entry of NO_PROXY names the host: all, itself, a domain above it, a network."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host) in ipaddress.ip_network(named, strict=False)
    domain = named.lstrip(".")
    return named == "*" or (bool(domain) and (host == domain or host.endswith(f".{domain}")))


def _refusal(error: Any, pod_name: str) -> ExecRefused:
    status, body = int(error.status_code), bytes(error.resp_body or b"")
    try:
        tree = foreign_json(body)
    except ValueError:
        tree = None
    status_object = tree if isinstance(tree, dict) and tree.get("kind") == "Status" else {}
    message = _line(status_object.get("message") or body[:300].decode("utf-8", "replace") or "no message")
    kind = _REFUSALS.get(status, ContainerNotRunning if status >= 500 else ExecRefused)
    if kind is ExecForbidden:
        text = f"not allowed to exec in {pod_name} (verb get or create, resource pods/exec): {message}"
    elif kind is ExecUnauthorized:
        text = f"cannot exec in {pod_name}: 401 Unauthorized: the credentials are missing, wrong or expired"
    else:
        text = f"cannot exec in {pod_name}: {message} ({status})"
    return kind(text, status=status, reason=str(status_object.get("reason") or ""), message=message)


def _unreachable(error: Exception, server: str) -> Unreachable:
    if isinstance(error, (websocket.WebSocketTimeoutException, TimeoutError)):
        why = "no answer in time"
    elif isinstance(error, socket.gaierror):
        why = "its name cannot be resolved"
    elif isinstance(error, ssl.SSLError):
        why = f"TLS: {error.reason or error}"
    else:
        why = getattr(error, "strerror", None) or _line(error) or type(error).__name__
    return Unreachable(f"API server {plain_address(server)}: no exec stream: {why}")


def _line(text: object) -> str:
    return " ".join(str(text).split())
