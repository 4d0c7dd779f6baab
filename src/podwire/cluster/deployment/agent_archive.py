"""The agent as it is shipped: one file, which any Python from 3.8 on runs (a zipapp), made of the package `agent`.

It holds the sources, and beside each the byte code of the Python that makes it. zipimport takes byte code of its own
Python that is said to need no check, and compiles the source where Python is another one. The same sources and the
same Python make the same bytes.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import io
import marshal
import struct
import sys
import zipfile
from collections.abc import Iterator

from podwire.content import agent_folder

_PACKAGE = "podwire/agent"
_UNCHECKED_HASH = 0b01
"""The flags of byte code that is bound to its source by a hash, and believed without one (PEP 552)."""


@functools.cache
def agent_archive() -> bytes:
    """The bytes of `agent.pyz`, some 170 kB: a ConfigMap has room for 1 MiB (kubernetes.io: "ConfigMaps")."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, source in sorted(_sources()):
            _add(archive, name, source)
            _add(archive, f"{name}c", _byte_code(name, source))
    return made.getvalue()


@functools.cache
def agent_digest() -> str:
    """SHA-256 of the archive, by which an agent that answers is known (`podwire.agent.own_file.own_digest`)."""
    return f"sha256:{hashlib.sha256(agent_archive()).hexdigest()}"


def _sources() -> Iterator[tuple[str, bytes]]:
    """The modules by their place in the archive, where what the package runs as stands at the top."""
    yield "podwire/__init__.py", b""
    for path in agent_folder().rglob("*.py"):
        place = path.relative_to(agent_folder()).as_posix()
        yield (place if place == "__main__.py" else f"{_PACKAGE}/{place}"), path.read_bytes()


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name)  # of 1 January 1980, wherever and whenever it is made
    entry.create_system, entry.external_attr = 3, 0o644 << 16
    archive.writestr(entry, data, zipfile.ZIP_DEFLATED)


def _byte_code(name: str, source: bytes) -> bytes:
    for number in range(256):
        sys.intern(chr(number))  # One object in the whole process, and marshal notes whether somebody interned it.
    code = compile(source, name, "exec", dont_inherit=True, optimize=0)
    head = importlib.util.MAGIC_NUMBER + struct.pack("<I", _UNCHECKED_HASH) + importlib.util.source_hash(source)
    return head + marshal.dumps(code)
