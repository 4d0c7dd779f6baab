"""What all controllers share: when they reconcile, and that one failure does not end them."""

import asyncio

import pytest

from podwire_lab.controllers.controller import Controller
from podwire_lab.kube_api.objects.store import MemoryStore


def config_map(name, **more):
    return {"metadata": {"name": name, "namespace": "x"}, **more}


class Counting(Controller):
    watches = ("configmaps",)

    def __init__(self, store, failing=0):
        super().__init__(store)
        self.seen, self.failing, self.woken = [], failing, asyncio.Event()

    def reconcile(self):
        self.seen.append([each["metadata"]["name"] for each in self._store.view("configmaps")])
        self.woken.set()
        if self.failing and len(self.seen) == self.failing:
            raise ValueError("on purpose")

    async def reconciled(self):
        self.woken.clear()
        async with asyncio.timeout(5):
            await self.woken.wait()


class OnDeletion(Counting):
    reacts_to = frozenset({"DELETED"})


def test_several_changes_at_once_are_one_reconciliation():
    async def scenario():
        store = MemoryStore()
        store.create("configmaps", config_map("before"))
        controller = Counting(store)
        controller.start()
        store.create("configmaps", config_map("one"))
        store.create("configmaps", config_map("two"))
        await controller.reconciled()
        return controller.seen

    assert asyncio.run(scenario()) == [["before"], ["before", "one", "two"]]


def test_a_reconciliation_that_fails_is_logged_and_the_next_change_is_another_try(caplog: pytest.LogCaptureFixture):
    async def scenario():
        store = MemoryStore()
        controller = Counting(store, failing=2)
        controller.start()
        for name in ("one", "two"):
            store.create("configmaps", config_map(name))
            await controller.reconciled()
        return controller.seen

    assert asyncio.run(scenario()) == [[], ["one"], ["one", "two"]]
    assert "Counting: reconciliation failed" in caplog.text
    assert "on purpose" in caplog.text


def test_a_controller_reacts_to_the_kinds_of_change_that_it_names_and_to_no_others():
    async def scenario():
        store = MemoryStore()
        controller = OnDeletion(store)
        controller.start()
        made = store.create("configmaps", config_map("a"))
        store.update("configmaps", {**made, "data": {"k": "v"}})
        assert controller._due is None
        store.delete("configmaps", "x", "a")
        await controller.reconciled()
        return controller.seen

    assert asyncio.run(scenario()) == [[], []]
