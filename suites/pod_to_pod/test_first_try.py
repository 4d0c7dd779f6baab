"""The first datagram and the first SYN arrive: what a second try repairs is a loss all the same. A statistic."""

from podwire import ANY_OS, ANYWHERE, LINUX, WINDOWS, answered_by, first_try, flows, requirement

WAYS = ("pod-ip", "cluster-ip")


@requirement("FLOW-FIRST-TRY")
@flows(client=ANY_OS, server=ANY_OS, placement="cross-node", via=WAYS, protocol="udp", connections=250, whole_path=True)
@flows(client=ANY_OS, server=ANY_OS, placement="same-node", via=WAYS, protocol="udp", connections=25, whole_path=True)
@flows(client=ANY_OS, server=ANY_OS, placement=ANYWHERE, via=WAYS, protocol="tcp", whole_path=True)
def test_exchanges_need_no_second_try(flow, case):
    case.expect(answered_by(flow.server), first_try())


ASKED = {
    **{"server_kind": "dns", "via": "unknown-name", "protocol": "dns", "family": "ipv4"},
    **{"every_node": True, "whole_path": True},
}


# DNS-BURST asks 1000 times from each Windows node; what is never answered is its failure, and no first try.
@requirement("FLOW-FIRST-TRY")
@flows(client=LINUX, connections=250, **ASKED)
@flows(client=WINDOWS, connections=25, **ASKED)
def test_look_ups_need_no_second_question(flow, case):
    case.expect(first_try())
