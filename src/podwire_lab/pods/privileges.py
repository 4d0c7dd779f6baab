"""The privileges of a container: its capabilities, its user, and whether it may write to its own root."""

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
    """Linux containers get the runtime's default set. A Windows pod may not capture or craft frames
    (Windows-Containers#270); a HostProcess container gets what pktmon needs. No container can change the host.
    """
    if context.system == "windows":
        return sorted(_WINDOWS_CAPABILITIES | ({"NET_ADMIN", "NET_RAW"} if context.host_process(container) else set()))
    security = container.get("securityContext") or {}
    capabilities = security.get("capabilities") or {}
    add, drop = set(capabilities.get("add") or ()), set(capabilities.get("drop") or ())
    base = set() if "ALL" in drop else set(_LINUX_CAPABILITIES) - drop
    allowed = _LINUX_CAPABILITIES | _PRIVILEGED
    if security.get("privileged") or "ALL" in add:
        return sorted(allowed)
    return sorted(base | (add & allowed))


def user(context: PodContext, container: Object) -> tuple[int, int] | None:
    """User and group of a Linux container; None for root, the default of all images of the lab.

    Raises:
        NotYet: with kubelet's text (pkg/kubelet/kuberuntime/security_context.go, verifyRunAsNonRoot).
    """
    if context.system == "windows":
        return None
    number = _asked(context, container, "runAsUser")
    if not number and _asked(context, container, "runAsNonRoot"):
        meta = context.pod["metadata"]
        pod = f'"{meta["name"]}_{meta["namespace"]}({meta["uid"]})"'
        problem = "container has runAsNonRoot and image will run as root"
        if number == 0:
            problem = "container's runAsUser breaks non-root policy"
        raise NotYet("CreateContainerConfigError", f"{problem} (pod: {pod}, container: {container['name']})")
    return (number, _asked(context, container, "runAsGroup") or 0) if number else None


def read_only_root(context: PodContext, container: Object) -> bool:
    """Whether the root of a Linux container is read-only; Windows has no such setting."""
    return context.system == "linux" and bool((container.get("securityContext") or {}).get("readOnlyRootFilesystem"))


def _asked(context: PodContext, container: Object, name: str) -> Any:
    """The value of the container, else that of its pod (Kubernetes API, SecurityContext)."""
    settings = {**(context.pod["spec"].get("securityContext") or {}), **(container.get("securityContext") or {})}
    return settings.get(name)
