"""The store: copies, versions, order of notifications, history."""

from __future__ import annotations

from typing import Any

import pytest

from podwire_lab.kube_api.objects.status import AlreadyExists, Conflict, Expired, NotFound
from podwire_lab.kube_api.objects.store import MemoryStore
from podwire_lab.model.interfaces import Event, Store


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(window=4)


def config_map(name: str = "a", **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "x", "labels": {"run": name}}, "data": data}


def test_it_is_the_store_of_the_lab(store: MemoryStore) -> None:
    seam: Store = store
    assert seam.list("pods") == []


def test_a_created_object_has_kind_identity_and_version(store: MemoryStore) -> None:
    made = store.create("configmaps", config_map())
    assert (made["kind"], made["apiVersion"]) == ("ConfigMap", "v1")
    assert made["metadata"].keys() >= {"uid", "resourceVersion", "creationTimestamp"}
    with pytest.raises(AlreadyExists):
        store.create("configmaps", config_map())


def test_objects_go_in_and_out_as_copies(store: MemoryStore) -> None:
    given = config_map(k="v")
    made = store.create("configmaps", given)
    given["data"]["k"] = made["data"]["k"] = "changed"
    assert store.list("configmaps", "x", {"run": "a"})[0]["data"] == {"k": "v"}


def test_a_stale_update_is_a_conflict_and_a_missing_object_not_found(store: MemoryStore) -> None:
    made = store.create("configmaps", config_map())
    store.update("configmaps", {**made, "data": {"k": "1"}})
    with pytest.raises(Conflict):
        store.update("configmaps", {**made, "data": {"k": "2"}})
    with pytest.raises(NotFound):
        store.update("configmaps", config_map("none"))


def test_changing_nothing_is_not_an_event(store: MemoryStore) -> None:
    made = store.create("configmaps", config_map())
    events: list[Event] = []
    store.subscribe("configmaps", events.append)
    assert store.update("configmaps", made) == made
    assert events == []


def test_a_change_of_the_spec_counts_a_generation(store: MemoryStore) -> None:
    made = store.create("pods", {"metadata": {"name": "p", "namespace": "x"}, "spec": {"containers": []}})
    running = store.update("pods", {**made, "status": {**made["status"], "phase": "Running"}})
    bound = store.update("pods", {**running, "spec": {**running["spec"], "nodeName": "n"}})
    assert [each["metadata"]["generation"] for each in (made, running, bound)] == [1, 1, 2]


def test_subscribers_see_changes_in_order_also_when_one_of_them_writes(store: MemoryStore) -> None:
    seen: list[tuple[str, str]] = []

    def answers(event: Event) -> None:
        if event.kind == "ADDED":
            store.update("configmaps", {**event.object, "data": {"seen": "yes"}})

    store.subscribe("configmaps", answers)
    end = store.subscribe("configmaps", lambda event: seen.append((event.kind, event.object["metadata"]["name"])))
    store.create("configmaps", config_map())
    store.delete("configmaps", "x", "a")
    assert seen == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    end()
    store.create("configmaps", config_map())
    assert len(seen) == 3


def test_a_failing_subscriber_does_not_hurt_the_others(store: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Event] = []
    store.subscribe("configmaps", lambda event: event.nothing)  # type: ignore[attr-defined]
    store.subscribe("configmaps", seen.append)
    store.create("configmaps", config_map())
    assert len(seen) == 1
    assert "a watcher of configmaps failed" in caplog.text


def test_forgotten_history_is_expired(store: MemoryStore) -> None:
    start = store.version
    for number in range(5):
        store.create("configmaps", config_map(f"m{number}"))
    assert [each.stored.object["metadata"]["name"] for each in store.since("configmaps", start + 1)] == [
        "m1", "m2", "m3", "m4",
    ]  # fmt: skip
    with pytest.raises(Expired, match="too old resource version"):
        store.since("configmaps", start)


def test_a_generated_name_begins_as_asked(store: MemoryStore) -> None:
    made = store.create("events", {"metadata": {"generateName": "pod.", "namespace": "x"}})
    assert made["metadata"]["name"].startswith("pod.")
    assert len(made["metadata"]["name"]) == 9
