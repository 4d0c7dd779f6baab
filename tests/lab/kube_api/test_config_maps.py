"""ConfigMaps with binary data: what a server takes, lists and refuses."""

from __future__ import annotations

import base64
from typing import Any

import pytest

MAPS = "/api/v1/namespaces/default/configmaps"


def config_map(**more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, **more}


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_binary_data_come_back_as_they_were_and_are_owned_by_key(api: Any) -> None:
    given = {"a.pyz": encoded(bytes(range(256)))}
    body = config_map(binaryData=given, data={"b": "text"})
    made = api.ask("PATCH", f"{MAPS}/m?fieldManager=me", body, kind="application/apply-patch+yaml")
    assert made.status == 201
    assert (made.json["binaryData"], made.json["data"]) == (given, {"b": "text"})
    (owner,) = made.json["metadata"]["managedFields"]
    assert owner["fieldsV1"]["f:binaryData"] == {"f:a.pyz": {}}


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"binaryData": {"a b": ""}}, 'binaryData[a b]: Invalid value: "a b": a valid config key'),
        ({"data": {"a": ""}, "binaryData": {"a": ""}}, 'data[a]: Invalid value: "a": duplicate of key present in'),
        ({"binaryData": {"a": encoded(bytes((1 << 20) + 1))}}, "[]: Too long: may not be more than 1048576 bytes"),
        ({"data": {"a": "x" * (1 << 19), "b": "y" * (1 << 19), "c": "z"}}, "[]: Too long: may not be more than"),
    ],
)
def test_what_no_server_takes(api: Any, more: dict[str, Any], text: str) -> None:
    answer = api.ask("POST", MAPS, config_map(**more))
    assert answer.status == 422
    assert text in answer.json["message"]


def test_a_whole_mebibyte_is_taken_and_lines_in_base64_are(api: Any) -> None:
    text = encoded(bytes(1 << 20))
    assert api.ask("POST", MAPS, config_map(binaryData={"a": f"{text[:76]}\r\n{text[76:]}\n"})).status == 201


def test_what_is_no_base64_is_a_bad_request(api: Any) -> None:
    answer = api.ask("POST", MAPS, config_map(binaryData={"a": "not base64!"}))
    assert answer.status == 400
    assert 'ConfigMap in version "v1" cannot be handled as a ConfigMap' in answer.json["message"]
