"""How the rules of Services reach the kernel: in several tables, of which only changed ones are loaded.

An nft process can send as much as a socket buffers, some 400 kB without root: the kernel refuses a few hundred Services
in one transaction as a whole. A reload also resets the state of a table (affinity), so it should touch few other
Services.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping

from podwire_lab.kernel import nft
from podwire_lab.kernel.netns import NetworkNamespace
from podwire_lab.model.interfaces import ServiceRule

SHARDS = 8
LONGEST = 40_000
"""Characters of rules in one transaction; as netlink messages they are up to six times as long."""


def sharded(services: Iterable[ServiceRule]) -> dict[int, list[ServiceRule]]:
    """Services by the number of their table, which depends on the name alone."""
    rules_by_key: dict[int, list[ServiceRule]] = {}
    for service in services:
        rules_by_key.setdefault(zlib.crc32(service.name.encode()) % SHARDS, []).append(service)
    return rules_by_key


class Tables:
    """The tables of one namespace, by family and name (`ip kube-proxy`)."""

    def __init__(self, namespace: NetworkNamespace) -> None:
        self._namespace = namespace
        self._applied: dict[str, str] = {}

    def apply(self, rules: Mapping[str, str]) -> bool:
        """Load the tables of `rules`, each with its whole body. False if nothing changed.

        Raises:
            NftError: nft refused a text; the tables of that transaction are unchanged.
        """
        changed = {table: body for table, body in rules.items() if self._applied.get(table) != body}
        obsolete = self._applied.keys() - rules.keys()
        for batch in _batches([*obsolete, *changed], changed):
            nft.apply(self._namespace, "".join(_replaced(table, rules.get(table)) for table in batch))
            for table in batch:
                if table in rules:
                    self._applied[table] = rules[table]
                else:
                    del self._applied[table]
        return bool(changed or obsolete)


def _replaced(table: str, body: str | None) -> str:
    if body is None:
        return f"delete table {table}\n"
    family, name = table.split()
    return nft.table(family, name, body)


def _batches(tables: Iterable[str], bodies: Mapping[str, str]) -> list[list[str]]:
    batches: list[list[str]] = []
    length = LONGEST
    for table in tables:
        length += len(bodies.get(table, ""))
        if length >= LONGEST:
            batches.append([])
            length = len(bodies.get(table, ""))
        batches[-1].append(table)
    return batches
