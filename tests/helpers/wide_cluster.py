"""A recorded cluster with thousands of nodes: the lab's API server serves its objects, and nothing runs on the nodes.

The nodes are copies of a recording's (tests/recordings/clusters), in turns, with names, addresses and pod networks of
their own, and with images as a kubelet reports them (at most 50, `nodeStatusMaxImages`). Services and pods of other
namespaces stand beside them.
"""

import asyncio
import copy
import ipaddress
import socket

import yaml
from recorded_clusters import CLUSTERS

from podwire.cluster.discovery.discover import facts_from_objects
from podwire_lab.kube_api.objects.store import MemoryStore, Stored
from podwire_lab.kube_api.server import application, kubeconfig, serve

TOKEN = "wide"
ZONES = 3
NAMESPACES = 50
_DIGEST = "sha256:" + "0123456789abcdef" * 4


def wide_store(recording, nodes, *, images=50, pods=0, services=0):
    """A store with the objects of a recording, this many nodes, and Services and pods that are no concern of podwire.

    The objects are kept as they are here: admission and defaults would take minutes for so many.
    """
    store = MemoryStore()
    recorded = {path.stem: yaml.safe_load(path.read_text()) for path in (CLUSTERS / recording).glob("*.yaml")}
    kinds = {name: tree["items"] for name, tree in recorded.items() if isinstance(tree, dict) and "items" in tree}
    for node in wide_nodes(kinds.pop("nodes"), nodes, images):
        _keep(store, "nodes", "Node", node)
    for plural, objects in kinds.items():
        if plural != "blockaffinities":
            for obj in objects:
                _keep(store, plural, obj["kind"], obj)
    for number in range(services):
        _keep(store, "services", "Service", _service(number))
    for number in range(pods):
        _keep(store, "pods", "Pod", _pod(number, nodes))
    return store


def wide_nodes(templates, count, images):
    """Node objects: copies of the templates in turns, spread over three zones."""
    for number in range(count):
        node = copy.deepcopy(templates[number % len(templates)])
        name = f"node-{number:05}"
        node["metadata"]["name"] = name
        labels = node["metadata"].setdefault("labels", {})
        labels |= {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": f"zone-{number // 2 % ZONES}"}
        spec, status = node["spec"], node["status"]
        if "podCIDRs" in spec or "podCIDR" in spec:
            network = str(ipaddress.ip_network((int(ipaddress.ip_address("10.128.0.0")) + number * 256, 24)))
            spec |= {"podCIDR": network, "podCIDRs": [network]}
        address = str(ipaddress.ip_address("172.16.0.1") + number)
        status["addresses"] = [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}]
        status["images"] = [
            {
                "names": [
                    f"registry.example.com/team-{at}/service@{_DIGEST}",
                    f"registry.example.com/team-{at}/service:v1.{at}.{number % 7}",
                ],
                "sizeBytes": 10_000_000 + at,
            }
            for at in range(images)
        ]
        yield node


def _service(number):
    address = str(ipaddress.ip_address("10.96.128.0") + number)
    return {
        "metadata": {"name": f"service-{number:06}", "namespace": f"team-{number % NAMESPACES:02}"},
        "spec": {"type": "ClusterIP", "clusterIP": address, "clusterIPs": [address], "ports": [{"port": 80}]},
    }


def _pod(number, nodes):
    address = str(ipaddress.ip_address("10.128.0.10") + number // nodes + number % nodes * 256)
    return {
        "metadata": {
            "name": f"pod-{number:06}",
            "namespace": f"team-{number % NAMESPACES:02}",
            "labels": {"app": f"service-{number}"},
        },
        "spec": {"nodeName": f"node-{number % nodes:05}", "containers": [{"name": "app", "image": "app"}]},
        "status": {"phase": "Running", "podIPs": [{"ip": address}]},
    }


def _keep(store, plural, kind, obj):
    version = "v1" if plural in ("nodes", "pods", "services", "configmaps") else obj.get("apiVersion", "v1")
    store.insert(plural, {"kind": kind, "apiVersion": version, **obj})


async def serving_store(store):
    """Serve the store on loopback; the runner (`cleanup` ends it) and the text of a kubeconfig."""
    for plural in ("nodes", "services", "pods"):
        for stored in store.all(plural):
            assert isinstance(stored, Stored)
            assert stored.encoded  # encoded now, so that no client waits for it
    listener = socket.create_server(("127.0.0.1", 0))
    runner = await serve(application(store, None, token=TOKEN), listener)
    return runner, kubeconfig(f"http://127.0.0.1:{listener.getsockname()[1]}", TOKEN)


async def serve_until_cancelled(path, store):
    """Serve the store, and write a kubeconfig for it to `path` when it answers."""
    runner, text = await serving_store(store)
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def wide_facts(recording, nodes):
    """The facts of a recording with this many nodes, without a server."""
    trees = {path.stem: yaml.safe_load(path.read_text()) for path in (CLUSTERS / recording).glob("*.yaml")}
    objects = {name: tree["items"] for name, tree in trees.items() if isinstance(tree, dict) and "items" in tree}
    return facts_from_objects({**objects, "nodes": list(wide_nodes(objects["nodes"], nodes, 0))})
