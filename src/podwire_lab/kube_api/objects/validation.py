"""What a server refuses with 422: names, labels, and what a suite could get wrong in pods and Services."""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from podwire_lab.kube_api.objects.fields import at
from podwire_lab.kube_api.objects.network_policies import network_policy_errors
from podwire_lab.kube_api.objects.resources import Resource
from podwire_lab.kube_api.objects.status import (
    FieldError,
    duplicate,
    forbidden_field,
    invalid,
    invalid_value,
    not_found_value,
    not_supported,
    required,
    too_long,
)
from podwire_lab.model.interfaces import Object

_LABEL: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN_RE: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_LABEL_RE: Final = re.compile(_LABEL)
_PATH_NAME_RE: Final = re.compile(r"[^/%]+")
_LABEL_VALUE_RE: Final = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_QUALIFIED_RE: Final = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")

_SUBDOMAIN_TEXT: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    rf"'{_LABEL}(\.{_LABEL})*')"
)
_LABEL_TEXT: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    f"an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_LABEL_VALUE_TEXT: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_QUALIFIED_TEXT: Final = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_MOST_DATA: Final = 1 << 20
_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_PORT_TEXT: Final = "must be between 1 and 65535, inclusive"
_MUTABLE_POD_SPEC: Final = frozenset(
    {"activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations", "schedulingGates", "nodeName"}
)


def validate(resource: Resource, obj: Object, before: Object | None = None) -> None:
    """Raise `Invalid` with everything that is wrong. `before` is the object that this one is to replace."""
    name = obj["metadata"].get("name")
    errors = [*_metadata(resource, obj["metadata"])]
    match resource.plural:
        case "pods":
            errors += _pod(obj)
            if before is not None:
                errors += _pod_update(obj, before)
        case "services":
            errors += _service(obj, before)
        case "configmaps":
            errors += [*_keys(obj, "data"), *_keys(obj, "binaryData"), *_config_map(obj)]
        case "secrets":
            errors += _keys(obj, "data")
        case "daemonsets" | "deployments" | "jobs" | "replicasets" | "statefulsets":
            errors += _workload(resource, obj, before)
        case "networkpolicies":
            errors += network_policy_errors(obj)
        case _:
            pass
    if errors:
        raise invalid(resource, name, errors)


def _metadata(resource: Resource, meta: Object) -> list[FieldError]:
    name = meta.get("name")
    if not name:
        return [required("metadata.name", "name or generateName is required")]
    errors = []
    match resource.plural:
        case "namespaces" | "services":  # Services: from Kubernetes 1.36 on (KEP-5311).
            pattern, text, limit = _LABEL_RE, _LABEL_TEXT, 63
        case "roles" | "rolebindings" | "clusterroles" | "clusterrolebindings":
            pattern, text, limit = _PATH_NAME_RE, "may not contain '/' or '%'", 253
        case _:
            pattern, text, limit = _SUBDOMAIN_RE, _SUBDOMAIN_TEXT, 253
    if not isinstance(name, str) or not pattern.fullmatch(name):
        errors.append(invalid_value("metadata.name", name, text))
    if len(str(name)) > limit:
        errors.append(invalid_value("metadata.name", name, f"must be no more than {limit} characters"))
    for key, value in (meta.get("labels") or {}).items():
        errors += _qualified("metadata.labels", key)
        if not isinstance(value, str) or not _LABEL_VALUE_RE.fullmatch(value):
            errors.append(invalid_value("metadata.labels", value, _LABEL_VALUE_TEXT))
        elif len(value) > 63:
            errors.append(invalid_value("metadata.labels", value, "must be no more than 63 bytes"))
    for key in meta.get("annotations") or {}:
        errors += _qualified("metadata.annotations", key)
    return errors


def _qualified(field: str, key: str) -> list[FieldError]:
    prefix, slash, name = key.rpartition("/")
    errors = []
    if not _QUALIFIED_RE.fullmatch(name):
        errors.append(invalid_value(field, key, _QUALIFIED_TEXT))
    if len(name) > 63:
        errors.append(invalid_value(field, key, "name part must be no more than 63 bytes"))
    if slash and not _SUBDOMAIN_RE.fullmatch(prefix):
        errors.append(invalid_value(field, key, f"prefix part {_SUBDOMAIN_TEXT}"))
    return errors


def _keys(obj: Object, field: str) -> list[FieldError]:
    return [
        invalid_value(
            f"{field}[{key}]", key, "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        )
        for key in obj.get(field) or ()
        if not re.fullmatch(r"[-._a-zA-Z0-9]+", key)
    ]


def _config_map(obj: Object) -> list[FieldError]:
    """No key is in both bags, and both together have 1 MiB at most. ValueError for binary data that are no base64."""
    texts, binaries = obj.get("data") or {}, obj.get("binaryData") or {}
    errors = [
        invalid_value(f"data[{key}]", key, "duplicate of key present in binaryData") for key in texts if key in binaries
    ]
    size = sum(len(text.encode()) for text in texts.values())
    # Go's decoder overlooks ends of lines, and nothing else (encoding/base64).
    pure = (text.replace("\n", "").replace("\r", "") for text in binaries.values())
    size += sum(len(base64.b64decode(text, validate=True)) for text in pure)
    return [*errors, too_long("[]", _MOST_DATA)] if size > _MOST_DATA else errors


def _pod(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    containers = spec.get("containers")
    errors: list[FieldError] = []
    if not containers:
        errors.append(required("spec.containers"))
    volumes: set[str] = set()
    for index, volume in enumerate(spec.get("volumes") or ()):
        field = f"spec.volumes[{index}].name"
        name = str(volume.get("name") or "")
        if not name:
            errors.append(required(field))
        elif name in volumes:
            errors.append(duplicate(field, name))
        elif not _LABEL_RE.fullmatch(name):
            errors.append(invalid_value(field, name, _LABEL_TEXT))
        volumes.add(name)
    names: set[str] = set()
    for part in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(part) or ()):
            errors += _container(container, f"spec.{part}[{index}]", names, volumes)
    for key, allowed in (
        ("restartPolicy", ("Always", "Never", "OnFailure")),
        ("dnsPolicy", ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")),
    ):
        if spec.get(key) not in allowed:
            errors.append(not_supported(f"spec.{key}", spec.get(key), allowed))
    return errors + _windows(spec)


def _container(container: Object, field: str, names: set[str], volumes: set[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    name = container.get("name")
    if not name:
        errors.append(required(f"{field}.name"))
    elif not _LABEL_RE.fullmatch(str(name)):
        errors.append(invalid_value(f"{field}.name", name, _LABEL_TEXT))
    elif name in names:
        errors.append(duplicate(f"{field}.name", name))
    names.add(str(name))
    if not container.get("image"):
        errors.append(required(f"{field}.image"))
    for index, port in enumerate(container.get("ports") or ()):
        if not _is_port(port.get("containerPort")):
            below = f"{field}.ports[{index}].containerPort"
            number = port.get("containerPort")
            errors.append(required(below) if number is None else invalid_value(below, number, _PORT_TEXT))
        if port.get("protocol") not in _PROTOCOLS:
            errors.append(not_supported(f"{field}.ports[{index}].protocol", port.get("protocol"), _PROTOCOLS))
    for index, variable in enumerate(container.get("env") or ()):
        if not variable.get("name"):
            errors.append(required(f"{field}.env[{index}].name"))
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        if not mount.get("mountPath"):
            errors.append(required(f"{field}.volumeMounts[{index}].mountPath"))
        if mount.get("name") not in volumes:
            errors.append(not_found_value(f"{field}.volumeMounts[{index}].name", mount.get("name")))
    return errors


def _is_port(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535


def _windows(spec: Object) -> list[FieldError]:
    """kubernetes.io: "Create a Windows HostProcess Pod", "Field compatibility" of Windows pods."""
    errors: list[FieldError] = []
    pod_wide = at(spec, "securityContext", "windowsOptions", "hostProcess")
    containers = [(f"spec.containers[{i}]", container) for i, container in enumerate(spec.get("containers") or ())]
    hosted = [
        option
        if (option := at(container, "securityContext", "windowsOptions", "hostProcess")) is not None
        else pod_wide
        for _, container in containers
    ]
    if any(hosted):
        if not all(hosted):
            text = "If pod contains any hostProcess containers then all containers must be HostProcess containers"
            errors.append(invalid_value("spec.containers", "", text))
        if not spec.get("hostNetwork"):
            text = "hostNetwork must be true if pod contains any hostProcess containers"
            errors.append(invalid_value("spec.hostNetwork", False, text))
    if at(spec, "os", "name") != "windows":
        return errors
    for name in ("hostPID", "hostIPC", "shareProcessNamespace"):
        if spec.get(name):
            errors.append(forbidden_field(f"spec.{name}", "cannot be set for a windows pod"))
    fields = ("capabilities", "privileged", "readOnlyRootFilesystem", "allowPrivilegeEscalation", "procMount",
              "runAsUser", "runAsGroup", "seLinuxOptions", "seccompProfile")  # fmt: skip
    for field, container in containers:
        for name in fields:
            if at(container, "securityContext", name) is not None:
                errors.append(forbidden_field(f"{field}.securityContext.{name}", "cannot be set for a windows pod"))
    return errors


def _pod_update(obj: Object, before: Object) -> list[FieldError]:
    def fixed(spec: Object) -> Object:
        rest = {key: value for key, value in spec.items() if key not in _MUTABLE_POD_SPEC}
        for part in ("containers", "initContainers"):
            if part in rest:
                rest[part] = [{**container, "image": ""} for container in rest[part]]
        return rest

    if fixed(obj.get("spec") or {}) == fixed(before.get("spec") or {}):
        return []
    text = (
        "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
        "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
        "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
    )
    return [forbidden_field("spec", text)]


def _workload(resource: Resource, obj: Object, before: Object | None) -> list[FieldError]:
    """The selector, and the template's pods (kubernetes: apis/apps/validation, apis/batch/validation)."""
    spec = obj.get("spec") or {}
    template, selector = spec.get("template") or {}, spec.get("selector") or {}
    labels = at(template, "metadata", "labels") or {}
    errors = [replace(error, field=f"spec.template.{error.field}") for error in _pod(template)]
    if not selector:
        errors.append(required("spec.selector"))
    elif any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        text = "`selector` does not match template `labels`"
        errors.append(invalid_value("spec.template.metadata.labels", labels, text))
    if before is not None and selector != (at(before, "spec", "selector") or {}):
        errors.append(invalid_value("spec.selector", selector, "field is immutable"))
    allowed = ("Never", "OnFailure") if resource.plural == "jobs" else ("Always",)
    policy = at(template, "spec", "restartPolicy")
    if policy not in allowed:
        errors.append(not_supported("spec.template.spec.restartPolicy", policy, allowed))
    if spec.get("volumeClaimTemplates"):
        errors.append(forbidden_field("spec.volumeClaimTemplates", "the lab has no storage"))
    if spec.get("completionMode") not in (None, "NonIndexed"):
        errors.append(not_supported("spec.completionMode", spec["completionMode"], ("NonIndexed",)))
    replicas = spec.get("replicas")
    if isinstance(replicas, int) and replicas < 0:
        errors.append(invalid_value("spec.replicas", replicas, "must be greater than or equal to 0"))
    return errors


def _service(obj: Object, before: Object | None) -> list[FieldError]:
    spec = obj.get("spec") or {}
    kind = spec.get("type")
    kinds = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
    if kind not in kinds:
        return [not_supported("spec.type", kind, kinds)]
    errors: list[FieldError] = []
    ports = spec.get("ports") or []
    if kind == "ExternalName":
        if not spec.get("externalName"):
            errors.append(required("spec.externalName"))
    elif not ports and spec.get("clusterIP") != "None":
        errors.append(required("spec.ports"))
    if spec.get("sessionAffinity") not in ("None", "ClientIP"):
        errors.append(not_supported("spec.sessionAffinity", spec.get("sessionAffinity"), ("ClientIP", "None")))
    seen: set[tuple[Any, ...]] = set()
    names: set[str] = set()
    for index, port in enumerate(ports):
        errors += _service_port(port, f"spec.ports[{index}]", named=len(ports) > 1, seen=seen, names=names)
    errors += _external_traffic(spec)
    old = at(before, "spec", "clusterIP") if before is not None and at(before, "spec", "type") == kind else None
    if old and kind != "ExternalName" and spec.get("clusterIP") != old:
        addresses = spec.get("clusterIPs") or [spec.get("clusterIP")]
        errors.append(invalid_value("spec.clusterIPs[0]", addresses, "primary clusterIP can not be unset or changed"))
    return errors


def _external_traffic(spec: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, address in enumerate(spec.get("externalIPs") or ()):
        if not _is_a(ipaddress.ip_address, address):
            errors.append(invalid_value(f"spec.externalIPs[{index}]", address, "must be a valid IP address"))
    for index, network in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        if not _is_a(ipaddress.ip_interface, network):
            errors.append(
                invalid_value(f"spec.loadBalancerSourceRanges[{index}]", network, "must be a valid CIDR value")
            )
    for key in ("internalTrafficPolicy", "externalTrafficPolicy"):
        if spec.get(key) not in (None, "Cluster", "Local"):
            errors.append(not_supported(f"spec.{key}", spec[key], ("Cluster", "Local")))
    return errors


def _is_a(kind: Callable[[str], object], text: Any) -> bool:
    try:
        kind(str(text))
    except ValueError:
        return False
    return True


def _service_port(
    port: Object, field: str, *, named: bool, seen: set[tuple[Any, ...]], names: set[str]
) -> list[FieldError]:
    errors: list[FieldError] = []
    name, number, protocol = port.get("name"), port.get("port"), port.get("protocol", "TCP")
    if named and not name:
        errors.append(required(f"{field}.name"))
    elif name and (len(str(name)) > 63 or not _LABEL_RE.fullmatch(str(name))):
        errors.append(invalid_value(f"{field}.name", name, _LABEL_TEXT))
    elif name and name in names:
        errors.append(duplicate(f"{field}.name", name))
    names.add(str(name))
    if not _is_port(number):
        errors.append(invalid_value(f"{field}.port", number or 0, _PORT_TEXT))
    if protocol not in _PROTOCOLS:
        errors.append(not_supported(f"{field}.protocol", protocol, _PROTOCOLS))
    target = port.get("targetPort")
    if isinstance(target, int) and not _is_port(target):
        errors.append(invalid_value(f"{field}.targetPort", target, _PORT_TEXT))
    if (number, protocol) in seen:
        errors.append(duplicate(field, f"{protocol}:{number}"))
    seen.add((number, protocol))
    return errors
