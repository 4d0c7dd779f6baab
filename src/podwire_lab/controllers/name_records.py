"""Tells the cluster's DNS server what Services and endpoints there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from podwire_lab.controllers.controller import Controller
from podwire_lab.model.interfaces import Object, Store


class NameRecords(Controller):
    """Hands Services and EndpointSlices to `set_records` when they have changed."""

    watches = ("services", "endpointslices")

    def __init__(self, store: Store, set_records: Callable[[Sequence[Object], Sequence[Object]], None]) -> None:
        super().__init__(store)
        self._set_records = set_records

    def reconcile(self) -> None:
        self._set_records(self._store.view("services"), self._store.view("endpointslices"))
