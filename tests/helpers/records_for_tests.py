"""Hand-made records, observations and frames for the tests of reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from facts_by_row import cluster_with, node_with

from podwire.model.facts import ClusterFacts, Encapsulation, ExternalHost
from podwire.model.observations import (
    Attempt,
    Capture,
    ControlResult,
    Lookup,
    Observation,
    ProbeError,
    Reply,
    SeenPacket,
)
from podwire.model.verdicts import Finding, Outcome, Verdict
from podwire.packets.dissect import packet_of
from podwire.packets.pcap import Frame
from podwire.records.run import CaseRecord, ExclusionRecord, ProbeImage, Rule, RunRecord, Setup, StoredObservations

START = 1_780_000_000.25
TOKEN = "pw-5f1c9a02"
WAIVER = """waivers:
  - case: "services/SVC-CLUSTER-IP[tcp-*]"
    owner: net team
    link: https://example.com/1
    reason: known
    expires: {expires}
    symptom: a packet has dport = 8472
"""

# VXLAN, VNI 4096, from node 172.31.0.1 to 172.31.0.11; inside a UDP packet 10.244.1.2:50000 > 10.244.11.2:8080.
INNER = (
    bytes.fromhex("0215cafe0b020a580af40102080045000030000040004011176d0af401020af40b02c3501f90001c0000")
    + TOKEN.encode()
    + b"padding!!"
)
OUTER = bytes.fromhex(
    "02000000000b02000000000108004500006e00004000401100007f1f0001ac1f000bd43112b5005a00000800000000100000"
).replace(bytes.fromhex("7f1f0001"), bytes.fromhex("ac1f0001"))
VXLAN_FRAME = OUTER + INNER

UNUSABLE = (
    node_with(name="linux-9", os="linux", schedulable=False),
    node_with(name="windows-1", os="windows", ready=False),
)
SIGNALS = ("node linux-9: cordoned (unschedulable)", "node windows-1: not ready: Kubelet stopped posting node status.")


def frame(data: bytes = VXLAN_FRAME, *, after: float = 0.0, interface: str = "eth0") -> Frame:
    return Frame(int((START + after) * 1e9), interface, data, len(data))


def facts(**changes: Any) -> ClusterFacts:
    known: dict[str, Any] = {
        "name": "podwire-lab",
        "version": "v1.33.1",
        "nodes": (
            node_with(name="linux-1", os="linux", addresses=("172.31.0.1", "fd31::1"), kernel_version="6.1.0"),
            node_with(
                name="windows-1",
                os="windows",
                addresses=("172.31.0.11",),
                kernel_version="10.0.20348.2762",
                os_image="Windows Server 2022 Datacenter",
            ),
        ),
        "families": ("ipv4", "ipv6"),
        "mode": "overlay",
        "cni": "win-overlay",
        "encapsulation": Encapsulation(vni=4096),
        "dsr": True,
        "win_dsr": True,
        "cluster_dns": ("10.96.0.10",),
        "dns_nodes": ("linux-1",),
        "load_balancer": True,
        "external": ExternalHost(name="echo.outside.example", addresses=("203.0.113.10",), agent=True),
        "emulated": True,
    }
    return cluster_with(**{**known, **changes})


def finding(met: bool = True, **changes: str) -> Finding:
    known = {
        "expected": "every packet with dport = 4789",
        "actual": "all 6 packets" if met else "a packet has dport = 8472",
        "where": "client-node (linux-1 eth0)",
    }
    return Finding(**{**known, **changes}, met=met)


def verdict(outcome: Outcome) -> Verdict:
    limited = outcome in (Outcome.LIMITATION_CONFIRMED, Outcome.LIMITATION_LIFTED, Outcome.KNOWN_ISSUE)
    reasons = {
        Outcome.PASS: "",
        Outcome.LIMITATION_CONFIRMED: "ICMP from a Windows pod is not translated on its way out of the cluster",
        Outcome.LIMITATION_LIFTED: "works, although a document says that it does not: only one suffix is searched",
        Outcome.KNOWN_ISSUE: "this build drops answers that a second node sent",
        Outcome.INCONCLUSIVE: "no answer, but the control 'outside-tcp' failed after it too: timeout at connect",
        Outcome.FAIL: "client-node (linux-1 eth0): expected every packet with dport = 4789, a packet has dport = 8472",
    }
    met = outcome in (Outcome.PASS, Outcome.LIMITATION_LIFTED)
    return Verdict(
        outcome=outcome,
        reason=reasons[outcome],
        findings=(finding(expected="an answer from a Windows pod", actual="it answered", where="client"), finding(met)),
        limitation="LIM-EXAMPLE" if limited else None,
    )


def rule(**changes: Any) -> Rule:
    known: dict[str, Any] = {
        "level": "MUST",
        "statement": "A packet for the cluster IP of a Service reaches one of its ready backends.",
        "sources": ("Kubernetes: Service proxies, https://kubernetes.io/docs/reference/networking/virtual-ips/",),
    }
    return Rule(**{**known, **changes})


def setup(**changes: Any) -> Setup:
    known: dict[str, Any] = {"version": "0.1.0", "suite": "0" * 64, "options": {"lab": "overlay-win-overlay"}}
    return Setup(**{**known, **changes})


def case(
    outcome: Outcome = Outcome.PASS,
    *,
    words: str = "tcp-v4-linux-windows-cross-node",
    area: str = "services",
    requirement: str = "SVC-CLUSTER-IP",
    **changes: Any,
) -> CaseRecord:
    protocol, version, client, server, placement = words.split("-", 4)
    known: dict[str, Any] = {
        "id": f"{area}/{requirement}[{words}]",
        "area": area,
        "requirement": requirement,
        "title": "a cluster IP leads to a ready backend",
        "rule": rule(),
        "parameters": {
            "protocol": protocol,
            "family": {"v4": "ipv4", "v6": "ipv6"}[version],
            "client": client,
            "server": server,
            "placement": placement,
        },
        "expected": ("answered by the server, a Windows pod", "at the wire: every packet with dport = 4789"),
        "verdict": verdict(outcome),
        "started": START + 1,
        "elapsed": 0.012,
        "nodes": {"client": "linux-1", "server": "windows-1"},
    }
    return CaseRecord(**{**known, **changes})


def record(*cases: CaseRecord, **changes: Any) -> RunRecord:
    known: dict[str, Any] = {
        "run_id": "20260528-1",
        "setup": setup(),
        "started": START,
        "finished": START + 12.5,
        "facts": facts(),
        "cases": cases,
        "timings": {"lab": 0.9, "probes": 8.4},
        "planned": (*(case.id for case in cases), *changes.get("missing", ())),
    }
    return RunRecord(**{**known, **changes})


def one_of_each() -> RunRecord:
    """A case of every outcome in two areas, an exclusion, and a case without a result."""
    limits = {"area": "egress", "requirement": "EGRESS-ICMP", "title": "ICMP echo to the outside is answered"}
    return record(
        case(Outcome.PASS),
        case(Outcome.FAIL, words="udp-v4-linux-windows-cross-node"),
        case(Outcome.INCONCLUSIVE, words="tcp-v4-windows-linux-cross-node"),
        case(Outcome.LIMITATION_CONFIRMED, words="icmp-v4-windows-outside-external", **limits),
        case(Outcome.LIMITATION_LIFTED, words="icmp-v4-windows-outside-named", **limits),
        case(Outcome.KNOWN_ISSUE, words="icmp-v4-linux-outside-external", **limits),
        exclusions=(
            ExclusionRecord(
                requirement="POD-POD", cases="tcp-v6-windows-linux", reason="pods on windows nodes have no IPv6"
            ),
        ),
        missing=("dns/DNS-FQDN[udp-v4-linux-linux-cross-node]",),
        setup=setup(
            images=(ProbeImage(node="windows-1", image="python:3.13-windowsservercore-ltsc2022", digest="sha256:00"),)
        ),
        observations=StoredObservations(file="observations.jsonl.gz", sha256="0" * 64, count=6),
    )


def observation(case_id: str, frames: Mapping[str, list[Frame]] | None = None, **changes: Any) -> Observation:
    seen = frames if frames is not None else {"client-node": [frame(), frame(after=0.001)]}
    captures = {
        point: Capture(
            point=point,  # type: ignore[arg-type]
            where="linux-1 eth0",
            packets=tuple(SeenPacket(direction="request", packet=packet_of(frame)) for frame in some),
        )
        for point, some in seen.items()
    }
    known: dict[str, Any] = {
        "case_id": case_id,
        "bindings": {"client.ip": "10.244.1.2", "server.port": 8080},
        "attempts": (
            Attempt(
                token=TOKEN,
                started=START,
                elapsed=1.0,
                local=("10.244.1.2", 50000),
                error=ProbeError(stage="receive", kind="timeout"),
                sent=1,
            ),
            Attempt(
                token="pw-other",
                started=START,
                elapsed=0.01,
                reply=Reply(identity="windows-1/a", source="10.244.1.2", source_port=50001),
            ),
        ),
        "captures": captures,
        "lookups": (
            Lookup(name="b.example", type="A", server="10.96.0.10", protocol="udp", at=START, rcode="NXDOMAIN"),
        ),
        "controls": (ControlResult(name="outside-tcp", before=True, after=True),),
    }
    return Observation(**{**known, **changes})
