"""From a kubeconfig and a context to a cluster that answers."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import urllib3

from podwire.cluster.credentials import IN_CLUSTER, Credentials, configuration_of, in_cluster
from podwire.cluster.kubeconfig import default_path, read_kubeconfig
from podwire.cluster.rest import RestClient
from podwire.cluster.transport import Patience, bounded
from podwire.errors import ClusterError, Forbidden, Unauthorized, UsageError
from podwire.model.facts import ExternalHost
from podwire.redaction import keep_url_secret

OLDEST = (1, 26)
"""HostProcess containers, with which a Windows node is captured, are generally available since Kubernetes 1.26."""

_THREADS = 16
_DNS_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*\.?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Connection:
    """A cluster that answered.

    `name` is the context, `server` the API server's address, `version` its release (`1.36.2`, empty when it may not be
    asked). `credentials` have the `kubernetes.client.Configuration` from which an exec channel is opened; `rest` may be
    shared by threads. `options` choose this cluster on a command line of podwire.
    """

    name: str
    server: str
    version: str
    credentials: Credentials
    rest: RestClient
    options: tuple[str, ...] = ()

    @property
    def configuration(self) -> Any:
        """The configuration as it is now."""
        return self.credentials.configuration

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
        connection = _proved(Credentials(in_cluster), IN_CLUSTER, "its service account", patience)
        return replace(connection, options=("--kubeconfig", IN_CLUSTER))
    path = Path(kubeconfig).expanduser() if kubeconfig else default_path()
    chosen = read_kubeconfig(path, context)
    credentials = Credentials(lambda: configuration_of(read_kubeconfig(path, chosen.context)))
    connection = _proved(credentials, chosen.context, f"user {chosen.user!r} of {chosen.path}", patience)
    file = ("--kubeconfig", str(path)) if kubeconfig else ()
    return replace(connection, options=(*file, "--context", chosen.context))


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


def _proved(credentials: Credentials, name: str, account: str, patience: Patience | None) -> Connection:
    first = patience or Patience(connect=5.0, answer=10.0, total=5.0, whole=20.0)
    configuration = credentials.configuration
    keep_url_secret(configuration.host)
    keep_url_secret(getattr(configuration, "proxy", None) or "")
    pool = _pool(configuration)
    asking = RestClient(configuration.host, pool, credentials.authorization, first, credentials.renew)
    version = ""
    try:
        answer = asking.request("get", "GET", "/version", what="/version")
    except Unauthorized as error:
        raise ClusterError(f"{error} ({account})") from error
    except Forbidden:
        pass  # Some clusters hide their version; what is needed of it shows by itself later.
    else:
        version = str(answer.get("gitVersion", "")).removeprefix("v")
        _old_enough(asking.address, version)
    rest = asking.with_patience(patience or Patience())
    return Connection(name=name, server=rest.address, version=version, credentials=credentials, rest=rest)


def _old_enough(server: str, version: str) -> None:
    match = re.match(r"(\d+)\.(\d+)", version)
    if match is None:
        raise ClusterError(
            f"API server {server}: /version says {version!r}; check that this address is a Kubernetes API server"
        )
    if (int(match[1]), int(match[2])) < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise ClusterError(f"API server {server}: is Kubernetes {version}; podwire needs {wanted} or newer")


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
        return bounded(urllib3.ProxyManager(proxy, **settings))
    return bounded(urllib3.PoolManager(**settings))


def _is_local(server: str) -> bool:
    host = urllib3.util.parse_url(server).host or ""
    return host in ("localhost", "127.0.0.1", "[::1]")
