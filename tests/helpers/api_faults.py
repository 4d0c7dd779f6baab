"""The misbehaviour of API servers that podwire is held against, each with what must come out. docs/reliability.md is
made from it."""

from dataclasses import dataclass

from misbehaving_api import CUT, RESET, RESET_BEFORE, SILENT, Act, refuse

RUNS = "the run goes on as if nothing had happened"
POD = "the cases of that pod are inconclusive and say why; all others run"
SERVICE = "the cases of that Service are inconclusive and say why; all others run"
NO_RUN = "exit code 3 and one line; nothing is left"
NAMED = "exit code 3; what may have stayed is named, with the command that removes it"
KEPT = "the results are kept; what stays is named, with the command that removes it"
INTERRUPTED = "the removal is asked for, its end is not awaited; what stays is named"


@dataclass(frozen=True)
class ApiFault:
    """`does` says what the server does, `end` what must come out, `says` what the line must hold (a pattern)."""

    name: str
    does: str
    end: str
    rule: object
    says: str = ""


def on(verb, plural, act, *, name=None, numbers=None):
    """A rule for the requests of that verb and kind: of one object, of the first ones; `act` may be a function."""

    def rule(request):
        fits = (request.verb, request.plural) == (verb, plural) and name in (None, request.name)
        if not fits or (numbers is not None and request.number not in numbers):
            return None
        return act(request) if callable(act) else act

    return rule


def first(count):
    return range(1, count + 1)


def changed(**fields):
    """An act that changes fields of the objects of a list, those named `of`, by functions of the object."""
    of = fields.pop("of", None)

    def change(tree):
        for item in tree.get("items", ()):
            if of in (None, item["metadata"]["name"]):
                for field, value in fields.items():
                    item[field] = value(item) if callable(value) else value
        return tree

    return Act(change=change)


def without(name):
    return Act(change=lambda tree: {**tree, "items": [i for i in tree["items"] if i["metadata"]["name"] != name]})


def moved(request):
    """A webhook sends the pod to another node."""
    request.body["spec"]["nodeSelector"]["kubernetes.io/hostname"] = "l2"


def endless(request):
    return Act(obj={"items": [], "metadata": {"continue": f"page-{request.number}"}})


def forgetful(request):
    if "continue" in request.query:
        return refuse(410, "Expired", "The provided continue parameter is too old")
    return Act(change=lambda tree: {**tree, "metadata": {"continue": "next"}})


def forgetful_once(request):
    return forgetful(request) if request.number <= 2 else None


def until_token(wanted):
    """401 until the request has this token."""
    return lambda request: None if request.authorization == f"Bearer {wanted}" else refuse(401, "Unauthorized")


def only_after_deploying(act):
    """Whatever is asked once the namespace is on its way out."""
    state = {"going": False}

    def rule(request):
        state["going"] = state["going"] or (request.verb, request.plural) == ("get", "namespaces")
        return act if state["going"] else None

    return rule


def several(*rules):
    def rule(request):
        return next((act for one in rules if (act := one(request)) is not None), None)

    return rule


def kubelet_stuck(tree):
    return {**tree, "metadata": {**tree["metadata"], "deletionTimestamp": "2026-11-24T00:00:00Z"}}


NODES, NS, PODS = ("list", "nodes"), ("create", "namespaces"), ("list", "pods")
ANY = ("get", "version")

API_FAULTS = (
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
        "makes the namespace and answers 500 whenever it is asked for it",
        RUNS,
        on(*NS, lambda r: refuse(500, "InternalError", "no", done=True) if r.number == 1 else None),
    ),
    ApiFault(
        "namespace-never-told",
        "makes the namespace and never tells",
        NO_RUN,
        on(*NS, RESET),
        "no connection.*should namespace podwire-r1 appear after all: podwire cleanup .*--run r1",
    ),
    ApiFault(
        "namespace-silent", "makes the namespace and says nothing", NO_RUN, on(*NS, SILENT), "no answer came in time"
    ),
    ApiFault(
        "namespace-then-away",
        "makes the namespace, resets the connection and is away from then on",
        NAMED,
        several(on(*NS, RESET), lambda r: RESET_BEFORE if r.plural == "namespaces" else None),
        "namespace podwire-r1 may have stayed.*podwire cleanup .*--run r1",
    ),
    ApiFault(
        "namespace-forbidden",
        "does not allow namespaces to be made",
        NO_RUN,
        on(*NS, refuse(403, "Forbidden", 'User "u" cannot create resource "namespaces" in API group ""')),
        "not allowed to create namespaces",
    ),
    # One object is refused
    ApiFault(
        "quota-one-pod",
        "refuses one pod by a quota",
        POD,
        on("apply", "pods", refuse(403, "Forbidden", 'pods "l1-a" is forbidden: exceeded quota: q'), name="l1-a"),
        "exceeded quota",
    ),
    ApiFault(
        "webhook-denies-one-pod",
        "refuses one pod by a webhook",
        POD,
        on("apply", "pods", refuse(400, "BadRequest", "admission webhook denied the request"), name="l1-a"),
        "admission webhook denied",
    ),
    ApiFault(
        "webhook-fails-for-one-pod",
        "cannot ask its webhook about one pod (500)",
        POD,
        on("apply", "pods", refuse(500, "InternalError", "failed calling webhook"), name="l1-a"),
        "failed calling webhook",
    ),
    ApiFault(
        "quota-one-service",
        "refuses one Service by a quota",
        SERVICE,
        on("apply", "services", refuse(403, "Forbidden", "exceeded quota: q"), name="echo-l1-a"),
        "exceeded quota",
    ),
    ApiFault(
        "webhook-fails-for-one-service",
        "cannot ask its webhook about one Service (500)",
        SERVICE,
        on("apply", "services", refuse(500, "InternalError", "failed calling webhook"), name="echo-l1-a"),
        "failed calling webhook",
    ),
    ApiFault(
        "quota-all-pods",
        "refuses all pods by a quota",
        NO_RUN,
        on("apply", "pods", refuse(403, "Forbidden", "exceeded quota: q")),
        "no probe became ready.*exceeded quota",
    ),
    # A pod is not what was asked for
    ApiFault(
        "pod-on-another-node",
        "runs one pod on another node than asked for",
        POD,
        on(*PODS, changed(of="l1-a", spec=lambda i: {**i["spec"], "nodeName": "l2"})),
        "it runs on node l2, not on node l1",
    ),
    ApiFault(
        "webhook-moves-a-pod",
        "changes the nodeSelector of one pod by a webhook",
        POD,
        on("apply", "pods", moved, name="l1-a"),
        "it runs on node l2, not on node l1",
    ),
    ApiFault(
        "pod-without-a-node",
        "does not tell on which node a ready pod runs",
        POD,
        on(*PODS, changed(of="l1-a", spec=lambda i: {**i["spec"], "nodeName": None})),
        "does not tell on which node",
    ),
    ApiFault(
        "pod-renamed",
        "makes a pod of another name",
        POD,
        on("apply", "pods", Act(change=lambda t: {**t, "metadata": {**t["metadata"], "name": "other"}}), name="l1-a"),
        "has made a pod other of it",
    ),
    ApiFault(
        "pod-status-malformed",
        "tells a status of one pod that is none",
        POD,
        on(*PODS, changed(of="l1-a", status={"conditions": [None]})),
        "cannot be read",
    ),
    ApiFault(
        "pod-addresses-malformed",
        "tells addresses of one pod that are none",
        POD,
        on(*PODS, changed(of="l1-a", status=lambda i: {**i["status"], "podIPs": [{"ip": "not-an-address"}]})),
        "cannot be read",
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
        "it was deleted by somebody else",
    ),
    # Lists
    ApiFault(
        "pods-listed-late", "lists new pods a moment late", RUNS, on(*PODS, Act(obj={"items": []}), numbers=first(4))
    ),
    ApiFault(
        "pod-missing-once",
        "leaves a pod out of one list",
        RUNS,
        several(
            on(*PODS, changed(of="l1-a", status={"phase": "Pending"}), numbers=first(2)),
            on(*PODS, without("l1-a"), numbers=range(3, 5)),
        ),
    ),
    ApiFault(
        "pods-never-listed",
        "never lists a pod that it has",
        NO_RUN,
        on(*PODS, Act(obj={"items": []})),
        "the API server does not list it",
    ),
    ApiFault(
        "pods-500-for-a-moment",
        "answers 500 to some lists of pods",
        RUNS,
        on(*PODS, refuse(500, "InternalError"), numbers=first(2)),
    ),
    ApiFault("no-nodes", "lists no node", NO_RUN, on(*NODES, Act(obj={"items": []})), "the cluster has no nodes"),
    ApiFault(
        "items-null",
        "lists null instead of a node",
        NO_RUN,
        on(*NODES, Act(obj={"items": [None]})),
        "among nodes is no object with a name: null",
    ),
    ApiFault(
        "items-text",
        "lists a text instead of nodes",
        NO_RUN,
        on(*NODES, Act(obj={"items": "nodes"})),
        "is not a list of objects",
    ),
    ApiFault(
        "no-metadata",
        "lists a node without metadata",
        NO_RUN,
        on(*NODES, Act(obj={"items": [{"spec": {}}]})),
        "among nodes is no object with a name",
    ),
    ApiFault(
        "labels-list",
        "lists a node whose labels are a list",
        NO_RUN,
        on(*NODES, changed(metadata=lambda i: {**i["metadata"], "labels": ["a"]})),
        "labels of l1 among nodes are not a mapping",
    ),
    ApiFault(
        "bad-addresses",
        "tells node addresses that are none",
        NO_RUN,
        on(*NODES, changed(status=lambda i: {**i["status"], "addresses": [{"type": "InternalIP", "address": 7}]})),
        "cannot be read",
    ),
    ApiFault(
        "bad-cidrs",
        "tells pod networks that are none",
        NO_RUN,
        on(*NODES, changed(spec=lambda i: {**i["spec"], "podCIDRs": ["10.244.0.0/99"]})),
        "cannot be read",
    ),
    ApiFault("a-list-of-lists", "answers with a JSON list", NO_RUN, on(*NODES, Act(obj=[])), "not a JSON object"),
    ApiFault(
        "deep-json",
        "answers with JSON of a hundred thousand levels",
        NO_RUN,
        on(*NODES, Act(obj=b"[" * 100_000)),
        "not a JSON object",
    ),
    # How an answer comes
    ApiFault("json-cut-once", "cuts the JSON of one answer", RUNS, on(*NODES, CUT, numbers=first(1))),
    ApiFault("json-cut", "cuts the JSON of every answer", NO_RUN, on(*NODES, CUT), "its answer ends in the middle"),
    ApiFault(
        "bytes-missing-once",
        "sends fewer bytes than it promised, once",
        RUNS,
        on(*NODES, Act(how="short"), numbers=first(1)),
    ),
    ApiFault(
        "a-byte-a-time",
        "sends its answer a byte a time",
        NO_RUN,
        on(*NODES, Act(how="slow")),
        "its answer is not complete after",
    ),
    ApiFault(
        "a-byte-of-head-a-time",
        "sends the head of its answer a byte a time",
        NO_RUN,
        on(*NODES, Act(how="slow-head")),
        "its answer is not complete after|no answer came in time",
    ),
    ApiFault("silent", "takes the request and says nothing", NO_RUN, on(*NODES, SILENT), "no answer came in time"),
    ApiFault(
        "garbage",
        "answers with something that is not HTTP",
        NO_RUN,
        on(*NODES, Act(how="garbage")),
        "API server http://127.0.0.1:",
    ),
    ApiFault(
        "redirect",
        "sends the client elsewhere",
        NO_RUN,
        on(*NODES, Act(code=302, obj=b"", headers={"Location": "http://192.0.2.1/"})),
        "not a JSON object",
    ),
    ApiFault(
        "login-page",
        "answers with a page for people",
        NO_RUN,
        on(*NODES, Act(obj=b"<html>log in</html>")),
        "is this address a Kubernetes API server",
    ),
    ApiFault(
        "huge",
        "sends an answer without an end",
        NO_RUN,
        on(*NODES, Act(obj=b'{"items": ["' + b"x" * 3_000_000)),
        "its answer is longer than",
    ),
    ApiFault(
        "endless-pages", "has always another page", NO_RUN, on(*NODES, endless), r"its list of nodes does not end"
    ),
    ApiFault(
        "same-page",
        "has always the same next page",
        NO_RUN,
        on(*NODES, Act(obj={"items": [], "metadata": {"continue": "x"}})),
        "its list of nodes does not end",
    ),
    ApiFault("continue-expired-once", "forgets once where a list was (410)", RUNS, on(*NODES, forgetful_once)),
    ApiFault(
        "continue-expired",
        "forgets always where a list was (410)",
        NO_RUN,
        on(*NODES, forgetful),
        "continue parameter is too old",
    ),
    ApiFault(
        "busy-lists",
        "answers 429 with Retry-After to lists",
        RUNS,
        on(*NODES, refuse(429, "TooManyRequests", **{"Retry-After": "1"}), numbers=first(1)),
    ),
    ApiFault(
        "agent-reset",
        "takes the agent's ConfigMap and resets the connection",
        RUNS,
        on("apply", "configmaps", RESET, numbers=first(1)),
    ),
    # Who asks
    ApiFault("token-expired", "takes the second token of the exec plugin only (401)", RUNS, until_token("token-2")),
    ApiFault(
        "token-never-right", "takes no token (401)", NO_RUN, lambda r: refuse(401, "Unauthorized"), "401 Unauthorized"
    ),
    # Clean-up
    ApiFault(
        "clean-up-401",
        "takes no token any more when the run has ended",
        KEPT,
        only_after_deploying(refuse(401, "Unauthorized")),
        "401 Unauthorized",
    ),
    ApiFault(
        "clean-up-403",
        "does not allow the namespace to be deleted",
        KEPT,
        on("delete", "namespaces", refuse(403, "Forbidden", "no")),
        "not allowed to delete",
    ),
    ApiFault(
        "clean-up-away-for-a-moment",
        "resets connections for a moment when the run has ended",
        RUNS,
        on("get", "namespaces", RESET_BEFORE, numbers=first(3)),
    ),
    ApiFault(
        "clean-up-away",
        "resets all connections when the run has ended",
        KEPT,
        only_after_deploying(RESET_BEFORE),
        "may have stayed, after",
    ),
    ApiFault(
        "clean-up-500",
        "answers 500 to everything when the run has ended",
        KEPT,
        only_after_deploying(refuse(500, "InternalError")),
        "may have stayed, after",
    ),
    ApiFault(
        "clean-up-silent",
        "says nothing any more when the run has ended",
        KEPT,
        only_after_deploying(SILENT),
        "may have stayed, after",
    ),
    ApiFault(
        "clean-up-malformed",
        "tells a namespace that is none when the run has ended",
        KEPT,
        on("get", "namespaces", Act(obj={"metadata": None})),
        "no object with a name",
    ),
    ApiFault(
        "clean-up-endless",
        "never ends the deletion of the namespace",
        KEPT,
        on("delete", "namespaces", Act(done=False, obj={})),
        "is still being deleted after",
    ),
    ApiFault(
        "clean-up-pods-refused",
        "does not allow pods to be deleted one by one",
        RUNS,
        on("delete", "pods", refuse(403, "Forbidden", "no")),
    ),
    ApiFault(
        "clean-up-interrupted",
        "takes its time, and the user presses Ctrl-C",
        INTERRUPTED,
        on("delete", "namespaces", Act(done=False, obj={})),
        "interrupted",
    ),
)
