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
AT_FIRST: Mapping[str, Endpoints] = {
    "scaled-up": BOTH,
    "scaled-down": Endpoints(members=(0, 1, 2)),
    "replaced": BOTH,
    "replaced-load-balancer": BOTH,
    "emptied": BOTH,
    "unready": BOTH,
    "moved-away": BOTH,
    "rolled": BOTH,
    "interrupted": Endpoints(members=(0,)),
}
"""The kinds of these Services, files in `manifests/services/`, and their endpoints before any change."""
AFTER: Mapping[str, Mapping[str, Endpoints]] = {
    "endpoint-added": {"scaled-up": Endpoints(members=(0, 1, 2))},
    "endpoint-removed": {"scaled-down": BOTH},
    "endpoints-replaced": dict.fromkeys(("replaced", "replaced-load-balancer"), Endpoints(members=(2, 3))),
    "endpoint-replaced": {"rolled": Endpoints(members=(0, 2))},
    "endpoints-gone": dict.fromkeys(("emptied", "interrupted"), Endpoints()),
    "endpoints-back": {"emptied": BOTH, "interrupted": Endpoints(members=(0,))},
    "endpoint-unready": {"unready": Endpoints(members=(0, 1), unready=(1,))},
    "endpoint-ready-again": {"unready": BOTH},
    "local-endpoint-gone": {"moved-away": Endpoints(members=(2, 3))},
}
"""By the name of a change, the kinds of Services that it touches, and their endpoints then."""
