"""Who asks: the configuration of a kubeconfig's user, or of a pod's service account, and how it is renewed."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from podwire.cluster.kubeconfig import Kubeconfig
from podwire.errors import ClusterError, UsageError
from podwire.redaction import keep_secret

IN_CLUSTER = "in-cluster"
SOONEST = 5.0
"""Seconds between two renewals: what many threads are refused at once is one reason to renew."""
RENEWAL = 60.0
"""Seconds that a renewal may take: a plugin may wait for a browser that nobody looks at."""
_RENEWED = ("api_key", "api_key_prefix", "refresh_api_key_hook", "cert_file", "key_file", "username", "password")


class Credentials:
    """A `kubernetes.client.Configuration`, which `load` makes, and its renewal. Thread-safe.

    Whatever is a secret in it is made known to the redactor.
    """

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = load
        self._lock, self._renewal = threading.Lock(), threading.Lock()
        self._renewed = float("-inf")
        self.configuration = load()
        self._keep_secrets()

    def authorization(self) -> str | None:
        """The Authorization header's value: `auth_settings` renews an expired token, and is alike in all releases."""
        with self._lock:
            found = self.configuration.auth_settings().get("BearerToken", {}).get("value")
        keep_secret(str(found or "").removeprefix("Bearer "))
        return str(found) if found else None

    def renew(self) -> bool:
        """Read the kubeconfig again and ask its exec plugin again, since the server refused what there is (401).

        False when there is nothing new to try: it cannot be had, or comes too late.
        """
        with self._renewal:
            if time.monotonic() - self._renewed < SOONEST:
                return True
            fresh: list[Any] = []

            def load() -> None:
                with contextlib.suppress(Exception):
                    fresh.append(self._load())

            thread = threading.Thread(target=load, name="renew credentials", daemon=True)
            thread.start()
            thread.join(RENEWAL)
            self._renewed = time.monotonic()
            if not fresh:
                return False
            with self._lock:
                for name in _RENEWED:
                    if hasattr(fresh[0], name):
                        setattr(self.configuration, name, getattr(fresh[0], name))
            self._keep_secrets()
            return True

    def _keep_secrets(self) -> None:
        configuration = self.configuration
        keys = configuration.api_key.values() if isinstance(configuration.api_key, dict) else ()
        for secret in (*keys, configuration.password):
            keep_secret(str(secret or "").removeprefix("Bearer "))


def configuration_of(chosen: Kubeconfig) -> Any:
    """The configuration of a kubeconfig's context; its exec plugin is run. Raises `UsageError` or `ClusterError`."""
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
    if chosen.uses_plugin and said and not _has_token(configuration) and not configuration.cert_file:
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


def in_cluster() -> Any:
    """The configuration of the service account of this pod. Raises `UsageError` outside of one."""
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


def _has_token(configuration: Any) -> bool:
    return bool(configuration.auth_settings().get("BearerToken", {}).get("value"))


def _line(text: object) -> str:
    return " ".join(str(text).split())
