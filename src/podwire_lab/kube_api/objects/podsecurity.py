"""Pod Security Admission: what a namespace's `pod-security.kubernetes.io/enforce` label refuses.

kubernetes.io: "Pod Security Standards". The controls that network probes can meet; `privileged`, or no label, refuses
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from podwire_lab.kube_api.objects.fields import at
from podwire_lab.model.interfaces import Object

LABEL: Final = "pod-security.kubernetes.io/enforce"
_BASELINE_CAPABILITIES: Final = frozenset(
    {
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD"),
        *("NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    }
)


def violation(namespace: Object, pod: Object) -> str | None:
    """Why the pod is refused in the namespace, worded as the admission plugin words it; None when it may come in."""
    labels = at(namespace, "metadata", "labels") or {}
    level = labels.get(LABEL, "privileged")
    if level not in ("baseline", "restricted"):
        return None
    spec = pod.get("spec") or {}
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    windows = at(spec, "os", "name") == "windows"
    violations = list(_baseline(spec, containers))
    if level == "restricted":
        violations += _restricted(spec, containers, windows=windows)
    if not violations:
        return None
    return f'violates PodSecurity "{level}:{labels.get(LABEL + "-version", "latest")}": {", ".join(violations)}'


def _named(containers: Iterable[Object]) -> str:
    names = [f'"{container.get("name")}"' for container in containers]
    return f"container{'s' if len(names) > 1 else ''} {', '.join(names)}"


def _baseline(spec: Object, containers: list[Object]) -> Iterable[str]:
    host = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    if host:
        yield f"host namespaces ({', '.join(host)})"
    volumes = [f'"{volume.get("name")}"' for volume in spec.get("volumes") or () if volume.get("hostPath")]
    if volumes:
        yield f"hostPath volumes (volume{'s' if len(volumes) > 1 else ''} {', '.join(volumes)})"
    ports = [
        container for container in containers if any(port.get("hostPort") for port in container.get("ports") or ())
    ]
    if ports and not spec.get("hostNetwork"):
        numbers = [str(p["hostPort"]) for container in ports for p in container["ports"] if p.get("hostPort")]
        verb, plural = ("uses" if len(ports) == 1 else "use"), ("s" if len(numbers) > 1 else "")
        yield f"hostPort ({_named(ports)} {verb} hostPort{plural} {', '.join(numbers)})"
    hosted = [
        container for container in containers if at(container, "securityContext", "windowsOptions", "hostProcess")
    ]
    if hosted:
        yield f"hostProcess ({_named(hosted)} must not set securityContext.windowsOptions.hostProcess=true)"
    privileged = [container for container in containers if at(container, "securityContext", "privileged")]
    if privileged:
        yield f"privileged ({_named(privileged)} must not set securityContext.privileged=true)"
    added = [container for container in containers if _added(container) - _BASELINE_CAPABILITIES]
    if added:
        names = ", ".join(
            f'"{n}"' for n in sorted(set().union(*(_added(container) for container in added)) - _BASELINE_CAPABILITIES)
        )
        yield f"non-default capabilities ({_named(added)} must not include {names} in securityContext.capabilities.add)"


def _added(container: Object) -> set[str]:
    return set(at(container, "securityContext", "capabilities", "add") or ())


def _restricted(spec: Object, containers: list[Object], *, windows: bool) -> Iterable[str]:
    def lacking(holds: Callable[[Any], bool]) -> list[Object]:
        return [container for container in containers if not holds(container.get("securityContext") or {})]

    escalating = lacking(lambda context: context.get("allowPrivilegeEscalation") is False)
    if escalating and not windows:
        text = "must set securityContext.allowPrivilegeEscalation=false"
        yield f"allowPrivilegeEscalation != false ({_named(escalating)} {text})"
    undropped = lacking(lambda context: "ALL" in (at(context, "capabilities", "drop") or ()))
    if undropped and not windows:
        text = 'must set securityContext.capabilities.drop=["ALL"]'
        yield f"unrestricted capabilities ({_named(undropped)} {text})"
    pod_context = spec.get("securityContext") or {}
    rooted = lacking(lambda context: context.get("runAsNonRoot", pod_context.get("runAsNonRoot")) is True)
    if rooted:
        yield f"runAsNonRoot != true (pod or {_named(rooted)} must set securityContext.runAsNonRoot=true)"
    profiles = ("RuntimeDefault", "Localhost")
    pod_profile = at(pod_context, "seccompProfile", "type")
    unprofiled = lacking(lambda context: (at(context, "seccompProfile", "type") or pod_profile) in profiles)
    if unprofiled and not windows:
        text = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
        yield f"seccompProfile (pod or {_named(unprofiled)} {text})"
