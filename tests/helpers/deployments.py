"""A deployment made by hand: the usual probes of the lab's nodes, special pods, and Services with known addresses."""

import ipaddress

from podwire.cluster.deployment import manifests
from podwire.cluster.deployment.services import Services, deployed
from podwire.cluster.deployment.workloads import ECHO_PORT, HOST_ECHO_PORT, SECOND_PORT, Deployment, Probe
from podwire.model.facts import family_of

RUN = "r1"
SLOTS = ("a", "b", "host")


def a_probe(node, slot, number):
    inside = [str(ipaddress.ip_network(cidr)[number]) for cidr in node.pod_cidrs]
    addresses = {family_of(ip): ip for ip in (node.addresses if slot == "host" else inside)}
    port = {"host": HOST_ECHO_PORT, "port-second": SECOND_PORT}.get(slot, ECHO_PORT)
    return Probe(pod=f"{node.name}-{slot}", node=node.name, os=node.os, slot=slot, addresses=addresses, port=port)


def a_deployment(facts, needs=None, problems=None):
    """The deployment that `deploy` makes for these needs."""
    special = needs.pods if needs else ()
    probes = []
    for node in facts.nodes:
        slots = (*SLOTS, *(slot for name, slot in special if name == node.name))
        probes += [a_probe(node, slot, number) for number, slot in enumerate(slots, 2)]
    services = Services(None, manifests.namespace_name(RUN), RUN, ())
    for number, service in enumerate(needs.services if needs else (), 1):
        pod = f"{service.node}-{service.probe}" if service.node else ""
        services.found[service.kind, pod] = deployed(service.kind, pod, answered(service.kind, pod, number))
    return Deployment(
        namespace=manifests.namespace_name(RUN),
        run_id=RUN,
        probes=tuple(probes),
        services=services,
        problems=problems or {},
    )


def answered(kind, pod, number):
    """A Service as the API server shows it: with addresses, node ports and a load balancer's address."""
    obj = manifests.service(RUN, kind, pod)
    spec = obj["spec"]
    if spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None":
        families = spec.get("ipFamilies") or ["IPv4", "IPv6"]
        both = {"IPv4": f"10.96.1.{number}", "IPv6": f"fd10:96::1:{number}"}
        spec["clusterIPs"] = [both[family] for family in families]
    if spec.get("type") in ("NodePort", "LoadBalancer"):
        for at, port in enumerate(spec["ports"]):
            port["nodePort"] = 30000 + 10 * number + at
    if spec.get("type") == "LoadBalancer":
        obj["status"] = {"loadBalancer": {"ingress": [{"ip": "198.51.100.7"}, {"ip": "2001:db8:7::7"}]}}
        if spec.get("externalTrafficPolicy") == "Local":
            spec["healthCheckNodePort"] = 32000 + number
    return obj
