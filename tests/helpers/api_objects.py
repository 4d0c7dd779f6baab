"""Hand-made API objects for the tests of the cluster's side."""

import json

import yaml


def node(name, os="linux", *, labels=None, annotations=None, cidrs=(), ready=True, capacity=None, **spec):
    """A Node as the API shows it."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/os": os, "kubernetes.io/hostname": name, **(labels or {})},
            "annotations": annotations or {},
        },
        "spec": {**({"podCIDR": cidrs[0], "podCIDRs": list(cidrs)} if cidrs else {}), **spec},
        "status": {
            "addresses": [{"type": "InternalIP", "address": "192.0.2.7"}, {"type": "Hostname", "address": name}],
            "capacity": capacity or {},
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True" if ready else "False",
                    "message": "" if ready else "container runtime network not ready: cni plugin not initialized",
                }
            ],
            "nodeInfo": {
                "kernelVersion": "10.0.20348.2762" if os == "windows" else "6.1.0",
                "osImage": "Windows Server 2022 Datacenter" if os == "windows" else "Debian GNU/Linux 12",
                "kubeletVersion": "v1.34.0",
                "containerRuntimeVersion": "containerd://1.7.22",
                "operatingSystem": os,
            },
        },
    }


def config(name, namespace="kube-system", **files):
    """A ConfigMap; a key has `_` for `.`, and a value that is no text becomes JSON."""
    data = {key.replace("_", "."): text if isinstance(text, str) else json.dumps(text) for key, text in files.items()}
    return {"metadata": {"name": name, "namespace": namespace}, "data": data}


def kube_proxy(name="kube-proxy", **winkernel):
    """kube-proxy's ConfigMap with these winkernel settings."""
    return config(name, config_conf=yaml.safe_dump({"kind": "KubeProxyConfiguration", "winkernel": winkernel}))


def daemonset(name, namespace="kube-system", command=()):
    """A DaemonSet with one container."""
    spec = {"containers": [{"name": "main", "command": list(command)}]}
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"template": {"spec": spec}}}


def flannel(name, os, backend, vni=None):
    """A node that flannel has annotated."""
    notes = {
        "flannel.alpha.coreos.com/backend-type": backend,
        "flannel.alpha.coreos.com/backend-data": json.dumps({"VNI": vni}) if vni else "null",
    }
    return node(name, os, annotations=notes)


def both(**kind):
    """A Linux and a Windows node with the same labels and annotations."""
    return [node("l", **kind), node("w", "windows", **kind)]


def pod(name="p", *, phase="Pending", ready=False, ips=(), waiting=None, terminated=None, scheduled=None, **status):
    """A probe pod as it is listed."""
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    if scheduled is not None:
        conditions.append({"type": "PodScheduled", "status": "False", "message": scheduled})
    state = {"waiting": waiting} if waiting else {"terminated": terminated} if terminated else {"running": {}}
    return {
        "metadata": {"name": name, "namespace": "podwire-r", "labels": {"podwire.dev/run": "r"}},
        "spec": {"nodeName": "w", "containers": [{"image": "python:none"}]},
        "status": {
            "phase": phase,
            "conditions": conditions,
            "podIPs": [{"ip": ip} for ip in ips],
            "containerStatuses": [{"name": "probe", "state": state}],
            **status,
        },
    }
