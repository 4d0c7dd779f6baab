"""How many addresses nodes must have ready, by the settings of the controller and the pods that there are."""

import pytest
from facts_by_row import cluster_with, node_with

from podwire.cluster.discovery.warm_addresses import wanted_addresses
from podwire.errors import Forbidden, NotFound

NOTE = "vpc.amazonaws.com/PrivateIPv4Address"


class Rest:
    """A ConfigMap, and pods by node."""

    def __init__(self, settings, **pods):
        self.settings, self.pods = settings, pods

    def get(self, resource, namespace, name):
        assert (resource, namespace, name) == ("configmaps", "kube-system", "amazon-vpc-cni")
        if self.settings is None:
            raise NotFound(name, status=404)
        return {"data": self.settings}

    def list(self, resource, *, fields):
        assert resource == "pods"
        return self.pods[fields.removeprefix("spec.nodeName=")]


def pod(noted, phase="Running"):
    return {"metadata": {"annotations": {NOTE: noted}}, "status": {"phase": phase}}


def facts(ipam="vpc-secondary", **offered):
    return cluster_with(
        ipam=ipam, nodes=[node_with(name=name, os="windows", vpc_addresses=n) for name, n in offered.items()]
    )


def test_addresses_that_pods_have_count_and_those_of_ended_pods_do_not():
    pods = [pod("10.0.0.5/20"), pod("10.0.0.6/20"), pod("10.0.0.7/20", "Succeeded"), pod("nonsense"), {"metadata": {}}]
    rest = Rest({"windows-warm-ip-target": "4"}, w1=pods, w2=[])
    assert wanted_addresses(rest, facts(w1=9, w2=9, l1=None)) == {"w1": 6, "w2": 4}


def test_a_node_need_not_have_more_than_it_offers():
    assert wanted_addresses(Rest({"windows-warm-ip-target": "40"}, w1=[]), facts(w1=9)) == {"w1": 9}


def test_without_settings_the_documented_ones_count():
    assert wanted_addresses(Rest(None, w1=[]), facts(w1=9)) == {"w1": 3}
    assert wanted_addresses(Rest(None, w1=[pod("10.0.0.20/20")]), facts("vpc-prefix", w1=144)) == {"w1": 16}


def test_elsewhere_nobody_is_asked():
    assert wanted_addresses(None, facts("host-local", w1=9)) == {}
    assert wanted_addresses(None, facts(l1=None)) == {}


@pytest.mark.parametrize("method", ["get", "list"])
def test_where_it_may_not_be_read_nothing_is_known(monkeypatch, method):
    def refuse(*_, **__):
        raise Forbidden("no", status=403)

    rest = Rest({}, w1=[])
    monkeypatch.setattr(rest, method, refuse)
    assert wanted_addresses(rest, facts(w1=9)) == {}
