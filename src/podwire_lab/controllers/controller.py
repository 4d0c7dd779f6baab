"""The base of the controllers: watch resources of the store, and reconcile a few milliseconds after a change."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Set
from typing import ClassVar

from podwire_lab.model.interfaces import EVERY_KIND, EventKind, Store

_LOG = logging.getLogger(__name__)

DEBOUNCE_SECONDS = 0.003
SHARE = 5
"""A controller that reads the whole store after each of many changes in a row would fill the loop. So it pauses for so
many times as long as it took."""
LONGEST_PAUSE = 0.1
"""Seconds: the machine may be busy with something else."""


class Controller(ABC):
    """One job of the control plane, on the lab's loop, until the lab ends.

    A subclass names the resources that it `watches`, by plural name, and the kinds of change that it `reacts_to`. One
    reconciliation covers all changes since the last. A failure is logged, and the next change tries again.
    """

    watches: ClassVar[tuple[str, ...]]
    reacts_to: ClassVar[Set[EventKind]] = EVERY_KIND

    def __init__(self, store: Store) -> None:
        self._store = store
        self._due: asyncio.TimerHandle | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._not_before = 0.0

    def start(self) -> None:
        """Reconcile once, and from then on after each change."""
        for resource in self.watches:
            self._store.on_change(resource, self._changed, self.reacts_to)
        self.reconcile()

    @abstractmethod
    def reconcile(self) -> None:
        """Bring what the controller owns to the state of the store. A second call changes nothing."""

    def _again_in(self, seconds: float) -> None:
        """Reconcile then, too, without a change: for what time alone makes true. The earliest of several counts."""
        loop = asyncio.get_running_loop()
        if self._alarm is not None and loop.time() < self._alarm.when() <= loop.time() + seconds:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = loop.call_later(seconds, self._changed)

    def _changed(self) -> None:
        if self._due is None:
            loop = asyncio.get_running_loop()
            self._due = loop.call_at(max(loop.time() + DEBOUNCE_SECONDS, self._not_before), self._run)

    def _run(self) -> None:
        self._due = None
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            self.reconcile()
        except Exception:
            _LOG.exception("%s: reconciliation failed", type(self).__name__)
        ended = loop.time()
        self._not_before = ended + min(SHARE * (ended - began), LONGEST_PAUSE)
