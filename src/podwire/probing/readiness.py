"""Finds the usable probes of a run: the agent answers, it is the one that podwire deployed, and its echo listens."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from podwire.cluster.deployment.agent_archive import agent_digest
from podwire.cluster.deployment.workloads import Deployment
from podwire.model.cases import Case
from podwire.model.facts import ClusterFacts
from podwire.planning.readiness import why_no_verdict
from podwire.probing.bindings.nodes import Hello
from podwire.probing.client import AgentClient, AgentError, ChannelLost, attempt_of
from podwire.probing.controls import OUTSIDE, exchange_of, own_address
from podwire.probing.targets import NoTarget, probe_of


def hellos(agents: Mapping[str, AgentClient], deployment: Deployment, seconds: float) -> dict[str, Hello]:
    """The `hello` results of the agents by pod. `seconds` is the timeout for each.

    An agent that does not answer, or is not podwire's, is left out; the reason goes to `deployment.problems`.
    """
    answers = {pod: agent.call("hello", {}, seconds) for pod, agent in agents.items()}
    hello_by_pod: dict[str, Hello] = {}
    for pod, answer in answers.items():
        try:
            hello = answer.result(seconds)
        except (AgentError, ChannelLost, TimeoutError) as problem:
            deployment.problems.setdefault(pod, f"the agent does not answer: {problem}")
            continue
        wrong = _wrong_with(hello, pod)
        if wrong:
            deployment.problems.setdefault(pod, wrong)
        else:
            hello_by_pod[pod] = hello
    return hello_by_pod


def _wrong_with(hello: Mapping[str, Any], pod: str) -> str:
    """Why the answer is not from the agent of this pod; '' if it is."""
    if not _is_listing(hello.get("interfaces")):
        return f"another program than podwire's agent answers: its interfaces are {str(hello.get('interfaces'))[:80]!r}"
    servers = hello.get("dns", [])
    if not isinstance(servers, list) or not all(isinstance(server, str) for server in servers):
        return f"another program than podwire's agent answers: its DNS servers are {str(servers)[:80]!r}"
    identity = hello.get("identity")
    if pod not in (OUTSIDE, identity):
        return (
            f"the agent has the identity {identity!r}: something changed the pod's environment variables; "
            "check the cluster's admission webhooks"
        )
    if pod != OUTSIDE and is_another(hello):
        return f"the agent is not the one that podwire deployed: {_file_of(hello)}"
    return ""


def is_another(hello: Mapping[str, Any]) -> bool:
    """Whether an agent runs from another file than this podwire's `agent.pyz`."""
    return hello.get("file") != agent_digest()


def _file_of(hello: Mapping[str, Any]) -> str:
    """What an agent reports of its file. Earlier agents reported its length and CRC-32, and before that nothing."""
    digest = str(hello.get("file") or "")
    if not digest.startswith("sha256:"):
        return "it reports no SHA-256 of its file, so it is of an earlier podwire"
    return f"its file has the SHA-256 {digest.removeprefix('sha256:')[:64]}"


def _is_listing(tree: object) -> bool:
    return isinstance(tree, list) and all(
        isinstance(interface, dict)
        and isinstance(interface.get("name"), str)
        and isinstance(interface.get("mac"), str | None)
        and isinstance(interface.get("addresses"), list)
        and all(isinstance(address, str) for address in interface["addresses"])
        for interface in tree
    )


def await_echo(
    agents: Mapping[str, AgentClient],
    deployment: Deployment,
    answering: Collection[str],
    tokens: Iterator[str],
    seconds: float,
) -> None:
    """Wait until the echo of each pod listens: a pod is ready as soon as its process runs.

    Each agent asks its own echo. The wait ends when no further echo has come up for `seconds`; the other pods become
    `deployment.problems`.
    """
    waiting = {
        probe.pod: (own_address(probe, next(iter(probe.addresses))) or "", probe.port)
        for probe in deployment.probes
        if probe.pod in answering and probe.addresses
    }
    until = time.monotonic() + seconds
    while waiting:
        answers = {}
        for pod, (address, port) in waiting.items():
            parameters = exchange_of(address, port, next(tokens), timeout=1.0)
            answers[pod] = agents[pod].call("exchange", parameters, seconds)
        for pod, answer in answers.items():
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
                deployment.problems.setdefault(pod, f"the echo of its agent does not listen after {seconds:g} s")
            return


def unusable(case: Case, deployment: Deployment, facts: ClusterFacts, answering: Collection[str]) -> str | None:
    """Why a case cannot be sent, or None: a node is not ready, or a probe is missing or wrong."""
    why = why_no_verdict(case, facts)
    if why:
        return why
    if case.client.probe == OUTSIDE and OUTSIDE not in answering:
        return f"the host outside: {deployment.problems.get(OUTSIDE, 'its agent does not answer')}"
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
            return f"{probe.pod}: its agent does not answer"
        if slot.probe == "host" and not _is_host(probe.node, probe.addresses.values(), facts):
            return f"{probe.pod} does not have the address of its node: it is not on the host network"
    return None


def _is_host(node: str, addresses: Collection[str], facts: ClusterFacts) -> bool:
    facts_of_node = next((candidate for candidate in facts.nodes if candidate.name == node), None)
    return facts_of_node is not None and set(addresses) <= set(facts_of_node.addresses)
