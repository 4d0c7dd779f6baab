"""Server-side apply: who owns what, and what happens when two want the same field."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podwire_lab.kube_api.apply import Manager, managers_of, record_update, server_side_apply
from podwire_lab.kube_api.objects.fieldsets import decode, encode
from podwire_lab.kube_api.objects.resources import BY_PLURAL
from podwire_lab.kube_api.objects.status import Conflict

MAPS, PODS = BY_PLURAL["configmaps"], BY_PLURAL["pods"]


def manager(name: str, operation: Any = "Apply") -> Manager:
    return Manager(name=name, operation=operation, api_version="v1")


def config(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": data}


def applied(live: Any, wanted: Any, name: str, *, force: bool = False, resource: Any = MAPS) -> Any:
    live = live or {"apiVersion": "v1", "kind": wanted["kind"], "metadata": {}}
    return server_side_apply(live, wanted, resource, manager(name), force=force)


def test_what_its_manager_lets_go_is_removed() -> None:
    first = applied(None, config(a="1", b="2"), "one")
    assert applied(first, config(a="1"), "one")["data"] == {"a": "1"}


def test_what_another_manager_still_wants_stays() -> None:
    shared = applied(applied(None, config(a="1", b="2"), "one"), config(b="2"), "two")
    assert applied(shared, config(a="1"), "one")["data"] == {"a": "1", "b": "2"}


def test_a_conflict_names_every_owner_and_field() -> None:
    live = applied(applied(None, config(a="1", b="2"), "one"), config(c="3"), "two")
    with pytest.raises(Conflict) as refused:
        applied(live, config(a="9", b="9", c="9"), "three")
    assert refused.value.message == (
        'Apply failed with 3 conflicts: conflicts with "one":\n- .data.a\n- .data.b\nconflicts with "two":\n- .data.c'
    )
    assert len(refused.value.details["causes"]) == 3


def test_force_takes_the_field_from_its_owner() -> None:
    taken = applied(applied(None, config(a="1"), "one"), config(a="2"), "two", force=True)
    assert taken["data"] == {"a": "2"}
    assert [each.name for each in managers_of(taken)] == ["two"]


def test_an_update_takes_ownership_and_then_conflicts_with_apply() -> None:
    first = applied(None, config(a="1"), "one")
    changed = {**first, "metadata": dict(first["metadata"]), "data": {"a": "2"}}
    record_update(first, changed, MAPS, manager("editor", "Update"))
    with pytest.raises(Conflict, match=r'conflict with "editor" using v1 at \S+: \.data\.a'):
        applied(changed, config(a="1"), "one")


def test_containers_are_owned_by_name() -> None:
    def pod(**images: str) -> dict[str, Any]:
        containers = [{"name": name, "image": image} for name, image in images.items()]
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": containers}}

    both = applied(applied(None, pod(a="1"), "one", resource=PODS), pod(b="1"), "two", resource=PODS)
    assert [each["name"] for each in both["spec"]["containers"]] == ["a", "b"]
    with pytest.raises(Conflict, match=r'\.spec\.containers\[name="b"\]\.image'):
        applied(both, pod(a="1", b="2"), "one", resource=PODS)
    left = applied(both, {**pod(), "spec": {}}, "two", resource=PODS)
    assert [each["name"] for each in left["spec"]["containers"]] == ["a"]


def test_applying_the_same_again_changes_nothing() -> None:
    first = applied(None, config(a="1"), "one")
    assert applied(first, config(a="1"), "one") == first


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), st.text("xy", max_size=2), max_size=4),
       st.dictionaries(st.text("abc", min_size=1, max_size=3), st.text("xy", max_size=2), max_size=4))  # fmt: skip
def test_a_forced_apply_always_ends_with_what_was_asked(before: dict[str, str], wanted: dict[str, str]) -> None:
    live = applied(None, config(**before), "one")
    result = applied(live, config(**wanted), "two", force=True)
    assert result["data"] == {**before, **wanted}
    mine = next((entry.fields for each, entry in managers_of(result).items() if each.name == "two"), frozenset())
    assert {path[-1][2:] for path in mine if len(path) == 2} == set(wanted)


PATHS = st.frozensets(st.lists(st.sampled_from(["f:a", "f:b", 'k:{"name":"c"}']), min_size=1, max_size=3).map(tuple))


@given(PATHS)
def test_field_sets_survive_their_encoding(paths: frozenset[tuple[str, ...]]) -> None:
    assert decode(encode(paths)) == paths
