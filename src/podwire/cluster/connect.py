"""From a kubeconfig and a context to a cluster that answers."""

from __future__ import annotations

import ipaddress
import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from podwire.cluster.kubeconfig import Kubeconfig, default_path, read_kubeconfig
from podwire.cluster.rest import Patience, RestClient
from podwire.errors import ClusterError, Forbidden, Unauthorized, UsageError
from podwire.model.facts import ExternalHost

IN_CLUSTER = "in-cluster"
OLDEST = (1, 26)
"""HostProcess containers, with which a Windows node is captured, are generally available since Kubernetes 1.26."""

_THREADS = 16
_DNS_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*\.?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Connection:
    """A cluster that answered.

    `name` is the context, `server` the API server's address, `version` its release (`1.36.2`, empty when it may not be
    asked). `configuration` is a `kubernetes.client.Configuration`, from which an exec channel is opened; `rest` may be
    shared by threads.
    """

    name: str
    server: str
    version: str
    configuration: Any
    rest: RestClient

    def close(self) -> None:
        self.rest.close()


def connect(
    kubeconfig: str | Path | None = None, context: str | None = None, *, patience: Patience | None = None
) -> Connection:
    """Connect, and prove it by asking for the version.

    `kubeconfig` is a file, `in-cluster` for the service account of the pod that this process runs in, or None for
    what kubectl would take. Raises `UsageError` (the file) or `ClusterError` (the server); a silent server costs
    `patience.total` seconds or one connection's timeout, whichever is longer.
    """
    if str(kubeconfig) == IN_CLUSTER:
        return _proved(_in_cluster(), IN_CLUSTER, "its service account", patience)
    chosen = read_kubeconfig(Path(kubeconfig).expanduser() if kubeconfig else default_path(), context)
    configuration = _configuration(chosen)
    return _proved(configuration, chosen.context, f"user {chosen.user!r} of {chosen.path}", patience)


def parse_external_host(text: str) -> ExternalHost:
    """`NAME[=ADDRESS[,ADDRESS]]`, or an address alone. Raises `UsageError`."""
    name, _, rest = text.partition("=")
    name = name.strip().rstrip(".")
    addresses = tuple(part.strip() for part in rest.split(",")) if "=" in text else ()
    if not addresses and _address(name):
        return ExternalHost(name="", addresses=(_address(name),))
    if not _DNS_NAME.fullmatch(name) or len(name) > 253:
        raise UsageError(f"--external-host {text}: {name!r} is not a DNS name (NAME[=ADDRESS[,ADDRESS]])")
    wrong = next((a for a in addresses if not _address(a)), None)
    if wrong is not None:
        raise UsageError(f"--external-host {text}: {wrong!r} is not an IP address (NAME[=ADDRESS[,ADDRESS]])")
    known = tuple(_address(a) for a in addresses)
    if len({":" in a for a in known}) < len(known):
        raise UsageError(f"--external-host {text}: give at most one IPv4 and one IPv6 address")
    return ExternalHost(name=name, addresses=known)


def _address(text: str) -> str:
    """The address in its canonical form, or nothing."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def _configuration(chosen: Kubeconfig) -> Any:
    import kubernetes.client
    from kubernetes.config import ConfigException, kube_config

    load: Any = kube_config.KubeConfigLoader

    configuration = kubernetes.client.Configuration()
    with _logged() as said:
        try:
            loader = load(
                dict(chosen.tree), active_context=chosen.context, config_base_path=str(chosen.path.parent.resolve())
            )
            loader.load_and_set(configuration)
        except ConfigException as error:
            raise UsageError(f"kubeconfig {chosen.path}: {_line(error)}") from error
        except Exception as error:
            # A credential helper (cloud SDK, OIDC refresh) may fail in any way; its words are all there is to show.
            words = _line(error) or type(error).__name__
            raise ClusterError(f"kubeconfig {chosen.path}: user {chosen.user!r}: no credentials: {words}") from error
    if chosen.uses_plugin and said and not _authorization(configuration)() and not configuration.cert_file:
        raise ClusterError(
            f"kubeconfig {chosen.path}: user {chosen.user!r}: its exec plugin gave no credentials: {said[-1]}"
        )
    return configuration


@contextmanager
def _logged() -> Iterator[list[str]]:
    """What the library only logs while it loads: it swallows the failure of an exec plugin."""
    said: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(_line(record.getMessage()))

    root, keep = logging.getLogger(), Keep()
    others = root.handlers[:]
    root.handlers[:] = [keep]
    try:
        yield said
    finally:
        root.handlers[:] = others


def _in_cluster() -> Any:
    import kubernetes.client
    from kubernetes.config import ConfigException, incluster_config

    load: Any = incluster_config.load_incluster_config

    configuration = kubernetes.client.Configuration()
    try:
        load(client_configuration=configuration)
    except ConfigException as error:
        raise UsageError(
            f"--kubeconfig {IN_CLUSTER}: this process does not run in a pod of a cluster: {_line(error)}"
        ) from error
    return configuration


def _proved(configuration: Any, name: str, who: str, patience: Patience | None) -> Connection:
    first = patience or Patience(connect=5.0, answer=10.0, total=5.0)
    pool = _pool(configuration)
    asking = RestClient(configuration.host, pool, _authorization(configuration), first)
    version = ""
    try:
        answer = asking.request("get", "GET", "/version", what="/version")
    except Unauthorized as error:
        raise ClusterError(f"{error} ({who})") from error
    except Forbidden:
        pass  # Some clusters hide their version; what is needed of it shows by itself later.
    else:
        version = str(answer.get("gitVersion", "")).removeprefix("v")
        _old_enough(asking.address, version)
    rest = RestClient(configuration.host, pool, _authorization(configuration), patience)
    return Connection(name=name, server=rest.address, version=version, configuration=configuration, rest=rest)


def _old_enough(server: str, version: str) -> None:
    match = re.match(r"(\d+)\.(\d+)", version)
    if match is None:
        raise ClusterError(f"API server {server}: /version says {version!r}; is this address a Kubernetes API server?")
    if (int(match[1]), int(match[2])) < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise ClusterError(f"API server {server}: is Kubernetes {version}; podwire needs {wanted} or newer")


def _authorization(configuration: Any) -> Callable[[], str | None]:
    """The Authorization header's value: `auth_settings` renews an expired token, and is the same in all releases."""
    lock = threading.Lock()

    def value() -> str | None:
        with lock:
            found = configuration.auth_settings().get("BearerToken", {}).get("value")
        return str(found) if found else None

    return value


def _pool(configuration: Any) -> urllib3.PoolManager:
    """A connection pool with the TLS and proxy settings of the configuration."""
    settings: dict[str, Any] = {"num_pools": 4, "maxsize": _THREADS}
    if configuration.host.startswith("https"):
        settings["cert_reqs"] = "CERT_REQUIRED" if configuration.verify_ssl else "CERT_NONE"
        settings["ca_certs"] = configuration.ssl_ca_cert
        settings["cert_file"] = configuration.cert_file
        settings["key_file"] = configuration.key_file
        name = getattr(configuration, "tls_server_name", None)
        if name:
            settings["server_hostname"] = name
            settings["assert_hostname"] = name
        if not configuration.verify_ssl:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
            settings["assert_hostname"] = False
    proxy = getattr(configuration, "proxy", None)
    if proxy and not _is_local(configuration.host):
        return urllib3.ProxyManager(proxy, **settings)
    return urllib3.PoolManager(**settings)


def _is_local(server: str) -> bool:
    host = urllib3.util.parse_url(server).host or ""
    return host in ("localhost", "127.0.0.1", "[::1]")


def _line(text: object) -> str:
    return " ".join(str(text).split())
