"""The rules of the model, each as one sentence with where it is documented. Pure.

The sentences are podwire's own; the sources have the words that count.
"""

from __future__ import annotations

from dataclasses import dataclass

CONCEPTS = "https://kubernetes.io/docs/concepts/services-networking/network-policies/"
REFERENCE = "https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/"
CLUSTER = "https://network-policy-api.sigs.k8s.io/api-overview/"


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """A rule of the model: its name, what it says, and where the documents say it."""

    name: str
    says: str
    source: str


def _of(source: str, **sentences: str) -> tuple[Sentence, ...]:
    return tuple(Sentence(name=n.replace("_", "-"), says=s, source=source) for n, s in sentences.items())


_ROWS = (
    *_of(
        CONCEPTS,
        itself="A pod cannot block access to itself.",
        own_node="Traffic between a pod and the node that it runs on is always allowed.",
        answer="Answers on an allowed connection are allowed, whatever policies say of the other direction.",
        not_isolated="A pod that no policy selects for a direction is not isolated in that direction.",
        isolated="A pod that a policy selects for a direction is isolated in it: what no rule allows is denied.",
        both_ends="A connection must be allowed by the egress rules of its source and the ingress rules of its target.",
        add_up="Policies add up: what one of them allows is allowed, and their order changes nothing.",
        own_namespace="A policy applies to pods of its own namespace only.",
        pods="A pod selector alone selects pods of the policy's own namespace.",
        namespaces="A namespace selector alone selects all pods of the namespaces that it selects.",
        both="A peer with both selectors selects pods that match the one in namespaces that match the other.",
        block="An IP block selects the addresses of its network.",
        excepted="An IP block does not select the addresses of its exceptions.",
        protocols="Network policies are defined for TCP, UDP and SCTP; what they do to other protocols is not.",
        node_network="What policies do to a pod with its node's network is not defined.",
        starting="A pod is isolated from its first instant on, and rules that allow follow when they are in force.",
    ),
    *_of(
        REFERENCE,
        any_peer="A rule without peers matches every source or destination.",
        any_port="A rule without ports matches every port.",
        one_peer="The peers of a rule are alternatives: one that matches is enough.",
        empty_selector="An empty selector selects all objects; one that is not there selects nothing by itself.",
        port="A port by number matches that port of its protocol, which is TCP where none is given.",
        every_port="An entry without a port matches every port of its protocol.",
        range="A port with an end port matches every port from the one to the other, both included.",
        named_port="A named port matches the port that has this name and protocol in the pod that is connected to.",
        policy_types="A policy without types is for ingress, and for egress too if it has egress rules.",
    ),
    *_of(
        CLUSTER,
        admin="Rules of the Admin tier come first, the lowest priority first, and what they accept or deny is final.",
        passed="Pass skips the rest of its tier.",
        baseline="Rules of the Baseline tier decide only where no network policy isolates the pod.",
        ambiguous="Which of several policies of one tier and priority applies is not defined.",
        unknown_peer="A rule with a peer of an unknown kind accepts nothing and denies everything.",
    ),
)
SENTENCES = {row.name: row for row in _ROWS}
"""All rules of the model by name."""
