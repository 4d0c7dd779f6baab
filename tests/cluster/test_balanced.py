"""Which load balancers a Windows node must have, by Services and EndpointSlices."""

import pytest
from fake_rest import FakeRest

from podwire.cluster.deployment.balanced import BalancedServices, Frontends, ServedNode, frontends
from podwire.errors import Forbidden
from podwire.model.machines import ANY_FRONTEND

NODE = ServedNode(name="w1", addresses=("172.31.0.11",), families={"ipv4"})
OWN, NOW = "podwire-r1", 1_800_000_000.0
LONG_AGO, JUST_NOW = "2020-01-01T00:00:00Z", "2027-01-15T07:59:58Z"  # two seconds before NOW


def a_service(name="web", namespace=OWN, created=LONG_AGO, ingress=(), annotations=None, **spec):
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "creationTimestamp": created,
            "annotations": annotations or {},
        },
        "spec": {"clusterIPs": ["10.96.0.80"], "ports": [{"name": "tcp", "port": 80, "protocol": "TCP"}], **spec},
        "status": {"loadBalancer": {"ingress": [{"ip": ip} for ip in ingress]}},
    }


def a_slice(*endpoints, name="web", namespace=OWN, family="IPv4", changed=LONG_AGO):
    return {
        "metadata": {
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": name},
            "annotations": {"endpoints.kubernetes.io/last-change-trigger-time": changed},
        },
        "addressType": family,
        "ports": [{"name": "tcp", "port": 8080}],
        "endpoints": [
            {"addresses": [ip], "nodeName": node, "conditions": {"ready": ready}} for ip, node, ready in endpoints
        ],
    }


def of(service, *slices, node=NODE, **more):
    return frontends([service], slices, node, own=OWN, now=NOW, **more)


HERE, THERE, UNREADY = ("10.244.11.2", "w1", True), ("10.244.1.2", "l1", True), ("10.244.1.3", "l1", False)
EVERYTHING = {"nodePort": 30080, "name": "tcp", "port": 80, "protocol": "TCP"}
CLUSTER_IP, NODE_PORT, INGRESS = "10.96.0.80 tcp 80", "node-port tcp 30080", "203.0.113.5 tcp 80"


@pytest.mark.parametrize(
    ("ends", "more", "wanted", "possible"),
    [
        ([THERE], {}, [CLUSTER_IP, NODE_PORT, INGRESS], []),
        ([UNREADY], {}, [], [CLUSTER_IP, NODE_PORT, INGRESS]),
        ([], {}, [], []),
        ([("172.31.0.11", "w1", True)], {}, [], []),
        ([THERE], {"externalTrafficPolicy": "Local"}, [CLUSTER_IP], [NODE_PORT, INGRESS]),
        ([HERE], {"externalTrafficPolicy": "Local"}, [CLUSTER_IP, NODE_PORT, INGRESS], []),
        ([THERE], {"annotations": {"preserve-destination": "true"}}, [CLUSTER_IP], [NODE_PORT, INGRESS]),
        ([THERE], {"internalTrafficPolicy": "Local"}, [NODE_PORT, INGRESS], [CLUSTER_IP]),
        ([THERE], {"healthCheckNodePort": 31000}, [CLUSTER_IP, NODE_PORT, INGRESS], ["203.0.113.5 tcp 31000"]),
    ],
)
def test_a_load_balancer_service_has_them_as_its_endpoints_and_policies_say(ends, more, wanted, possible):
    found = of(a_service(ingress=["203.0.113.5"], ports=[EVERYTHING], **more), a_slice(*ends))
    assert found == Frontends(wanted=tuple(wanted), possible=tuple(possible))


def test_without_an_ingress_address_only_ready_endpoints_count():
    service = a_service(ports=[EVERYTHING], externalIPs=["192.0.2.1"])
    assert of(service, a_slice(UNREADY)) == Frontends()
    assert of(service, a_slice(UNREADY, THERE)).wanted == (CLUSTER_IP, NODE_PORT, "192.0.2.1 tcp 80")


def test_what_depends_on_the_software_of_a_node_is_possible():
    many = a_slice(*((f"10.244.1.{at}", "l1", True) for at in range(2, 67)))
    assert of(a_service(), many) == Frontends(possible=(CLUSTER_IP,))
    sctp = a_service(ports=[{"name": "tcp", "port": 80, "protocol": "SCTP"}])
    assert of(sctp, a_slice(THERE)) == Frontends(possible=("10.96.0.80 sctp 80",))
    both = a_service(clusterIPs=["10.96.0.80", "fd10:96:0::80"])
    six = a_slice(("fd10:244::2", "l1", True), family="IPv6")
    assert of(both, a_slice(THERE), six) == Frontends(wanted=(CLUSTER_IP,), possible=("fd10:96::80 tcp 80",))
    old = ServedNode(name="w1", addresses=(), families={"ipv4"}, node_ports=False)
    assert of(a_service(ports=[EVERYTHING]), a_slice(THERE), node=old).possible == (NODE_PORT,)


@pytest.mark.parametrize(
    "spec", [{"clusterIPs": ["None"]}, {"type": "ExternalName"}, {"clusterIP": "", "clusterIPs": None}]
)
def test_a_service_without_a_cluster_ip_has_none(spec):
    assert of(a_service(**spec), a_slice(THERE)) == Frontends()


@pytest.mark.parametrize(
    ("created", "changed", "settled"),
    [(LONG_AGO, LONG_AGO, True), (JUST_NOW, None, False), (LONG_AGO, JUST_NOW, False)],
)
def test_a_node_has_a_minute_to_follow_what_others_change(created, changed, settled):
    service = a_service(namespace="shop", created=created)
    found = of(service, a_slice(THERE, namespace="shop", changed=changed))
    assert found == (Frontends(wanted=(CLUSTER_IP,)) if settled else Frontends(possible=(CLUSTER_IP,)))
    gone = of(service, a_slice(namespace="shop", changed=changed))
    assert gone == (Frontends() if settled else Frontends(possible=(CLUSTER_IP,)))


def test_what_the_run_changed_may_be_there_or_not():
    found = of(a_service(name="recreated-l1-a"), a_slice(THERE, name="recreated-l1-a"), former=["10.96.0.9 tcp 80"])
    assert found == Frontends(possible=("10.96.0.9 tcp 80", CLUSTER_IP))


def test_where_podwire_may_read_its_own_namespace_only_others_may_have_any():
    class Narrow(FakeRest):
        def list(self, resource, namespace=None, **_):
            if namespace is None:
                raise Forbidden("not allowed to list services", status=403)
            return super().list(resource)

    rest = Narrow()
    rest.objects["services", "web"] = a_service()
    rest.objects["endpointslices", "web-0"] = a_slice(THERE)
    found = BalancedServices(rest, OWN).of(NODE, NOW)
    assert found == Frontends(wanted=(CLUSTER_IP,), possible=(ANY_FRONTEND,))
