"""Why a cluster is not one that a requirement means, in words."""

import pytest
from changed import replace

from podwire.model.facts import ClusterFacts
from podwire.model.requirements import Condition

FACTS = ClusterFacts(mode="l2tunnel", cni="azure-cni")
RULES = Condition(denied_port=(True,))


@pytest.mark.parametrize(
    ("condition", "stated", "why"),
    [
        (RULES, {}, "and nobody states any"),
        (RULES, {"denied_port": False}, "and it is stated that there are none"),
        (RULES, {"denied_port": True}, None),
        (Condition(pod_security_group=(True,)), {}, "needs a security group that lets nobody in"),
        (Condition(pod_security_group=(True,)), {"pod_security_group": "sg-0a"}, None),
        (Condition(custom_networking=(True,)), {}, "needs custom networking of Linux nodes"),
        (Condition(custom_networking=(True,)), {"custom_networking": True}, None),
        (Condition(dual_stack=(True,)), {}, "needs a dual-stack cluster, and pods of Linux nodes have IPv4 only"),
        (Condition(dual_stack=(True,)), {"families": ("ipv6",)}, "pods of Linux nodes have IPv6 only"),
        (Condition(dual_stack=(True,)), {"families": ("ipv4", "ipv6")}, None),
        (Condition(dual_stack=(True,)), {"families": ("ipv4", "ipv6"), "windows_families": ("ipv4",)}, None),
    ],
)
def test_what_is_not_stated_or_seen_is_said_to_be_needed(condition, stated, why):
    unmet = condition.unmet_by_cluster(replace(FACTS, **stated))
    assert (unmet is None) is (why is None)
    assert (why or "") in (unmet or "")
