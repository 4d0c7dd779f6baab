"""The tables of protobuf fields against those that the machine's kubectl carries in its program."""

from __future__ import annotations

import re
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from podwire_lab.kube_api.protobuf import _members
from podwire_lab.kube_api.protobuf_fields import MESSAGES

KUBECTL = shutil.which("kubectl")
pytestmark = pytest.mark.skipif(KUBECTL is None, reason="there is no kubectl on this machine")
GROUPS = ("api/core/v1", "api/apps/v1", "api/batch/v1", "api/rbac/v1", "api/policy/v1", "api/authentication/v1",
          "api/authorization/v1", "apimachinery/pkg/apis/meta/v1", "apimachinery/pkg/runtime")  # fmt: skip
OWN_NAMES = {"HostPath": "HostPathVolumeSource", "EmptyDir": "EmptyDirVolumeSource"}
_LABEL, _REPEATED = 4, 3


def descriptors() -> Iterator[bytes]:
    """The FileDescriptorProtos of Kubernetes' groups: Go keeps each compressed in the program."""
    assert KUBECTL is not None
    program = Path(KUBECTL).resolve().read_bytes()
    for found in re.finditer(re.escape(b"\x1f\x8b\x08"), program):
        try:
            plain = zlib.decompressobj(31).decompress(program[found.start() : found.start() + 1_000_000], 4_000_000)
        except zlib.error:
            continue
        if any(plain[2:80].startswith(f"k8s.io/{group}/generated.proto".encode()) for group in GROUPS):
            yield plain


def named(message: bytes) -> str:
    return next(value.decode() for number, value in _members(message) if number == 1 and isinstance(value, bytes))


Table = dict[int, tuple[str, bool]]


@pytest.fixture(scope="module")
def messages() -> dict[str, list[Table]]:
    """Name and repetition of every field, by message and number; several groups have messages of the same name."""
    found: dict[str, list[Table]] = {}
    for plain in descriptors():
        for number, message in _members(plain):
            if number == 4 and isinstance(message, bytes):
                fields = [dict(_members(value)) for at, value in _members(message) if at == 2]
                table = {f[3]: (f[1].decode(), f[_LABEL] == _REPEATED) for f in fields}
                found.setdefault(named(message), []).append(table)
    if not found:
        pytest.skip("this kubectl carries no descriptors: nothing was compared")
    return found


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_a_table_is_the_one_of_kubectl(messages: dict[str, list[Table]], name: str) -> None:
    ours = {number: (field.name, field.form in ("list", "map")) for number, field in MESSAGES[name].items()}
    inline = {number for number, field in MESSAGES[name].items() if field.form == "inline"}
    theirs = [{number: table.get(number) for number in ours} for table in messages[OWN_NAMES.get(name, name)]]
    for table in theirs:
        table.update({number: ours[number] for number in inline})
    assert ours in theirs
