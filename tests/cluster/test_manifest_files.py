"""Every file of a Service or of a special pod is loaded, valid, and named within the limits of DNS."""

import re

import pytest
import yaml
from facts_by_row import node_with

from podwire.cluster.deployment import manifests
from podwire.content import manifests_folder
from podwire.model.addressing.nobody import CANDIDATES, nobody_of
from podwire.model.facts import ClusterFacts
from podwire.planning.prerequisites import CHOSEN, LEANS_ON, OWN_SLICES

SERVICES = sorted(path.stem for path in manifests_folder().glob("services/*.yaml"))
VARIANTS = sorted(path.stem for path in manifests_folder().glob("variants/*.yaml"))
NODES = [node_with(name="l", os="linux"), node_with(name="w", os="windows", kernel_version="10.0.20348.1")]
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
LONG = next(
    iter(manifests.short_names(("ip-10-0-0-1-and-a-very-long-name-of-a-node.eu-west-1.compute.internal",)).values())
)
NOBODY = nobody_of(ClusterFacts())
FILLERS = [(f"10.244.{at // 200}.{at % 200 + 1}", f"n{at % 3}") for at in range(4)]


def a_service(kind, pod="linux-1-a", number=0):
    return manifests.service("r1", kind, pod, number)


@pytest.mark.parametrize("kind", SERVICES)
def test_a_service_is_of_its_run_and_leads_to_its_probe(kind):
    obj = a_service(kind)
    assert (obj["apiVersion"], obj["kind"]) == ("v1", "Service")
    assert obj["metadata"]["namespace"] == "podwire-r1"
    assert obj["metadata"]["labels"]["podwire.dev/run"] == "r1"
    assert obj["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "podwire"
    selector = obj["spec"].get("selector")
    assert selector is None or (selector["podwire.dev/run"], selector["podwire.dev/probe"]) == ("r1", "linux-1-a")


@pytest.mark.parametrize("kind", SERVICES)
def test_the_ports_of_a_service_are_valid_and_named_after_their_protocol(kind):
    spec = a_service(kind)["spec"]
    ports = spec.get("ports", [])
    assert ports or spec["type"] == "ExternalName"
    assert len({port["name"] for port in ports}) == len(ports)
    assert len({(port["port"], port["protocol"]) for port in ports}) == len(ports)
    for port in ports:
        assert port["name"].rpartition("-")[2] == port["protocol"].lower()
        assert 0 < port["port"] < 65536
        assert isinstance(port["targetPort"], str) or 0 < port["targetPort"] < 65536


@pytest.mark.parametrize("kind", SERVICES)
def test_the_file_of_a_service_is_named_after_what_it_makes(kind):
    (document,) = yaml.safe_load_all((manifests_folder() / "services" / f"{kind}.yaml").read_text(encoding="utf-8"))
    assert document["metadata"]["name"] in (kind, f"{kind}-linux-1-a")
    chosen = (document["spec"].get("selector") or {}).get("podwire.dev/probe") not in (None, "nobody")
    one_pod = chosen or kind in OWN_SLICES
    assert one_pod is (document["metadata"]["name"] == f"{kind}-linux-1-a")


@pytest.mark.parametrize("kind", SERVICES)
def test_a_setting_of_a_service_type_stands_on_that_type_only(kind):
    spec = a_service(kind)["spec"]
    if "externalTrafficPolicy" in spec:
        assert spec["type"] in ("NodePort", "LoadBalancer")
    if "loadBalancerSourceRanges" in spec:
        assert spec["type"] == "LoadBalancer"
    if "ipFamilies" in spec:
        assert spec["ipFamilyPolicy"] == "SingleStack"
        assert len(spec["ipFamilies"]) == 1
    if spec.get("sessionAffinityConfig"):
        assert spec["sessionAffinity"] == "ClientIP"


@pytest.mark.parametrize("kind", SERVICES)
def test_names_of_services_are_dns_labels_however_long_the_nodes_name_is(kind):
    slots = ("a", "b", "host", *VARIANTS)
    names = {manifests.service_name(kind, f"{node}-{slot}") for slot in slots for node in (LONG, f"{LONG[:-1]}x")}
    assert len(names) == 2 * len(slots)
    assert all(LABEL.fullmatch(name) for name in names), names


@pytest.mark.parametrize("slot", VARIANTS)
def test_names_of_special_pods_are_dns_labels_however_long_the_nodes_name_is(slot):
    assert LABEL.fullmatch(f"{LONG}-{slot}"), len(f"{LONG}-{slot}")


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.os)
@pytest.mark.parametrize("slot", VARIANTS)
def test_a_special_pod_is_the_usual_one_but_for_what_its_file_says(slot, node):
    made = manifests.probe_pod("r1", "n-x", slot, node, "n", "image:1", 60, dns="10.96.0.53")
    usual = manifests.probe_pod("r1", "n-x", "a", node, "n", "image:1", 60)
    text = (manifests_folder() / "variants" / f"{slot}.yaml").read_text(encoding="utf-8")
    several = {one["spec"].get("os", {}).get("name", node.os): one for one in yaml.safe_load_all(text)}
    file = several[node.os]
    said = set(file["spec"]) - {"containers"}
    for key, value in usual["spec"].items():
        if key not in {*said, "containers"}:
            assert made["spec"][key] == value, key
    assert made["metadata"]["name"] == made["spec"]["hostname"] == "n-x"
    assert made["metadata"]["labels"]["podwire.dev/slot"] == slot
    (container, *_), (before,) = made["spec"]["containers"], usual["spec"]["containers"]
    own = set(file["spec"].get("containers", [{}])[0]) - {"name"}
    kept = {"name", "image", "env", "volumeMounts"} - own
    assert {key: container[key] for key in kept} == {key: before[key] for key in kept}
    assert manifests.command_of(made) == manifests.command_of(usual)


def test_a_second_container_is_as_the_first_but_for_what_it_says():
    made = manifests.probe_pod("r1", "n", "two-containers", NODES[0], "n", "image:1", 60)
    first, second = made["spec"]["containers"]
    assert (first["name"], second["name"], second["ports"]) == ("probe", "beside", [])
    assert second["command"][-2:] == ["--port", "8090"]
    assert {key: second[key] for key in ("image", "env", "resources")} == {
        key: first[key] for key in ("image", "env", "resources")
    }


def test_a_variant_may_say_something_else_for_each_operating_system():
    places = {}
    for node in NODES:
        made = manifests.probe_pod("r1", "n", "two-containers", node, "n", "image:1", 60)
        first, second = made["spec"]["containers"]
        places[node.os] = [mount["mountPath"] for mount in first["volumeMounts"]]
        assert [mount["mountPath"] for mount in second["volumeMounts"]] == ["/podwire"]
        assert made["spec"]["os"]["name"] == node.os
    assert places == {"linux": ["/podwire", "/etc/resolv.conf"], "windows": ["/podwire", "C:\\etc"]}


def test_a_special_pod_may_listen_on_another_port():
    made = {
        slot: manifests.probe_pod("r1", "n", slot, NODES[0], "n", "i", 60)["spec"]["containers"][0]["command"]
        for slot in ("port-first", "port-second")
    }
    assert made["port-first"][-2:] == ["--port", "8080"]
    assert made["port-second"][-2:] == ["--port", "8081"]


def test_the_resolver_of_a_special_pod_asks_the_address_that_it_is_given():
    made = manifests.probe_pod("r1", "n", "custom-dns", NODES[0], "n", "i", 60, dns="10.96.7.7")
    assert made["spec"]["dnsConfig"]["nameservers"] == ["10.96.7.7"]
    assert tuple(made["spec"]["dnsConfig"]["searches"]) == manifests.searches("custom-dns")
    assert manifests.searches("a") == manifests.searches("leaving") == ()


def test_what_stands_in_a_hosts_file_is_an_address_of_nobody():
    name, address = manifests.hosts_alias("custom-dns")
    assert (name, address) == ("hosts.podwire.example", "192.0.2.200")


def test_an_external_address_is_given_to_one_service_only():
    made = [tuple(a_service("external-ip", number=number)["spec"]["externalIPs"]) for number in range(4)]
    assert len({ip for addresses in made for ip in addresses}) == 8
    assert made[1] == ("192.0.2.12", "2001:db8:77::12")


@pytest.mark.parametrize(
    ("kind", "size"),
    [("crowd-64", 64), ("crowd-65", 65), ("crowd-1000", 1000), ("crowd-1025", 1025), ("crowd-headless", 100)],
)
def test_a_crowd_has_its_number_of_endpoints_in_slices_of_a_thousand(kind, size):
    assert manifests.crowd_size(kind) == size
    made = list(manifests.endpoint_slices("r1", kind, FILLERS, NOBODY))
    assert [len(one["endpoints"]) for one in made] == ([1000, 25] if size == 1025 else [size])
    assert len({one["metadata"]["name"] for one in made}) == len(made)
    addresses = [ip for one in made for endpoint in one["endpoints"] for ip in endpoint["addresses"]]
    assert addresses[:4] == [ip for ip, _ in FILLERS]
    assert len(set(addresses)) == size
    assert all(ip.startswith(("198.18.", "198.19.")) for ip in addresses[4:])
    for one in made:
        assert one["metadata"]["labels"]["kubernetes.io/service-name"] == kind
        assert one["metadata"]["namespace"] == "podwire-r1"
        assert all(endpoint["conditions"] == {"ready": True} for endpoint in one["endpoints"])
        (port,) = one["ports"]
        assert (port["name"], port["port"], port["protocol"]) == ("tcp", 8080, "TCP")


def test_a_crowd_is_never_greater_than_its_number():
    many = [(f"10.244.0.{at}", "n") for at in range(1, 101)]
    (made,) = manifests.endpoint_slices("r1", "crowd-64", many, NOBODY)
    assert len(made["endpoints"]) == 64


@pytest.mark.parametrize("kind", ["external-ip", "source-ranges"])
def test_addresses_of_nobody_are_of_networks_that_the_cluster_leaves_free(kind):
    usual = manifests.service("r1", kind, "linux-1-a")
    assert manifests.service("r1", kind, "linux-1-a", nobody=NOBODY) == usual
    elsewhere = NOBODY.without(["192.0.2.77", "2001:db8:77::5"])
    spec = manifests.service("r1", kind, "linux-1-a", 1, elsewhere)["spec"]
    assert spec.get("externalIPs", ["198.51.100.12", "3fff:77::12"]) == ["198.51.100.12", "3fff:77::12"]
    assert spec.get("loadBalancerSourceRanges", ["198.51.100.0/24"])[0] == "198.51.100.0/24"


def test_the_resolver_of_nobody_is_of_such_a_network_too():
    assert manifests.resolver_of_nobody(NOBODY) == "198.18.0.53"
    assert manifests.resolver_of_nobody(NOBODY.without(["198.19.1.1"])) == "192.0.2.53"
    none = NOBODY.without(CANDIDATES["ipv4"])
    assert manifests.resolver_of_nobody(none) == ""
    assert manifests.agent_configmap("r1", b"", "")["data"]["resolv.conf"] == ""


@pytest.mark.parametrize("kind", [kind for kind in SERVICES if not kind.startswith("crowd-")])
def test_only_a_crowd_has_endpoints_by_hand(kind):
    assert manifests.crowd_size(kind) == 0


def test_kinds_that_are_spoken_of_have_their_files():
    assert set(CHOSEN) | set(LEANS_ON.values()) <= set(SERVICES)
    chosen = {slot for slots in CHOSEN.values() for _, slot in slots}
    assert chosen | set(LEANS_ON) <= set(VARIANTS)
    assert manifests.HEADLESS_SERVICE in SERVICES
