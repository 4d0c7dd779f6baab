"""kube-proxy's work: program the Service data path of every node from Services and EndpointSlices."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from podwire_lab.controllers.controller import Controller
from podwire_lab.controllers.service_rules import KnownRules
from podwire_lab.model.interfaces import NodeNetwork, ServiceRule, Store

_LOG = logging.getLogger(__name__)

MIN_SYNC_SECONDS = 0.05
"""Between two loads of a node: kube-proxy's option `--min-sync-period`, which is 1 second there, also gathers changes
that come in a row."""


class ServiceProxy(Controller):
    """Programs the Service data path of every node after a change of Services or endpoints.

    A process of some ten milliseconds loads a node's rules, so threads beside the loop do the work.
    """

    watches = ("services", "endpointslices")

    def __init__(self, store: Store, nodes: Mapping[str, NodeNetwork]) -> None:
        super().__init__(store)
        self._nodes = nodes
        self._known = KnownRules()
        self._written: list[ServiceRule] | None = None
        self._not_before = 0.0
        self._task: asyncio.Task[None] | None = None

    async def settled(self) -> None:
        """Wait until the state at the time of the call is programmed."""
        if self._task is not None:
            await asyncio.shield(self._task)

    def reconcile(self) -> None:
        """Start programming, unless it is under way; that one ends with the store's state of then."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._write())
            self._task.add_done_callback(_log_failure)

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while (rules := self._rules()) != self._written:
            pause = self._not_before - loop.time()
            if pause > 0:
                await asyncio.sleep(pause)
                rules = self._rules()
            await asyncio.gather(*(asyncio.to_thread(node.set_services, rules) for node in self._nodes.values()))
            self._written, self._not_before = rules, loop.time() + MIN_SYNC_SECONDS

    def _rules(self) -> list[ServiceRule]:
        return self._known.of(self._store.view("services"), self._store.view("endpointslices"))


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _LOG.error("the Services of the nodes were not programmed: %s", task.exception(), exc_info=task.exception())
