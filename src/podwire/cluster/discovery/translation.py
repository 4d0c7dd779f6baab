"""What Linux nodes translate of what their pods send to the outside, where the API tells it. Pure.

Four kinds of software tell it: flannel by an argument of its DaemonSet (flannel-io/flannel: configuration, --ip-masq),
Calico by its pools (Tigera: IPPool, natOutgoing), ip-masq-agent and that of AKS by their ConfigMaps (kubernetes.io: IP
Masquerade Agent User Guide; Azure/ip-masq-agent-v2), the CNI of Amazon VPC by a variable of its DaemonSet
(aws/amazon-vpc-cni-k8s: AWS_VPC_K8S_CNI_EXTERNALSNAT). What only a file of a node tells, as `ipMasq` of the plugin
bridge does, is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from podwire.cluster.discovery.node_choice import systems_of
from podwire.cluster.discovery.votes import json_of
from podwire.model.addressing.translation import NONE, all_but, as_words
from podwire.model.facts import FAMILIES, Family, family_of

Object = dict[str, Any]
Objects = Mapping[str, list[Object]]

_AGENT = "ip-masq-agent"
_VPC = "aws-node"


def linux_translation(objects: Objects, cni: str, signals: list[str]) -> tuple[str, ...]:
    """By family, as `ipv4 all but 10.244.0.0/16`; no text for a family that nobody tells of or sources disagree about.
    Adds a signal for each source."""
    told: dict[Family, dict[str, str]] = {}
    for source, family, words in _told(objects, cni):
        try:
            as_words(words, family)
        except ValueError as problem:
            signals.append(f"{source}: what Linux nodes translate over {family} is unknown: {problem}")
            continue
        signals.append(f"{source}: Linux nodes translate what pods send outside over {family}: {words}")
        told.setdefault(family, {})[source] = words
    texts = []
    for family in FAMILIES:
        sources = told.get(family, {})
        if len(set(sources.values())) > 1:
            names = " and ".join(sources)
            signals.append(f"conflict: what Linux nodes translate over {family} differs between {names}; unknown")
        elif sources:
            texts.append(f"{family} {next(iter(sources.values()))}")
    return tuple(texts)


def _told(objects: Objects, cni: str) -> Iterator[tuple[str, Family, str]]:
    for daemonset in objects.get("daemonsets", []):
        name = daemonset["metadata"]["name"]
        if "linux" not in systems_of(daemonset):
            continue
        source = f"DaemonSet {daemonset['metadata'].get('namespace', '')}/{name}"
        if name.startswith("kube-flannel") and _is_on(_words(daemonset), "ip-masq"):
            for family, network in _of_flannel(objects):
                yield source, family, all_but([network])
        elif name == _VPC and _variables(daemonset).get("AWS_VPC_K8S_CNI_EXTERNALSNAT", "").lower() == "true":
            yield source, "ipv4", NONE
        elif _AGENT in name:
            yield from _of_agent(objects)
    if cni == "calico":
        yield from _of_calico(objects)


def _of_flannel(objects: Objects) -> Iterator[tuple[Family, str]]:
    """The networks of flannel's own configuration (net-conf.json), to which it never translates."""
    fields: tuple[tuple[str, Family], ...] = (("Network", "ipv4"), ("IPv6Network", "ipv6"))
    for config in objects.get("configmaps", []):
        tree = json_of((config.get("data") or {}).get("net-conf.json"))
        if isinstance(tree, dict) and config["metadata"]["name"].startswith("kube-flannel"):
            yield from ((family, str(tree[field])) for field, family in fields if tree.get(field))
            return


def _of_calico(objects: Objects) -> Iterator[tuple[str, Family, str]]:
    """A pool with natOutgoing translates to what is in no pool. Pools of one family that differ tell nothing."""
    specs = [(pool["metadata"]["name"], pool.get("spec") or {}) for pool in objects.get("ippools", [])]
    for family in FAMILIES:
        pools = {name: spec for name, spec in specs if spec.get("cidr") and family_of(str(spec["cidr"])) == family}
        outgoing = {bool(spec.get("natOutgoing")) for spec in pools.values() if not spec.get("disabled")}
        if len(outgoing) == 1:
            words = all_but(str(spec["cidr"]) for spec in pools.values()) if outgoing == {True} else NONE
            yield f"IPPool {', '.join(sorted(pools))}", family, words


def _of_agent(objects: Objects) -> Iterator[tuple[str, Family, str]]:
    """The union of all its configurations. Without one it has defaults that depend on its release: unknown. IPv6 is an
    option of its own."""
    networks: set[str] = set()
    sources = []
    for config in objects.get("configmaps", []):
        if _AGENT not in config["metadata"]["name"]:
            continue
        for text in (config.get("data") or {}).values():
            try:
                tree = yaml.safe_load(str(text))
            except yaml.YAMLError:
                continue
            if isinstance(tree, dict) and "nonMasqueradeCIDRs" in tree:
                networks |= {str(network) for network in tree["nonMasqueradeCIDRs"] or ()}
                sources.append(f"ConfigMap {config['metadata'].get('namespace', '')}/{config['metadata']['name']}")
    if sources:
        yield (
            ", ".join(dict.fromkeys(sources)),
            "ipv4",
            all_but(name for name in networks if family_of(name) == "ipv4"),
        )


def _containers(daemonset: Object) -> Iterator[Object]:
    pod = ((daemonset.get("spec") or {}).get("template") or {}).get("spec") or {}
    yield from pod.get("containers") or []


def _words(daemonset: Object) -> str:
    return " ".join(
        str(word)
        for container in _containers(daemonset)
        for word in (container.get("command") or []) + (container.get("args") or [])
    )


def _is_on(words: str, flag: str) -> bool:
    given = re.search(rf"--{flag}(?:=(\w+))?(?=\s|$)", words)
    return given is not None and (given[1] or "true").lower() == "true"


def _variables(daemonset: Object) -> dict[str, str]:
    return {
        str(variable.get("name")): str(variable.get("value", ""))
        for container in _containers(daemonset)
        for variable in container.get("env") or []
    }
