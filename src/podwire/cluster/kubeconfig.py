"""Reading a kubeconfig for a person: whatever is wrong with it is one line with the file and the field."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from podwire.errors import UsageError

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, kw_only=True)
class Kubeconfig:
    """A checked kubeconfig and the context chosen from it. `tree` is the whole file."""

    path: Path
    context: str
    server: str
    user: str
    uses_plugin: bool
    tree: Mapping[str, Any]


def default_path() -> Path:
    """What kubectl would read: the first file of $KUBECONFIG, else ~/.kube/config."""
    named = [part for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return Path(named[0] if named else "~/.kube/config").expanduser()


def read_kubeconfig(path: Path, context: str | None = None) -> Kubeconfig:
    """The file and one of its contexts (the current one by default). Raises `UsageError`."""
    tree = _load(path)
    contexts = _named(path, tree, "contexts")
    clusters = _named(path, tree, "clusters")
    users = _named(path, tree, "users")
    known = f"this file has {', '.join(sorted(contexts))}" if contexts else "this file has no contexts"
    chosen = context or tree.get("current-context")
    if not chosen:
        raise UsageError(f"kubeconfig {path}: current-context is not set; name one with --context ({known})")
    if chosen not in contexts:
        source = "" if context else " (its current-context)"
        raise UsageError(f"kubeconfig {path}: no context {chosen!r}{source}; {known}")
    place = f"kubeconfig {path}: context {chosen!r}"
    entry = _mapping(contexts[chosen].get("context"), f"{place}: context")
    cluster_name = entry.get("cluster")
    if cluster_name not in clusters:
        raise UsageError(f"{place}: names the cluster {cluster_name!r}, which is not in this file")
    cluster = _mapping(clusters[str(cluster_name)].get("cluster"), f"kubeconfig {path}: cluster {cluster_name!r}")
    user_name = str(entry.get("user") or "")
    if user_name and user_name not in users:
        raise UsageError(f"{place}: names the user {user_name!r}, who is not in this file")
    user: Mapping[str, Any] = {}
    if user_name:
        user = _mapping(users[user_name].get("user") or {}, f"kubeconfig {path}: user {user_name!r}")
    server = cluster.get("server")
    if not isinstance(server, str) or not server.startswith(("http://", "https://")):
        raise UsageError(f"kubeconfig {path}: cluster {cluster_name!r}: server {server!r} is not an http(s) URL")
    _check_data(cluster, f"kubeconfig {path}: cluster {cluster_name!r}", path, ("certificate-authority",))
    _check_data(user, f"kubeconfig {path}: user {user_name!r}", path, ("client-certificate", "client-key"))
    return Kubeconfig(
        path=path, context=str(chosen), server=server, user=user_name, uses_plugin="exec" in user, tree=tree
    )


def _load(path: Path) -> Mapping[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"kubeconfig {path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"kubeconfig {path}: is not a text file") from error
    if not text.strip():
        raise UsageError(f"kubeconfig {path}: is empty")
    try:
        tree = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise UsageError(f"kubeconfig {path}{line}: is not valid YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise UsageError(f"kubeconfig {path}: is not valid YAML: {' '.join(str(error).split())}") from error
    return _mapping(tree, f"kubeconfig {path}: the file")


def _mapping(value: object, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{place}: is not a mapping of fields")
    return value


def _named(path: Path, tree: Mapping[str, Any], field: str) -> dict[str, Mapping[str, Any]]:
    entries = tree.get(field) or []
    if not isinstance(entries, list) or not all(
        isinstance(e, dict) and isinstance(e.get("name"), str) for e in entries
    ):
        raise UsageError(f"kubeconfig {path}: {field} is not a list of entries with a name")
    return {entry["name"]: entry for entry in entries}


def _check_data(entry: Mapping[str, Any], place: str, path: Path, fields: tuple[str, ...]) -> None:
    for field in fields:
        data = entry.get(f"{field}-data")
        if data:
            try:
                base64.b64decode(str(data), validate=True)
            except (binascii.Error, ValueError) as error:
                raise UsageError(f"{place}: {field}-data is not base64") from error
        elif entry.get(field) and not (path.parent / str(entry[field])).is_file():
            raise UsageError(f"{place}: {field}: no file {entry[field]}")
