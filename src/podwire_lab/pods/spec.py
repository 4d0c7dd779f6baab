"""From a pod's spec to what its node runs: command, environment, volume files, resolver and hosts files."""

from __future__ import annotations

import base64
import contextlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from podwire.model.facts import OS
from podwire_lab.model.interfaces import Object, Store
from podwire_lab.pods.images import Image
from podwire_lab.pods.rootfs import TOOLS, Volume

SANDBOX = "/hpc"
r"""The path of a HostProcess container's image, `C:\hpc` (kubernetes.io: HostProcess Pod)."""

_PATH = f"{TOOLS}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z0-9_.-]+)\)")


class NotYet(Exception):
    """Something that the pod needs is missing; `reason` is that of the waiting state, the text that of an event."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class PodContext:
    """The values that the node adds to a pod's own."""

    pod: Object
    system: OS
    pod_ips: Sequence[str]
    host_ips: Sequence[str]

    @property
    def host_network(self) -> bool:
        return bool(self.pod["spec"].get("hostNetwork"))

    @property
    def on_node_network(self) -> bool:
        """Whether the pod has no network of its own. On a Windows node host networking is for HostProcess containers
        only (kubernetes.io: Networking on Windows, limitations); any other pod gets an endpoint, whatever it asks for.
        """
        return self.host_network and (self.system == "linux" or self.host_process_pod)

    @property
    def host_process_pod(self) -> bool:
        return any(self.host_process(container) for container in self.pod["spec"].get("containers") or ())

    def host_process(self, container: Object) -> bool:
        """Whether it is a Windows HostProcess container; the pod's own options apply to all its containers."""
        for owner in (container, self.pod["spec"]):
            options = (owner.get("securityContext") or {}).get("windowsOptions") or {}
            if "hostProcess" in options:
                return bool(options["hostProcess"])
        return False


def field_value(context: PodContext, path: str) -> str:
    """The value of a fieldRef, as the downward API resolves it."""
    pod = context.pod
    meta, spec = pod["metadata"], pod["spec"]
    values = {
        "metadata.name": meta["name"],
        "metadata.namespace": meta["namespace"],
        "metadata.uid": meta["uid"],
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", ""),
        "status.podIP": context.pod_ips[0] if context.pod_ips else "",
        "status.podIPs": ",".join(context.pod_ips),
        "status.hostIP": context.host_ips[0] if context.host_ips else "",
        "status.hostIPs": ",".join(context.host_ips),
    }
    if path in values:
        return str(values[path])
    match = re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path)
    if match:
        return str((meta.get(match[1]) or {}).get(match[2], ""))
    raise NotYet("CreateContainerConfigError", f"unsupported fieldPath: {path}")


def environment(context: PodContext, container: Object, store: Store) -> dict[str, str]:
    """The environment of a container: the node's, then the pod's in order, with `$(NAME)` references expanded."""
    env = {"PATH": _PATH, "HOSTNAME": hostname(context), "HOME": "/", "PYTHONDONTWRITEBYTECODE": "1"}
    if context.host_process(container):
        env["CONTAINER_SANDBOX_MOUNT_POINT"] = SANDBOX
    namespace = context.pod["metadata"]["namespace"]
    for source in container.get("envFrom") or ():
        if "configMapRef" in source:
            reference = source["configMapRef"]
            data = _texts(store, namespace, reference)
            env |= {source.get("prefix", "") + key: value for key, value in data.items()}
    for item in container.get("env") or ():
        source = item.get("valueFrom") or {}
        if "fieldRef" in source:
            env[item["name"]] = field_value(context, source["fieldRef"]["fieldPath"])
        elif "configMapKeyRef" in source:
            reference = source["configMapKeyRef"]
            data = _texts(store, namespace, reference)
            if reference["key"] in data:
                env[item["name"]] = data[reference["key"]]
            elif not reference.get("optional"):
                raise NotYet(
                    "CreateContainerConfigError",
                    f"couldn't find key {reference['key']} in ConfigMap {namespace}/{reference['name']}",
                )
        elif source:
            raise NotYet("CreateContainerConfigError", f"the lab does not support the env source {next(iter(source))}")
        else:
            env[item["name"]] = expand(item.get("value", ""), env)
    return env


def expand(text: str, env: Mapping[str, str]) -> str:
    """Expand `$(NAME)` as in Kubernetes' "Define dependent environment variables": unknown names stay, `$$` is a
    dollar."""
    return _REFERENCE.sub(lambda m: "$" if m[0] == "$$" else env.get(m[1], m[0]), text)


def command_line(context: PodContext, container: Object, image: Image, env: Mapping[str, str]) -> list[str]:
    """The container's command and arguments, or the image's."""
    command = [expand(word, env) for word in container.get("command") or image.command]
    command += [expand(word, env) for word in container.get("args") or ()]
    return sandboxed(context, container, command)


def sandboxed(context: PodContext, container: Object, command: Sequence[str]) -> list[str]:
    """Replace the variable of the mount point in every command line, as job containers do (hcsshim, jobcontainers)."""
    if not context.host_process(container):
        return list(command)
    variable = "%CONTAINER_SANDBOX_MOUNT_POINT%"
    return [word.replace(variable, SANDBOX).replace("\\", "/") if variable in word else word for word in command]


def hostname(context: PodContext) -> str:
    if context.host_network:
        return str(context.pod["spec"].get("nodeName", ""))
    return str(context.pod["spec"].get("hostname") or context.pod["metadata"]["name"])[:63]


def hosts_file(context: PodContext, *, aliases: bool = True) -> str:
    """/etc/hosts, or the hosts file of Windows, as kubelet manages it; not for HostProcess containers.

    `aliases` is False where a fault omits the pod's hostAliases.
    """
    lines = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"]
    lines += [f"{ip}\t{hostname(context)}" for ip in context.pod_ips]
    for alias in () if context.host_process_pod or not aliases else context.pod["spec"].get("hostAliases") or ():
        lines.append("\t".join([alias["ip"], *alias.get("hostnames", ())]))
    return "\n".join(lines) + "\n"


def volumes(
    context: PodContext, container: Object, *, store: Store, directory: str, node_directory: str
) -> list[Volume]:
    """Write the content of the container's volumes below `directory`; a hostPath is a path of the emulated node."""
    described = {volume["name"]: volume for volume in context.pod["spec"].get("volumes") or ()}
    mounts: list[Volume] = []
    for mount in container.get("volumeMounts") or ():
        source = _fill(context, described[mount["name"]], store, directory, node_directory)
        sub = mount.get("subPath", "").strip("/")
        if sub:
            source = f"{source}/{sub}"
            if not os.path.exists(source):
                os.makedirs(source)
        target = _place_of(context, mount["mountPath"])
        places = (target, SANDBOX + target) if context.host_process(container) else (target,)
        mounts += [Volume(source=source, target=place, read_only=bool(mount.get("readOnly"))) for place in places]
    return mounts


def _place_of(context: PodContext, path: str) -> str:
    r"""The path of a mount in the container. `C:\etc` is not the lab's /etc."""
    place = _unix_path(path)
    hidden = context.system == "windows" and (place == "/etc" or place.startswith("/etc/"))
    return f"/c{place}" if hidden else place


def _unix_path(path: str) -> str:
    """`C:\\data` is `/data` in the lab."""
    path = path.replace("\\", "/")
    return path[2:] if re.match(r"^[A-Za-z]:", path) else path


def _fill(context: PodContext, volume: Object, store: Store, directory: str, node_directory: str) -> str:
    namespace = context.pod["metadata"]["namespace"]
    place = f"{directory}/{volume['name']}"
    if "hostPath" in volume:
        place = f"{node_directory}/{_unix_path(volume['hostPath']['path']).strip('/')}"
        os.makedirs(place, exist_ok=True)
        return place
    if "emptyDir" in volume:
        os.makedirs(place, exist_ok=True)
        return place
    if "configMap" in volume:
        files = _files(store, namespace, volume["configMap"], volume["name"])
    elif "projected" in volume:
        files = {}
        for source in volume["projected"].get("sources") or ():
            if "configMap" in source:
                files |= _files(store, namespace, source["configMap"], volume["name"])
            for item in (source.get("downwardAPI") or {}).get("items") or ():
                files[item["path"]] = field_value(context, item["fieldRef"]["fieldPath"]).encode()
    else:
        kind = next((key for key in volume if key != "name"), "nothing")
        raise NotYet(
            "ContainerCreating",
            f'MountVolume.SetUp failed for volume "{volume["name"]}" : the lab has no {kind} volumes',
        )
    os.makedirs(place, exist_ok=True)
    for name, content in files.items():
        path = os.path.normpath(f"{place}/{name}")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        _write_whole(path, content)
    return place


def _write_whole(path: str, content: bytes) -> None:
    """Write a file in one step. Containers of one pod share its volumes: a running one never sees a half-written file,
    nor another file in place of the mounted one.
    """
    with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
        if file.read() == content:
            return
    with open(f"{path}.new", "wb") as file:
        file.write(content)
    os.replace(f"{path}.new", path)


def _files(store: Store, namespace: str, source: Object, volume: str) -> dict[str, bytes]:
    """The files of a ConfigMap by their path: its text and binary data."""
    try:
        config_map = _config_map(store, namespace, source["name"], bool(source.get("optional")))
    except NotYet as error:
        raise NotYet("ContainerCreating", f'MountVolume.SetUp failed for volume "{volume}" : {error}') from error
    data = {key: text.encode() for key, text in (config_map.get("data") or {}).items()}
    data |= {key: base64.b64decode(text) for key, text in (config_map.get("binaryData") or {}).items()}
    if not source.get("items"):
        return data
    return {item["path"]: data[item["key"]] for item in source["items"] if item["key"] in data}


def _texts(store: Store, namespace: str, reference: Object) -> dict[str, str]:
    """The values that an environment may take from a ConfigMap: no binary data (kubernetes.io: "ConfigMaps")."""
    return _config_map(store, namespace, reference["name"], bool(reference.get("optional"))).get("data") or {}


def _config_map(store: Store, namespace: str, name: str, optional: bool) -> Object:
    config_map = store.get("configmaps", namespace, name)
    if config_map is None:
        if optional:
            return {}
        raise NotYet("CreateContainerConfigError", f'configmap "{name}" not found')
    return config_map
