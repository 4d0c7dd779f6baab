"""Services of one family in a cluster that has two."""

from podwire import (
    ANY_OS,
    answered_by,
    answers_from,
    at_client,
    flows,
    known,
    nothing,
    on_wire,
    reply,
    request,
    requirement,
)

ACROSS = {"client": ANY_OS, "server": ANY_OS, "placement": "cross-node", "via": "cluster-ip", "protocol": "tcp"}


@requirement("DUAL-SINGLEFAMILY")
@flows(**ACROSS, service="ipv4-only", family="ipv4")
@flows(**ACROSS, service="ipv6-only", family="ipv6")
def test_a_single_stack_service_is_served_in_its_own_family(flow, case):
    case.expect(
        answered_by(flow.server),
        answers_from(flow.service.cluster_ip),
        known(flow.service.families, (flow.family,)),
        at_client(request(dst=flow.service.cluster_ip), reply(src=flow.service.cluster_ip)),
        on_wire(nothing(dst=flow.service.cluster_ip)),
    )
