"""Lists, watches, formats and tokens: the parts of the protocol that no recording shows."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

MAPS = "/api/v1/namespaces/default/configmaps"
PARTIAL = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


def config_map(name: str, **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}, "data": {"k": "v"}}


def fill(api: Any, count: int) -> list[str]:
    names = [f"m{number}" for number in range(count)]
    for name in names:
        assert api.ask("POST", MAPS, config_map(name, n=name)).status == 201
    return names


def test_a_list_comes_in_pages(api: Any) -> None:
    names, found, query = fill(api, 5), [], "?limit=2"
    rests = []
    while True:
        page = api.ask("GET", MAPS + query).json
        found += [each["metadata"]["name"] for each in page["items"]]
        rests.append(page["metadata"].get("remainingItemCount"))
        if "continue" not in page["metadata"]:
            break
        query = f"?limit=2&continue={page['metadata']['continue']}"
    assert found == names
    assert rests == [3, 1, None]
    assert api.ask("GET", MAPS + "?continue=x").status == 400


def test_metadata_alone_can_be_asked_for(api: Any) -> None:
    fill(api, 1)
    listed = api.ask("GET", MAPS, accept=PARTIAL).json
    assert listed["kind"] == "PartialObjectMetadataList"
    assert "data" not in listed["items"][0]
    assert api.ask("GET", MAPS, accept="text/html").status == 406


def lines(api: Any, query: str) -> Any:
    request = urllib.request.Request(f"{api.url}{MAPS}?watch=true&{query}")
    request.add_header("Authorization", f"Bearer {api.token}")
    with urllib.request.urlopen(request, timeout=10) as answer:
        for line in answer:
            yield json.loads(line)


def test_a_watch_list_shows_the_state_then_a_bookmark_then_changes(api: Any) -> None:
    fill(api, 2)
    query = "allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=5"
    events = lines(api, query)
    first = [next(events) for _ in range(3)]
    assert [each["type"] for each in first] == ["ADDED", "ADDED", "BOOKMARK"]
    assert first[2]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    api.ask("DELETE", f"{MAPS}/m0")
    gone = next(events)
    assert (gone["type"], gone["object"]["metadata"]["name"]) == ("DELETED", "m0")


def test_an_object_that_leaves_the_selection_is_deleted_for_the_watcher(api: Any) -> None:
    fill(api, 1)
    events = lines(api, "labelSelector=n%3Dm0&timeoutSeconds=5")
    assert next(events)["type"] == "ADDED"
    for value, kind in (("other", "DELETED"), ("m0", "ADDED")):
        body = {"metadata": {"labels": {"n": value}}}
        api.ask("PATCH", f"{MAPS}/m0", body, kind="application/merge-patch+json")
        assert next(events)["type"] == kind


def test_send_initial_events_needs_its_match(api: Any) -> None:
    assert api.ask("GET", f"{MAPS}?watch=1&sendInitialEvents=true").status == 422


def test_a_table_row_can_carry_the_whole_object(api: Any) -> None:
    fill(api, 1)
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    table = api.ask("GET", f"{MAPS}?includeObject=Object", accept=accept).json
    assert table["rows"][0]["object"]["data"] == {"k": "v"}
    assert [each["name"] for each in table["columnDefinitions"]] == ["Name", "Data", "Age"]


def test_yaml_is_read_and_times_stay_text(api: Any) -> None:
    body = "{apiVersion: v1, kind: ConfigMap, metadata: {name: y, annotations: {at: 2026-01-01}}}"
    reply = api.ask("POST", MAPS, body, kind="application/yaml")
    assert reply.json["metadata"]["annotations"] == {"at": "2026-01-01"}


def test_a_name_that_differs_from_the_path_is_refused(api: Any) -> None:
    fill(api, 1)
    assert api.ask("PUT", f"{MAPS}/m0", config_map("m1")).status == 400
    assert api.ask("POST", MAPS, {**config_map("z"), "kind": "Secret"}).status == 400
    other = {**config_map("z"), "metadata": {"name": "z", "namespace": "kube-system"}}
    assert api.ask("POST", MAPS, other).status == 400


def test_unknown_paths_methods_and_types_have_their_codes(api: Any) -> None:
    assert api.ask("GET", "/apis/none.example/v1/things").status == 404
    assert api.ask("GET", "/api/v1/namespaces/default/pods/a/portforward").status == 404
    assert api.ask("PUT", MAPS, config_map("a")).status == 405
    assert api.ask("POST", MAPS, "x", kind="text/plain").status == 415
    assert api.ask("PATCH", f"{MAPS}/a", {}, kind="application/json").status == 415
    assert api.ask("PATCH", f"{MAPS}/a", config_map("a"), kind="application/apply-patch+yaml").status == 422


def test_a_token_is_needed_but_for_health_and_version(api: Any) -> None:
    assert api.ask("GET", "/readyz", token=None).body == b"ok"
    assert api.ask("GET", "/version", token=None).status == 200
    assert api.ask("GET", "/api", token=None).status == 401
    assert api.ask("GET", "/version", token="wrong").status == 401


def test_the_token_may_stand_in_the_path(api: Any) -> None:
    assert api.ask("GET", f"/token/{api.token}/api/v1/nodes", token=None).status == 200
    assert api.ask("GET", "/token/wrong/api/v1/nodes").status == 401


def test_an_access_review_is_read_from_protobuf_too(api: Any) -> None:
    def field(number: int, data: bytes) -> bytes:
        return bytes([number << 3 | 2, len(data)]) + data

    attributes = field(1, b"rec") + field(2, b"create") + field(5, b"pods") + field(6, b"exec")
    review = field(1, b"") + field(2, field(1, attributes)) + field(3, b"\x08\x00")
    kind = field(1, b"authorization.k8s.io/v1") + field(2, b"SelfSubjectAccessReview")
    envelope = b"k8s\x00" + field(1, kind) + field(2, review)
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    for token, allowed in ((api.token, True), ("weak", False)):
        request = urllib.request.Request(api.url + path, envelope, method="POST")
        request.add_header("Content-Type", "application/vnd.kubernetes.protobuf")
        request.add_header("Authorization", f"Bearer {token}")
        with urllib.request.urlopen(request, timeout=5) as answer:
            body = json.load(answer)
        assert body["spec"]["resourceAttributes"]["subresource"] == "exec"
        assert body["status"] == {"allowed": allowed}
