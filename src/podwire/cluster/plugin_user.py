"""The user of a kubeconfig whose credentials an exec plugin gives, and all that is secret in such a file."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from podwire.cluster.exec_plugin import ask
from podwire.cluster.kubeconfig import Kubeconfig
from podwire.redaction import keep_secret, keep_secret_variables

_SECRET_FIELDS = ("token", "password", "client-key-data", "access-token", "id-token", "refresh-token", "client-secret")
_DEEPEST = 12
_FRACTION = re.compile(r"\.\d+")


def with_plugin_asked(chosen: Kubeconfig) -> tuple[dict[str, Any], float]:
    """The tree of the kubeconfig with the plugin's credentials in the place of the plugin, and when they end (Unix
    time; infinity when it does not say). Raises `PluginFailed`."""
    user = _named(chosen.tree, "users", chosen.user, "user")
    if not chosen.uses_plugin or user.get("token") or user.get("tokenFile"):
        return dict(chosen.tree), float("inf")
    status = ask_plugin_of(chosen)
    fresh = {name: value for name, value in user.items() if name not in ("exec", "auth-provider")}
    if status.get("token"):
        fresh["token"] = status["token"]
    else:
        for field, name in (("client-certificate-data", "clientCertificateData"), ("client-key-data", "clientKeyData")):
            fresh[field] = base64.b64encode(str(status[name]).encode()).decode("ascii")
    users = [{"name": chosen.user, "user": fresh}]
    return {**chosen.tree, "users": users}, expiry_of(status)


def ask_plugin_of(chosen: Kubeconfig) -> Mapping[str, Any]:
    """The `status` that the plugin of the chosen user gives now. Raises `PluginFailed`."""
    context = _named(chosen.tree, "contexts", chosen.context, "context")
    cluster = _named(chosen.tree, "clusters", str(context.get("cluster")), "cluster")
    user = _named(chosen.tree, "users", chosen.user, "user")
    return ask(user["exec"], cluster, chosen.path.parent.resolve())


def expiry_of(status: Mapping[str, Any]) -> float:
    """When credentials end, in Unix time; infinity when that is not said, or not as RFC 3339 has it."""
    try:
        return datetime.fromisoformat(
            _FRACTION.sub("", str(status["expirationTimestamp"])).replace("Z", "+00:00")
        ).timestamp()
    except (KeyError, ValueError):
        return float("inf")


def _named(tree: Mapping[str, Any], section: str, name: str, kind: str) -> Mapping[str, Any]:
    return next((entry.get(kind) or {} for entry in tree.get(section) or () if entry.get("name") == name), {})


def keep_secrets_of(tree: Any, deepest: int = _DEEPEST) -> None:
    """Make known to the redactor what is secret in a kubeconfig, whoever of its users it belongs to."""
    if deepest == 0:
        return
    if isinstance(tree, list):
        for item in tree:
            keep_secrets_of(item, deepest - 1)
    if not isinstance(tree, Mapping):
        return
    for name, value in tree.items():
        if name in _SECRET_FIELDS and isinstance(value, str):
            keep_secret(value)
            if name == "client-key-data":
                try:
                    keep_secret(base64.b64decode(value).decode("utf-8", "replace"))
                except (binascii.Error, ValueError):
                    continue
        elif name == "env" and isinstance(value, list):
            pairs = [pair for pair in value if isinstance(pair, Mapping)]
            keep_secret_variables({str(pair.get("name")): str(pair.get("value")) for pair in pairs})
        else:
            keep_secrets_of(value, deepest - 1)
