"""Updates the cluster's DNS server with the Services and endpoints of the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from podwire_lab.controllers.controller import Controller
from podwire_lab.model.interfaces import Object, Store


class NameRecords(Controller):
    """Passes Services and EndpointSlices to `set_records` when they change."""

    watches = ("services", "endpointslices")

    def __init__(self, store: Store, set_records: Callable[[Sequence[Object], Sequence[Object]], None]) -> None:
        super().__init__(store)
        self._set_records = set_records

    def reconcile(self) -> None:
        self._set_records(self._store.view("services"), self._store.view("endpointslices"))
