"""Many bytes over one connection, both ways."""

from podwire import ANY_OS, answered_by, flows, requirement, stream


@requirement("STREAM-TRANSFER")
@flows(
    client=ANY_OS,
    server=ANY_OS,
    placement="cross-node",
    via=("pod-ip", "cluster-ip"),
    protocol="tcp",
    stream="transfer",
)
def test_a_transfer_arrives_whole_both_ways(flow, case):
    case.expect(answered_by(flow.server), stream.transferred())
