"""Faults in the objects of a run: the namespace, pods, Services."""

from fault_rules import (
    NAMED,
    NAMES,
    NO_RUN,
    NS,
    POD,
    PODS,
    RUNS,
    SERVICE,
    ApiFault,
    changed,
    first,
    moved,
    of_others,
    on,
    several,
    without,
)
from misbehaving_api import CUT, RESET, RESET_BEFORE, SILENT, Act, refuse

DENIED = 'admission webhook "rules.example" denied the request:'
STRANGER = {
    "metadata": {"name": "stranger", "namespace": "default"},
    "spec": {},
    "status": {"phase": "Running", "podIPs": [{}]},
}


def with_bad_ports(tree):
    return {**tree, "spec": {**tree["spec"], "ports": [None]}}


FAULTS_OF_OBJECTS = (
    # The namespace
    ApiFault(
        "namespace-reset", "makes the namespace and resets the connection", RUNS, on(*NS, RESET, numbers=first(1))
    ),
    ApiFault(
        "namespace-reset-before",
        "resets the connection before it makes the namespace",
        RUNS,
        on(*NS, RESET_BEFORE, numbers=first(1)),
    ),
    ApiFault(
        "namespace-500",
        "makes the namespace and answers 500",
        RUNS,
        on(*NS, refuse(500, "InternalError", "etcdserver: request timed out", done=True), numbers=first(1)),
    ),
    ApiFault(
        "namespace-504",
        "makes the namespace and answers 504",
        RUNS,
        on(*NS, refuse(504, "Timeout", "timed out", done=True), numbers=first(1)),
    ),
    ApiFault(
        "namespace-503",
        "answers 503 to the creation of the namespace, twice",
        RUNS,
        on(*NS, refuse(503, "ServiceUnavailable"), numbers=first(2)),
    ),
    ApiFault(
        "namespace-429",
        "answers 429 with Retry-After to the creation of the namespace",
        RUNS,
        on(*NS, refuse(429, "TooManyRequests", **{"Retry-After": "1"}), numbers=first(1)),
    ),
    ApiFault("namespace-cut", "makes the namespace and cuts its answer short", RUNS, on(*NS, CUT, numbers=first(1))),
    ApiFault(
        "namespace-always-500",
        "makes the namespace and answers every request for it with 500",
        RUNS,
        on(*NS, lambda r: refuse(500, "InternalError", "no", done=True) if r.number == 1 else None),
    ),
    ApiFault(
        "namespace-never-told",
        "makes the namespace and never confirms it",
        NO_RUN,
        on(*NS, RESET),
        "no connection.*should namespace podwire-r1 appear after all: podwire cleanup .*--run r1",
    ),
    ApiFault(
        "namespace-silent", "makes the namespace and does not answer", NO_RUN, on(*NS, SILENT), "no answer came in time"
    ),
    ApiFault(
        "namespace-then-away",
        "makes the namespace, resets the connection and stays unreachable",
        NAMED,
        several(on(*NS, RESET), lambda r: RESET_BEFORE if r.plural == "namespaces" else None),
        "namespace podwire-r1 may still exist.*podwire cleanup .*--run r1",
    ),
    ApiFault(
        "namespace-forbidden",
        "refuses to make namespaces (403)",
        NO_RUN,
        on(*NS, refuse(403, "Forbidden", 'User "u" cannot create resource "namespaces" in API group ""')),
        "not allowed to create namespaces",
    ),
    # One object is refused
    ApiFault(
        "quota-one-pod",
        "refuses one pod because of a quota",
        POD,
        on("apply", "pods", refuse(403, "Forbidden", 'pods "l1-a" is forbidden: exceeded quota: q'), name="l1-a"),
        "exceeded quota",
    ),
    ApiFault(
        "webhook-denies-one-pod",
        "refuses one pod because of a webhook",
        POD,
        on("apply", "pods", refuse(400, "BadRequest", "admission webhook denied the request"), name="l1-a"),
        "admission webhook denied",
    ),
    ApiFault(
        "webhook-fails-for-one-pod",
        "cannot reach its webhook for one pod (500)",
        POD,
        on("apply", "pods", refuse(500, "InternalError", "failed calling webhook"), name="l1-a"),
        "failed calling webhook",
    ),
    ApiFault(
        "quota-one-service",
        "refuses one Service because of a quota",
        SERVICE,
        on("apply", "services", refuse(403, "Forbidden", "exceeded quota: q"), name="echo-l1-a"),
        "exceeded quota",
    ),
    ApiFault(
        "webhook-fails-for-one-service",
        "cannot reach its webhook for one Service (500)",
        SERVICE,
        on("apply", "services", refuse(500, "InternalError", "failed calling webhook"), name="echo-l1-a"),
        "failed calling webhook",
    ),
    ApiFault(
        "webhook-speaks-of-resources",
        "refuses one pod by a webhook, in words that authorization uses too (403)",
        POD,
        on("apply", "pods", refuse(403, "Forbidden", f"{DENIED} container x cannot use resource cpu"), name="l1-a"),
        "cannot use resource cpu",
    ),
    ApiFault(
        "webhook-speaks-of-rights",
        "refuses one pod by a webhook, in the sentence of authorization (403)",
        POD,
        on("apply", "pods", refuse(403, "Forbidden", f'{DENIED} User "u" cannot create resource "pods"'), name="l1-a"),
        "admission webhook",
    ),
    ApiFault(
        "webhook-says-401",
        "refuses one pod by a webhook that answers 401",
        POD,
        on("apply", "pods", refuse(401, "Unauthorized", f"{DENIED} no signature"), name="l1-a"),
        "no signature",
    ),
    ApiFault(
        "service-malformed",
        "tells ports of one Service that are none",
        SERVICE,
        on("apply", "services", Act(change=with_bad_ports), name="echo-l1-a"),
        "Service echo-l1-a: .*cannot read an API object",
    ),
    ApiFault(
        "quota-names-of-pods",
        "refuses the headless Service by a quota",
        NAMES,
        on("apply", "services", refuse(403, "Forbidden", "exceeded quota: q"), name="pods"),
        "Service pods: the API server refuses it: exceeded quota",
    ),
    ApiFault(
        "webhook-fails-for-names-of-pods",
        "cannot ask its webhook about the headless Service (500)",
        NAMES,
        on("apply", "services", refuse(500, "InternalError", "failed calling webhook"), name="pods"),
        "Service pods: the API server refuses it: failed calling webhook",
    ),
    ApiFault(
        "services-forbidden",
        "does not allow Services to be made",
        NO_RUN,
        on("apply", "services", refuse(403, "Forbidden", 'User "u" cannot patch resource "services" in API group ""')),
        "not allowed to",
    ),
    ApiFault(
        "quota-agent",
        "refuses the agent's ConfigMap by a quota",
        NO_RUN,
        on("apply", "configmaps", refuse(403, "Forbidden", "exceeded quota: q")),
        "podwire-agent in namespace podwire-r1: exceeded quota",
    ),
    ApiFault(
        "pods-of-others-500",
        "answers 500 when it is asked for the pods of others",
        RUNS,
        of_others(refuse(500, "InternalError", "no")),
    ),
    ApiFault(
        "pods-of-others-malformed",
        "lists pods of others that have no address where one should be",
        RUNS,
        of_others(Act(change=lambda tree: {"items": [STRANGER], "metadata": {}})),
    ),
    ApiFault(
        "endpoints-malformed",
        "lists EndpointSlices whose endpoints are none",
        RUNS,
        on("list", "endpointslices", changed(endpoints=[None])),
    ),
    ApiFault(
        "quota-all-pods",
        "refuses all pods because of a quota",
        NO_RUN,
        on("apply", "pods", refuse(403, "Forbidden", "exceeded quota: q")),
        "no probe became ready.*exceeded quota",
    ),
    # A pod is not what was asked for
    ApiFault(
        "pod-on-another-node",
        "runs one pod on the wrong node",
        POD,
        on(*PODS, changed(of="l1-a", spec=lambda i: {**i["spec"], "nodeName": "l2"})),
        "it runs on node l2, but podwire made it for node l1",
    ),
    ApiFault(
        "webhook-moves-a-pod",
        "changes the nodeSelector of one pod with a webhook",
        POD,
        on("apply", "pods", moved, name="l1-a"),
        "it runs on node l2, but podwire made it for node l1",
    ),
    ApiFault(
        "pod-without-a-node",
        "reports a ready pod without its node",
        POD,
        on(*PODS, changed(of="l1-a", spec=lambda i: {**i["spec"], "nodeName": None})),
        "does not say on which node",
    ),
    ApiFault(
        "pod-renamed",
        "makes a pod with another name",
        POD,
        on("apply", "pods", Act(change=lambda t: {**t, "metadata": {**t["metadata"], "name": "other"}}), name="l1-a"),
        "created a pod with another name, other",
    ),
    ApiFault(
        "pod-status-malformed",
        "reports a malformed status of one pod",
        POD,
        on(*PODS, changed(of="l1-a", status={"conditions": [None]})),
        "cannot read an API object",
    ),
    ApiFault(
        "pod-addresses-malformed",
        "reports malformed addresses of one pod",
        POD,
        on(*PODS, changed(of="l1-a", status=lambda i: {**i["status"], "podIPs": [{"ip": "not-an-address"}]})),
        "cannot read its addresses",
    ),
    ApiFault(
        "pod-deleted",
        "deletes one pod while the probes start",
        POD,
        several(
            on(*PODS, without("l1-a"), numbers=range(2, 999)),
            on(*PODS, changed(of="l1-a", status={"phase": "Pending"})),
            on("get", "pods", refuse(404, "NotFound"), name="l1-a"),
        ),
        "another client than podwire deleted it",
    ),
)
