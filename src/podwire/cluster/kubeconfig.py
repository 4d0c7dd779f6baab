"""Reading a kubeconfig for a person: whatever is wrong with it is one line with the file and the field."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from podwire.errors import UsageError
from podwire.files.bounded import FileError, text_of
from podwire.files.kinds import Secret
from podwire.files.typed import yaml_tree_as
from podwire.files.words import shown
from podwire.files.yaml_tree import yaml_tree

MOST_BYTES = 4 << 20
"""A file of a thousand clusters with their certificates is half as large."""

MOST_NAMES = 20


@dataclass(frozen=True, kw_only=True)
class Kubeconfig:
    """A checked kubeconfig and the context chosen from it. `tree` is the whole file."""

    path: Path
    context: str
    server: str
    user: str
    uses_plugin: bool
    tree: Mapping[str, Any]


# What the file holds, as far as podwire reads it; it may hold more, which the library reads that connects.


class _Cluster(Struct, frozen=True, kw_only=True, rename="kebab"):
    server: str = ""
    certificate_authority: str | None = None
    certificate_authority_data: Secret | None = None
    insecure_skip_tls_verify: bool | None = None
    tls_server_name: str | None = None
    proxy_url: str | None = None


class _Variable(Struct, frozen=True, kw_only=True):
    name: str
    value: Secret


class _Plugin(Struct, frozen=True, kw_only=True):
    command: str
    args: tuple[str, ...] | None = None
    env: tuple[_Variable, ...] | None = None


class _User(Struct, frozen=True, kw_only=True, rename="kebab"):
    client_certificate: str | None = None
    client_certificate_data: Secret | None = None
    client_key: str | None = None
    client_key_data: Secret | None = None
    token: Secret | None = None
    token_file: str | None = field(name="tokenFile", default=None)
    username: str | None = None
    password: Secret | None = None
    exec: _Plugin | None = None


class _Context(Struct, frozen=True, kw_only=True):
    cluster: str = ""
    user: str | None = None


class _NamedCluster(Struct, frozen=True, kw_only=True):
    name: str
    cluster: _Cluster


class _NamedUser(Struct, frozen=True, kw_only=True):
    name: str
    user: _User | None = None


class _NamedContext(Struct, frozen=True, kw_only=True):
    name: str
    context: _Context


class _File(Struct, frozen=True, kw_only=True):
    current_context: str | None = field(name="current-context", default=None)
    contexts: tuple[_NamedContext, ...] | None = None
    clusters: tuple[_NamedCluster, ...] | None = None
    users: tuple[_NamedUser, ...] | None = None


def default_path() -> Path:
    """What kubectl would read: the first file of $KUBECONFIG, else ~/.kube/config."""
    named = [part for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return Path(named[0] if named else "~/.kube/config").expanduser()


def read_kubeconfig(path: Path, context: str | None = None) -> Kubeconfig:
    """The file and one of its contexts (the current one by default). Raises `UsageError`."""
    try:
        tree, file = _read(path)
        return _chosen(path, tree, file, context)
    except FileError as problem:
        raise UsageError(f"kubeconfig {path}: {problem}") from None


def _read(path: Path) -> tuple[Mapping[str, Any], _File]:
    text = text_of(path, MOST_BYTES)
    if not text.strip():
        raise FileError("is empty")
    tree = yaml_tree(text)
    return tree, yaml_tree_as(tree, _File)


def _chosen(path: Path, tree: Mapping[str, Any], file: _File, context: str | None) -> Kubeconfig:
    contexts = {entry.name: entry.context for entry in file.contexts or ()}
    clusters = {entry.name: entry.cluster for entry in file.clusters or ()}
    users = {entry.name: entry.user or _User() for entry in file.users or ()}
    listing = f"this file has {_listed(sorted(contexts))}" if contexts else "this file has no contexts"
    chosen = context or file.current_context
    if not chosen:
        raise FileError(f"current-context is not set; name one with --context ({listing})")
    if chosen not in contexts:
        source = "" if context else " (its current-context)"
        raise FileError(f"no context {shown(chosen)}{source}; {listing}")
    entry, place = contexts[chosen], f"context {shown(chosen)}"
    cluster, user_name = clusters.get(entry.cluster), entry.user or ""
    if cluster is None:
        raise FileError(f"{place}: names the cluster {shown(entry.cluster)}, which is not in this file")
    if user_name and user_name not in users:
        raise FileError(f"{place}: names the user {shown(user_name)}, who is not in this file")
    user = users.get(user_name, _User())
    if not cluster.server.startswith(("http://", "https://")):
        raise FileError(f"cluster {shown(entry.cluster)}: server {shown(cluster.server)} is not an http(s) URL")
    _check_data(cluster, f"cluster {shown(entry.cluster)}", path, ("certificate_authority",))
    _check_data(user, f"user {shown(user_name)}", path, ("client_certificate", "client_key"))
    return Kubeconfig(
        path=path, context=chosen, server=cluster.server, user=user_name, uses_plugin=user.exec is not None, tree=tree
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(shown(name)[1:-1] for name in names[:MOST_NAMES]) + more


def _check_data(entry: _Cluster | _User, place: str, path: Path, fields: tuple[str, ...]) -> None:
    for name in fields:
        word, data, file = name.replace("_", "-"), getattr(entry, f"{name}_data"), getattr(entry, name)
        if data:
            try:
                base64.b64decode(data, validate=True)
            except (binascii.Error, ValueError):
                raise FileError(f"{place}: {word}-data is not base64") from None
        elif file and ("\0" in file or not (path.parent / file).is_file()):
            raise FileError(f"{place}: {word}: no file {shown(file)[1:-1]}")
