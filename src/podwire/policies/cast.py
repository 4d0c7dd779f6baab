"""The pods that play in the cases of network policies: where each stands, its labels, its ports by their names. Pure.

The policies are files in `manifests/policies/`. Where one names a pod by its address, the file has a stand-in;
the run puts the addresses of the pods that are meant in its place.
"""

from __future__ import annotations

from collections.abc import Mapping

from podwire.policies.network_policy import Protocol
from podwire.policies.world import NamedPort, Pod

EXAMPLE = "podwire-example"
"""The namespace of a run in the files of `manifests/`."""
SLOT, KIND, ROLE, TEAM = "podwire.dev/slot", "podwire.dev/kind", "podwire.dev/role", "podwire.dev/team"

SPACES: Mapping[str, str] = {"np-blue": "blue", "np-green": "green"}
"""The pods that stand in a namespace of their own, and what its name ends with; all others are in that of the run."""
NODES: Mapping[str, int] = {
    **{"np-ports": 0, "np-closed": 0, "np-egress": 0, "np-union": 0},
    **{"np-blue": 1, "np-green": 1},
}
"""The pods that are there once for each OS, and the place of their node among those of the OS, or the last before."""
STAND_INS: Mapping[str, tuple[str, str]] = {
    "a": ("192.0.2.1", "2001:db8::1"),
    "b": ("192.0.2.2", "2001:db8::2"),
    "np-blue": ("192.0.2.3", "2001:db8::3"),
    "np-green": ("192.0.2.4", "2001:db8::4"),
}
"""The addresses (RFC 5737, RFC 3849) that stand for pods in the files, by the pod."""

ECHO = 8080
OPEN = "anybody"
"""The port that the policies leave open to everybody."""
PORTS: Mapping[str, int] = {
    # Of np-ports, each named after the ingress rule that is about it.
    "pod-selector": 8101,
    "pods-here": 8102,
    "namespace": 8103,
    "namespace-name": 8104,
    "both-selectors": 8105,
    "either-selector": 8106,
    "all-namespaces": 8107,
    "every-pod-here": 8108,
    OPEN: 8109,
    "expressions": 8110,
    "block": 8111,
    "except": 8112,
    "named": 8113,
    "udp-only": 8114,
    "no-protocol": 8115,
    "closed": 8116,
    "range-first": 8117,
    "range-last": 8119,
    "range-beyond": 8120,
    "role": 8121,
    # Of the servers of np-egress, each named after its egress rule.
    "out-closed": 8130,
    "out-pod-selector": 8131,
    "out-namespace": 8132,
    "out-both-selectors": 8133,
    "out-either-selector": 8134,
    "out-block": 8135,
    "out-except": 8136,
    "out-named": 8137,
    "out-range-first": 8138,
    "out-range-last": 8140,
    "out-range-beyond": 8141,
    "out-udp-only": 8142,
}
"""The ports of all pods that are there once for each OS, by name, beside the first."""
_PROTOCOLS: tuple[Protocol, ...] = ("TCP", "UDP")
_NAMED: Mapping[str, Mapping[str, int]] = {
    "np-ports": {"np-named": PORTS["named"]},
    "np-closed": {"np-named": PORTS["closed"]},
    "np-blue": {"np-out": PORTS["out-named"]},
}
"""The ports that have a name in the manifest of a pod; over UDP with `-udp` after it."""

MADE = ("np-ports", "np-closed", "np-egress", "np-union", "np-union-out", "np-green")
CHANGED = {"np-union": "np-union-later"}
FRIEND = "np-blue"
"""The pod that gets the label `ROLE: friend` with the change."""
SCENES: Mapping[str, tuple[str, ...]] = {
    "": (),
    "policies-made": MADE,
    "policies-changed": tuple(CHANGED.get(name, name) for name in MADE),
    "policies-removed": (),
}
"""The policies that are in force after a change, by their files."""


def namespace_of(slot: str, run: str = EXAMPLE) -> str:
    """The namespace of a pod, from that of its run."""
    return f"{run}-{SPACES[slot]}" if slot in SPACES else run


def namespaces(run: str = EXAMPLE) -> Mapping[str, Mapping[str, str]]:
    """The namespaces of a run, and the labels that policies select them by."""
    return {run: {}, **{f"{run}-{space}": {TEAM: space} for space in SPACES.values()}}


def pod(slot: str, name: str, node: str, scene: str) -> Pod:
    """The pod of that kind, as it is after a change."""
    role = {ROLE: "friend"} if slot == FRIEND and scene == "policies-changed" else {}
    return Pod(
        name=name,
        namespace=namespace_of(slot),
        node=node,
        labels={SLOT: slot, KIND: "pod", **role},
        addresses=STAND_INS.get(slot, ("198.51.100.1", "2001:db8:1::1")),
        ports=tuple(
            NamedPort(name=name if protocol == "TCP" else f"{name}-udp", protocol=protocol, number=number)
            for name, number in _NAMED.get(slot, {}).items()
            for protocol in _PROTOCOLS
        ),
    )


def stood_in(network: str) -> str:
    """The kind of pod that a network of one address stands for, or ''."""
    address, _, _ = network.partition("/")
    return next((slot for slot, addresses in STAND_INS.items() if address in addresses), "")
