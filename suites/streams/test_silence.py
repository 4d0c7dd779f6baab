"""Connections that are silent for a while and then speak."""

from podwire import ANY_OS, answered_by, flows, requirement, stream


@requirement("STREAM-IDLE")
@flows(
    client=ANY_OS, server=ANY_OS, placement="cross-node", via=("pod-ip", "cluster-ip"), protocol="tcp", stream="silent"
)
@flows(client=ANY_OS, server_kind="outside", via="external-ip", protocol="tcp", stream="silent")
def test_a_connection_works_after_a_silence(flow, case):
    case.expect(answered_by(flow.server), stream.speaks_again())
