"""Whether an address that was another pod's leads to the pod that has it now, asked from other nodes."""

from podwire import ANY_OS, answered_by, flows, requirement

FROM_OTHER_NODES = {
    "client": ANY_OS,
    "every_node": True,
    "server": ANY_OS,
    "placement": "cross-node",
    "via": "pod-ip",
    "family": "ipv4",
}


# The same clients ask the pod that has the address first, so that what a node keeps of it is there to be wrong.
@requirement("CHURN-PODIP-REUSE")
@flows(**FROM_OTHER_NODES, server_pod="address-former", protocol="udp", aspect="before")
def test_pods_of_other_nodes_reach_the_pod_that_has_the_address_first(flow, case):
    case.expect(answered_by(flow.server))


@requirement("CHURN-PODIP-REUSE")
@flows(**FROM_OTHER_NODES, server_pod="address-heir", protocol=("tcp", "udp"), after="address-inherited")
def test_pods_of_other_nodes_reach_the_new_pod_by_an_address_that_was_another_pods(flow, case):
    case.expect(answered_by(flow.server))
