"""The changes of a cluster that a flow may follow, each in one row: what happens, what it touches, how it is undone.

The planner puts changes into acts by these rows; `cluster.deployment.changes` makes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from podwire.model.changes.endpoint_lists import AFTER

FOREVER = float("inf")
BY_THE_END = "the run removes its objects at its end"
ENDPOINTS_SHOWN = "the API server's answer has the new list"
ENDPOINT_RIGHTS = ("create endpointslices", "patch endpointslices")
Program = Literal["kube-proxy", "hns"]
"""A program of Windows nodes that can be restarted."""
FILL, DISRUPT = "--fill-nodes", "--disruptive"
ASKED_FOR: Mapping[str, str] = {
    FILL: f"needs a Windows node filled with pods; on a test cluster, ask for it with {FILL}",
    DISRUPT: "restarts a program that all pods of Windows nodes need (kube-proxy or HNS); on a test cluster, ask for "
    f"it with {DISRUPT}",
}
"""Why a run does not make a change unless the user asks for it, by the option that asks."""


@dataclass(frozen=True, kw_only=True)
class ChangeRow:
    """One kind of change."""

    name: str
    does: str
    """What happens, as a sentence."""
    touches: frozenset[str] = frozenset()
    """The kinds of Services and of special pods that it changes."""
    follows: str = ""
    """The change that must have been made before, whose state ends with this one."""
    whole_node: bool = False
    """It takes what any other case may need on a node, so it has an act of its own after all others."""
    option: str = ""
    """The option that asks for it (`ASKED_FOR`); empty: every run makes it."""
    restarts: Program | None = None
    """The program that host probes restart on the Windows nodes that take part; None for a change of the API."""
    shows: str
    """What shows it in the API."""
    undone: str = BY_THE_END
    """What takes it back."""
    rights: tuple[str, ...] = ()
    """The rights that it needs, as `verb resource`, in the namespace of the run unless it says where."""
    lasts: float = 0.0
    """Seconds for which flows that follow it can be asked again."""


def _of_endpoints(*changes: tuple[str, str, str]) -> Iterator[ChangeRow]:
    """Changes of lists of endpoints that the run writes: name, change that it follows, and what happens."""
    for name, follows, does in changes:
        yield ChangeRow(
            name=name,
            does=does,
            touches=frozenset(AFTER[name]),
            follows=follows,
            shows=ENDPOINTS_SHOWN,
            rights=ENDPOINT_RIGHTS,
            lasts=FOREVER,
        )


_ROWS = (
    ChangeRow(
        name="first-twin-deleted",
        does="Of two Services with the same backend, the first is deleted.",
        touches=frozenset({"twin-first"}),
        shows="the Service is gone",
        rights=("delete services", "get services"),
        lasts=FOREVER,
    ),
    ChangeRow(
        name="service-recreated",
        does="A Service is deleted and made again with another address, another port and another type.",
        touches=frozenset({"recreated"}),
        shows="the API server's answer has the new address",
        rights=("delete services", "get services", "create services", "patch services"),
        lasts=FOREVER,
    ),
    ChangeRow(
        name="load-balancers-made",
        does="Each Service of type LoadBalancer gets its load balancer; the cluster makes them while the run begins.",
        shows="every such Service has an address, told or behind its name",
        rights=("create services", "list services"),
        lasts=FOREVER,
    ),
    ChangeRow(
        name="pods-leaving",
        does="Pods are deleted that serve until their grace period ends.",
        touches=frozenset({"leaving", "leaving-load-balancer", "draining", "draining-load-balancer"}),
        shows="the EndpointSlices call their endpoints terminating",
        rights=("delete pods", "list endpointslices"),
        lasts=90.0,  # They serve for 170 s.
    ),
    ChangeRow(
        name="backend-gone",
        does="Of two pods behind a Service one is deleted, with no time to say good-bye.",
        touches=frozenset({"outlived", "outlived-gone"}),
        shows="no EndpointSlice has the pod's address, and the pod is gone",
        rights=("delete pods", "get pods", "list endpointslices"),
    ),
    ChangeRow(
        name="address-inherited",
        does="A pod is deleted, and another one of its node is made again with its address.",
        touches=frozenset({"address-former", "address-heir"}),
        shows="the new pod is ready, and has the address",
        rights=("get pods", "delete pods", "create pods", "patch pods"),
        lasts=FOREVER,
    ),
    ChangeRow(
        name="pods-guarded",
        does="A network policy is made for pods that every client could reach;"
        " the API does not show when nodes enforce it.",
        touches=frozenset({"guarded"}),
        shows="the API server has taken the policy",
        rights=("create networkpolicies", "patch networkpolicies"),
        lasts=FOREVER,
    ),
    ChangeRow(
        name="policies-made",
        does="Network policies are made for pods of the run that every client could reach, in all namespaces of it.",
        touches=frozenset({"np-ports", "np-closed", "np-egress", "np-union"}),
        shows="the API server has taken the policies",
        rights=("create networkpolicies", "patch networkpolicies"),
        lasts=FOREVER,
    ),
    ChangeRow(
        name="policies-changed",
        does="One of these network policies admits other pods, and one pod gets a label that another one selects.",
        touches=frozenset({"np-union"}),
        follows="policies-made",
        shows="the API server has taken the policy and the label",
        rights=("create networkpolicies", "patch networkpolicies", "patch pods"),
        lasts=FOREVER,
    ),
    ChangeRow(
        name="policies-removed",
        does="All of these network policies are deleted.",
        touches=frozenset({"np-ports", "np-closed", "np-egress", "np-union"}),
        follows="policies-changed",
        shows="the API server has deleted the policies",
        rights=("delete networkpolicies", "get networkpolicies"),
        lasts=FOREVER,
    ),
    ChangeRow(
        name="affinity-idle",
        does="No client talks to the Services with short affinity until the timeout is over, and one second more.",
        touches=frozenset({"affinity-short"}),
        shows="the time is over",
        undone="nothing is changed",
    ),
    *_of_endpoints(
        ("endpoint-added", "", "A Service gets one more endpoint."),
        ("endpoint-removed", "", "A Service loses one of its three endpoints."),
        (
            "endpoints-replaced",
            "",
            "All endpoints of a Service are replaced by others, as at the end of a rolling update.",
        ),
        (
            "endpoint-replaced",
            "",
            "One of the two endpoints of a Service is replaced by another, as in each step of a rolling update.",
        ),
        ("endpoints-gone", "", "A Service loses all its endpoints."),
        ("endpoint-unready", "", "One of the two endpoints of a Service stops being ready."),
        ("local-endpoint-gone", "", "The endpoints of a Service with externalTrafficPolicy Local move to other nodes."),
        ("endpoints-back", "endpoints-gone", "A Service that had lost all its endpoints gets them back."),
        ("endpoint-ready-again", "endpoint-unready", "An endpoint that had stopped being ready is ready again."),
    ),
    ChangeRow(
        name="all-endpoints-not-ready",
        does="Endpoints that podwire has written stop being ready, all at once; the pods go on as before.",
        touches=frozenset({"no-longer-ready", "no-longer-ready-balanced"}),
        shows="the API server has taken the EndpointSlices",
        rights=("create endpointslices", "patch endpointslices"),
        lasts=FOREVER,
    ),
    ChangeRow(
        name="calico-node-filled",
        does="The first Windows node on Calico is filled: 60 pods, as many as a block of 64 addresses allows,"
        " and one more.",
        whole_node=True,
        option=FILL,
        shows="every pod has an address, or an event that says why not",
        rights=("create pods", "patch pods", "list pods", "delete pods", "list events"),
    ),
    ChangeRow(
        name="vpc-node-filled",
        does="The first Windows node of EKS is filled: as many pods as its network card has addresses, and one more.",
        whole_node=True,
        option=FILL,
        shows="every pod has an address, or an event that says why not",
        rights=("create pods", "patch pods", "list pods", "delete pods", "list events"),
    ),
    ChangeRow(
        name="kube-proxy-restarted",
        does="The host probes restart kube-proxy on the Windows nodes that take part, all at once.",
        whole_node=True,
        option=DISRUPT,
        restarts="kube-proxy",
        shows="another process of kube-proxy runs, and HNS has the load balancers that it had before",
        undone="the node starts kube-proxy again; podwire starts a service of that name that does not run",
        rights=("create pods/exec",),
        lasts=FOREVER,
    ),
    ChangeRow(
        name="hns-restarted",
        does="The host probes restart HNS on the Windows nodes that take part, all at once.",
        whole_node=True,
        option=DISRUPT,
        restarts="hns",
        shows="another process of HNS runs, and it has the load balancers that it had before",
        undone="the same command starts HNS again; podwire starts it once more where it does not run",
        rights=("create pods/exec",),
        lasts=FOREVER,
    ),
)
CHANGES: Mapping[str, ChangeRow] = {row.name: row for row in _ROWS}
"""The changes by name, in the order in which the planner places them."""
