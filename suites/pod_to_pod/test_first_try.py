"""The first datagram and the first SYN arrive: what a second try repairs is a loss all the same. A statistic."""

from podwire import ANY_OS, ANYWHERE, answered_by, first_try, flows, requirement

WAYS = ("pod-ip", "cluster-ip")


@requirement("FLOW-FIRST-TRY")
@flows(client=ANY_OS, server=ANY_OS, placement="cross-node", via=WAYS, protocol="udp", connections=250, whole_path=True)
@flows(client=ANY_OS, server=ANY_OS, placement="same-node", via=WAYS, protocol="udp", connections=25, whole_path=True)
@flows(client=ANY_OS, server=ANY_OS, placement=ANYWHERE, via=WAYS, protocol="tcp", whole_path=True)
def test_exchanges_need_no_second_try(flow, case):
    case.expect(answered_by(flow.server), first_try())
