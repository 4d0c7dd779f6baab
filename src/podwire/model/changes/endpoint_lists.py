"""Services whose list of endpoints the run writes itself, and what each change makes of these lists.

An endpoint is a number: the place of a probe pod among those that `cluster.deployment.endpoint_lists` takes, Linux and
Windows pods in turn. 0 and 1 are on the first node of each OS, 2 and 3 on the second, where there is one. Of a Service
for a probe pod of its own, 0 is that pod.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MOST = 4
"""How many pods the lists need."""


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    """The endpoints of a list, in its order, and which of them are not ready."""

    members: tuple[int, ...] = ()
    unready: tuple[int, ...] = ()

    @property
    def ready(self) -> tuple[int, ...]:
        return tuple(number for number in self.members if number not in self.unready)


BOTH = Endpoints(members=(0, 1))
THREE = Endpoints(members=(0, 1, 2))
OTHERS = Endpoints(members=(2, 3))
ALONE = Endpoints(members=(0,))
EMPTY = Endpoints()
BALANCED = "-load-balancer"
"""The end of the name of a kind that goes through the same as another one, behind a load balancer."""


def _balanced_too(*kinds: str, endpoints: Endpoints) -> Mapping[str, Endpoints]:
    """These kinds of Services and those like them of type LoadBalancer, with the same endpoints."""
    return dict.fromkeys((*kinds, *(f"{kind}{BALANCED}" for kind in kinds)), endpoints)


AT_FIRST: Mapping[str, Endpoints] = {
    **_balanced_too("scaled-up", "replaced", "emptied", "unready", "moved-away", endpoints=BOTH),
    **_balanced_too("scaled-down", endpoints=THREE),
    "rolled": BOTH,
    "interrupted": ALONE,
}
"""The kinds of these Services, files in `manifests/services/`, and their endpoints before any change."""
AFTER: Mapping[str, Mapping[str, Endpoints]] = {
    "endpoint-added": _balanced_too("scaled-up", endpoints=THREE),
    "endpoint-removed": _balanced_too("scaled-down", endpoints=BOTH),
    "endpoints-replaced": _balanced_too("replaced", endpoints=OTHERS),
    "endpoint-replaced": {"rolled": Endpoints(members=(0, 2))},
    "endpoints-gone": {**_balanced_too("emptied", endpoints=EMPTY), "interrupted": EMPTY},
    "endpoints-back": {**_balanced_too("emptied", endpoints=BOTH), "interrupted": ALONE},
    "endpoint-unready": _balanced_too("unready", endpoints=Endpoints(members=(0, 1), unready=(1,))),
    "endpoint-ready-again": _balanced_too("unready", endpoints=BOTH),
    # A load balancer may lead a client to one node all the time, and that node to its own endpoints only.
    "local-endpoint-gone": {"moved-away": OTHERS, "moved-away-load-balancer": Endpoints(members=(2,))},
}
"""By the name of a change, the kinds of Services that it touches, and their endpoints then."""
