"""A client of an API server that is a dictionary, for the tests of Services and changes."""

import copy

from podwire.errors import NotFound


class FakeRest:
    """`objects` are by plural and name. `lag` is how many more reads show a deleted object."""

    def __init__(self, lag=0, refuse=lambda obj: None, on_apply=lambda obj: obj):
        self.objects, self.applied, self.deleted = {}, [], []
        self.lag, self._refuse, self._on_apply = lag, refuse, on_apply
        self._leaving = {}
        self._number = 0

    def apply(self, obj):
        error = self._refuse(obj)
        if error:
            raise error
        self.applied.append(obj)
        made = copy.deepcopy(obj)
        self._number += 1
        spec = made.get("spec", {})
        if made["kind"] == "Service" and spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None":
            spec["clusterIPs"] = [f"10.96.0.{self._number}", f"fd10:96::{self._number}"]
        made = self._on_apply(made)
        self._leaving.pop((f"{made['kind'].lower()}s", made["metadata"]["name"]), None)
        self.objects[f"{made['kind'].lower()}s", made["metadata"]["name"]] = made
        return made

    def get(self, resource, namespace, name):
        key = (resource, name)
        if key in self._leaving:
            self._leaving[key] -= 1
            if self._leaving[key] < 0:
                self.objects.pop(key, None)
        if key not in self.objects:
            raise NotFound(f"no {resource} {name}", status=404)
        return self.objects[key]

    def list(self, resource, namespace=None, **_):
        return [obj for (kind, _), obj in self.objects.items() if kind == resource]

    def delete(self, resource, namespace, name, **_):
        self.deleted.append((resource, name))
        self._leaving[resource, name] = self.lag
        return True
