"""Exchanges that go on while everything else happens: over one connection, in order, and once."""

from podwire import ANY_OS, answered_by, first_try, flows, requirement, stream


@requirement("STREAM-STEADY")
@flows(client=ANY_OS, server=ANY_OS, placement="cross-node", via=("pod-ip", "cluster-ip"), stream="steady")
@flows(client=ANY_OS, server=ANY_OS, placement="same-node", via="pod-ip", protocol="tcp", stream="steady")
def test_a_steady_exchange_lives_through_the_whole_run(flow, case):
    case.expect(answered_by(flow.server), stream.unbroken(), stream.answered(), stream.gap(at_most=5.0))


@requirement("STREAM-LOSS")
@flows(client=ANY_OS, server=ANY_OS, placement="cross-node", via="pod-ip", stream="dense", whole_path=True)
def test_messages_arrive_once_in_their_order_and_without_a_second_try(flow, case):
    # TCP repairs a loss before anybody notices. The captures show it: one point saw a message more often than the next.
    case.expect(answered_by(flow.server), first_try(), stream.in_order(), stream.once())
