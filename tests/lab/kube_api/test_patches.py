"""RFC 7386 and RFC 6902 by their laws and examples; strategic merge patches by what kubectl sends."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podwire_lab.kube_api.objects.shapes import shape_of
from podwire_lab.kube_api.objects.status import ApiError
from podwire_lab.kube_api.patches import json_patch, merge_patch, strategic_merge_patch

LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=4)
JSON = st.recursive(
    LEAVES, lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=3), below, max_size=3)
)


@given(target=JSON, patch=JSON)
def test_a_merge_patch_twice_is_the_patch_once_and_changes_no_argument(target: Any, patch: Any) -> None:
    before = copy.deepcopy((target, patch))
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once
    assert (target, patch) == before


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_rfc_7386(target: Any, patch: Any, result: Any) -> None:
    assert merge_patch(target, patch) == result


@given(document=st.dictionaries(st.text(max_size=3), JSON, max_size=3), key=st.text(max_size=4), value=JSON)
def test_what_a_json_patch_adds_it_finds_and_removes_again(document: Any, key: str, value: Any) -> None:
    pointer = "/" + key.replace("~", "~0").replace("/", "~1")
    added = json_patch(document, [{"op": "add", "path": pointer, "value": value}])
    assert json_patch(added, [{"op": "test", "path": pointer, "value": value}]) == added
    without = {name: item for name, item in document.items() if name != key}
    assert json_patch(added, [{"op": "remove", "path": pointer}]) == without


@pytest.mark.parametrize(
    ("document", "operations", "result"),
    [
        ({"foo": ["bar", "baz"]}, [{"op": "add", "path": "/foo/1", "value": "qux"}], {"foo": ["bar", "qux", "baz"]}),
        ({"foo": ["a"]}, [{"op": "add", "path": "/foo/-", "value": ["b"]}], {"foo": ["a", ["b"]]}),
        ({"a": {"b": 1}, "c": {}}, [{"op": "move", "from": "/a/b", "path": "/c/d"}], {"a": {}, "c": {"d": 1}}),
        ({"a": [1]}, [{"op": "copy", "from": "/a", "path": "/b"}], {"a": [1], "b": [1]}),
        ({"a": 1}, [{"op": "replace", "path": "", "value": {"x": 2}}], {"x": 2}),
    ],
)
def test_the_operations_of_rfc_6902(document: Any, operations: Any, result: Any) -> None:
    assert json_patch(document, operations) == result


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/none"},
        {"op": "replace", "path": "/none", "value": 1},
        {"op": "test", "path": "/a", "value": True},
        {"op": "add", "path": "/list/9", "value": 1},
        {"op": "add", "path": "a", "value": 1},
        {"op": "add", "path": "/a/b", "value": 1},
        {"op": "turn", "path": "/a"},
        {"op": "move", "from": "/list", "path": "/list/0"},
        {"op": "add", "path": "/b"},
    ],
)
def test_an_operation_that_cannot_be_done_is_refused(operation: dict[str, Any]) -> None:
    with pytest.raises(ApiError):
        json_patch({"a": 1, "list": [1]}, [operation])


def pod(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"spec": {"containers": list(containers), **spec}}


def patched(target: Any, patch: Any) -> Any:
    return strategic_merge_patch(target, patch, shape_of("pods"))


def test_containers_merge_by_name_and_their_lists_by_their_keys() -> None:
    before = pod({"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]}, {"name": "b"})
    patch = pod({"name": "a", "image": "2", "env": [{"name": "Y", "value": "2"}]})
    [first, second] = patched(before, patch)["spec"]["containers"]
    assert first == {"name": "a", "image": "2", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]}
    assert second == {"name": "b"}


def test_directives_delete_replace_and_order() -> None:
    before = pod({"name": "a"}, {"name": "b"}, volumes=[{"name": "v", "emptyDir": {}}])
    assert patched(before, pod({"name": "a", "$patch": "delete"}))["spec"]["containers"] == [{"name": "b"}]
    assert patched(before, pod({"$patch": "replace"}, {"name": "c"}))["spec"]["containers"] == [{"name": "c"}]
    ordered = {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}}
    assert [each["name"] for each in patched(before, ordered)["spec"]["containers"]] == ["b", "a"]
    volume = {"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x"}}
    assert patched(before, {"spec": {"volumes": [volume]}})["spec"]["volumes"] == [
        {"name": "v", "hostPath": {"path": "/x"}}
    ]
    marked = {"metadata": {"finalizers": ["x", "y"]}}
    assert patched(marked, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x"]}}) == {
        "metadata": {"finalizers": ["y"]}
    }


def test_a_list_without_a_key_is_replaced_and_null_removes() -> None:
    before = pod(tolerations=[{"key": "a"}], nodeName="n1")
    assert patched(before, {"spec": {"tolerations": [{"key": "b"}], "nodeName": None}}) == pod(
        tolerations=[{"key": "b"}]
    )


def test_an_item_without_its_merge_key_is_refused() -> None:
    with pytest.raises(ApiError, match="merge key: name"):
        patched(pod(), pod({"image": "x"}))
