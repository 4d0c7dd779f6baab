"""The base of the controllers of workloads."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from podwire_lab.controllers.controller import Controller
from podwire_lab.controllers.workloads.dependents import Dependents, deleting
from podwire_lab.kube_api.objects.status import ApiError
from podwire_lab.kube_api.objects.store import MemoryStore
from podwire_lab.model.cni_notes import EMULATED
from podwire_lab.model.interfaces import Object

_LOG = logging.getLogger(__name__)


class WorkloadController(Controller):
    """Brings each object of its `resource` nearer to what it says. `component` is who its events are from.

    An object that the store refuses to change at the moment waits for the next change, and holds up no other.
    """

    resource: ClassVar[str]
    component: ClassVar[str]

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self._dependents = Dependents(store, self.component)

    def reconcile(self) -> None:
        for obj in self._in_order(self._store.view(self.resource)):
            if deleting(obj) or EMULATED in (obj["metadata"].get("annotations") or {}):
                continue
            try:
                self._sync(obj)
            except ApiError as problem:
                _LOG.info("%s %s: %s", self.resource, obj["metadata"]["name"], problem)

    def _in_order(self, objects: Sequence[Object]) -> Sequence[Object]:
        """The objects in the order in which their steps are taken."""
        return objects

    @abstractmethod
    def _sync(self, owner: Object) -> None:
        """The next steps for one object that is not being deleted. Doing it twice changes nothing."""

    def _wake_after(self, waits: list[float | None]) -> None:
        """Reconcile again when the first pod that is ready becomes available."""
        later = [wait for wait in waits if wait]
        if later:
            self._again_in(min(later))
