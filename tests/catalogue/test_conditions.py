"""Why a cluster is not one that a requirement means, in words."""

from typing import Literal, get_args, get_origin

import pytest
from changed import replace
from facts_by_row import cluster_with
from msgspec import structs

from podwire.catalogue.forms import WhenForm
from podwire.catalogue.when import WHEN
from podwire.model.conditions import CONDITION_ROW, ClusterCondition

FACTS = cluster_with(mode="l2tunnel", cni="azure-cni")
RULES = ClusterCondition(denied_port=(True,))


@pytest.mark.parametrize(
    ("condition", "stated", "why"),
    [
        (RULES, {}, "state `denied_port: true` in --facts"),
        (RULES, {"denied_port": False}, "--facts states that there is none"),
        (RULES, {"denied_port": True}, None),
        (ClusterCondition(pod_security_group=(True,)), {}, "needs a security group without inbound rules"),
        (ClusterCondition(pod_security_group=(True,)), {"pod_security_group": "sg-0a"}, None),
        (ClusterCondition(custom_networking=(True,)), {}, "needs custom networking of Linux nodes"),
        (ClusterCondition(custom_networking=(True,)), {"custom_networking": True}, None),
        (ClusterCondition(dual_stack=(True,)), {}, "needs a dual-stack cluster; pods of Linux nodes have IPv4 only"),
        (ClusterCondition(kubernetes=("1.36",)), {"version": "1.36.0"}, None),
        (ClusterCondition(kubernetes=("1.36",)), {"version": "1.37.1+rke2r1"}, None),
        (ClusterCondition(kubernetes=("1.36",)), {"version": "2.0.0"}, None),
        (
            ClusterCondition(kubernetes=("1.36",)),
            {"version": "1.9.9"},
            "needs Kubernetes 1.36 or later; this cluster's is 1.9.9",
        ),
        (ClusterCondition(kubernetes=("1.36",)), {}, "needs Kubernetes 1.36 or later; this cluster's is unknown"),
        (ClusterCondition(dual_stack=(True,)), {"families": ("ipv6",)}, "pods of Linux nodes have IPv6 only"),
        (ClusterCondition(dual_stack=(True,)), {"families": ("ipv4", "ipv6")}, None),
        (ClusterCondition(dual_stack=(True,)), {"families": ("ipv4", "ipv6"), "windows_families": ("ipv4",)}, None),
    ],
)
def test_what_is_not_stated_or_seen_is_said_to_be_needed(condition, stated, why):
    unmet = condition.unmet(replace(FACTS, **stated))
    assert (unmet is None) is (why is None)
    assert (why or "") in (unmet or "")


def test_the_table_of_when_keys_is_what_the_file_may_hold():
    admitted = {one.name: one.type for one in structs.fields(WhenForm)}
    assert set(WHEN) == set(admitted) == set(CONDITION_ROW.columns)
    for name, key in WHEN.items():
        assert CONDITION_ROW.group_of[name] == key.about
        if key.values == (True, False):
            assert bool in get_args(admitted[name])
        else:
            assert set(key.values) == set(literals(admitted[name])), name


def literals(kind):
    """All values that the literals in a type admit."""
    return get_args(kind) if get_origin(kind) is Literal else {one for each in get_args(kind) for one in literals(each)}
