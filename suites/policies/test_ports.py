"""Which ports a rule of a network policy admits: numbers, protocols, names, ranges."""

from podwire import ANY_OS, ANYWHERE, as_ruled, flows, requirement

RULED = {"client": ANY_OS, "server": ANY_OS, "via": "pod-ip", "ruled": True, "controls": "open-port"}
IN = {**RULED, "client_pod": "a", "server_pod": "np-ports", "placement": "cross-node", "after": "policies-made"}
OUT = {**RULED, "client_pod": "np-egress", "placement": ANYWHERE, "after": "policies-made", "aspect": "out"}


@requirement("NP-PORT")
@flows(**IN, port=("pod-selector", "closed"), aspect="in")
@flows(**OUT, server_pod="np-blue", port=("out-namespace", "out-closed"))
def test_a_rule_with_a_port_admits_no_other_port(flow, case):
    case.expect(*as_ruled(flow))


@requirement("NP-PROTOCOL")
@flows(**IN, port=("udp-only", "no-protocol"), aspect="in")
@flows(**OUT, server_pod="np-blue", port="out-udp-only")
def test_a_port_is_one_of_its_protocol_and_of_tcp_where_none_is_given(flow, case):
    case.expect(*as_ruled(flow))


@requirement("NP-NAMED-PORT")
@flows(**{**IN, "client_pod": ("a", "b")}, port="named", aspect="in")
@flows(**OUT, server_pod=("np-blue", "np-green"), port="out-named")
def test_a_named_port_admits_the_port_with_this_name_in_the_pod_that_is_connected_to(flow, case):
    case.expect(*as_ruled(flow))


@requirement("NP-PORT-RANGE")
@flows(**IN, port=("range-first", "range-last", "range-beyond"), aspect="in")
@flows(**OUT, server_pod="np-blue", port=("out-range-first", "out-range-last", "out-range-beyond"))
def test_a_range_of_ports_admits_both_its_ends_and_nothing_beyond(flow, case):
    case.expect(*as_ruled(flow))
