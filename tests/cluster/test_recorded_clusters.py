"""Clusters as people run them, from recordings made by hand: what discovery says of each, and the plan that follows."""

import textwrap
from collections import Counter

import pytest
import yaml
from facts_by_row import cluster_with, node_with
from recorded_clusters import CLUSTERS, NAMES, discovered

from podwire.catalogue.load import load
from podwire.content import suites_folder
from podwire.model.facts import Encapsulation
from podwire.model.node_notes import remarks
from podwire.planning.plan import Selection, make_plan
from podwire.platforms.profiles import profile_of
from podwire.records.facts_form import tree_of_facts

CATALOGUE, TESTS = load(suites_folder())
WINDOWS_2022, WINDOWS_2025, WINDOWS_2019 = (20348, 4294), (26100, 6899), (17763, 7922)


@pytest.fixture(scope="module")
def facts_of(tmp_path_factory):
    """The facts of each recording, discovered once."""
    found = {}

    def look(name):
        if name not in found:
            found[name] = discovered(name, tmp_path_factory.mktemp(name))
        return found[name]

    return look


# What whoever runs such a cluster knows of it: network mode, CNI, IPAM, profile, tunnel; addresses of the DNS Service;
# the builds of the Windows nodes.
KNOWN = {
    "aks-overlay-localdns": (
        ("l2bridge", "azure-cni", "azure-cns", "l2bridge-azure-cni", None),
        ("10.0.0.10",),
        [WINDOWS_2022, WINDOWS_2025],
    ),
    "eks-prefix-calico-policy": (
        ("l2bridge", "vpc-cni", "vpc-prefix", "awsvpc-prefix", None),
        ("10.100.0.10",),
        [WINDOWS_2022, WINDOWS_2022],
    ),
    "gke-windows": (
        ("l2bridge", "sdnbridge", "hns", "l2bridge-win-bridge", None),
        ("10.12.0.10",),
        [WINDOWS_2022, WINDOWS_2019],
    ),
    "kubeadm-nodelocal-dns": (
        ("overlay", "flannel", "host-local", "overlay-flannel-vxlan", Encapsulation(port=4789, vni=4096)),
        ("10.96.0.10",),
        [WINDOWS_2022, WINDOWS_2022],
    ),
    "openshift-ovn-hybrid": (
        ("overlay", "ovn-kubernetes", "host-local", "overlay-ovn-hybrid", Encapsulation(port=4789, vni=4097)),
        ("172.30.0.10",),
        [WINDOWS_2022, WINDOWS_2022],
    ),
    "rke2-calico-own-domain": (
        ("overlay", "calico", "calico-ipam", "overlay-calico-vxlan", Encapsulation(port=4789)),
        ("10.43.0.10",),
        [WINDOWS_2022, WINDOWS_2022],
    ),
}


def test_every_recording_is_replayed():
    assert sorted(KNOWN) == NAMES


@pytest.mark.parametrize("name", KNOWN)
def test_discovery_says_what_such_a_cluster_is(name, facts_of):
    network, dns, builds = KNOWN[name]
    facts = facts_of(name)
    found = facts.network
    assert (found.mode, found.cni, found.ipam, profile_of(facts), found.encapsulation) == network
    assert facts.dns.addresses == dns
    assert [node.build for node in facts.nodes if node.os == "windows"] == builds
    assert (found.families, found.windows_families) == (("ipv4",), ("ipv4",))
    assert not found.custom_networking


@pytest.mark.parametrize("name", KNOWN)
def test_nothing_is_contradictory_unread_or_assumed_of_the_names(name, facts_of):
    facts = facts_of(name)
    assert not [text for text in facts.origin.signals if "conflict" in text or "could not be read" in text]
    own = "rke.example.internal" if name.startswith("rke2") else "cluster.local"
    assert (facts.dns.domain, facts.dns.domain_told) == (own, True)
    assert len(facts.dns.nodes) == (1 if name.startswith("rke2") else 2)


@pytest.mark.parametrize(
    ("name", "base"), [("eks-prefix-calico-policy", "vpc-cni"), ("gke-windows", "sdnbridge")], ids=["eks", "gke"]
)
def test_calico_beside_another_network_is_a_policy_engine(name, base, facts_of):
    signals = facts_of(name).origin.signals
    engine = [text for text in signals if "calico-node" in text and not text.startswith("network policies")]
    assert engine
    assert all(text.endswith(f"is a policy engine beside {base}") for text in engine)


@pytest.mark.parametrize(
    ("name", "linux", "windows"),
    [
        ("aks-overlay-localdns", "none", "none"),
        # Calico may run on Windows nodes as services that no object shows.
        ("eks-prefix-calico-policy", "calico 3.31.0", "unknown"),
        ("gke-windows", "calico 3.29.3", "none"),
        ("kubeadm-nodelocal-dns", "none", "none"),
        ("openshift-ovn-hybrid", "ovn-kubernetes", "none"),
        ("rke2-calico-own-domain", "calico 3.30.3", "calico"),
    ],
)
def test_who_enforces_network_policies_on_each_os(name, linux, windows, facts_of):
    policies = facts_of(name).policies
    assert [f"{engine.name} {engine.version}".strip() for engine in (policies.linux, policies.windows)] == [
        linux,
        windows,
    ]
    assert ("except" in policies.windows.lacks) is (windows == "calico")


@pytest.mark.parametrize(
    ("name", "on_windows"),
    [
        ("aks-overlay-localdns", True),  # AKS has a DaemonSet that prepares the kube-proxy of its Windows nodes.
        ("eks-prefix-calico-policy", None),
        ("gke-windows", None),
        ("kubeadm-nodelocal-dns", True),
        ("openshift-ovn-hybrid", None),
        ("rke2-calico-own-domain", None),
    ],
)
def test_the_settings_of_a_kube_proxy_on_linux_are_not_those_of_windows(name, on_windows, facts_of):
    proxy = facts_of(name).proxy
    assert (proxy.dsr, proxy.on_windows) == (None, on_windows)
    assert proxy.win_dsr is True


def test_caches_on_nodes_are_no_addresses_of_the_cluster_dns(facts_of):
    found = {name: facts_of(name).dns.caches for name in KNOWN}
    assert {name: caches for name, caches in found.items() if caches} == {
        "aks-overlay-localdns": ("169.254.10.11",),
        "kubeadm-nodelocal-dns": ("169.254.20.10", "10.96.0.10"),
    }


def test_nodes_of_ovn_have_the_subnets_of_their_annotations(facts_of):
    assert {node.name: node.pod_cidrs for node in facts_of("openshift-ovn-hybrid").nodes} == {
        "master-0": ("10.128.0.0/23",),
        "worker-0": ("10.129.0.0/23",),
        "winhost-1": ("10.132.0.0/24",),
        "winhost-2": ("10.132.1.0/24",),
    }


@pytest.mark.parametrize("name", KNOWN)
def test_all_that_is_told_of_a_cluster_is_what_was_reviewed(name, facts_of, request):
    usual = tree_of_facts(cluster_with(nodes=(node_with(name="", os=""),)))
    told = _said(tree_of_facts(facts_of(name)), usual)
    told["nodes"] = [_said(node, usual["nodes"][0]) for node in told["nodes"]]
    _reviewed(name, "facts.yaml", yaml.safe_dump(told, sort_keys=False, width=120), request)


@pytest.mark.parametrize("name", KNOWN)
def test_the_plan_of_a_cluster_is_what_was_reviewed(name, facts_of, request):
    facts = facts_of(name)
    plan = make_plan(CATALOGUE, TESTS, facts, Selection())
    areas = Counter(CATALOGUE.requirements[case.requirement].area for case in plan.cases.values())
    lines = [f"{len(plan.cases)} cases", *(f"  {area} {count}" for area, count in sorted(areas.items()))]
    lines += [*remarks(facts), f"{len(plan.exclusions)} exclusions, by their reasons"]
    reasons = Counter((exclusion.reason, exclusion.requirement) for exclusion in plan.exclusions)
    for reason in sorted({reason for reason, _ in reasons}):
        named = [f"{wanted} {count}" for (why, wanted), count in sorted(reasons.items()) if why == reason]
        lines += [f"  {reason}", *_indented(", ".join(named))]
    _reviewed(name, "plan.txt", "\n".join(lines) + "\n", request)


def _reviewed(name, file, text, request):
    golden = CLUSTERS / name / file
    if request.config.getoption("--update-golden"):
        golden.write_text(text)
    assert text == golden.read_text(), f"{file} changed; if that is meant: pytest {__file__} --update-golden"


def _indented(text):
    """Lines of at most 110 characters; the names of requirements stay whole."""
    return textwrap.wrap(text, 110, initial_indent=" " * 4, subsequent_indent=" " * 4, break_on_hyphens=False)


def _said(row, usual):
    """What differs from a fact's default: a fact that podwire does not know of such a cluster is no line."""
    return {field: value for field, value in row.items() if value != usual[field]}
