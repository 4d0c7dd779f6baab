"""Faults in the answers of an API server."""

from fault_rules import (
    NO_RUN,
    NODES,
    PODS,
    RUNS,
    ApiFault,
    changed,
    endless,
    first,
    forgetful,
    forgetful_once,
    on,
    several,
    until_token,
    without,
)
from misbehaving_api import CUT, RESET, SILENT, Act, refuse

FAULTS_OF_ANSWERS = (
    # Lists
    ApiFault("pods-listed-late", "lists new pods late", RUNS, on(*PODS, Act(obj={"items": []}), numbers=first(4))),
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
        "reports malformed node addresses",
        NO_RUN,
        on(*NODES, changed(status=lambda i: {**i["status"], "addresses": [{"type": "InternalIP", "address": 7}]})),
        "the API has an invalid address or pod network",
    ),
    ApiFault(
        "bad-cidrs",
        "reports malformed pod CIDRs",
        NO_RUN,
        on(*NODES, changed(spec=lambda i: {**i["spec"], "podCIDRs": ["10.244.0.0/99"]})),
        "the API has an invalid address or pod network",
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
        "sends its answer byte by byte",
        NO_RUN,
        on(*NODES, Act(how="slow")),
        "its answer is not complete after",
    ),
    ApiFault(
        "a-byte-of-head-a-time",
        "sends the head of its answer byte by byte",
        NO_RUN,
        on(*NODES, Act(how="slow-head")),
        "its answer is not complete after|no answer came in time",
    ),
    ApiFault("silent", "accepts the request and does not answer", NO_RUN, on(*NODES, SILENT), "no answer came in time"),
    ApiFault(
        "garbage",
        "answers with something that is not HTTP",
        NO_RUN,
        on(*NODES, Act(how="garbage")),
        "API server http://127.0.0.1:",
    ),
    ApiFault(
        "redirect",
        "redirects the client",
        NO_RUN,
        on(*NODES, Act(code=302, obj=b"", headers={"Location": "http://192.0.2.1/"})),
        "not a JSON object",
    ),
    ApiFault(
        "login-page",
        "answers with a login page",
        NO_RUN,
        on(*NODES, Act(obj=b"<html>log in</html>")),
        "check that this address is a Kubernetes API server",
    ),
    ApiFault(
        "huge",
        "sends an endless answer",
        NO_RUN,
        on(*NODES, Act(obj=b'{"items": ["' + b"x" * 3_000_000)),
        "its answer is longer than",
    ),
    ApiFault(
        "endless-pages",
        "always announces another page of a list",
        NO_RUN,
        on(*NODES, endless),
        r"its list of nodes does not end",
    ),
    ApiFault(
        "same-page",
        "always announces the same next page of a list",
        NO_RUN,
        on(*NODES, Act(obj={"items": [], "metadata": {"continue": "x"}})),
        "its list of nodes does not end",
    ),
    ApiFault(
        "continue-expired-once", "lets the continue token of a list expire once (410)", RUNS, on(*NODES, forgetful_once)
    ),
    ApiFault(
        "continue-expired",
        "lets every continue token expire (410)",
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
        "stores the agent's ConfigMap and resets the connection",
        RUNS,
        on("apply", "configmaps", RESET, numbers=first(1)),
    ),
    # Who asks
    ApiFault("token-expired", "accepts only the second token of the exec plugin (401)", RUNS, until_token("token-2")),
    ApiFault(
        "token-never-right", "accepts no token (401)", NO_RUN, lambda r: refuse(401, "Unauthorized"), "401 Unauthorized"
    ),
)
