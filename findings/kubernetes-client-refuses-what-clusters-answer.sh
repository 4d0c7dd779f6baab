#!/bin/sh
# kubernetes 35.0.0 and 37.0.2 (PyPI): lists that a real API server answers cannot be read as typed objects.
#
# Two values that clusters send are null where the OpenAPI document calls the field required: `eventTime` of an event in
# events.k8s.io/v1 that was written through core/v1 (scheduler and kubelet write none), and `endpoints` of an
# EndpointSlice of a Service without pods. One such object costs the whole list, and the error is no ApiException, so a
# program that catches that one ends. Release 36 put other models in the place of the checked classes: what is refused,
# and by which error, differs. A client that takes JSON as it is (DynamicClient, _preload_content=False) reads all of it.
#
# Seen: 35.0.0: ValueError for both. 37.0.2: pydantic's ValidationError for the event, the slice is read.
# Exit code 0 as long as that is so, 1 when it changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/try.py" <<'PY'
import json
import sys

from kubernetes import client

EVENTS = {
    "kind": "EventList", "apiVersion": "events.k8s.io/v1", "metadata": {"resourceVersion": "1"},
    "items": [{"metadata": {"name": "web.1", "namespace": "default"}, "eventTime": None, "reason": "Started",
               "regarding": {"kind": "Pod", "name": "web"}, "type": "Normal"}],
}
SLICES = {
    "kind": "EndpointSliceList", "apiVersion": "discovery.k8s.io/v1", "metadata": {"resourceVersion": "1"},
    "items": [{"metadata": {"name": "web-1", "namespace": "default"}, "addressType": "IPv4", "endpoints": None,
               "ports": None}],
}


class Answer:
    def __init__(self, tree):
        self.data = json.dumps(tree)


def read(tree, kind):
    api = client.ApiClient()
    try:
        try:
            api.deserialize(Answer(tree), kind)
        except TypeError:  # from release 36 on: text, type, media type
            api.deserialize(json.dumps(tree), kind, "application/json")
        return "read"
    except Exception as error:
        return type(error).__name__


seen = f"event {read(EVENTS, 'EventsV1EventList')}, slice {read(SLICES, 'V1EndpointSliceList')}"
print(f"kubernetes {sys.argv[1]}: {seen}")
sys.exit(0 if seen == sys.argv[2] else 1)
PY
check() {
    "${PYTHON:-python3}" -m venv "$work/$1"
    "$work/$1/bin/python" -m pip install -q --disable-pip-version-check "kubernetes==$1"
    "$work/$1/bin/python" "$work/try.py" "$1" "$2"
}
check 35.0.0 "event ValueError, slice ValueError"
check 37.0.2 "event ValidationError, slice read"
