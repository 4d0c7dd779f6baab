"""What a real API server answered, asked again of this one: same status, same words, same members."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

RECORDINGS = Path(__file__).parent / "recordings"
VOLATILE = re.compile(
    r"(uid|resourceVersion|time|\w*Timestamp|\w*Time|nodePort|serverAddress|remainingItemCount|continue|goVersion|git\w+|minor|"
    r"emulationMinor|minCompatibilityMinor|compiler)$"
)


def recorded(name: str) -> list[dict[str, Any]]:
    return json.loads((RECORDINGS / name).read_text())


def comparable(value: Any, key: str = "") -> Any:
    """Without what differs from one run to the next: times, versions, identities, allocated addresses."""
    if VOLATILE.match(key) and value is not None:
        return f"<{key}>"
    if key in ("clusterIP", "clusterIPs") and value not in ("None", ["None"]):
        return len(value) if isinstance(value, list) else "<address>"
    if isinstance(value, dict):
        return {name: comparable(below, name) for name, below in value.items()}
    if isinstance(value, list):
        return [comparable(each, key) for each in value]
    return re.sub(r"resource version: \d+ \(\d+\)", "<version>", value) if isinstance(value, str) else value


def without_status(obj: Any) -> Any:
    """Pods as their owner wrote them: their status is the node agent's."""
    if isinstance(obj, dict) and obj.get("kind") == "Pod":
        return {**obj, "status": {name: obj["status"].get(name) for name in ("phase", "qosClass")}}
    if isinstance(obj, dict) and obj.get("kind") == "PodList":
        items = [without_status({"kind": "Pod", **each}) for each in obj["items"]]
        return {**obj, "items": [{k: v for k, v in each.items() if k != "kind"} for each in items]}
    return obj


def without(value: Any, *names: str) -> Any:
    if isinstance(value, dict):
        return {key: without(below, *names) for key, below in value.items() if key not in names}
    return [without(each, *names) for each in value] if isinstance(value, list) else value


def shown(table: Any) -> Any:
    """A table without ages and addresses in its cells."""
    rows = [
        {**row, "cells": [re.sub(r"^\d+s$|^10\.244[.\d]+$", "<varies>", cell) for cell in row["cells"]]}
        for row in table["rows"]
    ]
    return {**table, "rows": rows}


def rules(review: Any) -> Any:
    """A review without the rules of a stock cluster's own roles: what remains is the first rule, and its form."""
    status = review["status"]
    return {
        **review,
        "status": {
            **status,
            "resourceRules": status["resourceRules"][0],
            "nonResourceRules": sorted({k for each in status["nonResourceRules"] for k in each}),
        },
    }


def ask(api: Any, entry: dict[str, Any], token: str | None = None) -> Any:
    request = entry["request"]
    return api.ask(
        request["method"],
        request["path"],
        request.get("body"),
        kind=request.get("content-type", "application/json"),
        accept=request["accept"],
        token=token or api.token,
    )


def check(reply: Any, entry: dict[str, Any]) -> None:
    expected = entry["response"]
    assert reply.status == expected["status"], reply.body
    assert reply.headers["Content-Type"].startswith(expected["content-type"].partition(";")[0])
    body = expected["body"]
    if isinstance(body, str):
        assert reply.body.decode() == body
        return
    found = reply.json
    keeps_managers = '"managedFields"' in json.dumps(body)
    if not keeps_managers:
        found = without(found, "managedFields")
    if isinstance(found, dict) and found.get("kind") == "Table":
        found, body = shown(without(found, "description")), shown(body)
    if isinstance(found, dict) and found.get("kind") == "SelfSubjectRulesReview":
        found, body = rules(found), rules(body)
    assert comparable(without_status(found)) == comparable(without_status(body))


def settled(api: Any) -> None:
    """Every pod of the recording is where it was when the recording went on."""
    for name, phase in (("a", "Running"), ("b", "Running"), ("c", "Running"), ("ends", "Failed")):
        api.until(f"/api/v1/namespaces/rec/pods/{name}", lambda r, p=phase: r.json["status"]["phase"] == p)
    api.until("/api/v1/namespaces/rec/pods/noimage", lambda r: "containerStatuses" in r.json["status"])


OBJECTS = recorded("objects.json")


@pytest.fixture(scope="module")
def objects_replayed(shared_api: Any) -> dict[str, Any]:
    """Every reply, by title: the requests build on each other, so all are made before any is judged."""
    replies: dict[str, Any] = {}
    version = ""
    for entry in OBJECTS:
        title, path = entry["title"], entry["request"]["path"]
        if title == "get a running pod":
            settled(shared_api)
            churn(shared_api)
        path = re.sub(r"timeoutSeconds=\d+", "timeoutSeconds=1", path)
        path = path.replace("resourceVersion=3856", f"resourceVersion={version}")
        replies[title] = ask(shared_api, {**entry, "request": {**entry["request"], "path": path}})
        if title.startswith("list: resourceVersion"):
            version = replies[title].json["metadata"]["resourceVersion"]
    return replies


def churn(api: Any) -> None:
    """Changes enough for the first ones to be forgotten."""
    for number in range(60):
        body = {"metadata": {"annotations": {"n": str(number)}}}
        api.ask("PATCH", "/api/v1/namespaces/rec/pods/noimage", body, kind="application/merge-patch+json")
    body = {"metadata": {"annotations": None}}
    api.ask("PATCH", "/api/v1/namespaces/rec/pods/noimage", body, kind="application/merge-patch+json")


@pytest.mark.parametrize("entry", [e for e in OBJECTS if "atch" not in e["title"][:5]], ids=lambda e: e["title"])
def test_an_object_request_is_answered_as_recorded(objects_replayed: dict[str, Any], entry: dict[str, Any]) -> None:
    check(objects_replayed[entry["title"]], entry)


def test_a_watch_shows_the_changes_of_its_label_and_ends_with_a_bookmark(objects_replayed: dict[str, Any]) -> None:
    entry = next(e for e in OBJECTS if e["title"].startswith("watch from that"))
    lines = [json.loads(line) for line in objects_replayed[entry["title"]].body.splitlines()]
    expected = entry["response"]["body"]
    assert [each["object"]["metadata"]["name"] for each in lines if each["type"] == "ADDED"] == ["a", "b"]
    assert {each["type"] for each in lines} == {each["type"] for each in expected}
    assert comparable(lines[-1]) == comparable(expected[-1])


def test_a_watch_from_a_forgotten_version_ends_with_expired(objects_replayed: dict[str, Any]) -> None:
    entry = next(e for e in OBJECTS if e["title"].startswith("watch from a resourceVersion that is too old"))
    reply = objects_replayed[entry["title"]]
    assert reply.status == entry["response"]["status"]
    assert comparable([json.loads(line) for line in reply.body.splitlines()]) == comparable(entry["response"]["body"])


ACCESS = recorded("access.json")
WEAK_REQUESTS = ("forbidden", "allowed to ask")


@pytest.fixture(scope="module")
def access_replayed(shared_api: Any, objects_replayed: dict[str, Any]) -> dict[str, Any]:
    replies = {}
    shared_api.nodes.slow_deletion = True
    for entry in ACCESS:
        title = entry["title"]
        token = "nobody" if "401" in title else "weak" if title.startswith(WEAK_REQUESTS) else None
        if title.startswith("after"):
            for name in ("a", "b", "noimage", "c"):
                shared_api.loop.call_soon_threadsafe(shared_api.store.delete, "pods", "rec", name)
            shared_api.until(entry["request"]["path"], lambda reply: reply.status == 404)
        replies[title] = ask(shared_api, entry, token)
    return replies


@pytest.mark.parametrize("entry", ACCESS, ids=lambda e: e["title"])
def test_access_is_refused_as_recorded(access_replayed: dict[str, Any], entry: dict[str, Any]) -> None:
    check(access_replayed[entry["title"]], entry)


DISCOVERY = recorded("discovery.json")
# The recording was cut to the groups that the lab had then.
LATER = ("admissionregistration.k8s.io",)


def known(body: Any) -> Any:
    """The part of a discovery document that this server has too: fewer subresources, no storage hashes."""
    if isinstance(body, dict) and body.get("kind") == "APIResourceList":
        return {**body, "resources": sorted(body["resources"], key=lambda each: each["name"])}
    if isinstance(body, dict) and body.get("kind") == "APIGroupList":
        groups = [each for each in body["groups"] if each["name"] not in LATER]
        return {**body, "groups": sorted(groups, key=lambda each: each["name"])}
    return body


def prune(value: Any, like: Any) -> Any:
    """`value` without the resources that `like` does not have."""
    if isinstance(value, dict) and value.get("kind") == "APIResourceList":
        names = {each["name"] for each in like["resources"]}
        return {**value, "resources": [each for each in value["resources"] if each["name"] in names]}
    if isinstance(value, dict) and value.get("kind") == "APIGroupDiscoveryList":
        ours = {r["resource"]: r for r in like["items"][0]["versions"][0]["resources"]}
        for resource in value["items"][0]["versions"][0]["resources"]:
            below = ours[resource["resource"]].get("subresources", [])
            names = {each["subresource"] for each in below}
            kept = [each for each in resource.pop("subresources", []) if each["subresource"] in names]
            if kept:
                resource["subresources"] = kept
    return value


@pytest.mark.parametrize("entry", DISCOVERY, ids=lambda e: e["title"])
def test_discovery_is_answered_as_recorded(shared_api: Any, entry: dict[str, Any]) -> None:
    reply = ask(shared_api, entry)
    expected = entry["response"]
    assert reply.status == expected["status"]
    assert reply.headers["Content-Type"].replace("; ", ";") == expected["content-type"].replace("; ", ";")
    if isinstance(expected["body"], str):
        assert reply.body.decode() == expected["body"]
    else:
        assert comparable(known(reply.json)) == comparable(known(prune(expected["body"], reply.json)))
