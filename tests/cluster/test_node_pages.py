"""What podwire reads of Node objects: not their images, and all that discovery needs."""

import json

import pytest
import yaml
from fake_api import kubeconfig, serving
from recorded_clusters import CLUSTERS, NAMES, RecordedCluster

from podwire.cluster.connect import connect
from podwire.cluster.discovery.discover import discover, facts_from_objects
from podwire.cluster.node_pages import NodePage
from podwire.errors import MalformedAnswer
from podwire.files.foreign_json import foreign_json

NODE = {
    "metadata": {
        "name": "n",
        "labels": {"a": "b"},
        "annotations": {"c": "d"},
        "managedFields": [{"manager": "kubelet"}],
    },
    "spec": {"podCIDRs": ["10.0.0.0/24"]},
    "status": {
        "images": [{"names": ["registry.example.com/app:1"], "sizeBytes": 1}],
        "nodeInfo": {"operatingSystem": "linux"},
        "capacity": {"cpu": "4"},
        "volumesInUse": ["v"],
    },
}


def test_images_volumes_and_managed_fields_are_passed_over():
    page = {"kind": "NodeList", "metadata": {"continue": "x"}, "items": [NODE]}
    assert foreign_json(json.dumps(page).encode(), NodePage) == {
        "metadata": {"continue": "x"},
        "items": [
            {
                "metadata": {"name": "n", "labels": {"a": "b"}, "annotations": {"c": "d"}},
                "spec": {"podCIDRs": ["10.0.0.0/24"]},
                "status": {"nodeInfo": {"operatingSystem": "linux"}, "capacity": {"cpu": "4"}},
            }
        ],
    }


@pytest.mark.parametrize(
    "page",
    [{"items": None}, {"items": "none"}, {"items": [{"metadata": {"name": "n"}, "status": None}]}, {"items": [7]}],
    ids=["null", "text", "no-status", "number"],
)
def test_a_page_that_does_not_fit_is_read_as_it_is(page):
    assert foreign_json(json.dumps(page).encode(), NodePage) == page


def test_halves_of_characters_are_replaced_in_nodes_too():
    page = json.dumps({"items": [NODE | {"spec": {"x": "\ud800"}}]}).encode()
    assert foreign_json(page, NodePage)["items"][0]["spec"] == {"x": "?"}


@pytest.mark.parametrize("name", NAMES)
def test_discovery_needs_nothing_else_of_a_node(name):
    """The facts of a recording are the same of whole Node objects and of what is read of them."""
    nodes = yaml.safe_load((CLUSTERS / name / "nodes.yaml").read_text())["items"]
    others = {
        path.stem: yaml.safe_load(path.read_text())["items"]
        for path in (CLUSTERS / name).glob("*.yaml")
        if path.stem not in ("version", "facts", "nodes")
    }
    read = foreign_json(json.dumps({"items": nodes}).encode(), NodePage)["items"]
    assert facts_from_objects({**others, "nodes": read}) == facts_from_objects({**others, "nodes": nodes})


class OddNodes(RecordedCluster):
    """A server with something among its nodes that is none."""

    def answer(self, method, path, query, body):
        if path.endswith("/nodes"):
            return 200, {"items": [NODE, {"metadata": {"name": 7}}]}
        return super().answer(method, path, query, body)


def test_what_is_no_node_is_named_as_before(tmp_path):
    with serving(OddNodes(NAMES[0]).answer) as server:
        connection = connect(kubeconfig(tmp_path / "kubeconfig", server))
        with pytest.raises(MalformedAnswer, match=r"among nodes is no object with a name: .*7"):
            discover(connection)
