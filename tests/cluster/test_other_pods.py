"""The addresses that pods which are not of a run have on its nodes."""

import pytest

from podwire.cluster.discovery.other_pods import addresses_of_others
from podwire.errors import Forbidden


def pod(address="10.0.0.1", namespace="shop", phase="Running", leaves=False, **spec):
    metadata = {"namespace": namespace} | ({"deletionTimestamp": "2026-01-01T00:00:00Z"} if leaves else {})
    addresses = [{"ip": address}, {"ip": "fd00::1"}] if address else []
    return {"metadata": metadata, "spec": spec, "status": {"phase": phase, "podIPs": addresses}}


class Rest:
    """Pods by node."""

    def __init__(self, **pods):
        self.pods = pods

    def list(self, resource, *, fields):
        assert resource == "pods"
        return self.pods[fields.removeprefix("spec.nodeName=")]


def test_all_addresses_of_pods_of_the_nodes_count():
    found = addresses_of_others(Rest(a=[pod()], b=[pod("10.0.0.2")]), ["a", "b"], "podwire-1")
    assert found == {"10.0.0.1", "10.0.0.2", "fd00::1"}


@pytest.mark.parametrize(
    "other",
    [
        pod(namespace="podwire-1"),
        pod(phase="Succeeded"),
        pod(phase="Failed"),
        pod(leaves=True),
        pod(hostNetwork=True),
        {"metadata": {"namespace": "shop"}, "spec": {}, "status": {}},
    ],
)
def test_some_pods_have_none_that_another_could_not_have(other):
    assert addresses_of_others(Rest(a=[other]), ["a"], "podwire-1") == frozenset()


def test_where_pods_may_not_be_read_none_are_known():
    class Closed:
        def list(self, resource, *, fields):
            raise Forbidden("pods", status=403)

    assert addresses_of_others(Closed(), ["a"], "podwire-1") == frozenset()
