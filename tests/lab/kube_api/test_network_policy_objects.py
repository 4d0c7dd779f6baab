"""NetworkPolicies in the lab's API: what it fills in, refuses and prints."""

import pytest

from podwire_lab.kube_api.objects.network_policies import fill_network_policy, network_policy_errors
from podwire_lab.kube_api.objects.resources import BY_PLURAL
from podwire_lab.kube_api.objects.status import Invalid
from podwire_lab.kube_api.objects.validation import validate
from podwire_lab.kube_api.printing.tables import columns_of, row_of

KIND = BY_PLURAL["networkpolicies"]


def policy(**spec):
    return {"metadata": {"name": "p", "namespace": "default"}, "spec": spec}


def filled(**spec):
    obj = policy(**spec)
    fill_network_policy(obj)
    return obj["spec"]


def test_directions_and_protocols_are_filled_in():
    assert filled() == {"podSelector": {}, "policyTypes": ["Ingress"]}
    assert filled(egress=[])["policyTypes"] == ["Ingress"]
    spec = filled(egress=[{"ports": [{"port": 53}, {"port": 53, "protocol": "UDP"}]}])
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert [port["protocol"] for port in spec["egress"][0]["ports"]] == ["TCP", "UDP"]
    assert filled(policyTypes=["Egress"], ingress=[{}])["policyTypes"] == ["Egress"]


BELOW = "spec.ingress[0].ports[0]"
PEER = "spec.ingress[0].from[0]"


@pytest.mark.parametrize(
    ("port", "field", "message"),
    [
        (
            {"protocol": "ICMP"},
            f"{BELOW}.protocol",
            'Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
        ),
        ({"port": 0}, f"{BELOW}.port", "Invalid value: 0: must be between 1 and 65535, inclusive"),
        ({"port": 9, "endPort": 8}, f"{BELOW}.endPort", "Invalid value: 8: must be greater than or equal to `port`"),
        (
            {"port": "web", "endPort": 8},
            f"{BELOW}.endPort",
            "Invalid value: 8: may not be specified when `port` is non-numeric",
        ),
        ({"endPort": 8}, f"{BELOW}.endPort", "Invalid value: 8: may not be specified when `port` is not specified"),
        ({"port": "123"}, f"{BELOW}.port", 'Invalid value: "123": must contain at least one letter (a-z)'),
        ({"port": "a--b"}, f"{BELOW}.port", 'Invalid value: "a--b": must not contain consecutive hyphens'),
    ],
)
def test_a_wrong_port_is_refused(port, field, message):
    (error,) = network_policy_errors(policy(ingress=[{"ports": [port]}]))
    assert (error.field, error.message) == (field, message)


@pytest.mark.parametrize(
    ("peer", "field", "message"),
    [
        ({}, PEER, "Required value: must specify a peer"),
        (
            {"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}},
            PEER,
            "Forbidden: may not specify both ipBlock and another peer",
        ),
        ({"ipBlock": {}}, f"{PEER}.ipBlock.cidr", "Required value"),
        (
            {"ipBlock": {"cidr": "10.0.0.1"}},
            f"{PEER}.ipBlock.cidr",
            'Invalid value: "10.0.0.1": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
        ),
        (
            {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8"]}},
            f"{PEER}.ipBlock.except[0]",
            'Invalid value: "10.0.0.0/8": must be a strict subset of `cidr`',
        ),
        (
            {"podSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}},
            f"{PEER}.podSelector.matchExpressions[0].values",
            "Required value: must be specified when `operator` is 'In' or 'NotIn'",
        ),
        (
            {"podSelector": {"matchExpressions": [{"key": "a", "operator": "Has"}]}},
            f"{PEER}.podSelector.matchExpressions[0].operator",
            'Invalid value: "Has": not a valid selector operator',
        ),
    ],
)
def test_a_wrong_peer_is_refused(peer, field, message):
    (error,) = network_policy_errors(policy(ingress=[{"from": [peer]}]))
    assert (error.field, error.message) == (field, message)


def test_the_answer_to_a_wrong_policy_names_kind_group_and_field():
    with pytest.raises(Invalid) as refused:
        validate(KIND, policy(policyTypes=["Both"]))
    assert refused.value.message == (
        'NetworkPolicy.networking.k8s.io "p" is invalid: spec.policyTypes[0]: Unsupported value: "Both": '
        'supported values: "Egress", "Ingress"'
    )
    validate(
        KIND, policy(policyTypes=["Ingress"], ingress=[{"from": [{"podSelector": {}}], "ports": [{"port": "web"}]}])
    )


def test_kubectl_shows_the_whole_selector():
    assert [column["name"] for column in columns_of(KIND)] == ["Name", "Pod-Selector", "Age"]
    terms = [{"key": "b", "operator": "In", "values": ["y", "x"]}, {"key": "a", "operator": "DoesNotExist"}]
    shown = row_of(KIND, policy(podSelector={"matchLabels": {"c": "d"}, "matchExpressions": terms}))["cells"]
    assert shown[:2] == ["p", "!a,b in (x,y),c=d"]
    assert row_of(KIND, policy(podSelector={}))["cells"][1] == "<none>"
