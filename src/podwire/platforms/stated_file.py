"""The file of stated facts, read strictly."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from podwire.errors import UsageError
from podwire.model.facts import FAMILIES, ClusterFacts, Encapsulation, Family, Mode
from podwire.platforms.stated import Contradiction, StatedFacts, merged
from podwire.strict_yaml import FileError, Reader

MODES = tuple(mode for mode in get_args(Mode) if mode != "unknown")
IPAMS = ("host-local", "calico-ipam", "azure-vnet-ipam", "azure-cns", "ovn", "vpc-secondary", "vpc-prefix", "hns")
_FIELDS = (
    "mode",
    "cni",
    "ipam",
    "encapsulation",
    "dsr",
    "families",
    "windows_families",
    "cluster_domain",
    "denied_port",
    "pod_security_group",
)
_PORTS = {"vxlan": 4789, "geneve": 6081}
_LAST_PORT, _LAST_VNI = 65535, 2**24 - 1


class FactsError(FileError):
    """The file of facts is not as it must be; the text is one line for its author."""


class _Reader(Reader):
    raises = FactsError

    def families(self, name: str) -> tuple[Family, ...] | None:
        if name not in self.tree:
            return None
        given = self.texts(name)
        if not given or not all(one in FAMILIES for one in given) or len(set(given)) < len(given):
            raise self.error(name, f"ipv4, ipv6 or both are needed, found {list(given)!r}")
        return tuple(family for family in FAMILIES if family in given)

    def switch(self, name: str) -> bool | None:
        value = self.tree.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.error(name, f"true or false is needed, found {value!r}")
        return value

    def group(self, name: str) -> str | None:
        """The id of a security group."""
        value = self.text(name) if name in self.tree else None
        if value is not None and not re.fullmatch(r"sg-[0-9a-f]+", value):
            raise self.error(name, f"the id of a security group (sg-...) is needed, found {value!r}")
        return value

    def between(self, name: str, last: int) -> int:
        value = self.number(name)
        if not 1 <= value <= last:
            raise self.error(name, f"1 to {last} is needed, found {value}")
        return value


def load_stated_facts(path: Path) -> StatedFacts:
    """The facts of a file. Raises `FactsError`."""
    tree = _Reader.file(path, required=(), optional=_FIELDS)
    return StatedFacts(
        source=str(path),
        mode=tree.choice("mode", MODES) if "mode" in tree.tree else None,  # type: ignore[arg-type]
        cni=tree.text("cni") if "cni" in tree.tree else None,
        ipam=tree.choice("ipam", IPAMS) if "ipam" in tree.tree else None,
        encapsulation=_encapsulation(tree) if "encapsulation" in tree.tree else None,
        dsr=tree.switch("dsr"),
        families=tree.families("families"),
        windows_families=tree.families("windows_families"),
        cluster_domain=tree.text("cluster_domain") if "cluster_domain" in tree.tree else None,
        denied_port=tree.switch("denied_port"),
        pod_security_group=tree.group("pod_security_group"),
    )


def _encapsulation(tree: _Reader) -> Encapsulation:
    entry = _Reader(tree.path, "encapsulation", tree.tree["encapsulation"])
    entry.keys(required=("kind",), optional=("port", "vni"))
    kind = entry.choice("kind", tuple(_PORTS))
    return Encapsulation(
        kind=kind,  # type: ignore[arg-type]
        port=entry.between("port", _LAST_PORT) if "port" in entry.tree else _PORTS[kind],
        vni=entry.between("vni", _LAST_VNI) if "vni" in entry.tree else None,
    )


def stated_in(path: Path) -> StatedFacts:
    """The facts that a file states. `UsageError` tells what is wrong with it."""
    try:
        return load_stated_facts(path)
    except FactsError as problem:
        raise UsageError(f"--facts {problem}") from problem


def with_stated(facts: ClusterFacts, stated: StatedFacts) -> ClusterFacts:
    """Discovered facts with stated ones in their gaps. `UsageError` where they contradict each other."""
    try:
        return merged(facts, stated)
    except Contradiction as problem:
        raise UsageError(f"--facts {problem}") from problem
