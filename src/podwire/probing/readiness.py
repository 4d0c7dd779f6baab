"""Which probes of a run can be used: whose agent answers, whether it is the one put there, and whether it listens."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from podwire.cluster.deployment.agent_archive import agent_sum
from podwire.cluster.deployment.workloads import Deployment
from podwire.model.cases import Case
from podwire.model.facts import ClusterFacts
from podwire.planning.readiness import why_no_verdict
from podwire.probing.client import AgentClient, AgentError, ChannelLost, attempt_of
from podwire.probing.controls import OUTSIDE, exchange_of, own_address
from podwire.probing.dns_servers import Hello
from podwire.probing.targets import NoTarget, probe_of


def hellos(agents: Mapping[str, AgentClient], deployment: Deployment, seconds: float) -> dict[str, Hello]:
    """What the agents say of themselves, by pod, each within so many seconds. What is wrong with one becomes the
    deployment's problem with its pod; that one is left out."""
    asked = {pod: agent.call("hello", {}, seconds) for pod, agent in agents.items()}
    found: dict[str, Hello] = {}
    for pod, answer in asked.items():
        try:
            hello = answer.result(seconds)
        except (AgentError, ChannelLost, TimeoutError) as problem:
            deployment.problems.setdefault(pod, f"the agent does not answer: {problem}")
            continue
        wrong = _wrong_with(hello, pod)
        if wrong:
            deployment.problems.setdefault(pod, wrong)
        else:
            found[pod] = hello
    return found


def _wrong_with(hello: Mapping[str, Any], pod: str) -> str:
    """Why what answers is not the agent of that pod; nothing when it is."""
    if not _is_listing(hello.get("interfaces")):
        return f"what answers is not podwire's agent: its interfaces are {str(hello.get('interfaces'))[:80]!r}"
    servers = hello.get("dns", [])
    if not isinstance(servers, list) or not all(isinstance(one, str) for one in servers):
        return f"what answers is not podwire's agent: its DNS servers are {str(servers)[:80]!r}"
    identity = hello.get("identity")
    if pod not in (OUTSIDE, identity):
        return f"its agent takes itself for {identity!r}: something has changed the environment of the pod (a webhook?)"
    if pod != OUTSIDE and is_another(hello):
        return (
            f"its agent is another one than was put there (length and sum of its file: {str(hello.get('file'))[:40]})"
        )
    return ""


def is_another(hello: Mapping[str, Any]) -> bool:
    """Whether an agent was started from another file than the one of this podwire."""
    return hello.get("file") != agent_sum()


def _is_listing(tree: object) -> bool:
    return isinstance(tree, list) and all(
        isinstance(one, dict)
        and isinstance(one.get("name"), str)
        and isinstance(one.get("mac"), str | None)
        and isinstance(one.get("addresses"), list)
        and all(isinstance(address, str) for address in one["addresses"])
        for one in tree
    )


def await_echo(
    agents: Mapping[str, AgentClient],
    deployment: Deployment,
    answering: Collection[str],
    tokens: Iterator[str],
    seconds: float,
) -> None:
    """A pod is ready when its process runs; wait until its echo listens, as it finds out itself. It has so many seconds
    from the moment at which the one before it was found to listen."""
    waiting = {
        probe.pod: (own_address(probe, next(iter(probe.addresses))) or "", probe.port)
        for probe in deployment.probes
        if probe.pod in answering and probe.addresses
    }
    until = time.monotonic() + seconds
    while waiting:
        asked = {}
        for pod, (address, port) in waiting.items():
            parameters = exchange_of(address, port, next(tokens), timeout=1.0)
            asked[pod] = agents[pod].call("exchange", parameters, seconds)
        for pod, answer in asked.items():
            try:
                listens = attempt_of(answer.result(seconds)).answered
            except (AgentError, ChannelLost, TimeoutError) as problem:
                deployment.problems.setdefault(pod, f"the agent does not answer: {problem}")
                listens = True
            if listens:
                del waiting[pod]
                until = time.monotonic() + seconds
        if waiting and time.monotonic() > until:
            for pod in waiting:
                deployment.problems.setdefault(pod, f"its echo does not listen after {seconds:g} s")
            return


def unusable(case: Case, deployment: Deployment, facts: ClusterFacts, answering: Collection[str]) -> str | None:
    """Why a case cannot be run at all: a node is not ready, or a probe is missing, or is not what it should be."""
    why = why_no_verdict(case, facts)
    if why:
        return why
    if case.client.probe == OUTSIDE and OUTSIDE not in answering:
        return f"the agent on the host outside: {deployment.problems.get(OUTSIDE, 'it does not answer')}"
    for slot in (case.client, case.server):
        if not slot.is_probe:
            continue
        try:
            probe = probe_of(slot, deployment)
        except NoTarget as problem:
            return str(problem)
        if probe.pod in deployment.problems:
            return f"{probe.pod}: {deployment.problems[probe.pod]}"
        if probe.pod not in answering:
            return f"{probe.pod}: no agent answers"
        if slot.probe == "host" and not _is_host(probe.node, probe.addresses.values(), facts):
            return f"{probe.pod} does not have the address of its node: it is not on the host network"
    return None


def _is_host(node: str, addresses: Collection[str], facts: ClusterFacts) -> bool:
    found = next((one for one in facts.nodes if one.name == node), None)
    return found is not None and set(addresses) <= set(found.addresses)
