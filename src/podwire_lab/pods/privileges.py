"""What a container may do: its capabilities, its user, and whether it may write to its own root."""

from __future__ import annotations

from typing import Any

from podwire_lab.model.interfaces import Object
from podwire_lab.pods.spec import NotYet, PodContext

_DEFAULTS = """
CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL
AUDIT_WRITE
"""
_LINUX_CAPABILITIES = frozenset(_DEFAULTS.split())
_WINDOWS_CAPABILITIES = _LINUX_CAPABILITIES - {"NET_RAW", "MKNOD", "SYS_CHROOT", "SETPCAP", "SETFCAP"}
_PRIVILEGED = frozenset(("NET_ADMIN", "SYS_PTRACE", "SYS_NICE"))


def capabilities(context: PodContext, container: Object) -> list[str]:
    """Linux containers get the runtime's usual set. A Windows pod may not capture or craft frames
    (Windows-Containers#270), but a HostProcess container has what pktmon needs. Nobody gets what could change the host.
    """
    if context.system == "windows":
        return sorted(_WINDOWS_CAPABILITIES | ({"NET_ADMIN", "NET_RAW"} if context.host_process(container) else set()))
    security = container.get("securityContext") or {}
    asked = security.get("capabilities") or {}
    add, drop = set(asked.get("add") or ()), set(asked.get("drop") or ())
    base = set() if "ALL" in drop else set(_LINUX_CAPABILITIES) - drop
    allowed = _LINUX_CAPABILITIES | _PRIVILEGED
    if security.get("privileged") or "ALL" in add:
        return sorted(allowed)
    return sorted(base | (add & allowed))


def user(context: PodContext, container: Object) -> tuple[int, int] | None:
    """User and group of a Linux container, None for root's, which all images of the lab have.

    Raises `NotYet` in the words of kubelet (pkg/kubelet/kuberuntime/security_context.go, verifyRunAsNonRoot).
    """
    if context.system == "windows":
        return None
    number = _asked(context, container, "runAsUser")
    if not number and _asked(context, container, "runAsNonRoot"):
        meta = context.pod["metadata"]
        pod = f'"{meta["name"]}_{meta["namespace"]}({meta["uid"]})"'
        what = "container has runAsNonRoot and image will run as root"
        if number == 0:
            what = "container's runAsUser breaks non-root policy"
        raise NotYet("CreateContainerConfigError", f"{what} (pod: {pod}, container: {container['name']})")
    return (number, _asked(context, container, "runAsGroup") or 0) if number else None


def read_only_root(context: PodContext, container: Object) -> bool:
    """Whether the root of a Linux container cannot be written to; Windows has no such thing."""
    return context.system == "linux" and bool((container.get("securityContext") or {}).get("readOnlyRootFilesystem"))


def _asked(context: PodContext, container: Object, name: str) -> Any:
    """What the container says, else its pod (Kubernetes API, SecurityContext)."""
    own = container.get("securityContext") or {}
    return own[name] if name in own else (context.pod["spec"].get("securityContext") or {}).get(name)
