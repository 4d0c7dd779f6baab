"""Objects in protobuf: what kubectl sends by itself, byte by byte, and what cannot be read."""

from __future__ import annotations

import pytest

from podwire_lab.kube_api.objects.status import UnsupportedMediaType
from podwire_lab.kube_api.protobuf import decode
from podwire_lab.kube_api.protobuf_fields import MESSAGES

SCALARS = {"bool", "bytes", "ignored", "int", "string", "IntOrString", "Quantity", "Time"}


def number(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def text(at: int, data: bytes | str) -> bytes:
    data = data.encode() if isinstance(data, str) else data
    return number(at << 3 | 2) + number(len(data)) + data


def integer(at: int, value: int) -> bytes:
    return number(at << 3) + number(value)


def envelope(kind: str, raw: bytes, version: str = "v1") -> bytes:
    return b"k8s\0" + text(1, text(1, version) + text(2, kind)) + text(2, raw) + text(3, "") + text(4, "")


def named(name: str) -> bytes:
    """ObjectMeta as Go writes it: empty members and the zero time included."""
    return text(1, text(1, name) + text(2, "") + text(3, "") + integer(7, 0) + text(8, b""))


def test_an_object_is_what_its_json_would_be() -> None:
    pair = text(1, "colour") + text(2, "red")
    body = envelope("ConfigMap", named("settings") + text(2, pair))
    assert decode(body, "ConfigMap") == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings"},
        "data": {"colour": "red"},
    }


def test_a_zero_counts_where_the_api_has_a_pointer_and_nowhere_else() -> None:
    spec = integer(1, 0) + integer(5, 0)
    read = decode(envelope("Deployment", named("web") + text(2, spec), "apps/v1"), "Deployment")
    assert read["spec"] == {"replicas": 0}


def test_bytes_are_base64_and_ports_are_numbers_or_names() -> None:
    pair = text(1, "k") + text(2, b"\xff\x00")
    assert decode(envelope("Secret", named("s") + text(2, pair)), "Secret")["data"] == {"k": "/wA="}
    by_number = text(1, integer(3, 80) + text(4, integer(1, 0) + integer(2, 8080) + text(3, "")))
    by_name = text(1, integer(3, 81) + text(4, integer(1, 1) + integer(2, 0) + text(3, "http")))
    service = decode(envelope("Service", named("s") + text(2, by_number + by_name)), "Service")
    assert [port["targetPort"] for port in service["spec"]["ports"]] == [8080, "http"]


def test_a_negative_number_and_a_time_are_read() -> None:
    spec = integer(1, (1 << 64) - 1)
    assert decode(envelope("Job", named("j") + text(2, spec), "batch/v1"), "Job")["spec"] == {"parallelism": -1}
    meta = text(1, text(1, "n") + text(8, integer(1, 1_700_000_000)))
    assert decode(envelope("Namespace", meta), "Namespace")["metadata"]["creationTimestamp"] == "2023-11-14T22:13:20Z"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{}", "magic number"),
        (envelope("Gadget", b""), "no table of this kind's fields"),
        (envelope("Namespace", text(99, "x")), "field 99 of Namespace is unknown"),
        (envelope("Namespace", b"\x0a\x7fx"), "cut short"),
        (envelope("Namespace", b"\x0d\0\0\0\0"), "wire type 5"),
        (envelope("Namespace", b"\xff" * 12), "number is too long"),
        (envelope("Namespace", integer(1, 5)), "a number where a message was expected"),
        (envelope("Deployment", text(2, text(1, "x"))), "a message where a number was expected"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_way_that_works(body: bytes, why: str) -> None:
    with pytest.raises(UnsupportedMediaType, match=why) as refused:
        decode(body, "Namespace")
    assert refused.value.code == 415
    assert "--dry-run=client -o yaml" in refused.value.message


def test_every_message_that_a_field_names_has_a_table() -> None:
    named_types = {field.type for fields in MESSAGES.values() for field in fields.values()}
    assert named_types <= MESSAGES.keys() | SCALARS
