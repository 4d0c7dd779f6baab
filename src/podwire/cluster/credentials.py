"""Who asks: the configuration of a kubeconfig's user, or of a pod's service account, and how it is renewed."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from podwire.cluster.exec_plugin import SECONDS, PluginFailed
from podwire.cluster.kubeconfig import Kubeconfig
from podwire.cluster.plugin_user import ask_plugin_of, expiry_of, keep_secrets_of, with_plugin_asked
from podwire.errors import ClusterError, UsageError
from podwire.files.bounded import FileError, text_of
from podwire.redaction import keep_secret

IN_CLUSTER = "in-cluster"
SOONEST = 5.0
"""Seconds between two renewals: what many threads are refused at once is one reason to renew."""
RENEWAL = SECONDS
"""Seconds that a login and its renewal may take, as an exec plugin may."""
EARLY = 60.0
"""Seconds before their end in which credentials are renewed."""
PAUSE = 30.0
"""Seconds until an exec plugin is asked again for credentials that end soon: it may give the same ones."""
MOST_OF_A_KEY = 64 << 10
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
            authorization = self.configuration.auth_settings().get("BearerToken", {}).get("value")
        keep_secret(_without_scheme(authorization))
        return str(authorization) if authorization else None

    def renew(self) -> bool:
        """Read the kubeconfig again and ask its exec plugin again, since the server refused what there is (401).

        False when there is nothing new to try: it cannot be had, or comes too late.
        """
        with self._renewal:
            if time.monotonic() - self._renewed < SOONEST:
                return True
            try:
                fresh = within(RENEWAL, "renew credentials", self._load)
            except Exception:
                return False
            finally:
                self._renewed = time.monotonic()
            with self._lock:
                for name in _RENEWED:
                    if hasattr(fresh, name):
                        setattr(self.configuration, name, getattr(fresh, name))
            self._keep_secrets()
            return True

    def _keep_secrets(self) -> None:
        configuration = self.configuration
        keys = configuration.api_key.values() if isinstance(configuration.api_key, dict) else ()
        for secret in (*keys, configuration.password):
            keep_secret(_without_scheme(secret))
        if configuration.key_file:
            with contextlib.suppress(FileError):
                keep_secret(text_of(Path(configuration.key_file), MOST_OF_A_KEY))


def _without_scheme(secret: object) -> str:
    """The credentials of an Authorization header, without the word before them."""
    return str(secret or "").rsplit(" ", 1)[-1]


def within(seconds: float, name: str, call: Callable[[], Any]) -> Any:
    """What a call returns or raises, in a thread that nobody waits for any longer: TimeoutError."""
    came: list[Any] = []
    problems: list[Exception] = []

    def run() -> None:
        try:
            came.append(call())
        except Exception as error:
            problems.append(error)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    thread.join(seconds)
    if problems:
        raise problems[0]
    if not came:
        raise TimeoutError
    return came[0]


def configuration_of(chosen: Kubeconfig) -> Any:
    """The configuration of a kubeconfig's context; its exec plugin is run. Raises `UsageError` or `ClusterError`."""
    import kubernetes.client
    from kubernetes.config import ConfigException, kube_config

    load: Any = kube_config.KubeConfigLoader

    keep_secrets_of(chosen.tree)
    account = f"kubeconfig {chosen.path}: user {chosen.user!r}"
    configuration: Any = kubernetes.client.Configuration()
    try:
        tree, expiry = with_plugin_asked(chosen)
        loader = load(tree, active_context=chosen.context, config_base_path=str(chosen.path.parent.resolve()))
        # A login of the library's own (OIDC) asks servers without a bound.
        within(RENEWAL, "load credentials", lambda: loader.load_and_set(configuration) or True)
    except PluginFailed as error:
        raise ClusterError(f"{account}: no credentials: {error}") from error
    except TimeoutError as error:
        raise ClusterError(
            f"{account}: no credentials: its login did not end within {RENEWAL:g} s; "
            "log in with kubectl, then try again"
        ) from error
    except ConfigException as error:
        raise UsageError(f"kubeconfig {chosen.path}: {_line(error)}") from error
    except Exception as error:
        # A credential helper (cloud SDK, OIDC refresh) may fail in any way; its words are all there is to show.
        words = _line(error) or type(error).__name__
        raise ClusterError(f"{account}: no credentials: {words}") from error
    configuration.refresh_api_key_hook = _Refreshed(chosen, expiry, configuration.refresh_api_key_hook)
    return configuration


class _Refreshed:
    """Called by `auth_settings` before each use of the credentials: renews those that end soon, within a bound."""

    def __init__(self, chosen: Kubeconfig, expiry: float, library: Any) -> None:
        self._chosen, self._expiry, self._library = chosen, expiry, library
        self._asked = time.monotonic()

    def __call__(self, configuration: Any) -> None:
        if not self._chosen.uses_plugin:
            if self._library is not None:
                with contextlib.suppress(Exception):  # What there is may be good enough; the server tells.
                    within(RENEWAL, "refresh credentials", lambda: self._library(configuration) or True)
            return
        if time.time() < self._expiry - EARLY or time.monotonic() - self._asked < PAUSE:
            return
        with contextlib.suppress(PluginFailed):
            status = ask_plugin_of(self._chosen)
            self._expiry = expiry_of(status)
            if status.get("token"):
                configuration.api_key["BearerToken"] = f"Bearer {status['token']}"
        self._asked = time.monotonic()


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


def _line(text: object) -> str:
    return " ".join(str(text).split())
