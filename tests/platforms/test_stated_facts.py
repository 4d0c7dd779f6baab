"""Facts that a user states fill the gaps of discovery, and what is seen is never overruled."""

from dataclasses import fields

import pytest
from changed import replace
from facts_by_row import cluster_with

from podwire.model.facts import Encapsulation
from podwire.platforms.stated import Contradiction, StatedFacts, StatedNetwork, merged
from podwire.platforms.stated_file import FactsError, load_stated_facts

NOTHING = cluster_with(mode="unknown", windows_families=("ipv4", "ipv6"), signals=("network mode: no signal tells it",))
CONFLICT = "conflict: network mode l2bridge (node w) and overlay (ConfigMap kube-system/cni); taken as unknown"
FLANNEL = cluster_with(
    mode="overlay",
    cni="flannel",
    ipam="host-local",
    encapsulation=Encapsulation(vni=4096),
    signals=("node w: flannel backend vxlan, VNI 4096", "node w: Direct Server Return on"),
    dsr=True,
)


def stated(**what):
    of_network = {field.name for field in fields(StatedNetwork)}
    network = StatedNetwork(**{name: value for name, value in what.items() if name in of_network})
    return StatedFacts(
        source="facts.yaml", network=network, **{name: value for name, value in what.items() if name not in of_network}
    )


def test_what_is_not_known_is_taken_and_said():
    facts = merged(NOTHING, stated(mode="l2tunnel", cni="azure-cni", dsr=False))
    assert (facts.network.mode, facts.network.cni, facts.proxy.dsr) == ("l2tunnel", "azure-cni", False)
    assert facts.origin.signals[-3:] == (
        "facts.yaml: network mode l2tunnel, stated",
        "facts.yaml: CNI azure-cni, stated",
        "facts.yaml: Direct Server Return off, stated",
    )


def test_a_stated_overlay_has_its_tunnel_and_no_ipv6_on_windows():
    facts = merged(NOTHING, stated(mode="overlay"))
    assert facts.network.encapsulation == Encapsulation(kind="vxlan", port=4789)
    assert facts.network.windows_families == ("ipv4",)
    assert merged(NOTHING, stated(mode="overlay", windows_families=("ipv4", "ipv6"))).network.windows_families[1:] == (
        "ipv6",
    )


def test_a_stated_transparent_network_of_ovn_is_geneve():
    facts = merged(NOTHING, stated(mode="transparent", cni="ovn-kubernetes"))
    assert facts.network.encapsulation == Encapsulation(kind="geneve", port=6081)


def test_what_a_clouds_rules_deny_is_known_because_it_is_stated():
    facts = merged(NOTHING, stated(denied_port=True))
    assert (NOTHING.security.denied_port, facts.security.denied_port) == (None, True)
    assert facts.origin.signals[-1] == "facts.yaml: denial of TCP port 18998 on, stated"


def test_stated_ports_of_windows_nodes_are_what_is_known_of_them():
    facts = merged(NOTHING, stated(windows_ports=("33000-65535",)))
    assert (NOTHING.network.windows_ports, facts.network.windows_ports) == ((), ("33000-65535",))
    assert "facts.yaml: ports that Windows nodes translate to 33000-65535, stated" in facts.origin.signals


def test_a_security_group_is_known_because_it_is_stated():
    facts = merged(NOTHING, stated(pod_security_group="sg-0a"))
    assert (NOTHING.security.pod_security_group, facts.security.pod_security_group) == (None, "sg-0a")
    assert facts.origin.signals[-1] == "facts.yaml: security group that lets nobody in sg-0a, stated"


def test_what_was_seen_too_is_said_to_agree_and_changes_nothing():
    facts = merged(FLANNEL, stated(mode="overlay", cni="flannel"))
    assert replace(facts, signals=FLANNEL.origin.signals) == FLANNEL
    assert facts.origin.signals[-1] == "facts.yaml: CNI flannel, as seen"


@pytest.mark.parametrize(
    ("what", "told"),
    [
        (
            {"mode": "l2bridge"},
            "facts.yaml: mode: you state l2bridge, but podwire found overlay (node w: flannel backend vxlan, VNI 4096)"
            "; correct or remove the field",
        ),
        (
            {"dsr": False},
            "facts.yaml: dsr: you state off, but podwire found on (node w: Direct Server Return on); correct or remove",
        ),
        ({"encapsulation": Encapsulation(vni=4097)}, "VNI 4097, but podwire found vxlan to port 4789, VNI 4096"),
        ({"cluster_domain": "other.local"}, "you state other.local, but podwire found cluster.local"),
    ],
)
def test_what_is_seen_is_not_overruled(what, told):
    with pytest.raises(Contradiction) as problem:
        merged(FLANNEL, stated(**what))
    assert told in str(problem.value)


def test_an_assumption_gives_way():
    signals = ("cluster domain: no signal tells it; cluster.local is assumed",)
    facts = merged(replace(FLANNEL, signals=signals, domain_told=False), stated(cluster_domain="corp.example"))
    assert (facts.dns.domain, facts.dns.domain_told) == ("corp.example", True)


def test_a_tunnel_where_there_is_none_is_a_contradiction():
    with pytest.raises(Contradiction, match="encapsulation: network mode l2bridge has none"):
        merged(NOTHING, stated(mode="l2bridge", encapsulation=Encapsulation()))


def test_a_vni_that_the_api_does_not_tell_is_taken():
    facts = merged(replace(FLANNEL, encapsulation=Encapsulation()), stated(encapsulation=Encapsulation(vni=4096)))
    assert facts.network.encapsulation == Encapsulation(vni=4096)


def test_a_statement_settles_a_conflict_for_one_of_its_sides_only():
    torn = replace(NOTHING, signals=(CONFLICT,))
    assert merged(torn, stated(mode="l2bridge")).network.mode == "l2bridge"
    with pytest.raises(
        Contradiction, match=r"you state l2tunnel, but podwire found network mode l2bridge \(node w\) and"
    ):
        merged(torn, stated(mode="l2tunnel"))


def written(tmp_path, text):
    path = tmp_path / "facts.yaml"
    path.write_text(text)
    return path


def test_a_file_states_what_it_has(tmp_path):
    text = "mode: overlay\nencapsulation: {kind: geneve, vni: 7}\nfamilies: [ipv6, ipv4]\ndsr: true\n"
    facts = load_stated_facts(written(tmp_path, text))
    assert (facts.network.mode, facts.dsr, facts.families) == ("overlay", True, ("ipv4", "ipv6"))
    assert facts.network.encapsulation == Encapsulation(kind="geneve", port=6081, vni=7)
    assert facts.network.cni is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("mode: bridged", "facts.yaml: mode: needs one of overlay, l2bridge, l2tunnel, transparent, nat"),
        ("modus: overlay", "facts.yaml: modus: unknown field; known fields: mode, cni, ipam"),
        ("denied_port: 18998", "facts.yaml: denied_port: needs true or false, found 18998"),
        (
            "windows_ports: ['49152']",
            "facts.yaml: windows_ports: '49152' is no range of ports; write FIRST-LAST, from 1 to 65535",
        ),
        (
            "windows_ports: [0-9]",
            "facts.yaml: windows_ports: '0-9' is no range of ports; write FIRST-LAST, from 1 to 65535",
        ),
        ("windows_ports: [1-9, 9-12]", "facts.yaml: windows_ports: the ranges of ports 1-9 and 9-12 overlap"),
        ("pod_security_group: web", "facts.yaml: pod_security_group: needs the id of a security group (sg-...)"),
        ("path_mtu: 500", "facts.yaml: path_mtu: "),
        ("path_mtu: large", "facts.yaml: path_mtu: "),
        ("dns_caches: []", "facts.yaml: dns_caches: "),
        ("dns_caches: [here]", "facts.yaml: dns_caches: here is not an IP address"),
        ("dns_caches: [0.0.0.0]", "facts.yaml: dns_caches: 0.0.0.0 is no address that a pod can ask"),
        ("dns_caches: [127.0.0.1]", "facts.yaml: dns_caches: 127.0.0.1 is no address that a pod can ask"),
        ("dns_caches: ['fe80::1%eth0']", "facts.yaml: dns_caches: fe80::1%eth0 is no address that a pod can ask"),
        ("dns_caches: ['FD00::1', 'fd00:0::1']", "facts.yaml: dns_caches: fd00:0::1 appears twice"),
        ("unused_networks: []", "facts.yaml: unused_networks: "),
        ("unused_networks: [10.0.0.1/8]", "facts.yaml: unused_networks: 10.0.0.1/8 is not an IP network; write it as"),
        (
            "unused_networks: [10.9.0.0/25]",
            "facts.yaml: unused_networks: 10.9.0.0/25 is too small; state a network of /24",
        ),
        (
            "unused_networks: ['fd00::/65']",
            "facts.yaml: unused_networks: fd00::/65 is too small; state a network of /64",
        ),
        ("unused_networks: [10.0.0.0/8, 10.9.0.0/24]", "facts.yaml: unused_networks: 10.9.0.0/24 overlaps 10.0.0.0/8"),
        (
            "linux_translation: {ipv4: some}",
            "facts.yaml: linux_translation: ipv4: 'some' is neither all, none, nor all but NETWORK, ...",
        ),
        (
            "linux_translation: {ipv4: 'all but 10.0.0.1/8'}",
            "facts.yaml: linux_translation: ipv4: '10.0.0.1/8' is not an IP network; write it as 10.0.0.0/8",
        ),
        (
            "linux_translation: {ipv4: 'all but fd00::/8'}",
            "facts.yaml: linux_translation: ipv4: fd00::/8 is no network of ipv4",
        ),
        ("linux_translation: {ipv5: all}", "facts.yaml: linux_translation, ipv5: unknown"),
        ("linux_translation: none", "facts.yaml: linux_translation: needs a mapping, found 'none'"),
        ("dsr: maybe", "facts.yaml: dsr: needs true or false, found 'maybe'"),
        ("families: [ipv5]", "facts.yaml: families entry 1: needs one of ipv4, ipv6"),
        ("families: []", "facts.yaml: families: needs a list of ipv4, ipv6 or both, found an empty list"),
        ("families: [ipv4, ipv4]", "facts.yaml: families: a family appears twice"),
        ("families: ipv4", "facts.yaml: families: needs a list of ipv4, ipv6 or both, found 'ipv4'"),
        ("encapsulation: {port: 1}", "facts.yaml: encapsulation, kind: missing"),
        ("encapsulation: {kind: stt}", "facts.yaml: encapsulation, kind: needs one of vxlan, geneve"),
        ("encapsulation: {kind: vxlan, vni: 0}", "facts.yaml: encapsulation, vni: needs 1 to 16777215, found 0"),
        ("encapsulation: {kind: vxlan, port: 70000}", "facts.yaml: encapsulation, port: needs 1 to 65535"),
        ("ipam: dhcp", "facts.yaml: ipam: needs one of host-local"),
        ("cni: 5", "facts.yaml: cni: needs text, found 5"),
        ("- mode", "facts.yaml: needs a mapping, found a list"),
        ("a: [", "facts.yaml: line 2, column 1: not valid YAML"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path, text, told):
    with pytest.raises(FactsError) as problem:
        load_stated_facts(written(tmp_path, text))
    assert told in str(problem.value)
    assert len(str(problem.value).splitlines()) == 1


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(FactsError, match="cannot be read: No such file"):
        load_stated_facts(tmp_path / "none.yaml")


def test_addresses_of_dns_caches_are_written_as_packets_show_them(tmp_path):
    assert load_stated_facts(written(tmp_path, "dns_caches: ['FD00:0::1']")).dns_caches == ("fd00::1",)


def test_dns_caches_are_stated_where_none_are_seen_and_held_against_those_that_are(tmp_path):
    known = load_stated_facts(written(tmp_path, "dns_caches: [169.254.10.11]"))
    facts = merged(NOTHING, known)
    assert facts.dns.caches == ("169.254.10.11",)
    assert "DNS cache on Linux nodes 169.254.10.11, stated" in facts.origin.signals[-1]
    assert merged(facts, known).dns.caches == facts.dns.caches
    with pytest.raises(Contradiction, match=r"you state 169\.254\.20\.10, but podwire found 169\.254\.10\.11"):
        merged(facts, stated(dns_caches=("169.254.20.10",)))


def test_networks_that_nobody_uses_are_stated_and_hold_nothing_of_the_cluster():
    facts = merged(NOTHING, stated(unused_networks=("10.99.0.0/16",)))
    assert facts.outside.unused == ("10.99.0.0/16",)
    assert "networks that nobody uses 10.99.0.0/16, stated" in facts.origin.signals[-1]
    own = replace(NOTHING, network=replace(NOTHING.network, own=("10.99.4.0/22",)))
    with pytest.raises(Contradiction, match=r"you state that nobody uses 10\.99\.0\.0/16, but 10\.99\.4\.0/22 is the"):
        merged(own, stated(unused_networks=("10.99.0.0/16",)))


def test_what_linux_nodes_translate_is_stated_by_family(tmp_path):
    file = tmp_path / "facts.yaml"
    file.write_text("linux_translation: {ipv6: none, ipv4: 'all but 172.16.0.0/12, 10.0.0.0/8'}\n")
    told = ("ipv4 all but 10.0.0.0/8, 172.16.0.0/12", "ipv6 none")
    read = load_stated_facts(file)
    assert read.network.linux_translation == told
    assert merged(NOTHING, read).network.linux_translation == told
    seen = replace(NOTHING, network=replace(NOTHING.network, linux_translation=("ipv4 none",)))
    with pytest.raises(
        Contradiction, match=r"linux_translation: you state ipv4 all but .*, but podwire found ipv4 none"
    ):
        merged(seen, read)
