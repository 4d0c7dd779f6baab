"""The exec plugin of a kubeconfig's user: a program that is asked for credentials (client.authentication.k8s.io).

The `kubernetes` package waits for it without a bound. Here it has one, ends with whatever it has started, and what it
says to a person passes the net below the standard streams.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from podwire.redaction import keep_secret

SECONDS = 60.0
"""What a plugin may take: it may wait for a browser that nobody looks at."""
MOST_BYTES = 1 << 20
"""Of its answer."""
_GRACE = 2.0
"""Seconds in which what it has said is read once it has ended: a process that it left may hold its pipes."""
_EXTENSION = "client.authentication.k8s.io/exec"


class PluginFailed(Exception):
    """It gave no credentials; the text says in one line why, and what to do."""


def ask(plugin: Mapping[str, Any], cluster: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """The `status` of the plugin's answer: `token`, or `clientCertificateData` and `clientKeyData`; never both missing.

    `plugin` and `cluster` are `exec` and `cluster` of the kubeconfig in `folder`. Whatever is a secret in the answer is
    made known to the redactor. Raises `PluginFailed` after `SECONDS` at most.
    """
    command, version = str(plugin.get("command") or ""), plugin.get("apiVersion")
    if not command or not version:
        raise PluginFailed("its exec plugin needs `command` and `apiVersion` in the kubeconfig")
    at_a_terminal = plugin.get("interactiveMode") != "Never" and sys.stdin is not None and _is_terminal(sys.stdin)
    spec: dict[str, Any] = {"interactive": at_a_terminal}
    if plugin.get("provideClusterInfo"):
        spec["cluster"] = _described(cluster)
    environment = {
        **os.environ,
        **{variable["name"]: variable["value"] for variable in plugin.get("env") or ()},
        "KUBERNETES_EXEC_INFO": json.dumps({"apiVersion": version, "kind": "ExecCredential", "spec": spec}),
    }
    words = [command, *map(str, plugin.get("args") or ())]
    code, answer, errors = _Asked(words, environment, folder, at_a_terminal).end()
    if code != 0:
        raise PluginFailed(f"its exec plugin {command} ended with exit code {code}" + (f": {errors}" if errors else ""))
    try:
        tree = json.loads(answer)
        status = tree["status"]
        printed_version, kind = tree["apiVersion"], tree["kind"]
        secrets = [status.get(name) for name in ("token", "clientKeyData")]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise PluginFailed(f"its exec plugin {command} printed no ExecCredential") from None
    for secret in secrets:
        keep_secret(secret if isinstance(secret, str) else "")
    if kind != "ExecCredential" or printed_version != version:
        raise PluginFailed(
            f"its exec plugin {command} printed a {kind} of {printed_version}, and not an ExecCredential of {version}"
        )
    if not status.get("token") and not (status.get("clientCertificateData") and status.get("clientKeyData")):
        raise PluginFailed(f"its exec plugin {command} gave neither a token nor a certificate with its key")
    return dict(status)


def _described(cluster: Mapping[str, Any]) -> dict[str, Any]:
    """The cluster as a plugin is told of it."""
    described = dict(cluster)
    for extension in described.get("extensions") or ():
        if extension.get("name") == _EXTENSION:
            described["config"] = extension.get("extension")
    return described


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty()) and sys.stderr.isatty()
    except ValueError:  # It is closed.
        return False


class _Asked:
    """A plugin that runs, in a session of its own: it ends with whatever it has started."""

    def __init__(self, words: list[str], environment: Mapping[str, str], folder: Path, at_a_terminal: bool) -> None:
        self._command, self._at_a_terminal = words[0], at_a_terminal
        self._answer, self._said = bytearray(), b""
        try:
            self._process = subprocess.Popen(
                words,
                stdin=None if at_a_terminal else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                cwd=folder,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise PluginFailed(
                f"its exec plugin {words[0]} cannot be started: {why}; install it, or name its path"
            ) from None
        self._waiter = threading.Thread(target=self._process.wait, daemon=True)
        self._readers = [
            threading.Thread(target=self._read, args=(self._process.stdout, self._take), daemon=True),
            threading.Thread(target=self._read, args=(self._process.stderr, self._hear), daemon=True),
        ]

    def end(self) -> tuple[int, bytes, str]:
        """Exit code, standard output, and the end of standard error in one line. Raises `PluginFailed`."""
        # Also where this thread ends with the process, and cannot see to it.
        atexit.register(self._kill)
        for thread in (*self._readers, self._waiter):
            thread.start()
        try:
            self._waiter.join(SECONDS)
        finally:
            late = self._process.returncode is None
            self._kill()
            atexit.unregister(self._kill)
        if late:
            raise PluginFailed(
                f"its exec plugin {self._command} did not end within {SECONDS:g} s and was stopped; does it wait for a "
                "login? Run kubectl with this context once, do what the plugin asks for, then try again"
            )
        end = time.monotonic() + _GRACE
        for thread in self._readers:
            thread.join(max(0.0, end - time.monotonic()))
        if len(self._answer) > MOST_BYTES:
            raise PluginFailed(f"its exec plugin {self._command} printed more than {MOST_BYTES >> 20} MiB")
        return (
            self._process.returncode,
            bytes(self._answer),
            " ".join(self._said.decode("utf-8", "replace").split())[-300:],
        )

    def _kill(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._waiter.join(_GRACE)

    def _read(self, pipe: IO[bytes], take: Any) -> None:
        with pipe, contextlib.suppress(OSError, ValueError):
            while data := os.read(pipe.fileno(), 1 << 16):
                take(data)

    def _take(self, data: bytes) -> None:
        if len(self._answer) <= MOST_BYTES:
            self._answer += data

    def _hear(self, data: bytes) -> None:
        self._said = (self._said + data)[-4096:]
        if self._at_a_terminal:  # Where it tells a person what to do.
            sys.stderr.write(data.decode("utf-8", "replace"))
            sys.stderr.flush()
