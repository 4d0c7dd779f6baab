"""A Windows node with one pod more than it has addresses for."""

from podwire import LINUX, WINDOWS, answered_by, at_least, between, flows, known, requirement

MORE_THAN_A_BLOCK = 61
A_MOMENT_LESS_THAN_THIRTY = 29  # Counted from when the API shows that the pod is gone, a moment after it is.
HALF_OF_IT = 15  # Where pods wait longer for an address that is free, waiting for another one tells of no rest.
FROM_THE_FULL_NODE = {
    "client": WINDOWS,
    "server": LINUX,
    "placement": "cross-node",
    "via": "pod-ip",
    "protocol": "tcp",
    "family": "ipv4",
    "first_node": True,
}


@requirement("ADDR-CALICO-60")
@flows(**FROM_THE_FULL_NODE, after="calico-node-filled")
def test_the_61st_pod_of_a_calico_node_gets_an_address(flow, case):
    # LIM-ADDR-CALICO-60 says that it gets none.
    case.expect(
        answered_by(flow.server),
        known(flow.client.node.addresses_in_use, at_least(MORE_THAN_A_BLOCK)),
        known(flow.client.node.pods_without_address, 0),
    )


@requirement("ADDR-COOL-DOWN")
@flows(**FROM_THE_FULL_NODE, after="vpc-node-filled")
def test_a_released_address_is_not_reused_for_30_seconds(flow, case):
    case.expect(
        answered_by(flow.server),
        known(flow.client.node.rest_of_an_address, at_least(A_MOMENT_LESS_THAN_THIRTY)),
        known(flow.client.node.wait_for_a_free_address, between(0, HALF_OF_IT)),
    )
