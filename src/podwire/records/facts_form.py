"""The facts of a cluster as files hold them: all of a node, and all of the cluster, side by side in a row. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from podwire.files.rows import row_type
from podwire.model.facts import CLUSTER_ROW, NODE_ROW, ClusterFacts, NodeFacts

# The names of the types in the schema are those of what the rows are.
_NODE_ORDER = (
    *("name", "os", "addresses", "pod_cidrs", "ready", "schedulable", "kernel_version", "os_image", "kubelet_version"),
    *("runtime", "judged_as", "provider", "instance_type", "vpc_addresses", "declared_features", "pool", "chosen"),
    *("dynamic_ports", "mtu", "pod_mtu", "proxy_mode", "hns_version", "feature_overrides"),
)
NodeForm: Any = row_type("NodeFacts", NODE_ROW.columns, order=_NODE_ORDER, doc=NodeFacts.__doc__)

_COLUMNS = dict(CLUSTER_ROW.columns)
_COLUMNS["nodes"] = _COLUMNS["nodes"]._replace(type=tuple[NodeForm, ...])
# The order that files have always had; what is new comes after it.
_ORDER = (
    *("name", "version", "nodes", "families", "windows_families", "mode", "cni", "ipam", "encapsulation"),
    *("dsr", "win_dsr", "kube_proxy", "cluster_domain", "domain_told", "cluster_dns", "dns_nodes", "load_balancer"),
    *("denied_port", "pod_security_group", "custom_networking", "external", "emulated", "signals", "components"),
    *("windows_ports", "dns_caches", "path_mtu", "dns_pods", "dns_pod_port", "own_networks", "unused_networks"),
    *("external_ips", "linux_policies", "windows_policies"),
)
FactsForm: Any = row_type("ClusterFacts", _COLUMNS, order=_ORDER, doc=ClusterFacts.__doc__)


def facts_of(form: FactsForm) -> ClusterFacts:
    """The facts of a row, in their groups."""
    nodes = tuple(NODE_ROW.value(msgspec.structs.asdict(node)) for node in form.nodes)
    return CLUSTER_ROW.value({**msgspec.structs.asdict(form), "nodes": nodes})


def form_of_facts(facts: ClusterFacts) -> FactsForm:
    """Facts as they are stored; `facts_of` is its inverse."""
    nodes = tuple(NodeForm(**NODE_ROW.row(node)) for node in facts.nodes)
    return FactsForm(**{**CLUSTER_ROW.row(facts), "nodes": nodes})


def facts_in(tree: Mapping[str, Any]) -> ClusterFacts:
    """The facts in a tree of `tree_of_facts`."""
    return facts_of(msgspec.convert(tree, FactsForm))


def tree_of_facts(facts: ClusterFacts) -> dict[str, Any]:
    """Facts as a tree of plain values; `facts_in` is its inverse."""
    tree: dict[str, Any] = msgspec.to_builtins(form_of_facts(facts))
    return tree
