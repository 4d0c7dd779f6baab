"""nftables rulesets: readable text, which the `nft` program applies inside a namespace as one transaction."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from podwire_lab.kernel.netns import NetworkNamespace

TIMEOUT = 25.0

# Bit of a connection's mark, on all nodes: it leads to a backend of a UDP Service and ends with that backend.
UDP_SERVICE = 0x40000000
SEED = 0x706F6477
"""The seed of all hashes, so that a reloaded table chooses as before."""


class NftMissing(Exception):
    """The machine has no `nft`, so the lab cannot build its data paths."""


class NftError(Exception):
    """`nft` refused a ruleset; the text is that of nft."""


class Transaction:
    """A running `nft` process. Several may run at once; `wait` returns its result."""

    def __init__(self, namespace: NetworkNamespace, ruleset: str) -> None:
        self._name = namespace.name
        with namespace.entered():  # a child starts in the namespace of the thread that forks it
            self._process = subprocess.Popen(
                [program(), "-f", "-"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(ruleset)
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # it has ended; wait() says why
        self._process.stdin = None

    def wait(self) -> None:
        try:
            _, errors = self._process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise NftError(f"nft did not end within {TIMEOUT:g} s in namespace {self._name}") from None
        if self._process.returncode:
            raise NftError(f"nft in namespace {self._name}: {errors.strip()}")


def program() -> str:
    """The path of `nft`: $PODWIRE_NFT, or the first in PATH, the system's directories and the checkout's tools.

    Raises:
        NftMissing: there is none.
    """
    configured = os.environ.get("PODWIRE_NFT")
    # Set-up without root unpacks nft into the checkout (tools/setup).
    unpacked = Path(__file__).parents[3] / ".tools" / "bin"
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin", str(unpacked)))
    program = shutil.which(configured or "nft", path=path)
    if program is None:
        raise NftMissing(f"{configured or 'nft'} not found: install nftables, or name the program in PODWIRE_NFT")
    return program


def apply(namespace: NetworkNamespace, ruleset: str) -> None:
    """Apply a ruleset in a namespace, in one transaction.

    Raises:
        NftMissing: no `nft` program.
        NftError: nft refused the text; nothing has changed.
    """
    Transaction(namespace, ruleset).wait()


def tables(namespace: NetworkNamespace) -> list[str]:
    """The family and name of each table in a namespace (`ip kube-proxy`)."""
    with namespace.entered():
        listed = subprocess.run(
            [program(), "list", "tables"], check=False, capture_output=True, text=True, timeout=TIMEOUT
        )
    if listed.returncode:
        raise NftError(f"nft in namespace {namespace.name}: {listed.stderr.strip()}")
    return [line.removeprefix("table ") for line in listed.stdout.splitlines()]


def table(family: str, name: str, body: str) -> str:
    """Text that replaces a whole table, whether it exists or not."""
    return f"add table {family} {name}\ndelete table {family} {name}\ntable {family} {name} {{\n{body}\n}}\n"


def among(networks: Sequence[str]) -> str:
    """The right side of an address match: one network, or a set of several."""
    return networks[0] if len(networks) == 1 else f"{{ {', '.join(networks)} }}"


def elements(items: Iterable[str]) -> str:
    """The `elements = { .. }` line of a set or map; nothing without elements, because nft refuses an empty line."""
    listed = ", ".join(items)
    return f"elements = {{ {listed} }}" if listed else ""


def verdicts(items: Mapping[str, str]) -> str:
    """The elements of a verdict map."""
    return elements(f"{key} : {verdict}" for key, verdict in items.items())
